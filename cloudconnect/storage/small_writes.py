"""Streams that are here as a whole: many of them are stored with one look-up."""

import threading
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple

from cloudconnect.storage.ingest import Ingest
from cloudconnect.storage.repository import Repository

_BATCH: Final = 128
_BATCH_BYTES: Final = 8 << 20


class _SmallWrite(NamedTuple):
    ingest: Ingest
    pieces: list[bytes]
    size: int


class SmallWrites:
    """Streams that are here as a whole: each engine thread takes many at once, with one look-up for all of them."""

    def __init__(self, repository: Repository, pool: ThreadPoolExecutor, threads: int) -> None:
        self._writer = repository.writer
        self._pool = pool
        self._threads = threads
        self._lock = threading.Lock()
        self._waiting: deque[_SmallWrite] = deque()
        self._at_work = 0

    def add(self, ingest: Ingest, pieces: list[bytes]) -> None:
        """Store a stream; the future of its ingest answers."""
        with self._lock:
            self._waiting.append(_SmallWrite(ingest, pieces, sum(map(len, pieces))))
            is_enough = self._at_work == self._threads
            self._at_work += not is_enough
        if not is_enough:
            self._pool.submit(self._work)

    def _work(self) -> None:
        while batch := self._take():
            self._store(batch)

    def _take(self) -> list[_SmallWrite]:
        batch: list[_SmallWrite] = []
        size = 0
        with self._lock:
            while self._waiting and len(batch) < _BATCH and size < _BATCH_BYTES:
                batch.append(self._waiting.popleft())
                size += batch[-1].size
            self._at_work -= not batch
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
        except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for one of these streams
            for write in batch:
                write.ingest.fail(error)
        for write in batch:
            try:
                self._writer.finish(write.ingest)
            except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for this stream
                write.ingest.fail(error)
