"""What folders take and quotas, through HTTP and with the real engine."""

import asyncio
import os
import re

SPACE = "/api/v1/spaces/personal"


async def footprint(site, path):
    async with site.ask("GET", f"{SPACE}/usage", params={"path": path}) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_what_a_folder_takes_is_told_down_to_its_packs(site):
    content = os.urandom(900_000)
    await site.put("/a/one?parents=true", content)
    await site.put("/b/same?parents=true", content)
    await site.put("/b/other", os.urandom(1_000))

    a, b, root = [await footprint(site, path) for path in ("/a", "/b", "/")]

    assert (a["logical_bytes"], b["logical_bytes"], root["unique_bytes"]) == (900_000, 901_000, 901_000)
    assert a["freed_bytes"] == 0
    assert 900_000 < a["stored_bytes"] < 930_000
    assert 1_000 < b["freed_bytes"] < 1_200
    assert root["stored_bytes"] == b["stored_bytes"]


async def test_the_space_is_full_with_507_and_figures(site):
    async with site.ask("PATCH", f"{SPACE}/quota", json={"quota_bytes": 2_000}) as answer:
        assert (answer.status, (await answer.json())["quota_bytes"]) == (200, 2_000)
    assert (await site.put("/a", bytes(1_500)))[0] == 201
    status, problem = await site.put("/b", bytes(1_024))
    assert (status, problem["code"]) == (507, "files.quota-exceeded")
    assert "1.5 KiB of 2.0 KiB" in problem["detail"]
    async with site.ask("GET", f"{SPACE}/quota", token=site.reader) as answer:
        assert await answer.json() | {"space": "", "name": ""} == {
            "space": "",
            "name": "",
            "kind": "personal",
            "used_bytes": 1_500,
            "quota_bytes": 2_000,
        }


async def test_a_body_that_cannot_fit_is_refused_before_it_is_taken(site):
    async with site.ask("PATCH", f"{SPACE}/quota", json={"quota_bytes": 2_000}):
        pass
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    head = f"PUT {SPACE}/content/a HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {site.admin}\r\n"
    writer.write(f"{head}Content-Length: 2001\r\nExpect: 100-continue\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    assert b" 507 " in line


async def test_quotas_are_for_administrators(site):
    async with site.ask("PATCH", f"{SPACE}/quota", token=site.member, json={"quota_bytes": None}) as answer:
        assert answer.status == 403
    async with site.ask("GET", "/api/v1/quotas", token=site.member) as answer:
        assert answer.status == 403
    await site.put("/a", b"12")
    async with site.ask("GET", "/api/v1/quotas") as answer:
        assert [each["used_bytes"] for each in (await answer.json())["data"]] == [2]


async def test_the_charges_can_be_counted_again(site):
    await site.put("/a", b"12")
    async with site.ask("POST", "/api/v1/operations", json={"kind": "files.recount"}) as answer:
        operation = (await answer.json())["id"]
    async with asyncio.timeout(10):
        found = {"state": "waiting"}
        while found["state"] in {"waiting", "running"}:
            async with site.ask("GET", f"/api/v1/operations/{operation}") as answer:
                found = await answer.json()
    assert (found["state"], found["result"]) == ("done", {"spaces_wrong": 0, "wrong_bytes": 0})


async def test_the_page_of_a_folder_says_how_full_the_space_is(site):
    await site.put("/a", bytes(2_048))
    async with site.ask("GET", "/files/", headers={"Accept-Encoding": "identity"}) as answer:
        assert "2.0 KiB used" in await answer.text()
    async with site.ask("PATCH", f"{SPACE}/quota", json={"quota_bytes": 4_096}):
        pass
    async with site.ask("GET", "/files/", headers={"Accept-Language": "de", "Accept-Encoding": "identity"}) as answer:
        page = await answer.text()
    assert re.search(r'<meter max="4096" [^>]*value="2048"', page)
    assert re.search(r"2[.,]0 KiB von 4[.,]0 KiB belegt", page)
