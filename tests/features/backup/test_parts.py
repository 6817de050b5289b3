"""A part of a backup comes back while the appliance is used: what can come back does, and it takes what it must."""

import asyncio
import random
import threading
from datetime import timedelta

import pytest

from cloudconnect.assembly import assemble, initialise
from cloudconnect.features.backup.service.contents import Contents
from cloudconnect.features.files import Condition
from cloudconnect.kernel.ids import id_bytes
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.settings import load
from tests.storage.house import Quiet

WHATEVER = Condition(if_match=frozenset({"*"}))
LARGE = random.Random(1).randbytes(6_000_000)


@pytest.fixture
async def appliance(tmp_path):
    """A whole appliance that runs."""
    overrides = {"database.readers": "2"}
    settings = load(environ={"HOME": str(tmp_path)}, home=tmp_path / "home", overrides=overrides).settings
    initialise(settings)
    appliance = assemble(settings)
    await appliance.start()
    yield appliance
    await appliance.stop()


@pytest.fixture
async def ada(appliance):
    account = await appliance.auth.add_account(APPLIANCE, "ada", "", "purple tram rides north", True)
    return Principal(account.id, PrincipalKind.PERSON, "ada", True)


async def put(appliance, person, path, data):
    async def stream():
        yield data

    await appliance.files.put_file(person, "personal", path, stream(), parents=True)


async def read(appliance, person, path):
    opened = await appliance.files.open_file(person, "personal", path)
    return b"".join([piece async for piece in opened.read(0, None)])


@pytest.fixture
async def tree(appliance, ada, tmp_path):
    """A few files of ada's, in a backup."""
    await put(appliance, ada, "/docs/letter", b"dear all")
    await put(appliance, ada, "/docs/large", LARGE)
    await put(appliance, ada, "/docs/nothing", b"")
    await asyncio.to_thread(appliance.backup.run_create, {"to": str(tmp_path / "there")}, Quiet())
    space = await appliance.spaces.get_space(ada, "personal")
    return {"from": str(tmp_path / "there"), "space": space.id, "path": "/docs"}


async def restore(appliance, parameters, progress=None):
    return await asyncio.to_thread(appliance.backup.run_restore, parameters, progress or Quiet())


async def test_a_folder_in_the_place_of_a_file_stays_and_the_rest_comes_back(appliance, ada, tree):
    await appliance.files.trash(ada, "personal", "/docs/letter", WHATEVER)
    await appliance.files.trash(ada, "personal", "/docs/large", WHATEVER)
    await appliance.files.add_folder(ada, "personal", "/docs/letter")
    done = await restore(appliance, tree | {"live": "yes"})

    assert (done["refused"], done["refused_paths"]) == (1, "/docs/letter")
    assert (await appliance.files.get_entry(ada, "personal", "/docs/letter")).is_folder
    assert await read(appliance, ada, "/docs/large") == LARGE


async def test_an_interrupted_restore_goes_on_in_the_same_folder(appliance, ada, tree):
    class Stop(Exception):
        pass

    class Stopped(Quiet):
        checks = 0

        def check(self):
            self.checks += 1
            if self.checks == 3:
                raise Stop

    class Later:
        def __init__(self, clock):
            self._clock = clock

        def now(self):
            return self._clock.now() + timedelta(minutes=5)

    stopped, again = Stopped(), Quiet()
    with pytest.raises(Stop):
        await restore(appliance, tree, stopped)
    appliance.backup._clock = Later(appliance.backup._clock)
    again.checkpoint = stopped.checkpoint
    done = await restore(appliance, tree, again)

    found = await appliance.files.find_children(ada, "personal", "/", limit=100)
    assert [each.path for each in found.items if each.name.startswith("Restored")] == [done["folder"]]
    assert await read(appliance, ada, f"{done['folder']}/docs/large") == LARGE
    assert await read(appliance, ada, f"{done['folder']}/docs/nothing") == b""


async def test_what_is_damaged_here_is_taken_from_the_backup(appliance, ada, tree):
    for pack in (appliance.home / "packs").rglob("*"):
        if pack.is_file():
            pack.write_bytes(bytes(pack.stat().st_size))
    done = await restore(appliance, tree | {"path": "/docs/large", "into": "/desk"})

    assert (done["files"], done["damaged"]) == (1, 0)
    assert await read(appliance, ada, "/desk/docs/large") == LARGE


async def test_what_is_stored_here_is_not_read_from_the_place(appliance, ada, tree, monkeypatch):
    fetched = []
    read_chunks = Contents.read
    monkeypatch.setattr(
        Contents,
        "read",
        lambda self, space, chunks: (fetched.append(each) or each for each in read_chunks(self, space, chunks)),
    )
    done = await restore(appliance, tree | {"into": "/desk"})

    assert (done["files"], fetched) == (3, [])
    assert await read(appliance, ada, "/desk/docs/large") == LARGE


async def test_nothing_is_pruned_while_a_part_comes_back(appliance, ada, tree):
    class Pruning(Quiet):
        thread = None
        is_waiting = False

        def check(self):
            if self.thread is None:
                wanted = {"at": tree["from"], "last": "1"}
                self.thread = threading.Thread(target=appliance.backup.run_prune, args=(wanted, Quiet()))
                self.thread.start()
                self.thread.join(0.1)
                self.is_waiting = self.thread.is_alive()

    progress = Pruning()
    await restore(appliance, tree, progress)
    await asyncio.to_thread(progress.thread.join)

    assert progress.is_waiting


@pytest.mark.parametrize("is_gone", [False, True], ids=["chunks still stored", "chunks gone"])
async def test_a_part_comes_back_after_the_keys_that_name_content_were_replaced(is_gone, appliance, ada, tree):
    appliance.encryption._keyring.replace_naming(id_bytes(tree["space"]))
    appliance.encryption._repository.writer.renew(id_bytes(tree["space"]))
    if is_gone:
        await appliance.log.commit(lambda unit: unit.sql.execute("DELETE FROM chunk"), actor=APPLIANCE)

    done = await restore(appliance, tree | {"into": "/aside"})

    assert (done["files"], done["damaged"]) == (3, 0)
    assert await read(appliance, ada, "/aside/docs/large") == LARGE
    assert await read(appliance, ada, "/aside/docs/letter") == b"dear all"
