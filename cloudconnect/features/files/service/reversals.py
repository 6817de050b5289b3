"""How far the past of one thing can be taken back: its turns, and which of them belong to what is taken back."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from cloudconnect.features.files.moments import Seqs


class Spell(Protocol):
    """Something that was true from one seq until another, None for now."""

    @property
    def from_seq(self) -> int:
        """The seq at which it began to be true."""
        ...

    @property
    def to_seq(self) -> int | None:
        """The seq at which it ended, None while it is true."""
        ...


_Row = TypeVar("_Row", bound=Spell)


@dataclass(frozen=True, slots=True)
class _Turn(Generic[_Row]):
    """A seq at which something changed, and what was true on both sides."""

    seq: int
    before: _Row | None
    after: _Row | None


@dataclass(frozen=True, slots=True)
class Reversal(Generic[_Row]):
    """What taking back comes to: what shall be true ``then``, and the ``first`` seq that is taken back, 0 for none.

    ``turned`` are the seqs that were to be taken back; ``is_hindered`` tells that something came between.
    """

    now: _Row | None
    then: _Row | None
    first: int
    turned: list[int]
    is_hindered: bool


def reverse(rows: Iterable[_Row], seqs: Seqs, state: Callable[[_Row | None], object]) -> Reversal[_Row] | None:
    """Return what takes *seqs* back in the past that *rows* are, in order, None where they did nothing.

    The longest run of changes at its end is taken back that belongs to *seqs*; whatever lies between must have left it
    as it was, told by *state*, else what came before it stays.
    """
    turns, last = _turns(rows)
    own = [index for index, turn in enumerate(turns) if turn.seq in seqs]
    if not own:
        return None
    turned = [turns[index].seq for index in own]
    now = last if last is not None and last.to_seq is None else None
    then, first = now, 0
    index = len(turns) - 1
    while own:
        if own[-1] != index and state(turns[own[-1]].after) != state(then):
            start = _pop_run(own)
            if state(turns[start].before) != state(then):
                return Reversal(now, then, first, turned, is_hindered=True)
            # Somebody has taken this run back already.
            index = start - 1
            continue
        index = own.pop()
        then, first = turns[index].before, turns[index].seq
        index -= 1
    return Reversal(now, then, first, turned, is_hindered=False)


def _pop_run(own: list[int]) -> int:
    """Take the last run of indexes that follow each other off *own*, and return the first of them."""
    start = own.pop()
    while own and own[-1] == start - 1:
        start = own.pop()
    return start


def _turns(rows: Iterable[_Row]) -> tuple[list[_Turn[_Row]], _Row | None]:
    """Return the seqs at which something changed, in order, with what it was before and after, and the last row."""
    turns: list[_Turn[_Row]] = []
    before: _Row | None = None
    last: _Row | None = None
    for row in rows:
        if before is not None and before.to_seq is not None and before.to_seq != row.from_seq:
            turns.append(_Turn(before.to_seq, before, None))
            before = None
        turns.append(_Turn(row.from_seq, before, row))
        before = last = row
    if before is not None and before.to_seq is not None:
        turns.append(_Turn(before.to_seq, before, None))
    return turns, last
