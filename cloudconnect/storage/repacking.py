"""Copying records into new packs: what gc does with sparse packs, repair with damaged ones and reseal with old keys.

A record is copied as it is, sealed, or sealed anew, after it has been proven whole; its row changes its place only if
nobody changed it meanwhile. So copying can be broken off at any moment: what was copied and not settled is an orphan
of the next start.
"""

import secrets
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, Protocol, TypeVar

from cloudconnect.storage import life
from cloudconnect.storage.again import read_again
from cloudconnect.storage.backends import Source, place_of
from cloudconnect.storage.index import CHUNK_KEY_BYTES, Place, Sql, StoredPack
from cloudconnect.storage.life import Move
from cloudconnect.storage.packs import PackWriter, pack_name
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.seal import Buffer, DomainKeys, Malformed, NotAuthentic, RecordHeader, Sealer, open_header

Result = TypeVar("Result")


class Store(Protocol):
    """The index, as what looks after the store in a thread of its own uses it."""

    def read(self, ask: Callable[[Sql], Result]) -> Result:
        """Return what *ask* finds in one snapshot."""
        ...

    def write(self, change: Callable[[Sql, int], Result]) -> Result:
        """Return what *change* does in a durable transaction; it is told the time in milliseconds since 1970."""
        ...


class Progress(Protocol):
    """What such work tells, and by what it is interrupted (``ports.operations.Progress``)."""

    @property
    def checkpoint(self) -> str:
        """What an earlier run kept before it was interrupted."""
        ...

    def report(self, done: int, total: int, note: str = "") -> None:
        """Tell how much is done."""
        ...

    def keep(self, checkpoint: str) -> None:
        """Keep where a later run may begin."""
        ...

    def check(self) -> None:
        """Return unless the work has to end; raise what ends it."""
        ...


class Located(NamedTuple):
    """A chunk of the index: its key, the number of the pack it lies in, that pack's id, and where in it."""

    key: bytes
    number: int
    place: Place


class Repacker:
    """Copies records of one domain at a time into new packs of about *pack_bytes*."""

    def __init__(self, repository: Repository, store: Store, pack_bytes: int) -> None:
        self._spool = repository.spool
        self._backend = repository.backend
        self._health = repository.health
        self._sealer = Sealer(repository.codec)
        self._store = store
        self._pack_bytes = pack_bytes

    def move(
        self, keys: DomainKeys, chunks: Iterable[Located], sources: Sequence[Source] = (), *, reseal: bool = False
    ) -> tuple[int, int]:
        """Give each of *chunks* that is whole a place in a new pack; return how many moved and how many are damaged.

        Records are read from *sources*, by default from where packs rest; the places are the same in every copy. With
        *reseal* they are not copied as they are but sealed with the newest key of the domain.
        """
        moved = damaged = 0
        target: _Target | None = None
        try:
            for chunk in chunks:
                opened = self._open(keys, chunk.key, chunk.place, sources)
                if opened is None:
                    damaged += 1
                    continue
                record = self._resealed(keys, opened) if reseal else opened.record
                epoch = int.from_bytes(record[:4], "big")
                if target is not None and not target.takes(epoch, self._pack_bytes):
                    moved, target = moved + self._settle(target), None
                with self._health.writing():
                    target = target or self._new_target(keys, epoch)
                    target.add(chunk, record)
            if target is not None:
                moved, target = moved + self._settle(target), None
        finally:
            if target is not None:
                target.writer.discard()
        return moved, damaged

    def whole_record(self, keys: DomainKeys, key: bytes, place: Place, sources: Sequence[Source] = ()) -> bytes | None:
        """Return the record at *place*, of the first copy that is, in every byte, the chunk *key*; None without one."""
        opened = self._open(keys, key, place, sources)
        return None if opened is None else opened.record

    def _open(self, keys: DomainKeys, key: bytes, place: Place, sources: Sequence[Source]) -> "_Opened | None":
        tries = sources or (self._backend,)
        return next(filter(None, (self._open_in(keys, key, place, source) for source in tries)), None)

    def _open_in(self, keys: DomainKeys, key: bytes, place: Place, source: Source) -> "_Opened | None":
        name = pack_name(keys.space, place.pack_id)
        try:
            record = read_again(lambda: source.read(name, place.offset, place.length))
            header = open_header(keys, record)
            if header.content_id[:CHUNK_KEY_BYTES] != key:
                return None
            return _Opened(record, header, self._sealer.unseal(keys, record, header.content_id))
        except (OSError, NotAuthentic, Malformed):
            return None

    def _resealed(self, keys: DomainKeys, opened: "_Opened") -> Buffer:
        header = opened.header
        return self._sealer.seal(keys, keys.epoch, header.kind, header.content_id, opened.raw)[0]

    def _new_target(self, keys: DomainKeys, epoch: int) -> "_Target":
        return _Target(PackWriter(self._spool / secrets.token_hex(16), keys, epoch=epoch), keys.space)

    def _settle(self, target: "_Target") -> int:
        with self._health.writing():
            pack_id = target.writer.finish()
        name = pack_name(target.space, pack_id)
        self._backend.put(name, target.writer.path)
        pack = StoredPack(pack_id, target.space, target.writer.size, place_of(self._backend, name))
        return self._store.write(lambda sql, _: life.move_chunks(sql, pack, target.moves))


class _Opened(NamedTuple):
    """A record that is whole, what its header says, and the plain bytes in it."""

    record: bytes
    header: RecordHeader
    raw: bytes


class _Target:
    """A pack that records are copied into."""

    def __init__(self, writer: PackWriter, space: bytes) -> None:
        self.writer = writer
        self.space = space
        self.moves: list[Move] = []

    def takes(self, epoch: int, pack_bytes: int) -> bool:
        return self.writer.epoch == epoch and self.writer.size <= pack_bytes

    def add(self, chunk: Located, record: Buffer) -> None:
        offset = self.writer.copy(record, chunk.place.raw_length)
        self.moves.append(Move(chunk.key, chunk.number, offset, len(record)))
