"""What the driver was asked to do and has acknowledged, and whether what is there agrees with it."""

import functools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from cloudconnect.ports.sql import Sql

Versions = tuple[tuple[int, int], ...]
"""The versions of one node, oldest first: the number of the deed that wrote it and the number of its content."""

_SIZES = (0, 200, 3_000, 9_000, 24_000)
_LONGEST = 60_000


@functools.lru_cache(maxsize=4_096)
def content(seed: int, number: int) -> bytes:
    """Return the bytes of a content; some begin like an earlier one, so that they share chunks with it."""
    random = Random(f"{seed}/{number}")
    earlier = content(seed, random.randrange(number)) if number and random.random() < 0.3 else b""
    size = random.choice(_SIZES)
    return (earlier + random.randbytes(random.randrange(size // 2, size + 1)))[:_LONGEST]


def find(sql: Sql) -> tuple[dict[str, Versions], int]:
    """Return the nodes of a store and how many facts its log has."""
    nodes: dict[str, Versions] = {}
    for node, deed, number in sql.rows("SELECT node, seq, media_type FROM version ORDER BY node, seq"):
        nodes[node] = (*nodes.get(node, ()), (deed, int(number)))
    row = sql.row("SELECT count(*) FROM event")
    return nodes, row[0]


@dataclass(frozen=True, slots=True)
class Deed:
    """One unit of work: nodes that get a new version, by content, in place of the old ones or beside them, or go."""

    number: int
    puts: dict[str, int]
    removes: tuple[str, ...] = ()
    keeps_old: bool = False

    @property
    def facts(self) -> int:
        """How many facts it records."""
        return len(self.puts) + len(self.removes)

    def after(self, before: dict[str, Versions]) -> dict[str, Versions]:
        """Return what its nodes are once it is done."""
        changed: dict[str, Versions] = dict.fromkeys(self.removes, ())
        for node, number in self.puts.items():
            kept = before.get(node, ()) if self.keeps_old else ()
            changed[node] = (*kept, (self.number, number))
        return changed

    def to_json(self) -> dict[str, Any]:
        """Return it as the journal keeps it."""
        return {"begun": self.number, "puts": self.puts, "removes": self.removes, "keeps_old": self.keeps_old}


@dataclass(slots=True)
class History:
    """What must be there, and what may be, as the journal of the driver tells it."""

    nodes: dict[str, Versions] = field(default_factory=dict)
    facts: int = 0
    acknowledged: int = 0
    deeds: int = 0
    contents: int = 0
    open: dict[int, Deed] = field(default_factory=dict)
    spaces: set[str] = field(default_factory=set)
    strangers: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    collected: int = 0
    moved: int = 0
    is_made: bool = False
    has_ended: bool = False

    def again(self) -> "History":
        """Return a copy for a run that goes on from here, with nothing counted yet."""
        return replace(
            self,
            nodes=dict(self.nodes),
            open=dict(self.open),
            spaces=set(self.spaces),
            acknowledged=0,
            collected=0,
            moved=0,
            refusals=[],
            strangers=[],
        )

    def read(self, line: bytes) -> None:
        """Take an entry of the journal in."""
        entry = json.loads(line)
        if not self._read_deed(entry):
            self._read_other(entry)

    def _read_deed(self, entry: dict[str, Any]) -> bool:
        match entry:
            case {"begun": number, "puts": puts, "removes": removes, "keeps_old": keeps_old}:
                self.open[number] = Deed(number, puts, tuple(removes), keeps_old)
                self.deeds = max(self.deeds, number)
                self.contents = max(self.contents, *(each + 1 for each in puts.values()), 0)
            case {"done": number}:
                deed = self.open.pop(number)
                self.nodes |= deed.after(self.nodes)
                self.facts += deed.facts
                self.acknowledged += 1
            case {"refused": number, "code": code, "is_sure": is_sure}:
                self.refusals.append(code)
                if is_sure:
                    del self.open[number]
            case {"found": nodes, "facts": facts}:
                # What had been begun and not acknowledged is by now there for good, or not at all.
                self.nodes = {node: tuple(map(tuple, versions)) for node, versions in nodes.items()}
                self.facts = facts
                self.open.clear()
            case _:
                return False
        return True

    def _read_other(self, entry: dict[str, Any]) -> None:
        match entry:
            case {"space": space}:
                self.spaces.add(space)
            case {"no_space": code} | {"no_gc": code}:
                self.refusals.append(code)
            case {"gc": found}:
                self.collected += found["packs_removed"]
                self.moved += found["chunks_moved"]
            case {"made": _}:
                self.is_made = True
            case {"ended": code}:
                self.has_ended = True
                self.refusals += [code] if code else []
            case {"stranger": error}:
                self.strangers.append(error)

    def compare(self, nodes: dict[str, Versions], facts: int) -> Iterator[str]:
        """Yield in what *nodes*, all that is there, and the number of *facts* go against what must be."""
        expected, expected_facts = dict(self.nodes), self.facts
        for deed in self.open.values():
            after = deed.after(self.nodes)
            there = {node: nodes.get(node, ()) for node in after}
            if there == after:
                expected |= after
                expected_facts += deed.facts
            elif any(there[node] != self.nodes.get(node, ()) for node in after):
                yield "an unacknowledged deed is there in part"
                expected |= there
        for node in sorted(expected.keys() | nodes.keys()):
            must, there = expected.get(node, ()), nodes.get(node, ())
            if set(must) - set(there):
                yield "an acknowledged version is missing"
            if set(there) - set(must):
                yield "a version is there that should not be"
        if facts != expected_facts:
            yield "the log and the versions disagree"
