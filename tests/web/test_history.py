"""Taking back what was done, through HTTP and with the real engine."""

import pytest

SPACE = "/api/v1/spaces/personal"


async def ask(site, method, path, status=200, token=None, **options):
    async with site.ask(method, f"{SPACE}{path}", token=token, **options) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json() if answer.content_type.endswith("json") else await answer.text()


async def names(site):
    return [each["path"] for each in (await ask(site, "GET", "/tree/"))["data"]]


async def test_every_change_says_how_it_is_taken_back(site):
    _, put = await site.put("/a/b.txt?parents=true", b"one")
    anything = {"If-Match": "*"}
    changes = [
        await ask(site, "POST", "/folders/c", 201),
        await ask(site, "POST", "/moves", json={"source": "/a/b.txt", "target": "/c/b.txt"}),
        await ask(site, "POST", "/copies", 201, json={"source": "/c", "target": "/d"}),
        await ask(site, "DELETE", "/entries/c", headers=anything),
    ]
    for change in reversed(changes):
        undone = await ask(site, "POST", "/undo", json={"token": change["undo"]})
        assert undone["conflicts"] == 0
    assert await names(site) == ["/a", "/a/b.txt"]
    await ask(site, "POST", "/undo", json={"token": put["undo"]})
    assert await names(site) == []


async def test_content_comes_back_byte_for_byte(site):
    await site.put("/a.txt", b"one" * 70_000)
    _, second = await site.put("/a.txt", b"two" * 70_000, headers={"If-Match": "*"})
    await ask(site, "POST", "/undo", json={"token": second["undo"]})
    assert await ask(site, "GET", "/content/a.txt") == "one" * 70_000


async def test_a_dry_run_changes_nothing_and_names_what_is_in_the_way(site):
    _, first = await site.put("/a.txt", b"one")
    await site.put("/a.txt", b"two", headers={"If-Match": "*"})
    planned = await ask(site, "POST", "/undo", json={"token": first["undo"], "dry_run": True})
    assert (planned["conflicts"], planned["hindrances"][0]["reason"], planned["undo"]) == (1, "changed-later", None)
    problem = await ask(site, "POST", "/undo", 409, json={"token": first["undo"]})
    assert problem["code"] == "files.cannot-undo"
    listed = await ask(site, "GET", "/undo")
    assert [each["kind"] for each in listed["data"]] == ["files.file-written", "files.file-written"]


async def test_what_a_token_did_is_rolled_back_by_its_id(site):
    await site.put("/mine.txt", b"one")
    admin = await site.appliance.auth.local_administrator()
    token, made = await site.appliance.developer.add_token(admin, "sync", ["files.read", "files.write"], None)
    await ask(site, "DELETE", "/entries/mine.txt", token=token, headers={"If-Match": "*"})
    await ask(site, "POST", "/folders/theirs", 201, token=token)
    done = await ask(site, "POST", "/rollback", json={"sessions": [made.id]})
    assert (done["restored"], done["trashed"]) == (1, 1)
    assert await names(site) == ["/mine.txt"]


async def test_a_rollback_of_everything_ever_is_a_mistake(site):
    await site.put("/mine.txt", b"one")
    assert (await ask(site, "POST", "/rollback", 422, json={}))["code"] == "files.unbounded"


@pytest.mark.parametrize("body", [{"last": 0}, {"since": "1h"}, {"token": "spc_1.1-2", "last": 5001}])
async def test_what_cannot_be_read_is_refused(site, body):
    await ask(site, "POST", "/undo", 400, json=body)


async def test_what_is_no_token_is_refused(site):
    await ask(site, "POST", "/undo", 422, json={"token": "x"})


async def test_a_moment_is_named_compared_and_given_back(site):
    await site.put("/a/b.txt?parents=true", b"one")
    made = await ask(site, "POST", "/snapshots", 201, json={"name": "before"})
    await site.put("/a/b.txt", b"other", headers={"If-Match": "*"})
    await site.put("/a/c.txt", b"new")
    differing = (await ask(site, "GET", "/diff", params={"since": "before"}))["data"]
    assert [(each["how"], each["before"], each["size_after"]) for each in differing] == [
        ("modified", "/a/b.txt", 5),
        ("added", None, 3),
    ]
    summary = await ask(site, "GET", "/diff/summary", params={"since": "before", "path": "/a"})
    assert (summary["added"], summary["modified"], summary["bytes_more"]) == (1, 1, 5)
    assert await ask(site, "GET", "/content/a/b.txt", params={"at": "snapshot:before"}) == "one"
    done = await ask(site, "POST", "/restore", json={"path": "/a", "at": "before"})
    assert (done["rewritten"], done["trashed"]) == (1, 1)
    assert await ask(site, "GET", "/content/a/b.txt") == "one"
    (named,) = (await ask(site, "GET", "/snapshots"))["data"]
    assert named | {"undo": made["undo"]} == made
    await ask(site, "DELETE", "/snapshots/before")
    await ask(site, "GET", "/entries/a", 422, params={"at": "before"})
