"""The keyring: the keys an appliance holds, each sealed under the one above it, in a small database of its own.

A slot opens the master key; the master key opens the domain-wrapping key and the service keys; the domain-wrapping key
opens the keys of each space (SECURITY.md, section 2.1). Erasing a row erases the key: secure_delete, auto_vacuum and a
rollback journal leave no copy in free pages or in a log.
"""

import contextlib
import sqlite3
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.storage.disk import make_directory, sync_directory, sync_file
from cloudconnect.storage.errors import KeyringDamaged, KeyringUnavailable, NewerFormat, NoDomain, StoreFull, WrongKey
from cloudconnect.storage.seal import (
    ContentIds,
    DomainKeys,
    Key,
    Malformed,
    NotAuthentic,
    new_key,
    open_box,
    seal_box,
)
from cloudconnect.storage.slots import RecoverySlot, Slot, new_recovery_code

_FORMAT: Final = 1
_TENANT: Final = b"local"
_REGION: Final = b"local"
_FIRST_EPOCH: Final = 1
_SERVICE_VERSION: Final = struct.pack(">I", 1)
_PRAGMAS: Final = (
    "PRAGMA auto_vacuum = FULL",
    "PRAGMA journal_mode = DELETE",
    # A journal that is there again after a power cut would roll a committed key back; EXTRA syncs its removal.
    "PRAGMA synchronous = EXTRA",
    "PRAGMA secure_delete = ON",
)
_TABLES: Final = (
    "CREATE TABLE slot (kind TEXT NOT NULL PRIMARY KEY, parameters TEXT NOT NULL, box BLOB NOT NULL)",
    "CREATE TABLE wrapping_key (name TEXT NOT NULL PRIMARY KEY, box BLOB NOT NULL)",
    """
    CREATE TABLE space_key (
        space BLOB NOT NULL, use TEXT NOT NULL, epoch INTEGER NOT NULL, box BLOB NOT NULL,
        PRIMARY KEY (space, use, epoch)
    )
    """,
    "CREATE TABLE service_key (name TEXT NOT NULL PRIMARY KEY, box BLOB NOT NULL)",
    f"PRAGMA user_version = {_FORMAT}",
)


class Keyring:
    """The keys of one appliance, unlocked. Safe for threads; made by :meth:`create` or :meth:`open`."""

    def __init__(self, path: Path, database: sqlite3.Connection, master: Key) -> None:
        self._path = path
        self._database = database
        self._lock = threading.RLock()
        self._master = master
        self._domains: dict[bytes, DomainKeys] = {}
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
        beside = path.with_name(f"{path.name}.new")
        beside.unlink(missing_ok=True)
        beside.touch(mode=0o600)
        master, code = new_key(), new_recovery_code()
        with contextlib.closing(_connect(beside)) as database:
            for statement in _TABLES:
                database.execute(statement)
            _put_slot(database, slot, master)
            _put_slot(database, RecoverySlot(code), master)
            box = seal_box(master, "tdk", new_key().secret, _TENANT, _REGION)
            database.execute("INSERT INTO wrapping_key VALUES ('domains', ?)", (box,))
        sync_file(beside)
        beside.rename(path)
        sync_directory(path.parent)
        return cls.open(path, slot), code

    @classmethod
    def open(cls, path: Path, slot: Slot) -> "Keyring":
        """Open the keyring at *path* with *slot*.

        Raises:
            FileNotFoundError: there is none.
            WrongKey: the slot does not fit.
            NewerFormat: a newer release wrote it.
            KeyringDamaged: the file is not what was written.
            KeyringUnavailable: the file cannot be opened for writing.
            StoreFull: the disk has no room for its journal.
        """
        if not path.exists():
            raise FileNotFoundError(path)
        database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            with _refusing(path):
                _configure(database)
                return cls(path, database, _master(database, slot))
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Close the file; the keys go with the object."""
        with self._lock:
            self._database.close()

    def copy(self) -> bytes:
        """Return the whole keyring as a file: sealed boxes, which open with what opens this one."""
        with self._lock:
            return self._database.serialize()

    def put_slot(self, slot: Slot) -> None:
        """Let *slot* open this keyring from now on, in place of an earlier slot of its kind."""
        with self._writing():
            _put_slot(self._database, slot, self._master)

    def replace_recovery_code(self) -> str:
        """Return a new recovery code, shown only now; the earlier one opens nothing any more."""
        code = new_recovery_code()
        self.put_slot(RecoverySlot(code))
        return code

    def add_domain(self, space: bytes) -> None:
        """Make and keep the keys of *space*, its 16 bytes; keys that are there stay."""
        with self._writing():
            for use, epoch in (("seal", _FIRST_EPOCH), ("name", 0), ("cut", 0)):
                self._database.execute(
                    "INSERT INTO space_key VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (space, use, epoch, seal_box(self._wrapping, *_space_box(use, space, epoch, new_key()))),
                )

    def domain(self, space: bytes) -> DomainKeys:
        """Return the keys of *space*.

        Raises:
            NoDomain: it has none.
            KeyringDamaged: they are not what was written.
        """
        found = self._domains.get(space)
        if found is not None:
            return found
        with self._lock, _refusing(self._path):
            rows = self._database.execute("SELECT use, epoch, box FROM space_key WHERE space = ?", (space,)).fetchall()
            if not rows:
                raise NoDomain(N_("There are no keys for this space."))
            keys = {(use, epoch): self._space_key(use, space, epoch, box) for use, epoch, box in rows}
            epochs = {epoch: key for (use, epoch), key in keys.items() if use == "seal"}
            found = DomainKeys(space, epochs, ContentIds(keys["name", 0]), keys["cut", 0])
            self._domains[space] = found
        return found

    def service_key(self, name: str) -> Key:
        """Return the key of the service *name* (``pepper``, ``cookie`` …), made the first time it is asked for."""
        with self._writing():
            self._database.execute(
                "INSERT INTO service_key VALUES (?, ?) ON CONFLICT DO NOTHING",
                (name, seal_box(self._master, "svc", new_key().secret, name.encode(), _SERVICE_VERSION)),
            )
            (box,) = self._database.execute("SELECT box FROM service_key WHERE name = ?", (name,)).fetchone()
            return Key(open_box(self._master, "svc", box, name.encode(), _SERVICE_VERSION))

    def _space_key(self, use: str, space: bytes, epoch: int, box: bytes) -> Key:
        return Key(open_box(self._wrapping, _SPACE_LABELS[use], box, space, struct.pack(">I", epoch)))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[None]:
        """Have what is done take effect as a whole and durably, or not at all.

        Raises:
            StoreFull: the disk has no room.
            KeyringUnavailable: the disk reports an error; SQLite has put the file back to what it was, or will.
        """
        with self._lock, _refusing(self._path):
            try:
                self._database.execute("BEGIN IMMEDIATE")
                yield
                self._database.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        # After an error of the disk SQLite has mostly done so itself, and where it cannot, the next start does.
        with contextlib.suppress(sqlite3.OperationalError):
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")


_SPACE_LABELS: Final = {"seal": "space-key", "name": "space-content-ids", "cut": "space-cuts"}


def _space_box(use: str, space: bytes, epoch: int, key: Key) -> tuple[str, bytes, bytes, bytes]:
    return _SPACE_LABELS[use], key.secret, space, struct.pack(">I", epoch)


@contextlib.contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file at *path*, and what is wrong with its content, into a refusal."""
    try:
        yield
    except sqlite3.Error as error:
        raise _refusal(error, path) from error
    except (NotAuthentic, Malformed, LookupError, TypeError, ValueError, struct.error) as error:
        # A damaged page can hold anything: no row, a number where a box was, the keys of half a space.
        raise _damaged(path) from error


def _refusal(error: sqlite3.Error, path: Path) -> CloudConnectError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # there is none when a text is no text
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(N_("There is no room left on the disk."), fix=N_("Free some space, then start again."))
    if not isinstance(error, sqlite3.OperationalError) or code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}:
        return _damaged(path)
    return KeyringUnavailable(
        N_("The keyring {path} cannot be used: {reason}."),
        fix=N_("Make the data directory writable for the daemon."),
        path=str(path),
        reason=str(error),
    )


def _damaged(path: Path) -> KeyringDamaged:
    return KeyringDamaged(
        N_("The keyring {path} is not what was written."),
        fix=N_("Restore it from a backup of the data directory; without it nothing can be read."),
        path=str(path),
    )


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    _configure(database)
    return database


def _configure(database: sqlite3.Connection) -> None:
    for pragma in _PRAGMAS:
        database.execute(pragma)


def _put_slot(database: sqlite3.Connection, slot: Slot, master: Key) -> None:
    parameters = slot.new_parameters()
    box = seal_box(slot.key(parameters), "slot", master.secret, slot.kind.encode(), parameters.encode())
    database.execute("INSERT OR REPLACE INTO slot VALUES (?, ?, ?)", (slot.kind, parameters, box))


def _master(database: sqlite3.Connection, slot: Slot) -> Key:
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version != _FORMAT:
        raise NewerFormat(
            N_("The keyring has format {found}; this release reads format {known}."),
            fix=N_("Install the release that wrote it, or a newer one."),
            found=version,
            known=_FORMAT,
        )
    found = database.execute("SELECT parameters, box FROM slot WHERE kind = ?", (slot.kind,)).fetchone()
    if found is None:
        raise WrongKey(N_("This keyring cannot be opened in that way."), fix=N_("Use the key it was made with."))
    parameters, box = found
    try:
        return Key(open_box(slot.key(parameters), "slot", box, slot.kind.encode(), parameters.encode()))
    except (NotAuthentic, Malformed):
        raise WrongKey(
            N_("The key file, passphrase or recovery code belongs to another keyring."),
            fix=N_("Use the one this keyring was made with, or the recovery code."),
        ) from None
