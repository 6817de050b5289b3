"""Many files at once, by node: what each is, where it hangs, and whether the asker may read it."""

from collections.abc import Sequence
from dataclasses import dataclass

from cloudconnect.features.files.errors import NoSuchEntry, NotAFile, NotSmall, VersionPruned
from cloudconnect.features.files.models import Entry, Space
from cloudconnect.features.files.store import tree
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access, Action, Resource, Verdict
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import SMALL_BYTES

Line = tuple[NodeId, ...]


@dataclass(frozen=True, slots=True)
class Reading:
    """What became of each node that was asked for, and the manifests of those that can be read, by place."""

    outcomes: list[Entry | CloudConnectError]
    manifests: dict[int, bytes]


class Finder:
    """Finds files in one space, now or as of the seq *at*, for one principal; lives as long as its transaction."""

    def __init__(self, sql: Sql, access: Access, principal: Principal, space: Space, at: int | None) -> None:
        self._sql = sql
        self._access = access
        self._principal = principal
        self._space = space
        self._at = at
        self._lines: dict[NodeId, Line | None] = {space.root: (space.root,)}
        self._open: dict[NodeId, bool] = {}

    def find(self, nodes: Sequence[NodeId]) -> Reading:
        """Return the small files *nodes*; each is refused by itself, also when its folder was removed."""
        rows = tree.find_rows(self._sql, self._space.id, sorted(set(nodes)), self._at)
        self._find_lines({entry.parent for entry in rows.values() if entry.parent is not None})
        outcomes: list[Entry | CloudConnectError] = []
        for node in nodes:
            try:
                outcomes.append(self._decided(rows.get(node)))
            except CloudConnectError as refusal:
                outcomes.append(refusal)
        named = {
            place: (entry.node, entry.version)
            for place, entry in enumerate(outcomes)
            if isinstance(entry, Entry) and entry.version is not None
        }
        manifests = tree.find_manifests(self._sql, sorted(set(named.values())))
        for place, version in named.items():
            if not manifests[version]:
                outcomes[place] = VersionPruned(fix=N_("Choose another moment."))
        return Reading(outcomes, {place: manifests[version] for place, version in named.items() if manifests[version]})

    def _decided(self, entry: Entry | None) -> Entry:
        line = None if entry is None or entry.parent is None else self._lines[entry.parent]
        if entry is None or line is None:
            # Whoever may not see the space learns here as little about what is gone as about what is there.
            self._require((self._space.root,))
            raise NoSuchEntry(N_("It is no longer there."), fix=N_("List the folder again."))
        # A grant on a folder opens all below it, so only where there is none can the file's own line say more.
        if not self._is_open(line):
            self._require((*line, entry.node))
        if entry.is_folder:
            raise NotAFile(N_("“{path}” is a folder."), fix=N_("Name a file in it."), path=entry.name)
        if (entry.size or 0) > SMALL_BYTES:
            raise NotSmall(
                N_("“{path}” has more than {most} bytes."),
                fix=N_("Get it by itself."),
                path=entry.name,
                most=SMALL_BYTES,
            )
        return entry

    def _is_open(self, line: Line) -> bool:
        known = self._open.get(line[-1])
        if known is None:
            resource = Resource(self._space.id, line)
            decision = self._access.decide(self._sql, self._principal, Action.READ, resource)
            known = self._open[line[-1]] = decision.verdict is Verdict.ALLOW
        return known

    def _require(self, line: Line) -> None:
        self._access.require(self._sql, self._principal, Action.READ, Resource(self._space.id, line))

    def _find_lines(self, folders: set[NodeId]) -> None:
        """Note the line of each of *folders* from the root on, None for what hangs on it no longer."""
        above: dict[NodeId, NodeId | None] = {}
        waiting = folders - self._lines.keys()
        while waiting:
            rows = tree.find_rows(self._sql, self._space.id, sorted(waiting), self._at)
            above.update((node, rows[node].parent if node in rows else None) for node in waiting)
            waiting = {node for node in above.values() if node is not None} - above.keys() - self._lines.keys()
        for folder in above:
            self._lines[folder] = self._line(folder, above)

    def _line(self, folder: NodeId, above: dict[NodeId, NodeId | None]) -> Line | None:
        below: list[NodeId] = []
        current: NodeId | None = folder
        while current is not None and current not in self._lines:
            below.append(current)
            current = above[current]
        top = None if current is None else self._lines[current]
        return None if top is None else (*top, *reversed(below))
