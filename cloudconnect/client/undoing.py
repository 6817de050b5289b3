"""The tokens of many changes, put together into few."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class UndoTokens:
    """What takes back everything that one run has changed.

    A token is ``<space>.<first>-<last>``, with commas between several ranges; ranges that touch become one.
    """

    _ranges: dict[str, list[tuple[int, int]]] = field(default_factory=dict)

    def add(self, token: str) -> None:
        """Count in what *token* takes back; an empty one takes nothing back."""
        space, _, ranges = token.partition(".")
        for each in filter(None, ranges.split(",")):
            first, _, last = each.partition("-")
            self._ranges.setdefault(space, []).append((int(first), int(last)))

    def tokens(self) -> list[str]:
        """Return the tokens that take all of it back, one for each space."""
        return [f"{space}.{','.join(_join(ranges))}" for space, ranges in self._ranges.items()]


def _join(ranges: list[tuple[int, int]]) -> list[str]:
    joined: list[tuple[int, int]] = []
    for first, last in sorted(ranges):
        if joined and first <= joined[-1][1] + 1:
            joined[-1] = (joined[-1][0], max(joined[-1][1], last))
        else:
            joined.append((first, last))
    return [f"{first}-{last}" for first, last in joined]
