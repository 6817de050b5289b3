"""Earlier contents of a file: seen, compared, kept for good, brought back, given up."""

import dataclasses
from collections.abc import AsyncIterator

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.files import FileWritten, VersionPinned, VersionsPruned
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import NoSuchVersion, NotAFile, VersionInUse, VersionPruned
from cloudconnect.features.files.models import (
    Change,
    Entry,
    KeptVersion,
    OpenFile,
    Setting,
    SettingChange,
    SettingKind,
    Space,
)
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.charging import charge
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import Place
from cloudconnect.features.files.service.remembering import remember
from cloudconnect.features.files.store import tree, versions
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Vault

NOTE_MAX = 500
_NEVER = 1 << 62


class VersionsService:
    """The versions of files; a version is named by the seq at which it was written."""

    def __init__(self, log: EventLog, database: Database, guide: Guide, vault: Vault) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault

    async def find_versions(
        self, principal: Principal, space: str, path: str, limit: int, cursor: str | None
    ) -> Page[KeptVersion]:
        """Return a page of the versions of the file at *path*, newest first; what was pruned is told as well.

        Raises:
            NoSuchEntry: nothing is there.
            NotAFile: a folder is.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)
        before = int(decode_cursor(cursor, int)[0]) if cursor else _NEVER

        def ask(sql: Sql) -> list[KeptVersion]:
            entry = _file(self._guide.place(sql, principal, space_id, names, Action.READ))
            found = versions.find_versions(sql, entry.node, before, limit + 1)
            return [dataclasses.replace(each, is_present=each.seq == entry.version) for each in found]

        found = await self._database.read(ask)
        return Page(found[:limit], encode_cursor(found[limit - 1].seq) if len(found) > limit else None)

    async def open_version(self, principal: Principal, space: str, path: str, seq: int) -> OpenFile:
        """Return the version *seq* of the file at *path*, ready to be read.

        Raises:
            NoSuchVersion: the file has none of this seq.
            VersionPruned: its content is no longer kept.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def ask(sql: Sql) -> tuple[Entry, bytes]:
            entry = _file(self._guide.place(sql, principal, space_id, names, Action.READ))
            found = _get(sql, entry, seq)
            seen = dataclasses.replace(
                entry, version=seq, size=found.size, sha256=found.sha256, media_type=found.media_type
            )
            return seen, tree.get_version(sql, entry.node, seq).manifest

        entry, manifest = await self._database.read(ask)

        def read(start: int, stop: int | None) -> AsyncIterator[bytes]:
            return self._vault.read(space_id, manifest, start, stop)

        return OpenFile(entry, read)

    async def restore_version(self, principal: Principal, space: str, path: str, seq: int) -> Change:
        """Make the content of the version *seq* what the file at *path* holds now: a version of its own, by reference.

        Raises:
            NoSuchVersion, VersionPruned: as for ``open_version``.
            QuotaExceeded: the space may not hold as much.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Change:
            place = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE)
            entry = _file(place)
            old = _get(unit.sql, entry, seq)
            if old.pruned is not None:
                raise VersionPruned(fix=N_("Choose another version."))
            charge(unit, place.space, old.size - (entry.size or 0))
            recorded = unit.record(FileWritten(subject=entry.node, space=space_id, size=old.size))
            new = deeds.seq_of(recorded)
            tree.copy_versions(unit.sql, [(entry.node, seq, entry.node)], new, unit.actor.id, unit.now_ms)
            restored = dataclasses.replace(
                entry,
                from_seq=new,
                version=new,
                size=old.size,
                sha256=old.sha256,
                media_type=old.media_type,
                modified_ns=unit.now_ms * 1_000_000,
            )
            tree.close_entry(unit.sql, entry.node, new)
            tree.add_entry(unit.sql, space_id, restored)
            return Change(restored, new, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def pin_version(
        self, principal: Principal, space: str, path: str, seq: int, note: str | None
    ) -> SettingChange[KeptVersion]:
        """Keep a version whatever its age, with a *note* that tells why; None lets it age again.

        Raises:
            NoSuchVersion, VersionPruned: as for ``open_version``.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> SettingChange[KeptVersion]:
            place = self._guide.place(unit.sql, principal, space_id, names, Action.WRITE)
            entry = _file(place)
            found = _get(unit.sql, entry, seq)
            if found.pruned is not None:
                raise VersionPruned(fix=N_("Choose another version."))
            put_pin(unit, place.space, found, None if note is None else note[:NOTE_MAX])
            pinned = dataclasses.replace(_get(unit.sql, entry, seq), is_present=seq == entry.version)
            return SettingChange(pinned, deeds.undo_of(unit, space_id))

        return await self._log.commit(change, actor=principal)

    async def remove_version(self, principal: Principal, space: str, path: str, seq: int) -> None:
        """Give up the content of an earlier version, for good.

        Raises:
            NoSuchVersion: the file has none of this seq.
            VersionInUse: it is what the file holds now, or it is pinned.
        """
        names, space_id = rules.parse_path(path), await self._guide.space_id(principal, space)

        def change(unit: Unit) -> None:
            entry = _file(self._guide.place(unit.sql, principal, space_id, names, Action.WRITE))
            found = _get(unit.sql, entry, seq)
            if seq == entry.version:
                raise VersionInUse(N_("This is what the file holds now."), fix=N_("Delete the file instead."))
            if found.pin is not None:
                raise VersionInUse(N_("This version is pinned."), fix=N_("Unpin it first."))
            if found.pruned is None:
                versions.prune(unit.sql, [(entry.node, seq)], unit.now_ms)
                unit.record(VersionsPruned(subject=entry.node, space=space_id, versions=(seq,)))

        await self._log.commit(change, actor=principal)


def put_pin(unit: Unit, space: Space, version: KeptVersion, note: str | None) -> None:
    """Keep *version* whatever its age, with a *note*, or let it age again with None, unless it is so."""
    if version.pin == note:
        return
    if note is None:
        versions.unpin(unit.sql, version.node, version.seq)
    else:
        versions.pin(unit.sql, version.node, version.seq, note, unit.now_ms, unit.actor.id)
    is_pinned = note is not None
    fact = VersionPinned(subject=version.node, space=space.id, version=version.seq, is_pinned=is_pinned)
    seq = deeds.seq_of(unit.record(fact))
    remember(unit, space, Setting(version.node, SettingKind.PIN, str(version.seq)), version.pin, note, seq)


def _file(place: Place) -> Entry:
    entry = place.require_entry()
    if entry.is_folder:
        raise NotAFile(N_("“{path}” is a folder."), fix=N_("Folders have no versions; name a file."), path=entry.path)
    return entry


def _get(sql: Sql, entry: Entry, seq: int) -> KeptVersion:
    found = versions.find_version(sql, entry.node, seq)
    if found is None:
        raise NoSuchVersion(
            N_("“{path}” has no version {seq}."),
            fix=N_("See which there are, with: cloudconnect version list PATH"),
            path=entry.path,
            seq=seq,
        )
    return found
