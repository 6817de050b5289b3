"""Pruning one space when its owner asks for it, as an operation."""

from collections.abc import Mapping
from typing import Final

from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.pruning import PruningService
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.operations import Operations, Outcome, Progress
from cloudconnect.ports.sql import Sql

KIND: Final = "files.prune-space"


class PruningRuns:
    """Lets go of what the policy of a space does not keep without waiting for the day's turn."""

    def __init__(self, database: Database, guide: Guide, pruning: PruningService, operations: Operations) -> None:
        self._database = database
        self._guide = guide
        self._pruning = pruning
        self._operations = operations

    async def start(self, principal: Principal, space: str) -> str:
        """Start the operation that prunes *space* as its policy says, and return its id.

        Raises:
            Denied, NotFound: *principal* does not manage the space.
            SpaceArchived: nothing in it changes until it is brought back.
            Conflict: an operation of this kind that *principal* started is under way.
        """
        space_id = await self._guide.space_id(principal, space)

        def check(sql: Sql) -> SpaceId:
            found = self._guide.place_to_manage(sql, principal, space_id).space
            rules.check_not_archived(found)
            return found.id

        found = await self._database.read(check)
        return await self._operations.start_own(principal, KIND, {"space": found})

    def run(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Prune the space that *parameters* names; an operation that may end at any moment."""
        return self._pruning.prune_space(SpaceId(parameters["space"]), progress)
