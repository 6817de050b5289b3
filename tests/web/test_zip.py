"""Folders and selections as one archive: whole, of one moment, with names and times, for those who may read."""

import contextlib
import io
import zipfile

import aiohttp
import pytest

from cloudconnect_web import zipping

SPACE = "/api/v1/spaces/personal"
FILES = {
    "/Fotos/Käse & Brot.txt": b"cheese",
    "/Fotos/empty": b"",
    "/Fotos/deep/er/large.bin": bytes(range(256)) * 2_000,
    "/notes.txt": b"notes",
}


@pytest.fixture
async def filled(site):
    for path, data in FILES.items():
        assert (await site.put(f"{path}?parents=true", data))[0] == 201
    async with site.ask("POST", f"{SPACE}/folders/Fotos/nothing%20in%20it"):
        pass
    return site


async def get(site, *paths, status=200, **body):
    async with site.ask("POST", f"{SPACE}/zip", json={"paths": list(paths), **body}) as answer:
        assert answer.status == status, await answer.text()
        return await answer.read(), answer.headers


def unpack(data):
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.testzip() is None
        return {info.filename: archive.read(info) for info in archive.infolist()}


async def test_a_folder_comes_with_all_that_is_below_it(filled):
    data, headers = await get(filled, "/Fotos")
    assert headers["Content-Type"] == "application/zip"
    assert 'filename="Fotos.zip"' in headers["Content-Disposition"]
    inside = {path[1:]: raw for path, raw in FILES.items() if path.startswith("/Fotos/")}
    folders = ("Fotos/", "Fotos/deep/", "Fotos/deep/er/", "Fotos/nothing in it/")
    assert unpack(data) == inside | dict.fromkeys(folders, b"")


async def test_a_selection_and_a_whole_space_have_the_name_of_the_space(filled):
    data, headers = await get(filled, "/notes.txt", "/Fotos/deep")
    assert sorted(unpack(data)) == ["deep/", "deep/er/", "deep/er/large.bin", "notes.txt"]
    assert "admin.zip" in headers["Content-Disposition"]
    data, _ = await get(filled, "/")
    assert unpack(data)["admin/Fotos/Käse & Brot.txt"] == b"cheese"


async def test_it_is_as_it_was_and_knows_when_files_were_modified(filled):
    async with filled.ask("GET", SPACE) as answer:
        seq = (await answer.json())["seq"]
    await filled.put("/notes.txt", b"other", headers={"If-Match": "*"})
    options = {"json": {"modified": "2001-02-03T04:05:06Z"}, "headers": {"If-Match": "*"}}
    async with filled.ask("PATCH", f"{SPACE}/entries/Fotos/empty", **options) as answer:
        assert answer.status == 200
    assert unpack((await get(filled, "/notes.txt", at=f"seq:{seq}"))[0]) == {"notes.txt": b"notes"}
    data, _ = await get(filled, "/Fotos/empty")
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert archive.infolist()[0].date_time == (2001, 2, 3, 4, 5, 6)


async def test_what_cannot_be_one_archive_is_refused_with_the_reason(filled, monkeypatch):
    await filled.put("/deep/notes.txt?parents=true", b"x")
    assert b"files.named-twice" in (await get(filled, "/notes.txt", "/deep/notes.txt", status=422))[0]
    assert b"files.not-found" in (await get(filled, "/none", status=404))[0]
    monkeypatch.setattr(zipping, "ENTRIES_MOST", 3)
    assert b"cloudconnect get" in (await get(filled, "/Fotos", status=413))[0]


async def test_strangers_get_nothing(filled):
    async with filled.ask("GET", SPACE) as answer:
        space = (await answer.json())["id"]
    body = {"paths": ["/Fotos"]}
    async with filled.ask("POST", f"/api/v1/spaces/{space}/zip", token=filled.member, json=body) as answer:
        assert answer.status == 404


async def test_damage_breaks_it_off(filled):
    packs = [each for each in (filled.appliance.settings.home / "packs").rglob("*") if each.is_file()]
    assert packs
    for pack in packs:
        pack.chmod(0o600)
        pack.write_bytes(bytes(pack.stat().st_size))
    got = b""
    with contextlib.suppress(aiohttp.ClientError):
        async with filled.ask("POST", f"{SPACE}/zip", json={"paths": ["/Fotos"]}) as answer:
            got = await answer.read()
    assert not zipfile.is_zipfile(io.BytesIO(got))
