"""Typed settings: where each comes from, what it means, and what is wrong with those that are wrong.

Sources, the later winning: defaults, the TOML file, the environment, the command line. Parts never read settings; the
floor plan does, once, and hands out plain values.
"""

import dataclasses
import difflib
import ipaddress
import os
import re
import tomllib
import types
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args, get_type_hints

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.settings.sections import SECTIONS, Settings

_PREFIX = "CLOUDCONNECT_"


class BadSettings(Invalid):
    """One or more settings are unknown, of the wrong type, or out of range."""

    code = "settings.bad"
    title = N_("The settings are not valid")

    def __init__(self, problems: list[str]) -> None:
        self.problems = problems
        super().__init__(
            N_("{problems}"),
            fix=N_("Mend this and check with: cloudconnect config check"),
            problems="\n".join(problems),
        )


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a setting's value comes from (default, file, environment or command line), and the place there."""

    value: Any
    source: str
    place: str


@dataclass(frozen=True, slots=True)
class Loaded:
    """The settings, the origin of each by ``section.key``, and the file that was read, if any."""

    settings: Settings
    origins: dict[str, Origin]
    file: Path | None


ENVIRONMENT = {
    "CLOUDCONNECT_HOME": N_("The data directory."),
    "CLOUDCONNECT_CONFIG": N_("The file with the settings."),
    "CLOUDCONNECT_LISTEN": N_("The same as server.listen."),
    "CLOUDCONNECT_ADMIN_PASSWORD_FILE": N_("At the first start, make the user admin with the password in this file."),
    "CLOUDCONNECT_<SECTION>_<KEY>": N_("Any setting, such as CLOUDCONNECT_LOGGING_LEVEL."),
}
"""The variables the daemon reads; what else begins with CLOUDCONNECT_ belongs to the command line tool."""

_CLIENT_VARIABLES = {"CONTEXT", "TOKEN_FILE", "URL", "JSON", "NO_INPUT", "TEST_STRICT", "DEBUG"}


def load(
    *,
    environ: Mapping[str, str] | None = None,
    overrides: Mapping[str, str] | None = None,
    config: Path | None = None,
    home: Path | None = None,
) -> Loaded:
    """Return the settings from all sources; *overrides* are ``section.key`` to text, from the command line.

    Raises:
        BadSettings: with every problem found, each naming its place and, for an unknown key, the nearest known one.
    """
    variables = dict(os.environ if environ is None else environ)
    problems: list[str] = []
    place = home or Path(variables.get("CLOUDCONNECT_HOME") or _default_home(variables))
    path = config or _config_path(variables, place)
    origins = {key: Origin(default, "default", "") for key, default in _defaults().items()}
    if path is not None:
        origins |= _from_file(path, problems)
    origins |= _from_environment(variables, problems)
    origins |= _from_texts(dict(overrides or {}), "command line", problems)
    if problems:
        raise BadSettings(problems)
    credential = Path(variables["CREDENTIALS_DIRECTORY"]) / "root.key" if "CREDENTIALS_DIRECTORY" in variables else None
    if not origins["keys.file"].value and credential is not None and credential.exists():
        origins["keys.file"] = Origin(str(credential), "environment", "CREDENTIALS_DIRECTORY")
    sections = {
        name.replace(".", "_"): section(
            **{each.name: origins[f"{name}.{each.name}"].value for each in dataclasses.fields(section)}
        )
        for name, section in SECTIONS.items()
    }
    settings = Settings(
        home=place.absolute(),
        admin_password_file=variables.get("CLOUDCONNECT_ADMIN_PASSWORD_FILE", ""),
        notify_socket=variables.get("NOTIFY_SOCKET", ""),
        azure={name: text for name, text in variables.items() if name.startswith("AZURE_")},
        **sections,
    )
    return Loaded(settings, origins, path)


def describe(key: str) -> str:
    """Return the sentence that explains the setting ``section.key``.

    Raises:
        BadSettings: there is no such setting; it names the nearest one.
    """
    section, _, name = key.rpartition(".")
    for each in dataclasses.fields(SECTIONS[section]) if section in SECTIONS else ():
        if each.name == name:
            return str(each.metadata["help"])
    raise BadSettings([f"{key}: there is no such setting{_nearest(key, list(_defaults()))}"])


def render_example() -> str:
    """Return ``config.example.toml``: every setting with its sentence and its default, commented out."""
    lines = ["# Settings of CloudConnect. Every line shows a default; remove the # to change it.", ""]
    for name, section in SECTIONS.items():
        lines += [f"# {(section.__doc__ or '').strip()}", f"[{name}]"]
        for each in dataclasses.fields(section):
            lines += [f"# {each.metadata['help']}", f"# {each.name} = {_toml(each.default)}"]
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"


def _default_home(variables: Mapping[str, str]) -> str:
    if os.geteuid() == 0:
        return "/var/lib/cloudconnect"
    data = variables.get("XDG_DATA_HOME") or str(Path(variables.get("HOME") or "~").expanduser() / ".local" / "share")
    return str(Path(data) / "cloudconnect")


def _config_path(variables: Mapping[str, str], home: Path) -> Path | None:
    if given := variables.get("CLOUDCONNECT_CONFIG"):
        return Path(given)
    candidates = (home / "config.toml", Path("/etc/cloudconnect/config.toml"))
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def _defaults() -> dict[str, Any]:
    return {
        f"{name}.{each.name}": each.default
        for name, section in SECTIONS.items()
        for each in dataclasses.fields(section)
    }


def _from_file(path: Path, problems: list[str]) -> dict[str, Origin]:
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{path}: cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8 text'}")
        return {}
    except tomllib.TOMLDecodeError as error:
        problems.append(f"{path}: this is not TOML: {error}")
        return {}
    found: dict[str, Origin] = {}
    for section, values in document.items():
        if section not in SECTIONS or not isinstance(values, dict):
            problems.append(f"{_line(path, text, section)}: {_no_section(section, values)}")
            continue
        found |= _from_section(section, values, path, text, problems)
    return found


def _from_section(
    section: str, values: Mapping[str, Any], path: Path, text: str, problems: list[str]
) -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for name, value in values.items():
        key, place = f"{section}.{name}", _line(path, text, name, section)
        if key in SECTIONS and isinstance(value, dict):
            found |= _from_section(key, value, path, text, problems)
            continue
        checked = _check(key, value, place, problems)
        if checked is not None:
            found[key] = Origin(checked, "file", place)
    return found


def _no_section(name: str, value: Any) -> str:
    if name in SECTIONS:
        return f"{name} must be a section, written [{name}]"
    if isinstance(value, dict | list):
        return f"there is no section [{name}]{_nearest(name, list(SECTIONS))}"
    inside = sorted(key for key in _defaults() if key.endswith(f".{name}"))
    return f"{name} stands outside any section{_nearest(name, inside) if inside else ''}"


def _from_environment(variables: Mapping[str, str], problems: list[str]) -> dict[str, Origin]:
    named = {f"{_PREFIX}{key.replace('.', '_').upper()}": key for key in _defaults()}
    named["CLOUDCONNECT_LISTEN"] = "server.listen"
    known = {*named, *ENVIRONMENT, *(f"{_PREFIX}{name}" for name in _CLIENT_VARIABLES)}
    found: dict[str, Origin] = {}
    for variable in sorted(variables):
        if variable.startswith(_PREFIX) and variable not in known:
            problems.append(f"{variable}: there is no such variable{_nearest(variable, sorted(known))}")
        elif variable in named:
            parsed = _from_texts({named[variable]: variables[variable]}, "environment", problems, variable)
            found |= parsed
    return found


def _from_texts(texts: Mapping[str, str], source: str, problems: list[str], place: str = "") -> dict[str, Origin]:
    found: dict[str, Origin] = {}
    for key, text in texts.items():
        kind = _types().get(key)
        value: Any = text
        if kind is int and re.fullmatch(r"-?\d{1,18}", text):
            value = int(text)
        elif kind is bool and text.lower() in {"true", "false", "1", "0", "yes", "no"}:
            value = text.lower() in {"true", "1", "yes"}
        elif isinstance(kind, types.GenericAlias):
            value = [part.strip() for part in text.split(",") if part.strip()]
        checked = _check(key, value, place or f"--set {key}", problems)
        if checked is not None:
            found[key] = Origin(checked, source, place or key)
    return found


def _check(key: str, value: Any, place: str, problems: list[str]) -> Any:
    kind = _types().get(key)
    if kind is None:
        problems.append(f"{place}: there is no setting {key}{_nearest(key, list(_types()))}")
        return None
    is_list = isinstance(kind, types.GenericAlias)
    if is_list and isinstance(value, list) and all(isinstance(each, str) for each in value):
        if key == "server.trusted_proxies":
            _check_networks(key, value, place, problems)
        return tuple(value)
    if is_list or type(value) is not kind:
        problems.append(f"{place}: {key} must be {_expected(kind)}")
        return None
    limits = _limits(key)
    if "form" in limits and re.fullmatch(limits["form"], value) is None:
        problems.append(f"{place}: {key} cannot be “{value}”. {describe(key)}")
        return None
    if "least" in limits and not limits["least"] <= value <= limits["most"]:
        problems.append(f"{place}: {key} must lie between {limits['least']} and {limits['most']}")
        return None
    return value


def _types() -> dict[str, Any]:
    return {
        f"{name}.{key}": kind for name, section in SECTIONS.items() for key, kind in get_type_hints(section).items()
    }


def _limits(key: str) -> Mapping[str, Any]:
    section, _, name = key.rpartition(".")
    return next(each.metadata for each in dataclasses.fields(SECTIONS[section]) if each.name == name)


def _expected(kind: Any) -> str:
    if isinstance(kind, types.GenericAlias):
        return f"a list of {get_args(kind)[0].__name__}s"
    return {int: "a whole number", bool: "true or false", str: "a text in quotes"}[kind]


def _check_networks(key: str, value: Any, place: str, problems: list[str]) -> None:
    for each in value:
        try:
            ipaddress.ip_network(each, strict=False)
        except ValueError:
            problems.append(f"{place}: {key} holds “{each}”, which is no network such as 10.0.0.0/8")


def _nearest(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    return f"; do you mean {close[0]}?" if close else ""


def _line(path: Path, text: str, word: str, section: str = "") -> str:
    pattern = rf"\s*(\[+\s*)?\"?{re.escape(word)}\"?\s*(\]|=|\.)"
    inside = not section
    for number, line in enumerate(text.splitlines(), 1):
        if section and re.match(rf"\s*\[\s*{re.escape(section)}\s*\]", line):
            inside = True
        elif inside and re.match(pattern, line):
            return f"{path}:{number}"
    return str(path)


def _toml(value: Any) -> str:
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case tuple():
            return "[]"
        case _:
            return f'"{value}"'
