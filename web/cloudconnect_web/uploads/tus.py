"""tus 1.0: resumable uploads as many browsers and programs speak them (https://tus.io/protocols/resumable-upload).

Offered are creation, creation-with-upload, creation-defer-length, expiration, checksum, termination and concatenation.
``Upload-State``, beyond the protocol, tells how far an upload is whose bytes are all here.
"""

import base64
import binascii
import functools
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from aiohttp import web

from cloudconnect.features.files import LONGEST_BYTES, PERSONAL, Put, Upload, UploadKind, UploadPlan
from cloudconnect.kernel.errors import CloudConnectError, Invalid, PreconditionFailed, Unsupported
from cloudconnect.kernel.text import N_
from cloudconnect_web.conditions import quote
from cloudconnect_web.operations import PREFIX, Call, Guard, Operation
from cloudconnect_web.problems import refuse, status_of
from cloudconnect_web.undoing import undo_fields
from cloudconnect_web.uploads import fields

VERSION: Final = "1.0.0"

_EXTENSIONS: Final = "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation"
_ALGORITHMS: Final = ("sha256", "sha1", "md5")
_BODY: Final = "application/offset+octet-stream"
_PATH: Final = "/tus/"
_STATUS: Final = {
    "files.upload-busy": 423,
    "files.upload-done": 403,
    "tus.checksum-mismatch": 460,
    "tus.media-type": 415,
}

Handler = Callable[..., Awaitable[web.Response]]


class OtherVersion(PreconditionFailed):
    """The request does not say that it speaks this version of tus."""

    code = "tus.other-version"
    title = N_("This version of tus is not spoken here")


class ChecksumMismatch(Invalid):
    """What arrived is not what was sent; none of it counts."""

    code = "tus.checksum-mismatch"
    title = N_("The bytes changed on their way")


class WrongMediaType(Unsupported):
    """The body is not declared as tus declares it."""

    code = "tus.media-type"
    title = N_("This type of body is not understood")


def _spoken(handler: Handler) -> Handler:
    """Have *handler* answer as tus wants it, whether it accepts or refuses."""

    @functools.wraps(handler)
    async def answer(call: Call, **arguments: str) -> web.Response:
        try:
            if call.request.headers.get("Tus-Resumable") != VERSION:
                raise OtherVersion(fix=N_("Send Tus-Resumable: 1.0.0."))
            response = await handler(call, **arguments)
        except CloudConnectError as refusal:
            response = refuse(call.request, refusal, _STATUS.get(refusal.code, status_of(refusal)))
            response.headers["Tus-Version"] = VERSION
        response.headers["Tus-Resumable"] = VERSION
        return response

    return answer


async def tus_options(call: Call) -> web.Response:
    """Tell what of tus is spoken here."""
    del call
    return web.Response(
        status=204,
        headers={
            "Tus-Resumable": VERSION,
            "Tus-Version": VERSION,
            "Tus-Extension": _EXTENSIONS,
            "Tus-Max-Size": str(LONGEST_BYTES),
            "Tus-Checksum-Algorithm": ",".join(_ALGORITHMS),
        },
    )


@_spoken
async def tus_create(call: Call) -> web.Response:
    """Begin an upload, or join parts that were uploaded.

    Upload-Metadata says where it goes: ``space`` (else one's own), ``path``, or ``folder`` and ``filename``; and
    ``modified``, ``filetype``, ``parents`` and ``if_match``.
    """
    concat = fields.find_field(call.request, "Upload-Concat") or ""
    if concat.startswith("final;"):
        return await _join(call, concat)
    if concat not in {"", "partial"}:
        raise fields.bad_field("Upload-Concat", "partial, or final; with addresses")
    length = fields.find_integer(call.request, "Upload-Length")
    if (length is None) != (fields.find_field(call.request, "Upload-Defer-Length") == "1"):
        raise fields.bad_field("Upload-Length", "either this, or Upload-Defer-Length: 1")
    kind = UploadKind.PART if concat else UploadKind.WHOLE
    space, plan = _plan(call, kind)
    has_body = call.request.can_read_body
    if has_body:
        _check_media_type(call)
    upload = await call.appliance.uploads.begin(call.principal, space, plan, length=length, kind=kind)
    if has_body:
        upload = await _append(call, upload, 0, None)
    put = await _complete(call, upload)
    return _respond(call, upload, put, 201, {"Location": address(upload)})


@_spoken
async def tus_head(call: Call, upload: str) -> web.Response:
    """Tell how far an upload has come; a request that still brings bytes is ended first."""
    found = await call.appliance.uploads.halt(call.principal, upload)
    headers = {"Upload-Metadata": found.plan.metadata} if found.plan.metadata else {}
    if found.kind is UploadKind.PART:
        headers["Upload-Concat"] = "partial"
    if found.kind is UploadKind.JOINED:
        headers["Upload-Concat"] = "final;" + " ".join(f"{PREFIX}{_PATH}{part}" for part in found.parts)
    if found.length is None:
        headers["Upload-Defer-Length"] = "1"
    else:
        headers["Upload-Length"] = str(found.length)
    return _respond(call, found, None, 200, headers)


@_spoken
async def tus_append(call: Call, upload: str) -> web.Response:
    """Append the body to an upload; the last byte makes it a file."""
    return await _patch(call, upload)


@_spoken
async def tus_remove(call: Call, upload: str) -> web.Response:
    """Forget an upload."""
    await call.appliance.uploads.remove(call.principal, upload)
    return web.Response(status=204)


@_spoken
async def tus_override(call: Call, upload: str) -> web.Response:
    """Do what X-HTTP-Method-Override says, for where PATCH and DELETE cannot be sent."""
    method = fields.find_field(call.request, "X-HTTP-Method-Override")
    if method == "PATCH":
        return await _patch(call, upload)
    if method != "DELETE":
        raise fields.bad_field("X-HTTP-Method-Override", "PATCH or DELETE")
    await call.appliance.uploads.remove(call.principal, upload)
    return web.Response(status=204)


def address(upload: Upload) -> str:
    """Return the path at which *upload* goes on."""
    return f"{PREFIX}{_PATH}{upload.id}"


async def _patch(call: Call, upload: str) -> web.Response:
    _check_media_type(call)
    offset = fields.find_integer(call.request, "Upload-Offset")
    if offset is None:
        raise fields.bad_field("Upload-Offset", "missing")
    length = fields.find_integer(call.request, "Upload-Length")
    found = await call.appliance.uploads.get(call.principal, upload)
    if not (found.is_done and found.kind is UploadKind.WHOLE and offset == found.received):
        found = await _append(call, found, offset, length)
    put = await _complete(call, found)
    return _respond(call, found, put, 204, {})


async def _append(call: Call, upload: Upload, offset: int, length: int | None) -> Upload:
    stream, verify = fields.receive(call.request), None
    checksum = fields.find_field(call.request, "Upload-Checksum")
    if checksum is not None:
        stream, verify = _verified(stream, checksum)
    return await call.appliance.uploads.append(
        call.principal,
        upload.id,
        offset,
        stream,
        length=length,
        interrupt=lambda: fields.cut(call.request),
        verify=verify,
    )


def _verified(stream: AsyncIterator[bytes], checksum: str) -> tuple[AsyncIterator[bytes], Callable[[], None]]:
    """Return *stream*, and what refuses it once it is over if its hash is not the one that *checksum* says."""
    algorithm, _, text = checksum.partition(" ")
    if algorithm not in _ALGORITHMS:
        raise fields.bad_field("Upload-Checksum", f"one of {', '.join(_ALGORITHMS)} is understood")
    try:
        expected = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise fields.bad_field("Upload-Checksum", "not base 64") from error
    state = hashlib.new(algorithm, usedforsecurity=False)

    async def seen() -> AsyncIterator[bytes]:
        async for piece in stream:
            state.update(piece)
            yield piece

    def verify() -> None:
        if state.digest() != expected:
            raise ChecksumMismatch(fix=N_("Send them again."))

    return seen(), verify


async def _complete(call: Call, upload: Upload) -> Put | None:
    if upload.kind is UploadKind.PART or not upload.is_received:
        return None
    return await fields.complete(call, upload)


async def _join(call: Call, concat: str) -> web.Response:
    if "Upload-Length" in call.request.headers:
        raise fields.bad_field("Upload-Length", "the parts say how long the whole is")
    space, plan = _plan(call, UploadKind.JOINED)
    parts = [each.rpartition("/")[2] for each in concat.removeprefix("final;").split()]
    upload = await call.appliance.uploads.join(call.principal, space, plan, parts)
    put = await _complete(call, upload)
    return _respond(call, upload, put, 201, {"Location": address(upload)})


def _plan(call: Call, kind: UploadKind) -> tuple[str, UploadPlan]:
    """Return the space and the plan that the metadata tell."""
    text = fields.find_field(call.request, "Upload-Metadata") or ""
    said = fields.parse_metadata(text)
    path = said.get("path")
    if path is None:
        path = "/".join(part for part in (said.get("folder", ""), said.get("filename", said.get("name", ""))) if part)
    if not path and kind is not UploadKind.PART:
        raise fields.bad_field("Upload-Metadata", "path or filename is missing")
    plan = UploadPlan(
        path=path,
        modified_ns=fields.parse_modified(said.get("modified"), "/header/Upload-Metadata"),
        media_type=said.get("filetype", said.get("media_type")),
        condition=fields.find_condition(call.request, said.get("if_match")),
        parents=said.get("parents") == "true",
        metadata=text,
    )
    return fields.parse_space(said.get("space", PERSONAL)), plan


def _check_media_type(call: Call) -> None:
    if call.request.content_type != _BODY:
        raise WrongMediaType(fix=N_("Send Content-Type: application/offset+octet-stream."))


def _respond(call: Call, upload: Upload, put: Put | None, status: int, headers: dict[str, str]) -> web.Response:
    """Return the answer that tells how far *upload* is, and what became of it."""
    is_done = put is not None or upload.is_done
    told = {
        "Upload-Offset": str(upload.received),
        "Upload-Expires": fields.expires(upload),
        "Upload-State": "complete" if is_done else fields.state_of(call, upload),
        "Cache-Control": "no-store",
    }
    if put is not None:
        told |= {"ETag": quote(put.entry.etag)} | undo_fields(put.undo)
    return web.Response(status=status, headers=told | headers)


OPERATIONS = [
    Operation(method="OPTIONS", path=_PATH, guard=Guard.OPEN, handler=tus_options),
    Operation(method="POST", path=_PATH, guard=Guard.WRITE, handler=tus_create, status=201),
    Operation(method="HEAD", path=_PATH + "{upload}", guard=Guard.WRITE, handler=tus_head),
    Operation(method="PATCH", path=_PATH + "{upload}", guard=Guard.WRITE, handler=tus_append),
    Operation(method="DELETE", path=_PATH + "{upload}", guard=Guard.WRITE, handler=tus_remove),
    Operation(method="POST", path=_PATH + "{upload}", guard=Guard.WRITE, handler=tus_override),
]
