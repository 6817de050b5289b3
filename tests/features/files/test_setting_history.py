"""Undoing what was set for spaces and files: it is what it was again, and never what somebody else set since."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.features.files import (
    AccountingService,
    BrakeService,
    Condition,
    Deeds,
    Field,
    FieldKind,
    PropertiesService,
    PruningService,
    PurgingService,
    Retention,
    VersionsService,
)
from cloudconnect.features.files.errors import CannotUndo, NothingToUndo, SpaceArchived
from cloudconnect.features.files.moments import Obstacle
from cloudconnect.features.files.store import snapshots, versions
from cloudconnect.kernel.errors import Denied, NotFound
from cloudconnect.ports.access import Resource, Role
from tests.storage.house import Quiet

ANYTHING = Condition(if_match=frozenset({"*"}))
KINDS = ["name", "archived", "quota", "retention", "brake", "field", "snapshot", "pin", "property"]


async def stream(data):
    yield data


@dataclass
class House:
    """A space called Photos with one file of two versions, and everything that can be set there."""

    rooms: object
    who: object
    space: object
    old: int

    async def set(self, kind, value):
        """Set what is of this kind to one of the values 0 to 2, 0 for not set; return the token that takes it back."""
        changed = await getattr(self, f"_{kind}")(value)
        return "" if changed is None else changed.undo

    async def _name(self, value):
        return await self.rooms.spaces.change(self.who, self.space.id, name=f"Photos {value}")

    async def _archived(self, value):
        return await self.rooms.spaces.change(self.who, self.space.id, archived=value > 0)

    async def _quota(self, value):
        accounting = AccountingService(self.rooms.log, self.rooms.database, self.rooms.guide)
        return await accounting.set_quota(self.who, self.space.id, None if value == 0 else value << 30)

    async def _retention(self, value):
        wanted = Retention(None if value == 0 else f"keep all {value}d", None)
        return await self.pruning.set_retention(self.who, self.space.id, wanted)

    async def _brake(self, value):
        return await self.brake.set_limit(self.who, self.space.id, None if value == 0 else 100 * value)

    async def _field(self, value):
        if value:
            field = Field("state", FieldKind.CHOICE, ("a", str(value)))
            return await self.rooms.tags.set_field(self.who, self.space.id, field)
        if await self.rooms.tags.find_fields(self.who, self.space.id):
            return await self.rooms.tags.remove_field(self.who, self.space.id, "state")
        return None

    async def _pin(self, value):
        note = None if value == 0 else f"note {value}"
        return await self.versions.pin_version(self.who, self.space.id, "/a", self.old, note)

    async def _property(self, value):
        told = None if value == 0 else f"<p>{value}</p>"
        return await PropertiesService(self.rooms.log, self.rooms.guide).change(
            self.who, self.space.id, "/a", {"{x}p": told}
        )

    async def _snapshot(self, value):
        there = (await self.rooms.snapshots.find_snapshots(self.who, self.space.id, 10, None)).items
        if value and not there:
            return await self.rooms.snapshots.add_snapshot(self.who, self.space.id, "kept", f"seq:{value}")
        if not value and there:
            return await self.rooms.snapshots.remove_snapshot(self.who, self.space.id, "kept")
        return None

    async def seen(self):
        """Return all that is set, by kind."""

        def ask(sql):
            space = self.space.id
            found = sql.row("SELECT name, archived_ms, quota_bytes, brake_changes FROM space WHERE id = ?", (space,))
            return {
                "space": (found[0], found[1] is not None, *found[2:]),
                "retention": versions.get_retention(sql, space),
                "fields": sql.rows("SELECT name, kind, choices FROM field WHERE space = ?", (space,)),
                "snapshots": snapshots.held_seqs(sql, space),
                "pins": sql.rows("SELECT seq, note FROM version_pin"),
                "properties": sql.rows("SELECT name, value FROM node_property"),
            }

        return await self.rooms.database.read(ask)

    async def undo(self, token, who=None, **options):
        return await self.rooms.history.undo(who or self.who, self.space.id, token=str(token), **options)

    @property
    def pruning(self):
        return PruningService(self.rooms.log, self.rooms.database, self.rooms.clock, self.rooms.guide, "keep all 30d")

    @property
    def brake(self):
        return BrakeService(self.rooms.log, self.rooms.database, self.rooms.clock, self.rooms.guide)

    @property
    def versions(self):
        return VersionsService(self.rooms.log, self.rooms.database, self.rooms.guide, self.rooms.vault)

    @property
    def purging(self):
        room = self.rooms
        return PurgingService(room.log, room.database, room.clock, room.guide, timedelta(days=30))


async def build(rooms, who):
    space = await rooms.spaces.create(who, "Photos 0")
    first = await rooms.files.put_file(who, space.id, "/a", stream(b"x"), parents=True)
    await rooms.files.put_file(who, space.id, "/a", stream(b"y"), condition=ANYTHING)
    return House(rooms, who, space, first.seq)


@pytest.fixture
async def house(rooms, ada):
    return await build(rooms, ada)


async def admit(house, who, role):
    rooms, resource = house.rooms, Resource(house.space.id, (house.space.root,))
    await rooms.log.commit(
        lambda unit: rooms.access.add_grant(unit.sql, who.id, resource, role, unit.now_ms), actor=house.who
    )


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_set_is_unset_by_its_token_and_set_again_by_the_next(house, kind):
    before = await house.seen()
    token = await house.set(kind, 1)
    after = await house.seen()
    assert after != before

    assert (await house.undo(token, is_dry_run=True)).reset == 1
    assert await house.seen() == after
    undone = await house.undo(token)
    assert undone.reset == 1
    assert await house.seen() == before
    again = await house.undo(undone.undo)
    assert await house.seen() == after
    await house.undo(again.undo)
    assert await house.seen() == before


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"archived", "snapshot"}])
async def test_another_value_makes_way_for_the_one_before(house, kind):
    await house.set(kind, 1)
    before = await house.seen()
    token = await house.set(kind, 2)
    assert await house.seen() != before
    await house.undo(token)
    assert await house.seen() == before


@pytest.mark.parametrize("kind", KINDS)
async def test_what_is_so_already_is_not_said_twice(house, kind):
    await house.set(kind, 1)
    assert await house.set(kind, 1) == ""


async def test_what_was_set_to_something_else_since_stays(house):
    first = await house.set("quota", 1)
    await house.set("quota", 2)
    with pytest.raises(CannotUndo, match="“/” was set to something else"):
        await house.undo(first)
    with pytest.raises(CannotUndo):
        await house.undo(first, skip=True)


async def test_the_last_change_can_be_one_of_these(house):
    await house.set("brake", 1)
    found = await house.rooms.history.find_undoable(house.who, house.space.id, 10)
    assert [each.kind for each in found][:2] == ["files.brake-set", "files.file-written"]
    before = (await house.rooms.history.undo(house.who, house.space.id)).reset
    assert (before, (await house.seen())["space"][3]) == (1, None)


async def test_only_who_may_set_it_may_put_it_back(house, bob):
    await admit(house, bob, Role.EDIT)
    before = str((await house.rooms.spaces.get_space(house.who, house.space.id)).seq)
    token = await house.set("retention", 1)
    await house.rooms.files.add_folder(house.who, house.space.id, "/b")
    with pytest.raises(CannotUndo, match="may not change what is set"):
        await house.undo(token, bob)

    done = await house.rooms.history.rollback(bob, house.space.id, Deeds(since=before), skip=True)
    assert (done.trashed, done.reset) == (1, 0)
    assert [each.obstacle for each in done.hindrances] == [Obstacle.NOT_ALLOWED]
    assert (await house.seen())["retention"].versions == "keep all 1d"


async def test_who_may_write_takes_back_names_of_moments_and_pins(house, bob):
    await admit(house, bob, Role.EDIT)
    before = await house.seen()
    for kind in ("snapshot", "pin"):
        await house.undo(await house.set(kind, 1), bob)
    assert await house.seen() == before


async def test_an_administrator_takes_a_quota_back_that_he_set_for_others(house, rooms, bob):
    chief = await rooms.person("chief", is_admin=True)
    changed = await AccountingService(rooms.log, rooms.database, rooms.guide).set_quota(chief, house.space.id, 5)
    assert (await house.undo(changed.undo, chief)).reset == 1
    assert (await house.seen())["space"][2] is None
    await admit(house, bob, Role.VIEW)
    with pytest.raises(Denied):
        await house.undo(changed.undo, bob)


@pytest.mark.parametrize("kind", KINDS)
async def test_strangers_learn_nothing(house, bob, kind):
    first = await house.set(kind, 1)
    for token in (first, (await house.undo(first)).undo):
        with pytest.raises(NotFound):
            await house.undo(token, bob)
        with pytest.raises(NotFound):
            await house.undo(token, bob, is_dry_run=True)


async def test_a_stranger_does_not_take_back_an_undo_that_came_to_nothing(house, bob):
    token = await house.set("brake", 1)
    again = await house.set("brake", 0)
    merged = f"{token},{again.partition('.')[2]}"
    empty = await house.undo(merged)
    with pytest.raises(NotFound):
        await house.undo(empty.undo, bob)


async def test_a_space_comes_out_of_the_archive_by_undo_but_nothing_else_in_it_changes(house):
    put = await house.rooms.files.add_folder(house.who, house.space.id, "/b")
    token = await house.set("archived", 1)
    with pytest.raises(SpaceArchived):
        await house.undo(put.undo)
    await house.undo(token)
    assert (await house.seen())["space"][1] is False
    await house.undo(put.undo)


async def test_a_name_that_another_space_has_by_now_is_not_taken_from_it(house):
    token = await house.set("name", 1)
    await house.rooms.spaces.create(house.who, "Photos 0")
    with pytest.raises(CannotUndo, match="Something else has the name"):
        await house.undo(token)
    assert (await house.seen())["space"][0] == "Photos 1"


async def test_no_pin_comes_back_to_a_version_that_is_gone(house):
    await house.set("pin", 1)
    token = await house.set("pin", 0)
    await house.versions.remove_version(house.who, house.space.id, "/a", house.old)
    with pytest.raises(CannotUndo, match="no longer kept"):
        await house.undo(token)
    assert (await house.seen())["pins"] == []


async def test_what_is_set_for_a_file_in_the_trash_is_put_back_there(house):
    token = await house.set("property", 1)
    await house.rooms.files.trash(house.who, house.space.id, "/a", ANYTHING)
    await house.undo(token)
    assert (await house.seen())["properties"] == []


async def test_what_is_gone_for_good_leaves_nothing_to_put_back(house):
    token = await house.set("pin", 1)
    await house.set("property", 1)
    await house.set("pin", 0)
    trashed = await house.rooms.files.trash(house.who, house.space.id, "/a", ANYTHING)
    await house.purging.purge(house.who, house.space.id, trashed.trashed.node)
    await asyncio.to_thread(house.purging.purge_old, {}, Quiet())
    assert await house.rooms.database.read(lambda sql: sql.rows("SELECT * FROM setting")) == []
    with pytest.raises(NothingToUndo):
        await house.undo(token)


async def test_a_folder_alone_is_rolled_back_without_the_settings_of_the_space(house):
    before = str((await house.rooms.spaces.get_space(house.who, house.space.id)).seq)
    await house.set("brake", 1)
    await house.rooms.files.add_folder(house.who, house.space.id, "/in")
    await house.rooms.files.add_folder(house.who, house.space.id, "/in/b")
    done = await house.rooms.history.rollback(house.who, house.space.id, Deeds(since=before, path="/in"))
    assert (done.trashed, done.reset) == (2, 0)


steps = st.lists(st.tuples(st.sampled_from(KINDS[2:]), st.integers(0, 2)), max_size=12)


async def _set_all(rooms, chosen):
    """Set what is *chosen* in a new space; return it, the state after each change, and the tokens of the changes."""
    rooms.people = getattr(rooms, "people", 0) + 1
    house = await build(rooms, await rooms.person(f"person-{rooms.people}", is_admin=True))
    states, tokens = [await house.seen()], []
    for kind, value in chosen:
        token = await house.set(kind, value)
        if token:
            tokens.append(token)
            states.append(await house.seen())
    return house, states, tokens


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
@pytest.mark.slow
async def test_undoing_one_after_the_other_goes_back_through_every_state(rooms, chosen):
    house, states, tokens = await _set_all(rooms, chosen)
    for token, state in zip(reversed(tokens), reversed(states[:-1]), strict=True):
        await house.undo(token)
        assert await house.seen() == state


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
@pytest.mark.slow
async def test_undoing_all_at_once_and_that_again_gives_the_first_and_the_last_state_back(rooms, chosen):
    house, states, tokens = await _set_all(rooms, chosen)
    if not tokens:
        return
    spans = ",".join(token.partition(".")[2] for token in tokens)
    try:
        undone = await house.undo(f"{house.space.id}.{spans}")
    except NothingToUndo:
        assert states[0] == states[-1]
        return
    assert await house.seen() == states[0]
    await house.undo(undone.undo)
    assert await house.seen() == states[-1]
