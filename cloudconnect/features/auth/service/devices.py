"""Recognising devices on which somebody has signed in before.

A device keeps a mark of each account that was signed in to on it: a number, and a MAC of that number and the account's
name. Whoever shows one is slowed down by wrong guesses on that device and by no others, so nobody can keep the owner of
an account out by guessing. A mark lets nobody in.

Source: OWASP, Slow Down Online Guessing Attacks with Device Cookies.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable
from typing import Final

_NUMBER_BYTES: Final = 16
_MAC_BYTES: Final = 16
_MOST: Final = 5


class Devices:
    """Makes the marks of devices and recognises them."""

    def __init__(self, key: Callable[[], bytes]) -> None:
        """Make and recognise marks with what *key* returns; another key forgets all devices."""
        self._key = key

    async def recognise(self, marks: str, name: str) -> str:
        """Return the number of the mark among *marks* that the account called *name* left, empty if none is its own."""
        if not marks:
            return ""
        key = await asyncio.to_thread(self._key)
        # The number and not the text: one number can be written in several ways.
        return next((_number(mark).hex() for mark in _split(marks) if _belongs(key, mark, name)), "")

    async def mark(self, marks: str, name: str) -> str:
        """Return *marks* with a new one of the account called *name*, in place of the one it had; the oldest may go."""
        key = await asyncio.to_thread(self._key)
        number = secrets.token_bytes(_NUMBER_BYTES)
        made = base64.urlsafe_b64encode(number + _mac(key, number, name)).decode().rstrip("=")
        others = [mark for mark in _split(marks) if not _belongs(key, mark, name)]
        return ".".join([made, *others][:_MOST])


def _split(marks: str) -> list[str]:
    return [mark for mark in marks.split(".", _MOST)[:_MOST] if mark]


def _number(mark: str) -> bytes:
    return _raw(mark)[:_NUMBER_BYTES]


def _belongs(key: bytes, mark: str, name: str) -> bool:
    return hmac.compare_digest(_raw(mark)[_NUMBER_BYTES:], _mac(key, _number(mark), name))


def _raw(mark: str) -> bytes:
    """Return the bytes that *mark* stands for, none where it is no mark."""
    try:
        return base64.b64decode(f"{mark}=", altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""


def _mac(key: bytes, number: bytes, name: str) -> bytes:
    return hmac.digest(key, number + name.encode(), hashlib.sha256)[:_MAC_BYTES]
