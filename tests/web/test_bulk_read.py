"""Many small files in one answer: whole frames, honest ends, and cuts when the asker may no longer."""

import asyncio
import io
import os
import struct

import aiohttp
import msgspec
import pytest

from cloudconnect.wire.files import BulkFile

SPACE = "/api/v1/spaces/personal"
DECODER = msgspec.msgpack.Decoder(list[BulkFile])


async def put(site, contents):
    """Store files called by their numbers; return their nodes."""
    body = msgspec.msgpack.encode([[f"/d/{number}", raw, 1, "*"] for number, raw in enumerate(contents)])
    async with site.ask("POST", f"{SPACE}/bulk", data=io.BytesIO(body)) as answer:
        assert not any("code" in each for each in (await answer.json())["outcomes"])
    found = {}
    async with site.ask("GET", f"{SPACE}/children/d?limit=1000") as answer:
        found = {int(each["name"]): each["id"] for each in (await answer.json())["data"]}
    return [found[number] for number in range(len(contents))]


def unpack(data):
    files = {}
    while size := struct.unpack_from(">I", data)[0]:
        files.update({file.place: file for file in DECODER.decode(data[4 : 4 + size])})
        data = data[4 + size :]
    assert len(data) == 4
    return files


def ask(site, nodes, **options):
    return site.ask("POST", f"{SPACE}/bulk/read", json={"nodes": nodes}, **options)


async def test_files_come_back_in_frames(site):
    contents = [os.urandom(number * 300) for number in range(100)]
    nodes = await put(site, contents)

    async with ask(site, [*nodes, "nod_x"]) as answer:
        files = unpack(await answer.read())

    assert [bytes(files[place].content) for place in range(100)] == contents
    assert (files[100].content, files[100].code) == (None, "files.not-found")
    assert answer.headers["Content-Disposition"] == "attachment"


async def test_too_many_are_refused_and_none_are_no_error(site):
    async with ask(site, ["nod_x"] * 4_097) as answer:
        assert answer.status == 400
    async with ask(site, []) as answer:
        assert unpack(await answer.read()) == {}


async def test_a_damaged_file_keeps_no_other_back(site):
    contents = [os.urandom(3_000) for _ in range(20)]
    nodes = await put(site, contents)
    pack = max((site.appliance.home / "packs").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
    pack.chmod(0o600)
    with pack.open("r+b") as file:
        file.seek(pack.stat().st_size // 2)
        file.write(b"\0" * 100)

    async with ask(site, nodes) as answer:
        files = unpack(await answer.read())

    damaged = [place for place, file in files.items() if file.content is None]
    assert 1 <= len(damaged) <= 2
    assert {files[place].code for place in damaged} == {"storage.content-damaged"}
    assert all(bytes(files[place].content) == contents[place] for place in files.keys() - set(damaged))


@pytest.fixture
async def halted(site, monkeypatch):
    """Nodes whose answer stops after the first portion, until the test lets it go on; told when that is sent."""
    nodes = await put(site, [os.urandom(100_000) for _ in range(30)])
    vault = site.appliance.vault
    sent, go_on, ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
    read_many = vault.read_many

    async def halting(space, contents):
        try:
            async for portion in read_many(space, contents):
                yield portion
                sent.set()
                await go_on.wait()
        finally:
            ended.set()

    monkeypatch.setattr(vault, "read_many", halting)
    yield nodes, sent, go_on, ended
    go_on.set()


@pytest.mark.slow
async def test_a_token_that_is_revoked_cuts_the_answer(site, halted):
    nodes, sent, go_on, ended = halted
    admin = await site.appliance.auth.local_administrator()
    text, token = await site.appliance.developer.add_token(admin, "soon gone", ["files.read"], None)
    async with ask(site, nodes, token=text) as answer:
        await sent.wait()
        await site.appliance.developer.revoke_token(admin, token.id)
        with pytest.raises((aiohttp.ClientError, ConnectionError)):
            await answer.read()
    go_on.set()
    await asyncio.wait_for(ended.wait(), 5)


async def test_a_reader_that_leaves_ends_the_reading(site, halted):
    nodes, sent, go_on, ended = halted
    async with ask(site, nodes) as answer:
        await sent.wait()
        answer.close()
    go_on.set()
    await asyncio.wait_for(ended.wait(), 5)
    assert (await put(site, [b"x"]))[0].startswith("nod_")
