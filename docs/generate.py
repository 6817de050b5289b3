"""Prints the reference pages from the code; `make docs` writes them, a test compares them."""

import ast
import dataclasses
import importlib
import inspect
import pkgutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption

import cloudconnect
import cloudconnect_cli
import cloudconnect_web
from cloudconnect import settings
from cloudconnect.events import catalogue
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect_cli.exits import exit_code
from cloudconnect_cli.program import whole
from cloudconnect_web.problems import STATUS

ROOT = Path(__file__).parents[1]
REFERENCE = ROOT / "docs" / "reference"
NOTE = "<!-- Printed from the code by `make docs`; change the code instead. -->\n\n"
PACKAGES = (cloudconnect, cloudconnect_web, cloudconnect_cli)
LAYERS = (
    *("kernel", "events", "ports", "wire", "settings", "database", "storage", "bus"),
    *("features", "adapters", "client", "assembly", "daemon"),
)
LIST_START = "<!-- packages: start -->\n"
LIST_END = "<!-- packages: end -->"


def documents() -> dict[Path, str]:
    """Return what every generated document should hold, by its path."""
    _import_everything()
    architecture = ROOT / "ARCHITECTURE.md"
    return {
        ROOT / "config.example.toml": settings.render_example(),
        REFERENCE / "settings.md": NOTE + _settings(),
        REFERENCE / "facts.md": NOTE + _facts(),
        REFERENCE / "problems.md": NOTE + _problems(),
        REFERENCE / "commands.md": NOTE + _commands(),
        architecture: _with_packages(architecture.read_text(encoding="utf-8")),
    }


def _import_everything() -> None:
    for package in PACKAGES:
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if ".migrations" not in module.name and not module.name.endswith("__main__"):
                importlib.import_module(module.name)


def _settings() -> str:
    lines = ["# Settings", ""]
    lines += ["Later sources win: the default, the TOML file, the environment, `--set` on the command line.", ""]
    for name, section in settings.SECTIONS.items():
        lines += [f"## [{name}]", "", _sentence(section), "", "| Key | Default | Meaning |", "|---|---|---|"]
        for field in dataclasses.fields(section):
            default = f"`{field.default}`" if field.default not in ("", ()) else "–"
            lines.append(f"| `{name}.{field.name}` | {default} | {_cell(field.metadata['help'])} |")
        lines.append("")
    lines += ["## Environment", "", "| Variable | Meaning |", "|---|---|"]
    lines += [f"| `{variable}` | {_cell(meaning)} |" for variable, meaning in settings.ENVIRONMENT.items()]
    return _text(lines)


def _facts() -> str:
    lines = ["# Facts", "", "What the event log can say. Fields are only ever added, with a default.", ""]
    for kind, fact in catalogue().items():
        fields = ", ".join(f"`{field.name}`" for field in dataclasses.fields(fact))
        lines += [f"## {kind}", "", inspect.cleandoc(fact.__doc__ or ""), "", f"Fields: {fields}", ""]
    return _text(lines)


def _problems() -> str:
    lines = ["# Problems", "", "Every refusal, by its `code`: the HTTP status and the exit code that go with it.", ""]
    for code, refusal in sorted(_refusals().items()):
        status = next(
            (f"HTTP {STATUS[kind]}" for kind in refusal.__mro__ if kind in STATUS), "On the command line only"
        )
        lines += [f"## {code}", "", f"{refusal.title}. {_sentence(refusal)}", ""]
        # The table asks for the class of a refusal and its code alone, so one without details will do.
        lines += [f"{status}, exit code {exit_code(refusal.__new__(refusal))}.", ""]
    return _text(lines)


def _refusals() -> dict[str, type[CloudConnectError]]:
    found: dict[str, type[CloudConnectError]] = {}
    waiting = CloudConnectError.__subclasses__()
    while waiting:
        refusal = waiting.pop()
        waiting += refusal.__subclasses__()
        if "code" in vars(refusal) and refusal.__module__.split(".")[0] in {each.__name__ for each in PACKAGES}:
            found[refusal.code] = refusal
    return found


def _commands() -> str:
    lines = ["# Commands", "", "`cloudconnect COMMAND --help` says the same and gives an example.", ""]
    for path, command in _walk(typer.main.get_command(whole()), ()):
        parameters = [each for each in command.params if each.name != "help" and not getattr(each, "hidden", False)]
        arguments = [_metavar(each) for each in parameters if isinstance(each, TyperArgument)]
        lines += [f"## {' '.join(('cloudconnect', *path, *arguments))}", "", _sentence_of(command.help or ""), ""]
        options = [each for each in parameters if isinstance(each, TyperOption)]
        if options:
            lines += ["| Option | Meaning |", "|---|---|"]
            lines += [f"| `{', '.join(each.opts)}` | {_cell(each.help or '')} |" for each in options]
            lines.append("")
    return _text(lines)


def _walk(
    command: TyperCommand | TyperGroup, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], TyperCommand | TyperGroup]]:
    if isinstance(command, TyperGroup):
        for name, inner in sorted(command.commands.items()):
            if not inner.hidden:
                yield from _walk(inner, (*path, name))
    else:
        yield path, command


def _metavar(argument: TyperArgument) -> str:
    name = argument.metavar or (argument.name or "").upper()
    return f"{name}…" if argument.nargs != 1 else name


def _with_packages(text: str) -> str:
    before, _, rest = text.partition(LIST_START)
    _, _, after = rest.partition(LIST_END)
    return f"{before}{LIST_START}{_packages()}{LIST_END}{after}"


def _packages() -> str:
    used: dict[str, set[str]] = defaultdict(set)
    for layer in LAYERS:
        used[f"cloudconnect.{layer}"] |= _third_party(Path(*cloudconnect.__path__), layer)
    for face in (cloudconnect_web, cloudconnect_cli):
        used[face.__name__] |= _third_party(Path(*face.__path__), "")
    rows = [f"| `{layer}` | {', '.join(sorted(names)) or '–'} |" for layer, names in used.items()]
    return _text(["| Part | Packages |", "|---|---|", *rows])


def _third_party(root: Path, part: str) -> set[str]:
    place = root / part
    files = [place.with_suffix(".py")] if place.with_suffix(".py").is_file() else sorted(place.rglob("*.py"))
    names = {name for file in files for name in _imported(ast.parse(file.read_text(encoding="utf-8")))}
    return {name for name in names if name not in sys.stdlib_module_names and not name.startswith("cloudconnect")}


def _imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def _sentence(thing: type | ModuleType) -> str:
    return _sentence_of(inspect.cleandoc(thing.__doc__ or ""))


def _sentence_of(text: str) -> str:
    return " ".join(text.split("\n\n", maxsplit=1)[0].split())


def _cell(text: str) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")


def _text(lines: list[str]) -> str:
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Write every document that has changed."""
    for path, text in documents().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
