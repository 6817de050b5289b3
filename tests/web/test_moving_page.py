"""Moves to another space that a form asks for, without a browser."""

import asyncio

import pytest

from cloudconnect.features.files.service import crossing_runs


@pytest.fixture
async def spaces(site):
    """Two spaces of the administrator's; one holds two folders with two files each."""
    admin = await site.appliance.auth.local_administrator()
    made = {name: await site.appliance.spaces.create(admin, name) for name in ("Photos", "Family")}
    for path in ("/a/1", "/a/2", "/b/1", "/b/2"):
        async with site.ask("PUT", f"/api/v1/spaces/Photos/content{path}?parents=true", data=path.encode()) as answer:
            assert answer.status == 201
    return made


async def submit(site, path, fields, **options):
    async with site.ask("POST", path, data=fields, **options) as answer:
        return answer.status, answer.headers.get("Location", "")


async def look(site, path, **options):
    """Return the status, and where it leads to or else what it says."""
    async with site.ask("GET", path, headers={"Accept-Encoding": "identity"}, **options) as answer:
        return answer.status, answer.headers.get("Location") or await answer.text()


async def names(site, space):
    async with site.ask("GET", f"/api/v1/spaces/{space}/children/") as answer:
        return [each["name"] for each in (await answer.json())["data"]]


def move(spaces, *paths):
    return [("path", path) for path in paths] + [("into", spaces["Family"].id), ("to", "/")]


async def test_what_is_small_is_there_when_the_answer_comes(site, spaces):
    answer = await submit(site, "/spaces/Photos/move", move(spaces, "/a", "/b"))
    assert answer == (303, f"/spaces/{spaces['Family'].id}/files/")
    assert (await names(site, "Family"), await names(site, "Photos")) == (["a", "b"], [])


async def test_of_two_large_moves_the_second_is_refused_and_stays(site, spaces, monkeypatch):
    monkeypatch.setattr(crossing_runs, "MOST_FILES", 1)
    hold = asyncio.Event()
    carry = site.appliance.crossing.carry

    async def held(*given):
        await hold.wait()
        await carry(*given)

    monkeypatch.setattr(site.appliance.crossing, "carry", held)
    try:
        code, watched = await submit(site, "/spaces/Photos/move", move(spaces, "/a", "/b"))
        shown, text = await look(site, watched)
        of_others = [
            (await look(site, watched, token=site.member))[0],
            (await submit(site, watched, {}, token=site.member))[0],
        ]
    finally:
        hold.set()
    assert (code, watched.startswith("/moving/opn_"), shown, "goes to" in text) == (303, True, 200, True)
    assert of_others == [403, 403]
    async with asyncio.timeout(20):
        while shown == 200:
            shown, text = await look(site, watched)
    assert (shown, text) == (303, f"/spaces/{spaces['Family'].id}/files/")
    assert (await names(site, "Family"), await names(site, "Photos")) == (["a"], ["b"])


async def test_an_operation_of_another_kind_is_no_move(site):
    async with site.ask("POST", "/api/v1/operations", json={"kind": "storage.scrub"}) as answer:
        started = await answer.json()
    async with site.ask("GET", f"/moving/{started['id']}") as answer:
        assert answer.status == 404
