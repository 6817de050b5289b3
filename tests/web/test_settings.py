"""What is set through HTTP answers with what takes it back, and is what it was once that is done."""

import pytest

SPACE = "/api/v1/spaces/personal"
PATCH = """<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop>
<x:colour>red</x:colour></D:prop></D:set></D:propertyupdate>"""


async def ask(site, method, path, status=200, **options):
    async with site.ask(method, f"{SPACE}{path}", **options) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("PATCH", "", {"name": "Mine"}, 200),
        ("PATCH", "/quota", {"quota_bytes": 5_000}, 200),
        ("PUT", "/retention", {"versions": "keep all 3d"}, 200),
        ("PUT", "/brake", {"changes": 400}, 200),
        ("PUT", "/fields/state", {"kind": "choice", "choices": ["open", "paid"]}, 200),
        ("POST", "/snapshots", {"name": "now"}, 201),
    ],
)
async def test_a_change_of_a_space_answers_with_what_undoes_it(site, method, path, body, status):
    await site.put("/a.txt", b"x")
    looked = path.replace("/state", "")
    before = await ask(site, "GET", looked)
    undo = (await ask(site, method, path, status, json=body))["undo"]
    changed = await ask(site, "GET", looked)
    assert changed != before
    undone = await ask(site, "POST", "/undo", json={"token": undo})
    assert undone["reset"] == 1
    after = await ask(site, "GET", looked)
    before.pop("seq", None), after.pop("seq", None)
    assert after == before


async def test_a_field_and_a_moment_that_were_removed_come_back(site):
    await site.put("/a.txt", b"x")
    await ask(site, "PUT", "/fields/state", json={"kind": "text"})
    made = await ask(site, "POST", "/snapshots", 201, json={"name": "now"})
    removed = await ask(site, "DELETE", "/fields/state")
    assert removed["fields"] == []
    forgotten = await ask(site, "DELETE", "/snapshots/now")
    for undo in (removed["undo"], forgotten["undo"]):
        await ask(site, "POST", "/undo", json={"token": undo})
    assert [each["name"] for each in (await ask(site, "GET", "/fields"))["fields"]] == ["state"]
    made.pop("undo")
    assert (await ask(site, "GET", "/snapshots"))["data"] == [made]


async def test_a_pin_is_taken_back(site):
    await site.put("/a.txt", b"x")
    (version,) = (await ask(site, "GET", "/versions/a.txt"))["data"]
    pinned = await ask(site, "POST", "/version-pins", json={"path": "/a.txt", "version": version["seq"], "note": "why"})
    assert pinned["pin"] == "why"
    await ask(site, "POST", "/undo", json={"token": pinned["undo"]})
    assert (await ask(site, "GET", "/versions/a.txt"))["data"] == [version]


async def test_what_is_set_already_has_no_undo(site):
    await site.put("/a.txt", b"x")
    assert (await ask(site, "PUT", "/brake", json={"changes": None}))["undo"] == ""


async def test_properties_of_a_program_are_taken_back(site):
    await site.put("/a.txt", b"x")
    async with site.ask("PROPPATCH", "/dav/personal/a.txt", data=PATCH) as answer:
        assert answer.status == 207
        undo = answer.headers["CloudConnect-Undo"]
    async with site.ask("PROPPATCH", "/dav/personal/a.txt", data=PATCH) as answer:
        assert "CloudConnect-Undo" not in answer.headers
    await ask(site, "POST", "/undo", json={"token": undo})
    async with site.ask("PROPFIND", "/dav/personal/a.txt", headers={"Depth": "0"}) as answer:
        assert "colour" not in await answer.text()
