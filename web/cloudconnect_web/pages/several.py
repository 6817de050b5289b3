"""Doing one thing to several files, and telling what came of it with the way to take all of it back."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect_web.pages.page import Notice, refusal_words
from cloudconnect_web.pages.past import merge_undo

_UNDO_MOST = 1_000
_TOLD_AT_ONCE = 5


async def do_each(
    request: web.Request, paths: list[str], act: Callable[[str], Awaitable[tuple[str, str]]]
) -> tuple[list[tuple[str, str]], list[str]]:
    """Do *act* for each path; return what it did and how to undo that, and in words what was refused."""
    done: list[tuple[str, str]] = []
    failed: list[str] = []
    for path in paths:
        try:
            done.append(await act(path))
        except CloudConnectError as refusal:
            failed.append(refusal_words(request, refusal))
    return done, failed[:_TOLD_AT_ONCE]


def notice_of(text: str, done: list[tuple[str, str]], failed: list[str]) -> Notice:
    """Return the notice that tells what was *done*, with *text* for it, and what *failed*.

    A cookie holds only so much to undo.
    """
    undo = merge_undo(token for _, tokens in done for token in tokens.split(" "))
    told = [text] if done or not failed else []
    return Notice(" ".join([*told, *failed]), undo if len(undo) <= _UNDO_MOST else "")
