"""WebDAV as its clients speak it, over a real connection."""

import base64
import dataclasses
import hashlib
import re
import resource
import xml.etree.ElementTree as ET
import zlib
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from cloudconnect.features.files.store import tree
from cloudconnect.ports.access import Resource, Role
from cloudconnect_web.dav import ROUTES, looking
from cloudconnect_web.operations import Guard
from cloudconnect_web.protocol import Listeners
from cloudconnect_web.server import create_app

D = "{DAV:}"
PASSWORD = "purple tram rides north"
LOCK = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'


def basic(name, token):
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()}


@pytest.fixture
def dav(site):
    """Ask as the administrator, with name and token."""

    def ask(method, path, name="admin", token=None, **options):
        headers = basic(name, token or site.admin) | options.pop("headers", {})
        return site.http.request(method, f"{site.url}{path}", headers=headers, allow_redirects=False, **options)

    return ask


async def found(answer):
    """Return the properties of each address in a multistatus, those that are there."""
    root = ET.fromstring(await answer.text())
    return {
        response.findtext(f"{D}href"): {
            each.tag: each
            for stat in response.iter(f"{D}propstat")
            if " 200 " in stat.findtext(f"{D}status")
            for each in stat.find(f"{D}prop")
        }
        for response in root
    }


async def status(request):
    async with request as answer:
        await answer.read()
        return answer.status


async def test_options_say_what_is_spoken_before_anybody_signs_in(site):
    for path in ("/", "/dav/", "/dav/personal/a"):
        async with site.ask("OPTIONS", path, token="") as answer:
            assert (answer.status, answer.headers["DAV"], answer.headers["MS-Author-Via"]) == (200, "1, 2, 3", "DAV")


async def test_a_stranger_is_asked_for_name_and_password(site):
    async with site.ask("PROPFIND", "/dav/", token="") as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Basic ")


async def test_the_password_is_a_token_of_the_account_that_is_named(site, dav):
    depth = {"Depth": "0"}
    assert await status(dav("PROPFIND", "/dav/", headers=depth)) == 207
    assert await status(dav("PROPFIND", "/dav/", name="Admin", headers=depth)) == 207
    assert await status(dav("PROPFIND", "/dav/", name="bob", headers=depth)) == 401
    assert await status(dav("PROPFIND", "/dav/", token="nonsense", headers=depth)) == 401
    assert await status(site.ask("PROPFIND", "/dav/", headers=depth)) == 207, "a bearer token does as well"


SAMPLES = {"address": "personal/a", "user": "ada", "folder": "upload", "slash": "/", "chunk": "1"}


async def test_every_route_but_options_asks_who_is_there(site):
    for route in ROUTES:
        for method in route.methods:
            if route.guard is Guard.OPEN:
                assert method == "OPTIONS"
                continue
            path = re.sub(r"{(\w+)[^}]*}", lambda part: SAMPLES[part[1]], route.path)
            assert await status(site.ask(method, path, token="")) == 401, (method, path)
            if route.guard is Guard.WRITE:
                assert await status(site.ask(method, path, token=site.reader)) == 403, (method, path)


async def test_a_cookie_opens_nothing(site):
    headers = {"Cookie": f"cc={site.admin}", "Depth": "0"}
    assert await status(site.ask("PROPFIND", "/dav/", token="", headers=headers)) == 401


async def test_this_machines_administrator_needs_no_token(appliance, tmp_path):
    runner = web.AppRunner(create_app(appliance), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listeners = Listeners(runner)
    await listeners.add_unix(tmp_path / "socket")
    await appliance.auth.open_setup(PASSWORD)
    async with aiohttp.ClientSession(connector=aiohttp.UnixConnector(str(tmp_path / "socket"))) as http:
        assert await status(http.request("PROPFIND", "http://localhost/dav/personal/", headers={"Depth": "0"})) == 207
    listeners.close()
    await runner.cleanup()


async def test_a_token_that_only_reads_writes_nothing(site, dav):
    assert await status(dav("PUT", "/dav/personal/a.txt", token=site.reader, data=b"a")) == 403
    assert await status(dav("PROPFIND", "/dav/personal/", token=site.reader, headers={"Depth": "1"})) == 207


async def test_spaces_are_listed_and_lead_to_their_trees(dav):
    await status(dav("PUT", "/dav/personal/Käse & Brot.txt", data=b"cheese"))
    async with dav("PROPFIND", "/dav/", headers={"Depth": "1"}) as answer:
        assert list(await found(answer)) == ["/dav/", "/dav/personal/"]
    async with dav("PROPFIND", "/dav/personal/", headers={"Depth": "1"}) as answer:
        listed = await found(answer)
    assert list(listed) == ["/dav/personal/", "/dav/personal/K%C3%A4se%20%26%20Brot.txt"]
    entry = listed["/dav/personal/K%C3%A4se%20%26%20Brot.txt"]
    assert entry[f"{D}displayname"].text == "Käse & Brot.txt"
    assert entry[f"{D}getcontentlength"].text == "6"
    assert entry[f"{D}resourcetype"].find(f"{D}collection") is None


async def test_what_one_may_do_is_told_in_the_letters_of_owncloud(site, dav):
    await site.put("/a.txt")
    body = b'<propfind xmlns="DAV:"><prop><permissions xmlns="http://owncloud.org/ns"/></prop></propfind>'
    for token, folder, file in ((site.admin, "GDNVCK", "GDNVW"), (site.reader, "G", "G")):
        async with dav("PROPFIND", "/dav/personal/", token=token, data=body, headers={"Depth": "1"}) as answer:
            listed = await found(answer)
        letters = [each["{http://owncloud.org/ns}permissions"].text for each in listed.values()]
        assert letters == [folder, file]


@pytest.mark.parametrize("root", ["/dav/personal", "/remote.php/webdav", "/remote.php/dav/files/admin"])
async def test_every_address_of_the_own_files_answers_in_its_own_words(dav, root):
    assert await status(dav("MKCOL", f"{root}/a")) == 201
    assert await status(dav("PUT", f"{root}/a/b.txt", data=b"b")) == 201
    async with dav("PROPFIND", f"{root}/a", headers={"Depth": "1"}) as answer:
        assert list(await found(answer)) == [f"{root}/a/", f"{root}/a/b.txt"]
    headers = {"Destination": f"{root}/a/c.txt"}
    assert await status(dav("MOVE", f"{root}/a/b.txt", headers=headers)) == 201
    assert await status(dav("GET", f"{root}/a/c.txt")) == 200


async def test_somebody_elses_files_are_not_there(site, dav):
    assert await status(dav("PROPFIND", "/remote.php/dav/files/bob/", headers={"Depth": "0"})) == 404
    async with site.ask("GET", "/api/v1/spaces/personal") as answer:
        space = (await answer.json())["id"]
    for method in ("GET", "PUT", "PROPFIND", "MKCOL", "DELETE"):
        answer = dav(
            method,
            f"/dav/{space}/x",
            name="bob",
            token=site.member,
            headers={"Depth": "0"} if method == "PROPFIND" else {},
        )
        assert await status(answer) == 404, method


async def test_what_clients_for_owncloud_send_along_is_kept_and_answered(dav):
    data = b"kept as it was"
    headers = {"X-OC-MTime": "1700000000", "OC-Checksum": f"SHA1:{hashlib.sha1(data).hexdigest()}"}
    async with dav("PUT", "/dav/personal/a.txt", data=data, headers=headers) as answer:
        assert answer.status == 201
        assert answer.headers["X-OC-MTime"] == "accepted"
        assert answer.headers["OC-FileId"].startswith("nod_")
        etag = answer.headers["ETag"]
    async with dav("GET", "/dav/personal/a.txt") as answer:
        assert (await answer.read(), answer.headers["ETag"]) == (data, etag)
        assert answer.headers["Last-Modified"] == "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize(
    "checksum", ["SHA256:" + "0" * 64, "SHA1:" + "0" * 40, "MD5:" + "0" * 32, f"ADLER32:{zlib.adler32(b'x'):08x}"]
)
async def test_content_that_arrives_changed_is_not_kept(dav, checksum):
    await status(dav("PUT", "/dav/personal/a.txt", data=b"first"))
    refused = dav("PUT", "/dav/personal/a.txt", data=b"second", headers={"OC-Checksum": checksum})
    assert await status(refused) == 400
    async with dav("GET", "/dav/personal/a.txt") as answer:
        assert await answer.read() == b"first"


async def test_a_file_without_a_length_is_taken(dav):
    async def pieces():
        yield b"one "
        yield b"two"

    assert await status(dav("PUT", "/dav/personal/a.txt", data=pieces())) == 201
    assert await status(dav("PUT", "/dav/personal/a.txt", data=pieces())) == 204
    async with dav("GET", "/dav/personal/a.txt", headers={"Range": "bytes=4-"}) as answer:
        assert (answer.status, await answer.read()) == (206, b"two")


async def test_a_part_of_a_file_is_not_taken_for_the_whole(dav):
    headers = {"Content-Range": "bytes 0-2/6"}
    assert await status(dav("PUT", "/dav/personal/a.txt", data=b"abc", headers=headers)) == 400


async def test_the_etag_of_a_folder_changes_with_anything_below_it(dav):
    async def etags():
        seen = {}
        for path in ("/", "/a/", "/a/b/", "/other/"):
            async with dav("PROPFIND", f"/dav/personal{path}", headers={"Depth": "0"}) as answer:
                seen[path] = (await found(answer))[f"/dav/personal{path}"][f"{D}getetag"].text
        return seen

    for path in ("/a", "/a/b", "/other"):
        await status(dav("MKCOL", f"/dav/personal{path}"))
    for method, path, options in (
        ("PUT", "/a/b/c.txt", {"data": b"c"}),
        ("PUT", "/a/b/c.txt", {"data": b"d"}),
        ("MOVE", "/a/b/c.txt", {"headers": {"Destination": "/dav/personal/a/b/d.txt"}}),
        ("COPY", "/a/b/d.txt", {"headers": {"Destination": "/dav/personal/a/b/e.txt"}}),
        ("DELETE", "/a/b/e.txt", {}),
    ):
        before = await etags()
        await status(dav(method, f"/dav/personal{path}", **options))
        after = await etags()
        changed = {path for path in before if before[path] != after[path]}
        assert changed == {"/", "/a/", "/a/b/"}, method


async def test_conditions_keep_others_work(dav):
    async with dav("PUT", "/dav/personal/a.txt", data=b"1") as answer:
        etag = answer.headers["ETag"]
    assert await status(dav("PUT", "/dav/personal/a.txt", data=b"2", headers={"If-Match": etag})) == 204
    for method in ("PUT", "DELETE"):
        assert await status(dav(method, "/dav/personal/a.txt", headers={"If-Match": etag})) == 412
    assert await status(dav("PUT", "/dav/personal/a.txt", headers={"If-None-Match": "*"})) == 412
    assert await status(dav("DELETE", "/dav/personal/a.txt", headers={"If": f"([{etag}])"})) == 412
    assert await status(dav("DELETE", "/dav/personal/a.txt", headers={"If": f"(Not [{etag}])"})) == 204


async def test_a_whole_tree_at_once_is_refused_by_name(dav):
    for headers in ({}, {"Depth": "infinity"}):
        async with dav("PROPFIND", "/dav/personal/", headers=headers) as answer:
            assert answer.status == 403
            assert "propfind-finite-depth" in await answer.text()


async def test_a_space_that_is_shared_stands_in_the_list_by_its_name(site, dav):
    await site.put("/a.txt", b"shared")
    admin = await site.appliance.auth.local_administrator()
    space = await site.appliance.spaces.get_space(admin, "personal")
    bob = await site.appliance.auth.get_account(admin, "bob")
    resource = Resource(space.id, (space.root,))
    await site.appliance.log.commit(
        lambda unit: site.appliance.access.add_grant(unit.sql, bob.id, resource, Role.VIEW, unit.now_ms), actor=admin
    )
    as_bob = {"name": "bob", "token": site.member}

    async with dav("PROPFIND", "/dav/", headers={"Depth": "1"}, **as_bob) as answer:
        assert sorted(await found(answer)) == ["/dav/", "/dav/admin/", "/dav/personal/"]
    async with dav("PROPFIND", "/dav/admin/", headers={"Depth": "1"}, **as_bob) as answer:
        assert list(await found(answer)) == ["/dav/admin/", "/dav/admin/a.txt"]
    assert await status(dav("GET", f"/dav/{space.id}/a.txt", **as_bob)) == 200
    assert await status(dav("PUT", "/dav/admin/a.txt", data=b"x", **as_bob)) == 403
    headers = {"Destination": "/dav/personal/a.txt"}
    assert await status(dav("COPY", "/dav/admin/a.txt", headers=headers, **as_bob)) == 201, "who may read may keep"
    assert await status(dav("MOVE", "/dav/admin/a.txt", headers=headers, **as_bob)) == 403


async def test_a_lock_that_webdav_took_holds_over_rest(site, dav):
    await site.put("/a.txt", b"first")
    admin = await site.appliance.auth.local_administrator()
    space = await site.appliance.spaces.get_space(admin, "personal")
    bob = await site.appliance.auth.get_account(admin, "bob")
    resource = Resource(space.id, (space.root,))
    await site.appliance.log.commit(
        lambda unit: site.appliance.access.add_grant(unit.sql, bob.id, resource, Role.EDIT, unit.now_ms), actor=admin
    )
    async with dav("LOCK", f"/dav/{space.id}/a.txt", data=LOCK, headers={"Depth": "0"}) as answer:
        assert answer.status == 200
        token = answer.headers["Lock-Token"]
    url, any_state = f"/api/v1/spaces/{space.id}/content/a.txt", {"If-Match": "*"}

    async with site.ask("PUT", url, token=site.member, data=b"second", headers=any_state) as answer:
        problem = await answer.json()
    assert (answer.status, problem["code"]) == (423, "files.locked")
    assert "admin has locked this until 20" in problem["detail"]
    assert await status(site.ask("PUT", url, data=b"own", headers=any_state)) == 200, "the holder passes as himself"
    assert await status(dav("PUT", "/dav/personal/a.txt", data=b"own")) == 423, "and over WebDAV with his token alone"
    assert await status(dav("PUT", "/dav/personal/a.txt", data=b"own", headers={"If": f"({token})"})) == 204
    async with site.ask("GET", f"/api/v1/spaces/{space.id}/locks", token=site.member) as answer:
        (lock,) = (await answer.json())["data"]
    broken = site.ask("DELETE", f"/api/v1/spaces/{space.id}/locks/{lock['id']}", token=site.member)
    assert await status(broken) == 403
    assert await status(site.ask("DELETE", f"/api/v1/spaces/{space.id}/locks/{lock['id']}")) == 204
    assert await status(site.ask("PUT", url, token=site.member, data=b"second", headers=any_state)) == 200


async def test_a_destination_elsewhere_is_refused(dav):
    await status(dav("PUT", "/dav/personal/a.txt", data=b"1"))
    for destination, expected in (
        ("http://elsewhere.example/dav/personal/b.txt", 403),
        ("/dav/personal/a.txt", 403),
        ("nonsense", 400),
        ("/files/b.txt", 404),
    ):
        headers = {"Destination": destination}
        assert await status(dav("MOVE", "/dav/personal/a.txt", headers=headers)) == expected, destination


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.slow
async def test_a_folder_of_a_hundred_thousand_is_listed_in_flat_memory(site, dav):
    await status(dav("MKCOL", "/dav/personal/many"))
    admin = await site.appliance.auth.local_administrator()
    space = await site.appliance.spaces.get_space(admin, "personal")
    folder = await site.appliance.files.get_entry(admin, "personal", "/many")

    def fill(unit):
        node = folder.node[:-6]
        tree.add_entries(
            unit.sql,
            space.id,
            [
                dataclasses.replace(folder, node=f"{node}{number:06}", parent=folder.node, name=f"entry {number:06}")
                for number in range(100_000)
            ],
        )

    await site.appliance.log.commit(fill, actor=admin)
    for _ in range(2):
        count, most, tail, before = 0, 0, b"", resident_bytes()
        async with dav("PROPFIND", "/dav/personal/many", headers={"Depth": "1"}) as answer:
            assert answer.status == 207
            async for piece in answer.content.iter_any():
                count += (tail + piece).count(b"</d:response>") - tail.count(b"</d:response>")
                tail = (tail + piece)[-200:]
                most = max(most, resident_bytes())
        assert count == 100_001
        assert tail.endswith(b"</d:multistatus>")
    assert most - before < 16 << 20, "the second time finds everything warm"


async def test_a_listing_shows_one_moment_however_many_pages_it_takes(site, dav, monkeypatch):
    monkeypatch.setattr(looking, "_RICH_ENTRIES_AT_ONCE", 5)
    for number in range(12):
        await site.put(f"/{number:02}.txt")
    find_children = site.appliance.details.find_children

    async def find_and_disturb(*arguments, **named):
        page = await find_children(*arguments, **named)
        await site.put("/99.txt", headers={"If-Match": "*"} if named["cursor"] else {})
        await site.put("/11.txt", b"changed", headers={"If-Match": "*"})
        return page

    monkeypatch.setattr(type(site.appliance.details), "find_children", lambda self, *a, **n: find_and_disturb(*a, **n))
    async with dav("PROPFIND", "/dav/personal/", headers={"Depth": "1"}) as answer:
        listed = list(await found(answer))
    assert listed == ["/dav/personal/", *(f"/dav/personal/{number:02}.txt" for number in range(12))]


async def test_every_change_over_webdav_says_how_it_is_taken_back(site, dav):
    await status(dav("PUT", "/dav/personal/a", data=b"first"))
    for method, path, headers in (
        ("PUT", "/dav/personal/a", {}),
        ("MKCOL", "/dav/personal/b", {}),
        ("COPY", "/dav/personal/a", {"Destination": "/dav/personal/c"}),
        ("MOVE", "/dav/personal/a", {"Destination": "/dav/personal/d"}),
        ("DELETE", "/dav/personal/a", {}),
    ):
        async with dav(method, path, headers=headers, data=b"second" if method == "PUT" else None) as answer:
            assert answer.status < 300, method
            token = answer.headers["CloudConnect-Undo"]
        async with site.ask("POST", "/api/v1/spaces/personal/undo", json={"token": token}) as answer:
            assert answer.status == 200, method
        async with dav("PROPFIND", "/dav/personal/", headers={"Depth": "1"}) as answer:
            assert list(await found(answer)) == ["/dav/personal/", "/dav/personal/a"], method
        async with dav("GET", "/dav/personal/a") as answer:
            assert await answer.read() == b"first", method
