"""Backends are tried out before they are added, listed with what they hold, and added by administrators alone."""

import pytest

from cloudconnect.features.backends import BackendsService
from cloudconnect.kernel.errors import Conflict, Denied, Invalid, Unavailable
from cloudconnect.storage.backends.fleet import FleetBackend
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
    fleet = FleetBackend(MemoryBackend(), lambda name: None)
    main = AddedBackend(MAIN, "local", {"directory": str(home)})
    return BackendsService(rooms.log, rooms.database, rooms.access, fleet, Opener(home, 0), main, tmp_path / "spool")


async def test_what_was_added_is_listed_behind_main(ada, backends, disk):
    added = await backends.add_backend(ada, "disk", "local", {"directory": str(disk)})

    assert (added.name, added.where, added.packs) == ("disk", str(disk), 0)
    assert [(each.name, each.is_target) for each in await backends.find_backends(ada)] == [
        ("main", True),
        ("disk", False),
    ]
    assert [path for path in disk.rglob("*") if path.is_file()] == []


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
