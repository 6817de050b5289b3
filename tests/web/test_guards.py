"""Every route asks who is there."""

import re

import msgspec
import pytest
from aiohttp import web

from cloudconnect_web.operations import Guard
from cloudconnect_web.pages import PAGES
from cloudconnect_web.server import OPERATIONS, UnguardedRoute, check_guards

SAMPLES = {
    "upload": "upl_x",
    "space": "personal",
    "path": "a.txt",
    "user": "admin",
    "token": "x",
    "session": "x",
    "node": "nod_x",
    "operation": "opn_x",
    "slot": "5f0c11d2",
    "lock": "x",
    "brake": "x",
    "fact": "1-x",
    "place": "away",
    "name": "archive",
}
BODIES = {"source": "/a", "target": "/b", "path": "/a", "at": "1h", "name": "x", "version": 1, "changes": 20} | {
    "paths": ["/a"],
    "modified": "2026-01-01T00:00:00Z",
    "kind": "text",
    "where": "a",
    "action": "trash",
    "into": "personal",
}
"""What a body must have, wherever it has it."""
GUARDED = [each for each in OPERATIONS if each.guard is not Guard.OPEN]


def address(operation):
    path = re.sub(r"{(\w+)(:[^}]*)?}", lambda found: SAMPLES[found[1]], operation.path)
    return f"/api/v1{path}"


@pytest.mark.parametrize(
    "credential", ["", "nonsense", "ccs_lo_" + "A" * 43 + "_000000"], ids=["none", "nonsense", "mistyped"]
)
async def test_nobody_gets_nowhere(site, credential):
    for operation in GUARDED:
        async with site.ask(operation.method, address(operation), token=credential) as answer:
            assert answer.status == 401, operation.name
            assert answer.headers["WWW-Authenticate"].startswith("Bearer"), operation.name


async def test_a_token_reaches_what_its_scopes_say(site):
    for operation in GUARDED:
        if operation.guard in {Guard.READ, Guard.SIGNED_IN}:
            continue
        async with site.ask(operation.method, address(operation), token=site.reader) as answer:
            assert answer.status == 403, operation.name


async def test_a_member_is_no_administrator(site):
    for operation in GUARDED:
        if operation.guard is Guard.ADMIN:
            async with site.ask(operation.method, address(operation), token=site.member) as answer:
                assert answer.status == 403, operation.name


async def test_somebody_elses_space_is_not_there(site):
    async with site.ask("GET", "/api/v1/spaces/personal") as answer:
        space = (await answer.json())["id"]
    for operation in GUARDED:
        if "{space}" not in operation.path or operation.guard is Guard.ADMIN:
            continue
        path = address(operation).replace("personal", space)
        options = {"headers": {"If-Match": "*"}}
        if operation.signature.body is not None:
            fields = msgspec.structs.fields(operation.signature.body)
            options["json"] = {field.name: BODIES[field.name] for field in fields if field.required}
            if "dry_run" in operation.signature.body.__struct_fields__:
                options["json"]["dry_run"] = True
        async with site.ask(operation.method, path, token=site.member, **options) as answer:
            assert answer.status == 404, operation.name


async def test_pages_send_strangers_to_the_door(site):
    for page in PAGES:
        if page.guard is Guard.OPEN or page.method != "GET":
            continue
        for name, route in page.routes.items():
            path = re.sub(r"{[^}]*\]\*}", "", route).replace("{space}", "personal").replace("{operation}", "opn_1")
            async with site.ask("GET", path, token="") as answer:
                assert (answer.status, answer.headers["Location"].partition("?")[0]) == (303, "/sign-in"), name


def test_an_unguarded_route_keeps_the_daemon_from_starting():
    async def forgotten(request):
        return web.Response()

    app = web.Application()
    app.router.add_get("/open", forgotten, name="forgotten")
    with pytest.raises(UnguardedRoute, match="/open"):
        check_guards(app, {})
