"""The methods that change the tree: PUT, MKCOL, DELETE, COPY and MOVE."""

from aiohttp import web

from cloudconnect.features.files import Crossing
from cloudconnect.features.files.errors import Exists
from cloudconnect.kernel.errors import Denied
from cloudconnect.kernel.text import N_
from cloudconnect_web import content
from cloudconnect_web.conditions import quote
from cloudconnect_web.dav.address import Target, find_destination
from cloudconnect_web.dav.answers import BadBody, refuse
from cloudconnect_web.dav.asking import Ask
from cloudconnect_web.dav.clutter import check_destination
from cloudconnect_web.dav.headers import Depth, parse_depth, parse_modified, parse_overwrite, verified
from cloudconnect_web.problems import BadRequest
from cloudconnect_web.undoing import undo_fields
from cloudconnect_web.watch import Watch


class OntoItself(Denied):
    """A copy or move whose destination is its source."""

    code = "web.dav-onto-itself"
    title = N_("Source and destination are the same")


async def put(ask: Ask) -> web.StreamResponse:
    """Store the body as a file: a new one, or another version of the one that is there."""
    request = ask.request
    if "Content-Range" in request.headers:
        raise BadRequest(N_("A part of a file cannot be put."), fix=N_("Send the whole file."))
    if request.path.endswith("/"):
        raise BadRequest(N_("An address with a slash at its end names a folder."), fix=N_("Leave it out."))
    modified_ns = parse_modified(request)
    stored = await ask.appliance.files.put_file(
        ask.principal,
        ask.space,
        ask.target.path,
        verified(request, content.receive(request)),
        modified_ns=modified_ns,
        media_type=request.headers.get("Content-Type"),
        condition=ask.condition,
        expected_bytes=request.content_length,
    )
    headers = {"ETag": quote(stored.entry.etag), "OC-ETag": quote(stored.entry.etag), "OC-FileId": stored.entry.node}
    if modified_ns is not None:
        headers["X-OC-MTime"] = "accepted"
    return web.Response(status=201 if stored.created else 204, headers=headers | undo_fields(stored.undo))


async def mkcol(ask: Ask) -> web.StreamResponse:
    """Make a folder.

    Raises:
        BadBody: a body says more of it, which is not understood here.
    """
    if ask.request.can_read_body:
        raise BadBody(N_("MKCOL takes no body."), fix=N_("Leave the body out."))
    try:
        made = await ask.appliance.files.add_folder(ask.principal, ask.space, ask.target.path)
    except Exists as refusal:
        return refuse(ask.request, refusal, 405)
    return web.Response(status=201, headers={"OC-FileId": made.entry.node} | undo_fields(made.undo))


async def delete(ask: Ask) -> web.StreamResponse:
    """Put a file or folder into the trash."""
    parse_depth(ask.request, Depth.ALL, Depth.ALL)
    change = await ask.appliance.files.trash(ask.principal, ask.space, ask.target.path, ask.condition)
    return web.Response(status=204, headers=undo_fields(change.undo))


async def move(ask: Ask) -> web.StreamResponse:
    """Move or rename, however much lies below; into another space too."""
    parse_depth(ask.request, Depth.ALL, Depth.ALL)
    return await _cross(ask, is_move=True, is_shallow=False)


async def copy(ask: Ask) -> web.StreamResponse:
    """Copy by reference, or into another space; with Depth 0 a folder without what is in it."""
    depth = parse_depth(ask.request, Depth.ALL, Depth.ALL, Depth.ITSELF)
    return await _cross(ask, is_move=False, is_shallow=depth is Depth.ITSELF)


async def _cross(ask: Ask, *, is_move: bool, is_shallow: bool) -> web.Response:
    space, (into, target) = ask.space, await _destination(ask)
    crossing = Crossing(
        space=space,
        path=ask.target.path,
        into=into,
        target=target.path,
        is_move=is_move,
        replace=parse_overwrite(ask.request),
        is_shallow=is_shallow,
        condition=ask.condition,
    )
    is_there = (await ask.appliance.details.look(ask.principal, into, target.path)).detail is not None
    try:
        with Watch(ask.request, may_stand=True) as watch:
            crossed = await ask.appliance.crossing.cross(ask.principal, crossing, watch.check_connected)
    except Exists as refusal:
        return refuse(ask.request, refusal, 412)
    headers = {"ETag": quote(crossed.entry.etag), "OC-FileId": crossed.entry.node}
    return web.Response(
        status=204 if is_there else 201, headers=headers | undo_fields(crossed.undo, crossed.source_undo)
    )


async def _destination(ask: Ask) -> tuple[str, Target]:
    """Return the space and the place that the request names as its destination."""
    target = await find_destination(ask.request)
    if target.space is None:
        raise LookupError("a destination in no space")
    check_destination(ask, target.path)
    if (target.space, target.path) == (ask.space, ask.target.path):
        raise OntoItself(fix=N_("Choose another destination."))
    return target.space, target
