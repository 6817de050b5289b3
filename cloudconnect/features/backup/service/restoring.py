"""Restoring a part of a backup into a running appliance: one file, one folder or one space."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

from cloudconnect.bus import EventLog
from cloudconnect.database.snapshot import Snapshot
from cloudconnect.features.backup import store
from cloudconnect.features.backup.errors import NotInBackup
from cloudconnect.features.backup.service.contents import Contents
from cloudconnect.features.backup.store import HeldEntry
from cloudconnect.kernel.errors import Conflict, Damaged, Invalid, NotFound
from cloudconnect.kernel.ids import SpaceId, id_bytes, is_id
from cloudconnect.kernel.text import N_
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.ports.restoring import Restoring
from cloudconnect.storage.backup_places import Backup, BackupPlace
from cloudconnect.storage.backups import restore_catalog
from cloudconnect.storage.errors import ChunksMissing, NoDomain
from cloudconnect.storage.repository import Repository

_NAMED = 20
_TRIES = 100  # each finds at least one more chunk that is damaged here


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
        contents = Contents(place, snapshot, self._repository)
        files = size = unchanged = 0
        damaged: list[str] = []
        refused: list[str] = []
        for path, entry in _walk(snapshot, wish):
            progress.check()
            there = wish.folder.rstrip("/") + path
            try:
                if entry.manifest is None:
                    self._log.wait_for(self._restoring.add_folder(target, there, entry.modified_ns))
                    continue
                unchanged += not self._put(contents, wish, there, entry, entry.manifest)
            except (Damaged, NoDomain):
                damaged.append(path)
                continue
            except (Conflict, Invalid, NotFound):
                # A folder lies where a file was, or the other way round: that one stays as it is, the rest comes back.
                refused.append(path)
                continue
            files += 1
            size += entry.size
            progress.report(size, 0, "restoring")
        return {
            "files": files,
            "bytes": size,
            "unchanged": unchanged,
            "damaged": len(damaged),
            "damaged_paths": "\n".join(damaged[:_NAMED]),
            "refused": len(refused),
            "refused_paths": "\n".join(refused[:_NAMED]),
            "folder": wish.folder,
        }

    def _put(self, contents: Contents, wish: Wish, there: str, entry: HeldEntry, manifest: bytes) -> bool:
        """Put one file back; False if it is there as it was.

        In its own space it is made of the chunks that are stored there; only what is missing is read from the backup.
        """
        target, source = SpaceId(wish.space_into), id_bytes(wish.space)
        if wish.space_into != wish.space:
            return self._put_anew(contents, wish, there, entry, manifest)
        if self._log.wait_for(self._restoring.holds(target, there, entry.sha256)):
            return False
        chunks = contents.chunks(source, manifest)
        self._add_missing(contents, target, source, chunks)
        for _ in range(_TRIES):
            try:
                self._log.wait_for(self._restoring.put_chunks(target, there, chunks, entry.modified_ns))
            except ChunksMissing:
                # The keys that name content were replaced since: stored now, the chunks have other names.
                return self._put_anew(contents, wish, there, entry, manifest)
            except Damaged:
                # What is stored here cannot be read, which is known from now on, so it is missing and stored anew.
                if not self._add_missing(contents, target, source, chunks):
                    raise
            else:
                break
        return True

    def _put_anew(self, contents: Contents, wish: Wish, there: str, entry: HeldEntry, manifest: bytes) -> bool:
        """Put one file back from all its bytes; False if it is there as it was."""
        stream = _stream(contents.stream(id_bytes(wish.space), manifest))
        target = SpaceId(wish.space_into)
        return self._log.wait_for(self._restoring.put(target, there, stream, entry.sha256, entry.modified_ns))

    def _add_missing(self, contents: Contents, target: SpaceId, source: bytes, chunks: list[tuple[bytes, int]]) -> bool:
        """Store the chunks that are missing here; tell whether any were."""
        missing = self._log.wait_for(self._restoring.find_missing(target, [content_id for content_id, _ in chunks]))
        for raws in contents.read(source, list(dict.fromkeys(chunks[number] for number in missing))):
            self._log.wait_for(self._restoring.add_chunks(target, raws))
        return bool(missing)


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
