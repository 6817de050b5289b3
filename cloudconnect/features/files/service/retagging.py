"""Taking back what was said about files and folders: tags, each by itself, beside the tree that they hang on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from cloudconnect.bus import Unit
from cloudconnect.features.files.models import Space, Tag
from cloudconnect.features.files.moments import Seqs
from cloudconnect.features.files.service.reversals import Reversal, reverse
from cloudconnect.features.files.service.tags import tag, untag
from cloudconnect.features.files.store import tags
from cloudconnect.features.files.store.tags import TagRow
from cloudconnect.kernel.ids import NodeId
from cloudconnect.ports.sql import Sql


@dataclass(frozen=True, slots=True)
class TagStep:
    """A tag that is to be what it was ``then``, None for off."""

    node: NodeId
    name: str
    then: Tag | None


def find_reversals(sql: Sql, space: Space, seqs: Seqs) -> Iterator[tuple[NodeId, str, Reversal[TagRow]]]:
    """Yield what takes back what *seqs* did to tags in *space*, by node and name."""
    rows = tags.find_touched(sql, space.id, seqs.first, seqs.last)
    for (node, name), group in groupby(rows, key=lambda row: (row.node, row.tag.name)):
        reversal = reverse(group, seqs, said_by)
        if reversal is not None:
            yield node, name, reversal


def find_differences(sql: Sql, targets: Mapping[NodeId, NodeId], at: int) -> Iterator[TagStep]:
    """Yield what gives each target, its node itself or a copy of it, the tags that the node had as of the seq *at*."""
    wanted = tags.find_tags(sql, list(targets), at)
    held = tags.find_tags(sql, list(targets.values()), None)
    for node, target in targets.items():
        then = {each.name: each for each in wanted.get(node, [])}
        now = {each.name: each for each in held.get(target, [])}
        for name in sorted(then.keys() | now.keys()):
            if then.get(name) != now.get(name):
                yield TagStep(target, name, then.get(name))


def said_by(row: TagRow | None) -> Tag | None:
    """Return the tag that *row* tells of, by which two are told apart."""
    return None if row is None else row.tag


def put_back(unit: Unit, space: Space, steps: list[TagStep]) -> None:
    """Let the tags of *steps* be what they were, each told as a fact."""
    for step in steps:
        if step.then is None:
            untag(unit, space, step.node, [step.name], may_lack=True)
        else:
            tag(unit, space, step.node, [step.then])
