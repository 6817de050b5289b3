"""Patterns of paths: ``*`` and ``?`` stay within a name, ``**`` stands for any number of folders."""

import functools
import re
from collections.abc import Sequence

ANY_DEPTH = "**"


def split_path(pattern: str) -> tuple[str, ...]:
    """Return *pattern* name by name.

    One that does not begin with a slash may match at any depth, and one that ends with a slash means all below it.
    """
    names = [name for name in pattern.split("/") if name]
    if not pattern.startswith("/"):
        names.insert(0, ANY_DEPTH)
    if pattern.endswith("/"):
        names.append(ANY_DEPTH)
    return tuple(names)


def literal_folder(pattern: Sequence[str]) -> tuple[str, ...]:
    """Return the names of the folder below which everything lies that a pattern of paths can match, none for the root.

    What the pattern's last name stands for is never a part of it: that may be a file.
    """
    names: list[str] = []
    for name in pattern[:-1]:
        if name == ANY_DEPTH or "*" in name or "?" in name:
            break
        names.append(name)
    return tuple(names)


def is_match(pattern: Sequence[str], names: Sequence[str]) -> bool:
    """Tell whether the path of these *names* matches *pattern*; letters keep their case.

    ``**`` matches no folder as well, but at the end at least one name. It costs the product of both lengths at most.
    """
    reached = {0}
    reached |= _beyond_any_depth(pattern, reached)
    for name in names:
        following: set[int] = set()
        for at in reached:
            if at == len(pattern):
                continue
            if pattern[at] == ANY_DEPTH:
                following.add(at)
                if at == len(pattern) - 1:
                    following.add(len(pattern))
            elif _compiled(pattern[at]).fullmatch(name):
                following.add(at + 1)
        reached = following | _beyond_any_depth(pattern, following)
    return len(pattern) in reached


def _beyond_any_depth(pattern: Sequence[str], reached: set[int]) -> set[int]:
    """Return where in *pattern* one stands too if each ``**`` at *reached* matches nothing, except as its last name."""
    found: set[int] = set()
    for at in reached:
        beyond = at
        while beyond < len(pattern) - 1 and pattern[beyond] == ANY_DEPTH:
            beyond += 1
            found.add(beyond)
    return found


@functools.lru_cache(maxsize=256)
def _compiled(name: str) -> re.Pattern[str]:
    # Each star takes as little as the text behind it allows and never gives back, so no name makes this slow.
    first, *others = re.split(r"\*+", name)
    text = _literal(first) + "".join(f"(?>.*?{_literal(part)})" for part in others[:-1])
    return re.compile(text + (f".*{_literal(others[-1])}" if others else ""), re.DOTALL)


def _literal(text: str) -> str:
    return "".join("." if letter == "?" else re.escape(letter) for letter in text)
