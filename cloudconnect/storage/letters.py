"""Secrets for paper: Crockford's base 32, whose letters survive being read aloud and typed."""

from collections.abc import Iterator
from typing import Final

ALPHABET: Final = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_READ_AS: Final = str.maketrans({"O": "0", "I": "1", "L": "1", "-": None, " ": None, "\n": None, "\t": None})
_LETTER_BITS: Final = 5
_GROUP: Final = 4


def encode(secret: bytes) -> str:
    """Return *secret* in letters, the last one filled up with zero bits."""
    count = -(-8 * len(secret) // _LETTER_BITS)
    return lowest(int.from_bytes(secret, "big") << (_LETTER_BITS * count - 8 * len(secret)), count)


def lowest(value: int, count: int) -> str:
    """Return the lowest bits of *value* as *count* letters."""
    return "".join(ALPHABET[(value >> shift) & 31] for shift in range(_LETTER_BITS * (count - 1), -1, -_LETTER_BITS))


def decode(letters: str, size: int) -> bytes:
    """Return the *size* bytes that :func:`encode` wrote as *letters*.

    Raises:
        ValueError: a letter is none of the alphabet, or there are too few or too many.
    """
    value = 0
    for letter in letters:
        value = value << _LETTER_BITS | ALPHABET.index(letter)
    spare = _LETTER_BITS * len(letters) - 8 * size
    if not 0 <= spare < _LETTER_BITS or value & ((1 << spare) - 1):
        raise ValueError("another length")
    return (value >> spare).to_bytes(size, "big")


def read(text: str, prefix: str) -> str:
    """Return the letters of what somebody typed: without *prefix*, hyphens and spaces, look-alikes as the digits."""
    return text.upper().translate(_READ_AS).removeprefix(prefix.translate(_READ_AS))


def group(letters: str) -> Iterator[str]:
    """Yield *letters* in groups of four, as they are printed."""
    for start in range(0, len(letters), _GROUP):
        yield letters[start : start + _GROUP]
