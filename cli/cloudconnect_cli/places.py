"""How paths are written on the command line: ``/a/b`` in one's own space, ``SPACE:/a/b`` in another by name or id."""

from typing import NamedTuple
from urllib.parse import quote, unquote

from cloudconnect.client.connection import encode_path


class Place(NamedTuple):
    """A path in a space."""

    space: str
    path: str

    def __str__(self) -> str:
        """Return the place as it is written on the command line."""
        return self.path if self.space == "personal" else f"{unquote(self.space)}:{self.path}"

    def url(self, what: str) -> str:
        """Return the REST path of *what*, such as ``entries``, at this place."""
        return f"/spaces/{self.space}/{what}/{encode_path(self.path)}"


def parse_place(text: str) -> Place:
    """Return the place that *text* names; the root of another space is ``SPACE:/``, or ``spc_01J…:`` by its id."""
    space, separator, path = text.partition(":")
    is_space = (path.startswith("/") and "/" not in space) or space.startswith("spc_")
    if separator and space and is_space:
        return Place(quote(space, safe=""), path or "/")
    return Place("personal", text if text.startswith("/") else f"/{text}")
