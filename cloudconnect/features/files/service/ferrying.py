"""Carrying contents from one space to another: read under the keys of the one, stored under those of the other.

What arrived is held until it gets its names, so that a crossing can stop anywhere and go on where it stood. All that is
carried is of one moment of the source, whatever becomes of it meanwhile.
"""

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files.crossings import Held, Route
from cloudconnect.features.files.errors import CrossingExpired, SourceChanged, VersionPruned
from cloudconnect.features.files.models import Entry
from cloudconnect.features.files.service.places import Place, find_path, walk
from cloudconnect.features.files.store import crossing as store
from cloudconnect.features.files.store import tree
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import SMALL_BYTES, Content, Named, Vault

LIFETIME: Final = timedelta(days=7)
"""How long what was carried is held for a crossing that does not go on."""

_AT_ONCE = 256
_PORTION_BYTES = 8 << 20
_HELD_AT_ONCE = 1_000

Tell = Callable[[int], None]
"""Is told how many plain bytes more were read; raises what ends the crossing."""


@dataclass(frozen=True, slots=True)
class _Portion:
    """Files that are stored together, and how each is read."""

    entries: Sequence[Entry]
    manifests: Sequence[bytes]


class Ferry:
    """Carries the contents of one crossing."""

    def __init__(self, log: EventLog, database: Database, vault: Vault, route: Route, identifier: str) -> None:
        self._log = log
        self._database = database
        self._vault = vault
        self._route = route
        self._identifier = identifier

    async def carry(self, seen: Place, tell: Tell) -> None:
        """Carry everything that *seen* holds and that was not carried yet.

        Raises:
            VersionPruned: a version is no longer kept.
            CrossingExpired: what was carried is given up meanwhile, or its space is gone.
            NoSpace: the disk is full.
            Damaged: something cannot be read.
        """
        original = seen.require_entry()
        after = await self._database.read(lambda sql: self._find_last(sql, seen))
        while portion := await self._database.read(partial(self._find_portion, original=original, after=after)):
            held, settle = await self._store(portion, tell)
            await self._log.commit(partial(self._hold, held=held, settle=settle), actor=APPLIANCE)
            after = _names_below(original, portion.entries[-1])

    def _hold(self, unit: Unit, held: Sequence[Held], settle: Callable[[Sql], None]) -> None:
        settle(unit.sql)
        if not store.hold(unit.sql, self._identifier, held, unit.now, unit.now + LIFETIME):
            raise given_up()

    def _find_last(self, sql: Sql, seen: Place) -> tuple[str, ...] | None:
        """Return the names of the last file that was carried, below what is seen; None if none was."""
        count = store.count(sql, self._identifier)
        if not count:
            return None
        (last,) = store.find_held(sql, self._identifier, count - 1, 1)
        path = find_path(sql, seen.space, last.node, self._route.seq)
        if path is None:
            raise gone(seen)
        return tuple(path[len(seen.path.rstrip("/")) + 1 :].split("/")) if path != seen.path else ()

    def _find_portion(self, sql: Sql, original: Entry, after: tuple[str, ...] | None) -> _Portion | None:
        entries: list[Entry] = []
        size = 0
        for entry in _files(sql, original, self._route.seq, after):
            entries.append(entry)
            size += entry.size or 0
            if len(entries) == _AT_ONCE or size >= _PORTION_BYTES:
                break
        if not entries:
            return None
        versions = [(entry.node, entry.version or 0) for entry in entries]
        manifests = tree.find_manifests(sql, versions)
        if not all(manifests.get(version) for version in versions):
            raise VersionPruned(fix=N_("Copy it as it is now."))
        return _Portion(entries, [manifests[version] for version in versions])

    async def _store(self, portion: _Portion, tell: Tell) -> tuple[list[Held], Callable[[Sql], None]]:
        """Store a portion; return what is to be held, and what makes it findable."""
        small = [place for place, entry in enumerate(portion.entries) if (entry.size or 0) <= SMALL_BYTES]
        raws = await self._read_small([portion.manifests[place] for place in small], tell)
        batch = await self._vault.write_many(self._route.target, raws)
        stored: dict[int, Named] = dict(zip(small, batch.contents, strict=True))
        large: list[Content] = []
        for place, manifest in enumerate(portion.manifests):
            if place not in stored:
                large.append(await self._vault.write(self._route.target, self._read_large(manifest, tell)))
                stored[place] = large[-1]

        def settle(sql: Sql) -> None:
            self._vault.settle(sql, self._route.target, batch)
            for content in large:
                self._vault.settle(sql, self._route.target, content)

        return [_held(entry, stored[place]) for place, entry in enumerate(portion.entries)], settle

    async def _read_small(self, manifests: Sequence[bytes], tell: Tell) -> list[bytes]:
        raws = [b""] * len(manifests)
        async for part in self._vault.read_many(self._route.source, manifests):
            for place, outcome in part:
                if isinstance(outcome, CloudConnectError):
                    raise outcome
                raws[place] = outcome
                tell(len(outcome))
        return raws

    async def _read_large(self, manifest: bytes, tell: Tell) -> AsyncIterator[bytes]:
        async for piece in self._vault.read(self._route.source, manifest):
            tell(len(piece))
            yield piece


class Cargo:
    """What a crossing holds, handed out file by file in the order in which it was carried; lives in a transaction."""

    def __init__(self, sql: Sql, identifier: str, seen: Place) -> None:
        self._seen = seen
        self._contents = _find_all(sql, identifier)

    def take(self, entry: Entry) -> Held:
        """Return the content of the next file, which is *entry*.

        Raises:
            SourceChanged: the source is not what was carried: something in it is gone for good.
        """
        held = next(self._contents, None)
        if held is None or held.node != entry.node or held.size != entry.size:
            raise gone(self._seen)
        return held


def gone(seen: Place) -> SourceChanged:
    """Return the refusal for a source that is no longer what was carried."""
    return SourceChanged(
        N_("Something in “{path}” was given up for good while it was copied; nothing was copied."),
        fix=N_("Copy it again."),
        path=seen.path,
    )


def given_up() -> CrossingExpired:
    """Return the refusal of a crossing that was given up while somebody still worked on it."""
    return CrossingExpired(N_("What was copied is no longer held."), fix=N_("Begin it again."))


def _find_all(sql: Sql, identifier: str) -> Iterator[Held]:
    first = 0
    while found := store.find_held(sql, identifier, first, _HELD_AT_ONCE):
        yield from found
        first += len(found)


def _files(sql: Sql, original: Entry, at: int, after: tuple[str, ...] | None) -> Iterator[Entry]:
    if original.is_folder:
        yield from (each for each in walk(sql, original, at, after or ()) if not each.is_folder)
    elif after is None:
        yield original


def _names_below(original: Entry, entry: Entry) -> tuple[str, ...]:
    return tuple(entry.path[len(original.path.rstrip("/")) + 1 :].split("/")) if original.is_folder else ()


def _held(entry: Entry, content: Named) -> Held:
    if content.sha256 != entry.sha256:
        raise LookupError("what was stored for another space is not what was read")
    return Held(entry.node, content.key, content.manifest, content.size)
