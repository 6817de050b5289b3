"""Every schedule of two uploads, deletions, a download and gc: a breadth-first search over all states."""

from collections import deque
from dataclasses import dataclass, replace

import pytest

SAFE = frozenset({"recheck", "lease"})


@dataclass(frozen=True)
class World:
    """One chunk: its row, its bytes, whether it is condemned, which versions need it, and where everybody stands."""

    has_row: bool = True
    has_bytes: bool = True
    is_condemned: bool = False
    versions: frozenset = frozenset({"old"})
    uploads: tuple = ("begin", "begin")
    gc: str = "idle"
    download: str = "none"

    @property
    def is_broken(self):
        return not self.has_bytes and (bool(self.versions) or self.download == "open")


def steps(world, rules):
    yield from deletions_and_downloads(world)
    yield from uploads(world, rules)
    yield from collections(world, rules)


def deletions_and_downloads(world):
    for version in world.versions:
        yield replace(world, versions=world.versions - {version})
    if world.download == "none" and world.versions:
        yield replace(world, download="open")
    if world.download == "open":
        yield replace(world, download="over")


def uploads(world, rules):
    for number, state in enumerate(world.uploads):

        def at(new, number=number):
            return (*world.uploads[:number], new, *world.uploads[number + 1 :])

        if state == "begin":
            yield replace(world, uploads=at("counts on it" if world.has_row else "has sent it"))
        elif state == "has sent it":
            # Its copy lies in a pack of its own; a row that is there keeps its place.
            yield replace(world, has_row=True, has_bytes=True, versions=world.versions | {number}, uploads=at("over"))
        elif state == "counts on it":
            if world.has_row or "recheck" not in rules:
                yield replace(world, versions=world.versions | {number}, uploads=at("over"))
            else:
                yield replace(world, uploads=at("begin"))


def collections(world, rules):
    is_needed = bool(world.versions)
    if world.gc == "idle" and world.has_row and not is_needed:
        yield replace(world, gc="has seen it idle")
    if world.gc == "has seen it idle":
        if "recheck" in rules and is_needed:
            yield replace(world, gc="idle")
        else:
            yield replace(world, is_condemned=True, gc="condemned")
    if world.gc == "condemned" and not ("lease" in rules and world.download == "open"):
        if "recheck" in rules and is_needed:
            yield replace(world, is_condemned=False, gc="idle")
        else:
            yield replace(world, has_row=False, is_condemned=False, gc="removes the bytes")
    if world.gc == "removes the bytes":
        # A row that came back meanwhile points to a pack of its own.
        yield replace(world, has_bytes=world.has_row, gc="idle")


def explore(rules):
    first = World()
    seen, waiting = {first}, deque([first])
    while waiting:
        world = waiting.popleft()
        if world.is_broken:
            return len(seen), world
        for following in steps(world, rules):
            if following not in seen:
                seen.add(following)
                waiting.append(following)
    return len(seen), None


def test_no_schedule_loses_what_a_version_or_a_download_needs():
    states, broken = explore(SAFE)

    assert broken is None
    assert states > 100


@pytest.mark.parametrize("missing", sorted(SAFE))
def test_the_search_finds_what_goes_wrong_without_a_rule(missing):
    assert explore(SAFE - {missing})[1] is not None
