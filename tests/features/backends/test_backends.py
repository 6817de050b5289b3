"""Backends are tried out before they are added, listed with what they hold, and added by administrators alone."""

import pytest

from cloudconnect.features.backends import BackendsService
from cloudconnect.kernel.errors import Conflict, Denied, Invalid, NotFound, Unavailable
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.storage import places
from cloudconnect.storage.backends.fleet import FleetBackend
from cloudconnect.storage.backends.local import MARK
from cloudconnect.storage.backends.memory import MemoryBackend
from cloudconnect.storage.backends.opening import Opener
from cloudconnect.storage.index import MAIN
from cloudconnect.storage.places import AddedBackend


class Patience:
    """Progress that never ends a run."""

    checkpoint = ""

    def check(self):
        """Go on."""


@pytest.fixture
def disk(tmp_path):
    path = tmp_path / "disk"
    path.mkdir()
    return path


@pytest.fixture
def backends(rooms, tmp_path):
    (tmp_path / "spool").mkdir()
    home = tmp_path / "home"
    home.mkdir()
    fleet = FleetBackend(MemoryBackend(), lambda name: None)
    main = AddedBackend(MAIN, "local", {"directory": str(home)})
    return BackendsService(rooms.log, rooms.database, rooms.access, fleet, Opener(home, 0), main, tmp_path / "spool")


async def test_what_was_added_is_listed_behind_main(ada, backends, disk, tmp_path):
    added = await backends.add_backend(ada, "disk", "local", {"directory": str(disk)})

    assert (added.name, added.where, added.packs) == ("disk", str(disk), 0)
    assert [(each.name, each.is_target) for each in await backends.find_backends(ada)] == [
        ("main", True),
        ("disk", False),
    ]
    assert [path for path in disk.rglob("*") if path.is_file()] == [disk / MARK]
    assert [each.name for each in places.read_list(tmp_path / "home")] == ["disk"]
    await backends.remove_backend(ada, "disk")
    assert places.read_list(tmp_path / "home") == []


@pytest.mark.parametrize(
    ("name", "kind", "parameters", "refusal"),
    [
        pytest.param("Not Good", "local", {"directory": "/"}, Invalid, id="a bad name"),
        pytest.param("main", "local", {"directory": "/"}, Conflict, id="a taken name"),
        pytest.param("disk", "local", {"directory": "relative"}, Invalid, id="a relative directory"),
        pytest.param("disk", "local", {"directory": "/nowhere/at/all"}, Invalid, id="no directory"),
        pytest.param("disk", "tape", {"bucket": "x"}, Invalid, id="an unknown kind"),
        pytest.param("disk", "s3", {}, Invalid, id="no bucket"),
        pytest.param("disk", "s3", {"bucket": "x"}, Invalid, id="no credentials"),
        pytest.param("disk", "local", {"directory": "/proc/self"}, Unavailable, id="one that takes nothing"),
    ],
)
async def test_what_makes_no_backend_is_refused(ada, backends, name, kind, parameters, refusal):
    with pytest.raises(refusal):
        await backends.add_backend(ada, name, kind, parameters)

    assert [each.name for each in await backends.find_backends(ada)] == ["main"]


async def test_only_administrators_may(bob, backends, disk):
    with pytest.raises(Denied):
        await backends.add_backend(bob, "disk", "local", {"directory": str(disk)})
    with pytest.raises(Denied):
        await backends.find_backends(bob)


def test_a_trial_says_how_fast_a_backend_is(backends):
    result = backends.try_out({}, Patience())

    assert result.keys() == {"put_ms", "read_ms", "list_ms", "put_bytes_per_second", "read_bytes_per_second"}
    with pytest.raises(Invalid):
        backends.try_out({"name": "nowhere"}, Patience())


async def test_an_added_backend_that_holds_nothing_can_be_removed(ada, backends, disk):
    await backends.add_backend(ada, "disk", "local", {"directory": str(disk)})

    await backends.remove_backend(ada, "disk")

    assert [each.name for each in await backends.find_backends(ada)] == ["main"]
    assert (await backends.add_backend(ada, "disk", "local", {"directory": str(disk)})).name == "disk"


@pytest.mark.parametrize("name", ["main", "elsewhere"])
async def test_what_was_never_added_cannot_be_removed(ada, backends, name):
    with pytest.raises(NotFound):
        await backends.remove_backend(ada, name)


async def test_one_that_holds_packs_or_takes_new_ones_cannot_be_removed(ada, backends, disk, rooms):
    await backends.add_backend(ada, "disk", "local", {"directory": str(disk)})
    backends._fleet.aim("disk")
    with pytest.raises(Conflict, match="New packs"):
        await backends.remove_backend(ada, "disk")
    backends._fleet.aim("main")
    pack = "INSERT INTO pack (id, domain, size, backend, state) VALUES (?, ?, 1, 'disk', 'live')"
    await rooms.log.commit(lambda unit: unit.sql.execute(pack, (bytes(32), bytes(16))), actor=APPLIANCE)

    with pytest.raises(Conflict, match="1 packs"):
        await backends.remove_backend(ada, "disk")


async def test_only_administrators_remove(bob, backends):
    with pytest.raises(Denied):
        await backends.remove_backend(bob, "disk")
