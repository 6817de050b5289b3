"""The IETF draft for resumable uploads, spoken by a small client of its own that sees interim responses."""

import asyncio
import hashlib
import json
import os
from dataclasses import dataclass

import pytest

UPLOADS = "/api/v1/uploads"
DATA = os.urandom(300_000)


@dataclass
class Answer:
    """A final response, and the interim ones before it."""

    status: int
    fields: dict[str, str]
    body: bytes
    interim: list[tuple[int, dict[str, str]]]


async def ask(site, method, path, data=b"", token=None, length=None, **fields):
    """Send one request over a connection of its own; *length* is the Content-Length, None for that of *data*."""
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    told = {
        "Host": "localhost",
        "Authorization": f"Bearer {token or site.admin}",
        "Upload-Draft-Interop-Version": "8",
        "Content-Length": str(len(data) if length is None else length),
        "Connection": "close",
    } | {name.replace("_", "-"): str(value) for name, value in fields.items()}
    head = f"{method} {path} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in told.items())
    writer.write(head.encode() + b"\r\n" + data)
    try:
        return await receive(reader)
    finally:
        writer.close()


async def receive(reader):
    interim = []
    while True:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        status = int(lines[0].split()[1])
        fields = dict(line.split(": ", 1) for line in lines[1:] if line)
        if status >= 200:
            return Answer(status, fields, await reader.read(), interim)
        interim.append((status, fields))


async def create(site, data=b"", *, complete=False, path="/f", query="", **fields):
    return await ask(site, "POST", f"{UPLOADS}?path={path}{query}", data, Upload_Complete=f"?{complete:d}", **fields)


async def append(site, upload, offset, data, *, complete=False, **fields):
    told = {"Content_Type": "application/partial-upload", "Upload_Offset": offset} | fields
    return await ask(site, "PATCH", upload, data, Upload_Complete=f"?{complete:d}", **told)


async def read(site, path="/f"):
    async with site.ask("GET", f"/api/v1/spaces/personal/content{path}") as answer:
        return await answer.read()


async def test_a_file_may_come_in_one_request_and_its_address_comes_first(site):
    answer = await create(site, DATA, complete=True, query="&modified=2020-01-02T03:04:05Z", Content_Type="image/png")

    (status, interim), *_ = answer.interim
    assert (status, interim["Location"]) == (104, answer.fields["Location"])
    assert interim["Upload-Draft-Interop-Version"] == "8"
    assert (answer.status, answer.fields["Upload-Complete"]) == (201, "?1")
    entry = json.loads(answer.body)["entry"]
    assert (entry["media_type"], entry["sha256"]) == ("image/png", hashlib.sha256(DATA).hexdigest())
    assert entry["modified"].startswith("2020-01-02T03:04:05")
    assert await read(site) == DATA


async def test_who_does_not_speak_this_version_gets_no_interim_response(site):
    answer = await create(site, DATA, complete=True, Upload_Draft_Interop_Version="3")
    assert (answer.status, answer.interim) == (201, [])


async def test_a_file_comes_in_pieces(site):
    first = await create(site, DATA[:100_000], Upload_Length=len(DATA))
    upload = first.fields["Location"]
    state = await ask(site, "HEAD", upload)
    second = await append(site, upload, 100_000, DATA[100_000:200_000])
    last = await append(site, upload, 200_000, DATA[200_000:], complete=True)

    assert (first.status, first.fields["Upload-Complete"], first.fields["Upload-Offset"]) == (201, "?0", "100000")
    assert (state.status, state.fields["Upload-Offset"], state.fields["Upload-Length"]) == (204, "100000", "300000")
    assert (state.fields["Upload-Complete"], state.fields["Cache-Control"]) == ("?0", "no-store")
    assert "max-size=" in state.fields["Upload-Limit"]
    assert (second.status, second.fields["Upload-Offset"]) == (204, "200000")
    assert (last.status, last.fields["Upload-Complete"]) == (201, "?1")
    assert await read(site) == DATA
    assert (await ask(site, "HEAD", upload)).fields["Upload-Complete"] == "?1"


async def test_what_was_cut_off_goes_on_where_it_stopped(site):
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await create(site, DATA[:150_000], complete=True, length=len(DATA))
    async with site.ask("GET", UPLOADS) as answer:
        (listed,) = (await answer.json())["data"]
    upload = f"{UPLOADS}/{listed['id']}"

    state = await ask(site, "HEAD", upload)
    assert (state.fields["Upload-Offset"], state.fields["Upload-Length"]) == ("150000", "300000")
    assert (await append(site, upload, 150_000, DATA[150_000:], complete=True)).status == 201

    assert await read(site) == DATA


async def test_a_body_of_unknown_length_ends_where_it_ends(site):
    fields = {"Upload-Complete": "?1", "Upload-Draft-Interop-Version": "8"}

    async def pieces():
        yield DATA

    async with site.ask("POST", f"{UPLOADS}?path=/f", data=pieces(), headers=fields) as answer:
        assert answer.status == 201
    assert await read(site) == DATA


async def test_bytes_that_belong_elsewhere_are_told_where(site):
    upload = (await create(site, DATA[:10])).fields["Location"]

    answer = await append(site, upload, 7, b"x")

    problem = json.loads(answer.body)
    assert (answer.status, answer.fields["Upload-Offset"]) == (409, "10")
    assert problem["type"] == "https://iana.org/assignments/http-problem-types#mismatching-upload-offset"
    assert (problem["expected-offset"], problem["provided-offset"]) == (10, 7)


async def test_a_complete_one_takes_no_more_and_a_length_stays_what_it_is(site):
    done = (await create(site, DATA[:10], complete=True)).fields["Location"]
    going = (await create(site, DATA[:10], path="/g", Upload_Length=20)).fields["Location"]

    full = await append(site, done, 10, b"x")
    other = await append(site, going, 10, b"x", Upload_Length=30)
    early = await append(site, going, 10, b"x", complete=True)

    assert (full.status, other.status, early.status) == (400, 400, 400)
    assert json.loads(full.body)["type"].endswith("#completed-upload")
    assert json.loads(other.body)["type"].endswith("#inconsistent-upload-length")
    assert json.loads(early.body)["type"].endswith("#inconsistent-upload-length")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"Content_Type": "text/plain"}, 415, id="another type"),
        pytest.param({"Upload_Complete": "yes"}, 400, id="no Boolean"),
        pytest.param({"Upload_Offset": "x"}, 400, id="no offset"),
    ],
)
async def test_a_piece_that_does_not_fit_is_refused(site, fields, status):
    upload = (await create(site)).fields["Location"]
    told = {"Content_Type": "application/partial-upload", "Upload_Offset": 0, "Upload_Complete": "?0"} | fields
    assert (await ask(site, "PATCH", upload, b"x", **told)).status == status


async def test_it_may_be_cancelled_by_who_began_it(site):
    upload = (await create(site, DATA[:10])).fields["Location"]

    assert (await ask(site, "DELETE", upload, token=site.member)).status == 404
    assert (await ask(site, "DELETE", upload)).status == 204
    assert (await ask(site, "HEAD", upload)).status == 404


async def test_limits_are_told_to_everybody(site):
    async with site.ask("OPTIONS", UPLOADS, token="") as answer:
        assert (answer.status, answer.headers["Accept-Patch"]) == (204, "application/partial-upload")
        assert f"max-size={5 << 40}" in answer.headers["Upload-Limit"]


async def test_an_upload_is_shown(site):
    upload = (await create(site, DATA[:10])).fields["Location"]
    async with site.ask("GET", upload) as answer:
        shown = await answer.json()
    assert (shown["path"], shown["received"], shown["length"], shown["state"]) == ("/f", 10, None, "open")
