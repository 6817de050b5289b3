"""Several backends as one: each pack lies in the one that its row names."""

import contextlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Final

from cloudconnect.kernel.errors import Unavailable
from cloudconnect.storage.backends import Backend, Orphan, Peeking, abort_uploads, forget
from cloudconnect.storage.backends.away import AwayBackend
from cloudconnect.storage.index import MAIN

_PLACES: Final = 1 << 16

Lookup = Callable[[str], str | None]
"""Tells which backend holds the pack of a name, None for a pack without a row; may be called in any thread."""


class FleetBackend:
    """Routes by what *lookup* says of a pack; what is put goes to the target, which can be changed at any time.

    A pack that is not where its row says, for it was moved or put this moment, is looked for in the others: a row
    that is behind costs a request and no data.
    """

    def __init__(self, main: Backend, lookup: Lookup) -> None:
        self._backends: dict[str, Backend] = {}
        self._peeking: dict[str, Peeking] = {}
        self._lookup = lookup
        self._target = MAIN
        self._lock = threading.Lock()
        self._places: OrderedDict[str, str] = OrderedDict()
        self.add(MAIN, main)

    @property
    def backends(self) -> Mapping[str, Backend]:
        """Every backend by its name."""
        return dict(self._backends)

    @property
    def target(self) -> str:
        """The name of the backend that new packs go to."""
        return self._target

    @property
    def away(self) -> frozenset[str]:
        """The names of the backends that did not answer when they were last asked."""
        return frozenset(
            name for name, each in self._backends.items() if isinstance(each, AwayBackend) and each.is_away
        )

    def remove(self, name: str) -> None:
        """Know the backend of this name no longer."""
        self._backends = {each: backend for each, backend in self._backends.items() if each != name}
        self._peeking = {each: backend for each, backend in self._peeking.items() if each != name}
        with self._lock:
            self._places = OrderedDict((pack, place) for pack, place in self._places.items() if place != name)

    def add(self, name: str, backend: Backend) -> None:
        """Let packs lie in *backend* as well, under this name from now on."""
        if isinstance(backend, Peeking):
            self._peeking = {**self._peeking, name: backend}
        self._backends = {**self._backends, name: backend}

    def aim(self, name: str) -> None:
        """Send new packs to the backend of this name.

        Raises:
            KeyError: there is none.
        """
        if name not in self._backends:
            raise KeyError(name)
        self._target = name

    def place_of(self, name: str) -> str:
        """Return the name of the backend that holds a pack, as far as is known."""
        if len(self._backends) == 1:
            return MAIN
        with self._lock:
            place = self._places.get(name)
            if place is not None:
                self._places.move_to_end(name)
                return place
        place = self._lookup(name)
        if place is None or place not in self._backends:
            return MAIN
        self.note(name, place)
        return place

    def note(self, name: str, place: str) -> None:
        """Remember that a pack lies in the backend *place*."""
        with self._lock:
            self._places[name] = place
            self._places.move_to_end(name)
            if len(self._places) > _PLACES:
                self._places.popitem(last=False)

    def put(self, name: str, spool: Path) -> None:
        """Put into the target."""
        target = self._target
        self._backends[target].put(name, spool)
        self.note(name, target)

    def read(self, name: str, offset: int, length: int) -> bytes:
        """Read from the backend that holds the pack."""
        place = self.place_of(name)
        try:
            return self._backends[place].read(name, offset, length)
        except FileNotFoundError:
            for other in self._others(place):
                with contextlib.suppress(FileNotFoundError):
                    data = self._backends[other].read(name, offset, length)
                    self.note(name, other)
                    return data
            raise

    def peek(self, name: str, offset: int, length: int) -> bytes | None:
        """Return what the backend that holds the pack has in memory, if it is known which one that is."""
        place = MAIN if len(self._backends) == 1 else self._places.get(name)
        backend = self._peeking.get(place) if place is not None else None
        return None if backend is None else backend.peek(name, offset, length)

    def size(self, name: str) -> int | None:
        """Return the size of the pack wherever it lies, or None when it lies nowhere."""
        place = self.place_of(name)
        for each in (place, *self._others(place)):
            size = self._backends[each].size(name)
            if size is not None:
                return size
        return None

    def names(self) -> Iterator[tuple[str, int]]:
        """Yield each pack once, however many backends hold it; sizes are those of the copy that its row names.

        Backends that do not answer are left out; ``away`` names them afterwards.
        """
        seen: dict[str, int] = {}
        for place, backend in self._backends.items():
            with contextlib.suppress(Unavailable):
                for name, size in backend.names():
                    if name not in seen or self.place_of(name) == place:
                        seen[name] = size
        yield from seen.items()

    def set_aside(self, name: str) -> None:
        """Move every copy under ``orphan/`` that is within reach."""
        for backend in self._backends.values():
            with contextlib.suppress(Unavailable):
                if backend.size(name) is not None:
                    backend.set_aside(name)
        self._forget(name)

    def orphans(self) -> Iterator[Orphan]:
        """Yield what was set aside in any backend."""
        for backend in self._backends.values():
            with contextlib.suppress(Unavailable):
                yield from backend.orphans()

    def delete(self, name: str) -> None:
        """Remove every copy."""
        for backend in self._backends.values():
            backend.delete(name)
        self._forget(name)

    def abort_uploads(self, now: datetime) -> int:
        """Abort them in every backend that is within reach."""
        aborted = 0
        for backend in self._backends.values():
            with contextlib.suppress(Unavailable):
                aborted += abort_uploads(backend, now)
        return aborted

    def forget(self, name: str) -> None:
        """Have every backend that keeps what was read read the pack anew."""
        for backend in self._backends.values():
            forget(backend, name)

    def _others(self, place: str) -> list[str]:
        return [name for name in self._backends if name != place]

    def _forget(self, name: str) -> None:
        with self._lock:
            self._places.pop(name, None)
