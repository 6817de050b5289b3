"""Small files had together: each whole, in its place, with its time, whatever becomes of the answer."""

import hashlib
import os
import struct

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cloudconnect.client import Client, Target
from cloudconnect.client import connection as connection_module
from cloudconnect.client.download import Download
from cloudconnect.wire.files import BulkFile, BulkRead

BASE = "/api/v1/spaces/personal"
MODIFIED = "2026-01-01T00:00:00.123456789Z"
CONTENTS = {f"nod_{number}": os.urandom(2_000 + number) for number in range(40)}


def entry(node, path, kind="file"):
    found = {"id": node, "name": path.rpartition("/")[2], "path": path, "kind": kind, "etag": node}
    found["modified"] = MODIFIED
    if kind == "file":
        content = CONTENTS[node]
        found |= {"size": len(content), "sha256": hashlib.sha256(content).hexdigest(), "version": 1}
    return found


def frame(files):
    packed = msgspec.msgpack.encode([BulkFile(*file) for file in files])
    return struct.pack(">I", len(packed)) + packed


class Server:
    """A server that answers as a test says; notes what it was asked for."""

    def __init__(self, answers):
        self.answers = list(answers)
        self.asked = []
        self.singles = []
        self.app = web.Application()
        self.app.router.add_get(BASE + "/entries/{path:.*}", self.tell)
        self.app.router.add_get(BASE + "/tree/{path:.*}", self.list_tree)
        self.app.router.add_get(BASE + "/content/{path:.*}", self.send)
        self.app.router.add_post(BASE + "/bulk/read", self.send_many)

    async def tell(self, request):
        return web.json_response(entry("nod_d", "/d", "folder"))

    async def list_tree(self, request):
        data = [entry(node, f"/d/{node}") for node in CONTENTS]
        return web.json_response({"data": data, "next_cursor": None, "has_more": False})

    async def send(self, request):
        self.singles.append(request.match_info["path"])
        return web.Response(body=CONTENTS[request.match_info["path"].rpartition("/")[2]])

    async def send_many(self, request):
        nodes = msgspec.json.decode(await request.read(), type=BulkRead).nodes
        self.asked.append(nodes)
        return self.answers.pop(0)(nodes)

    async def get(self, target):
        async with TestServer(self.app) as server, Client(Target(str(server.make_url("")).rstrip("/"))) as client:
            download = Download(client, "personal")
            await download.run(["/d"], target)
        return download.progress


def good(nodes):
    return web.Response(body=frame((place, CONTENTS[node]) for place, node in enumerate(nodes)) + bytes(4))


def check(target, but=()):
    found = {path.name: path.read_bytes() for path in target.rglob("*") if path.is_file()}
    assert found == {node: content for node, content in CONTENTS.items() if node not in but}
    assert {path.stat().st_mtime_ns for path in target.rglob("*") if path.is_file()} == {1_767_225_600_123_456_789}


@pytest.fixture
def target(tmp_path):
    (tmp_path / "target").mkdir()
    return tmp_path / "target"


async def test_one_request_brings_them_all_with_their_times(target):
    server = Server([good])

    progress = await server.get(target)

    check(target)
    assert (len(server.asked), server.singles, progress.failures) == (1, [], [])
    assert progress.done_files == len(CONTENTS)
    assert progress.done_bytes == progress.sent_bytes == sum(map(len, CONTENTS.values()))


async def test_what_is_here_is_not_asked_for_again(target):
    server = Server([good, good])
    await server.get(target)
    (target / "d" / "nod_3").write_bytes(b"changed")
    (target / "d" / "nod_4").unlink()

    progress = await server.get(target)

    check(target)
    assert server.asked[1:] == [["nod_3", "nod_4"]]
    assert progress.skipped_files == len(CONTENTS) - 2


@pytest.mark.parametrize("length", [2, 60_000, -4])
async def test_an_answer_that_breaks_off_is_asked_for_again_without_what_it_brought(target, monkeypatch, length):
    monkeypatch.setattr(connection_module, "_PAUSES_SECONDS", (0,) * 3)

    def broken(nodes):
        first = frame((place, CONTENTS[node]) for place, node in list(enumerate(nodes))[:20])
        rest = frame((place, CONTENTS[node]) for place, node in list(enumerate(nodes))[20:]) + bytes(4)
        return web.Response(body=(first + rest)[:length])

    server = Server([broken, good])
    progress = await server.get(target)

    check(target)
    assert progress.failures == []
    assert progress.done_bytes == sum(map(len, CONTENTS.values()))
    assert len(server.asked[-1]) == {2: 40, 60_000: 20, -4: 40}[length]


async def test_what_cannot_be_had_is_told_and_the_rest_comes(target):
    def refusing(nodes):
        damaged = (7, None, b"", "storage.content-damaged", "It is damaged.")
        files = [(place, CONTENTS[node]) for place, node in enumerate(nodes) if place != 7]
        return web.Response(body=frame([damaged]) + frame(files) + bytes(4))

    progress = await Server([refusing]).get(target)

    check(target, but={"nod_7"})
    assert [(each.path, each.code) for each in progress.failures] == [("/d/nod_7", "storage.content-damaged")]


async def test_bytes_that_are_not_what_was_listed_never_take_a_place(target):
    def altered(nodes):
        files = [(place, b"other" if place == 7 else CONTENTS[node]) for place, node in enumerate(nodes)]
        return web.Response(body=frame(files[:-1]) + frame([(99, b"unasked")]) + bytes(4))

    server = Server([altered])
    await server.get(target)

    check(target)
    assert sorted(server.singles) == ["d/nod_39", "d/nod_7"]


async def test_a_place_that_cannot_be_written_fails_alone(target):
    (target / "d" / "nod_5" / "in the way").mkdir(parents=True)

    progress = await Server([good]).get(target)

    assert [(each.path, each.code) for each in progress.failures] == [("/d/nod_5", "local")]
    (target / "d" / "nod_5" / "in the way").rmdir()
    check(target, but={"nod_5"})
    assert not list(target.rglob(".cloudconnect-*"))
