"""What putting back would change: of each node that some seqs touched, the state before them beside the state now."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from cloudconnect.features.files.models import SettingKind, Space
from cloudconnect.features.files.moments import Obstacle, Seqs
from cloudconnect.features.files.service import resetting, retagging
from cloudconnect.features.files.service.resetting import SettingStep
from cloudconnect.features.files.service.retagging import TagStep
from cloudconnect.features.files.service.reversals import Reversal, reverse
from cloudconnect.features.files.store import history
from cloudconnect.features.files.store.history import Past, PastRow, State
from cloudconnect.features.files.store.settings import SettingRow
from cloudconnect.features.files.store.tags import TagRow
from cloudconnect.kernel.ids import NodeId
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class Step:
    """A node that is to be put back: from ``now`` to ``then``, None where it is not in the tree.

    ``first`` is the earliest seq that is taken back; ``born`` the seq at which the node first existed; ``last`` its
    row of now, or the last that it had. With a ``source`` it is a new node that shares the content of that row.
    """

    node: NodeId
    now: PastRow | None
    then: PastRow | None
    last: PastRow
    first: int
    born: int
    source: PastRow | None = None

    @property
    def is_made(self) -> bool:
        """Whether the node did not exist before what is taken back."""
        return self.then is None and self.born >= self.first

    @property
    def is_moved(self) -> bool:
        """Whether it gets another place in the tree, which it has not left."""
        return (
            self.now is not None
            and self.then is not None
            and (self.now.parent, self.now.name) != (self.then.parent, self.then.name)
        )

    @property
    def is_rewritten(self) -> bool:
        """Whether it gets another content or time of modification."""
        return (
            self.then is not None
            and self.source is None
            and (self.then.version, self.then.modified_ns)
            != (
                self.last.version,
                self.last.modified_ns,
            )
        )


@dataclass(slots=True)
class Plan:
    """Steps to take in one space, and what cannot be put back; ``touched`` is every node that was looked at.

    ``is_void`` says that nothing would be taken back; changes that cancel each other out can be, though no step is
    needed for it. ``gone`` are nodes that came and went by what is taken back; they stay in the trash.
    ``turned`` are the seqs at which each node was changed by it, ``tag_steps`` what each gets or loses of its tags,
    ``setting_steps`` what is set for it again. ``space_settings`` are the kinds that were looked at of the space's own,
    whose steps are those of the root.
    """

    space: Space
    seqs: Seqs
    steps: dict[NodeId, Step]
    hindrances: dict[NodeId, Obstacle]
    touched: dict[NodeId, PastRow]
    is_void: bool = True
    gone: set[NodeId] = field(default_factory=set)
    turned: dict[NodeId, list[int]] = field(default_factory=dict)
    tag_steps: dict[NodeId, list[TagStep]] = field(default_factory=dict)
    setting_steps: dict[NodeId, list[SettingStep]] = field(default_factory=dict)
    space_settings: set[SettingKind] = field(default_factory=set)

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to do."""
        return not (self.steps or self.tag_steps or self.setting_steps)

    def keep_settings(self, node: NodeId, kept: Collection[SettingStep]) -> None:
        """Leave of the settings of *node* only the steps *kept*."""
        left = [step for step in self.setting_steps.pop(node, []) if step in kept]
        if left:
            self.setting_steps[node] = left

    def leave_out(self, node: NodeId) -> None:
        """Take *node* out, with all that would have been done to it."""
        for part in (self.touched, self.steps, self.hindrances, self.tag_steps, self.setting_steps, self.turned):
            part.pop(node, None)


def plan_reversal(sql: Sql, space: Space, seqs: Seqs, within: NodeId | None = None) -> Plan:
    """Return what takes back everything that *seqs* did, in the folder or file *within* or anywhere.

    Of each node, of each of its tags, and of each setting, the longest run of changes at its end is taken back that
    belongs to *seqs*; whatever lies between must have left it as it was, else what came before it stays, and the node
    is named as changed later.
    """
    plan = Plan(space, seqs, {}, {}, {})
    if not seqs:
        return plan
    for past in history.find_touched(sql, space.id, seqs.first, seqs.last):
        _plan_node(plan, past)
    _plan_tags(sql, plan)
    _plan_settings(sql, plan)
    if within is not None and within != space.root:
        _keep_within(sql, plan, within)
    return plan


def _plan_node(plan: Plan, past: Past) -> None:
    reversal = reverse(past.rows, plan.seqs, _state)
    if reversal is None:
        return
    if reversal.is_hindered:
        plan.hindrances[past.node] = Obstacle.CHANGED
    now, then, first, last = reversal.now, reversal.then, reversal.first, past.rows[-1]
    plan.turned[past.node] = reversal.turned
    plan.touched[past.node] = last
    plan.is_void = plan.is_void and first == 0
    if _state(then) != _state(now):
        plan.steps[past.node] = Step(past.node, now, then, last, first, past.born)
    elif now is None and 0 < first <= past.born:
        plan.gone.add(past.node)


def _plan_tags(sql: Sql, plan: Plan) -> None:
    """Add to *plan* what takes back the tags.

    What goes for the first time takes them along, for when it comes back; what goes back into the trash gets those
    that it had there, but for what somebody has said of it since.
    """
    for node, name, reversal in retagging.find_reversals(sql, plan.space, plan.seqs):
        if _is_leaving(plan, node) and (reversal.is_hindered or not _is_going_back(plan, node)):
            continue
        _touch(sql, plan, node)
        _count(plan, node, reversal)
        if reversal.is_hindered:
            plan.hindrances[node] = Obstacle.CHANGED
        then = retagging.said_by(reversal.then)
        if then != retagging.said_by(reversal.now):
            plan.tag_steps.setdefault(node, []).append(TagStep(node, name, then))


def _plan_settings(sql: Sql, plan: Plan) -> None:
    """Add to *plan* what takes back the settings; what is set for the space itself touches no node of its tree."""
    for setting, reversal in resetting.find_reversals(sql, plan.space, plan.seqs):
        node = setting.node
        if _is_leaving(plan, node):
            continue
        if setting.kind in (SettingKind.PROPERTY, SettingKind.PIN):
            _touch(sql, plan, node)
        else:
            plan.space_settings.add(setting.kind)
        _count(plan, node, reversal)
        if reversal.is_hindered:
            plan.hindrances[node] = Obstacle.SET_LATER
        then = resetting.value_of(reversal.then)
        if then != resetting.value_of(reversal.now):
            plan.setting_steps.setdefault(node, []).append(SettingStep(setting, then))


def _is_leaving(plan: Plan, node: NodeId) -> bool:
    step = plan.steps.get(node)
    return node in plan.gone or (step is not None and step.then is None)


def _is_going_back(plan: Plan, node: NodeId) -> bool:
    """Tell whether *node*, which leaves the tree, was in the trash before what is taken back."""
    step = plan.steps.get(node)
    return step is not None and not step.is_made


def _touch(sql: Sql, plan: Plan, node: NodeId) -> None:
    if node not in plan.touched:
        plan.touched[node] = history.find_pasts(sql, plan.space.id, [node], 0)[node].rows[-1]


def _count(plan: Plan, node: NodeId, reversal: Reversal[TagRow] | Reversal[SettingRow]) -> None:
    plan.turned.setdefault(node, []).extend(reversal.turned)
    plan.is_void = plan.is_void and reversal.first == 0


def _state(row: PastRow | None) -> State | None:
    return None if row is None else row.state


def _keep_within(sql: Sql, plan: Plan, within: NodeId) -> None:
    """Leave in *plan* only nodes that are, were last, or are to be in the folder *within*."""
    starts = {row.parent for row in plan.touched.values()}
    starts |= {step.then.parent for step in plan.steps.values() if step.then is not None}
    parents: dict[NodeId, NodeId | None] = {}
    load_parents(sql, plan.space, {node for node in starts if node is not None}, parents)
    inside = {within: True, plan.space.root: False}

    def is_within(node: NodeId | None) -> bool:
        way: dict[NodeId, None] = {}
        while node is not None and node not in inside and node not in way:
            way[node] = None
            above = parents.get(node)
            node = plan.touched[node].parent if above is None and node in plan.touched else above
        answer = node is not None and inside.get(node, False)
        inside.update(dict.fromkeys(way, answer))
        return answer

    for node, row in list(plan.touched.items()):
        step = plan.steps.get(node)
        then = None if step is None else step.then
        if node == within or is_within(row.parent) or (then is not None and is_within(then.parent)):
            continue
        plan.leave_out(node)
    plan.leave_out(plan.space.root)
    plan.space_settings.clear()
    plan.seqs = Seqs((seq, seq) for turned in plan.turned.values() for seq in turned)
    plan.is_void = not plan.turned


def load_parents(sql: Sql, space: Space, nodes: Iterable[NodeId], parents: dict[NodeId, NodeId | None]) -> None:
    """Add to *parents* the folder that each of *nodes* is in now, and those above; None for what is not in the tree."""
    waiting = set(nodes) - parents.keys()
    while waiting:
        parents.update(dict.fromkeys(waiting))
        parents.update(history.find_parents(sql, space.id, sorted(waiting)))
        above = {parents[node] for node in waiting}
        waiting = {node for node in above if node is not None} - parents.keys()
