"""The keyring: the keys an appliance holds, each sealed under the one above it, in a small database of its own.

A slot opens the master key; the master key opens the domain-wrapping key and the service keys; the domain-wrapping key
opens the keys of each space (SECURITY.md, section 2.1). Each level is rotated by sealing what is below it anew, so no
stored data changes. Erasing a row erases the key: secure_delete, auto_vacuum and a rollback journal leave no copy in
free pages or in a log.
"""

import contextlib
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from cloudconnect.kernel.text import N_
from cloudconnect.storage import key_tables, keyring_file, shares
from cloudconnect.storage.disk import make_directory, sync_directory, sync_file
from cloudconnect.storage.errors import KeyringUnavailable, NoDomain, NoSuchSlot, SlotNeeded
from cloudconnect.storage.keyring_file import ShareFacts, SlotFacts, refusing
from cloudconnect.storage.seal import DomainKeys, Key, new_key, open_box, seal_box
from cloudconnect.storage.shares import Share
from cloudconnect.storage.slots import RecoverySlot, Slot, new_recovery_code

_TENANT: Final = b"local"
_REGION: Final = b"local"


class Keyring:
    """The keys of one appliance, unlocked. Safe for threads; made by :meth:`create` or :meth:`open`."""

    def __init__(self, path: Path, database: sqlite3.Connection, master: Key, slot_id: str = "") -> None:
        self._path = path
        self._database = database
        self._lock = threading.RLock()
        self._master = master
        self._slot_id = slot_id
        self._is_known = True
        self._domains: dict[bytes, DomainKeys] = {}
        self._services: dict[str, Mapping[int, Key]] = {}
        self.on_fatal: Callable[[], None] = lambda: None
        """Called when it is unknown which keys are durable; only opening the file anew tells."""
        (box,) = database.execute("SELECT box FROM wrapping_key WHERE name = 'domains'").fetchone()
        self._wrapping = Key(open_box(master, "tdk", box, _TENANT, _REGION))

    def __repr__(self) -> str:
        return "Keyring(…)"

    @classmethod
    def create(cls, path: Path, slot: Slot) -> tuple["Keyring", str]:
        """Make a keyring at *path* that *slot* opens; return it with its recovery code, which is shown only now.

        Raises:
            FileExistsError: there is one already; keys are never overwritten.
        """
        if path.exists():
            raise FileExistsError(path)
        make_directory(path.parent)
        beside = keyring_file.beside_of(path)
        beside.unlink(missing_ok=True)
        beside.touch(mode=0o600)
        master, code = new_key(), new_recovery_code()
        with contextlib.closing(keyring_file.connect(beside)) as database:
            keyring_file.make_tables(database)
            for each in (slot, RecoverySlot(code)):
                keyring_file.add_slot(database, keyring_file.seal_slot(each, master))
            box = seal_box(master, "tdk", new_key().secret, _TENANT, _REGION)
            database.execute("INSERT INTO wrapping_key VALUES ('domains', ?)", (box,))
        sync_file(beside)
        beside.rename(path)
        sync_directory(path.parent)
        return cls.open(path, slot), code

    @classmethod
    def open(cls, path: Path, way: Slot | Sequence[Share]) -> "Keyring":
        """Open the keyring at *path* by a slot, or by recovery shares.

        Raises:
            FileNotFoundError: there is none.
            WrongKey: the slot, or the shares, do not fit.
            NewerFormat: a newer release wrote it.
            KeyringDamaged: the file is not what was written.
            KeyringUnavailable: the file cannot be opened for writing.
            StoreFull: the disk has no room for its journal.
        """
        if not path.exists():
            raise FileNotFoundError(path)
        with refusing(path):
            # What an interrupted rewriting left holds keys that may have been destroyed since.
            keyring_file.beside_of(path).unlink(missing_ok=True)
            database = keyring_file.connect(path)
        try:
            with refusing(path):
                keyring_file.bring_up_to_date(database)
                if isinstance(way, Sequence):
                    return cls(path, database, keyring_file.open_by_shares(database, way))
                return cls(path, database, *keyring_file.open_by_slot(database, way))
        except BaseException:
            database.close()
            raise

    @classmethod
    def describe(cls, path: Path) -> tuple[list[SlotFacts], ShareFacts | None]:
        """Return what opens the keyring at *path*, without opening it; no slot of it is current.

        Raises:
            FileNotFoundError: there is none.
            NewerFormat: a newer release wrote it.
            KeyringDamaged: the file is not what was written.
        """
        if not path.exists():
            raise FileNotFoundError(path)
        with refusing(path), contextlib.closing(keyring_file.connect(path)) as database:
            keyring_file.bring_up_to_date(database)
            return keyring_file.find_slots(database), keyring_file.find_shares(database)

    def close(self) -> None:
        """Close the file; the keys go with the object."""
        with self._lock:
            self._database.close()

    def copy(self) -> bytes:
        """Return the whole keyring as a file: sealed boxes, which open with what opens this one."""
        with self._lock:
            return self._database.serialize()

    # What opens it

    def find_slots(self) -> list[SlotFacts]:
        """Return the slots that open this keyring, by kind."""
        with self._lock, refusing(self._path):
            return keyring_file.find_slots(self._database, self._slot_id)

    def find_shares(self) -> ShareFacts | None:
        """Return the set of recovery shares that opens this keyring, if there is one."""
        with self._lock, refusing(self._path):
            return keyring_file.find_shares(self._database)

    def add_slot(self, slot: Slot) -> str:
        """Let *slot* open this keyring as well from now on; return the id of the slot."""
        sealed = keyring_file.seal_slot(slot, self._master)
        with self._writing():
            return keyring_file.add_slot(self._database, sealed)

    def put_slot(self, slot: Slot) -> str:
        """Let *slot* open this keyring from now on, in place of the earlier slots of its kind; return its id."""
        sealed = keyring_file.seal_slot(slot, self._master)
        with self._writing():
            current = self._database.execute("SELECT kind FROM slot WHERE id = ?", (self._slot_id,)).fetchone()
            self._database.execute("DELETE FROM slot WHERE kind = ?", (slot.kind,))
            identifier = keyring_file.add_slot(self._database, sealed)
        if current == (slot.kind,):
            self._slot_id = identifier
        return identifier

    def remove_slot(self, identifier: str) -> None:
        """Let the slot of this id open the keyring no longer.

        Raises:
            NoSuchSlot: there is none of this id.
            SlotNeeded: it is the one that the daemon was opened by.
        """
        if identifier == self._slot_id:
            raise SlotNeeded(
                N_("The slot {id} opened this store; without it the next start would fail."),
                fix=N_("Add another slot, set it in the settings, restart, then remove this one."),
                id=identifier,
            )
        with self._writing():
            if not self._database.execute("DELETE FROM slot WHERE id = ?", (identifier,)).rowcount:
                raise NoSuchSlot(
                    N_("There is no slot “{id}”."),
                    fix=N_("See which there are: cloudconnect key status"),
                    id=identifier,
                )

    def replace_recovery_code(self) -> str:
        """Return a new recovery code, shown only now; the earlier one opens nothing any more."""
        code = new_recovery_code()
        self.put_slot(RecoverySlot(code))
        return code

    def replace_shares(self, needed: int, total: int) -> list[Share]:
        """Return a new set of recovery shares, shown only now; shares of an earlier set open nothing any more.

        Raises:
            BadShares: so many cannot be made.
        """
        with self._writing():
            made = shares.split(self._master, needed, total)
            keyring_file.put_shares(self._database, made.set_id, made.boxes)
        return list(made.shares)

    # Rotation

    def rotate_master(self, slot: Slot) -> str:
        """Replace the master key; *slot*, that of the settings, and a new recovery code, which is returned, open it.

        The wrapping key is replaced with it: whoever has the old master key and a copy of the keyring knows that one.
        Every other slot and every share is gone: what they hold would have to be typed in to seal the new key for it.
        """
        master, code = new_key(), new_recovery_code()
        sealed = [keyring_file.seal_slot(each, master) for each in (slot, RecoverySlot(code))]
        with self._lock:
            with self._writing():
                wrapping = self._seal_under(master)
                identifier, _ = (keyring_file.add_slot(self._database, each) for each in sealed)
            self._master, self._wrapping, self._slot_id = master, wrapping, identifier
        return code

    def rotate_wrapping(self) -> int:
        """Replace the key that the keys of spaces are sealed under; return how many keys that were."""
        with self._lock:
            with self._writing():
                wrapping, count = self._new_wrapping(self._master)
            self._wrapping = wrapping
        return count

    def add_epoch(self, space: bytes) -> int:
        """Return a new epoch of *space*: what is stored from now on is sealed with a new key.

        Raises:
            NoDomain: it has no keys.
        """
        with self._lock:
            with self._writing():
                self.domain(space)
                epoch = key_tables.add_epoch(self._database, self._wrapping, space, "seal")
            self._domains.pop(space, None)
        return epoch

    def replace_naming(self, space: bytes) -> int:
        """Replace the keys that name and cut content of *space*; return how often they have been.

        What is stored from now on has other names, so none of it is shared with what is there. That keeps its names,
        which the earlier keys prove; of how content was cut nothing has to be known any more.

        Raises:
            NoDomain: it has no keys.
        """
        with self._lock:
            with self._writing():
                self.domain(space)
                epoch = key_tables.add_epoch(self._database, self._wrapping, space, "name")
                cut = key_tables.add_epoch(self._database, self._wrapping, space, "cut")
                key_tables.drop_earlier(self._database, space, "cut", cut)
            self._domains.pop(space, None)
        return epoch

    def rotate_service(self, name: str) -> int:
        """Make a new key of the service *name* and return its version; earlier ones stay, to verify what they made."""
        with self._lock:
            self.service_keys(name)
            with self._writing():
                version = key_tables.add_service(self._database, self._master, name)
            self._services.pop(name, None)
        return version

    def destroy_domain(self, space: bytes) -> int:
        """Destroy every key of *space*, so that nothing sealed with them is ever read again; return how many.

        The wrapping key is replaced, so that copies of the keyring from before open nothing for whoever learns it
        later, and the file is written anew. Doing it again is no error.
        """
        with self._lock, refusing(self._path):
            with self._writing():
                destroyed = self._database.execute("DELETE FROM space_key WHERE space = ?", (space,)).rowcount
                wrapping, _ = self._new_wrapping(self._master)
            self._wrapping = wrapping
            self._domains.pop(space, None)
            keyring_file.write_anew(self._database, self._path)
            self._reconnect()
        return destroyed

    def _reconnect(self) -> None:
        before = self._database
        try:
            self._database = keyring_file.put_in_place(self._path)
        except (OSError, sqlite3.Error):
            # The connection there is belongs to a file that has no name any more.
            self._fail()
            raise
        before.close()

    def count_keys(self, space: bytes) -> int:
        """Return how many keys *space* has."""
        with self._lock, refusing(self._path):
            row = self._database.execute("SELECT COUNT(*) FROM space_key WHERE space = ?", (space,)).fetchone()
            return int(row[0])

    # The keys

    def add_domain(self, space: bytes) -> None:
        """Make and keep the keys of *space*, its 16 bytes; keys that are there stay."""
        with self._writing():
            key_tables.add_space(self._database, self._wrapping, space)

    def find_epochs(self) -> dict[bytes, int]:
        """Return the newest epoch of each space that has keys."""
        with self._lock, refusing(self._path):
            rows = self._database.execute("SELECT space, MAX(epoch) FROM space_key WHERE use = 'seal' GROUP BY space")
            return dict(rows.fetchall())

    def domain(self, space: bytes) -> DomainKeys:
        """Return the keys of *space*.

        Raises:
            NoDomain: it has none.
            KeyringDamaged: they are not what was written.
        """
        found = self._domains.get(space)
        if found is not None:
            return found
        with self._lock, refusing(self._path):
            self._check_known()
            found = key_tables.read_space(self._database, self._wrapping, space)
            if found is None:
                raise NoDomain(N_("There are no keys for this space."))
            self._domains[space] = found
        return found

    def service_key(self, name: str) -> Key:
        """Return the newest key of the service *name* (``pepper`` …), made the first time it is asked for."""
        return next(iter(self.service_keys(name).values()))

    def service_keys(self, name: str) -> Mapping[int, Key]:
        """Return every key that the service *name* had, by its version, newest first; the first is made if need be."""
        with self._lock, refusing(self._path):
            found = self._services.get(name) or key_tables.read_service(self._database, self._master, name)
            if not found:
                with self._writing():
                    key_tables.add_service(self._database, self._master, name)
                found = key_tables.read_service(self._database, self._master, name)
            self._services[name] = found
        return found

    def _seal_under(self, master: Key) -> Key:
        key_tables.seal_services(self._database, self._master, master)
        self._database.execute("DELETE FROM slot")
        self._database.execute("DELETE FROM share")
        return self._new_wrapping(master)[0]

    def _new_wrapping(self, master: Key) -> tuple[Key, int]:
        wrapping = new_key()
        count = key_tables.seal_spaces(self._database, self._wrapping, wrapping)
        box = seal_box(master, "tdk", wrapping.secret, _TENANT, _REGION)
        self._database.execute("UPDATE wrapping_key SET box = ? WHERE name = 'domains'", (box,))
        return wrapping, count

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Have what is done take effect as a whole and durably, or not at all.

        Raises:
            StoreFull: the disk has no room.
            KeyringUnavailable: the disk reports an error; SQLite has put the file back to what it was, or will.
        """
        with self._lock, refusing(self._path):
            self._check_known()
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield
            except BaseException:
                self._roll_back()
                raise
            self._commit()

    def _commit(self) -> None:
        try:
            self._database.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            if getattr(error, "sqlite_errorcode", 0) != sqlite3.SQLITE_FULL:
                # The disk may have the new keys or the old ones: what is held here may be neither.
                self._fail()
            raise

    def _fail(self) -> None:
        self._is_known = False
        self.on_fatal()

    def _check_known(self) -> None:
        if not self._is_known:
            raise KeyringUnavailable(
                N_("The keyring {path} cannot be used: {reason}."),
                fix=N_("Start the daemon again; it reads what is there."),
                path=str(self._path),
                reason="the disk failed while keys were written",
            )

    def _roll_back(self) -> None:
        # After an error of the disk SQLite has mostly done so itself, and where it cannot, the next start does.
        with contextlib.suppress(sqlite3.OperationalError):
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
