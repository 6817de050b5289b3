"""tus 1.0 as its specification has it: what each request answers."""

import asyncio
import base64
import hashlib

import aiohttp
import pytest

from tests.web.tus import DATA, TUS, append, ask, create, metadata, offset_of, read


async def test_what_is_spoken_here_is_told_to_everybody(site):
    async with site.ask("OPTIONS", TUS, token="") as answer:
        assert answer.status == 204
        assert answer.headers["Tus-Version"] == "1.0.0"
        assert set(answer.headers["Tus-Extension"].split(",")) == {
            "creation",
            "creation-with-upload",
            "creation-defer-length",
            "expiration",
            "checksum",
            "termination",
            "concatenation",
        }
        assert int(answer.headers["Tus-Max-Size"]) == 5 << 40
        assert "sha1" in answer.headers["Tus-Checksum-Algorithm"].split(",")


async def test_a_file_comes_in_pieces(site):
    upload = await create(
        site, Upload_Metadata=metadata(filename="f", filetype="image/png", modified="2020-01-02T03:04:05Z")
    )
    first = await append(site, upload, 0, DATA[:100_000])
    state = await ask(site, "HEAD", upload)
    last = await append(site, upload, 100_000, DATA[100_000:])

    assert (first.status, first.headers["Upload-Offset"], first.headers["Upload-State"]) == (204, "100000", "open")
    assert (state.status, state.headers["Upload-Offset"], state.headers["Upload-Length"]) == (200, "100000", "300000")
    assert state.headers["Cache-Control"] == "no-store"
    assert state.headers["Upload-Metadata"].startswith("filename ")
    assert "GMT" in state.headers["Upload-Expires"]
    assert (last.status, last.headers["Upload-State"]) == (204, "complete")
    assert await read(site) == (200, DATA)
    async with site.ask("GET", "/api/v1/spaces/personal/entries/f") as answer:
        entry = await answer.json()
    assert (entry["media_type"], entry["modified"][:19]) == ("image/png", "2020-01-02T03:04:05")
    assert entry["sha256"] == hashlib.sha256(DATA).hexdigest()
    assert last.headers["ETag"] == f'"{entry["etag"]}"'


async def test_it_may_begin_with_bytes_and_with_nothing(site):
    whole = await ask(site, "POST", data=DATA, Upload_Length=len(DATA), Upload_Metadata=metadata(path="/f"))
    empty = await ask(site, "POST", Upload_Length=0, Upload_Metadata=metadata(path="/g"))

    assert [each.headers["Upload-State"] for each in (whole, empty)] == ["complete"] * 2
    assert whole.headers["Upload-Offset"] == str(len(DATA))
    assert await read(site) == (200, DATA)
    assert await read(site, "/g") == (200, b"")


async def test_the_length_may_be_said_later(site):
    upload = await create(site, length=None, Upload_Defer_Length=1)
    await append(site, upload, 0, DATA[:10])
    assert (await ask(site, "HEAD", upload)).headers["Upload-Defer-Length"] == "1"

    assert (await append(site, upload, 10, DATA[10:], Upload_Length=len(DATA))).status == 204

    assert await read(site) == (200, DATA)


async def test_a_file_of_many_pieces_of_one_byte_is_whole(site):
    upload = await create(site, length=40)
    for place in range(40):
        assert (await append(site, upload, place, DATA[place : place + 1])).status == 204
    assert await read(site) == (200, DATA[:40])


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"Upload_Offset": 5}, 409, id="another place"),
        pytest.param({"Upload_Offset": -1}, 400, id="a negative place"),
        pytest.param({"Upload_Offset": "9" * 30}, 400, id="a place beyond all numbers"),
        pytest.param({}, 400, id="no place"),
        pytest.param({"Upload_Offset": 0, "Content_Type": "text/plain"}, 415, id="another type"),
        pytest.param({"Upload_Offset": 0, "Tus_Resumable": "0.2.2"}, 412, id="another version"),
        pytest.param({"Upload_Offset": 0, "Upload_Length": 1}, 422, id="another length"),
        pytest.param({"Upload_Offset": 0, "Upload_Checksum": "crc32 AAAA"}, 400, id="an unknown checksum"),
        pytest.param({"Upload_Offset": 0, "Upload_Checksum": "sha1 ???"}, 400, id="a checksum that is none"),
        pytest.param({"Upload_Offset": 0, "Upload_Checksum": "sha1 AAAA"}, 460, id="a wrong checksum"),
    ],
)
async def test_a_piece_that_does_not_fit_is_refused_and_changes_nothing(site, fields, status):
    upload = await create(site)

    answer = await ask(site, "PATCH", upload, data=b"abc", **fields)

    assert (answer.status, answer.headers["Tus-Resumable"]) == (status, "1.0.0")
    assert answer.content_type == "application/problem+json"
    assert await offset_of(site, upload) == 0


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"Upload_Length": None}, 400, id="no length"),
        pytest.param({"Upload_Length": "x"}, 400, id="no number"),
        pytest.param({"Upload_Length": (5 << 40) + 1}, 413, id="too long"),
        pytest.param({"Upload_Defer_Length": 1}, 400, id="a length now and later"),
        pytest.param({"Upload_Metadata": metadata(space="personal")}, 400, id="no path"),
        pytest.param({"Upload_Metadata": "path"}, 400, id="an empty path"),
        pytest.param({"Upload_Metadata": "path ????"}, 400, id="no base 64"),
        pytest.param({"Upload_Metadata": "path /w=="}, 400, id="no UTF-8"),
        pytest.param({"Upload_Metadata": "path YQ==,path YQ=="}, 400, id="a name twice"),
        pytest.param({"Upload_Metadata": metadata(path="/f", modified="yesterday")}, 400, id="no moment"),
        pytest.param({"Upload_Metadata": metadata(path="/..")}, 422, id="no name"),
        pytest.param({"Upload_Metadata": metadata(path="/no/f")}, 409, id="no folder"),
        pytest.param({"Upload_Metadata": metadata(path="/f", space="spc_x")}, 404, id="no space"),
        pytest.param({"Upload_Concat": "half"}, 400, id="neither part nor whole"),
        pytest.param({"Upload_Length": None, "Upload_Concat": "final;"}, 409, id="a whole without parts"),
        pytest.param({"Upload_Concat": "final;/x"}, 400, id="a whole that says its length"),
        pytest.param({"Upload_Length": None, "Upload_Concat": "final;/upl_x"}, 404, id="parts that are not there"),
    ],
)
async def test_what_cannot_begin_is_refused(site, fields, status):
    said = {"Upload_Length": 5, "Upload_Metadata": metadata(path="/f")} | fields
    answer = await ask(site, "POST", **{name: value for name, value in said.items() if value is not None})
    assert answer.status == status


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "md5"])
async def test_a_piece_with_the_right_checksum_counts(site, algorithm):
    upload = await create(site, path=f"/{algorithm}")
    digest = base64.b64encode(hashlib.new(algorithm, DATA).digest()).decode()

    assert (await append(site, upload, 0, DATA, Upload_Checksum=f"{algorithm} {digest}")).status == 204
    assert await read(site, f"/{algorithm}") == (200, DATA)


async def test_what_was_ended_is_gone(site):
    upload = await create(site)
    await append(site, upload, 0, DATA[:1000])

    assert (await ask(site, "DELETE", upload)).status == 204

    assert [(await ask(site, method, upload)).status for method in ("HEAD", "DELETE")] == [404, 404]
    assert (await append(site, upload, 1000, b"x")).status == 404


async def test_nobody_else_finds_it(site):
    upload = await create(site)
    statuses = [
        (await ask(site, "HEAD", upload, token=site.member)).status,
        (await ask(site, "DELETE", upload, token=site.member)).status,
        (await ask(site, "PATCH", upload, data=b"x", token=site.member, Upload_Offset=0)).status,
    ]
    assert statuses == [404, 404, 404]


async def test_parts_that_came_side_by_side_become_one_file(site):
    parts = await asyncio.gather(
        *(
            create(
                site, length=100_000, data=DATA[start : start + 100_000], Upload_Concat="partial", Upload_Metadata=None
            )
            for start in (0, 100_000, 200_000)
        )
    )
    assert (await ask(site, "HEAD", parts[0])).headers["Upload-Concat"] == "partial"

    concat = f"final;{parts[0]} {site.url}{parts[1]} {parts[2]}"
    answer = await ask(site, "POST", Upload_Concat=concat, Upload_Metadata=metadata(path="/f"))

    assert (answer.status, answer.headers["Upload-State"]) == (201, "complete")
    state = await ask(site, "HEAD", answer.headers["Location"])
    assert state.headers["Upload-Concat"] == "final;" + " ".join(parts)
    assert state.headers["Upload-Length"] == str(len(DATA))
    assert (await append(site, answer.headers["Location"], len(DATA), b"")).status == 403
    assert await read(site) == (200, DATA)


async def test_a_method_may_be_said_in_a_field(site):
    upload = await create(site)
    answer = await ask(site, "POST", upload, data=DATA, Upload_Offset=0, X_HTTP_Method_Override="PATCH")
    gone = await ask(site, "POST", await create(site, path="/g"), X_HTTP_Method_Override="DELETE")
    odd = await ask(site, "POST", upload, X_HTTP_Method_Override="BREW")

    assert (answer.status, gone.status, odd.status) == (204, 204, 400)
    assert await read(site) == (200, DATA)


async def test_replacing_needs_the_etag_and_a_lost_answer_can_be_asked_for_again(site):
    _, put = await site.put("/f", b"before")
    answer = await ask(site, "POST", Upload_Length=5, Upload_Metadata=metadata(path="/f"))
    assert answer.status == 428
    upload = await create(site, length=3, Upload_Metadata=metadata(path="/f", if_match=put["entry"]["etag"]))
    await append(site, upload, 0, b"new")

    again = await append(site, upload, 3, b"")

    assert (again.status, again.headers["Upload-State"]) == (204, "complete")
    assert await read(site) == (200, b"new")


async def test_a_piece_that_is_cut_off_stays_and_asking_how_far_it_is_ends_it(site):
    upload = await create(site)
    arrived = asyncio.Event()

    async def endless():
        yield DATA[:50_000]
        arrived.set()
        await asyncio.Event().wait()

    first = asyncio.create_task(append(site, upload, 0, endless()))
    await arrived.wait()
    while (second := await append(site, upload, 0, b"x")).status != 423:
        pass
    assert int(second.headers["Retry-After"]) > 0
    await asyncio.sleep(0.2)  # what was sent is on its way

    assert await offset_of(site, upload) == 50_000

    with pytest.raises(aiohttp.ClientError):
        await first
    assert (await append(site, upload, 50_000, DATA[50_000:])).status == 204
    assert await read(site) == (200, DATA)


async def test_what_an_upload_became_can_be_taken_back(site):
    upload = await create(site, Upload_Metadata=metadata(path="/new/f", parents="true"))
    told = (await append(site, upload, 0, DATA)).headers["CloudConnect-Undo"]
    again = (await append(site, upload, len(DATA), b"")).headers["CloudConnect-Undo"]

    for token in (told, again):
        async with site.ask("POST", "/api/v1/spaces/personal/undo", json={"token": token, "dry_run": True}) as answer:
            assert answer.status == 200, await answer.text()
    async with site.ask("POST", "/api/v1/spaces/personal/undo", json={"token": told}) as answer:
        assert answer.status == 200
    for path in ("/new/f", "/new"):
        async with site.ask("GET", f"/api/v1/spaces/personal/entries{path}") as answer:
            assert answer.status == 404, path
