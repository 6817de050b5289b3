"""Edits in bulk that take long, as operations: they can be watched, paused and cancelled, and go on after a restart.

What the plan said is written down when one starts, in portions that are each done in one unit, which takes the portion
off. So nothing is done twice, and nothing that the plan did not say.
"""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files.errors import BulkEditGone
from cloudconnect.features.files.models import BulkEdit, BulkEdited
from cloudconnect.features.files.moments import Seqs, UndoToken
from cloudconnect.features.files.service.acting import find_principal, to_parameters
from cloudconnect.features.files.service.editing import EditingService, Prepared
from cloudconnect.features.files.store import bulk
from cloudconnect.features.files.store.bulk import Planned, Standing
from cloudconnect.kernel.clock import to_ms
from cloudconnect.kernel.ids import new_id
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.accounts import Accounts
from cloudconnect.ports.operations import Operations, Outcome, Progress
from cloudconnect.ports.sql import Sql

KIND: Final = "files.edit"

MOST_ITEMS: Final = 1_000
"""How many items are edited while somebody waits for the answer, and in one unit of a longer edit."""

_KEPT: Final = timedelta(days=1)


class EditingRuns:
    """Edits in bulk: what one unit holds at once, as a whole or not at all; what is more as an operation."""

    def __init__(
        self, log: EventLog, database: Database, editing: EditingService, operations: Operations, accounts: Accounts
    ) -> None:
        self._log = log
        self._database = database
        self._editing = editing
        self._operations = operations
        self._accounts = accounts

    async def apply(
        self, principal: Principal, space: str, edit: BulkEdit, token: str, expected: int | None = None
    ) -> BulkEdited:
        """Do what the plan *token* said *edit* would do, or start the operation that does it.

        Raises:
            PlanMissing, PlanDrifted: as for ``EditingService.prepare``.
            Conflict: an operation of this kind that *principal* started is under way.
        """
        prepared = await self._editing.prepare(principal, space, edit, token, expected)
        if len(prepared.items) <= MOST_ITEMS:
            return await self._editing.carry_out(principal, prepared)
        identifier = await self._log.commit(lambda unit: _begin(unit, prepared), actor=principal)
        parameters = to_parameters(principal) | {"space": prepared.space, "held": identifier}
        try:
            operation = await self._operations.start_own(principal, KIND, parameters)
        except BaseException:
            await self._log.commit(lambda unit: bulk.remove(unit.sql, identifier), actor=principal)
            raise
        return BulkEdited(prepared.plan, 0, prepared.plan.seq, operation=operation)

    def run(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Do an edit, or go on with it; an operation."""
        return self._log.wait_for(self._run(parameters, progress))

    def forget(self, sql: Sql, parameters: Mapping[str, str]) -> None:
        """Let go of what a cancelled operation would have done."""
        bulk.remove(sql, parameters["held"])

    async def _run(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        identifier = parameters["held"]
        principal = await self._database.read(lambda sql: find_principal(sql, self._accounts, parameters))
        standing = await self._database.read(lambda sql: bulk.find(sql, identifier))
        while standing is not None:
            progress.report(standing.done + standing.passed_over, standing.items)
            progress.tell(_outcome(standing))
            progress.check()
            gone_on = await self._log.commit(lambda unit: self._go_on(unit, principal, identifier), actor=principal)
            if gone_on is None:
                return _outcome(standing)
            standing = gone_on
        raise BulkEditGone(fix=N_("Make a new plan of what is left."))

    def _go_on(self, unit: Unit, principal: Principal, identifier: str) -> Standing | None:
        """Do the portion that comes next; return how far the edit is then, None where all was done already."""
        standing, portion = bulk.find(unit.sql, identifier), bulk.find_next(unit.sql, identifier)
        if standing is None or portion is None:
            return None
        number, items = portion
        done = self._editing.do_portion(unit, principal, standing.space, standing.edit, items)
        span = unit.spans.get(standing.space)
        standing = dataclasses.replace(
            standing,
            done=standing.done + done,
            passed_over=standing.passed_over + len(items) - done,
            spans=standing.spans if span is None else (*standing.spans, span),
        )
        bulk.end_portion(unit.sql, identifier, number, standing)
        return standing


def _begin(unit: Unit, prepared: Prepared) -> str:
    identifier = new_id("blk", unit.now_ms)
    bulk.remove_ended(unit.sql, to_ms(unit.now - _KEPT))
    bulk.add(unit.sql, identifier, prepared.space, prepared.edit, len(prepared.items), unit.now_ms)
    items = [Planned(entry.node, entry.from_seq, entry.path) for entry in prepared.items]
    portions = [items[start : start + MOST_ITEMS] for start in range(0, len(items), MOST_ITEMS)]
    bulk.add_portions(unit.sql, identifier, prepared.space, portions)
    return identifier


def _outcome(standing: Standing) -> Outcome:
    undo = str(UndoToken(standing.space, Seqs(standing.spans))) if standing.spans else ""
    return {
        "done": standing.done,
        "passed_over": standing.passed_over,
        "seq": max((last for _, last in standing.spans), default=0),
        "undo": undo,
    }
