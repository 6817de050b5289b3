"""The verbs of the backends room."""

import asyncio
import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.backends import BackendAdded, BackendRemoved
from cloudconnect.features.backends.errors import BackendInUse, BadName, NameTaken, NoSuchBackend
from cloudconnect.features.backends.models import Place
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.storage import places
from cloudconnect.storage.backends.away import AwayBackend
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.opening import Opener
from cloudconnect.storage.index import MAIN
from cloudconnect.storage.migrate import unknown_backend
from cloudconnect.storage.places import AddedBackend
from cloudconnect.storage.probe import probe

_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


class BackendsService:
    """Adds backends, lists them and tries them out; *main* is the one of the settings, *spool* a directory."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        access: Access,
        fleet: FleetBackend,
        opener: Opener,
        main: AddedBackend,
        spool: Path,
    ) -> None:
        self._log = log
        self._database = database
        self._access = access
        self._fleet = fleet
        self._opener = opener
        self._main = main
        self._spool = spool

    async def add_backend(self, principal: Principal, name: str, kind: str, parameters: Mapping[str, str]) -> Place:
        """Add a backend that has been tried out; packs come to it when some are moved there.

        Raises:
            BadName: the name is none.
            NameTaken: there is one of this name.
            BadBackend: what is said of it makes no backend.
            BackendUnreachable: it does not answer, or not as it should.
        """
        self._access.require_admin(principal, fresh=True)
        if _NAME.fullmatch(name) is None:
            raise BadName(N_("A name has up to 32 small letters, digits and dashes."), fix=N_("Choose another name."))
        if name in self._fleet.backends:
            raise NameTaken(N_("“{name}” is taken."), fix=N_("Choose another name."), name=name)
        backend = await asyncio.to_thread(partial(self._opener.open, name, kind, parameters, is_new=True))
        await asyncio.to_thread(probe, backend, self._spool)
        added = AddedBackend(name, kind, parameters)

        def change(unit: Unit) -> None:
            if any(each.name == name for each in places.find_added(unit.sql)):
                raise NameTaken(N_("“{name}” is taken."), fix=N_("Choose another name."), name=name)
            places.add(unit.sql, added, unit.now_ms)
            unit.record(BackendAdded(subject=name, backend=name, type=kind))

        await self._log.commit(change, actor=principal)
        self._fleet.add(name, AwayBackend(name, lambda: backend))
        await self._write_list()
        return _place(added, places.Holding(0, 0), "")

    async def remove_backend(self, principal: Principal, name: str) -> None:
        """Remove an added backend in which nothing lies; what it holds besides packs is left alone.

        Raises:
            NoSuchBackend: no backend of this name was added.
            BackendInUse: packs lie there, or new ones go there.
        """
        self._access.require_admin(principal, fresh=True)

        def change(unit: Unit) -> None:
            if not any(each.name == name for each in places.find_added(unit.sql)):
                raise NoSuchBackend(
                    N_("No storage “{name}” was added."),
                    fix=N_("See which there are: cloudconnect storage list"),
                    name=name,
                )
            holding = places.find_holdings(unit.sql).get(name)
            if holding is not None:
                raise BackendInUse(
                    N_("“{name}” holds {packs} packs."),
                    fix=N_("Move them first: cloudconnect storage migrate {name} main"),
                    name=name,
                    packs=holding.packs,
                )
            if name in {self._fleet.target, places.find_target(unit.sql)}:
                raise BackendInUse(
                    N_("New packs go to “{name}”."),
                    fix=N_("Send them elsewhere first: cloudconnect storage migrate {name} main"),
                    name=name,
                )
            places.remove(unit.sql, name)
            unit.record(BackendRemoved(subject=name, backend=name))

        await self._log.commit(change, actor=principal)
        self._fleet.remove(name)
        await self._write_list()

    async def find_backends(self, principal: Principal) -> list[Place]:
        """Return every backend, the one of the settings first."""
        self._access.require_admin(principal)
        added, holdings = await self._database.read(lambda sql: (places.find_added(sql), places.find_holdings(sql)))
        none = places.Holding(0, 0)
        return [_place(each, holdings.get(each.name, none), self._fleet.target) for each in (self._main, *added)]

    async def _write_list(self) -> None:
        """Write down beside the keyring what was added; a start does so as well."""
        added = await self._database.read(places.find_added)
        await asyncio.to_thread(places.write_list, self._opener.home, added)

    def check_known(self, parameters: Mapping[str, str]) -> None:
        """Return if there is the backend ``name``.

        Raises:
            UnknownBackend: there is none of this name.
        """
        name = parameters.get("name", MAIN)
        if name not in self._fleet.backends:
            raise unknown_backend(name)

    def try_out(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Write, read, list and remove objects in the backend ``name``; the run of an operation.

        Raises:
            UnknownBackend: there is none of this name.
            BackendUnreachable: it does not answer, or not as it should.
        """
        self.check_known(parameters)
        return probe(self._fleet.backends[parameters.get("name", MAIN)], self._spool, progress.check)


def _place(backend: AddedBackend, holding: places.Holding, target: str) -> Place:
    facts = backend.parameters
    bucket = "/".join(part for part in (facts.get("endpoint"), facts.get("bucket"), facts.get("prefix")) if part)
    return Place(
        backend.name,
        backend.kind,
        facts.get("directory") or bucket,
        backend.name == target,
        holding.packs,
        holding.size,
    )
