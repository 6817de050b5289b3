"""Moving to another folder or another space: the place is picked, and what takes long can be watched."""

from collections.abc import Awaitable, Callable
from urllib.parse import quote, urlencode

from aiohttp import web

from cloudconnect.features.files import CROSSING_KIND, Crossing, Entry, Listing, Space
from cloudconnect.features.operations import Operation, State
from cloudconnect.kernel.errors import Conflict, Denied, NotFound
from cloudconnect.kernel.paging import Page as FoundPage
from cloudconnect.kernel.text import N_
from cloudconnect_web.keys import APPLIANCE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.page import (
    Notice,
    Page,
    crumbs_of,
    parent_of,
    place_url,
    read_all,
    read_form,
    redirect,
    refusal_words,
    render,
    space_of,
    words,
)
from cloudconnect_web.pages.past import merge_undo
from cloudconnect_web.pages.several import do_each, notice_of
from cloudconnect_web.watch import Watch

_ROWS = 500
_SPACES = 100
_OPERATIONS = 100
_ENDED = frozenset({State.DONE, State.CANCELLED})

_Act = Callable[[str], Awaitable[tuple[str, str]]]


async def choose(request: web.Request) -> web.StreamResponse:
    """Let a folder be picked, in this space or another, to move one thing or several to."""
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    paths = request.query.getall("path", ["/"])[:_ROWS]
    space = await appliance.spaces.get_space(principal, space_of(request))
    into = await appliance.spaces.get_space(principal, request.query.get("into", space.id))
    is_crossing = into.id != space.id
    source = await appliance.files.get_entry(principal, space.id, paths[0])
    at_first = "/" if is_crossing else parent_of(source.path)
    folder = await appliance.files.get_entry(principal, into.id, request.query.get("to", at_first))
    page = await _find_folders(request, into, folder)
    spaces = await appliance.spaces.find_spaces(principal, _SPACES, None)
    chosen = [("path", each) for each in paths]
    return render(
        request,
        "move.html",
        source=source,
        source_folder=place_url(request, space, parent_of(source.path)),
        space=into,
        spaces=spaces.items,
        is_crossing=is_crossing,
        is_here=not is_crossing and all(parent_of(each) == folder.path for each in paths),
        paths=paths,
        chosen=urlencode(chosen),
        moving=urlencode(chosen + [("into", into.id)] * is_crossing),
        folder=folder,
        folders=[each for each in page.items if is_crossing or each.path not in paths],
        next_cursor=page.next_cursor,
        crumbs=crumbs_of(folder),
    )


async def move(request: web.Request) -> web.StreamResponse:
    """Move one thing or several to the folder that was picked."""
    form, paths = await read_form(request), await read_all(request, "path")
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    space = await appliance.spaces.get_space(principal, space_of(request))
    into = await appliance.spaces.get_space(principal, form.get("into", space.id))
    folder = form.get("to", "/")
    started: list[str] = []
    act = _within(request, space, folder) if into.id == space.id else _across(request, space, into, folder, started)
    done, failed = await do_each(request, paths, act)
    # What has only begun has no name yet.
    done = [each for each in done if each[0]]
    text = words(request, N_("{count} are here now."), count=len(done))
    if len(done) == 1:
        text = words(request, N_("“{name}” is here now."), name=done[0][0])
    notice = notice_of(text, done, failed)
    if started:
        return redirect(request, f"/moving/{quote(started[0])}", notice if done or failed else None)
    return redirect(request, place_url(request, into, folder), notice)


async def show(request: web.Request) -> web.StreamResponse:
    """Show how far a large move to another space is; once it is there, the folder it went to."""
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    operation = await _find_crossing(request)
    into = await appliance.spaces.get_space(principal, operation.parameters["into"])
    target = operation.parameters["target"]
    name = target.rpartition("/")[2]
    if operation.state is State.DONE:
        undo = merge_undo(str(operation.result[each]) for each in ("source_undo", "undo"))
        notice = Notice(words(request, N_("“{name}” is here now."), name=name), undo)
        return redirect(request, place_url(request, into, parent_of(target)), notice)
    return render(
        request,
        "moving.html",
        operation=operation,
        name=name,
        into=into,
        is_over=operation.state in _ENDED,
        State=State,
    )


async def change(request: web.Request) -> web.StreamResponse:
    """Pause a large move, go on with it, or give it up."""
    operations, principal = request.app[APPLIANCE].operations, request[PRINCIPAL]
    operation = await _find_crossing(request)
    acts = {"pause": operations.pause, "resume": operations.resume, "cancel": operations.cancel}
    act = acts.get((await read_form(request)).get("act", ""), operations.get_operation)
    try:
        await act(principal, operation.id)
    except Conflict as refusal:
        return redirect(request, request.path, Notice(refusal_words(request, refusal)))
    return redirect(request, request.path)


async def find_moving(request: web.Request) -> list[Operation]:
    """Return the large moves and copies to other spaces that the reader began and that have not ended."""
    principal = request[PRINCIPAL]
    try:
        page = await request.app[APPLIANCE].operations.find_operations(principal, _OPERATIONS, None)
    except Denied:
        return []
    own = (each for each in page.items if each.kind == CROSSING_KIND and each.author == principal.id)
    return [each for each in own if each.state not in _ENDED]


async def _find_folders(request: web.Request, space: Space, folder: Entry) -> FoundPage[Entry]:
    cursor = request.query.get("cursor") or None
    return await request.app[APPLIANCE].files.find_children(
        request[PRINCIPAL], space.id, folder.path, limit=_ROWS, cursor=cursor, listing=Listing.FOLDERS
    )


def _within(request: web.Request, space: Space, folder: str) -> _Act:
    files, principal = request.app[APPLIANCE].files, request[PRINCIPAL]

    async def act(path: str) -> tuple[str, str]:
        change = await files.move(principal, space.id, path, _below(folder, path))
        return change.entry.name, change.undo

    return act


def _across(request: web.Request, space: Space, into: Space, folder: str, started: list[str]) -> _Act:
    """Return what moves a path to *folder* of the space *into*; ids of operations that began are put into *started*.

    What takes long and comes after an operation that began is refused by it: one runs at a time.
    """
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]

    async def act(path: str) -> tuple[str, str]:
        target = _below(folder, path)
        crossing = Crossing(space=space.id, path=path, into=into.id, target=target, is_move=True)
        operation = await appliance.crossing_runs.start(principal, crossing)
        if operation is not None:
            started.append(operation)
            return "", ""
        with Watch(request, may_stand=True) as watch:
            crossed = await appliance.crossing.cross(principal, crossing, watch.check_connected)
        # The original comes back before the copy goes.
        return crossed.entry.name, f"{crossed.source_undo} {crossed.undo}"

    return act


async def _find_crossing(request: web.Request) -> Operation:
    """Return the operation that the address names.

    Raises:
        NotFound: there is none, or it moves nothing to another space.
    """
    operation = await request.app[APPLIANCE].operations.get_operation(
        request[PRINCIPAL], request.match_info["operation"]
    )
    if operation.kind != CROSSING_KIND:
        raise NotFound(N_("This is no move to another space."))
    return operation


def _below(folder: str, path: str) -> str:
    return f"{folder.rstrip('/')}/{path.rstrip('/').rpartition('/')[2]}"


PAGES = [
    Page(method="GET", path="/move", guard=Guard.WRITE, handler=choose, in_space=True),
    Page(method="POST", path="/move", guard=Guard.WRITE, handler=move, in_space=True),
    Page(method="GET", path="/moving/{operation}", guard=Guard.READ, handler=show),
    Page(method="POST", path="/moving/{operation}", guard=Guard.WRITE, handler=change),
]
