"""Names of things: sortable ids with a prefix that says what they name.

An id is ``<prefix>_<ULID>``: 48 bits of milliseconds and 80 bits of chance in Crockford base 32, so ids made later sort
later. Source: the ULID specification, https://github.com/ulid/spec.
"""

import secrets
from typing import NewType

UserId = NewType("UserId", str)
SpaceId = NewType("SpaceId", str)
NodeId = NewType("NodeId", str)
VersionId = NewType("VersionId", str)
SessionId = NewType("SessionId", str)
TokenId = NewType("TokenId", str)
GrantId = NewType("GrantId", str)
FactId = NewType("FactId", str)
LockId = NewType("LockId", str)

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ULID_LENGTH = 26
_VALUES = {letter: value for value, letter in enumerate(_ALPHABET)}


def new_id(prefix: str, now_ms: int) -> str:
    """Return a fresh id ``<prefix>_<ULID>`` born at *now_ms*, milliseconds since 1970."""
    return id_of(prefix, (now_ms & ((1 << 48) - 1)) << 80 | secrets.randbits(80))


def id_of(prefix: str, number: int) -> str:
    """Return the id with this *prefix* whose 16 bytes are *number*."""
    letters = [_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(letters)}"


def born_ms(identifier: str) -> int:
    """Return when an id was made, milliseconds since 1970; its first 48 bits tell (ULID).

    Raises:
        ValueError: *identifier* is not of the form ``<prefix>_<ULID>``.
    """
    return int.from_bytes(id_bytes(identifier)[:6], "big")


def is_id(text: str, prefix: str) -> bool:
    """Tell whether *text* has the form of an id with this *prefix*; it says nothing of whether the thing exists."""
    head, separator, ulid = text.partition("_")
    return (
        head == prefix
        and separator == "_"
        and len(ulid) == _ULID_LENGTH
        and ulid[0] in "01234567"
        and all(letter in _VALUES for letter in ulid)
    )


def id_bytes(identifier: str) -> bytes:
    """Return the 16 bytes behind an id, the form in which the engine binds it into what it seals.

    Raises:
        ValueError: *identifier* is not of the form ``<prefix>_<ULID>``.
    """
    prefix, _, ulid = identifier.partition("_")
    if not is_id(identifier, prefix):
        raise ValueError("not an id")
    number = 0
    for letter in ulid:
        number = number << 5 | _VALUES[letter]
    return number.to_bytes(16, "big")
