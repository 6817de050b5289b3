"""What the trash may hold: its share, the quota and the disk take the oldest first, and no more than they need."""

import asyncio
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.features.files import (
    AccountingService,
    Condition,
    Disk,
    NewItem,
    PruningService,
    PurgingService,
    Retention,
    VersionsService,
    Watermark,
)
from cloudconnect.features.files.errors import BadPolicy, QuotaExceeded
from cloudconnect.features.files.service import charging
from cloudconnect.features.files.store import spaces
from cloudconnect.features.files.trash_policy import Time, TrashPolicy, TrashRule, parse_trash_policy
from cloudconnect.kernel.errors import NoSpace

ANYTHING = Condition(if_match=frozenset({"*"}))
DAY = timedelta(days=1)


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


async def put(rooms, principal, path, size):
    return await rooms.files.put_file(
        principal, "personal", path, stream(bytes(size)), parents=True, expected_bytes=size
    )


async def trash(rooms, principal, path):
    return (await rooms.files.trash(principal, "personal", path, ANYTHING)).trashed.node


async def in_trash(rooms, principal):
    page = await rooms.files.find_trash(principal, "personal", 1_000, None)
    return [each.name for each in page.items][::-1]


async def used(rooms, principal):
    assert await rooms.database.read(spaces.find_miscounted) == []
    return (await rooms.spaces.get_space(principal, "personal")).used_bytes


async def purges(rooms):
    rows = await rooms.database.read(
        lambda sql: sql.rows("SELECT payload FROM event WHERE kind = 'files.entry-purged' ORDER BY position")
    )
    return [payload for (payload,) in rows]


@pytest.fixture
def accounting(rooms):
    return AccountingService(rooms.log, rooms.database, rooms.guide)


@pytest.fixture
def versions(rooms):
    return VersionsService(rooms.log, rooms.database, rooms.guide, rooms.vault)


@pytest.fixture
def pruning(rooms):
    return PruningService(rooms.log, rooms.database, rooms.clock, rooms.guide, "keep all 30d")


def purging_of(rooms, total=0, free=0, percent=0):
    watermark = Watermark(lambda: Disk(total, free), percent, timedelta(hours=26))
    return PurgingService(rooms.log, rooms.database, rooms.clock, rooms.guide, timedelta(days=30), watermark)


async def tidy(purging):
    return await asyncio.to_thread(purging.purge_old, {}, Quiet())


# The words

times = st.one_of(st.just(Time(0, "")), st.builds(Time, st.integers(0, 99_999), st.sampled_from("hdwmy")))
rules = st.builds(
    TrashRule,
    st.sampled_from(["", "/Tmp/**", "/a/*.iso"]),
    st.none() | times,
    st.none() | times,
    st.none() | st.integers(0, 100),
).filter(
    lambda rule: (
        (rule.keep or rule.least or rule.percent is not None)
        and (rule.keep is None or rule.least is None or rule.least.ms <= rule.keep.ms)
    )
)


@given(st.lists(rules, max_size=5))
def test_the_words_of_a_trash_policy_say_what_it_is(chosen):
    policy = TrashPolicy(tuple(chosen))
    assert parse_trash_policy(str(policy)) == policy


@given(st.text(max_size=60) | st.from_regex(r"(keep|at least|at most|in /a:)[ 0-9a-z%;]{0,20}", fullmatch=True))
def test_words_are_a_trash_policy_or_refused(text):
    try:
        policy = parse_trash_policy(text)
    except BadPolicy:
        return
    assert parse_trash_policy(str(policy)) == policy


@pytest.mark.parametrize(
    "text", ["keep 3", "at most 101 %", "in /a:", "never *.iso", "keep 1d, at least 1d", "x\n" * 101]
)
def test_what_is_no_trash_policy_is_refused(text):
    with pytest.raises(BadPolicy):
        parse_trash_policy(text)


def test_what_contradicts_itself_is_explained():
    with pytest.raises(BadPolicy, match="“keep 3d” lets things go before “at least 1w” is over"):
        parse_trash_policy("keep 3d; at least 1w")


async def test_days_and_words_exclude_each_other(rooms, ada, pruning):
    with pytest.raises(BadPolicy, match="in days and in words"):
        await pruning.set_retention(ada, "personal", Retention(None, 7, "keep 3d"))
    wanted = Retention(None, None, "in /Tmp/**: keep 3d\nat most 20 % of the space")
    assert (await pruning.set_retention(ada, "personal", wanted)).value == wanted
    assert await pruning.get_retention(ada, "personal") == wanted


# By path and by share


async def test_a_line_of_the_policy_is_for_the_paths_that_things_had(rooms, ada, pruning):
    await pruning.set_retention(ada, "personal", Retention(None, None, "in /Tmp/**: keep 3d\nin /*.log: keep 36500d"))
    for path in ("/Tmp/a", "/Tmp/deep/b", "/c", "/d.log"):
        await put(rooms, ada, path, 1)
        await trash(rooms, ada, path)
    purging = purging_of(rooms)
    rooms.clock.advance(4 * DAY)
    would = await purging.preview(ada, "personal")
    assert (would.count, would.bytes) == (2, 2)
    assert (await tidy(purging))["purged"] == 2
    assert await in_trash(rooms, ada) == ["c", "d.log"]
    rooms.clock.advance(30 * DAY)
    await tidy(purging)
    assert await in_trash(rooms, ada) == ["d.log"]


@pytest.mark.parametrize("quota", [100, None])
async def test_the_trash_takes_at_most_its_share_of_the_quota_or_of_the_disk(rooms, ada, accounting, pruning, quota):
    await accounting.set_quota(ada, "personal", quota)
    for name in "abcd":
        await put(rooms, ada, f"/{name}", 10)
        await trash(rooms, ada, f"/{name}")
        rooms.clock.advance(DAY)
    purging = purging_of(rooms, total=100)
    words = Retention(None, None, "at most 20 % of the space")
    would = await purging.preview(ada, "personal", words)
    assert (would.count, would.bytes) == (2, 20)
    await pruning.set_retention(ada, "personal", words)
    assert (await tidy(purging))["purged"] == 2
    assert await in_trash(rooms, ada) == ["c", "d"]
    assert all('"share"' in each for each in await purges(rooms))
    assert await used(rooms, ada) == 20


async def test_what_is_pinned_or_shown_by_a_named_moment_stays_whatever_the_policy(rooms, ada, versions, pruning):
    pinned = await put(rooms, ada, "/folder/pinned", 10)
    await versions.pin_version(ada, "personal", "/folder/pinned", pinned.entry.version, "signed")
    await put(rooms, ada, "/named", 10)
    await rooms.snapshots.add_snapshot(ada, "personal", "release")
    await put(rooms, ada, "/late", 10)
    for path in ("/folder", "/named", "/late"):
        await trash(rooms, ada, path)
    await pruning.set_retention(ada, "personal", Retention(None, None, "keep 1d; at most 0 % of the space"))
    rooms.clock.advance(40 * DAY)
    purging = purging_of(rooms, total=100, free=0, percent=50)
    await tidy(purging)
    assert await in_trash(rooms, ada) == ["folder", "named"]
    await rooms.snapshots.remove_snapshot(ada, "personal", "release")
    await tidy(purging)
    assert await in_trash(rooms, ada) == ["folder"]


# For the quota


async def test_what_comes_takes_the_place_of_what_was_removed_longest_ago(rooms, ada, accounting):
    await accounting.set_quota(ada, "personal", 30)
    for path in ("/old/a", "/mid", "/new"):
        await put(rooms, ada, path, 10)
        await trash(rooms, ada, path if path != "/old/a" else "/old")
        rooms.clock.advance(2 * DAY)
    change = await put(rooms, ada, "/comes", 11)
    assert change.entry.size == 11
    assert await in_trash(rooms, ada) == ["new"]
    assert await used(rooms, ada) == 21
    assert ['"quota"' in each for each in await purges(rooms)] == [True, True]


async def test_the_trash_keeps_what_is_young_and_the_refusal_says_what_emptying_it_frees(rooms, ada, accounting):
    await accounting.set_quota(ada, "personal", 20)
    await put(rooms, ada, "/a", 20)
    await trash(rooms, ada, "/a")
    rooms.clock.advance(DAY - timedelta(minutes=1))
    with pytest.raises(QuotaExceeded) as refused:
        await put(rooms, ada, "/b", 1)
    assert "cloudconnect trash empty" in str(refused.value.fix)
    assert "20 B" in str(refused.value.fix).format(**refused.value.facts)
    assert await in_trash(rooms, ada) == ["a"]
    rooms.clock.advance(timedelta(minutes=2))
    await put(rooms, ada, "/b", 1)
    assert await in_trash(rooms, ada) == []


async def test_what_does_not_fit_anyway_costs_nothing_of_the_trash(rooms, ada, accounting):
    await accounting.set_quota(ada, "personal", 20)
    await put(rooms, ada, "/a", 10)
    await trash(rooms, ada, "/a")
    rooms.clock.advance(2 * DAY)
    with pytest.raises(NoSpace):
        await put(rooms, ada, "/b", 21)
    assert await in_trash(rooms, ada) == ["a"]
    items = [NewItem("/c", bytes(25), None), NewItem("/d", bytes(15), None)]
    outcomes = (await rooms.intake.put_many(ada, "personal", items)).outcomes
    assert [isinstance(each, NoSpace) for each in outcomes] == [True, False]
    assert await used(rooms, ada) == 15


async def test_undoing_and_copying_the_past_never_empty_the_trash_that_they_need(rooms, ada, accounting):
    await put(rooms, ada, "/a", 10)
    seq = (await rooms.spaces.get_space(ada, "personal")).seq
    await trash(rooms, ada, "/a")
    await accounting.set_quota(ada, "personal", 15)
    rooms.clock.advance(2 * DAY)
    with pytest.raises(NoSpace):
        await rooms.files.copy(ada, "personal", "/a", "/b", at=str(seq))
    assert await in_trash(rooms, ada) == ["a"]


# For the disk


async def test_a_disk_that_runs_full_takes_the_oldest_of_all_spaces_and_waits_for_gc(rooms, ada, bob):
    for who, name in ((ada, "1"), (bob, "2"), (ada, "3"), (bob, "4")):
        await put(rooms, who, f"/{name}", 10)
        await trash(rooms, who, f"/{name}")
        rooms.clock.advance(2 * DAY)
    full = purging_of(rooms, total=1_000, free=85, percent=10)
    assert (await tidy(full))["purged"] == 2
    assert [await in_trash(rooms, ada), await in_trash(rooms, bob)] == [["3"], ["4"]]
    assert (await tidy(full))["purged"] == 0, "gc has not been there yet"
    rooms.clock.advance(timedelta(hours=27))
    assert (await tidy(full))["purged"] == 2
    assert (await tidy(purging_of(rooms, total=1_000, free=100, percent=10)))["purged"] == 0


async def test_a_full_disk_leaves_what_is_young(rooms, ada):
    await put(rooms, ada, "/a", 10)
    await trash(rooms, ada, "/a")
    assert (await tidy(purging_of(rooms, total=100, free=0, percent=10)))["purged"] == 0


# Whatever happens

removed = st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["", "pinned", "young"])), max_size=8)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(removed, st.integers(1, 60), st.integers(0, 10))
@pytest.mark.slow
async def test_the_quota_takes_the_oldest_first_never_more_than_it_needs_and_never_what_is_pinned(
    rooms, accounting, versions, things, size, room
):
    rooms.people = getattr(rooms, "people", 0) + 1
    who = await rooms.person(f"person-{rooms.people}", is_admin=True)
    things = sorted(things, key=lambda each: each[1] == "young")
    for number, (held, how) in enumerate(things):
        if how == "young" and (not number or things[number - 1][1] != "young"):
            rooms.clock.advance(2 * DAY)
        path = f"/{number:02}"
        made = await put(rooms, who, path, held)
        if how == "pinned":
            await versions.pin_version(who, "personal", path, made.entry.version, "")
        await trash(rooms, who, path)
    if all(how != "young" for _, how in things):
        rooms.clock.advance(2 * DAY)
    total = sum(held for held, _ in things)
    await accounting.set_quota(who, "personal", total + room)

    may_go = [(f"{number:02}", held) for number, (held, how) in enumerate(things) if not how and held]
    going, lacking = [], size - room
    for name, held in may_go:
        if lacking <= 0:
            break
        going.append(name)
        lacking -= held
    before = await in_trash(rooms, who)
    try:
        await put(rooms, who, "/comes", size)
    except QuotaExceeded:
        assert lacking > 0
        assert await in_trash(rooms, who) == before
    else:
        assert lacking <= 0
        assert await in_trash(rooms, who) == [name for name in before if name not in going]
    await used(rooms, who)


async def test_many_that_are_refused_at_once_weigh_the_trash_once(rooms, ada, accounting, monkeypatch):
    await accounting.set_quota(ada, "personal", 5)
    await put(rooms, ada, "/a", 5)
    await trash(rooms, ada, "/a")
    weighed = []
    weigh = charging.weigh_trash
    monkeypatch.setattr(charging, "weigh_trash", lambda *asked: weighed.append(1) or weigh(*asked))
    items = [NewItem(f"/{number}", b"1", None) for number in range(50)]
    outcomes = (await rooms.intake.put_many(ada, "personal", items)).outcomes
    assert all(isinstance(each, QuotaExceeded) for each in outcomes)
    assert len(weighed) == 1


@pytest.mark.parametrize(
    ("retention", "days"),
    [
        (Retention(None, None), 30),
        (Retention(None, 7), 7),
        (Retention(None, None, "in /Tmp/**: keep 3d"), None),
    ],
)
async def test_how_long_things_stay_is_told_where_one_time_holds_for_all(rooms, ada, pruning, retention, days):
    await pruning.set_retention(ada, "personal", retention)
    stay = await purging_of(rooms).find_stay(ada, "personal")
    assert stay == (None if days is None else timedelta(days=days))
