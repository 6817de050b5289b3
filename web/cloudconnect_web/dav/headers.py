"""The header fields of WebDAV and of the clients that speak it."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from enum import StrEnum
from typing import Final

from aiohttp import web

from cloudconnect.features.files.checksums import Checksum
from cloudconnect.kernel.text import N_
from cloudconnect_web.problems import BadRequest

LOCK_LIFE_MOST: Final = timedelta(minutes=30)

_SECONDS = re.compile(r"Second-(\d{1,10})", re.IGNORECASE)
_UNIX_TIME = re.compile(r"(-?\d{1,11})(?:\.(\d{1,9})\d*)?")


class Depth(StrEnum):
    """How far a method reaches."""

    ITSELF = "0"
    CHILDREN = "1"
    ALL = "infinity"


def parse_depth(request: web.Request, default: Depth, *allowed: Depth) -> Depth:
    """Return the Depth field of *request*.

    Raises:
        BadRequest: it is none of *allowed*.
    """
    text = request.headers.get("Depth", default).strip().lower()
    if text not in allowed:
        raise BadRequest(N_("This depth is not possible here."), fix=N_("Send Depth: {depth}."), depth=allowed[0])
    return Depth(text)


def parse_overwrite(request: web.Request) -> bool:
    """Return whether the Overwrite field of *request* lets what is at the destination be replaced; T if it is not sent.

    Raises:
        BadRequest: it is neither T nor F.
    """
    text = request.headers.get("Overwrite", "T").strip().upper()
    if text not in {"T", "F"}:
        raise BadRequest(N_("Overwrite is neither T nor F."), fix=N_("Send Overwrite: F."))
    return text == "T"


def parse_timeout(request: web.Request) -> timedelta:
    """Return how long a lock shall live: the first number in the Timeout field, 30 minutes at most and by default."""
    match = _SECONDS.search(request.headers.get("Timeout", ""))
    return LOCK_LIFE_MOST if match is None else min(timedelta(seconds=max(int(match[1]), 1)), LOCK_LIFE_MOST)


def parse_lock_token(request: web.Request) -> str:
    """Return the token in the Lock-Token field of *request*.

    Raises:
        BadRequest: there is none.
    """
    text = request.headers.get("Lock-Token", "").strip()
    if not (text.startswith("<") and text.endswith(">")):
        raise BadRequest(N_("The Lock-Token field names no lock."), fix=N_("Send Lock-Token: <TOKEN>."))
    return text[1:-1]


def parse_modified(request: web.Request) -> int | None:
    """Return what X-OC-MTime of *request* says the file was modified, in nanoseconds since 1970, if it says so.

    Raises:
        BadRequest: it is no number of seconds.
    """
    text = request.headers.get("X-OC-MTime")
    if text is None:
        return None
    return parse_unix_time(text)


def parse_unix_time(text: str) -> int:
    """Return the nanoseconds since 1970 that *text* means, which counts seconds.

    Raises:
        BadRequest: it is no number of seconds, or one beyond the year 2262.
    """
    match = _UNIX_TIME.fullmatch(text.strip())
    nanoseconds = 0 if match is None else int(match[1]) * 1_000_000_000 + int((match[2] or "").ljust(9, "0"))
    if match is None or abs(nanoseconds) >= 1 << 63:
        raise BadRequest(N_("“{text}” is not a number of seconds since 1970."), text=text[:40])
    return nanoseconds


def parse_checksum(request: web.Request) -> Checksum | None:
    """Return what OC-Checksum says of the content, None if it is not sent.

    Raises:
        BadChecksum: it names no checksum that is known here.
    """
    text = request.headers.get("OC-Checksum")
    return None if text is None else Checksum(text)


async def verified(request: web.Request, stream: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Yield *stream* and refuse at its end, before anything of it is kept, what OC-Checksum says was not sent.

    Raises:
        BadChecksum: OC-Checksum names no checksum that is known here.
        ChecksumMismatch: the stream has another one.
    """
    checksum = parse_checksum(request)
    async for piece in stream:
        if checksum is not None:
            checksum.update(piece)
        yield piece
    if checksum is not None:
        checksum.check()
