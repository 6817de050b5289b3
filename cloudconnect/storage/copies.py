"""Copies of packs beside those that the index names: in other backends, and what a start has set aside."""

from collections.abc import Iterator, Mapping
from errno import ENOENT

from cloudconnect.kernel.errors import Unavailable
from cloudconnect.storage.backends import Backend, Orphan, orphan_name


class Copies:
    """What *backend* holds, under ``orphan/`` if *is_aside*; while it is out of reach it is as good as empty.

    It is asked only until it is out of reach, so one is made for each piece of work.
    """

    def __init__(self, backend: Backend, *, is_aside: bool = False) -> None:
        self._backend = backend
        self._is_aside = is_aside
        self._is_away = False

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Return the bytes of a pack from *offset* on (``backends.Source``)."""
        if self._is_away:
            raise FileNotFoundError(ENOENT, Unavailable.code)
        try:
            return self._backend.read(orphan_name(name) if self._is_aside else name, offset, length)
        except Unavailable as error:
            self._is_away = True
            raise FileNotFoundError(ENOENT, error.code) from error

    def orphans(self) -> Iterator[Orphan]:
        """Yield the packs that no index names."""
        if not self._is_aside or self._is_away:
            return
        try:
            yield from self._backend.orphans()
        except Unavailable:
            self._is_away = True


def find_copies(backends: Mapping[str, Backend]) -> list[Copies]:
    """Return every place where copies may be, those set aside last."""
    return [Copies(backend, is_aside=is_aside) for is_aside in (False, True) for backend in backends.values()]
