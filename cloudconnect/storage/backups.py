"""Making backups, proving them, and restoring everything from one (``backup_places`` says what a place looks like)."""

import hashlib
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

from cloudconnect.kernel.text import N_
from cloudconnect.storage.backends import Backend
from cloudconnect.storage.backup_places import CATALOG_DOMAIN, Backup, BackupPlace, is_whole
from cloudconnect.storage.disk import Floor, Health, make_directory, open_new, sync_directory
from cloudconnect.storage.errors import BackupDamaged
from cloudconnect.storage.index import Place, StoredPack
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.repacking import Progress
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.seal import Codec

_PIECE_BYTES: Final = 4 << 20


class BackupMaker:
    """Makes backups of one repository."""

    def __init__(
        self, repository: Repository, snapshot: Callable[[Path], int], packs: "ReadPacks", hold: "Hold"
    ) -> None:
        self._repository = repository
        self._snapshot = snapshot
        self._packs = packs
        self._hold = hold
        self.keys_lock = threading.Lock()
        """Held while the keyring is copied to a place, so that no copy is older than one that was there before."""

    def run(
        self, place: BackupPlace, identifier: str, created: str, version: str, progress: Progress
    ) -> tuple[Backup, int]:
        """Copy what is missing at *place* and write down a backup as of this moment.

        Return it with the number of packs that are damaged here and not part of it.
        """
        keyring = self._repository.keyring
        # Both make keys the first time, and the copy of the keyring has to hold them.
        keyring.add_domain(CATALOG_DOMAIN)
        place.claim(keyring)
        file = self._repository.spool / f"snapshot-{secrets.token_hex(8)}"
        try:
            with self._hold():
                position = self._snapshot(file)
                packs, damaged = self._copy(place, tuple(self._packs(file)), progress)
            catalog, places = self._store_catalog(place, file)
        finally:
            file.unlink(missing_ok=True)
        with self.keys_lock:
            place.put_keys(keyring)
        backup = Backup(identifier, created, position, version, packs, catalog, places)
        place.add(backup, keyring)
        return backup, damaged

    def _copy(
        self, place: BackupPlace, packs: tuple[StoredPack, ...], progress: Progress
    ) -> tuple[tuple[StoredPack, ...], int]:
        """Copy what *place* lacks; return the packs that are there now, and how many could not be copied whole."""
        total = sum(pack.size for pack in packs)
        done = 0
        copied = []
        there = dict(place.shelf.names())
        for pack in packs:
            progress.check()
            name = pack_name(pack.domain, pack.pack_id)
            try:
                if there.get(name) != pack.size:
                    copy_pack(self._repository.backend, place.shelf, pack, place.spool, progress.check)
                copied.append(pack)
            except BackupDamaged:
                # The rest is worth having all the more; what this pack held is told as damaged after a restore.
                progress.report(done, total, "a pack is damaged")
            done += pack.size
            progress.report(done, total, "copying")
        return tuple(copied), len(packs) - len(copied)

    def _known_chunks(self, place: BackupPlace) -> dict[bytes, Place]:
        """Return the chunks of the newest catalog at *place*, as far as their packs are whole."""
        for identifier in reversed(place.ids()):
            try:
                known = place.get(identifier, self._repository.keyring).places
            except BackupDamaged:
                continue
            whole = {
                pack_id for pack_id in {each.pack_id for each in known.values()} if place.has_catalog_pack(pack_id)
            }
            return {key: each for key, each in known.items() if each.pack_id in whole}
        return {}

    def _store_catalog(self, place: BackupPlace, file: Path) -> tuple[bytes, dict[bytes, Place]]:
        known = self._known_chunks(place)
        store = Repository(
            place.spool,
            place.shelf,
            self._repository.keyring,
            find=lambda keys: known.keys() & set(keys),
            locate=lambda keys: {key: known[key] for key in keys if key in known},
            health=Health(),
            floor=Floor(place.spool, 0),
        )
        try:
            content = store.write(CATALOG_DOMAIN, _pieces(file))
        finally:
            store.close()
        places = {key: known[key] for key in content.reused} | dict(content.chunks)
        return content.manifest, places


ReadPacks = Callable[[Path], Iterator[StoredPack]]
"""Returns the packs that a snapshot of the database names."""

Hold = Callable[[], AbstractContextManager[object]]
"""Keeps gc from removing packs meanwhile."""


def copy_pack(source: Backend, target: Backend, pack: StoredPack, spool: Path, check: Callable[[], None]) -> None:
    """Copy *pack* from one backend to another, proving on the way that it is what its name says.

    Raises:
        BackupDamaged: it is not.
    """
    name = pack_name(pack.domain, pack.pack_id)
    path = spool / secrets.token_hex(16)
    digest = hashlib.sha256()
    try:
        with open(open_new(path), "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
            for offset in range(0, pack.size, _PIECE_BYTES):
                check()
                piece = _read(source, name, offset, min(_PIECE_BYTES, pack.size - offset))
                digest.update(piece)
                file.write(piece)
        if digest.digest() != pack.pack_id:
            raise BackupDamaged(
                N_("The pack {pack} is damaged."), fix=N_("Run: cloudconnect scrub"), pack=pack.pack_id.hex()
            )
        target.put(name, path)
    finally:
        path.unlink(missing_ok=True)


def restore_packs(
    place: BackupPlace, backup: Backup, target: Backend, spool: Path, report: Callable[[int, int], None]
) -> None:
    """Copy every pack of *backup* that *target* lacks; *report* is told the bytes done and in all.

    Raises:
        BackupDamaged: one is missing or is not what its name says.
    """
    make_directory(spool)
    done = 0
    for pack in backup.packs:
        if target.size(pack_name(pack.domain, pack.pack_id)) != pack.size:
            copy_pack(place.shelf, target, pack, spool, _go_on)
        done += pack.size
        report(done, backup.size)


def restore_catalog(place: BackupPlace, backup: Backup, keyring: Keyring, codec: Codec, path: Path) -> None:
    """Write the database of *backup* to a new file at *path*.

    Raises:
        ContentDamaged: a part of it cannot be had as it was written.
    """
    places = backup.places
    reader = Reader(place.shelf, keyring, codec, lambda keys: {key: places[key] for key in keys if key in places})
    with open(open_new(path), "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        file.writelines(reader.read(CATALOG_DOMAIN, backup.catalog))
    sync_directory(path.parent)


def verify_packs(place: BackupPlace, backup: Backup, progress: Progress) -> list[StoredPack]:
    """Read every pack of *backup* and return those that are missing or changed."""
    damaged = []
    done = 0
    for pack in backup.packs:
        progress.check()
        if not is_whole(place.shelf, pack, progress.check):
            damaged.append(pack)
        done += pack.size
        progress.report(done, backup.size, "reading")
    return damaged


def _go_on() -> None:
    """Check nothing: this copying is interrupted from the terminal."""


def _read(source: Backend, name: str, offset: int, length: int) -> bytes:
    """Return a range of an object, nothing where it is missing: the digest tells."""
    try:
        return source.read(name, offset, length)
    except OSError:
        return b""


def _pieces(file: Path) -> Iterator[bytes]:
    with file.open("rb") as source:
        while piece := source.read(_PIECE_BYTES):
            yield piece
