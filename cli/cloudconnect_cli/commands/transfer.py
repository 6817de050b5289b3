"""Putting local trees in and getting them out."""

import asyncio
from collections.abc import Awaitable, Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from cloudconnect.client import Client
from cloudconnect.client.download import Download
from cloudconnect.client.progress import Progress
from cloudconnect.client.target import state_path
from cloudconnect.client.upload import Upload
from cloudconnect.kernel.clock import monotonic
from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect_cli import exits, output
from cloudconnect_cli.commands.completing import later_remote_paths, remote_paths
from cloudconnect_cli.commands.running import AsJson, At, ask, environment
from cloudconnect_cli.i18n import _
from cloudconnect_cli.places import parse_place
from cloudconnect_cli.undoing import hint_undo

_PLAIN_SECONDS = 10.0
_BAR_SECONDS = 0.1


class Style(StrEnum):
    """How progress is shown."""

    AUTO = "auto"
    BAR = "bar"
    PLAIN = "plain"
    JSON = "json"
    NONE = "none"


Shown = Annotated[Style, typer.Option("--progress", help=_("How to show progress."))]
_WHAT = _("What, and then where to; like cp -r.")
LocalPaths = Annotated[list[str], typer.Argument(help=_WHAT, autocompletion=later_remote_paths)]
RemotePaths = Annotated[list[str], typer.Argument(help=_WHAT, autocompletion=remote_paths)]


def register(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command("put", epilog=_("Example: cloudconnect put ~/Photos /"))(put)
    app.command("get", epilog=_("Example: cloudconnect get /Photos ~/copy --at yesterday"))(get)


def put(
    paths: LocalPaths,
    checksum: Annotated[bool, typer.Option("--checksum", help=_("Compare content, not size and time."))] = False,
    progress: Shown = Style.AUTO,
    as_json: AsJson = False,
) -> None:
    """Put files and folders into a space; what is there already is not sent again."""
    _check(paths)
    place = parse_place(paths[-1])

    async def act(client: Client) -> Progress:
        notes = state_path(environment()) / "uploads"
        upload = Upload(client, place.space, notes, compares_content=checksum)
        sources = [Path(path) for path in paths[:-1]]
        await _watch(upload.progress, lambda: upload.run(sources, place.path), progress, as_json=as_json)
        return upload.progress

    _end(ask(act, as_json=as_json), as_json=as_json, is_put=True)


def get(paths: RemotePaths, at: At = None, progress: Shown = Style.AUTO, as_json: AsJson = False) -> None:
    """Get files and folders of a space; what is here already is not fetched again."""
    _check(paths)
    places = [parse_place(path) for path in paths[:-1]]
    if len({place.space for place in places}) > 1:
        raise Invalid(N_("All paths must be in one space."), fix=N_("Get them one after another."))

    async def act(client: Client) -> Progress:
        download = Download(client, places[0].space, at)
        sources = [place.path for place in places]
        await _watch(download.progress, lambda: download.run(sources, paths[-1]), progress, as_json=as_json)
        return download.progress

    _end(ask(act, as_json=as_json), as_json=as_json, is_put=False)


def _check(paths: list[str]) -> None:
    if len(paths) < 2:  # noqa: PLR2004 - a source and a target
        raise Invalid(N_("Name what, and then where to."), fix=N_("See: cloudconnect put --help"))


async def _watch(progress: Progress, run: Callable[[], Awaitable[None]], style: Style, *, as_json: bool) -> None:
    """Run a transfer and show how it goes on."""
    if style is Style.AUTO:
        style = Style.JSON if as_json else Style.BAR if output.is_terminal() else Style.PLAIN
    shows = {Style.BAR: _show_bar, Style.PLAIN: _show_lines, Style.JSON: _show_events}
    watcher = asyncio.create_task(shows[style](progress)) if style in shows else None
    try:
        await run()
    finally:
        if watcher is not None:
            watcher.cancel()
            await asyncio.gather(watcher, return_exceptions=True)


async def _show_bar(progress: Progress) -> None:
    from rich.console import Console  # noqa: PLC0415 - 50 ms that scripts need not pay
    from rich.progress import (  # noqa: PLC0415 - as above
        BarColumn,
        DownloadColumn,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.progress import Progress as Bar  # noqa: PLC0415 - as above

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(binary_units=True),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[saved]}"),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=None, saved="")
        while True:
            saved = _("{size} saved").format(size=format_bytes(progress.reused_bytes)) if progress.reused_bytes else ""
            bar.update(
                task,
                description=_("{done} of {files} files").format(done=progress.done_files, files=progress.files),
                completed=progress.done_bytes,
                total=progress.bytes if progress.is_found else None,
                saved=saved,
            )
            await asyncio.sleep(_BAR_SECONDS)


async def _show_lines(progress: Progress) -> None:
    started = monotonic()
    while True:
        await asyncio.sleep(_PLAIN_SECONDS)
        rate = progress.done_bytes / (monotonic() - started)
        line = _("{done} of {files} files, {bytes} of {total}, {rate}/s, {left} s left, {saved} saved")
        output.hint(
            line.format(
                done=progress.done_files,
                files=progress.files,
                bytes=format_bytes(progress.done_bytes),
                total=format_bytes(progress.bytes),
                rate=format_bytes(round(rate)),
                left=round((progress.bytes - progress.done_bytes) / rate) if rate else "?",
                saved=format_bytes(progress.reused_bytes),
            )
        )


async def _show_events(progress: Progress) -> None:
    while True:
        await asyncio.sleep(1)
        output.event(
            {
                "type": "progress",
                "files": progress.files,
                "done_files": progress.done_files,
                "bytes": progress.bytes,
                "done_bytes": progress.done_bytes,
                "reused_bytes": progress.reused_bytes,
            }
        )


def _end(progress: Progress, *, as_json: bool, is_put: bool) -> None:
    """Say what has happened; some failures make it 3, nothing but failures too."""
    if as_json:
        is_any_done = progress.done_files or not progress.failures
        output.event(
            {
                "type": "result",
                "status": "success" if not progress.failures else "partial" if is_any_done else "failure",
                "files": progress.files,
                "folders": progress.folders,
                "bytes": progress.bytes,
                "skipped_files": progress.skipped_files,
                "special_files": progress.special_files,
                "sent_bytes": progress.sent_bytes,
                "reused_bytes": progress.reused_bytes,
                "stored_bytes": progress.stored_bytes,
                "undo": progress.undo.tokens(),
                "failures": [
                    {"path": each.path, "code": each.code, "detail": each.detail} for each in progress.failures
                ],
            }
        )
    else:
        for each in progress.failures:
            output.hint(f"{output.printable(each.path)}: {output.printable(each.detail)}")
        output.hint(_summary(progress, is_put=is_put))
        hint_undo(progress.undo.tokens())
    if progress.failures:
        raise typer.Exit(exits.PARTIAL)


def _summary(progress: Progress, *, is_put: bool) -> str:
    moved = _("sent") if is_put else _("fetched")
    parts = [
        output.extent(progress.files, progress.folders, progress.bytes),
        f"{format_bytes(progress.sent_bytes)} {moved}",
    ]
    if progress.skipped_files:
        parts.append(_("{count} there already").format(count=progress.skipped_files))
    if progress.reused_bytes:
        parts.append(_("{size} saved by deduplication").format(size=format_bytes(progress.reused_bytes)))
    if progress.special_files:
        parts.append(_("{count} links and special files left out").format(count=progress.special_files))
    if progress.failures:
        parts.append(_("{count} failed").format(count=len(progress.failures)))
    return "; ".join(parts)
