"""A client that fetches from a server it cannot trust."""

import hashlib

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from cloudconnect.client import Client, Target
from cloudconnect.client.download import Download

CONTENT = b"gotcha"


def entry(path, kind="file"):
    found = {"id": "nod_1", "name": path.rpartition("/")[2], "path": path, "kind": kind, "etag": "e"}
    found["modified"] = "2026-01-01T00:00:00.000000000Z"
    if kind == "file":
        found |= {"size": len(CONTENT), "sha256": hashlib.sha256(CONTENT).hexdigest(), "version": 1}
    return found


@pytest.mark.parametrize("path", ["/d/../../escaped", "/d/./x", "/d//x", "/d/a\\b", "/d/..", "/d/a\0b"])
async def test_a_hostile_name_never_leaves_the_target(tmp_path, path):
    async def tell(request):
        return web.json_response(entry("/d", "folder"))

    async def list_tree(request):
        return web.json_response({"data": [entry(path), entry("/d/good")], "next_cursor": None, "has_more": False})

    async def send(request):
        return web.Response(body=CONTENT)

    app = web.Application()
    base = "/api/v1/spaces/personal"
    app.router.add_get(base + "/entries/{path:.*}", tell)
    app.router.add_get(base + "/tree/{path:.*}", list_tree)
    app.router.add_get(base + "/content/{path:.*}", send)
    target = tmp_path / "inner" / "target"
    target.mkdir(parents=True)
    async with TestServer(app) as server, Client(Target(str(server.make_url("")).rstrip("/"))) as client:
        download = Download(client, "personal")
        await download.run(["/d"], target)
    found = sorted(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*") if each.is_file())
    assert found == ["inner/target/d/good"]
    assert [each.code for each in download.progress.failures] == ["client.unsafe-name"]
