"""What the appliance says of its own health."""

import pytest

from cloudconnect.features.monitoring import MonitoringService
from cloudconnect.kernel.errors import Denied


class FakeHealth:
    """A store whose state the test decides."""

    state = "ok"
    away = ("archive",)

    def free_bytes(self):
        return 12_345


@pytest.fixture
def monitoring(rooms):
    return MonitoringService(
        rooms.log,
        rooms.log._database,
        rooms.access,
        FakeHealth(),
        version="1.2.3",
        started=rooms.clock.now(),
        database_name="sqlite",
        storage_name="local",
    )


async def test_it_is_ready_when_the_database_answers(monitoring):
    assert await monitoring.is_ready() == {"database": "ok", "storage": "ok"}


async def test_the_report_counts_what_is_there(rooms, ada, bob, monitoring):
    await rooms.spaces.get_space(ada, "personal")
    report = await monitoring.status(ada)
    assert (report.users, report.spaces, report.parked, report.free_bytes) == (2, 1, 0, 12_345)
    assert report.position == rooms.log.position
    assert report.version == "1.2.3"
    assert (report.damaged_packs, report.damaged_chunks, report.damaged_files) == (0, 0, 0)


async def test_only_an_administrator_gets_the_report(bob, monitoring):
    with pytest.raises(Denied):
        await monitoring.status(bob)
