"""A refusal leaves no circle of frames behind, which would lie in memory until the collector of garbage looks."""

import gc
import types

import pytest

REFUSED = {
    "a folder whose parent is not there": ("MKCOL", "/dav/personal/a/b/c", {}, 409),
    "a removal of nothing": ("DELETE", "/dav/personal/none", {}, 404),
    "a move of nothing": ("MOVE", "/dav/personal/none", {"headers": {"Destination": "/dav/personal/b"}}, 404),
    "a put over what is there": ("PUT", "/dav/personal/there", {"data": b"x", "headers": {"If-None-Match": "*"}}, 412),
    "a put over REST": ("PUT", "/api/v1/spaces/personal/content/there", {"data": b"x"}, 428),
    "an undo of nothing": ("POST", "/api/v1/spaces/personal/undo", {"json": {"token": "spc_x.1-1"}}, 422),
    "a look at nothing": ("PROPFIND", "/dav/personal/none", {"headers": {"Depth": "0"}}, 404),
    "an address that leads nowhere": ("GET", "/api/v1/none", {}, 404),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_refusal_leaves_no_frames_to_the_collector(site, case):
    method, path, options, status = REFUSED[case]
    await site.put("/there", b"x")

    async def ask():
        async with site.ask(method, path, **options) as answer:
            await answer.read()
            return answer.status

    assert await ask() == status
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(5):
            await ask()
        gc.collect()
        left = [each.f_code.co_qualname for each in gc.garbage if isinstance(each, types.FrameType)]
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert left == []
