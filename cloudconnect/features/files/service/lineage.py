"""Where many entries hang at once: the names on the way to each, with every folder looked at once."""

from collections.abc import Sequence

from cloudconnect.features.files import rules
from cloudconnect.features.files.models import Entry, Space
from cloudconnect.features.files.service.places import find_path
from cloudconnect.features.files.store import trash, tree
from cloudconnect.kernel.ids import NodeId
from cloudconnect.ports.sql import Sql

Names = tuple[str, ...]


class Lineage:
    """Finds the names on the way to entries of one space as of *at*; lives as long as its transaction.

    *is_in_trash*: only for what lies in the trash, where each thing has the path it had before.
    """

    def __init__(self, sql: Sql, space: Space, at: int | None, *, is_in_trash: bool = False) -> None:
        self._sql = sql
        self._space = space
        self._at = at
        self._is_in_trash = is_in_trash
        self._known: dict[NodeId, Names | None] = {space.root: None if is_in_trash else ()}

    def find(self, entries: Sequence[Entry]) -> list[Names | None]:
        """Return the names of the path of each of *entries*, None for what does not hang on the root, or the trash."""
        self._learn({entry.parent for entry in entries if entry.parent is not None})
        return [self._find_one(entry) for entry in entries]

    def _find_one(self, entry: Entry) -> Names | None:
        if self._is_in_trash:
            former = self._find_former(entry.node)
            if former is not None:
                return former
        above = None if entry.parent is None else self._known[entry.parent]
        return None if above is None else (*above, entry.name)

    def _learn(self, folders: set[NodeId]) -> None:
        above: dict[NodeId, Entry | None] = {}
        waiting = folders - self._known.keys()
        while waiting:
            rows = tree.find_rows(self._sql, self._space.id, sorted(waiting), self._at)
            above.update((node, rows.get(node)) for node in waiting)
            parents = {entry.parent for entry in rows.values() if entry.parent is not None}
            waiting = parents - above.keys() - self._known.keys()
        for folder in above:
            self._settle(folder, above)

    def _settle(self, folder: NodeId, above: dict[NodeId, Entry | None]) -> None:
        """Note the names of *folder* and of all on its way that are not known yet."""
        way: list[Entry] = []
        current = folder
        while current not in self._known:
            entry = above[current]
            if entry is None or entry.parent is None:
                self._known[current] = self._find_former(current) if self._is_in_trash else None
                break
            way.append(entry)
            current = entry.parent
        names = self._known[current]
        for entry in reversed(way):
            names = None if names is None else (*names, entry.name)
            self._known[entry.node] = names

    def _find_former(self, node: NodeId) -> Names | None:
        trashed = trash.find_one(self._sql, self._space.id, node)
        if trashed is None:
            return None
        parent = find_path(self._sql, self._space, trashed.parent, trashed.seq - 1)
        return (*rules.parse_path(parent or ""), trashed.name)
