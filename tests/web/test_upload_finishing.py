"""A file that takes long to complete keeps no proxy waiting: it goes on by itself, and is told of until it is there."""

import asyncio

import pytest

from cloudconnect_web.uploads import fields
from tests.web.tus import DATA, append, ask, create, read

PARTIAL = {"Content-Type": "application/partial-upload", "Upload-Complete": "?1"}


@pytest.fixture
def go_on(site, monkeypatch):
    """Have completing wait for the event that this returns, and nobody wait for completing."""
    event, vault = asyncio.Event(), site.appliance.vault
    assemble = vault.assemble

    async def slowly(*arguments):
        await event.wait()
        return await assemble(*arguments)

    monkeypatch.setattr(vault, "assemble", slowly)
    monkeypatch.setattr(fields, "PATIENCE_SECONDS", 0.01)
    return event


async def until_it_is_not(site, upload, state):
    async with asyncio.timeout(10):
        while (answer := await ask(site, "HEAD", upload)).headers["Upload-State"] == state:
            pass
    return answer


async def test_tus_tells_that_it_is_finishing_and_then_that_it_is_complete(site, go_on):
    upload = await create(site)

    last = await append(site, upload, 0, DATA)
    meanwhile = await ask(site, "HEAD", upload)
    assert (await ask(site, "DELETE", upload)).status == 423
    go_on.set()

    assert (last.status, last.headers["Upload-State"]) == (204, "finishing")
    assert (meanwhile.headers["Upload-Offset"], meanwhile.headers["Upload-State"]) == (str(len(DATA)), "finishing")
    assert (await until_it_is_not(site, upload, "finishing")).headers["Upload-State"] == "complete"
    assert await read(site) == (200, DATA)


async def test_the_draft_accepts_it_and_tells_what_it_became_when_asked_again(site, go_on):
    upload = (await create(site)).replace("/tus/", "/uploads/")

    async with site.ask("PATCH", upload, data=DATA, headers=PARTIAL | {"Upload-Offset": "0"}) as answer:
        assert (answer.status, answer.headers["Upload-Complete"]) == (202, "?0")
        assert answer.headers["Upload-State"] == "finishing"
    go_on.set()
    await until_it_is_not(site, upload.replace("/uploads/", "/tus/"), "finishing")

    async with site.ask("HEAD", upload) as answer:
        assert answer.headers["Upload-Complete"] == "?1"
    assert await read(site) == (200, DATA)


async def test_what_was_refused_in_the_end_is_told_to_who_asks_again(site, go_on):
    upload = await create(site)
    await append(site, upload, 0, DATA)
    await site.put("/f", b"somebody was faster")
    go_on.set()

    state = await until_it_is_not(site, upload, "finishing")
    again = await append(site, upload, len(DATA), b"")

    assert state.headers["Upload-State"] == "open"
    assert again.status == 428
    assert await read(site) == (200, b"somebody was faster")
