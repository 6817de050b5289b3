"""Copies and moves between spaces over WebDAV and REST, with contents that are really sealed."""

import asyncio
import base64

import pytest

from cloudconnect.features.files.service import crossing_runs

LARGE = bytes(range(256)) * 3_000


@pytest.fixture
async def spaces(site):
    """Two spaces of the administrator's, one with a tree in it."""
    admin = await site.appliance.auth.local_administrator()
    made = {name: await site.appliance.spaces.create(admin, name) for name in ("Photos", "Family")}
    for path, raw in (("/a/one.txt", b"one"), ("/a/deep/large.bin", LARGE), ("/a/deep/none", b"")):
        url = f"/api/v1/spaces/Photos/content{path}"
        assert await status(site.ask("PUT", url, data=raw, params={"parents": "true"})) == 201
    return made


@pytest.fixture
def dav(site):
    """Ask as the administrator, with name and token."""

    def ask(method, path, **options):
        sign = "Basic " + base64.b64encode(f"admin:{site.admin}".encode()).decode()
        headers = {"Authorization": sign} | options.pop("headers", {})
        return site.http.request(method, f"{site.url}{path}", headers=headers, allow_redirects=False, **options)

    return ask


async def status(request):
    async with request as answer:
        await answer.read()
        return answer.status


async def read(dav, path):
    async with dav("GET", path) as answer:
        return await answer.read() if answer.status == 200 else answer.status


async def undo(site, space, token):
    return await status(site.ask("POST", f"/api/v1/spaces/{space}/undo", json={"token": token}))


async def test_a_tree_is_copied_into_another_space_over_webdav(dav, spaces):
    headers = {"Destination": "/dav/Family/b"}

    async with dav("COPY", "/dav/Photos/a", headers=headers) as answer:
        assert answer.status == 201
        assert answer.headers["CloudConnect-Undo"].startswith(spaces["Family"].id)
        assert "CloudConnect-Source-Undo" not in answer.headers

    assert await read(dav, "/dav/Family/b/one.txt") == b"one" == await read(dav, "/dav/Photos/a/one.txt")
    assert await read(dav, "/dav/Family/b/deep/large.bin") == LARGE
    assert await read(dav, "/dav/Family/b/deep/none") == b""
    assert await status(dav("COPY", "/dav/Photos/a", headers=headers | {"Overwrite": "F"})) == 412
    assert await status(dav("COPY", "/dav/Photos/a", headers=headers)) == 204


async def test_a_move_over_webdav_is_taken_back_at_both_ends(site, dav, spaces):
    async with dav("MOVE", "/dav/Photos/a", headers={"Destination": f"{site.url}/dav/Family/b"}) as answer:
        assert answer.status == 201
        tokens = answer.headers["CloudConnect-Undo"], answer.headers["CloudConnect-Source-Undo"]

    assert await read(dav, "/dav/Photos/a/one.txt") == 404
    assert await read(dav, "/dav/Family/b/deep/large.bin") == LARGE
    assert await undo(site, "Family", tokens[0]) == 200
    assert await undo(site, "Photos", tokens[1]) == 200
    assert await read(dav, "/dav/Photos/a/deep/large.bin") == LARGE
    assert await read(dav, "/dav/Family/b/one.txt") == 404


async def test_a_folder_alone_is_copied_with_depth_0(dav, spaces):
    assert await status(dav("COPY", "/dav/Photos/a", headers={"Destination": "/dav/Family/b", "Depth": "0"})) == 201
    assert await read(dav, "/dav/Family/b/one.txt") == 404


async def test_conditions_and_missing_folders_are_refused_over_webdav(dav, spaces):
    other = {"Destination": "/dav/Family/b", "If-Match": '"other"'}
    assert await status(dav("MOVE", "/dav/Photos/a/one.txt", headers=other)) == 412
    assert await status(dav("COPY", "/dav/Photos/a", headers={"Destination": "/dav/Family/no/b"})) == 409
    assert await status(dav("COPY", "/dav/Photos/a", headers={"Destination": "/dav/Nowhere/b"})) in {403, 404}
    assert await status(dav("COPY", "/dav/Photos/a", headers={"Destination": "/dav/"})) == 403


async def test_a_lock_of_somebody_else_keeps_the_original(dav, spaces):
    body = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'
    assert await status(dav("LOCK", "/dav/Photos/a/one.txt", data=body, headers={"Depth": "0"})) == 200
    headers = {"Destination": "/dav/Family/b"}

    assert await status(dav("MOVE", "/dav/Photos/a", headers=headers)) == 423
    assert await read(dav, "/dav/Family/b/one.txt") == 404
    assert await status(dav("COPY", "/dav/Photos/a", headers=headers)) == 201


async def test_a_client_that_leaves_leaves_nothing_behind(site, dav, spaces, monkeypatch):
    reached, ended = asyncio.Event(), asyncio.Event()
    service = type(site.appliance.crossing)
    drop = service.drop

    async def carry_forever(_service, _principal, _route, _identifier, tell):
        reached.set()
        while True:
            tell(1)
            await asyncio.sleep(0)

    async def drop_and_tell(self, identifier):
        await drop(self, identifier)
        ended.set()

    monkeypatch.setattr(service, "carry", carry_forever)
    monkeypatch.setattr(service, "drop", drop_and_tell)
    left = asyncio.create_task(status(dav("MOVE", "/dav/Photos/a", headers={"Destination": "/dav/Family/b"})))
    await reached.wait()
    left.cancel()
    with pytest.raises(asyncio.CancelledError):
        await left
    async with asyncio.timeout(10):
        await ended.wait()

    assert await read(dav, "/dav/Family/b/one.txt") == 404
    assert await read(dav, "/dav/Photos/a/one.txt") == b"one"


async def cross(site, token=None, space="Photos", headers=None, **body):
    """Copy or move over REST; return status and answer."""
    body = {"source": "/a", "into": "Family", "target": "/b"} | body
    url = f"/api/v1/spaces/{space}/crossings"
    async with site.ask("POST", url, token=token, json=body, headers=headers or {}) as answer:
        return answer.status, await answer.json()


async def test_a_move_over_rest_tells_how_to_take_it_back(site, dav, spaces):
    code, told = await cross(site, move=True)

    assert (code, told["entry"]["path"], told.get("operation", "")) == (201, "/b", "")
    assert await read(dav, "/dav/Family/b/deep/large.bin") == LARGE
    assert await read(dav, "/dav/Photos/a/one.txt") == 404
    assert await undo(site, "Photos", told["source_undo"]) == 200
    assert await undo(site, "Family", told["undo"]) == 200
    assert await read(dav, "/dav/Photos/a/one.txt") == b"one"


async def test_what_rest_refuses(site, spaces):
    assert (await cross(site, source="/no"))[0] == 404
    assert (await cross(site, target="/no/b"))[0] == 409
    assert (await cross(site, move=True, source="/a/one.txt", headers={"If-Match": '"other"'}))[0] == 412
    assert (await cross(site, token=site.reader))[0] == 403
    assert (await cross(site, token=site.member, space=spaces["Photos"].id))[0] == 404
    await cross(site)
    assert (await cross(site))[1]["code"] == "files.exists"
    assert (await cross(site, replace=True))[0] == 201


async def test_a_large_copy_over_rest_is_an_operation(site, dav, spaces, monkeypatch):
    monkeypatch.setattr(crossing_runs, "MOST_FILES", 1)

    code, told = await cross(site, move=True)
    assert (code, told["entry"]) == (202, None)
    async with asyncio.timeout(20):
        state, url = "", f"/api/v1/operations/{told['operation']}"
        while state not in {"done", "failed"}:
            async with site.ask("GET", url) as answer:
                found = await answer.json()
                state = found["state"]

    assert (state, found["result"]["path"]) == ("done", "/b")
    assert await status(site.ask("GET", url, token=site.member)) == 403
    assert await read(dav, "/dav/Family/b/deep/large.bin") == LARGE
    assert await read(dav, "/dav/Photos/a/one.txt") == 404
    async with site.ask("GET", "/api/v1/operations", token=site.member) as answer:
        assert (answer.status, (await answer.json())["data"]) == (200, [])
