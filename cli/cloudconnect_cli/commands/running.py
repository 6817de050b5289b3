"""How every command runs: against which appliance, and what becomes of refusals."""

import asyncio
import errno
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, NoReturn, TypeVar
from urllib.parse import quote

import typer

from cloudconnect.client import Client, Target
from cloudconnect.client.target import choose_target
from cloudconnect.kernel.errors import CloudConnectError, Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.settings import load
from cloudconnect_cli import exits, output
from cloudconnect_cli.i18n import _

Result = TypeVar("Result")

COMPLETION = "_CLOUDCONNECT_COMPLETE"
"""The variable by which a shell asks for completions."""

AsJson = Annotated[bool, typer.Option("--json", help=_("Print JSON for programs."))]
At = Annotated[
    str | None, typer.Option("--at", help=_("As it was: 3h, 'yesterday 14:00', 2026-11-01T12:00, seq:120, a snapshot."))
]


def _part(text: str) -> str:
    return quote(text, safe="")


Space = Annotated[str, typer.Option("--space", help=_("The name or id of a space; your own if none."), callback=_part)]
"""A space, as it stands in the path of a URL."""
Yes = Annotated[bool, typer.Option("--yes", "-y", help=_("Do not ask."))]


class NeedsConfirmation(CloudConnectError):
    """Something that removes was asked for without a terminal to confirm it on."""

    code = "cli.needs-confirmation"
    title = N_("This needs a confirmation")


class State:
    """What the options before the command say."""

    context = ""
    is_debug = False
    is_json = False


STATE = State()


def ask(act: Callable[[Client], Awaitable[Result]], *, as_json: bool = False) -> Result:
    """Run *act* with a client of the chosen appliance and return its result."""
    STATE.is_json = as_json

    async def run() -> Result:
        async with Client(target()) as client:
            return await act(client)

    try:
        return asyncio.run(run())
    except BrokenPipeError:
        output.end_quietly()
        raise typer.Exit(exits.BROKEN_PIPE) from None


def target() -> Target:
    """Return the appliance that is meant."""
    environ = environment()
    return choose_target(environ, STATE.context, local_socket(environ))


def local_socket(environ: Mapping[str, str]) -> Path:
    """Return where this machine's own daemon listens for its administrator."""
    return load(environ=environ).settings.socket


def environment() -> Mapping[str, str]:
    """Return the environment; the client's own variables are read here and nowhere else."""
    return os.environ  # noqa: TID251 - they belong to the command line, not to the daemon's settings


def confirm(question: str, *, is_confirmed: bool) -> None:
    """Return once somebody has agreed.

    Raises:
        NeedsConfirmation: there is no terminal to ask on and --yes was not given.
    """
    if is_confirmed:
        return
    if not sys.stdin.isatty() or "CLOUDCONNECT_NO_INPUT" in environment():
        raise NeedsConfirmation(
            N_("This needs a confirmation: {question}"), fix=N_("Repeat it with --yes."), question=question
        )
    typer.confirm(question, abort=True, err=True)


def read_password(path: Path) -> str:
    """Return the password in a file, or the one line of standard input that ``-`` stands for.

    Raises:
        Invalid: the file cannot be read.
    """
    try:
        text = sys.stdin.readline() if str(path) == "-" else path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(N_("{path} cannot be read."), fix=N_("Name a file with the password."), path=str(path)) from error
    return text.rstrip("\r\n")


def guard(run: Callable[[], object]) -> NoReturn:
    """Run a command line and leave with the exit code that belongs to how it ended; never with a traceback."""
    try:
        code = run()
        sys.stdout.flush()
    except CloudConnectError as refusal:
        code = exits.exit_code(refusal)
        output.refusal(refusal, as_json=STATE.is_json)
    except BrokenPipeError:
        output.end_quietly()
        code = exits.BROKEN_PIPE
    except typer.Abort:
        code = exits.GENERIC
    except Exception as error:
        if STATE.is_debug:
            raise
        code = _explain(error)
    if code == exits.INTERRUPTED:
        output.hint(_("Interrupted; the same command goes on where it stopped."))
    sys.exit(code if isinstance(code, int) else exits.OK)


def _explain(error: Exception) -> int:
    """Say what went wrong in a way that no refusal foresaw, and return the exit code."""
    if hasattr(error, "show") and hasattr(error, "exit_code"):
        usage = Invalid(str(error.format_message()) if hasattr(error, "format_message") else str(error))
        if STATE.is_json or "--json" in sys.argv:
            output.refusal(usage, as_json=True)
        else:
            error.show()
        return exits.USAGE
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        output.end_quietly()
        output.hint(_("There is no space left for what this prints or writes."))
        return exits.NO_SPACE
    output.hint(f"{_('Unexpected error')}: {error!r}. {_('Repeat it with --debug and tell us what it prints.')}")
    return exits.GENERIC
