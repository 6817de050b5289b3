"""Mistakes that a store can have, put into the driver's process alone: the rig must find each of them.

Every one is a line or two that somebody could leave out of, or turn round in, the product.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from cloudconnect.bus import EventLog
from cloudconnect.database import engines
from cloudconnect.storage import disk, keyring_file, life
from cloudconnect.storage.backends import local
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.packs import pack_name
from cloudconnect.storage.repacking import Repacker

between_deeds: list[Callable[[Any], Awaitable[None]]] = []
"""What a bug does between deeds, for those that only put something off."""


def plant(name: str) -> None:
    """Put the bug of that name into this process."""
    BUGS[name]()


def _do_nothing(_: Path) -> None:
    pass


def _no_file_sync() -> None:
    local.sync_file = _do_nothing


def _no_directory_sync() -> None:
    local.sync_directory = disk.sync_directory = _do_nothing


def _synchronous_normal() -> None:
    open_sqlite = engines.open_sqlite

    def open_lazily(home: Path, *, is_writer: bool) -> Any:
        engine = open_sqlite(home, is_writer=is_writer)
        engine._pragmas = [(key, "normal" if key == "synchronous" else value) for key, value in engine._pragmas]
        return engine

    engines.open_sqlite = open_lazily


def _commit_before_pack() -> None:
    put, commit = LocalBackend.put, EventLog.commit
    waiting: list[tuple[LocalBackend, str, Path, bytes]] = []

    def put_later(self: LocalBackend, name: str, spool: Path) -> None:
        waiting.append((self, name, spool, spool.read_bytes()))
        spool.unlink()

    async def commit_first(self: EventLog, change: Callable, *, actor: Any) -> Any:
        result = await commit(self, change, actor=actor)
        while waiting:
            backend, name, spool, data = waiting.pop()
            spool.write_bytes(data)
            put(backend, name, spool)
        return result

    LocalBackend.put, EventLog.commit = put_later, commit_first


def _acknowledge_before_commit() -> None:
    commit = EventLog.commit
    under_way: list[asyncio.Task] = []

    async def commit_later(self: EventLog, change: Callable, *, actor: Any) -> None:
        under_way.append(asyncio.ensure_future(commit(self, change, actor=actor)))

    async def catch_up(_: Any) -> None:
        await asyncio.gather(*under_way)
        under_way.clear()

    EventLog.commit = commit_later
    between_deeds.append(catch_up)


def _gc_unlinks_before_commit() -> None:
    settle = Repacker._settle

    def unlink_first(self: Repacker, target: Any) -> int:
        sources = {move.source for move in target.moves}
        for use in self._store.read(life.find_pack_uses):
            if use.number in sources:
                self._backend.delete(pack_name(use.pack.domain, use.pack.pack_id))
        return settle(self, target)

    Repacker._settle = unlink_first


def _sync_again_after_an_error() -> None:
    sync_file = local.sync_file

    def persist(path: Path) -> None:
        with contextlib.suppress(OSError):
            return sync_file(path)
        return sync_file(path)

    local.sync_file = persist


def _no_settled_directory() -> None:
    engines.settle_directory = _do_nothing


def _journal_of_the_keyring_not_settled() -> None:
    keyring_file._PRAGMAS = tuple(pragma.replace("EXTRA", "FULL") for pragma in keyring_file._PRAGMAS)


BUGS: dict[str, Callable[[], None]] = {
    "no sync of files": _no_file_sync,
    "no sync of directories": _no_directory_sync,
    "synchronous = NORMAL": _synchronous_normal,
    "commit before the pack is durable": _commit_before_pack,
    "acknowledged before the commit": _acknowledge_before_commit,
    "gc unlinks before the commit": _gc_unlinks_before_commit,
    "removal of the keyring's journal not synced": _journal_of_the_keyring_not_settled,
    "sync again after an error": _sync_again_after_an_error,
    "names of the database not settled": _no_settled_directory,
}

BUGS_OF_ERRORS = {"sync again after an error": "", "names of the database not settled": "/home"}
"""Those that show only when a sync fails, and how the path ends that it has to be of."""

BUGS_OF_NEW_SPACES = frozenset({"removal of the keyring's journal not synced"})
"""Those that show only when a space is made."""
