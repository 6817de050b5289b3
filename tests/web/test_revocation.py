"""What was taken back opens nothing any more, and cuts what it opened."""

import asyncio
import os
import re
import threading
import time
from types import SimpleNamespace

import aiohttp
import pytest

from cloudconnect.features.files.service import editing_runs
from cloudconnect_web.operations import PREFIX, Guard
from cloudconnect_web.server import OPERATIONS

PASSWORD = "purple tram rides north"
SAMPLES = {
    "upload": "upl_x",
    "space": "personal",
    "path": "a.txt",
    "user": "admin",
    "token": "x",
    "session": "x",
    "node": "nod_x",
    "operation": "opn_x",
    "slot": "5f0c11d2",
    "lock": "x",
    "brake": "x",
    "fact": "1-x",
    "name": "disk",
    "place": "away",
}
LONGEST_SECONDS = 1.5
"""Half a second of memory and a check each second; what is measured includes the machine's own delays."""


async def open_session(site):
    body = {"name": "admin", "password": PASSWORD}
    async with site.ask("POST", f"{PREFIX}/sessions", token="", json=body) as answer:
        return (await answer.json())["token"]


async def every_status(site, token):
    found = {}
    for operation in OPERATIONS:
        if operation.guard is Guard.OPEN:
            continue
        path = PREFIX + re.sub(r"{(\w+)(:[^}]*)?}", lambda match: SAMPLES[match[1]], operation.path)
        async with site.ask(operation.method, path, token=token) as answer:
            found[operation.name] = answer.status
    return found


async def until_refused(site, token):
    async with asyncio.timeout(LONGEST_SECONDS):
        while True:
            async with site.ask("GET", f"{PREFIX}/me", token=token) as answer:
                if answer.status == 401:
                    return


async def test_an_ended_session_opens_nothing(site):
    session = await open_session(site)
    async with site.ask("DELETE", f"{PREFIX}/sessions/current", token=session) as answer:
        assert answer.status == 204
    await until_refused(site, session)
    assert set((await every_status(site, session)).values()) == {401}


async def test_a_revoked_token_opens_nothing(site):
    async with site.ask("POST", f"{PREFIX}/tokens", json={"name": "short"}) as answer:
        token = (await answer.json())["token"]
    async with site.ask("GET", f"{PREFIX}/me", token=token) as answer:
        assert answer.status == 200
    async with site.ask("DELETE", f"{PREFIX}/tokens/short") as answer:
        assert answer.status < 300
    await until_refused(site, token)
    assert set((await every_status(site, token)).values()) == {401}


async def test_a_disabled_account_is_out_at_once(site):
    async with site.ask("PATCH", f"{PREFIX}/users/bob", json={"is_disabled": True}) as answer:
        assert answer.status == 200
    assert set((await every_status(site, site.member)).values()) <= {401, 403}


async def test_nobody_ends_somebody_elses_session(site):
    session = await open_session(site)
    async with site.ask("GET", f"{PREFIX}/sessions", token=session) as answer:
        listed = (await answer.json())["data"]
    async with site.ask("DELETE", f"{PREFIX}/sessions/{listed[0]['id']}", token=site.member) as answer:
        assert answer.status == 404
    async with site.ask("GET", f"{PREFIX}/me", token=session) as answer:
        assert answer.status == 200


@pytest.mark.slow
async def test_a_running_upload_is_cut(site):
    async with site.ask("POST", f"{PREFIX}/tokens", json={"name": "short"}) as answer:
        token = (await answer.json())["token"]
    revoked = asyncio.get_running_loop().create_future()

    async def pieces():
        yield b"first"
        async with site.ask("DELETE", f"{PREFIX}/tokens/short") as answer:
            assert answer.status < 300
        revoked.set_result(time.monotonic())
        while True:
            await asyncio.sleep(0.02)
            yield os.urandom(1_000)

    with pytest.raises(aiohttp.ClientError):
        async with (
            asyncio.timeout(10),
            site.ask("PUT", f"{PREFIX}/spaces/personal/content/cut", token=token, data=pieces()),
        ):
            pass
    assert time.monotonic() - revoked.result() <= LONGEST_SECONDS + 0.5
    async with site.ask("GET", f"{PREFIX}/spaces/personal/children/") as answer:
        assert (await answer.json())["data"] == []


async def test_a_token_that_is_revoked_goes_on_with_nothing_long(site, monkeypatch):
    monkeypatch.setattr(editing_runs, "MOST_ITEMS", 5)
    admin = await site.appliance.auth.local_administrator()
    for number in range(40):
        await site.put(f"/many/{number}?parents=true", b"")
    token, made = await site.appliance.developer.add_token(admin, "script", ["files.read", "files.write"], None)
    entered, gate, do_portion = threading.Event(), threading.Event(), site.appliance.editing.do_portion

    def wait_and_do(*arguments, **options):
        entered.set()
        assert gate.wait(10)
        return do_portion(*arguments, **options)

    monkeypatch.setattr(
        site.appliance.editing_runs,
        "_editing",
        SimpleNamespace(prepare=site.appliance.editing.prepare, do_portion=wait_and_do),
    )
    url, edit = "/api/v1/spaces/personal/bulk-edits", {"where": "path:/many/*", "action": "trash"}
    async with site.ask("POST", url, token=token, json=edit | {"dry_run": True}) as answer:
        plan = (await answer.json())["plan"]
    async with site.ask("POST", url, token=token, json=edit | {"plan": plan}) as answer:
        assert answer.status == 202
        operation = (await answer.json())["operation"]
    assert await asyncio.to_thread(entered.wait, 10)
    await site.appliance.operations.pause(admin, operation)
    gate.set()
    await until(site, admin, operation, "paused")
    await site.appliance.developer.revoke_token(admin, made.id)
    found = await until(site, admin, operation, "cancelled")
    assert found.result["done"] == 5
    async with site.ask("POST", f"/api/v1/operations/{operation}/resume") as answer:
        assert answer.status == 409


async def until(site, who, operation, state):
    async with asyncio.timeout(10):
        while (  # noqa: ASYNC110 - what changes lies behind the room's door
            found := await site.appliance.operations.get_operation(who, operation)
        ).state != state:
            await asyncio.sleep(0.01)
    return found
