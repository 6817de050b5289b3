"""Backups: everything that is stored, as of one position of the log, in another place.

A place for backups looks like this::

    packs/<space>/<aa>/<pack id>   the packs, under the names that they have anyway, so each is copied once
    backups/<id>.json              what belongs to one backup, signed: its position, its packs, its catalog
    keys.ccb                       the keyring; rewritten with each backup and never part of one
    appliance.json                 whose backups these are, signed: no two appliances share a place, nor do two
                                   installations of one, which have the same keys since one was restored from the
                                   other's backups

The catalog is the snapshot of the database, stored as content of a domain of its own: cut, deduplicated against the
catalogs before it, and sealed. The keyring holds nothing but sealed boxes; whoever has the key file or the recovery
code can restore, and whoever destroys a key in ``keys.ccb`` makes what it sealed unreadable in every backup at once.
"""

import contextlib
import hashlib
import json
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from cloudconnect.kernel.text import N_
from cloudconnect.storage import place_mark, signatures
from cloudconnect.storage.backends import Backend, Documents
from cloudconnect.storage.errors import BackupDamaged, MarkAltered, NoSuchBackup, PlaceInUse, PlaceTaken
from cloudconnect.storage.index import Place, StoredPack
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.packs import pack_id_of, pack_name, verify
from cloudconnect.storage.place_mark import Mark
from cloudconnect.storage.seal import Malformed

CATALOG_DOMAIN: Final = hashlib.sha256(b"CloudConnect/v1/catalog").digest()[:16]
"""The key domain of catalogs, the same in every appliance; its keys are each appliance's own."""

KEYS_FILE: Final = "keys.ccb"
_FORMAT: Final = 1
SIGNATURE_KEY: Final = "backup-signature"
"""The service key that signs backups, and the marks of their places."""

_FIRST_SIGNER: Final = 1
_DIRECTORY: Final = "backups"
_SUFFIX: Final = ".json"


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

    def pack_ids(self) -> set[bytes]:
        """Return the ids of all packs that it needs, those of its catalog among them."""
        return {pack.pack_id for pack in self.packs} | {place.pack_id for place in self.places.values()}


class Shelf(Backend, Documents, Protocol):
    """Where backups can be kept: packs, and the documents beside them."""


class BackupPlace:
    """A place that holds backups of one appliance; *name* is what people call it, *spool* a directory for copies.

    *installation* is ours (``storage.installation``).
    """

    def __init__(self, name: str, shelf: Shelf, spool: Path, installation: str) -> None:
        self.name = name
        self.shelf = shelf
        self.spool = spool
        self._installation = installation
        self.is_signed = False
        """Whether its mark is known to be signed: then none without a signature is taken any more."""

    def claim(self, keyring: Keyring, *, is_taken_over: bool = False) -> str:
        """Make this the place of this installation of the appliance that *keyring* belongs to; return whose it was.

        That is empty where no installation had claimed it. Another installation's, or one whose mark was altered, is
        only taken with *is_taken_over*.

        Raises:
            PlaceTaken: it is another appliance's.
            PlaceInUse: it is another installation's.
            MarkAltered: its mark is not what an appliance wrote.
        """
        mark = self._mark()
        if mark is None or self._is_altered(mark):
            self._require_free(mark, keyring, is_taken_over=is_taken_over)
        elif mark.appliance not in _appliances(keyring):
            raise self._taken()
        elif mark.installation not in {"", self._installation} and not is_taken_over:
            raise PlaceInUse(
                N_("{place} holds the backups of the installation that this one was restored from, or of its copy."),
                fix=N_(
                    "Name another place. If that installation is gone for good: cloudconnect backup place claim {place}"
                ),
                place=self.name,
            )
        newest = place_mark.write(keyring.service_key(SIGNATURE_KEY), self._installation)
        if self.shelf.get_document(place_mark.FILE) != newest:
            self.shelf.put_document(place_mark.FILE, newest)
        return "" if mark is None else mark.installation

    def is_empty(self) -> bool:
        """Tell whether nobody has claimed the place and no backup is here."""
        return self._mark() is None and not self.ids()

    def is_ours(self, keyring: Keyring) -> bool:
        """Tell whether this installation has claimed the place, or did before installations were told apart."""
        mark = self._mark()
        if mark is None or self._is_altered(mark):
            return False
        return mark.installation in {"", self._installation} and mark.appliance in _appliances(keyring)

    def _mark(self) -> Mark | None:
        held = self.shelf.get_document(place_mark.FILE)
        return None if held is None else place_mark.read(held)

    def _is_altered(self, mark: Mark) -> bool:
        return not mark.is_signed and (self.is_signed or not mark.is_bare)

    def _require_free(self, mark: Mark | None, keyring: Keyring, *, is_taken_over: bool) -> None:
        """Return if what is here speaks for us where the mark does not, and nobody has to be asked."""
        if mark is not None and not is_taken_over:
            raise MarkAltered(
                N_("The mark of {place}, which says whose backups these are, is not what an appliance wrote."),
                fix=N_(
                    "See who can write there. If the backups there are yours: cloudconnect backup place claim {place}"
                ),
                place=self.name,
            )
        if not self._is_free(keyring):
            raise self._taken()

    def _taken(self) -> PlaceTaken:
        return PlaceTaken(
            N_("{place} holds the backups of another appliance."),
            fix=N_("Name another directory, bucket or prefix."),
            place=self.name,
        )

    def _is_free(self, keyring: Keyring) -> bool:
        """Tell whether nothing is here, or a backup of ours."""
        ids = self.ids()
        for identifier in ids:
            with contextlib.suppress(BackupDamaged):
                return bool(self.get(identifier, keyring).id)
        return not ids

    def ids(self) -> list[str]:
        """Return the ids of the backups here, oldest first."""
        names = self.shelf.find_documents(_DIRECTORY)
        return sorted(Path(name).stem for name in names if name.endswith(_SUFFIX))

    def get(self, identifier: str, keyring: Keyring) -> Backup:
        """Return a backup.

        Raises:
            NoSuchBackup: there is none of this id here.
            BackupDamaged: its description is not what this keyring's appliance wrote.
        """
        data = self.shelf.get_document(_document(identifier))
        if data is None:
            raise NoSuchBackup(
                N_("There is no backup “{id}” in {place}."),
                fix=N_("See which there are: cloudconnect backup list {place}"),
                id=identifier,
                place=self.name,
            )
        try:
            document = json.loads(data)
            text, signature = document["backup"], bytes.fromhex(document["signature"])
            signer = keyring.service_keys(SIGNATURE_KEY)[document.get("signer", _FIRST_SIGNER)]
            if not signatures.is_signed(signatures.public_key(signer), text, signature):
                raise ValueError("another signature")  # noqa: TRY301 - it is refused like all that is wrong with it
            return _parse(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise BackupDamaged(
                N_("The description of the backup “{id}” is not what was written."),
                fix=N_("Use another backup: cloudconnect backup list {place}"),
                id=identifier,
                place=self.name,
            ) from error

    def add(self, backup: Backup, keyring: Keyring) -> None:
        """Write down a backup whose packs are all here; from then on it exists."""
        text = json.dumps(_describe(backup), sort_keys=True)
        version, signer = next(iter(keyring.service_keys(SIGNATURE_KEY).items()))
        signed = {"backup": text, "signer": version, "signature": signatures.sign(signer, text).hex()}
        self.shelf.put_document(_document(backup.id), json.dumps(signed).encode())

    def remove(self, identifier: str) -> None:
        """Forget a backup; its packs stay until :meth:`remove_packs`."""
        self.shelf.delete(_document(identifier))

    def put_keys(self, keyring: Keyring) -> None:
        """Write the copy of the keyring anew: keys that were destroyed are in it no longer."""
        self.shelf.put_document(KEYS_FILE, keyring.copy())

    def get_keys(self) -> bytes:
        """Return the copy of the keyring.

        Raises:
            NoSuchBackup: there is none.
        """
        keys = self.shelf.get_document(KEYS_FILE)
        if keys is None:
            raise NoSuchBackup(
                N_("{place} holds no backups."), fix=N_("Name the place that they were made in."), place=self.name
            )
        return keys

    def has_catalog_pack(self, pack_id: bytes) -> bool:
        """Tell whether a pack of catalogs is here, and whole."""
        size = self.shelf.size(pack_name(CATALOG_DOMAIN, pack_id))
        return size is not None and is_whole(self.shelf, StoredPack(pack_id, CATALOG_DOMAIN, size), lambda: None)

    def set_aside(self, pack: StoredPack) -> None:
        """Move a damaged pack away, so that the next backup copies it anew."""
        name = pack_name(pack.domain, pack.pack_id)
        if self.shelf.size(name) is not None:
            self.shelf.set_aside(name)

    def remove_packs(self, keep: Collection[bytes], check: Callable[[], None], *, is_trial: bool) -> tuple[int, int]:
        """Remove every pack whose id is not in *keep*, or, for a *trial*, none; return how many and their bytes."""
        count = size = 0
        for name, pack_bytes in list(self.shelf.names()):
            found = pack_id_of(name)
            if found is None or found[1] in keep:
                continue
            check()
            if not is_trial:
                self.shelf.delete(name)
            count += 1
            size += pack_bytes
        return count, size


def is_whole(backend: Backend, pack: StoredPack, check: Callable[[], None]) -> bool:
    """Tell whether *pack* is in *backend*, and is what its name says; *check* is called between reads."""
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


def _appliances(keyring: Keyring) -> set[str]:
    """Return how the marks of places name this appliance, or named it before its key was replaced."""
    return {signatures.public_key(key).hex() for key in keyring.service_keys(SIGNATURE_KEY).values()}


def _document(identifier: str) -> str:
    return f"{_DIRECTORY}/{Path(identifier).name}{_SUFFIX}"


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
