"""Looking for what stands in the way of a plan, until what is left of it can be done whole."""

from cloudconnect.features.files.models import SettingKind
from cloudconnect.features.files.moments import Obstacle
from cloudconnect.features.files.service import resetting
from cloudconnect.features.files.service.barring import Barring
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.places import find_path
from cloudconnect.features.files.service.plans import Plan, Step, load_parents
from cloudconnect.features.files.store import history
from cloudconnect.features.files.store.history import PastRow
from cloudconnect.kernel.errors import Denied
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.access import Access, Action, Resource, Verdict
from cloudconnect.ports.sql import Sql


class Examiner:
    """Takes out of a plan what cannot be done; lives as long as its transaction.

    A step that is taken out stays as it is now, which can stand in the way of another: so it looks again until nothing
    more is found.
    """

    def __init__(self, sql: Sql, plan: Plan) -> None:
        self._sql = sql
        self._plan = plan
        self._parents: dict[NodeId, NodeId | None] = {}
        self._below: dict[NodeId, list[PastRow]] = {}
        steps = plan.steps.values()
        placed = (step.then for step in steps if step.then is not None and (step.now is None or step.is_moved))
        self._occupants = history.find_occupants(sql, {(then.parent, then.name) for then in placed if then.parent})
        starts = {row.parent for row in plan.touched.values()}
        starts |= {step.then.parent for step in steps if step.then is not None}
        load_parents(sql, plan.space, {node for node in starts if node is not None}, self._parents)

    def require(self, guide: Guide, principal: Principal) -> None:
        """Return if *principal* may write to everything that the plan looked at, where it is and where it shall be.

        What is set for the space and *principal* may not set stands in the way of whoever may write to the space.

        Raises:
            Denied, NotFound: as ``Access.require`` decides.
        """
        plan = self._plan
        if plan.touched or not plan.space_settings:
            self._require_nodes(guide.access, principal)
        denied = {kind for kind in plan.space_settings if not self._may_set(guide, principal, kind)}
        if denied:
            plan.hindrances[plan.space.root] = Obstacle.NOT_ALLOWED
            steps = plan.setting_steps.get(plan.space.root, [])
            plan.keep_settings(plan.space.root, {step for step in steps if step.setting.kind not in denied})

    def _may_set(self, guide: Guide, principal: Principal, kind: SettingKind) -> bool:
        space = self._plan.space
        try:
            resetting.require(guide, self._sql, principal, space, kind)
        except Denied:
            guide.access.require(self._sql, principal, Action.WRITE, Resource(space.id, (space.root,)))
            return False
        return True

    def _require_nodes(self, access: Access, principal: Principal) -> None:
        space = self._plan.space
        root = Resource(space.id, (space.root,))
        if not self._plan.touched:
            access.require(self._sql, principal, Action.WRITE, root)
        if access.decide(self._sql, principal, Action.WRITE, root).verdict is Verdict.ALLOW:
            return
        open_folders: set[NodeId] = set()
        for node, row in self._plan.touched.items():
            step = self._plan.steps.get(node)
            then = None if step is None else step.then
            for folder in {row.parent, row.parent if then is None else then.parent} - open_folders:
                line = self._line(folder)
                if line is None:
                    access.require(self._sql, principal, Action.WRITE, root)
                elif (
                    access.decide(self._sql, principal, Action.WRITE, Resource(space.id, line)).verdict is Verdict.ALLOW
                ):
                    open_folders.add(line[-1])
                else:
                    access.require(self._sql, principal, Action.WRITE, Resource(space.id, (*line, node)))

    def examine(self, barring: Barring) -> None:
        """Move every step that cannot be done to the plan's hindrances."""
        self._check_kept()
        barring.bar(self._plan)
        self._check_settings()
        while found := self._find_obstacles():
            for node, obstacle in found.items():
                self._plan.hindrances[node] = obstacle
                del self._plan.steps[node]

    def _check_kept(self) -> None:
        """Take out what is no longer kept: versions that were pruned, and what the trash was emptied of."""
        steps = self._plan.steps
        absent = sorted(node for node, step in steps.items() if step.now is None and step.source is None)
        kept = history.find_in_trash(self._sql, absent)
        for node in absent:
            if node not in kept:
                self._plan.hindrances[node] = Obstacle.PURGED
                del steps[node]
        for node, step in list(steps.items()):
            if step.then is not None and step.then.version is not None and step.then.size is None:
                self._plan.hindrances[node] = Obstacle.VERSION_GONE
                del steps[node]

    def _check_settings(self) -> None:
        """Take out what can no longer be set: a name that another space has, a mark on a version that was pruned."""
        plan = self._plan
        for node, steps in list(plan.setting_steps.items()):
            found = {step: resetting.find_obstacle(self._sql, plan.space, step) for step in steps}
            plan.hindrances.update((node, obstacle) for obstacle in found.values() if obstacle is not None)
            plan.keep_settings(node, {step for step, obstacle in found.items() if obstacle is None})

    def _find_obstacles(self) -> dict[NodeId, Obstacle]:
        found: dict[NodeId, Obstacle] = {}
        hanging: dict[NodeId, Obstacle | None] = {}
        taken: set[tuple[NodeId | None, str]] = set()
        for node, step in self._plan.steps.items():
            obstacle = self._find_detachment(step, hanging)
            if obstacle is None and step.then is not None:
                place = (step.then.parent, step.then.name)
                obstacle = Obstacle.NAME_TAKEN if place in taken or self._is_taken(step, step.then) else None
                taken.add(place)
            if obstacle is not None:
                found[node] = obstacle
        found.update(dict.fromkeys(self._find_holding(), Obstacle.HOLDS_NEWER))
        return found

    def _find_detachment(self, step: Step, hanging: dict[NodeId, Obstacle | None]) -> Obstacle | None:
        """Return why the folder that *step* needs does not hang on the root, None if it does.

        What was out of sight before is put back out of sight, and what went out of sight by what is taken back is none
        the worse for it.
        """
        if step.then is not None:
            folder, moment = step.then.parent, step.first - 1
        elif step.now is None or self._line(step.now.parent) is not None:
            return None
        else:
            folder, moment = step.now.parent, self._plan.seqs.last
        obstacle = self._hangs(folder, hanging)
        if obstacle is None or folder is None or find_path(self._sql, self._plan.space, folder, moment) is None:
            return None
        return obstacle

    def _hangs(self, node: NodeId | None, hanging: dict[NodeId, Obstacle | None]) -> Obstacle | None:
        """Return why *node* will not hang on the root once the plan is done, None if it will.

        What lies in a folder that the plan removes goes with it, as it was before.
        """
        way: dict[NodeId, None] = {}
        outcome: Obstacle | None = Obstacle.FOLDER_GONE
        while node is not None:
            if node == self._plan.space.root:
                outcome = None
                break
            if node in hanging:
                outcome = hanging[node]
                break
            if node in way:
                outcome = Obstacle.INTO_ITSELF
                break
            way[node] = None
            step = self._plan.steps.get(node)
            if step is not None and step.then is None:
                outcome = None
                break
            node = self._parents.get(node) if step is None or step.then is None else step.then.parent
        hanging.update(dict.fromkeys(way, outcome))
        return outcome

    def _is_taken(self, step: Step, then: PastRow) -> bool:
        if then.parent is None:
            return False
        occupant = self._occupants.get((then.parent, then.name))
        if occupant is None or occupant == step.node:
            return False
        other = self._plan.steps.get(occupant)
        return other is None or not (other.then is None or other.is_moved)

    def _find_holding(self) -> set[NodeId]:
        """Return the folders that are to go to the trash but hold what came later and is to stay."""
        steps, hindered = self._plan.steps, self._plan.hindrances
        going = {node: step for node, step in steps.items() if step.then is None and step.last.version is None}
        holding: set[NodeId] = set()
        for step in steps.values():
            folder = None if step.then is None else step.then.parent
            if step.then is not None and folder in going and self._is_foreign(step.then, going[folder]):
                holding.add(folder)
        level = [(node, step) for node, step in going.items() if step.now is not None]
        while level:
            self._load_below([node for node, _ in level])
            inner: list[tuple[NodeId, Step]] = []
            for node, owner in level:
                for child in self._below[node]:
                    if child.node in steps or owner.node in holding:
                        continue
                    if child.node in hindered or (self._is_foreign(child, owner) and self._came_later(child, owner)):
                        holding.add(owner.node)
                    elif child.version is None:
                        inner.append((child.node, owner))
            level = inner
        return holding

    def _is_foreign(self, row: PastRow, owner: Step) -> bool:
        """Tell whether *row* came into the folder of *owner* later, by what the plan does not take back."""
        return row.from_seq >= owner.first and row.from_seq not in self._plan.seqs

    def _came_later(self, row: PastRow, owner: Step) -> bool:
        """Tell whether *row* is more than what was there all along, taken away once and put back since."""
        at = owner.first - 1
        known = history.find_pasts(self._sql, self._plan.space.id, [row.node], at)[row.node].rows[0]
        return known.from_seq > at or known.state != row.state

    def _load_below(self, folders: list[NodeId]) -> None:
        missing = sorted(set(folders) - self._below.keys())
        self._below.update({node: [] for node in missing})
        for row in history.find_below(self._sql, missing):
            if row.parent is not None:
                self._below[row.parent].append(row)

    def _line(self, folder: NodeId | None) -> tuple[NodeId, ...] | None:
        """Return the nodes from the root down to *folder* as they hang now, None if it does not hang there."""
        line: list[NodeId] = []
        while folder is not None:
            line.append(folder)
            if folder == self._plan.space.root:
                return tuple(reversed(line))
            folder = self._parents.get(folder)
        return None
