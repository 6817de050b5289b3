"""The keyring opens for what it was made with, and gives back the same keys."""

import os
import signal
import sqlite3
import struct
import threading
from contextlib import closing

import pytest

from cloudconnect.storage.errors import (
    BadKeyFile,
    KeyringUnavailable,
    NewerFormat,
    NoDomain,
    NoSuchSlot,
    SlotNeeded,
    StoreFull,
    WrongKey,
)
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.seal import NotAuthentic, open_box
from cloudconnect.storage.slots import KeyFileSlot, PassphraseSlot, RecoverySlot

SPACE = bytes(range(16))


def quick(phrase):
    return PassphraseSlot(phrase, memory_kib=64, passes=1, lanes=1)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "home" / "keyring.db"


@pytest.fixture
def slot(tmp_path):
    return KeyFileSlot(tmp_path / "home.key")


@pytest.fixture
def made(path, slot):
    keyring, code = Keyring.create(path, slot)
    keyring.add_domain(SPACE)
    yield keyring, code
    keyring.close()


def name_of(keyring):
    return keyring.domain(SPACE).content_ids.of(0, b"content")


def reopened(path, slot):
    return closing(Keyring.open(path, slot))


def test_it_opens_with_its_key_file_and_has_the_same_keys(made, path, slot):
    with reopened(path, slot) as again:
        assert name_of(again) == name_of(made[0])
        assert again.domain(SPACE).epoch == 1


@pytest.mark.parametrize(
    "written",
    [
        pytest.param(lambda code: code, id="as printed"),
        pytest.param(lambda code: code.lower().replace("-", " "), id="in small letters with spaces"),
        pytest.param(
            lambda code: code.replace("-", "").replace("0", "o").replace("1", "l"), id="with letters for digits"
        ),
    ],
)
def test_it_opens_with_its_recovery_code(made, path, written):
    with reopened(path, RecoverySlot(written(made[1]))) as again:
        assert name_of(again) == name_of(made[0])


def test_any_wrong_letter_of_a_recovery_code_is_noticed(made, path):
    code = made[1]
    places = [place for place in range(5, len(code)) if code[place] != "-"]

    for place in places:
        wrong = code[:place] + ("2" if code[place] != "2" else "3") + code[place + 1 :]
        with pytest.raises(WrongKey):
            Keyring.open(path, RecoverySlot(wrong))


def test_a_new_recovery_code_replaces_the_old_one(made, path):
    keyring, old = made

    new = keyring.replace_recovery_code()

    reopened(path, RecoverySlot(new)).thing.close()
    with pytest.raises(WrongKey):
        Keyring.open(path, RecoverySlot(old))


def test_a_passphrase_opens_it_once_it_has_a_slot(made, path):
    made[0].put_slot(quick("correct horse"))

    with reopened(path, quick("correct horse")) as again:
        assert name_of(again) == name_of(made[0])
    with pytest.raises(WrongKey):
        Keyring.open(path, quick("wrong horse"))


@pytest.mark.parametrize("content", [None, b"", bytes(32), bytes(33)], ids=["missing", "empty", "another", "too long"])
def test_a_wrong_key_file_is_refused(made, path, slot, content):
    slot.path.unlink()
    if content is not None:
        slot.path.write_bytes(content)

    with pytest.raises(WrongKey):
        Keyring.open(path, slot)


def test_a_slot_that_was_never_made_is_refused(made, path):
    with pytest.raises(WrongKey):
        Keyring.open(path, quick("any"))


def test_a_newer_format_is_refused(made, path, slot):
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA user_version = 4")

    with pytest.raises(NewerFormat):
        Keyring.open(path, slot)


def test_a_keyring_is_never_overwritten(made, path, slot):
    with pytest.raises(FileExistsError):
        Keyring.create(path, slot)


def test_a_key_file_that_is_there_is_used(made, path, slot, tmp_path):
    held = slot.path.read_bytes()

    other, _ = Keyring.create(tmp_path / "other.db", slot)
    other.close()

    assert slot.path.read_bytes() == held


def test_adding_a_domain_again_keeps_its_keys(made):
    before = name_of(made[0])

    made[0].add_domain(SPACE)

    assert name_of(made[0]) == before


def test_a_space_without_keys_is_refused(made):
    with pytest.raises(NoDomain):
        made[0].domain(bytes(16))


def test_a_service_key_stays_the_same_and_is_its_own(made, path, slot):
    keyring = made[0]

    secret = keyring.service_key("pepper").secret

    assert keyring.service_key("pepper").secret == secret != keyring.service_key("cookie").secret
    with reopened(path, slot) as again:
        assert again.service_key("pepper").secret == secret


def test_no_key_lies_open_in_the_file(made, path):
    keyring = made[0]
    data = path.read_bytes()
    secrets = [keyring.service_key("pepper").secret, keyring.domain(SPACE).key(1).secret, keyring._master.secret]

    assert not any(secret in data for secret in secrets)


def test_without_room_it_refuses_and_stays_as_it_was(made):
    keyring, _ = made
    (most,) = keyring._database.execute("PRAGMA page_count").fetchone()
    keyring._database.execute(f"PRAGMA max_page_count = {most}")
    for number in range(1_000):
        space = number.to_bytes(16, "big")
        try:
            keyring.add_domain(space)
        except StoreFull:
            break
    with pytest.raises(NoDomain):
        keyring.domain(space)
    keyring._database.execute(f"PRAGMA max_page_count = {most + 100}")
    keyring.add_domain(space)
    assert keyring.domain(space)


def test_threads_can_add_and_ask_at_once(made):
    keyring, spaces = made[0], [bytes([number]) * 16 for number in range(8)]

    def work():
        for space in spaces:
            keyring.add_domain(space)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len({keyring.domain(space).content_ids.of(0, b"x") for space in spaces}) == 8


def test_slots_do_not_show_what_they_hold():
    assert "secret" not in repr(PassphraseSlot("secret")) + repr(RecoverySlot("secret"))


# Several slots


def test_several_slots_of_one_kind_open_it_until_they_are_removed(made, path):
    keyring, _ = made
    first, second = keyring.add_slot(quick("one")), keyring.add_slot(quick("two"))

    with reopened(path, quick("one")), reopened(path, quick("two")) as again:
        assert [slot.id for slot in again.find_slots() if slot.is_current] == [second]
    keyring.remove_slot(first)

    with pytest.raises(WrongKey):
        Keyring.open(path, quick("one"))
    with pytest.raises(NoSuchSlot):
        keyring.remove_slot(first)


def test_the_slot_that_opened_it_is_not_removed(made):
    (current,) = [slot for slot in made[0].find_slots() if slot.is_current]

    with pytest.raises(SlotNeeded):
        made[0].remove_slot(current.id)


def test_a_keyring_of_the_first_format_opens_and_keeps_its_slots(tmp_path):
    path, slot = tmp_path / "keyring.db", KeyFileSlot(tmp_path / "key")
    keyring, code = Keyring.create(path, slot)
    keyring.add_domain(SPACE)
    name, pepper = name_of(keyring), keyring.service_key("pepper").secret
    keyring.close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute(
            "CREATE TABLE old (kind TEXT NOT NULL PRIMARY KEY, parameters TEXT NOT NULL, box BLOB NOT NULL)"
        )
        database.execute("INSERT INTO old SELECT kind, parameters, box FROM slot")
        database.execute("DROP TABLE slot")
        database.execute("DROP TABLE share")
        database.execute("ALTER TABLE old RENAME TO slot")
        without_versions(database)
        database.execute("PRAGMA user_version = 1")

    for way in (slot, RecoverySlot(code)):
        with reopened(path, way) as again:
            assert name_of(again) == name
            assert again.service_key("pepper").secret == pepper
            assert len(again.find_slots()) == 2


def without_versions(database):
    database.execute("CREATE TABLE old_service (name TEXT NOT NULL PRIMARY KEY, box BLOB NOT NULL)")
    database.execute("INSERT INTO old_service SELECT name, box FROM service_key")
    database.execute("DROP TABLE service_key")
    database.execute("ALTER TABLE old_service RENAME TO service_key")


def test_a_keyring_of_the_second_format_opens_and_its_service_keys_can_be_replaced(made, path, slot):
    pepper = made[0].service_key("pepper").secret
    made[0].close()
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        without_versions(database)
        database.execute("PRAGMA user_version = 2")

    with reopened(path, slot) as again:
        assert again.service_key("pepper").secret == pepper
        assert again.rotate_service("pepper") == 2
        assert again.service_keys("pepper")[1].secret == pepper


# Rotation


def test_a_new_master_key_opens_for_the_slot_and_the_new_code_alone(made, path, slot):
    keyring, code = made
    name, pepper = name_of(keyring), keyring.service_key("pepper").secret
    before = [box for table in ("slot", "wrapping_key", "service_key") for box in boxes(path, table)]
    keyring.add_slot(quick("other"))
    shares = keyring.replace_shares(2, 3)

    fresh = keyring.rotate_master(slot)

    assert (name_of(keyring), keyring.service_key("pepper").secret) == (name, pepper)
    for way in (slot, RecoverySlot(fresh)):
        with reopened(path, way) as again:
            assert (name_of(again), again.service_key("pepper").secret) == (name, pepper)
            assert [each.kind for each in again.find_slots()] == ["key-file", "recovery"]
    for way in (RecoverySlot(code), quick("other"), shares):
        with pytest.raises(WrongKey):
            Keyring.open(path, way)
    assert not any(box in path.read_bytes() for box in before)


def test_a_new_wrapping_key_seals_every_key_of_spaces_anew(made, path, slot):
    keyring, _ = made
    name = name_of(keyring)
    old = boxes(path, "space_key")

    assert keyring.rotate_wrapping() == 3

    assert not set(old) & set(boxes(path, "space_key"))
    with reopened(path, slot) as again:
        assert name_of(again) == name_of(keyring) == name


def test_new_naming_keys_are_for_new_content_and_earlier_names_can_be_proved(made, path, slot):
    keyring, _ = made
    before = keyring.domain(SPACE)
    (cut,) = (box for box in boxes(path, "space_key WHERE use = 'cut'"))

    assert keyring.replace_naming(SPACE) == 1
    assert keyring.replace_naming(SPACE) == 2

    with reopened(path, slot) as again:
        for held in (keyring, again):
            after = held.domain(SPACE)
            assert after.cut_key.secret != before.cut_key.secret
            assert name_of(held) != before.content_ids.of(0, b"content")
            assert after.is_name(name_of(held), 0, b"content")
            assert after.is_name(before.content_ids.of(0, b"content"), 0, b"content")
            assert not after.is_name(before.content_ids.of(0, b"content"), 0, b"other")
            assert (after.epoch, len(after.earlier_ids)) == (1, 2)
    assert cut not in path.read_bytes()
    with pytest.raises(NoDomain):
        keyring.replace_naming(bytes(16))


def test_every_version_of_a_service_key_stays_under_every_rotation(made, path, slot):
    keyring, _ = made
    first = keyring.service_key("pepper").secret

    assert keyring.rotate_service("pepper") == 2
    assert keyring.rotate_service("cookie") == 2
    keyring.rotate_master(slot)

    with reopened(path, slot) as again:
        for held in (keyring, again):
            found = held.service_keys("pepper")
            assert list(found) == [2, 1]
            assert (found[1].secret, found[2].secret) == (first, held.service_key("pepper").secret)


ROTATIONS = [
    pytest.param(lambda keyring, slot: keyring.rotate_master(slot), id="master"),
    pytest.param(lambda keyring, slot: keyring.rotate_wrapping(), id="wrapping"),
    pytest.param(lambda keyring, slot: keyring.replace_naming(SPACE), id="naming"),
    pytest.param(lambda keyring, slot: keyring.rotate_service("pepper"), id="service"),
    pytest.param(lambda keyring, slot: keyring.add_epoch(SPACE), id="space"),
    pytest.param(lambda keyring, slot: keyring.destroy_domain(bytes(16)), id="destroy another space"),
]


@pytest.mark.parametrize("rotate", ROTATIONS)
def test_killed_at_any_step_of_a_rotation_it_opens_and_has_its_keys(rotate, made, path, slot):
    keyring, _ = made
    names, peppers = {name_of(keyring)}, {keyring.service_key("pepper").secret}
    keyring.add_domain(bytes(16))
    step, is_done = 0, False
    while not is_done:
        is_done = not killed_at(step, path, slot, rotate)
        with reopened(path, slot) as again:
            held = again.domain(SPACE)
            names.add(name_of(again))
            peppers.add(again.service_key("pepper").secret)
            assert all(held.is_name(name, 0, b"content") for name in names)
            assert peppers == {key.secret for key in again.service_keys("pepper").values()}
            assert held.key(1)
        step += 1
    assert step > 3


def killed_at(step, path, slot, rotate):
    """Rotate in a process of its own, which is killed before the statement of this number; tell whether it was."""
    child = os.fork()
    if not child:
        left = [step]

        def count(_):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

        keyring = Keyring.open(path, slot)
        keyring._database.set_trace_callback(count)
        rotate(keyring, slot)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def test_a_new_epoch_is_for_new_data_and_names_stay(made, path, slot):
    keyring, _ = made
    before = keyring.domain(SPACE)

    assert keyring.add_epoch(SPACE) == 2

    with reopened(path, slot) as again:
        for held in (keyring, again):
            keys = held.domain(SPACE)
            assert (keys.epoch, keys.key(1).secret) == (2, before.key(1).secret)
            assert name_of(held) == before.content_ids.of(0, b"content")
    assert keyring.find_epochs() == {SPACE: 2}
    with pytest.raises(NoDomain):
        keyring.add_epoch(bytes(16))


def test_adding_a_domain_again_after_a_new_epoch_adds_no_key(made):
    made[0].add_epoch(SPACE)

    made[0].add_domain(SPACE)

    assert sorted(made[0].domain(SPACE).epochs) == [1, 2]


def test_destroyed_keys_are_nowhere_in_the_file_and_other_spaces_stay(made, path, slot):
    keyring, _ = made
    keyring.add_epoch(SPACE)
    keyring.add_domain(bytes(16))
    other = keyring.domain(bytes(16)).cut_key.secret
    old = boxes(path, "space_key") + boxes(path, "wrapping_key")

    assert keyring.destroy_domain(SPACE) == 4

    data = path.read_bytes()
    assert not any(box in data for box in old)
    assert [each.name for each in path.parent.iterdir()] == [path.name]
    with reopened(path, slot) as again:
        for held in (keyring, again):
            assert held.domain(bytes(16)).cut_key.secret == other
            with pytest.raises(NoDomain):
                held.domain(SPACE)
    assert keyring.destroy_domain(SPACE) == 0
    keyring.add_domain(bytes([7]) * 16)


def test_rotations_beside_readers_never_show_a_damaged_keyring(made):
    keyring, spaces = made[0], [bytes([number]) * 16 for number in range(20)]
    for space in spaces:
        keyring.add_domain(space)
    failures = []

    def read():
        try:
            for _ in range(200):
                for space in spaces:
                    keyring._domains.pop(space, None)
                    keyring.domain(space)
        except Exception as error:  # noqa: BLE001 - whatever a thread meets fails the test
            failures.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        keyring.rotate_wrapping()
        keyring.add_epoch(spaces[0])
    for thread in threads:
        thread.join()

    assert not failures


def test_an_error_of_the_disk_while_keys_become_durable_ends_everything(made, path, slot):
    keyring, _ = made
    told = []
    keyring.on_fatal = lambda: told.append("fatal")

    class Failing:
        def __init__(self, database):
            self.database = database

        def execute(self, statement, *arguments):
            if statement == "COMMIT":
                self.database.execute("COMMIT")
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR
                raise error
            return self.database.execute(statement, *arguments)

        def __getattr__(self, name):
            return getattr(self.database, name)

    real, keyring._database = keyring._database, Failing(keyring._database)
    with pytest.raises(KeyringUnavailable):
        keyring.rotate_wrapping()
    keyring._database = real

    assert told == ["fatal"]
    for act in (lambda: keyring.add_domain(bytes(16)), lambda: keyring.service_key("x"), keyring.rotate_wrapping):
        with pytest.raises(KeyringUnavailable):
            act()
    with reopened(path, slot) as again:
        again.add_domain(bytes(16))


def test_an_old_master_key_opens_nothing_of_what_came_after_it(made, path, slot):
    keyring, _ = made
    old_wrapping = keyring._wrapping

    keyring.rotate_master(slot)
    keyring.add_domain(bytes(16))

    assert keyring._wrapping.secret != old_wrapping.secret
    for box in boxes(path, "space_key"):
        with pytest.raises(NotAuthentic):
            open_box(old_wrapping, "space-key", box, bytes(16), struct.pack(">I", 1))


def test_what_an_interrupted_rewriting_left_is_gone_at_the_next_start(made, path, slot):
    path.with_name("keyring.db.new").write_bytes(path.read_bytes())

    with reopened(path, slot):
        assert [each.name for each in path.parent.iterdir()] == [path.name]


@pytest.mark.parametrize("name", ["there/a directory", "below a file/key", "nul\0", "x" * 300])
def test_a_key_file_that_cannot_be_is_refused_in_words(made, tmp_path, name):
    (tmp_path / "there" / "a directory").mkdir(parents=True)
    (tmp_path / "below a file").touch()

    with pytest.raises(BadKeyFile):
        made[0].add_slot(KeyFileSlot(tmp_path / name))


def boxes(path, table):
    with closing(sqlite3.connect(path)) as database:
        return [box for (box,) in database.execute(f"SELECT box FROM {table}")]
