"""Keys are shown, replaced and destroyed by administrators who have just proved who they are."""

import asyncio
import json
from datetime import timedelta

import pytest

from cloudconnect.events.encryption import KeyRotated, SharesMade, SlotAdded, SlotRemoved, SpaceResealed, SpaceShredded
from cloudconnect.events.files import Tagged
from cloudconnect.features.encryption import EncryptionService
from cloudconnect.features.files import Condition, Erasing
from cloudconnect.kernel.errors import Denied, Invalid, NotFound, StepUp
from cloudconnect.kernel.ids import id_bytes, id_of
from cloudconnect.storage import signatures
from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from cloudconnect.storage.errors import SlotNeeded
from cloudconnect.storage.reseal import Reseal
from cloudconnect.storage.slots import KeyFileSlot
from tests.storage.house import Quiet, build


async def data(content):
    yield content


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path / "home")
    yield made
    made.close()


class NoRemnants:
    """Nothing is left anywhere (``ports.remnants.Remnants``)."""

    def forget_words(self, sql, space):
        pass

    def write_anew(self):
        pass


@pytest.fixture
def copies():
    return {}


@pytest.fixture
def encryption(rooms, house, copies, tmp_path):
    return EncryptionService(
        rooms.log,
        rooms.database,
        rooms.access,
        house.repository,
        Reseal(house.repository, house, 1 << 20),
        Erasing(rooms.guide),
        slot=lambda: KeyFileSlot(tmp_path / "home" / "keys" / "root.key"),
        make_slot=lambda kind, file: KeyFileSlot(tmp_path / file),
        rewrite_copies=lambda: copies,
        remnants=NoRemnants(),
    )


@pytest.fixture
async def space(rooms, ada, house):
    """Ada's own space, with a file in it and with keys."""
    await rooms.files.put_file(ada, "personal", "/letter.txt", data(b"dear diary"))
    found = (await rooms.spaces.get_space(ada, "personal")).id
    house.repository.keyring.add_domain(id_bytes(found))
    return found


async def facts(rooms, kind):
    return [each.fact for each in await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 100, [kind]))]


async def shred(encryption, space):
    return await asyncio.to_thread(encryption.run_shred, {"space": space}, Quiet())


async def test_the_status_tells_what_opens_the_store_and_no_secret(encryption, ada, space):
    status = await encryption.get_status(ada)

    assert [(slot.kind, slot.is_current) for slot in status.slots] == [("key-file", True), ("recovery", False)]
    assert (status.shares, status.spaces) == (None, 2)
    assert len(bytes.fromhex(status.public_key)) == 32


async def test_only_administrators_and_only_with_a_fresh_proof(encryption, rooms, ada, bob, space):
    acts = [
        lambda who: encryption.add_slot(who, "key-file", "second.key"),
        lambda who: encryption.remove_slot(who, "x"),
        encryption.replace_recovery_code,
        lambda who: encryption.replace_shares(who, 2, 3),
        encryption.rotate_master,
        encryption.rotate_wrapping,
        lambda who: encryption.rotate_space(who, space),
        lambda who: encryption.replace_naming(who, space),
        lambda who: encryption.rotate_service(who, "passwords"),
    ]
    for act in acts:
        with pytest.raises(Denied):
            await act(bob)
    for look in (encryption.get_status(bob), encryption.find_certificates(bob, 10, None)):
        with pytest.raises(Denied):
            await look
    rooms.clock.advance(timedelta(minutes=11))
    for act in acts:
        with pytest.raises(StepUp):
            await act(ada)


async def test_facts_of_a_destroyed_space_stay_without_a_word(encryption, rooms, ada, space):
    tagged = Tagged(subject=id_of("nod", 7), space=space, name="diary", form="text", value="dear diary")
    await rooms.log.commit(lambda unit: unit.record(tagged), actor=ada)

    async def told():
        found = await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 100))
        return [each for each in found if each.space == space]

    before = await told()
    await shred(encryption, space)
    after = await told()

    assert "diary" in repr(before)
    assert "diary" not in repr(after)
    assert after[-1].fact.subject == tagged.subject
    assert [(each.seq, each.fact.kind, each.actor) for each in after] == [
        (each.seq, each.fact.kind, each.actor) for each in before
    ]


async def test_certificates_from_before_their_key_was_replaced_can_be_verified(encryption, ada, space):
    await shred(encryption, space)
    before = json.loads((await encryption.get_certificate(ada, space)).document)

    await encryption.rotate_service(ada, "certificates")

    status = await encryption.get_status(ada)
    assert status.earlier_public_keys == [before["public_key"]]
    assert status.public_key != before["public_key"]


async def test_slots_come_and_go_and_the_one_in_use_stays(encryption, rooms, ada):
    added = await encryption.add_slot(ada, "key-file", "second.key")
    current = next(slot.id for slot in (await encryption.get_status(ada)).slots if slot.is_current)

    await encryption.remove_slot(ada, added)
    with pytest.raises(SlotNeeded):
        await encryption.remove_slot(ada, current)
    with pytest.raises(NotFound):
        await encryption.remove_slot(ada, added)

    assert await facts(rooms, SlotAdded.kind) == [SlotAdded(subject=added, type="key-file")]
    assert await facts(rooms, SlotRemoved.kind) == [SlotRemoved(subject=added)]


async def test_shares_and_codes_are_answered_and_in_no_fact(encryption, rooms, ada, copies):
    copies["/mnt/away"] = False
    shares, unreached = await encryption.replace_shares(ada, 2, 3)
    code, still = await encryption.replace_recovery_code(ada)
    assert unreached == still == ["/mnt/away"]
    with pytest.raises(Invalid):
        await encryption.replace_shares(ada, 1, 1)

    assert (await encryption.get_status(ada)).shares.set_id == shares[0].set_id
    told = await facts(rooms, SharesMade.kind) + await facts(rooms, KeyRotated.kind)
    assert len(told) == 2
    assert not any(secret in repr(told) for secret in (code, *(str(share) for share in shares)))


async def test_every_level_is_rotated_and_told(encryption, rooms, ada, space, house):
    code, _ = await encryption.rotate_master(ada)
    count = await encryption.rotate_wrapping(ada)
    epoch = await encryption.rotate_space(ada, space)

    assert code.startswith("CCR1-")
    assert (count, epoch) == (6, 2)
    assert await encryption.replace_naming(ada, space) == 1
    assert [await encryption.rotate_service(ada, name) for name in ("passwords", "certificates", "backups")] == [2] * 3
    with pytest.raises(NotFound):
        await encryption.rotate_service(ada, "cookies")
    told = [each.level for each in await facts(rooms, KeyRotated.kind)]
    assert told == ["master", "wrapping", "space", "naming", "service", "service", "service"]
    spaces = await encryption.find_spaces(ada, 10, None)
    assert (space, 2) in [(each.space, each.epoch) for each in spaces.items]


@pytest.mark.parametrize(
    "space",
    [
        id_of("spc", int.from_bytes(CATALOG_DOMAIN, "big")),
        "spc_01JZZZZZZZZZZZZZZZZZZZZZZZ",
        "personal",
        "",
        "spc_",
        "../x",
    ],
)
async def test_a_space_that_is_not_there_is_refused(encryption, ada, space):
    with pytest.raises(NotFound):
        await encryption.rotate_space(ada, space)
    for run in (encryption.run_reseal, encryption.run_shred):
        with pytest.raises(NotFound):
            await asyncio.to_thread(run, {"space": space}, Quiet())
    with pytest.raises(NotFound):
        await encryption.get_certificate(ada, space)


async def test_a_reseal_is_told(encryption, rooms, ada, space):
    counts = await asyncio.to_thread(encryption.run_reseal, {"space": space}, Quiet())

    assert counts == {"chunks": 0, "damaged_chunks": 0}
    assert await facts(rooms, SpaceResealed.kind) == [SpaceResealed(subject=space)]


async def test_lists_come_in_pages(encryption, ada, house):
    for number in range(1, 6):
        house.repository.keyring.add_domain(bytes([number]) * 16)
    seen, cursor = [], None
    while True:
        page = await encryption.find_spaces(ada, 2, cursor)
        seen += [each.space for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == sorted(set(seen))
    assert len(seen) == 6


# Destruction


async def test_a_shredded_space_is_gone_with_its_keys_and_the_certificate_says_so(encryption, rooms, ada, space, house):
    ended = await shred(encryption, space)

    assert (ended["state"], ended["keys"]) == ("erased", 3)
    assert id_bytes(space) not in house.repository.keyring.find_epochs()
    certificate = await encryption.get_certificate(ada, space)
    document = json.loads(certificate.document)
    public = bytes.fromhex((await encryption.get_status(ada)).public_key)
    assert document["public_key"] == public.hex()
    assert signatures.is_signed(public, document["certificate"], bytes.fromhex(document["signature"]))
    assert not signatures.is_signed(public, document["certificate"] + " ", bytes.fromhex(document["signature"]))
    said = json.loads(document["certificate"])
    assert (said["space"], said["state"], said["keys"]) == (space, "erased", 3)
    assert await facts(rooms, SpaceShredded.kind) == [SpaceShredded(subject=space, state="erased")]
    assert [each.space for each in (await encryption.find_certificates(ada, 10, None)).items] == [space]


async def test_nothing_of_a_shredded_space_is_left_in_the_tables_and_others_stay(encryption, rooms, ada, bob, space):
    await rooms.files.put_file(bob, "personal", "/mine.txt", data(b"mine"))
    await rooms.files.trash(ada, "personal", "/letter.txt", Condition(if_match=frozenset({"*"})))

    await shred(encryption, space)

    def left(sql):
        tables = ("entry", "trash", "access_grant")
        counts = [sql.row(f"SELECT count(*) FROM {table} WHERE space = ?", (space,))[0] for table in tables]
        return [*counts, sql.row("SELECT count(*) FROM space WHERE id = ?", (space,))[0]]

    assert await rooms.database.read(left) == [0, 0, 0, 0]
    assert (await rooms.database.read(lambda sql: sql.row("SELECT count(*) FROM version")))[0] == 1
    assert (await rooms.files.get_entry(bob, "personal", "/mine.txt")).size == 4


async def test_whose_space_was_shredded_gets_a_new_one(encryption, rooms, ada, space):
    await shred(encryption, space)

    await rooms.files.put_file(ada, "personal", "/new.txt", data(b"new"))

    assert (await rooms.spaces.get_space(ada, "personal")).id != space


async def test_a_large_space_is_forgotten_in_batches(encryption, rooms, ada, space, monkeypatch):
    monkeypatch.setattr("cloudconnect.features.encryption.service._ROWS_AT_ONCE", 3)
    for number in range(10):
        await rooms.files.put_file(ada, "personal", f"/{number}.txt", data(b"x"))

    await shred(encryption, space)

    assert (await rooms.database.read(lambda sql: sql.row("SELECT count(*) FROM version")))[0] == 0


async def test_while_a_copy_of_the_keys_is_out_of_reach_the_certificate_is_pending(encryption, ada, space, copies):
    copies["/mnt/backups"] = False
    assert (await shred(encryption, space))["state"] == "pending"
    assert (await encryption.get_certificate(ada, space)).state == "pending"

    copies["/mnt/backups"] = True
    again = await shred(encryption, space)

    assert again["state"] == "erased"
    said = json.loads(json.loads((await encryption.get_certificate(ada, space)).document)["certificate"])
    assert said["copies_of_the_keyring"] == {"/mnt/backups": "rewritten"}
    assert said["keys"] == 3


async def test_one_that_was_interrupted_is_completed_and_counts_what_it_destroyed(
    encryption, rooms, ada, space, house, monkeypatch
):
    def fail(*_, **__):
        raise InterruptedError

    with monkeypatch.context() as patch:
        patch.setattr("cloudconnect.storage.life.forget_domain", fail)
        with pytest.raises(InterruptedError):
            await shred(encryption, space)
    assert (await encryption.get_certificate(ada, space)).state == "pending"

    ended = await shred(encryption, space)

    assert (ended["state"], ended["keys"]) == ("erased", 3)
    assert json.loads(json.loads((await encryption.get_certificate(ada, space)).document)["certificate"])["keys"] == 3
