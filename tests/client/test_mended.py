"""Transfers against a server that refuses for a moment, and targets that are not what they were called."""

import hashlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cloudconnect.client import Client, Target
from cloudconnect.client.download import Download
from cloudconnect.client.upload import Upload
from cloudconnect.kernel.errors import Conflict, Exhausted
from cloudconnect.wire.files import Entry

CONTENT = b"hello"
BASE = "/api/v1/spaces/personal"


def entry(path, kind="file"):
    found = {"id": "nod_1", "name": path.rpartition("/")[2], "path": path, "kind": kind, "etag": "e"}
    found["modified"] = "2026-01-01T00:00:00.000000000Z"
    if kind == "file":
        found |= {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest(), "version": 1}
    return found


def refuse(status, code):
    problem = {
        "type": "x",
        "title": "x",
        "status": status,
        "detail": "No.",
        "code": code,
        "instance": "",
        "request_id": "",
    }
    return web.json_response(problem, status=status)


class Server:
    """Holds /f and the folder /d; refuses as often as it is told to, first."""

    def __init__(self, refusals, status=503, seconds="0"):
        self.refusals, self.status, self.seconds = refusals, status, seconds
        self.busy_content = 0
        self.requests = []

    async def answer(self, request):
        self.requests.append((request.method, request.path))
        if self.refusals:
            self.refusals -= 1
            return web.Response(status=self.status, headers={"Retry-After": self.seconds} if self.seconds else {})
        path = "/" + request.match_info["path"]
        if request.method == "POST":
            return refuse(409, "files.exists")
        if request.match_info["what"] == "content":
            if self.busy_content:
                self.busy_content -= 1
                return web.Response(status=503, headers={"Retry-After": "0"})
            return web.Response(body=CONTENT)
        if path not in {"/f", "/d", "/"}:
            return refuse(404, "files.not-found")
        return web.json_response(entry(path, "file" if path == "/f" else "folder"))


@pytest.fixture
async def serve():
    """Return a function that starts a server and returns a client of it."""
    running = []

    async def start(server):
        app = web.Application()
        app.router.add_route("*", BASE + "/{what}/{path:.*}", server.answer)
        test_server = TestServer(app)
        await test_server.start_server()
        client = await Client(Target(str(test_server.make_url("")).rstrip("/"))).__aenter__()
        running.extend([client.__aexit__, test_server])
        return client

    yield start
    for leave, server in zip(running[::2], running[1::2], strict=True):
        await leave(None, None, None)
        await server.close()


@pytest.mark.parametrize("status", [503, 429])
async def test_a_question_is_asked_again_when_the_server_says_when(serve, status):
    server = Server(1, status)
    client = await serve(server)
    assert (await client.ask("GET", "/spaces/personal/entries/f", Entry)).name == "f"
    assert len(server.requests) == 2


@pytest.mark.parametrize("seconds", ["", "3600"])
async def test_a_question_is_not_asked_again_when_waiting_would_not_help(serve, seconds):
    server = Server(1, 429, seconds)
    client = await serve(server)
    with pytest.raises(Exhausted):
        await client.ask("GET", "/spaces/personal/entries/f", Entry)
    assert len(server.requests) == 1


async def test_get_goes_on_after_a_busy_answer(serve, tmp_path):
    server = Server(0)
    server.busy_content = 1
    client = await serve(server)
    download = Download(client, "personal")
    await download.run(["/f"], tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert server.requests.count(("GET", f"{BASE}/content/f")) == 2
    assert not download.progress.failures


async def test_a_file_does_not_become_a_folder_that_is_missing(serve, tmp_path):
    client = await serve(Server(0))
    with pytest.raises(Conflict):
        await Download(client, "personal").run(["/f"], f"{tmp_path}/missing/")
    (tmp_path / "f").write_bytes(CONTENT)
    with pytest.raises(Conflict):
        await Upload(client, "personal", tmp_path / "notes").run([tmp_path / "f"], "/missing/")
    assert not (tmp_path / "missing").exists()
