"""What a listener gave up on is listed for administrators and handled once its cause is gone."""

import pytest

from cloudconnect.bus import Dispatcher, Listener
from cloudconnect.bus import store as bus_store
from cloudconnect.bus.store import Parked
from cloudconnect.features.monitoring import ParkedFacts
from cloudconnect.features.monitoring.errors import NoSuchParkedFact, StillFails
from cloudconnect.kernel.errors import Denied
from cloudconnect.kernel.principal import APPLIANCE


@pytest.fixture
def failing():
    return set()


@pytest.fixture
async def parked(rooms, ada, failing):
    """Four parked facts of a space, of which those in *failing* fail again."""

    def handle(unit, stored):
        if stored.position in failing:
            raise OSError("on purpose")

    async def pause(seconds):
        pass

    await rooms.files.add_folder(ada, "personal", "/a")
    facts = await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 100))
    (space, *_) = [each for each in facts if each.space]
    for listener, position in (("l", space.position), ("l", 1), ("gone", 1), ("m", 1)):
        row = Parked(listener, position, 5, "OSError('first')", 0)
        await rooms.log.commit(lambda unit, row=row: bus_store.add_parked(unit.sql, row), actor=APPLIANCE)
    dispatcher = Dispatcher(rooms.log, rooms.database, pause=pause)
    dispatcher.subscribe([Listener(name=name, in_unit=handle) for name in ("l", "m")])
    return ParkedFacts(rooms.access, dispatcher)


async def ids(parked, ada):
    found, cursor = [], None
    while True:
        page = await parked.find(ada, 2, cursor)
        found += page.items
        cursor = page.next_cursor
        if cursor is None:
            return [each.id for each in found]


async def test_they_are_listed_in_pages_with_what_they_are(parked, ada, bob):
    assert (await ids(parked, ada))[:3] == ["1-gone", "1-l", "1-m"]
    last = (await parked.find(ada, 10, None)).items[-1]
    assert (last.listener, last.attempts, last.error, last.space is not None) == ("l", 5, "OSError('first')", True)
    assert last.kind.startswith("files.")
    with pytest.raises(Denied):
        await parked.find(bob, 10, None)


async def test_one_that_is_handled_is_parked_no_longer(parked, ada, bob):
    with pytest.raises(Denied):
        await parked.retry(bob, "1-l")
    await parked.retry(ada, "1-l")

    assert "1-l" not in await ids(parked, ada)
    with pytest.raises(NoSuchParkedFact):
        await parked.retry(ada, "1-l")


async def test_one_that_fails_again_stays(parked, ada, failing):
    failing.add(1)
    for identifier in ("1-m", "1-gone"):
        with pytest.raises(StillFails):
            await parked.retry(ada, identifier)

    assert {"1-m", "1-gone"} < set(await ids(parked, ada))


@pytest.mark.parametrize("identifier", ["", "1", "1-", "-l", "x-l", "²-l", "9" * 30 + "-l", "1-l\0", "../1-l"])
async def test_no_other_id_is_one(identifier, parked, ada):
    with pytest.raises(NoSuchParkedFact):
        await parked.retry(ada, identifier)
