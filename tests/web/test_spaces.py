"""Several spaces over REST, WebDAV and tus."""

import aiohttp

from tests.web.tus import DATA, append, create, metadata

BASE = "/api/v1/spaces"


async def answer_of(request):
    async with request as answer:
        return answer.status, await answer.json()


def dav(site, method, path, *, name="admin", token=None, **options):
    credentials = aiohttp.encode_basic_auth(name, token or site.admin)
    return site.ask(method, path, token="", headers={"Authorization": credentials} | options.pop("headers", {}))


async def make(site, name, **more):
    status, space = await answer_of(site.ask("POST", BASE, json={"name": name} | more))
    assert status == 201, space
    return space


async def test_a_space_is_made_renamed_archived_and_brought_back(site):
    made = await make(site, "Photos", owner="bob", quota_bytes=1_000)
    assert (made["kind"], made["quota_bytes"], made["used_bytes"], made["archived"]) == ("team", 1_000, 0, None)
    url = f"{BASE}/{made['id']}"

    status, renamed = await answer_of(site.ask("PATCH", url, token=site.member, json={"name": "Pictures"}))
    assert (status, renamed["name"]) == (200, "Pictures")
    put = {"token": site.member, "data": b"content"}
    assert (await answer_of(site.ask("PUT", f"{BASE}/Pictures/content/a", **put)))[0] == 201

    status, archived = await answer_of(site.ask("PATCH", url, json={"archived": True}))
    assert (status, archived["name"]) == (200, "Pictures")
    status, problem = await answer_of(site.ask("PUT", f"{BASE}/Pictures/content/b", **put))
    assert (status, problem["code"]) == (403, "files.space-archived")
    async with site.ask("GET", f"{BASE}/Pictures/content/a", token=site.member) as answer:
        assert await answer.read() == b"content"
    listed = [
        (await answer_of(site.ask("GET", f"{BASE}{query}", token=site.member)))[1] for query in ("", "?archived=true")
    ]
    assert [[each["name"] for each in page["data"]] for page in listed] == [["bob"], ["Pictures", "bob"]]

    status, back = await answer_of(site.ask("PATCH", url, token=site.member, json={"archived": False}))
    assert (status, back["archived"]) == (200, None)
    assert (await answer_of(site.ask("PUT", f"{BASE}/Pictures/content/b", **put)))[0] == 201


async def test_a_member_makes_none_and_a_second_of_a_name_is_refused(site):
    assert (await answer_of(site.ask("POST", BASE, token=site.member, json={"name": "Photos"})))[0] == 403
    await make(site, "Photos")
    status, problem = await answer_of(site.ask("POST", BASE, json={"name": "Photos"}))
    assert (status, problem["code"]) == (409, "files.space-name-taken")
    status, problem = await answer_of(site.ask("POST", BASE, json={"name": "a/b"}))
    assert (status, problem["code"]) == (422, "files.bad-space-name")
    status, problem = await answer_of(site.ask("POST", BASE, json={"name": "Films", "owner": "nobody"}))
    assert (status, problem["code"]) == (404, "files.no-such-owner")


async def test_a_personal_space_is_not_archived(site):
    status, problem = await answer_of(site.ask("PATCH", f"{BASE}/personal", json={"archived": True}))
    assert (status, problem["code"]) == (409, "files.personal-space-stays")


async def test_webdav_lists_a_space_by_its_name_while_it_is_in_use(site):
    made = await make(site, "Our Photos")
    async with dav(site, "PUT", "/dav/Our%20Photos/a.txt") as answer:
        assert answer.status == 201
    async with dav(site, "PROPFIND", "/dav/", headers={"Depth": "1"}) as answer:
        assert "/dav/Our%20Photos/" in await answer.text()
    headers = {"Destination": f"/dav/{made['id']}/b.txt"}
    async with dav(site, "MOVE", "/dav/Our%20Photos/a.txt", headers=headers) as answer:
        assert answer.status == 201, "the same space by its id"

    await answer_of(site.ask("PATCH", f"{BASE}/{made['id']}", json={"archived": True}))

    async with dav(site, "PROPFIND", "/dav/", headers={"Depth": "1"}) as answer:
        assert "Photos" not in await answer.text()
    async with dav(site, "GET", "/dav/Our%20Photos/b.txt") as answer:
        assert answer.status == 200
    for method in ("PUT", "DELETE", "MKCOL"):
        async with dav(site, method, "/dav/Our%20Photos/b.txt") as answer:
            assert answer.status == 403, method


async def test_an_upload_that_was_begun_does_not_end_in_an_archived_space(site):
    made = await make(site, "Photos")
    upload = await create(site, Upload_Metadata=metadata(path="/a", space="Photos"))
    await answer_of(site.ask("PATCH", f"{BASE}/{made['id']}", json={"archived": True}))
    assert (await append(site, upload, 0, DATA)).status == 403
    async with site.ask("GET", f"{BASE}/Photos/content/a") as answer:
        assert answer.status == 404
