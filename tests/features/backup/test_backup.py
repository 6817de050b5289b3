"""Backups are for administrators, in places that can hold them; that they come back is shown in tests/cli."""

import asyncio
import contextlib
import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudconnect.assembly import open_place
from cloudconnect.events.backup import BackupMade, BackupOverdue, BackupsPruned, PlaceClaimed
from cloudconnect.features.backup import BackupService, Keep
from cloudconnect.features.backup.errors import BadPlace, PlaceKnown
from cloudconnect.features.backup.rules import choose_kept
from cloudconnect.features.files import RestoringFiles
from cloudconnect.kernel.errors import Damaged, Denied, Invalid, NotFound
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.storage import place_mark
from cloudconnect.storage.errors import MarkAltered, PlaceInUse, PlaceTaken
from cloudconnect.storage.seal import new_key
from tests.storage.house import Quiet, build


@pytest.fixture
async def backup(rooms, tmp_path):
    house = build(tmp_path / "home")
    yield BackupService(
        rooms.log,
        rooms.database,
        rooms.clock,
        rooms.access,
        house.repository,
        contextlib.nullcontext,
        home=tmp_path / "home",
        version="1",
        open_shelf=partial(open_place, tmp_path / "home"),
        restoring=RestoringFiles(rooms.database, rooms.files, rooms.intake),
    )
    house.close()


def flip(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


async def in_a_thread(function, *arguments):
    return await asyncio.to_thread(function, *arguments)


async def test_a_backup_is_listed_and_can_be_proved(backup, rooms, ada, tmp_path):
    made = await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    proved = await in_a_thread(backup.run_verify, {"from": str(tmp_path / "there")}, Quiet())
    (listed,) = await backup.find_backups(ada, str(tmp_path / "there"))

    assert listed.id == made["id"] == proved["id"]
    facts = await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 100, [BackupMade.kind]))
    assert [each.fact.subject for each in facts] == [made["id"]]


async def test_only_administrators_see_backups(backup, bob, tmp_path):
    with pytest.raises(Denied):
        await backup.find_backups(bob, str(tmp_path))


@pytest.mark.parametrize("place", ["", "relative", "{home}", "{home}/below"])
async def test_not_every_place_can_hold_backups(backup, tmp_path, place):
    with pytest.raises((Invalid, NotFound)):
        await in_a_thread(backup.run_create, {"to": place.format(home=tmp_path / "home")}, Quiet())


async def test_what_is_not_there_cannot_be_proved(backup, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "empty")}, Quiet())
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "empty"), "id": "../../etc/passwd"}, Quiet())
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "missing")}, Quiet())


async def test_a_description_that_was_changed_is_refused(backup, ada, tmp_path):
    made = await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    page = tmp_path / "there" / "backups" / f"{made['id']}.json"
    page.write_bytes(page.read_bytes().replace(b"position", b"positiom"))
    (listed,) = await backup.find_backups(ada, str(tmp_path / "there"))
    assert (listed.id, listed.created) == (made["id"], "")
    for nonsense in (b"[]", b'{"backup": "{}", "signer": [], "signature": ""}', b'{"backup": "{}", "signer": 7}'):
        page.write_bytes(nonsense)
        assert [each.created for each in await backup.find_backups(ada, str(tmp_path / "there"))] == [""]
    page.write_bytes(b"not json")
    with pytest.raises(Damaged):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "there")}, Quiet())


async def test_a_new_backup_does_not_count_on_a_damaged_catalog(backup, tmp_path):
    await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    for pack in (tmp_path / "there" / "packs").rglob("*"):
        if pack.is_file():
            flip(pack)
    again = await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())

    assert await in_a_thread(backup.run_verify, {"from": str(tmp_path / "there"), "id": again["id"]}, Quiet())


async def test_a_description_that_cannot_be_read_keeps_no_new_backup_away(backup, tmp_path):
    made = await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    (tmp_path / "there" / "backups" / f"{made['id']}.json").write_bytes(b"{}")
    again = await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())

    assert await in_a_thread(backup.run_verify, {"from": str(tmp_path / "there"), "id": again["id"]}, Quiet())


# Places


def mark_as_anothers(place):
    (place / "appliance.json").write_bytes(place_mark.write(new_key(), "another"))


async def test_a_place_belongs_to_one_appliance(backup, rooms, ada, tmp_path):
    await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    mark_as_anothers(tmp_path / "there")

    with pytest.raises(PlaceTaken):
        await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    with pytest.raises(PlaceTaken):
        await in_a_thread(backup.run_prune, {"at": str(tmp_path / "there"), "last": "1"}, Quiet())
    with pytest.raises(PlaceTaken):
        await backup.add_place(ada, "there", "local", {"directory": str(tmp_path / "there")})


async def test_no_backup_is_made_where_the_disk_of_earlier_ones_is_not_mounted(backup, ada, tmp_path):
    there = tmp_path / "there"
    await in_a_thread(backup.run_create, {"to": str(there)}, Quiet())
    there.rename(tmp_path / "unmounted")
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_create, {"to": str(there)}, Quiet())
    assert not there.exists()
    there.mkdir()
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_create, {"to": str(there)}, Quiet())
    assert packs_in(there) == set()

    await backup.remove_place(ada, str(there))

    assert await in_a_thread(backup.run_create, {"to": str(there)}, Quiet())


async def test_backups_of_somebody_else_without_a_mark_are_left_alone(backup, tmp_path):
    (tmp_path / "there" / "backups").mkdir(parents=True)
    (tmp_path / "there" / "backups" / "bak_x.json").write_text("{}")

    with pytest.raises(PlaceTaken):
        await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())


@pytest.fixture
def restored(backup, tmp_path):
    """Turn this installation into another one with the same keys."""
    return (tmp_path / "home" / "installation").unlink


async def test_two_installations_with_the_same_keys_do_not_share_a_place(backup, restored, ada, tmp_path):
    there = str(tmp_path / "there")
    made = await in_a_thread(backup.run_create, {"to": there}, Quiet())
    restored()
    before = packs_in(tmp_path / "there")
    keys = (tmp_path / "there" / "keys.ccb").read_bytes()

    for act, parameters in ((backup.run_create, {"to": there}), (backup.run_prune, {"at": there, "last": "1"})):
        with pytest.raises(PlaceInUse) as refused:
            await in_a_thread(act, parameters, Quiet())
        assert "backup place claim" in str(refused.value.fix)
    with pytest.raises(PlaceInUse):
        await backup.add_place(ada, "there", "local", {"directory": there})
    assert await in_a_thread(backup.rewrite_keys) == {there: False}
    assert packs_in(tmp_path / "there") == before
    assert (tmp_path / "there" / "keys.ccb").read_bytes() == keys
    assert (await in_a_thread(backup.run_verify, {"from": there}, Quiet()))["id"] == made["id"]


async def test_what_another_installation_proves_stays_as_it_is(backup, restored, tmp_path):
    await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    restored()
    for pack in (tmp_path / "there" / "packs").rglob("*"):
        if pack.is_file():
            flip(pack)
    before = packs_in(tmp_path / "there")

    with pytest.raises(Damaged):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "there")}, Quiet())

    assert packs_in(tmp_path / "there") == before


async def test_a_place_is_taken_over_from_an_installation_that_is_gone(backup, restored, rooms, ada, bob, tmp_path):
    there, original = str(tmp_path / "there"), tmp_path / "home" / "installation"
    await in_a_thread(backup.run_create, {"to": there}, Quiet())
    before = original.read_text()
    restored()
    with pytest.raises(Denied):
        await backup.claim_place(bob, there)

    assert (await backup.claim_place(ada, there)).name == there

    assert await in_a_thread(backup.run_create, {"to": there}, Quiet())
    facts = await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 100, [PlaceClaimed.kind]))
    assert [(each.fact.subject, each.fact.installation) for each in facts] == [(there, before)]
    original.write_text(before)
    with pytest.raises(PlaceInUse):
        await in_a_thread(backup.run_create, {"to": there}, Quiet())


async def test_a_place_of_another_appliance_cannot_be_taken_over(backup, ada, tmp_path):
    await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    mark_as_anothers(tmp_path / "there")

    with pytest.raises(PlaceTaken):
        await backup.claim_place(ada, str(tmp_path / "there"))


async def test_a_place_from_before_installations_were_told_apart_is_marked(backup, restored, ada, tmp_path):
    mark = tmp_path / "there" / "appliance.json"
    await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    mark.write_text(json.dumps({"appliance": json.loads(mark.read_text())["appliance"]}))
    await backup.remove_place(ada, str(tmp_path / "there"))

    await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())

    assert json.loads(mark.read_text())["installation"] == (tmp_path / "home" / "installation").read_text()


ALTERED = [
    pytest.param(lambda mark: mark | {"installation": "another"}, id="names another installation"),
    pytest.param(lambda mark: mark | {"appliance": "ab" * 32}, id="names another appliance"),
    pytest.param(lambda mark: {**mark, "signature": ""}, id="lost its signature"),
    pytest.param(lambda mark: {"appliance": mark["appliance"]}, id="as an earlier release left it"),
    pytest.param(lambda mark: mark | {"signature": "no hex"}, id="another signature"),
    pytest.param(lambda _: [], id="no mark at all"),
]


@pytest.mark.parametrize("alter", ALTERED)
async def test_a_mark_that_was_altered_is_refused_until_the_place_is_claimed(alter, backup, ada, tmp_path):
    there, mark = str(tmp_path / "there"), tmp_path / "there" / "appliance.json"
    made = await in_a_thread(backup.run_create, {"to": there}, Quiet())
    signed = mark.read_bytes()
    altered = json.dumps(alter(json.loads(signed)))
    mark.write_text(altered)

    for act, parameters in ((backup.run_create, {"to": there}), (backup.run_prune, {"at": there, "last": "1"})):
        with pytest.raises(MarkAltered) as refused:
            await in_a_thread(act, parameters, Quiet())
        assert "backup place claim" in str(refused.value.fix)
    assert await in_a_thread(backup.rewrite_keys) == {there: False}
    assert mark.read_text() == altered
    assert (await in_a_thread(backup.run_verify, {"from": there}, Quiet()))["id"] == made["id"]

    await backup.claim_place(ada, there)
    assert mark.read_bytes() == signed
    assert await in_a_thread(backup.run_create, {"to": there}, Quiet())


async def test_a_mark_over_backups_of_others_cannot_be_made_ours(backup, ada, tmp_path):
    (tmp_path / "there" / "backups").mkdir(parents=True)
    (tmp_path / "there" / "backups" / "bak_x.json").write_text("{}")
    (tmp_path / "there" / "appliance.json").write_text('{"appliance": "x", "signature": "00"}')

    with pytest.raises(MarkAltered):
        await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    with pytest.raises(PlaceTaken):
        await backup.claim_place(ada, str(tmp_path / "there"))


async def test_marks_of_an_earlier_release_are_signed_once(backup, rooms, ada, tmp_path):
    there, away = tmp_path / "there", tmp_path / "away"
    marks = [place / "appliance.json" for place in (there, away)]
    for place in (there, away):
        await backup.add_place(ada, place.name, "local", {"directory": str(place)})
    await rooms.log.commit(lambda unit: unit.sql.execute("UPDATE backup_place SET signed_ms = NULL"), actor=APPLIANCE)
    signed = [mark.read_bytes() for mark in marks]
    for mark, before in zip(marks, signed, strict=True):
        document = json.loads(before)
        del document["signature"]
        mark.write_text(json.dumps(document))
    away.rename(tmp_path / "unmounted")

    await in_a_thread(backup.sign_marks)

    (tmp_path / "unmounted").rename(away)
    found = {place.name: place.signed is not None for place in await backup.find_places(ada)}
    assert found == {"there": True, "away": False}
    await in_a_thread(backup.sign_marks)
    assert [mark.read_bytes() for mark in marks] == signed
    assert all(place.signed for place in await backup.find_places(ada))


async def test_backups_and_places_stay_ours_when_the_key_that_signs_them_is_replaced(backup, ada, tmp_path):
    there, mark = str(tmp_path / "there"), tmp_path / "there" / "appliance.json"
    first = await in_a_thread(backup.run_create, {"to": there}, Quiet())
    before = json.loads(mark.read_text())
    await in_a_thread(backup._repository.keyring.rotate_service, "backup-signature")

    second = await in_a_thread(backup.run_create, {"to": there}, Quiet())

    after = json.loads(mark.read_text())
    assert (after["appliance"] != before["appliance"], after["installation"]) == (True, before["installation"])
    for made in (first, second):
        assert await in_a_thread(backup.run_verify, {"from": there, "id": made["id"]}, Quiet())
    mark.write_text(json.dumps(before))
    assert await in_a_thread(backup.run_prune, {"at": there, "last": "1"}, Quiet())


async def test_places_are_added_listed_and_forgotten(backup, ada, bob, tmp_path):
    await backup.add_place(ada, "disk", "local", {"directory": str(tmp_path / "disk")})
    await in_a_thread(backup.run_create, {"to": "disk"}, Quiet())
    with pytest.raises(PlaceKnown):
        await backup.add_place(ada, "disk", "local", {"directory": str(tmp_path / "other")})
    with pytest.raises(BadPlace):
        await backup.add_place(ada, "No Name", "local", {"directory": str(tmp_path / "other")})
    for act in (backup.find_places(bob), backup.remove_place(bob, "disk"), backup.set_schedule(bob, "disk", 1, None)):
        with pytest.raises(Denied):
            await act

    (place,) = await backup.find_places(ada)
    assert (place.name, place.kind, place.backed_up is not None, place.verified) == ("disk", "local", True, None)
    await backup.remove_place(ada, "disk")
    with pytest.raises(NotFound):
        await backup.remove_place(ada, "disk")
    assert (tmp_path / "disk" / "keys.ccb").exists()


async def test_every_copy_of_the_keyring_is_written_anew_or_told(backup, tmp_path):
    for name in ("one", "two"):
        await in_a_thread(backup.run_create, {"to": str(tmp_path / name)}, Quiet())
    before = (tmp_path / "one" / "keys.ccb").read_bytes()
    backup._repository.keyring.rotate_wrapping()
    shutil.rmtree(tmp_path / "two")

    done = await in_a_thread(backup.rewrite_keys)

    assert done == {str(tmp_path / "one"): True, str(tmp_path / "two"): False}
    assert (tmp_path / "one" / "keys.ccb").read_bytes() != before


# Removing old ones


async def make(backup, rooms, place, days):
    made = []
    for _ in range(days):
        rooms.clock.advance(timedelta(days=1))
        made.append((await in_a_thread(backup.run_create, {"to": str(place)}, Quiet()))["id"])
    return made


def packs_in(place):
    return {path.name for path in (place / "packs").rglob("*") if path.is_file()}


async def test_old_backups_go_with_what_only_they_needed(backup, rooms, tmp_path):
    there = tmp_path / "there"
    made = await make(backup, rooms, there, 4)
    before = packs_in(there)
    trial = await in_a_thread(backup.run_prune, {"at": str(there), "last": "2", "trial": "yes"}, Quiet())
    assert (packs_in(there), trial["backups"]) == (before, 2)

    done = await in_a_thread(backup.run_prune, {"at": str(there), "last": "2"}, Quiet())

    assert done == trial
    assert len(before - packs_in(there)) == done["packs"] > 0
    for identifier in made[2:]:
        assert await in_a_thread(backup.run_verify, {"from": str(there), "id": identifier, "sample": "100"}, Quiet())
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_verify, {"from": str(there), "id": made[0]}, Quiet())
    facts = await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 100, [BackupsPruned.kind]))
    assert [each.fact.backups for each in facts] == [2]


async def test_pruning_that_is_broken_off_loses_nothing_that_stays(backup, rooms, tmp_path):
    there = tmp_path / "there"
    made = await make(backup, rooms, there, 4)

    class Ending(Quiet):
        left = 3

        def check(self):
            self.left -= 1
            if self.left < 0:
                raise InterruptedError

    with pytest.raises(InterruptedError):
        await in_a_thread(backup.run_prune, {"at": str(there), "last": "1"}, Ending())
    assert await in_a_thread(backup.run_verify, {"from": str(there), "id": made[-1], "sample": "100"}, Quiet())
    await in_a_thread(backup.run_prune, {"at": str(there), "last": "1"}, Quiet())
    assert await in_a_thread(backup.run_verify, {"from": str(there), "id": made[-1], "sample": "100"}, Quiet())


async def test_while_a_description_cannot_be_read_nothing_is_removed(backup, rooms, tmp_path):
    there = tmp_path / "there"
    made = await make(backup, rooms, there, 3)
    (there / "backups" / f"{made[0]}.json").write_text("{}")
    before = packs_in(there)

    with pytest.raises(Damaged) as refused:
        await in_a_thread(backup.run_prune, {"at": str(there), "last": "1"}, Quiet())
    assert "--give-up-damaged" in str(refused.value.fix)

    assert packs_in(there) == before
    with pytest.raises(Invalid):
        await in_a_thread(backup.run_prune, {"at": str(there)}, Quiet())


async def test_a_backup_whose_description_cannot_be_read_can_be_given_up(backup, rooms, tmp_path):
    there = tmp_path / "there"
    made = await make(backup, rooms, there, 3)
    (there / "backups" / f"{made[0]}.json").write_text("{}")

    done = await in_a_thread(backup.run_prune, {"at": str(there), "last": "5", "damaged": "yes"}, Quiet())

    assert (done["backups"], done["kept"]) == (1, 2)
    for identifier in made[1:]:
        assert await in_a_thread(backup.run_verify, {"from": str(there), "id": identifier, "sample": "100"}, Quiet())


async def test_while_no_description_can_be_read_none_is_given_up(backup, rooms, tmp_path):
    there = tmp_path / "there"
    (made,) = await make(backup, rooms, there, 1)
    (there / "backups" / f"{made}.json").write_text("{}")
    before = packs_in(there)

    with pytest.raises(Damaged):
        await in_a_thread(backup.run_prune, {"at": str(there), "last": "1", "damaged": "yes"}, Quiet())

    assert packs_in(there) == before


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 24 * 800), min_size=1, max_size=40, unique=True),
    st.builds(Keep, *[st.integers(0, 6)] * 4),
)
def test_what_is_kept_is_what_was_asked_for(hours, keep):
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    moments = [(f"{hour:08}", begin + timedelta(hours=hour)) for hour in hours]

    kept = choose_kept(moments, keep)

    newest_first = [identifier for identifier, _ in sorted(moments, key=lambda each: each[1], reverse=True)]
    assert newest_first[0] in kept
    assert set(newest_first[: keep.last]) <= kept
    days = sorted({moment.date() for _, moment in moments}, reverse=True)[: keep.daily]
    for day in days:
        assert max(identifier for identifier, moment in moments if moment.date() == day) in kept
    assert len(kept) <= max(keep.last, 1) + keep.daily + keep.weekly + keep.monthly


# By the clock


async def test_the_clock_makes_proves_and_removes_and_tells_when_it_cannot(backup, rooms, ada, tmp_path):
    there = str(tmp_path / "there")
    assert await backup.check() == "ok"
    await backup.set_schedule(ada, there, 24, Keep(last=2))
    assert (await backup.check(), await in_a_thread(backup.find_due)) == ("unproved", [there])

    for _ in range(10):
        for due in await in_a_thread(backup.find_due):
            await in_a_thread(backup.run_scheduled, {"to": due}, Quiet())
        assert await in_a_thread(backup.find_due) == []
        assert await backup.check() == "ok"
        rooms.clock.advance(timedelta(days=1))
        ada = replace(ada, proved_at=rooms.clock.now())

    assert len(await backup.find_backups(ada, there)) == 2
    rooms.clock.advance(timedelta(days=8))
    assert await backup.check() == "unproved"
    await backup.set_schedule(replace(ada, proved_at=rooms.clock.now()), there, None, None)
    assert (await backup.check(), await in_a_thread(backup.find_due)) == ("ok", [])


async def overdue(backup, rooms):
    await backup.tell_overdue()
    facts = await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 100, [BackupOverdue.kind]))
    return [(each.fact.subject, each.fact.every_hours) for each in facts]


async def test_an_overdue_backup_is_told_once_per_lapse(backup, rooms, ada, tmp_path):
    there = str(tmp_path / "there")
    await backup.set_schedule(ada, there, 24, None)
    rooms.clock.advance(timedelta(hours=47))
    assert await overdue(backup, rooms) == []
    rooms.clock.advance(timedelta(hours=1))
    assert await overdue(backup, rooms) == [(there, 24)]
    rooms.clock.advance(timedelta(days=30))
    assert await overdue(backup, rooms) == [(there, 24)]

    await in_a_thread(backup.run_create, {"to": there}, Quiet())

    rooms.clock.advance(timedelta(hours=47))
    assert await overdue(backup, rooms) == [(there, 24)]
    rooms.clock.advance(timedelta(hours=1))
    assert await overdue(backup, rooms) == [(there, 24)] * 2


async def test_a_place_without_a_schedule_is_never_overdue(backup, rooms, ada, tmp_path):
    await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    rooms.clock.advance(timedelta(days=300))

    assert await overdue(backup, rooms) == []


@pytest.mark.parametrize(("hours", "keep"), [(0, None), (9_000, None), (24, Keep())])
async def test_a_schedule_that_makes_no_sense_is_refused(backup, ada, tmp_path, hours, keep):
    with pytest.raises(Invalid):
        await backup.set_schedule(ada, str(tmp_path / "there"), hours, keep)
