"""Spaces, for rooms that look after what lies in them without knowing the tree."""

from typing import Protocol

from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.sql import Sql


class Spaces(Protocol):
    """Knows which spaces there are, and can forget one."""

    def has_space(self, sql: Sql, space: SpaceId) -> bool:
        """Tell whether there is a space of this id."""
        ...

    def erase(self, sql: Sql, space: SpaceId, after: str, limit: int) -> str:
        """Remove up to *limit* nodes of a space behind the node *after*, and the space itself once none is left.

        Return the last node, empty at the end. Content that only the space needed becomes garbage.
        """
        ...

    def forget(self, space: SpaceId) -> None:
        """Forget what is remembered of a space; to be called once it is gone."""
        ...
