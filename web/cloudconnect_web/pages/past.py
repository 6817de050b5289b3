"""What was, as people see it: undoing, versions of a file, the trash, and sessions that were stopped."""

import re
from collections.abc import Iterable

from aiohttp import web

from cloudconnect.features.files import Brake, Deeds, Seqs, UndoToken
from cloudconnect.kernel.errors import CloudConnectError, Conflict, Denied
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.text import N_, Text
from cloudconnect_web.i18n import say, say_bytes
from cloudconnect_web.keys import APPLIANCE, LANGUAGE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import (
    Notice,
    Page,
    base_url,
    file_url,
    read_form,
    redirect,
    render,
    safe_target,
    space_of,
)

_ROWS = 100
_SPACES_AT_ONCE = 10
_TOKEN = re.compile(r"(spc_[0-9A-Za-z]+)\.([0-9,-]+)")


def merge_undo(tokens: Iterable[str]) -> str:
    """Return what undoes all of *tokens*: a token for each space, in their order; empty if one is no token.

    Neighbours become one range, so that of hundreds of changes it is still short enough for a cookie.
    """
    found = [_TOKEN.fullmatch(token) for token in tokens if token]
    spaces: dict[str, list[tuple[int, int]]] = {}
    for each in found:
        if each is None:
            return ""
        parts = (part.split("-") for part in each[2].split(","))
        spaces.setdefault(each[1], []).extend((int(part[0]), int(part[-1])) for part in parts)
    return " ".join(str(UndoToken(SpaceId(space), Seqs(seqs))) for space, seqs in spaces.items())


async def find_stopped(request: web.Request) -> list[Brake]:
    """Return the sessions that are stopped from changing the space that *request* is about, last first."""
    page = await request.app[APPLIANCE].brake.find_brakes(request[PRINCIPAL], space_of(request), 20, None)
    return [each for each in page.items if each.lifted is None]


async def undo(request: web.Request) -> web.StreamResponse:
    """Take back what was done last, in each space that it was done in."""
    form = await read_form(request)
    history, principal = request.app[APPLIANCE].history, request[PRINCIPAL]
    undone: list[str] = []
    told = _say(request, N_("Undone."))
    try:
        for token in form.get("undo", "").split(" ")[:_SPACES_AT_ONCE]:
            # The token says which space the change was made in.
            reverted = await history.undo(principal, token.partition(".")[0], token=token)
            undone.append(str(reverted.undo or ""))
    except Conflict as refusal:
        told = _detail(request, refusal)
    return redirect(request, safe_target(form.get("next", "/files/")), Notice(told, merge_undo(undone)))


async def show_versions(request: web.Request) -> web.StreamResponse:
    """List the versions of a file."""
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    path = "/" + request.match_info["path"].strip("/")
    entry = await appliance.files.get_entry(principal, space_of(request), path)
    page = await appliance.versions.find_versions(
        principal, space_of(request), path, _ROWS, request.query.get("cursor") or None
    )
    return render(request, "versions.html", entry=entry, versions=page.items, next_cursor=page.next_cursor)


async def change_version(request: web.Request) -> web.StreamResponse:
    """Bring an earlier version back, keep one for good, or let it age again."""
    form = await read_form(request)
    versions, principal = request.app[APPLIANCE].versions, request[PRINCIPAL]
    path, seq = "/" + request.match_info["path"].strip("/"), _number(form.get("version", ""))
    if form.get("act") == "restore":
        change = await versions.restore_version(principal, space_of(request), path, seq)
        text = _say(request, N_("“{name}” is what it was then."), name=change.entry.name)
        return redirect(request, file_url(request, path), Notice(text, change.undo))
    note = "" if form.get("act") == "pin" else None
    changed = await versions.pin_version(principal, space_of(request), path, seq, note)
    words = N_("This version is kept for good.") if note is not None else N_("This version ages like the others.")
    return redirect(request, f"{base_url(request)}/versions{path}", Notice(_say(request, words), changed.undo))


async def empty_trash(request: web.Request) -> web.StreamResponse:
    """Give up one thing in the trash, or all of them."""
    form = await read_form(request)
    purging, principal = request.app[APPLIANCE].purging, request[PRINCIPAL]
    if form.get("node"):
        await purging.purge(principal, space_of(request), form["node"])
        text = _say(request, N_("It is gone for good."))
    else:
        total = await purging.empty(principal, space_of(request))
        words = N_("{count} are gone for good, {size}.")
        text = _say(request, words, count=total.count, size=say_bytes(total.bytes, request[LANGUAGE]))
    return redirect(request, f"{base_url(request)}/trash", Notice(text))


async def change_brake(request: web.Request) -> web.StreamResponse:
    """Let a session that was stopped go on, or take back all that it did."""
    form = await read_form(request)
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    try:
        if form.get("act") == "rollback":
            done = Deeds(frozenset({form.get("session", "")}), None, None, None, "/")
            reverted = await appliance.history.rollback(principal, space_of(request), done, skip=True)
            words = N_("What it did is taken back; {hindered} could not be.")
            text = _say(request, words, hindered=reverted.hindered)
            notice = Notice(text, str(reverted.undo or ""))
        else:
            await appliance.brake.lift(principal, space_of(request), form.get("brake", ""))
            notice = Notice(_say(request, N_("It may write again.")))
    except (Conflict, Denied) as refusal:
        notice = Notice(_detail(request, refusal))
    return redirect(request, file_url(request, "/"), notice)


def _say(request: web.Request, words: Text | str, **facts: str | int) -> str:
    return say(Text(words, facts) if facts and isinstance(words, str) else words, request[LANGUAGE])


def _detail(request: web.Request, refusal: CloudConnectError) -> str:
    parts = [refusal.detail, *([refusal.fix] if refusal.fix is not None else [])]
    return " ".join(say(part, request[LANGUAGE]) for part in parts)


def _number(text: str) -> int:
    return int(text) if text.isdigit() and len(text) < 19 else 0  # noqa: PLR2004 - no seq has as many digits


PAGES = [
    Page(method="POST", path="/undo", guard=Guard.WRITE, handler=undo),
    Page(method="GET", path="/versions/{path:[\\s\\S]*}", guard=Guard.READ, handler=show_versions, in_space=True),
    Page(method="POST", path="/versions/{path:[\\s\\S]*}", guard=Guard.WRITE, handler=change_version, in_space=True),
    Page(method="POST", path="/trash/empty", guard=Guard.WRITE, handler=empty_trash, in_space=True),
    Page(method="POST", path="/brake", guard=Guard.WRITE, handler=change_brake, in_space=True),
]
