"""Forgetting a space as a whole, after its keys were destroyed (``ports.spaces.Spaces``)."""

from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.store import bulk, finishing, snapshots, spaces, tree, uploads
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.ports.sql import Sql


class Erasing:
    """Removes everything that makes up a space, with its past and its trash."""

    def __init__(self, guide: Guide) -> None:
        self._guide = guide

    def has_space(self, sql: Sql, space: SpaceId) -> bool:
        """Tell whether there is a space of this id."""
        return spaces.find_space(sql, space) is not None

    def erase(self, sql: Sql, space: SpaceId, after: str, limit: int) -> str:
        """Remove up to *limit* nodes of a space behind the node *after*, and the space itself once none is left.

        Return the last node, empty at the end.
        """
        nodes = tree.find_nodes(sql, space, NodeId(after), limit)
        tree.remove_nodes(sql, nodes)
        if len(nodes) == limit:
            return nodes[-1]
        # Whatever came behind the nodes that were passed goes with the space, in the same transaction.
        tree.remove_all(sql, space)
        uploads.remove_space(sql, space)
        snapshots.remove_all(sql, space)
        bulk.remove_space(sql, space)
        finishing.remove_space(sql, space)
        self._guide.access.remove_grants(sql, space)
        spaces.remove_space(sql, space)
        return ""

    def forget(self, space: SpaceId) -> None:
        """Remember no longer whose personal space it was; to be called once it is gone."""
        self._guide.forget_space(space)
