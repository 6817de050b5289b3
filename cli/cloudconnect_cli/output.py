"""The only place that writes to the terminal: data to standard output, all else to standard error."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence

import msgspec

from cloudconnect.kernel.clock import parse_ns, to_ms
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.units import format_bytes
from cloudconnect_cli.i18n import _, counted, say


def data(line: str = "") -> None:
    """Print a line of the answer."""
    print(line)


def document(shape: object) -> None:
    """Print the answer as one JSON document."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(shape), indent=1) + b"\n")
    sys.stdout.buffer.flush()


def event(shape: object) -> None:
    """Print one line of a running JSON report (NDJSON)."""
    sys.stdout.buffer.write(msgspec.json.encode(shape) + b"\n")
    sys.stdout.buffer.flush()


def raw(piece: bytes) -> None:
    """Pass bytes on as they are."""
    sys.stdout.buffer.write(piece)


def hint(line: str) -> None:
    """Print a line that is not part of the answer."""
    print(line, file=sys.stderr)


def progress(line: str) -> None:
    """Show *line* in place of the one shown last; an empty one takes that away."""
    width = shutil.get_terminal_size().columns - 1
    print(f"\r\x1b[K{printable(line)[:width]}", end="", file=sys.stderr, flush=True)


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print aligned columns; numbers and sizes stand to the right by the heading's leading blank."""
    lines = [[_(heading.strip()) for heading in headings], *([printable(cell) for cell in row] for row in rows)]
    widths = [max(_width(line[column]) for line in lines) for column in range(len(headings))]
    for line in lines:
        cells = []
        for column, cell in enumerate(line):
            padding = " " * (widths[column] - _width(cell))
            cells.append(padding + cell if headings[column].startswith(" ") else cell + padding)
        print("  ".join(cells).rstrip())


def extent(files: int, folders: int, size: int) -> str:
    """Return in words how much that is: files, folders, and their *size* in bytes."""
    told = (
        counted("{count} file", "{count} files", files),
        counted("{count} folder", "{count} folders", folders),
        format_bytes(size),
    )
    return ", ".join(told)


def printable(text: str) -> str:
    """Return *text* without what could steer a terminal: control characters become visible signs."""
    return "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in text)


def refusal(error: CloudConnectError, *, as_json: bool) -> None:
    """Print why something was refused and the way out; as problem details (RFC 9457) for a machine."""
    detail, fix = say(error.detail), say(error.fix) if error.fix is not None else ""
    if as_json:
        problem = {
            "type": f"/docs/problems#{error.code}",
            "code": error.code,
            "title": _(error.title),
            "detail": detail,
        }
        sys.stderr.buffer.write(msgspec.json.encode(problem | ({"fix": fix} if fix else {})) + b"\n")
        sys.stderr.buffer.flush()
        return
    print(f"{_('Error')}: {printable_lines(detail)}", file=sys.stderr)
    if fix:
        print(fix, file=sys.stderr)


def printable_lines(text: str) -> str:
    """Return *text* with its line breaks kept and nothing else that could steer a terminal."""
    return "\n".join(printable(line) for line in text.split("\n"))


def local_time(moment: object) -> str:
    """Return a moment in the terminal's time zone, to the minute; a dash for none."""
    if moment is None:
        return "-"
    seconds = to_ms(moment) / 1000 if not isinstance(moment, str) else parse_ns(moment) / 1e9  # type: ignore[arg-type]  # a datetime
    return _strftime(seconds)


def is_terminal() -> bool:
    """Tell whether somebody reads standard error on a terminal."""
    return sys.stderr.isatty()


def end_quietly() -> None:
    """Stop writing to a standard output that takes nothing any more; the interpreter would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _strftime(seconds: float) -> str:
    import time  # noqa: PLC0415 - the one place that shows local time

    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def _width(text: str) -> int:
    import unicodedata  # noqa: PLC0415 - 1 MiB that most commands need not load

    if text.isascii():
        return len(text)
    wide = {"W", "F"}
    return sum(
        0 if unicodedata.combining(letter) else 2 if unicodedata.east_asian_width(letter) in wide else 1
        for letter in text
    )
