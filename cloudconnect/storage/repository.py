"""The repository: one directory of packs with its keyring, and what has to happen before it is used again."""

import contextlib
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.errors import Unavailable
from cloudconnect.storage.backends import Backend, find_away
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.disk import Floor, Health, make_directory
from cloudconnect.storage.index import StoredPack
from cloudconnect.storage.ingest import StoredContent
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.packs import pack_id_of, pack_name
from cloudconnect.storage.reader import Locate, Reader
from cloudconnect.storage.seal import Codec
from cloudconnect.storage.writer import Find, Writer, WriterOptions

_BUFFER_BYTES: Final = 4 << 20


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """What start-up recovery found; ``missing`` are those of the ``damaged`` packs that are not there at all."""

    removed_spools: int
    damaged: tuple[StoredPack, ...]
    orphans: tuple[str, ...]
    missing: tuple[StoredPack, ...] = ()


class Repository:
    """Writer and reader over one backend. *find* and *locate* answer from the index and may be called in any thread."""

    def __init__(
        self,
        home: Path,
        backend: Backend,
        keyring: Keyring,
        find: Find,
        locate: Locate,
        *,
        health: Health,
        floor: Floor | None = None,
        codec: Codec | None = None,
        options: WriterOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.spool = home / "tmp"
        make_directory(self.spool)
        self.backend = backend
        self.keyring = keyring
        self.health = health
        self.codec = codec or ZstdCodec()
        self.writer = Writer(
            self.spool,
            backend,
            keyring,
            self.codec,
            find,
            health=health,
            floor=floor or Floor(home),
            options=options or WriterOptions(),
        )
        self.reader = Reader(backend, keyring, self.codec, locate, clock)

    def write(self, space: bytes, pieces: Iterable[bytes]) -> StoredContent:
        """Store a stream in the calling thread and return once every byte is durable.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: the store takes no changes.
            NoDomain: there are no keys for the space.
        """
        ingest = self.writer.begin(space)
        try:
            for buffer, is_last in _buffers(pieces):
                self.writer.store(ingest.cut(buffer, is_last=is_last))
            return self.writer.finish(ingest).result()
        finally:
            ingest.end()

    def read(self, space: bytes, manifest: bytes, start: int = 0, stop: int | None = None) -> Iterator[bytes]:
        """Yield the plain bytes of a range; see :meth:`Reader.read`."""
        return self.reader.read(space, manifest, start, stop)

    def recover(
        self, known: Callable[[], Iterable[StoredPack]], dead: Callable[[], Iterable[StoredPack]] = tuple
    ) -> RecoveryReport:
        """Bring the disk and the index together after a stop of any kind (SECURITY.md, section 5.2).

        What was being written is removed, and so are *dead* packs; packs that the index does not know move under
        ``orphan/``; packs that are missing or of another size are reported, for the caller to mark. Of backends that
        do not answer nothing is said. Only before the first write; doing it again changes nothing.
        """
        removed = 0
        for path in self.spool.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
            removed += 1
        for each in dead():
            # What is out of reach is removed by a later start, as a pack that the index does not know.
            with contextlib.suppress(Unavailable):
                self.backend.delete(pack_name(each.domain, each.pack_id))
        missing = {pack_name(pack.domain, pack.pack_id): pack for pack in known()}
        orphans, changed = [], set()
        for name, size in list(self.backend.names()):
            pack = missing.get(name)
            if pack is not None:
                if pack.size == size:
                    del missing[name]
                else:
                    changed.add(pack.pack_id)
            elif pack_id_of(name) is not None:
                self.backend.set_aside(name)
                orphans.append(name)
        away = find_away(self.backend)
        damaged = tuple(pack for pack in missing.values() if pack.backend not in away)
        gone = tuple(pack for pack in damaged if pack.pack_id not in changed)
        return RecoveryReport(removed, damaged, tuple(orphans), gone)

    def close(self) -> None:
        """Finish what is being written and end the threads."""
        self.writer.close()


def _buffers(pieces: Iterable[bytes]) -> Iterator[tuple[list[bytes], bool]]:
    gathered: list[bytes] = []
    size = 0
    for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= _BUFFER_BYTES:
            yield gathered, False
            gathered, size = [], 0
    yield gathered, True
