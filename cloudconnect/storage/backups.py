"""Backups: everything that is stored, as of one position of the log, in another place.

A place for backups looks like this::

    packs/<space>/<aa>/<pack id>   the packs, under the names that they have anyway, so each is copied once
    backups/<id>.json              what belongs to one backup, signed: its position, its packs, its catalog
    keys.ccb                       the keyring; rewritten with each backup and never part of one

The catalog is the snapshot of the database, stored as content of a domain of its own: cut, deduplicated against the
catalogs before it, and sealed. The keyring holds nothing but sealed boxes; whoever has the key file or the recovery
code can restore, and whoever destroys a key in ``keys.ccb`` makes what it sealed unreadable in every backup at once.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from cloudconnect.kernel.text import N_
from cloudconnect.storage.backends import Backend
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.disk import Floor, Health, make_directory, open_new, sync_directory, write_file
from cloudconnect.storage.errors import BackupDamaged, NoSuchBackup
from cloudconnect.storage.index import Place, StoredPack
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.packs import pack_name, verify
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.repacking import Progress
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.seal import Codec, Malformed

CATALOG_DOMAIN: Final = hashlib.sha256(b"CloudConnect/v1/catalog").digest()[:16]
"""The key domain of catalogs, the same in every appliance; its keys are each appliance's own."""

KEYS_FILE: Final = "keys.ccb"
_FORMAT: Final = 1
_PIECE_BYTES: Final = 4 << 20
_SIGNATURE_KEY: Final = "backup-signature"


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup as its signed description says; sizes in bytes."""

    id: str
    created: str
    position: int
    version: str
    packs: tuple[StoredPack, ...]
    catalog: bytes
    places: dict[bytes, Place]

    @property
    def size(self) -> int:
        """How many bytes its packs have."""
        return sum(pack.size for pack in self.packs)


class BackupPlace:
    """A directory that holds backups of one appliance."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.backend = LocalBackend(root, Health())

    def make(self) -> None:
        """Make the directories."""
        for name in ("backups", "packs", "tmp"):
            make_directory(self.root / name)
        for left in (self.root / "tmp").iterdir():
            left.unlink()

    def ids(self) -> list[str]:
        """Return the ids of the backups here, oldest first."""
        directory = self.root / "backups"
        return sorted(path.stem for path in directory.glob("*.json")) if directory.is_dir() else []

    def get(self, identifier: str, keyring: Keyring) -> Backup:
        """Return a backup.

        Raises:
            NoSuchBackup: there is none of this id here.
            BackupDamaged: its description is not what this keyring's appliance wrote.
        """
        try:
            document = json.loads((self.root / "backups" / f"{Path(identifier).name}.json").read_bytes())
            text, signature = document["backup"], bytes.fromhex(document["signature"])
            _signer(keyring).public_key().verify(signature, text.encode())
            return _parse(json.loads(text))
        except FileNotFoundError:
            raise NoSuchBackup(
                N_("There is no backup “{id}” in {place}."),
                fix=N_("See which there are: cloudconnect backup list {place}"),
                id=identifier,
                place=str(self.root),
            ) from None
        except (ValueError, KeyError, TypeError, InvalidSignature) as error:
            raise BackupDamaged(
                N_("The description of the backup “{id}” is not what was written."),
                fix=N_("Use another backup: cloudconnect backup list {place}"),
                id=identifier,
                place=str(self.root),
            ) from error

    def has_catalog_pack(self, pack_id: bytes) -> bool:
        """Tell whether a pack of catalogs is here, and whole."""
        size = self.backend.size(pack_name(CATALOG_DOMAIN, pack_id))
        return size is not None and _is_whole(self.backend, StoredPack(pack_id, CATALOG_DOMAIN, size), _go_on)

    def set_aside(self, pack: StoredPack) -> None:
        """Move a damaged pack away, so that the next backup copies it anew."""
        name = pack_name(pack.domain, pack.pack_id)
        if self.backend.size(name) is not None:
            self.backend.set_aside(name)

    def add(self, backup: Backup, keyring: Keyring) -> None:
        """Write down a backup whose packs are all here; from then on it exists."""
        text = json.dumps(_describe(backup), sort_keys=True)
        signature = _signer(keyring).sign(text.encode()).hex()
        document = json.dumps({"backup": text, "signature": signature}).encode()
        write_file(self.root / "backups" / f"{backup.id}.json", document)


class BackupMaker:
    """Makes backups of one repository."""

    def __init__(
        self, repository: Repository, snapshot: Callable[[Path], int], packs: "ReadPacks", hold: "Hold"
    ) -> None:
        self._repository = repository
        self._snapshot = snapshot
        self._packs = packs
        self._hold = hold

    def run(
        self, place: BackupPlace, identifier: str, created: str, version: str, progress: Progress
    ) -> tuple[Backup, int]:
        """Copy what is missing at *place* and write down a backup as of this moment.

        Return it with the number of packs that are damaged here and not part of it.
        """
        place.make()
        keyring = self._repository.keyring
        # Both make keys the first time, and the copy of the keyring has to hold them.
        keyring.add_domain(CATALOG_DOMAIN)
        _signer(keyring)
        file = self._repository.spool / f"snapshot-{secrets.token_hex(8)}"
        try:
            with self._hold():
                position = self._snapshot(file)
                packs, damaged = self._copy(place, tuple(self._packs(file)), progress)
            catalog, places = self._store_catalog(place, file)
        finally:
            file.unlink(missing_ok=True)
        write_file(place.root / KEYS_FILE, keyring.copy())
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
        for pack in packs:
            progress.check()
            name = pack_name(pack.domain, pack.pack_id)
            try:
                if place.backend.size(name) != pack.size:
                    copy_pack(self._repository.backend, place.backend, pack, place.root / "tmp", progress.check)
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
            place.root,
            place.backend,
            self._repository.keyring,
            find=lambda keys: known.keys() & set(keys),
            locate=lambda keys: {key: known[key] for key in keys if key in known},
            health=Health(),
            floor=Floor(place.root, 0),
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
            copy_pack(place.backend, target, pack, spool, _go_on)
        done += pack.size
        report(done, backup.size)


def restore_catalog(place: BackupPlace, backup: Backup, keyring: Keyring, codec: Codec, path: Path) -> None:
    """Write the database of *backup* to a new file at *path*.

    Raises:
        ContentDamaged: a part of it cannot be had as it was written.
    """
    places = backup.places
    reader = Reader(place.backend, keyring, codec, lambda keys: {key: places[key] for key in keys if key in places})
    with open(open_new(path), "wb", buffering=0) as file:  # noqa: PTH123 - a descriptor
        file.writelines(reader.read(CATALOG_DOMAIN, backup.catalog))
    sync_directory(path.parent)


def verify_packs(place: BackupPlace, backup: Backup, progress: Progress) -> list[StoredPack]:
    """Read every pack of *backup* and return those that are missing or changed."""
    damaged = []
    done = 0
    for pack in backup.packs:
        progress.check()
        if not _is_whole(place.backend, pack, progress.check):
            damaged.append(pack)
        done += pack.size
        progress.report(done, backup.size, "reading")
    return damaged


def _go_on() -> None:
    """Check nothing: this copying is interrupted from the terminal."""


def _is_whole(backend: Backend, pack: StoredPack, check: Callable[[], None]) -> bool:
    name = pack_name(pack.domain, pack.pack_id)
    try:
        if backend.size(name) != pack.size:
            return False
        verify(_Stored(backend, name, pack.size, check), pack.pack_id)
    except (Malformed, OSError):
        return False
    return True


class _Stored:
    def __init__(self, backend: Backend, name: str, size: int, check: Callable[[], None]) -> None:
        self.size = size
        self._backend = backend
        self._name = name
        self._check = check

    def read(self, offset: int, length: int) -> bytes:
        """Return a range."""
        self._check()
        return self._backend.read(self._name, offset, length)


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


def _signer(keyring: Keyring) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(keyring.service_key(_SIGNATURE_KEY).secret)


def _describe(backup: Backup) -> Mapping[str, object]:
    return {
        "format": _FORMAT,
        "id": backup.id,
        "created": backup.created,
        "position": backup.position,
        "version": backup.version,
        "packs": [[pack.pack_id.hex(), pack.domain.hex(), pack.size] for pack in backup.packs],
        "catalog": backup.catalog.hex(),
        "places": {key.hex(): [place.pack_id.hex(), *place[1:]] for key, place in backup.places.items()},
    }


def _parse(document: dict[str, Any]) -> Backup:
    if document["format"] != _FORMAT:
        raise ValueError("another format")
    return Backup(
        document["id"],
        document["created"],
        document["position"],
        document["version"],
        tuple(StoredPack(bytes.fromhex(name), bytes.fromhex(domain), size) for name, domain, size in document["packs"]),
        bytes.fromhex(document["catalog"]),
        {bytes.fromhex(key): Place(bytes.fromhex(place[0]), *place[1:]) for key, place in document["places"].items()},
    )
