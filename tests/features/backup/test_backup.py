"""Backups are for administrators, in places that can hold them; that they come back is shown in tests/cli."""

import asyncio
import contextlib

import pytest

from cloudconnect.events.backup import BackupMade
from cloudconnect.features.backup import BackupService
from cloudconnect.kernel.errors import Damaged, Denied, Invalid, NotFound
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
    with pytest.raises(Invalid):
        await in_a_thread(backup.run_create, {"to": place.format(home=tmp_path / "home")}, Quiet())


async def test_what_is_not_there_cannot_be_proved(backup, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "empty")}, Quiet())
    with pytest.raises(NotFound):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "empty"), "id": "../../etc/passwd"}, Quiet())
    with pytest.raises(Invalid):
        await in_a_thread(backup.run_verify, {"from": str(tmp_path / "missing")}, Quiet())


async def test_a_description_that_was_changed_is_refused(backup, ada, tmp_path):
    made = await in_a_thread(backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    page = tmp_path / "there" / "backups" / f"{made['id']}.json"
    page.write_bytes(page.read_bytes().replace(b"position", b"positiom"))
    (listed,) = await backup.find_backups(ada, str(tmp_path / "there"))
    assert (listed.id, listed.created) == (made["id"], "")
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
