"""Restoring a part of a backup into a running appliance: one file, one folder or one space."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from cloudconnect.bus import EventLog
from cloudconnect.database.snapshot import Snapshot
from cloudconnect.features.backup import store
from cloudconnect.features.backup.errors import NotInBackup
from cloudconnect.features.backup.store import HeldEntry
from cloudconnect.kernel.errors import Damaged
from cloudconnect.kernel.ids import SpaceId, id_bytes, is_id
from cloudconnect.kernel.text import N_
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.ports.restoring import Restoring
from cloudconnect.storage.backup_places import Backup, BackupPlace
from cloudconnect.storage.backups import restore_catalog
from cloudconnect.storage.index import Place
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.repository import Repository

_NAMED_DAMAGED = 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What to restore, and where to: a *folder* to put it aside in, empty for the place it came from."""

    space: str
    path: str
    space_into: str
    folder: str


class PartRestorer:
    """Restores parts of backups. What is here already takes no room again: content is found by its name."""

    def __init__(self, log: EventLog, repository: Repository, restoring: Restoring) -> None:
        self._log = log
        self._repository = repository
        self._restoring = restoring

    def run(self, place: BackupPlace, backup: Backup, wish: Wish, progress: Progress) -> Outcome:
        """Restore what *wish* names; files that are there with the same content are left alone, none is ever removed.

        Files that cannot be read are named, and the others are restored. Doing it again goes on where it stopped.

        Raises:
            NotInBackup: the backup does not hold it, or the space to put it into is not there.
        """
        scratch = self._repository.spool / f"restore-{secrets.token_hex(8)}"
        try:
            restore_catalog(place, backup, self._repository.keyring, self._repository.codec, scratch)
            with Snapshot(scratch) as snapshot:
                return self._restore(place, snapshot, wish, progress)
        finally:
            scratch.unlink(missing_ok=True)

    def _restore(self, place: BackupPlace, snapshot: Snapshot, wish: Wish, progress: Progress) -> Outcome:
        target = SpaceId(wish.space_into)
        if not is_id(wish.space, "spc") or not self._log.wait_for(self._restoring.has_space(target)):
            raise _missing(wish.space_into)
        reader = Reader(
            place.shelf,
            self._repository.keyring,
            self._repository.codec,
            lambda keys: {key: Place(*where) for key, where in store.locate(snapshot, list(keys))},
        )
        files = size = unchanged = 0
        damaged: list[str] = []
        for path, entry in _walk(snapshot, wish):
            progress.check()
            there = wish.folder.rstrip("/") + path
            if entry.manifest is None:
                self._log.wait_for(self._restoring.add_folder(target, there, entry.modified_ns))
                continue
            stream = _stream(reader.read(id_bytes(wish.space), entry.manifest))
            try:
                put = self._restoring.put(target, there, stream, entry.sha256, entry.modified_ns)
                unchanged += not self._log.wait_for(put)
            except Damaged:
                damaged.append(path)
                continue
            files += 1
            size += entry.size
            progress.report(size, 0, "restoring")
        return {
            "files": files,
            "bytes": size,
            "unchanged": unchanged,
            "damaged": len(damaged),
            "damaged_paths": "\n".join(damaged[:_NAMED_DAMAGED]),
            "folder": wish.folder,
        }


def _walk(snapshot: Snapshot, wish: Wish) -> Iterator[tuple[str, HeldEntry]]:
    """Yield path and entry of what is at the path of *wish* and of all below it, folders before what is in them."""
    node = store.find_root(snapshot, wish.space)
    if node is None:
        raise _missing(wish.space)
    entry: HeldEntry | None = None
    names = [name for name in wish.path.split("/") if name]
    for name in names:
        entry = next((each for each in store.find_children(snapshot, node) if each.name == name), None)
        if entry is None:
            raise _missing(wish.path)
        node = entry.node
    path = "".join(f"/{name}" for name in names)
    if entry is not None:
        yield path, entry
    waiting = [(path, node)] if entry is None or entry.manifest is None else []
    while waiting:
        above, folder = waiting.pop()
        for child in store.find_children(snapshot, folder):
            yield f"{above}/{child.name}", child
            if child.manifest is None:
                waiting.append((f"{above}/{child.name}", child.node))


async def _stream(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    while piece := await asyncio.to_thread(next, pieces, b""):
        yield piece


def _missing(what: str) -> NotInBackup:
    return NotInBackup(
        N_("“{what}” is not there."),
        fix=N_("Name a space by its id and a path in it, as they were when the backup was made."),
        what=what,
    )
