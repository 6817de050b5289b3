"""Secrets that are shown once and kept only as a hash.

A token is ``cc<kind>_<region>_<43 base 62 digits of 32 random bytes>_<6 base 62 digits of a CRC-32>``: the prefix lets
secret scanners find it, the checksum lets us refuse a mistyped one without asking the database.
"""

import hashlib
import secrets
import zlib
from enum import StrEnum

_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_SECRET_DIGITS = 43
_CHECK_DIGITS = 6


class TokenKind(StrEnum):
    """What a token opens."""

    SESSION = "s"
    PERSONAL = "p"
    LINK = "l"


def new_token(kind: TokenKind, region: str) -> str:
    """Return a fresh token with 256 bits of chance; *region* is cut to two letters."""
    body = f"cc{kind}_{region[:2]}_{_base62(secrets.randbits(256), _SECRET_DIGITS)}"
    return f"{body}_{_check(body)}"


def token_kind(token: str) -> TokenKind | None:
    """Return what *token* claims to open, or None when it is no token: wrong form or wrong checksum."""
    body, _, check = token.rpartition("_")
    prefix, _, rest = body.partition("_")
    if len(rest) != _SECRET_DIGITS + 3 or not token.isascii() or _check(body) != check or prefix[:2] != "cc":
        return None
    try:
        return TokenKind(prefix[2:])
    except ValueError:
        return None


def token_hash(token: str) -> bytes:
    """Return what is stored of a token. SHA-256 without salt is enough: 256 bits of chance cannot be guessed."""
    return hashlib.sha256(token.encode()).digest()


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), _CHECK_DIGITS)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))
