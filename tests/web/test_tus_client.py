"""The official JavaScript client of tus works against it as it is."""

import asyncio
import hashlib
import json
import os
import shutil
from pathlib import Path

import pytest

from tests.conftest import missing

pytestmark = pytest.mark.slow

CLIENT = Path(__file__).with_name("tus_client.mjs")
DATA = os.urandom(3_000_000)


@pytest.fixture
def send(site, tmp_path):
    """Return a function that uploads DATA with the client and returns what that saw."""
    node = shutil.which("node")
    if node is None or not (CLIENT.parents[2] / "web/node_modules/tus-js-client").is_dir():
        missing("node, and web/node_modules with: make types")
    file = tmp_path / "file"
    file.write_bytes(DATA)
    told = {
        "endpoint": f"{site.url}/api/v1/tus/",
        "token": site.admin,
        "file": str(file),
        "store": str(tmp_path / "uploads.json"),
        "chunkSize": 700_000,
        "parallelUploads": 1,
        "metadata": {"filename": "näme.bin", "folder": "/", "filetype": "image/png"},
    }

    async def run(**options):
        process = await asyncio.create_subprocess_exec(
            node, CLIENT, json.dumps(told | options), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 0, err.decode()
        return json.loads(out)

    return run


async def check(site):
    async with site.ask("GET", "/api/v1/spaces/personal/entries/n%C3%A4me.bin") as answer:
        entry = await answer.json()
    assert (entry["sha256"], entry["media_type"]) == (hashlib.sha256(DATA).hexdigest(), "image/png")


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({}, id="in pieces"),
        pytest.param({"chunkSize": 10_000_000}, id="in one piece"),
        pytest.param({"uploadDataDuringCreation": True}, id="beginning with bytes"),
        pytest.param({"overridePatchMethod": True}, id="without PATCH"),
        pytest.param({"parallelUploads": 3, "chunkSize": 400_000}, id="side by side"),
    ],
)
async def test_a_file_arrives_whole(site, send, options):
    seen = await send(**options)

    assert seen["state"] == "complete"
    await check(site)


async def test_an_upload_that_was_stopped_goes_on_where_it_was(site, send):
    stopped = await send(stopAfter=1_400_000)
    assert stopped["state"] == "open"

    seen = await send()

    assert seen["first"] >= stopped["accepted"]
    assert (seen["url"], seen["state"]) == (stopped["url"], "complete")
    await check(site)
