"""What a start has set aside goes after a week, and only while nothing can be wanted of it."""

from datetime import timedelta

import pytest

from cloudconnect.kernel.clock import HeldClock, from_ms
from cloudconnect.storage.orphans import Orphans
from cloudconnect.storage.scrub import Scrub
from tests.storage.house import SPACE, Quiet, build


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    made.put("a", b"kept")
    before = {name for name, _ in made.backend.names()}
    made.repository.write(SPACE, [b"never settled"])
    (made.orphan,) = {name for name, _ in made.backend.names()} - before
    made.backend.set_aside(made.orphan)
    yield made
    made.close()


def clean(house, days=8, is_whole=True):
    # The backend in memory says of everything that it was set aside at the beginning of 1970.
    clock = HeldClock(from_ms(0) + timedelta(days=days))
    return Orphans(house.backend, house, clock, lambda: is_whole).run({}, Quiet())


def test_it_goes_after_a_week(house):
    outcome = clean(house)

    assert (outcome["orphan_packs"], outcome["packs_removed"]) == (1, 1)
    assert list(house.backend.orphans()) == []
    assert house.get("a") == b"kept"


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"days": 6}, id="before a week"),
        pytest.param({"is_whole": False}, id="while the index is in doubt"),
    ],
)
def test_it_stays(house, options):
    assert clean(house, **options)["packs_removed"] == 0
    assert len(list(house.backend.orphans())) == 1


def test_it_stays_while_something_is_damaged(house):
    house.write(lambda sql, now_ms: sql.execute("INSERT INTO damaged SELECT key, 0 FROM chunk"))

    assert clean(house)["packs_removed"] == 0


def test_it_stays_when_the_index_names_it(house):
    house.write(
        lambda sql, _: sql.execute(
            "INSERT INTO pack (id, domain, size, state) VALUES (?, ?, 1, 'live')",
            (bytes.fromhex(house.orphan.rsplit("/", 1)[1]), SPACE),
        )
    )

    assert clean(house)["packs_removed"] == 0


def test_scrub_counts_it(house):
    outcome = Scrub(house.repository, house, 1 << 20).run({}, Quiet())

    assert outcome["orphan_packs"] == 1
    assert outcome["orphan_bytes"] > 0
