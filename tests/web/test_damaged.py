"""Which files are damaged, through HTTP and with the real engine."""

import io
import os

import pytest

from cloudconnect.kernel.principal import APPLIANCE


def note_all_damaged(site):
    """Note every chunk of the store as damaged, as a scrub of a broken disk would."""
    return site.appliance.log.commit(
        lambda unit: unit.sql.execute("INSERT INTO damaged (key, found_ms) SELECT key, 1000 FROM chunk"),
        actor=APPLIANCE,
    )


async def damaged(site, token=None, **query):
    async with site.ask("GET", "/api/v1/damaged", token=token, params=query) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_nothing_is_listed_while_nothing_is_damaged(site):
    await site.put("/a")

    assert await damaged(site) == {"data": [], "next_cursor": None, "has_more": False}


async def test_small_and_large_files_are_listed_with_where_they_are(site):
    await site.put("/folder/small?parents=true", b"one chunk")
    await site.put("/large", io.BytesIO(bytes(range(256)) * 20_000))
    await note_all_damaged(site)

    items = (await damaged(site))["data"]

    assert {each["path"]: (each["size"], each["is_present"]) for each in items} == {
        "/folder/small": (9, True),
        "/large": (5_120_000, True),
    }
    assert {each["found"] for each in items} == {"1970-01-01T00:00:01Z"}
    assert all(each["chunks"] >= 1 for each in items)


async def test_older_versions_are_listed_as_such(site):
    await site.put("/a", b"first")
    path, condition = "/api/v1/spaces/personal/content/a", {"If-Match": "*"}
    async with site.ask("PUT", path, data=b"second", headers=condition) as answer:
        assert answer.status == 200
    await note_all_damaged(site)

    assert sorted((each["size"], each["is_present"]) for each in (await damaged(site))["data"]) == [
        (5, False),
        (6, True),
    ]


async def test_the_list_comes_in_pages(site):
    for number in range(5):
        await site.put(f"/{number}", os.urandom(100))
    await note_all_damaged(site)

    first = await damaged(site, limit=3)
    second = await damaged(site, limit=3, cursor=first["next_cursor"])

    assert sorted(each["path"] for each in (*first["data"], *second["data"])) == [f"/{n}" for n in range(5)]
    assert second["next_cursor"] is None


@pytest.mark.parametrize(
    ("who", "paths"),
    [
        pytest.param("admin", {"/of-admin", "/of-bob"}, id="administrators see all spaces"),
        pytest.param("member", {"/of-bob"}, id="others see their own"),
        pytest.param("reader", {"/of-admin"}, id="a token without that power shows its owner's"),
    ],
)
async def test_who_sees_what(site, who, paths):
    await site.put("/of-admin", b"content of the admin")
    async with site.ask("PUT", "/api/v1/spaces/personal/content/of-bob", token=site.member, data=b"of bob") as answer:
        assert answer.status == 201
    await note_all_damaged(site)

    found = await damaged(site, getattr(site, who))

    assert {each["path"] for each in found["data"]} == paths


async def test_status_and_metrics_count_what_is_damaged(site):
    await site.put("/a", b"one")
    await note_all_damaged(site)
    await site.appliance.monitoring.measure()

    async with site.ask("GET", "/api/v1/status") as answer:
        status = await answer.json()
    async with site.ask("GET", "/metrics") as answer:
        text = await answer.text()

    assert (status["damaged_chunks"], status["damaged_files"]) == (1, 1)
    assert 'cloudconnect_damaged{what="files"} 1.0' in text
