"""Which appliance to speak to, and with what credential."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudconnect.kernel.errors import Invalid, NotFound
from cloudconnect.kernel.text import N_


@dataclass(frozen=True, slots=True)
class Target:
    """An appliance: over its Unix socket, where the peer's user is proof enough, or at an address with a token."""

    url: str = ""
    token: str = ""
    socket: Path | None = None

    def __repr__(self) -> str:
        return f"Target({self.url or self.socket})"


class Contexts:
    """The appliances somebody has signed in to, by name, in a file that only they can read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._data: dict[str, dict[str, str]] = {}
        self._marks: dict[str, str] = {}
        self.current = ""
        if path.exists():
            try:
                document = json.loads(path.read_text(encoding="utf-8"))
                self._data, self.current = dict(document["contexts"]), str(document["current"])
                self._marks = dict(document.get("marks", {}))
            except (ValueError, KeyError, TypeError) as error:
                raise Invalid(
                    N_("{path} is damaged."),
                    fix=N_("Remove it and sign in again: cloudconnect login URL"),
                    path=str(path),
                ) from error

    @property
    def names(self) -> list[str]:
        """The names of all contexts."""
        return sorted(self._data)

    def get(self, name: str) -> Target:
        """Return a context.

        Raises:
            NotFound: there is none of this name.
        """
        if name not in self._data:
            raise NotFound(
                N_("There is no context “{name}”."), fix=N_("See which there are: cloudconnect context list"), name=name
            )
        return Target(self._data[name]["url"], self._data[name]["token"])

    def marks(self, url: str) -> str:
        """Return what the appliance at *url* knows this device by, empty where nobody has signed in to it from here."""
        return self._marks.get(url, "")

    def add(self, name: str, target: Target, marks: str = "") -> None:
        """Add a context and make it the current one; *marks* of the appliance stay when the context is removed."""
        self._data[name] = {"url": target.url, "token": target.token}
        if marks:
            self._marks[target.url] = marks
        self.current = name
        self._save()

    def use(self, name: str) -> None:
        """Make a context the current one; the empty name stands for this machine's own daemon."""
        if name:
            self.get(name)
        self.current = name
        self._save()

    def remove(self, name: str) -> None:
        """Forget a context and its token."""
        self.get(name)
        del self._data[name]
        if self.current == name:
            self.current = ""
        self._save()

    def _save(self) -> None:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        beside = self._path.with_suffix(".new")
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({"current": self.current, "contexts": self._data, "marks": self._marks}, file, indent=1)
        beside.replace(self._path)


def contexts_path(environ: Mapping[str, str]) -> Path:
    """Return where contexts are kept: below ``XDG_CONFIG_HOME``, else ``~/.config``."""
    base = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".config")
    return Path(base) / "cloudconnect" / "contexts.json"


def state_path(environ: Mapping[str, str]) -> Path:
    """Return where the client notes what it is about: below ``XDG_STATE_HOME``, else ``~/.local/state``."""
    base = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".local" / "state")
    return Path(base) / "cloudconnect"


def choose_target(environ: Mapping[str, str], context: str, local_socket: Path) -> Target:
    """Return the appliance that is meant: ``--context``, the environment, the current context, or this machine's own.

    Raises:
        NotFound: the context does not exist.
        Invalid: CLOUDCONNECT_TOKEN_FILE cannot be read.
    """
    contexts = Contexts(contexts_path(environ))
    chosen = context or environ.get("CLOUDCONNECT_CONTEXT", "")
    if chosen:
        return contexts.get(chosen)
    if url := environ.get("CLOUDCONNECT_URL"):
        return Target(url.rstrip("/"), _read_token(environ.get("CLOUDCONNECT_TOKEN_FILE", "")))
    if contexts.current and "CLOUDCONNECT_HOME" not in environ:
        return contexts.get(contexts.current)
    return Target(socket=local_socket)


def _read_token(path: str) -> str:
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid(N_("{path} cannot be read."), fix=N_("Check CLOUDCONNECT_TOKEN_FILE."), path=path) from error
