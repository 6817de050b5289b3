"""Saying how a change is taken back, after every one."""

from collections.abc import Iterable

from cloudconnect.client.undoing import UndoTokens
from cloudconnect_cli import output
from cloudconnect_cli.i18n import _

_SHOWN_AT_MOST = 200


def hint_undo(undo: Iterable[str]) -> None:
    """Say how to take back the changes with these tokens; those that follow each other become one."""
    merged = UndoTokens()
    for token in undo:
        merged.add(token)
    for token in merged.tokens():
        if len(token) <= _SHOWN_AT_MOST:
            output.hint(_("undo with: cloudconnect undo {token}").format(token=token))
        else:
            output.hint(_("This took many steps. See them with: cloudconnect undo --list"))
