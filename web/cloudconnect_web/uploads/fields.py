"""What the header fields of uploads say, and what both protocols do with a body."""

import base64
import binascii
import re
from collections.abc import AsyncIterator

from aiohttp import web
from aiohttp.http_exceptions import PayloadEncodingError
from aiohttp.web_protocol import RequestPayloadError

from cloudconnect.features.files import Condition, Put, Upload
from cloudconnect.kernel.clock import parse_ns
from cloudconnect.kernel.errors import NotFound
from cloudconnect.kernel.text import N_
from cloudconnect.wire import files as wire
from cloudconnect.wire.shape import FieldError
from cloudconnect_web import content
from cloudconnect_web.api.files import to_entry
from cloudconnect_web.conditions import http_date, parse_condition
from cloudconnect_web.operations import Call
from cloudconnect_web.problems import BadRequest

PATIENCE_SECONDS = 20.0
"""How long a request waits for an upload to become a file: a third of what proxies wait for an answer."""

_NS_MAX = (1 << 63) - 1
_INTEGER = re.compile(r"\d{1,18}")
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")


def find_integer(request: web.Request, name: str) -> int | None:
    """Return the whole number in a header field, None if it is not there.

    Raises:
        BadRequest: it is no number, negative, or of more than 18 digits.
    """
    text = find_field(request, name)
    if text is None:
        return None
    if _INTEGER.fullmatch(text) is None:
        raise bad_field(name, "not a whole number of at most 18 digits")
    return int(text)


def find_field(request: web.Request, name: str) -> str | None:
    """Return a header field, None if it is not there.

    Raises:
        BadRequest: it is there more than once.
    """
    values = request.headers.getall(name, [])
    if len(values) > 1:
        raise bad_field(name, "given more than once")
    return values[0].strip() if values else None


def bad_field(name: str, problem: str) -> BadRequest:
    """Return the refusal of a header field."""
    return BadRequest(
        N_("A header field is not valid."),
        errors=[FieldError(f"/header/{name}", problem)],
        fix=N_("See /api/v1/openapi.json."),
    )


def parse_metadata(text: str) -> dict[str, str]:
    """Return what the Upload-Metadata of tus says: names, each with a value in base 64.

    Raises:
        BadRequest: it cannot be read, or a name stands there twice.
    """
    found: dict[str, str] = {}
    for pair in text.split(",") if text.strip() else ():
        name, _, value = pair.strip().partition(" ")
        if _KEY.fullmatch(name) is None or name in found:
            raise bad_field("Upload-Metadata", "each name stands there once, followed by a space")
        try:
            found[name] = base64.b64decode(value.strip(), validate=True).decode()
        except (binascii.Error, ValueError) as error:
            raise bad_field("Upload-Metadata", "each value is base 64 of UTF-8") from error
    return found


def parse_modified(text: str | None, pointer: str) -> int | None:
    """Return the nanoseconds since 1970 of a moment in RFC 3339.

    Raises:
        BadRequest: it is none.
    """
    if text is None:
        return None
    try:
        return min(max(parse_ns(text), -_NS_MAX), _NS_MAX)
    except (ValueError, OverflowError) as error:
        raise BadRequest(
            N_("“{text}” is not a moment."),
            errors=[FieldError(pointer, "not a moment in RFC 3339")],
            fix=N_("Write it like 2026-11-01T12:00:00.123456789Z."),
            text=text[:100],
        ) from error


def parse_space(text: str) -> str:
    """Return the id or name of a space, or ``personal``, as it was said.

    Raises:
        NotFound: it can name no space.
    """
    if not text or "/" in text:
        raise NotFound(N_("There is no such space."))
    return text


def find_condition(request: web.Request, if_match: str | None) -> Condition:
    """Return what If-Match and If-None-Match ask for, or *if_match* from the metadata where there is neither."""
    condition = parse_condition(request)
    if if_match is not None and condition == Condition():
        return Condition(if_match=frozenset({if_match.strip('"')}))
    return condition


def expires(upload: Upload) -> str:
    """Return when *upload* is forgotten, as an HTTP date."""
    return http_date(upload.expires)


async def receive(request: web.Request) -> AsyncIterator[bytes]:
    """Yield the body of *request*; when it breaks off, in whatever way, that is an OSError."""
    try:
        async for piece in content.receive(request):
            yield piece
    except (RequestPayloadError, PayloadEncodingError) as error:
        raise ConnectionResetError from error


def cut(request: web.Request) -> None:
    """End the connection of *request* at once."""
    if request.transport is not None:
        request.transport.abort()


async def complete(call: Call, upload: Upload) -> Put | None:
    """Make *upload* a file, or return None when that takes longer than a proxy waits; it goes on then."""
    return await call.appliance.uploads.complete(call.principal, upload.id, PATIENCE_SECONDS)


def state_of(call: Call, upload: Upload) -> str:
    """Return the word for how far *upload* is: ``open``, ``finishing`` or ``complete``."""
    if upload.is_done:
        return "complete"
    return "finishing" if call.appliance.uploads.is_finishing(upload.id) else "open"


def to_upload(call: Call, upload: Upload) -> wire.Upload:
    """Return *upload* as it crosses HTTP."""
    return wire.Upload(
        id=upload.id,
        space=upload.space,
        path=upload.plan.path,
        kind=upload.kind,
        state=state_of(call, upload),
        length=upload.length,
        received=upload.received,
        created=upload.created,
        expires=upload.expires,
    )


def to_uploaded(put: Put) -> wire.Uploaded:
    """Return what an upload became as it crosses HTTP."""
    return wire.Uploaded(to_entry(put.entry), put.created, put.seq, put.stored_bytes, put.reused_bytes)
