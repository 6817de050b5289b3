"""Small streams that are here as a whole: those for one space go in together, by one thread from look-up to disk."""

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from cloudconnect.storage.ingest import Ingest
from cloudconnect.storage.writer import Writer

_BATCH: Final = 128
_BATCH_BYTES: Final = 8 << 20
_LANES: Final = 8  # they wait for the disk more than for a processor


class _SmallWrite(NamedTuple):
    ingest: Ingest
    pieces: list[bytes]
    size: int


class SmallWrites:
    """A lane for each space that is being written to: a thread that takes all that waits, and makes it durable.

    What comes while it waits for the disk is its next batch. Waking a thread takes as long as sealing a small file, so
    one does everything, and nobody is woken who would find it at work already.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._pool = ThreadPoolExecutor(_LANES, thread_name_prefix="small")
        self._lock = threading.Lock()
        self._lanes: dict[bytes, deque[_SmallWrite]] = {}

    def add(self, space: bytes, ingest: Ingest, pieces: list[bytes]) -> None:
        """Store a stream into *space*; the future of its ingest answers."""
        write = _SmallWrite(ingest, pieces, sum(map(len, pieces)))
        with self._lock:
            lane = self._lanes.get(space)
            if lane is not None:
                lane.append(write)
                return
            self._lanes[space] = deque([write])
        self._pool.submit(self._work, space)

    def close(self) -> None:
        """Wait until everything is stored, and end the threads."""
        self._pool.shutdown()

    def _work(self, space: bytes) -> None:
        while batch := self._take(space):
            self._store(batch)

    def _take(self, space: bytes) -> list[_SmallWrite]:
        batch: list[_SmallWrite] = []
        size = 0
        with self._lock:
            lane = self._lanes[space]
            while lane and len(batch) < _BATCH and size < _BATCH_BYTES:
                batch.append(lane.popleft())
                size += batch[-1].size
            if not batch:
                del self._lanes[space]
        return batch

    def _store(self, batch: list[_SmallWrite]) -> None:
        cuts = []
        for write in batch:
            try:
                cuts += write.ingest.cut(write.pieces, is_last=True)
            except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for this stream
                write.ingest.fail(error)
        try:
            self._writer.store(cuts)
            self._writer.finish_here([write.ingest for write in batch])
        except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for one of these streams
            for write in batch:
                write.ingest.fail(error)
