"""Earlier versions and the trash: kept as long as was said, given up exactly, and never what is there now."""

import asyncio
import contextlib
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudconnect.features.files import (
    Condition,
    PruningRuns,
    PruningService,
    PurgingService,
    Retention,
    VersionsService,
)
from cloudconnect.features.files.errors import BadPolicy, NoSuchVersion, VersionInUse, VersionPruned
from cloudconnect.features.files.retention import OldVersion, Policy, Rule, Span, find_prunable, parse_policy
from cloudconnect.features.files.store import spaces
from cloudconnect.kernel.errors import Conflict, Denied, NotFound
from cloudconnect.ports.access import Resource, Role

ANYTHING = Condition(if_match=frozenset({"*"}))
DAY_MS = 86_400_000


class Quiet:
    checkpoint = ""

    def report(self, done, total, note=""):
        pass

    def keep(self, checkpoint):
        pass

    def check(self):
        pass


async def stream(data):
    yield data


async def put(rooms, principal, path, data):
    condition = ANYTHING
    try:
        await rooms.files.get_entry(principal, "personal", path)
    except NotFound:
        condition = Condition()
    options = {"condition": condition, "parents": True}
    return await rooms.files.put_file(principal, "personal", path, stream(data), **options)


async def read(opened):
    return b"".join([piece async for piece in opened.read(0, None)])


@pytest.fixture
def versions(rooms):
    return VersionsService(rooms.log, rooms.database, rooms.guide, rooms.vault)


@pytest.fixture
def purging(rooms):
    return PurgingService(rooms.log, rooms.database, rooms.clock, rooms.guide, timedelta(days=30))


@pytest.fixture
def pruning(rooms):
    return PruningService(rooms.log, rooms.database, rooms.clock, rooms.guide, "keep all 30d, daily 1y")


async def operate(rooms, run):
    """Run an operation as the appliance does: on a thread, while the loop answers its commits."""
    return await asyncio.to_thread(run, {}, Quiet())


async def used(rooms, principal):
    assert await rooms.database.read(spaces.find_miscounted) == []
    return (await rooms.spaces.get_space(principal, "personal")).used_bytes


async def history_of(rooms, ada, path, contents, apart=timedelta(hours=1)):
    seqs = []
    for content in contents:
        seqs.append((await put(rooms, ada, path, content)).seq)
        rooms.clock.advance(apart)
    return seqs


# Versions


async def test_versions_are_listed_newest_first_and_each_can_be_read(rooms, ada, versions):
    seqs = await history_of(rooms, ada, "/plan.txt", [b"one", b"three", b"seven"])

    page = await versions.find_versions(ada, "personal", "/plan.txt", 2, None)
    rest = await versions.find_versions(ada, "personal", "/plan.txt", 2, page.next_cursor)

    found = [*page.items, *rest.items]
    assert [(each.seq, each.size, each.is_present) for each in found] == [
        (seqs[2], 5, True),
        (seqs[1], 5, False),
        (seqs[0], 3, False),
    ]
    assert rest.next_cursor is None
    assert [await read(await versions.open_version(ada, "personal", "/plan.txt", seq)) for seq in seqs] == [
        b"one",
        b"three",
        b"seven",
    ]


async def test_versions_stay_with_a_file_that_moves(rooms, ada, versions):
    seqs = await history_of(rooms, ada, "/plan.txt", [b"one", b"two"])
    await rooms.files.move(ada, "personal", "/plan.txt", "/old.txt")
    page = await versions.find_versions(ada, "personal", "/old.txt", 10, None)
    assert [each.seq for each in page.items] == seqs[::-1]


async def test_an_earlier_version_comes_back_as_a_new_one_and_is_charged(rooms, ada, versions):
    seqs = await history_of(rooms, ada, "/plan.txt", [b"longer than that", b"short"])

    change = await versions.restore_version(ada, "personal", "/plan.txt", seqs[0])

    assert change.seq > seqs[1]
    assert await read(await rooms.files.open_file(ada, "personal", "/plan.txt")) == b"longer than that"
    assert await used(rooms, ada) == len(b"longer than that")
    page = await versions.find_versions(ada, "personal", "/plan.txt", 10, None)
    assert [each.seq for each in page.items] == [change.seq, *seqs[::-1]]
    await rooms.history.undo(ada, "personal", token=change.undo)
    assert await read(await rooms.files.open_file(ada, "personal", "/plan.txt")) == b"short"


async def test_what_was_given_up_is_told_and_cannot_be_read(rooms, ada, versions):
    seqs = await history_of(rooms, ada, "/plan.txt", [b"one", b"two"])

    await versions.remove_version(ada, "personal", "/plan.txt", seqs[0])

    page = await versions.find_versions(ada, "personal", "/plan.txt", 10, None)
    assert [each.pruned is not None for each in page.items] == [False, True]
    at = f"seq:{seqs[0]}"
    entry = await rooms.files.get_entry(ada, "personal", "/plan.txt", at)
    assert entry.size == 3
    with pytest.raises(VersionPruned):
        await versions.open_version(ada, "personal", "/plan.txt", seqs[0])
    with pytest.raises(VersionPruned):
        await rooms.files.open_file(ada, "personal", "/plan.txt", at)
    with pytest.raises(VersionPruned):
        await versions.restore_version(ada, "personal", "/plan.txt", seqs[0])
    with pytest.raises(VersionPruned):
        await rooms.files.copy(ada, "personal", "/plan.txt", "/copy.txt", at=at)
    outcomes = (await rooms.files.open_files(ada, "personal", [entry.node], at)).outcomes
    assert isinstance(outcomes[0], VersionPruned)
    with pytest.raises(Conflict):
        await rooms.history.undo(ada, "personal")


async def test_what_is_there_and_what_is_pinned_stays(rooms, ada, versions):
    seqs = await history_of(rooms, ada, "/plan.txt", [b"one", b"two"])
    pinned = (await versions.pin_version(ada, "personal", "/plan.txt", seqs[0], "signed")).value
    assert pinned.pin == "signed"
    for seq in seqs:
        with pytest.raises(VersionInUse):
            await versions.remove_version(ada, "personal", "/plan.txt", seq)
    with pytest.raises(NoSuchVersion):
        await versions.remove_version(ada, "personal", "/plan.txt", 9_999)
    await versions.pin_version(ada, "personal", "/plan.txt", seqs[0], None)
    await versions.remove_version(ada, "personal", "/plan.txt", seqs[0])


async def test_strangers_learn_and_change_nothing(rooms, ada, bob, versions, purging, pruning):
    seqs = await history_of(rooms, ada, "/plan.txt", [b"one", b"two"])
    space = (await rooms.spaces.get_space(ada, "personal")).id
    for attempt in (
        versions.find_versions(bob, space, "/plan.txt", 10, None),
        versions.open_version(bob, space, "/plan.txt", seqs[0]),
        versions.restore_version(bob, space, "/plan.txt", seqs[0]),
        versions.remove_version(bob, space, "/plan.txt", seqs[0]),
        versions.pin_version(bob, space, "/plan.txt", seqs[0], ""),
        purging.empty(bob, space),
        purging.purge(bob, space, "nod_x"),
        pruning.get_retention(bob, space),
        pruning.set_retention(bob, space, Retention(None, 1)),
        pruning.preview(bob, space, None),
    ):
        with pytest.raises((NotFound, Denied)):
            await attempt


# Policies


@pytest.mark.parametrize(
    "text",
    [
        "keep",
        "keep everything",
        "keep all",
        "keep all 3x",
        "at most 101 %",
        "in Photos: keep all 1d",
        "never",
        "keep all 1d; and more",
        "keep all 1d " + "; keep all 1d" * 400,
    ],
)
def test_what_is_no_policy_is_refused(text):
    with pytest.raises(BadPolicy):
        parse_policy(text)


SPANS = st.builds(
    lambda period, amount, unit: Span(period, amount if unit else 0, unit),
    st.sampled_from(["all", "hourly", "daily", "weekly", "monthly", "yearly"]),
    st.integers(1, 99_999),
    st.sampled_from(["h", "d", "w", "m", "y", ""]),
)
GLOBS = st.from_regex(r"[a-z*?]{1,8}(\.[a-z0-9*]{1,4})?", fullmatch=True)
RULES = st.builds(
    Rule,
    st.sampled_from(["", "/Photos/**", "/a/*/b"]),
    st.lists(SPANS, min_size=1, max_size=4).map(tuple),
    st.none() | st.integers(0, 100),
    st.lists(GLOBS, max_size=3).map(tuple),
)


@given(st.lists(RULES, max_size=4))
def test_the_words_of_a_policy_say_what_it_is(rules):
    policy = Policy(tuple(rules))
    assert parse_policy(str(policy)) == policy


@given(st.text(max_size=80))
def test_words_are_a_policy_or_refused(text):
    with contextlib.suppress(BadPolicy):
        parse_policy(text)


def old(days_ago, now=10_000):
    """Return a version written and replaced so many days before day *now*."""
    at = round((now - days_ago) * DAY_MS)
    return OldVersion(seq=10_000_000 - round(days_ago * 1_000), replaced_seq=0, created_ms=at, replaced_ms=at, size=1)


def left_of(policy, days, path="/f"):
    rule = parse_policy(policy).rule_for(path)
    found = [old(each) for each in days]
    gone = find_prunable(rule, path, found, 10_000 * DAY_MS)
    return [each for each, version in zip(days, found, strict=True) if version not in gone]


def test_the_newer_the_closer_versions_are_kept():
    days = [0.01, 0.02, 0.5, 0.52, 1.5, 1.51, 2.5, 40, 400]
    assert left_of("keep all 24h", days) == [0.01, 0.02, 0.5, 0.52]
    assert left_of("keep all 24h, daily 30d", days) == [0.01, 0.02, 0.5, 0.52, 1.5, 2.5]
    assert left_of("keep all 24h, weekly forever", days) == [0.01, 0.02, 0.5, 0.52, 40, 400]
    assert left_of("never *.qcow2", days, "/disk.qcow2") == []
    assert left_of("never *.qcow2", days, "/disk.txt") == days


def test_the_first_line_that_fits_a_path_counts():
    policy = parse_policy("in /Photos/**: keep all forever\nin /*.log: never *\nkeep all 1d")
    assert str(policy.rule_for("/Photos/2024/a.jpg")) == "in /Photos/**: keep all forever"
    assert str(policy.rule_for("/a.log")) == "in /*.log: never *"
    assert str(policy.rule_for("/logs/a.log")) == "keep all 1d"
    assert parse_policy("in /a/**: keep all 1d").rule_for("/b") is None


@settings(max_examples=300)
@given(RULES, st.lists(st.floats(0.001, 9_000), max_size=30, unique=True))
def test_a_version_that_is_kept_today_is_not_what_a_shorter_past_would_drop(rule, days):
    """Dropping is settled: what was let go does not change what else is let go."""
    found = [old(each) for each in days]
    gone = find_prunable(rule, "/f", found, 10_000 * DAY_MS)
    left = [version for version in found if version not in gone]
    assert find_prunable(rule, "/f", left, 10_000 * DAY_MS) == []


# Pruning


async def test_the_clock_lets_old_versions_go_and_the_preview_said_so(rooms, ada, versions, pruning):
    await history_of(rooms, ada, "/a.txt", [b"1", b"22", b"333"], timedelta(hours=1))
    await history_of(rooms, ada, "/b.txt", [b"once"])
    rooms.clock.advance(timedelta(days=31))
    told = await pruning.preview(ada, "personal", None)

    done = await operate(rooms, pruning.prune)

    assert (told.versions, told.files, told.bytes) == (done["versions"], done["files"], done["bytes"]) == (1, 1, 1)
    page = await versions.find_versions(ada, "personal", "/a.txt", 10, None)
    assert [each.pruned is None for each in page.items] == [True, True, False]
    assert (await operate(rooms, pruning.prune))["versions"] == 0
    assert await used(rooms, ada) == 7


async def test_pins_and_named_moments_hold_what_they_show(rooms, ada, versions, pruning):
    seqs = await history_of(rooms, ada, "/a.txt", [b"1", b"22", b"333", b"4444"])
    await versions.pin_version(ada, "personal", "/a.txt", seqs[0], "contract")
    await rooms.snapshots.add_snapshot(ada, "personal", "before", at=f"seq:{seqs[1]}")
    await pruning.set_retention(ada, "personal", Retention("never *", None))

    done = await operate(rooms, pruning.prune)

    assert done["versions"] == 1
    page = await versions.find_versions(ada, "personal", "/a.txt", 10, None)
    assert [each.seq for each in page.items if each.pruned is not None] == [seqs[2]]


async def test_old_versions_take_at_most_their_share(rooms, ada, pruning):
    await history_of(rooms, ada, "/a.txt", [b"x" * 100] * 5)
    await put(rooms, ada, "/b.txt", b"y" * 400)
    await pruning.set_retention(ada, "personal", Retention("at most 50 % of the space", None))
    told = await pruning.preview(ada, "personal", None)
    assert (told.versions, told.bytes) == (2, 200)
    assert (await operate(rooms, pruning.prune))["bytes"] == 200


async def test_a_space_says_what_it_keeps(rooms, ada, pruning):
    assert await pruning.get_retention(ada, "personal") == Retention(None, None)
    await pruning.set_retention(ada, "personal", Retention("keep all 1d", 7))
    assert await pruning.get_retention(ada, "personal") == Retention("keep all 1d", 7)
    for wrong in (Retention("nonsense", None), Retention(None, 0)):
        with pytest.raises(BadPolicy):
            await pruning.set_retention(ada, "personal", wrong)


# The trash


async def fill(rooms, ada):
    for path, content in (("/f/a", b"1"), ("/f/g/b", b"22"), ("/f/g/h/c", b"333"), ("/k", b"4444")):
        await put(rooms, ada, path, content)


async def rows(rooms):
    return await rooms.database.read(
        lambda sql: (
            sql.row("SELECT COUNT(*) FROM entry")[0],
            sql.row("SELECT COUNT(*) FROM version")[0],
            sql.row("SELECT COUNT(*) FROM purge")[0],
        )
    )


async def test_emptying_gives_up_whole_trees_to_the_byte(rooms, ada, purging):
    await fill(rooms, ada)
    await rooms.files.trash(ada, "personal", "/f/g/b", ANYTHING)
    await rooms.files.trash(ada, "personal", "/f", ANYTHING)
    assert await used(rooms, ada) == 10
    total = await purging.empty(ada, "personal", is_dry_run=True)
    assert (total.count, total.bytes) == (2, 6)

    assert await purging.empty(ada, "personal") == total
    done = await operate(rooms, purging.purge_old)

    assert done == {"purged": 0, "nodes_removed": 6}
    assert await used(rooms, ada) == 4
    assert await rows(rooms) == (2, 1, 0)
    assert (await rooms.files.find_trash(ada, "personal", 10, None)).items == []
    assert await purging.empty(ada, "personal") == type(total)(0, 0)


async def test_what_was_removed_from_a_purged_folder_before_stays_restorable(rooms, ada, purging):
    await fill(rooms, ada)
    inner = await rooms.files.trash(ada, "personal", "/f/g", ANYTHING)
    outer = await rooms.files.trash(ada, "personal", "/f", ANYTHING)
    await purging.purge(ada, "personal", outer.trashed.node)
    await operate(rooms, purging.purge_old)

    change = await rooms.files.restore(ada, "personal", inner.trashed.node, "/back")

    assert change.entry.path == "/back"
    assert await read(await rooms.files.open_file(ada, "personal", "/back/h/c")) == b"333"
    assert await used(rooms, ada) == 9


async def test_the_trash_keeps_things_for_its_time(rooms, ada, bob, purging, pruning):
    for who, days in ((ada, None), (bob, 5)):
        await put(rooms, who, "/old", b"x")
        await pruning.set_retention(who, "personal", Retention(None, days))
        await rooms.files.trash(who, "personal", "/old", ANYTHING)
    rooms.clock.advance(timedelta(days=6))
    assert (await operate(rooms, purging.purge_old))["purged"] == 1
    assert len((await rooms.files.find_trash(ada, "personal", 10, None)).items) == 1
    rooms.clock.advance(timedelta(days=25))
    assert (await operate(rooms, purging.purge_old))["purged"] == 1


async def test_a_purge_that_is_interrupted_goes_on(rooms, ada, purging):
    await fill(rooms, ada)
    await rooms.files.trash(ada, "personal", "/f", ANYTHING)
    await purging.empty(ada, "personal")

    class Ends(Quiet):
        def check(self):
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await asyncio.to_thread(purging.purge_old, {}, Ends())
    assert (await rows(rooms))[2] > 0
    assert await used(rooms, ada) >= 4
    await operate(rooms, purging.purge_old)
    assert await rows(rooms) == (2, 1, 0)
    assert await used(rooms, ada) == 4


async def test_emptying_takes_only_what_is_old_enough(rooms, ada, purging):
    await fill(rooms, ada)
    await rooms.files.trash(ada, "personal", "/k", ANYTHING)
    rooms.clock.advance(timedelta(days=8))
    await rooms.files.trash(ada, "personal", "/f/a", ANYTHING)
    total = await purging.empty(ada, "personal", timedelta(days=7))
    assert (total.count, total.bytes) == (1, 4)
    with pytest.raises(Conflict):
        await rooms.history.undo(ada, "personal", last=2)


async def test_only_who_manages_a_space_prunes_it(rooms, pruning, ada, bob):
    space = await rooms.spaces.get_space(ada, "personal")
    resource = Resource(space.id, (space.root,))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=ada
    )
    runs = PruningRuns(rooms.database, rooms.guide, pruning, NoOperations())

    with pytest.raises(Denied):
        await runs.start(bob, space.id)
    with pytest.raises(AssertionError, match="started"):
        await runs.start(ada, space.id)


class NoOperations:
    async def start_own(self, principal, kind, parameters):
        raise AssertionError(f"{kind} started with {parameters}")
