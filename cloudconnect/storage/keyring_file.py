"""The file of the keyring: its tables, what opens it, and what is wrong with it when it does not."""

import contextlib
import secrets
import sqlite3
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.storage.disk import sync_directory, sync_file
from cloudconnect.storage.errors import KeyringDamaged, KeyringUnavailable, NewerFormat, StoreFull, WrongKey
from cloudconnect.storage.seal import Key, Malformed, NotAuthentic, open_box, seal_box
from cloudconnect.storage.shares import Share, join
from cloudconnect.storage.slots import Slot

_FORMAT: Final = 3
_SLOT_ID_BYTES: Final = 4
_PRAGMAS: Final = (
    "PRAGMA auto_vacuum = FULL",
    "PRAGMA journal_mode = DELETE",
    # A journal that is there again after a power cut would roll a committed key back; EXTRA syncs its removal.
    "PRAGMA synchronous = EXTRA",
    "PRAGMA secure_delete = ON",
)
_SLOT: Final = (
    "CREATE TABLE slot (id TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, parameters TEXT NOT NULL, box BLOB NOT NULL)"
)
_SHARE: Final = """
    CREATE TABLE share (set_id TEXT NOT NULL, members BLOB NOT NULL, box BLOB NOT NULL, PRIMARY KEY (set_id, members))
"""
_SERVICE_KEY: Final = """
    CREATE TABLE service_key (
        name TEXT NOT NULL, version INTEGER NOT NULL, box BLOB NOT NULL, PRIMARY KEY (name, version)
    )
"""
_TABLES: Final = (
    _SLOT,
    _SHARE,
    "CREATE TABLE wrapping_key (name TEXT NOT NULL PRIMARY KEY, box BLOB NOT NULL)",
    """
    CREATE TABLE space_key (
        space BLOB NOT NULL, use TEXT NOT NULL, epoch INTEGER NOT NULL, box BLOB NOT NULL,
        PRIMARY KEY (space, use, epoch)
    )
    """,
    _SERVICE_KEY,
    f"PRAGMA user_version = {_FORMAT}",
)
_FROM_1: Final = (
    "ALTER TABLE slot RENAME TO slot_1",
    _SLOT,
    "INSERT INTO slot SELECT lower(hex(randomblob(4))), kind, parameters, box FROM slot_1",
    "DROP TABLE slot_1",
    _SHARE,
)
"""What brings a file of format 1, which had one slot of each kind and no shares, to format 2."""
_FROM_2: Final = (
    "ALTER TABLE service_key RENAME TO service_key_2",
    _SERVICE_KEY,
    "INSERT INTO service_key SELECT name, 1, box FROM service_key_2",
    "DROP TABLE service_key_2",
    f"PRAGMA user_version = {_FORMAT}",
)
"""What brings a file of format 2, in which service keys had no versions, to this one."""


@dataclass(frozen=True, slots=True)
class SlotFacts:
    """A slot without its secret; the keyring was opened by the current one."""

    id: str
    kind: str
    is_current: bool


@dataclass(frozen=True, slots=True)
class ShareFacts:
    """A set of recovery shares: *needed* of *total* open the keyring."""

    set_id: str
    needed: int
    total: int


def connect(path: Path) -> sqlite3.Connection:
    """Open the file at *path*, which is made if it is not there, so that what is erased in it is gone."""
    database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        for pragma in _PRAGMAS:
            database.execute(pragma)
    except BaseException:
        database.close()
        raise
    return database


def make_tables(database: sqlite3.Connection) -> None:
    """Make the tables of a new file."""
    for statement in _TABLES:
        database.execute(statement)


def bring_up_to_date(database: sqlite3.Connection) -> None:
    """Bring the tables of an earlier release to this one's.

    Raises:
        NewerFormat: a newer release wrote them.
    """
    (version,) = database.execute("PRAGMA user_version").fetchone()
    if version in {1, 2}:
        database.execute("BEGIN IMMEDIATE")
        for statement in (*_FROM_1, *_FROM_2) if version == 1 else _FROM_2:
            database.execute(statement)
        database.execute("COMMIT")
    elif version != _FORMAT:
        raise NewerFormat(
            N_("The keyring has format {found}; this release reads format {known}."),
            fix=N_("Install the release that wrote it, or a newer one."),
            found=version,
            known=_FORMAT,
        )


class SealedSlot(NamedTuple):
    """A slot as it is kept: what finds its key again, and the master key sealed under that."""

    kind: str
    parameters: str
    box: bytes


def seal_slot(slot: Slot, master: Key) -> SealedSlot:
    """Return *slot* with *master* sealed for it; a key service is asked for that, which may take its time."""
    parameters = slot.new_parameters()
    fields = (slot.kind.encode(), parameters.encode())
    return SealedSlot(slot.kind, parameters, seal_box(slot.key(parameters), "slot", master.secret, *fields))


def add_slot(database: sqlite3.Connection, slot: SealedSlot) -> str:
    """Keep *slot*, and return its id."""
    identifier = secrets.token_hex(_SLOT_ID_BYTES)
    database.execute("INSERT INTO slot VALUES (?, ?, ?, ?)", (identifier, *slot))
    return identifier


def find_slots(database: sqlite3.Connection, current: str = "") -> list[SlotFacts]:
    """Return the slots in *database*, by kind; the one of the id *current* opened it."""
    rows = database.execute("SELECT id, kind FROM slot ORDER BY kind, id").fetchall()
    return [SlotFacts(identifier, kind, identifier == current) for identifier, kind in rows]


def open_by_slot(database: sqlite3.Connection, slot: Slot) -> tuple[Key, str]:
    """Return the master key, opened by *slot*, and the id of the slot that it fits.

    Raises:
        WrongKey: it fits none.
    """
    rows = database.execute("SELECT id, parameters, box FROM slot WHERE kind = ?", (slot.kind,)).fetchall()
    if not rows:
        raise WrongKey(N_("This keyring cannot be opened in that way."), fix=N_("Use the key it was made with."))
    for identifier, parameters, box in rows:
        try:
            opened = open_box(slot.key(parameters), "slot", box, slot.kind.encode(), parameters.encode())
        except (NotAuthentic, Malformed):
            continue
        return Key(opened), identifier
    raise WrongKey(
        N_("The key file, passphrase or recovery code belongs to another keyring."),
        fix=N_("Use the one this keyring was made with, or the recovery code."),
    )


def put_shares(database: sqlite3.Connection, set_id: str, boxes: Mapping[bytes, bytes]) -> None:
    """Keep the boxes of a set of shares, in place of any earlier set."""
    database.execute("DELETE FROM share")
    database.executemany("INSERT INTO share VALUES (?, ?, ?)", [(set_id, *box) for box in boxes.items()])


def find_shares(database: sqlite3.Connection) -> ShareFacts | None:
    """Return the set of recovery shares in *database*, if there is one."""
    rows = database.execute("SELECT set_id, members FROM share").fetchall()
    if not rows:
        return None
    return ShareFacts(rows[0][0], len(rows[0][1]), max(max(members) for _, members in rows))


def open_by_shares(database: sqlite3.Connection, shares: Sequence[Share]) -> Key:
    """Return the master key, opened by recovery *shares*.

    Raises:
        WrongKey: they are too few, of several sets, or of none that this keyring has.
    """
    sets = {share.set_id for share in shares}
    rows = database.execute("SELECT set_id, members, box FROM share").fetchall()
    boxes = {members: box for set_id, members, box in rows if sets == {set_id}}
    if not boxes:
        raise WrongKey(
            N_("These shares are not of one set that opens this store."),
            fix=N_("The set in use is {sets}. Use shares that begin with CCS1-{sets}."),
            sets=", ".join(sorted({row[0] for row in rows})) or "-",
        )
    return join(shares, boxes)


def write_anew(database: sqlite3.Connection, path: Path) -> None:
    """Write the file anew beside itself, in new blocks of the disk; when that fails nothing has happened."""
    beside = beside_of(path)
    beside.unlink(missing_ok=True)
    beside.touch(mode=0o600)
    database.execute("VACUUM INTO ?", (str(beside),))
    sync_file(beside)


def put_in_place(path: Path) -> sqlite3.Connection:
    """Let what :func:`write_anew` wrote take the place of the file at *path*, and return a connection to it."""
    beside_of(path).rename(path)
    sync_directory(path.parent)
    return connect(path)


def beside_of(path: Path) -> Path:
    """Return where the file at *path* is written anew."""
    return path.with_name(f"{path.name}.new")


@contextlib.contextmanager
def refusing(path: Path) -> Iterator[None]:
    """Turn what SQLite says of the file at *path*, and what is wrong with its content, into a refusal."""
    try:
        yield
    except sqlite3.Error as error:
        raise _refusal(error, path) from error
    except OSError as error:
        raise _unavailable(path, error) from error
    except (NotAuthentic, Malformed, LookupError, TypeError, ValueError, struct.error) as error:
        # A damaged page can hold anything: no row, a number where a box was, the keys of half a space.
        raise _damaged(path) from error


def _refusal(error: sqlite3.Error, path: Path) -> CloudConnectError:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)  # there is none when a text is no text
    if code == sqlite3.SQLITE_FULL:
        return StoreFull(N_("There is no room left on the disk."), fix=N_("Free some space, then start again."))
    if not isinstance(error, sqlite3.OperationalError) or code in {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR}:
        return _damaged(path)
    return _unavailable(path, error)


def _unavailable(path: Path, error: Exception) -> KeyringUnavailable:
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
