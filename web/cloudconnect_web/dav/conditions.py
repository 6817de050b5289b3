"""The If field (RFC 4918, section 10.4): which locks a client shows, and what must hold for its request."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from cloudconnect.kernel.text import N_
from cloudconnect_web.problems import BadRequest

LENGTH_MOST = 16 << 10
LISTS_MOST = 100
_PIECE = re.compile(r'\s*(?:<([^<>\s]{1,4096})>|\[((?:W/)?"[^"]{0,1024}")\]|(\()|(\))|(Not)(?=[\s<\[]))', re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Claim:
    """One condition: that a lock with this token covers the place, or that the place has this entity tag, or not."""

    token: str | None
    etag: str | None
    is_negated: bool


@dataclass(frozen=True, slots=True)
class Claims:
    """A list of conditions about one place, by its address, None for that of the request: all of them must hold."""

    url: str | None
    claims: tuple[Claim, ...]


def parse_if(text: str) -> list[Claims]:
    """Return the lists in an If field, of which one must hold.

    Raises:
        BadRequest: it cannot be read.
    """
    if len(text) > LENGTH_MOST:
        raise _unreadable()
    pieces, position = [], 0
    while text[position:].strip():
        match = _PIECE.match(text, position)
        if match is None:
            raise _unreadable()
        pieces.append(match)
        position = match.end()
    return _Parser(pieces).parse()


def tokens_in(lists: Sequence[Claims]) -> frozenset[str]:
    """Return the tokens of locks that *lists* show; saying that one does not hold shows it too (section 10.4.1)."""
    return frozenset(claim.token for each in lists for claim in each.claims if claim.token is not None)


class _Parser:
    """Turns the pieces of an If field into lists."""

    def __init__(self, pieces: Sequence["re.Match[str]"]) -> None:
        self._pieces = pieces
        self._next = 0

    def parse(self) -> list[Claims]:
        """Return all lists: either each has an address before it, or none has."""
        lists: list[Claims] = []
        is_tagged = bool(self._pieces) and self._pieces[0][1] is not None
        url: str | None = None
        while self._next < len(self._pieces):
            piece = self._take()
            if is_tagged and piece[1] is not None:
                url = piece[1]
                piece = self._take()
            if piece[3] is None:
                raise _unreadable()
            lists.append(Claims(url, self._claims()))
        if not 0 < len(lists) <= LISTS_MOST:
            raise _unreadable()
        return lists

    def _claims(self) -> tuple[Claim, ...]:
        found: list[Claim] = []
        while True:
            piece = self._take()
            if piece[4] is not None:
                break
            is_negated = piece[5] is not None
            if is_negated:
                piece = self._take()
            if piece[1] is None and piece[2] is None:
                raise _unreadable()
            found.append(Claim(piece[1], piece[2], is_negated))
        if not found:
            raise _unreadable()
        return tuple(found)

    def _take(self) -> "re.Match[str]":
        if self._next == len(self._pieces):
            raise _unreadable()
        self._next += 1
        return self._pieces[self._next - 1]


def _unreadable() -> BadRequest:
    return BadRequest(N_("The If field cannot be read."), fix=N_("See RFC 4918, section 10.4."))
