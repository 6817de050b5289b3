"""Cursors that nobody handed out, sent to every list."""

import base64
import itertools
import json
import re

import pytest

ODD = [10**30, -(10**30), 1 << 62, (1 << 63) - 1, -1, 0, "", "\0", "\ud800", "spc_x", "9" * 30]
SHAPES = [(int,), (str,), (int, str), (str, int), (int, int, str), (int, int, int, str)]
PLACES = {"space": "personal", "path": ""}
SOUGHT = {"where": "size > 0", "since": "1h", "until": "now", "from": "1", "to": "2", "q": "a"}


def cursors():
    for shape in SHAPES:
        for number in [value for value in ODD if isinstance(value, int)] if int in shape else [0]:
            for text in [value for value in ODD if isinstance(value, str)] if str in shape else [""]:
                keys = [number if each is int else text for each in shape]
                yield base64.urlsafe_b64encode(json.dumps(keys).encode()).rstrip(b"=").decode()


async def lists(site):
    """Return the address of every list, with the parameters that it must have."""
    async with site.ask("GET", "/api/v1/openapi.json") as answer:
        document = await answer.json()
    for path, methods in document["paths"].items():
        parameters = methods.get("get", {}).get("parameters", [])
        names = {each.get("name") for each in parameters}
        if "cursor" in names and set(re.findall(r"{(\w+)}", path)) <= PLACES.keys():
            needed = {each["name"] for each in parameters if each.get("required") and each.get("in") == "query"}
            place = PLACES | {"path": "a"} if "/versions/" in path else PLACES
            yield path.format(**place), {name: SOUGHT[name] for name in needed if name in SOUGHT}


@pytest.mark.slow
async def test_no_cursor_is_an_internal_error(site):
    await site.put("/a", b"content")
    found = [each async for each in lists(site)]
    assert len(found) > 8
    for path, parameters in found:
        async with site.ask("GET", path, params=parameters) as answer:
            assert answer.status == 200, (path, await answer.text())
    for (path, parameters), cursor in itertools.product(found, cursors()):
        async with site.ask("GET", path, params=parameters | {"cursor": cursor}) as answer:
            assert answer.status < 500, (path, base64.urlsafe_b64decode(cursor + "=="))
