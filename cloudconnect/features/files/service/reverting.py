"""Carrying out a plan: one unit that puts every node of it back."""

import dataclasses

from cloudconnect.bus import Unit
from cloudconnect.events.files import ContentReverted, EntryCopied, EntryMoved, EntryRestored, EntryTrashed
from cloudconnect.features.files.models import Entry, EntryKind, Space, Trashed
from cloudconnect.features.files.moments import Hindrance, Reverted
from cloudconnect.features.files.service import deeds, resetting, retagging
from cloudconnect.features.files.service.charging import charge
from cloudconnect.features.files.service.places import find_path
from cloudconnect.features.files.service.plans import Plan, Step
from cloudconnect.features.files.store import purging, states, trash, tree
from cloudconnect.features.files.store.history import PastRow
from cloudconnect.kernel.ids import NodeId
from cloudconnect.ports.sql import Sql

LISTED_AT_MOST = 1_000


def trash_steps(unit: Unit, plan: Plan) -> None:
    """Put into the trash what *plan* takes out of the tree; what was made together goes as one."""
    ended: list[tuple[NodeId, int]] = []
    trashed: list[Trashed] = []
    for step in plan.steps.values():
        if step.then is not None or step.now is None or _goes_along(plan, step):
            continue
        seq = deeds.seq_of(unit.record(EntryTrashed(subject=step.node, space=plan.space.id)))
        ended.append((step.node, seq))
        trashed.append(_trashed(unit, step, seq))
    tree.close_entries(unit.sql, ended)
    states.touch(unit.sql, [(each.parent, each.seq) for each in trashed])
    trash.add_many(unit.sql, plan.space.id, trashed)


def place_steps(unit: Unit, plan: Plan, seq: int) -> None:
    """Give every node that *plan* leaves in the tree its former state, all as of *seq*, and tell it of each.

    Raises:
        QuotaExceeded: the space may not hold as much.
    """
    placed = [(step, step.then) for step in plan.steps.values() if step.then is not None]
    charge(unit, plan.space, sum((then.size or 0) - _held_bytes(step) for step, then in placed), may_yield=False)
    tree.close_entries(unit.sql, [(step.node, seq) for step, _ in placed if step.now is not None])
    returning = [step.node for step, _ in placed if step.now is None]
    trash.remove_many(unit.sql, returning)
    purging.keep(unit.sql, returning)
    tree.copy_versions(
        unit.sql,
        [
            (step.source.node, step.source.version, step.node)
            for step, _ in placed
            if step.source is not None and step.source.version is not None
        ],
        seq,
        unit.actor.id,
        unit.now_ms,
    )
    left = {step.now.parent for step, _ in placed if step.now is not None and step.is_moved}
    states.touch(unit.sql, [(parent, seq) for parent in left if parent is not None])
    tree.add_entries(unit.sql, plan.space.id, [_placed(step, then, seq) for step, then in placed])
    for step, _ in placed:
        _tell(unit, plan.space, step)


def tag_steps(unit: Unit, plan: Plan) -> None:
    """Give every node the tags back that *plan* says, and take the others off."""
    for steps in plan.tag_steps.values():
        retagging.put_back(unit, plan.space, steps)


def setting_steps(unit: Unit, plan: Plan) -> None:
    """Let everything be set as *plan* says."""
    resetting.put_back(unit, plan.space, [step for steps in plan.setting_steps.values() for step in steps])


def summarise(sql: Sql, plan: Plan) -> Reverted:
    """Return what *plan* comes to; of what stands in its way, the first thousand by path."""
    steps = plan.steps.values()
    changed = [step for step in steps if step.then is not None and (step.now is None or step.is_rewritten)]
    return Reverted(
        trashed=sum(step.then is None for step in steps),
        restored=sum(step.now is None and step.source is None for step in steps),
        moved=sum(step.is_moved for step in steps),
        rewritten=sum(step.now is not None and step.is_rewritten for step in steps),
        copied=sum(step.source is not None for step in steps),
        bytes=sum(step.then.size or 0 for step in changed if step.then is not None),
        retagged=len(plan.tag_steps),
        reset=sum(len(steps) for steps in plan.setting_steps.values()),
        hindered=len(plan.hindrances),
        hindrances=_hindrances(sql, plan),
    )


def _hindrances(sql: Sql, plan: Plan) -> list[Hindrance]:
    found: list[Hindrance] = []
    for node, obstacle in plan.hindrances.items():
        path = "/" if node == plan.space.root else _last_path(sql, plan, plan.touched[node])
        found.append(Hindrance(node, path, obstacle))
        if len(found) == LISTED_AT_MOST:
            break
    return sorted(found, key=lambda each: each.path)


def _last_path(sql: Sql, plan: Plan, row: PastRow) -> str:
    """Return where *row* is, or was last when the folders above it were there."""
    moments = [None if row.to_seq is None else row.to_seq - 1, plan.seqs.last, plan.seqs.first - 1]
    paths = (find_path(sql, plan.space, row.parent, at) for at in moments if row.parent is not None)
    parent = next((path for path in paths if path is not None), "…")
    return f"{parent.rstrip('/')}/{row.name}"


def _held_bytes(step: Step) -> int:
    """Return what the space is charged with for the node of *step* already."""
    return 0 if step.source is not None else step.last.size or 0


def _placed(step: Step, then: PastRow, seq: int) -> Entry:
    entry = then.entry(seq)
    return entry if step.source is None or then.version is None else dataclasses.replace(entry, version=seq)


def _goes_along(plan: Plan, step: Step) -> bool:
    """Tell whether *step* goes with its folder, which was made in the same run of changes and goes too."""
    if step.now is None or step.now.parent is None or not step.is_made:
        return False
    folder = plan.steps.get(step.now.parent)
    return step.now.parent in plan.gone or (folder is not None and folder.is_made)


def _trashed(unit: Unit, step: Step, seq: int) -> Trashed:
    row = step.last
    kind = EntryKind.FOLDER if row.version is None else EntryKind.FILE
    parent = NodeId(row.parent or "")
    return Trashed(step.node, parent, row.name, "", kind, row.size, seq, unit.now, unit.actor.name)


def _tell(unit: Unit, space: Space, step: Step) -> None:
    then = step.then
    if step.source is not None:
        unit.record(EntryCopied(subject=step.node, space=space.id, source=step.source.node))
    elif step.now is None:
        unit.record(EntryRestored(subject=step.node, space=space.id))
    elif step.is_moved or (then is not None and then.version is None):
        unit.record(EntryMoved(subject=step.node, space=space.id))
    if then is not None and then.version is not None and step.is_rewritten:
        unit.record(ContentReverted(subject=step.node, space=space.id, version=then.version, size=then.size or 0))
