"""Moving packs from one backend to another while they are read and new ones come in."""

import secrets
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Final

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.storage import packs, places
from cloudconnect.storage.backends import forget
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.disk import Spool
from cloudconnect.storage.index import StoredPack
from cloudconnect.storage.packs import pack_id_of, pack_name
from cloudconnect.storage.repacking import Progress, Store
from cloudconnect.storage.seal import Malformed

_BATCH: Final = 64
_BLOCK_BYTES: Final = 4 << 20


class UnknownBackend(Invalid):
    """There is no backend of this name, or it is named twice."""

    code = "storage.unknown-backend"
    title = N_("There is no such storage")


class Migration:
    """Moves every pack of one backend to another. It may be interrupted at any moment and reversed at any time.

    New packs go to the target from the start. Each pack is copied, proven against its id, which is the digest of its
    bytes, and kept by the target before its row changes, in one transaction; only then is the old copy removed. So
    there is always a whole copy where the row says, and a run that begins again goes on with the rows that are left.
    Readers that looked the row up before find the pack in the other backend (``FleetBackend``).
    """

    def __init__(self, fleet: FleetBackend, spool: Path, store: Store) -> None:
        self._fleet = fleet
        self._spool = spool
        self._store = store

    def run(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Move the packs of the backend ``source`` to the backend ``target``, both among *parameters*.

        Packs that cannot be proven stay where they are, as scrub and repair may heal them there, and are counted.

        Raises:
            UnknownBackend: there is no such backend, or both are the same.
        """
        source, target = self._ends(parameters)
        self._store.write(lambda sql, _: places.aim(sql, target))
        self._fleet.aim(target)
        total = self._left(source)
        moved = moved_bytes = damaged = after = 0
        while batch := self._store.read(partial(places.find_packs_in, backend=source, after=after, limit=_BATCH)):
            for number, pack in batch:
                progress.check()
                after = number
                if self._move(pack, target, progress):
                    moved += 1
                    moved_bytes += pack.size
                else:
                    damaged += 1
                progress.report(moved_bytes, max(total, moved_bytes), "moving packs")
        self._drain(source, target, progress)
        return {"packs_moved": moved, "moved_bytes": moved_bytes, "packs_damaged": damaged}

    def check(self, parameters: Mapping[str, str]) -> None:
        """Return if packs could move as *parameters* say.

        Raises:
            UnknownBackend: there is no such backend, or both are the same.
        """
        self._ends(parameters)

    def _ends(self, parameters: Mapping[str, str]) -> tuple[str, str]:
        source, target = (self._known(parameters.get(name, "")) for name in ("source", "target"))
        if source == target:
            raise unknown_backend(target)
        return source, target

    def _known(self, name: str) -> str:
        if name not in self._fleet.backends:
            raise unknown_backend(name)
        return name

    def _left(self, source: str) -> int:
        holding = self._store.read(places.find_holdings).get(source)
        return holding.size if holding else 0

    def _move(self, pack: StoredPack, target: str, progress: Progress) -> bool:
        name, spool = pack_name(pack.domain, pack.pack_id), self._spool / secrets.token_hex(16)
        try:
            self._copy(name, pack, spool, progress)
            self._fleet.backends[target].put(name, spool)
        except (Malformed, OSError):
            return False
        finally:
            spool.unlink(missing_ok=True)
        is_there = self._store.write(lambda sql, _: places.switch(sql, pack.pack_id, target))
        if not is_there:
            # Gc has ended the pack meanwhile and must not find that it came back.
            self._fleet.delete(name)
            return True
        self._fleet.note(name, target)
        for other, backend in self._fleet.backends.items():
            if other != target:
                backend.delete(name)
        return True

    def _drain(self, source: str, target: str, progress: Progress) -> None:
        """Remove old copies that an earlier run left when it was stopped between the row and the removal."""
        for name, size in list(self._fleet.backends[source].names()):
            progress.check()
            found = pack_id_of(name)
            if found is None or self._store.read(partial(places.find_place, pack_id=found[1])) != target:
                continue
            if self._fleet.backends[target].size(name) == size:
                self._fleet.backends[source].delete(name)

    def _copy(self, name: str, pack: StoredPack, path: Path, progress: Progress) -> None:
        forget(self._fleet, name)
        spool = Spool(path)
        try:
            for offset in range(0, pack.size, _BLOCK_BYTES):
                progress.check()
                spool.write(self._fleet.read(name, offset, min(_BLOCK_BYTES, pack.size - offset)))
            spool.finish()
        finally:
            spool.close()
        packs.verify(_Copy(path), pack.pack_id)


class _Copy:
    """A file as a source of bytes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.size = path.stat().st_size

    def read(self, offset: int, length: int) -> bytes:
        with self._path.open("rb") as file:
            file.seek(offset)
            return file.read(length)


def unknown_backend(name: str) -> UnknownBackend:
    """Return the refusal of a name that no backend has, or that must be another one."""
    return UnknownBackend(
        N_("“{name}” is no storage that packs could move from or to."),
        fix=N_("See which there are: cloudconnect storage list"),
        name=name,
    )
