"""Resumable uploads as the IETF drafts them (draft-ietf-httpbis-resumable-upload, interoperability version 8).

A POST with ``Upload-Complete`` begins an upload; where the connection allows, an interim response 104 tells its address
before the first byte is taken. ``Upload-State``, beyond the draft, tells how far an upload is whose bytes are all here.
"""

import functools
import re
from collections.abc import Awaitable, Callable
from typing import Annotated, Final

import msgspec
from aiohttp import HttpVersion11, web

from cloudconnect.features.files import LONGEST_BYTES, Put, Upload, UploadPlan
from cloudconnect.kernel.errors import CloudConnectError, Unsupported
from cloudconnect.kernel.text import N_
from cloudconnect.wire import files as wire
from cloudconnect.wire.shape import PageAnswer, Problem
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.conditions import quote
from cloudconnect_web.operations import PREFIX, Call, Guard, Operation
from cloudconnect_web.problems import refuse, status_of
from cloudconnect_web.uploads import fields

INTEROP_VERSION: Final = "8"

_BODY: Final = "application/partial-upload"
_PATH: Final = "/uploads"
_STATUS: Final = {"files.wrong-length": 400, "files.upload-done": 400, "uploads.media-type": 415}
_TYPES: Final = {
    "files.wrong-offset": "mismatching-upload-offset",
    "files.wrong-length": "inconsistent-upload-length",
    "files.upload-done": "completed-upload",
}
_TYPE: Final = "https://iana.org/assignments/http-problem-types#"
_BOOLEAN: Final = re.compile(r"\?([01])\s*(?:;.*)?")

Handler = Callable[..., Awaitable[web.Response]]
Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4096, description="Where the file goes.")]
Modified = Annotated[str, msgspec.Meta(max_length=40, description="When it was modified, RFC 3339, nanoseconds kept.")]
Parents = Annotated[bool, msgspec.Meta(description="Make missing folders on the way.")]


class WrongMediaType(Unsupported):
    """The body is not declared as the draft declares it."""

    code = "uploads.media-type"
    title = N_("This type of body is not understood")


class OffsetProblem(Problem, frozen=True, rename={"expected": "expected-offset", "provided": "provided-offset"}):
    """The problem of bytes that belong elsewhere, with where that is."""

    expected: int = 0
    provided: int = 0


def _spoken(handler: Handler) -> Handler:
    """Have *handler* refuse in the words of the draft."""

    @functools.wraps(handler)
    async def answer(call: Call, **arguments: str | bool | None) -> web.Response:
        try:
            response = await handler(call, **arguments)
        except CloudConnectError as refusal:
            response = _refuse(call, refusal)
        response.headers["Upload-Draft-Interop-Version"] = INTEROP_VERSION
        return response

    return answer


async def upload_options(call: Call) -> web.Response:
    """Tell how uploads are bounded here."""
    headers = {"Upload-Limit": _limit(call), "Upload-Draft-Interop-Version": INTEROP_VERSION}
    return web.Response(status=204, headers=headers | {"Accept-Patch": _BODY})


async def find_uploads(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.Upload]:
    """List one's own uploads in progress, oldest first."""
    page = await call.appliance.uploads.find(call.principal, limit, cursor)
    return to_page(page, lambda upload: fields.to_upload(call, upload))


async def get_upload(call: Call, upload: str) -> wire.Upload:
    """Return one of one's own uploads."""
    return fields.to_upload(call, await call.appliance.uploads.get(call.principal, upload))


@_spoken
async def create_upload(
    call: Call, path: Path, space: str = "personal", parents: Parents = False, modified: Modified | None = None
) -> web.Response:
    """Begin an upload with the body, which ``Upload-Complete`` says to be the whole of the file or its beginning."""
    is_complete, length = _announced(call, 0)
    plan = UploadPlan(
        path=path,
        modified_ns=fields.parse_modified(modified, "/query/modified"),
        media_type=call.request.headers.get("Content-Type"),
        condition=fields.find_condition(call.request, None),
        parents=parents,
    )
    upload = await call.appliance.uploads.begin(call.principal, fields.parse_space(space), plan, length=length)
    await _tell_address(call, upload)
    return await _append(call, upload, 0, length, is_complete=is_complete, status=201)


@_spoken
async def head_upload(call: Call, upload: str) -> web.Response:
    """Tell how far an upload has come; a request that still brings bytes is ended first."""
    found = await call.appliance.uploads.halt(call.principal, upload)
    return web.Response(status=204, headers=_told(call, found))


@_spoken
async def append_upload(call: Call, upload: str) -> web.Response:
    """Append the body to an upload; with ``Upload-Complete: ?1`` it becomes a file."""
    if call.request.content_type != _BODY:
        raise WrongMediaType(fix=N_("Send Content-Type: application/partial-upload."))
    offset = fields.find_integer(call.request, "Upload-Offset")
    if offset is None:
        raise fields.bad_field("Upload-Offset", "missing")
    is_complete, length = _announced(call, offset)
    found = await call.appliance.uploads.get(call.principal, upload)
    return await _append(call, found, offset, length, is_complete=is_complete, status=204)


@_spoken
async def cancel_upload(call: Call, upload: str) -> web.Response:
    """Forget an upload."""
    await call.appliance.uploads.remove(call.principal, upload)
    return web.Response(status=204)


async def _append(
    call: Call, upload: Upload, offset: int, length: int | None, *, is_complete: bool, status: int
) -> web.Response:
    upload = await call.appliance.uploads.append(
        call.principal,
        upload.id,
        offset,
        fields.receive(call.request),
        length=length,
        interrupt=lambda: fields.cut(call.request),
    )
    if not is_complete:
        return web.Response(status=status, headers=_told(call, upload) | {"Location": _address(upload)})
    put = await fields.complete(call, upload)
    if put is None:
        return web.Response(status=202, headers=_told(call, upload) | {"Location": _address(upload)})
    return _uploaded(upload, put)


def _announced(call: Call, offset: int) -> tuple[bool, int | None]:
    """Return whether the file ends with this request, and how long it is as far as that is said.

    Raises:
        BadRequest: Upload-Complete is missing or no Boolean, or two fields say different lengths.
    """
    said = _BOOLEAN.fullmatch(fields.find_field(call.request, "Upload-Complete") or "")
    if said is None:
        raise fields.bad_field("Upload-Complete", "say ?1 if the file ends with this request, else ?0")
    is_complete, length = said[1] == "1", fields.find_integer(call.request, "Upload-Length")
    if is_complete and (call.request.content_length is not None or not call.request.can_read_body):
        end = offset + (call.request.content_length or 0)
        if length not in {None, end}:
            raise fields.bad_field("Upload-Length", "not where this request ends")
        length = end
    return is_complete, length


def _told(call: Call, upload: Upload) -> dict[str, str]:
    told = {
        "Upload-Offset": str(upload.received),
        "Upload-Complete": f"?{int(upload.is_done)}",
        "Upload-Limit": _limit(call),
        "Upload-State": fields.state_of(call, upload),
        "Upload-Expires": fields.expires(upload),
        "Cache-Control": "no-store",
    }
    return told if upload.length is None else told | {"Upload-Length": str(upload.length)}


def _uploaded(upload: Upload, put: Put) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(fields.to_uploaded(put)),
        status=201 if put.created else 200,
        content_type="application/json",
        headers={
            "ETag": quote(put.entry.etag),
            "Location": _address(upload),
            "Upload-Complete": "?1",
            "Upload-Offset": str(upload.received),
            "Upload-State": "complete",
        },
    )


def _limit(call: Call) -> str:
    lifetime = round(call.appliance.uploads.limits.lifetime.total_seconds())
    return f"max-size={LONGEST_BYTES}, max-age={lifetime}"


def _address(upload: Upload) -> str:
    return f"{PREFIX}{_PATH}/{upload.id}"


async def _tell_address(call: Call, upload: Upload) -> None:
    """Send the interim response 104, so that a client knows where to go on before anything breaks."""
    request = call.request
    speaks = request.headers.get("Upload-Draft-Interop-Version") == INTEROP_VERSION
    if not speaks or request.version < HttpVersion11 or request.transport is None:
        return
    head = (
        "HTTP/1.1 104 Upload Resumption Supported\r\n"
        f"Location: {_address(upload)}\r\n"
        f"Upload-Draft-Interop-Version: {INTEROP_VERSION}\r\n"
        f"Upload-Limit: {_limit(call)}\r\n\r\n"
    )
    await request.writer.write(head.encode())
    request.writer.output_size = 0


def _refuse(call: Call, refusal: CloudConnectError) -> web.Response:
    """Return the problem of *refusal*, under the type that the draft has for it."""
    response = refuse(call.request, refusal, _STATUS.get(refusal.code, status_of(refusal)))
    name = _TYPES.get(refusal.code)
    if name is None:
        return response
    problem = msgspec.json.decode(response.text or "", type=Problem)
    told = msgspec.structs.asdict(problem) | {"type": _TYPE + name}
    if refusal.code != "files.wrong-offset":
        response.body = msgspec.json.encode(Problem(**told))
        return response
    expected, provided = int(refusal.facts["offset"]), int(refusal.facts["given"])
    response.body = msgspec.json.encode(OffsetProblem(**told, expected=expected, provided=provided))
    response.headers["Upload-Offset"] = str(expected)
    return response


OPERATIONS = [
    Operation(method="OPTIONS", path=_PATH, guard=Guard.OPEN, handler=upload_options),
    Operation(method="GET", path=_PATH, guard=Guard.READ, handler=find_uploads),
    Operation(method="POST", path=_PATH, guard=Guard.WRITE, handler=create_upload, status=201),
    Operation(method="HEAD", path=_PATH + "/{upload}", guard=Guard.WRITE, handler=head_upload),
    Operation(method="GET", path=_PATH + "/{upload}", guard=Guard.READ, handler=get_upload),
    Operation(method="PATCH", path=_PATH + "/{upload}", guard=Guard.WRITE, handler=append_upload),
    Operation(method="DELETE", path=_PATH + "/{upload}", guard=Guard.WRITE, handler=cancel_upload),
]
