"""What a destroyed space leaves outside the tables of its own."""

from typing import Protocol

from cloudconnect.kernel.ids import SpaceId
from cloudconnect.ports.sql import Sql


class Remnants(Protocol):
    """Removes the names that others keep of a space, and what deleting leaves in files."""

    def forget_words(self, sql: Sql, space: SpaceId) -> None:
        """Forget the names that were told or answered of *space*; its facts are still as they were."""
        ...

    def write_anew(self) -> None:
        """Write anew what holds deleted rows: the catalogs among the packs, and the files of the database."""
        ...
