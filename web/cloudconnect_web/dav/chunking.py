"""Large files in chunks, as clients that are made for Nextcloud send them.

A folder below ``/remote.php/dav/uploads/NAME`` is made, chunks are put into it, and moving the ``.file`` in it to where
the file shall be makes it. Chunks are numbered, or named by their first and last byte as rclone does.
"""

from dataclasses import replace
from typing import Final

from aiohttp import web

from cloudconnect.features.files import PERSONAL, UploadPlan
from cloudconnect.features.files.errors import Exists
from cloudconnect.kernel.errors import CloudConnectError, NotFound
from cloudconnect.kernel.text import N_
from cloudconnect_web import content
from cloudconnect_web.conditions import quote
from cloudconnect_web.dav.address import encode, find_destination
from cloudconnect_web.dav.answers import MULTI_END, MULTI_START, XML, refuse
from cloudconnect_web.dav.asking import take_for
from cloudconnect_web.dav.headers import parse_checksum, parse_modified, parse_overwrite, verified
from cloudconnect_web.keys import APPLIANCE, PRINCIPAL
from cloudconnect_web.problems import BadRequest
from cloudconnect_web.undoing import undo_fields

ROOT: Final = "/remote.php/dav/uploads"
FILE: Final = ".file"


async def handle(request: web.Request) -> web.StreamResponse:
    """Answer one request; what is refused is told in the words of WebDAV."""
    acts = {"MKCOL": _mkcol, "PROPFIND": _propfind, "PUT": _put, "MOVE": _move, "DELETE": _delete}
    try:
        if request.match_info["user"].lower() != request[PRINCIPAL].name:
            raise NotFound(N_("There is nothing here, or nothing that you may see."))
        return await acts[request.method](request, request.match_info["folder"])
    except CloudConnectError as refusal:
        return refuse(request, refusal)


async def _mkcol(request: web.Request, folder: str) -> web.StreamResponse:
    space, path = PERSONAL, ""
    if "Destination" in request.headers:
        target = await find_destination(request)
        space, path = target.space or PERSONAL, target.path
    try:
        await request.app[APPLIANCE].chunking.begin(request[PRINCIPAL], space, folder, path)
    except Exists as refusal:
        return refuse(request, refusal, 405)
    return web.Response(status=201)


async def _put(request: web.Request, folder: str) -> web.StreamResponse:
    stream = verified(request, content.receive(request))
    await request.app[APPLIANCE].chunking.put(
        request[PRINCIPAL], folder, request.match_info["chunk"], stream, request.content_length
    )
    return web.Response(status=201)


async def _move(request: web.Request, folder: str) -> web.StreamResponse:
    if request.match_info["chunk"] != FILE:
        raise BadRequest(N_("Only the whole file can be moved."), fix=N_("Move .file to where it shall be."))
    target, modified_ns = await find_destination(request), parse_modified(request)
    # If-Match would be for .file itself; what the clients mean to replace stands in the If field.
    ask = await take_for(request, target)
    condition = ask.condition if parse_overwrite(request) else replace(ask.condition, if_none_match=frozenset({"*"}))
    checksum = parse_checksum(request)
    said = "" if checksum is None else str(checksum)
    plan = UploadPlan(path=target.path, modified_ns=modified_ns, condition=condition, checksum=said)
    put = await ask.appliance.chunking.finish(ask.principal, folder, ask.space, plan, _total(request))
    headers = {"ETag": quote(put.entry.etag), "OC-ETag": quote(put.entry.etag), "OC-FileId": put.entry.node}
    if modified_ns is not None:
        headers["X-OC-MTime"] = "accepted"
    return web.Response(status=201 if put.created else 204, headers=headers | undo_fields(put.undo))


async def _propfind(request: web.Request, folder: str) -> web.StreamResponse:
    address = request.path.rstrip("/")
    chunks = await request.app[APPLIANCE].chunking.find(request[PRINCIPAL], folder)
    parts = [_shown(f"{address}/", "<d:resourcetype><d:collection/></d:resourcetype>")]
    parts += [
        _shown(f"{address}/{name}", f"<d:resourcetype/><d:getcontentlength>{size}</d:getcontentlength>")
        for name, size in chunks
    ]
    body = MULTI_START + "".join(parts).encode() + MULTI_END
    return web.Response(body=body, status=207, headers={"Content-Type": XML})


async def _delete(request: web.Request, folder: str) -> web.StreamResponse:
    if "chunk" in request.match_info:
        raise BadRequest(N_("A chunk cannot be removed by itself."), fix=N_("Put it again, or remove the folder."))
    await request.app[APPLIANCE].chunking.remove(request[PRINCIPAL], folder)
    return web.Response(status=204)


def _shown(address: str, properties: str) -> str:
    return (
        f"<d:response><d:href>{encode(address)}</d:href><d:propstat><d:prop>{properties}</d:prop>"
        "<d:status>HTTP/1.1 200 OK</d:status></d:propstat></d:response>"
    )


def _total(request: web.Request) -> int | None:
    text = request.headers.get("OC-Total-Length")
    if text is None:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 20:  # noqa: PLR2004 - the digits of 64 bits
        raise BadRequest(N_("OC-Total-Length is no number of bytes."), fix=N_("Send the length of the whole file."))
    return int(text)
