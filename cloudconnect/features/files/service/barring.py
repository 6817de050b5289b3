"""What somebody else has locked is not put back: a plan is held against the locks of its space, step by step."""

from collections.abc import Iterator

from cloudconnect.bus import Unit
from cloudconnect.features.files.models import Lock, SettingKind, Space
from cloudconnect.features.files.moments import Obstacle
from cloudconnect.features.files.service import covering
from cloudconnect.features.files.service.plans import Plan, Step, load_parents
from cloudconnect.features.files.store import locks
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.sql import Sql


class Barring:
    """Tells what the locks of a space keep one principal from; lives as long as its transaction."""

    def __init__(self, sql: Sql, space: Space, principal: Principal, now_ms: int) -> None:
        self._sql = sql
        self._space = space
        self._principal = principal
        self._held: dict[NodeId, list[Lock]] = {}
        for lock in locks.find_held(sql, space.id, now_ms):
            self._held.setdefault(lock.node, []).append(lock)
        self._parents: dict[NodeId, NodeId | None] = {}
        load_parents(sql, space, self._held, self._parents)
        self._deep: dict[NodeId | None, list[Lock]] = {None: []}
        self._holders = self._find_holders()

    def bar(self, plan: Plan) -> None:
        """Move to the hindrances of *plan* what it would do to what is locked."""
        if not self._held:
            return
        self._load_folders(plan)
        for node, step in list(plan.steps.items()):
            if self._bars(step):
                plan.hindrances[node] = Obstacle.LOCKED
                for part in (plan.steps, plan.tag_steps, plan.setting_steps):
                    part.pop(node, None)
        self.bar_words(plan)

    def bar_words(self, plan: Plan) -> None:
        """Move to the hindrances of *plan* what it would say about what is locked: tags, properties, pins."""
        if not self._held:
            return
        load_parents(self._sql, self._space, {*plan.tag_steps, *plan.setting_steps}, self._parents)
        for node in [node for node in plan.tag_steps if self._is_covered(node)]:
            plan.hindrances[node] = Obstacle.LOCKED
            del plan.tag_steps[node]
        for node, steps in list(plan.setting_steps.items()):
            kept = {step for step in steps if step.setting.kind not in (SettingKind.PROPERTY, SettingKind.PIN)}
            if len(kept) < len(steps) and self._is_covered(node):
                plan.hindrances[node] = Obstacle.LOCKED
                plan.keep_settings(node, kept)

    def _find_holders(self) -> set[NodeId]:
        """Return the nodes that are locked against the principal, and the folders above them."""
        holders: set[NodeId] = set()
        for node, held in self._held.items():
            above: NodeId | None = node if self._is_barred(held) else None
            while above is not None and above not in holders:
                holders.add(above)
                above = self._parents.get(above)
        return holders

    def _load_folders(self, plan: Plan) -> None:
        rows = (row for step in plan.steps.values() for row in (step.now, step.then) if row is not None)
        folders = {row.parent for row in rows if row.parent is not None}
        load_parents(self._sql, self._space, {*folders, *plan.tag_steps, *plan.setting_steps}, self._parents)

    def _bars(self, step: Step) -> bool:
        """Tell whether *step* would write to what is locked, take it along, or alter what a locked folder holds."""
        now, then = step.now, step.then
        if now is not None:
            if self._is_barred([*self._held.get(step.node, []), *self._find_deep(now.parent)]):
                return True
            if _leaves(step) and (step.node in self._holders or self._is_locked(now.parent)):
                return True
        return then is not None and (now is None or step.is_moved) and self._is_covered(then.parent)

    def _is_covered(self, node: NodeId | None) -> bool:
        """Tell whether a lock on *node*, or a deep one above it, keeps the principal out."""
        if node is None:
            return False
        return self._is_barred([*self._held.get(node, []), *self._find_deep(self._parents.get(node))])

    def _is_locked(self, node: NodeId | None) -> bool:
        """Tell whether a lock on *node* itself keeps the principal out."""
        return node is not None and self._is_barred(self._held.get(node, []))

    def _is_barred(self, held: list[Lock]) -> bool:
        """Tell whether locks on one place keep the principal out: of several shared ones, its own is enough."""
        return bool(held) and not any(covering.passes(self._principal, lock) for lock in held)

    def _find_deep(self, folder: NodeId | None) -> list[Lock]:
        """Return the deep locks on *folder* and above it."""
        way: list[NodeId] = []
        while folder not in self._deep and folder is not None:
            way.append(folder)
            folder = self._parents.get(folder)
        found = self._deep[folder]
        for node in reversed(way):
            found = self._deep[node] = [*found, *(lock for lock in self._held.get(node, []) if lock.is_deep)]
        return found


def release_steps(unit: Unit, plan: Plan) -> None:
    """End the locks on what *plan* takes from its place, and on all below it: they do not come along."""
    held = locks.find_held(unit.sql, plan.space.id, unit.now_ms)
    parents: dict[NodeId, NodeId | None] = {}
    load_parents(unit.sql, plan.space, {lock.node for lock in held}, parents)
    leaving = {node for node, step in plan.steps.items() if _leaves(step)} if held else set()
    ended = [lock for lock in held if not leaving.isdisjoint(_line(parents, lock.node))]
    if ended:
        covering.end(unit, ended)


def _leaves(step: Step) -> bool:
    """Tell whether *step* takes its node from its place in the tree."""
    return step.now is not None and (step.then is None or step.is_moved)


def _line(parents: dict[NodeId, NodeId | None], node: NodeId | None) -> Iterator[NodeId]:
    """Yield *node* and the folders above it."""
    while node is not None:
        yield node
        node = parents.get(node)
