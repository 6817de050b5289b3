"""Sending and taking the bytes of files."""

import base64
import re
import secrets
import struct
import unicodedata
from collections.abc import AsyncIterator, Sequence
from typing import TypeVar
from urllib.parse import quote as percent_encode

import msgspec
from aiohttp import web

from cloudconnect.features.files import Entry, OpenFile, OpenFiles
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.wire.files import BulkFile
from cloudconnect.wire.shape import FieldError
from cloudconnect_web.conditions import NotSatisfiable, Range, http_date, is_unchanged, modified, parse_ranges, quote
from cloudconnect_web.headers import add_headers
from cloudconnect_web.problems import BadRequest, refuse_status
from cloudconnect_web.watch import Watch
from cloudconnect_web.zipping import Zip

PACKED_MAX_BYTES = 16 << 20
"""The most that a body of many small things may have."""

Packed = TypeVar("Packed")

_SANDBOX = "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src 'self' data:; media-src 'self'"
_INLINE = frozenset(
    {
        "image/png",
        "image/jpeg",
        "image/gif",
        "image/webp",
        "image/avif",
        "video/mp4",
        "video/webm",
        "audio/mpeg",
        "text/plain",
    }
)
_AS_FILE = {"Content-Disposition": "attachment", "Content-Security-Policy": _SANDBOX}
_LENGTH = struct.Struct(">I")
_ENCODER = msgspec.msgpack.Encoder()
_UNSAFE_IN_NAMES = re.compile(r'["\\%?\x00-\x1f\x7f]')


async def send(request: web.Request, opened: OpenFile, *, inline: bool) -> web.StreamResponse:
    """Send a file, or the ranges of it that are asked for, or the word that the reader has it already.

    What people store never runs in our origin: it leaves as an attachment, sandboxed, with its type not to be guessed;
    *inline* shows a few harmless types in place (SECURITY G03).
    """
    entry = opened.entry
    size = entry.size or 0
    fields = _fields(entry, inline=inline)
    if is_unchanged(request, entry):
        fields.pop("Content-Type")
        return web.Response(status=304, headers=fields)
    try:
        ranges = parse_ranges(request, entry, size) if request.method == "GET" else []
    except NotSatisfiable:
        return refuse_status(request, 416, {"Content-Range": f"bytes */{size}"})
    if len(ranges) > 1:
        return await _send_parts(request, opened, ranges, fields)
    wanted = ranges[0] if ranges else Range(0, size)
    response = web.StreamResponse(status=206 if ranges else 200, headers=fields)
    response.content_length = wanted.size
    if ranges:
        response.headers["Content-Range"] = f"bytes {wanted.start}-{wanted.stop - 1}/{size}"
    pieces = opened.read(wanted.start, wanted.stop) if wanted.size and request.method == "GET" else None
    return await _stream(request, response, pieces)


async def send_many(request: web.Request, opened: OpenFiles) -> web.StreamResponse:
    """Send many small files as the frames that ``wire.BulkRead`` describes: first what is refused, then what is read.

    What turns out to be damaged is told in its frame; the frames end as they should only when every file was sent.
    """
    response = web.StreamResponse(
        headers={"Content-Type": "application/octet-stream", "Cache-Control": "no-store", **_AS_FILE}
    )

    async def pieces() -> AsyncIterator[bytes]:
        refused = [(place, each) for place, each in enumerate(opened.outcomes) if isinstance(each, CloudConnectError)]
        if refused:
            yield _frame(opened, refused)
        async for portion in opened.read():
            yield _frame(opened, portion)
        yield _LENGTH.pack(0)

    return await _stream(request, response, pieces())


async def send_zip(request: web.Request, archive: Zip) -> web.StreamResponse:
    """Send an archive as it is made; where something cannot be read, it is broken off rather than left short."""
    headers = {"Content-Type": "application/zip", "Cache-Control": "no-store", **_AS_FILE}
    response = web.StreamResponse(headers=headers | {"Content-Disposition": disposition(archive.name)})
    return await _stream(request, response, archive.pieces)


async def receive(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the body of *request* as it comes; a credential that is revoked meanwhile cuts it within two seconds."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0
    if request.content.is_eof():
        yield await request.content.read()
        return
    with Watch(request) as watch:
        async for piece in request.content.iter_any():
            watch.moved()
            yield piece


async def receive_packed(request: web.Request, decoder: "msgspec.msgpack.Decoder[Packed]") -> Packed:
    """Return what the body of *request*, which is MessagePack, holds.

    Raises:
        web.HTTPRequestEntityTooLarge: it is larger than 16 MiB.
        BadRequest: it is no MessagePack, or not of the shape that is expected.
    """
    body = bytearray()
    async for piece in receive(request):
        body += piece
        if len(body) > PACKED_MAX_BYTES:
            raise web.HTTPRequestEntityTooLarge(PACKED_MAX_BYTES, len(body))
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(
            N_("The body is not what is expected here."),
            errors=[FieldError("/", str(error))],
            fix=N_("Send MessagePack of the shape that the documentation shows."),
        ) from error


async def leave_expectation(request: web.Request) -> None:
    """Leave ``Expect: 100-continue`` to ``receive``, so that nobody sends a body that will be refused anyway."""
    if request.headers.get("Expect", "").lower() != "100-continue":
        raise web.HTTPExpectationFailed


def disposition(name: str, *, inline: bool = False) -> str:
    """Return a Content-Disposition field for a file called *name* (RFC 6266, RFC 8187)."""
    kind = "inline" if inline else "attachment"
    safe = ascii_name = name
    if not (name.isascii() and name.isprintable()):
        safe = "".join("_" if unicodedata.category(letter) in {"Cc", "Cf"} else letter for letter in name)
        ascii_name = unicodedata.normalize("NFKD", safe).encode("ascii", "replace").decode()
    plain = _UNSAFE_IN_NAMES.sub("_", ascii_name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{percent_encode(safe, safe='')}"


def _fields(entry: Entry, *, inline: bool) -> dict[str, str]:
    media_type = entry.media_type or "application/octet-stream"
    is_harmless = media_type.split(";")[0].strip().lower() in _INLINE
    return {
        "Content-Type": media_type,
        "Content-Disposition": disposition(entry.name, inline=inline and is_harmless),
        "Content-Security-Policy": _SANDBOX,
        "ETag": quote(entry.etag),
        "Last-Modified": http_date(modified(entry)),
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Repr-Digest": f"sha-256=:{base64.b64encode(entry.sha256 or b'').decode()}:",
    }


def _frame(opened: OpenFiles, portion: Sequence[tuple[int, bytes | CloudConnectError]]) -> bytes:
    packed = bytearray(_LENGTH.size)
    _ENCODER.encode_into([_to_file(opened, place, outcome) for place, outcome in portion], packed, _LENGTH.size)
    _LENGTH.pack_into(packed, 0, len(packed) - _LENGTH.size)
    return bytes(packed)


def _to_file(opened: OpenFiles, place: int, outcome: bytes | CloudConnectError) -> BulkFile:
    if isinstance(outcome, CloudConnectError):
        return BulkFile(place, None, b"", outcome.code, str(outcome.detail))
    entry = opened.outcomes[place]
    sha256 = entry.sha256 if isinstance(entry, Entry) else None
    return BulkFile(place, memoryview(outcome), sha256 or b"")


async def _stream(
    request: web.Request, response: web.StreamResponse, pieces: AsyncIterator[bytes] | None
) -> web.StreamResponse:
    """Send *pieces*; the first is fetched before the head goes out, so that damage still gets an honest answer.

    Where it is all there is, it is returned with the head, and both are sent with one call of the system.
    """
    first = b"" if pieces is None else await anext(pieces, b"")
    if len(first) == response.content_length:
        return web.Response(body=first, status=response.status, headers=response.headers)
    add_headers(request, response)
    await response.prepare(request)
    try:
        with Watch(request) as watch:
            await response.write(first)
            if pieces is not None:
                async for piece in pieces:
                    await response.write(piece)
                    watch.moved()
            await response.write_eof()
    except BaseException:
        # The head is out: an answer about what went wrong would land among the bytes of the file.
        if request.transport is not None:
            request.transport.abort()
        raise
    return response


async def _send_parts(
    request: web.Request, opened: OpenFile, ranges: list[Range], fields: dict[str, str]
) -> web.StreamResponse:
    boundary = secrets.token_hex(16)
    media_type, size = fields["Content-Type"], opened.entry.size or 0
    heads = [
        f"\r\n--{boundary}\r\nContent-Type: {media_type}\r\n"
        f"Content-Range: bytes {each.start}-{each.stop - 1}/{size}\r\n\r\n".encode()
        for each in ranges
    ]
    end = f"\r\n--{boundary}--\r\n".encode()
    response = web.StreamResponse(status=206, headers=fields)
    response.headers["Content-Type"] = f"multipart/byteranges; boundary={boundary}"
    response.content_length = sum(map(len, heads)) + sum(each.size for each in ranges) + len(end)

    async def pieces() -> AsyncIterator[bytes]:
        for head, each in zip(heads, ranges, strict=True):
            yield head
            async for piece in opened.read(each.start, each.stop):
                yield piece
        yield end

    return await _stream(request, response, pieces())
