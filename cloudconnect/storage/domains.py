"""Open packs: what the uploads of one domain write into together, and how a group of them becomes durable at once."""

import random
import threading
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import Final

from cloudconnect.storage.chunker import Chunker
from cloudconnect.storage.index import CHUNK_KEY_BYTES, ChunkRow, Place, StoredPack
from cloudconnect.storage.packs import PackWriter
from cloudconnect.storage.seal import DomainKeys

BUSY_BYTES: Final = 8 << 20
"""Once a domain has taken this much without pause it spreads over two packs, which hides what belongs together."""


class PackState(Enum):
    """Where a pack stands on its way to the backend."""

    OPEN = auto()
    CLOSING = auto()
    DURABLE = auto()
    FAILED = auto()


class OpenPack:
    """A pack that is being written, and who waits for it. ``lock`` guards everything in it."""

    def __init__(self, writer: PackWriter) -> None:
        self.lock = threading.Lock()
        self.writer = writer
        self.state = PackState.OPEN
        self.is_wanted = False
        self.failure: Exception | None = None
        self.stored: StoredPack | None = None
        self._waiting: list[Callable[[OpenPack], None]] = []

    def when_settled(self, listener: Callable[["OpenPack"], None]) -> None:
        """Call *listener* once the pack is durable or has failed, at once if it is so already."""
        with self.lock:
            if self.state in {PackState.OPEN, PackState.CLOSING}:
                self._waiting.append(listener)
                return
        listener(self)

    def settled(self, state: PackState, *, stored: StoredPack | None = None, failure: Exception | None = None) -> None:
        """Note how the pack ended and tell everybody who waits."""
        with self.lock:
            self.state, self.stored, self.failure = state, stored, failure
            waiting, self._waiting = self._waiting, []
        for listener in waiting:
            listener(self)


class PendingChunk:
    """A chunk in a pack that is not durable yet; other uploads may count on it if they wait for that pack."""

    __slots__ = ("key", "length", "offset", "pack", "raw_length")

    def __init__(self, key: bytes, pack: OpenPack, offset: int, length: int, raw_length: int) -> None:
        self.key = key
        self.pack = pack
        self.offset = offset
        self.length = length
        self.raw_length = raw_length

    def row(self) -> ChunkRow:
        """Return the row for the index; the pack is durable."""
        if self.pack.stored is None:
            raise ValueError("the pack is not durable")
        return ChunkRow(self.key, Place(self.pack.stored.pack_id, self.offset, self.length, self.raw_length))


class OpenDomain:
    """The open packs of one domain and the uploads into it. ``changed`` guards everything in it.

    Where both are taken, a pack's lock is taken before ``changed``.
    """

    def __init__(self, keys: DomainKeys, chunker: Chunker) -> None:
        self.keys = keys
        self.chunker = chunker
        self.changed = threading.Condition()
        self.pending: dict[bytes, PendingChunk] = {}
        self._packs: list[OpenPack] = []
        self._uploads = 0
        self._ending = 0
        self._unsettled = 0
        self._is_flushing = False
        self._taken_bytes = 0

    @property
    def is_idle(self) -> bool:
        """Whether nobody needs this object any more."""
        return not (self._uploads or self._unsettled or self._is_flushing)

    def entered(self) -> None:
        """Note that an upload begins."""
        with self.changed:
            self._uploads += 1

    def ending(self) -> None:
        """Note that all bytes of an upload are here, so that it will soon want its packs durable."""
        with self.changed:
            self._ending += 1

    def left(self, *, was_ending: bool) -> list[OpenPack]:
        """Note that an upload is done; return packs, now detached, that hold nothing but what nobody wants."""
        with self.changed:
            self._uploads -= 1
            self._ending -= was_ending
            self.changed.notify_all()
            unwanted = [] if self._uploads else [pack for pack in self._packs if not pack.is_wanted]
        return [pack for pack in unwanted if self.detach(pack)]

    def pack(self, new: Callable[[], PackWriter]) -> OpenPack:
        """Return a pack to append to; under load one of two, by chance (SECURITY.md, section 2.5)."""
        with self.changed:
            wanted = 2 if self._taken_bytes >= BUSY_BYTES else 1
            if len(self._packs) < wanted:
                self._packs.append(OpenPack(new()))
                self._unsettled += 1
                return self._packs[-1]
            return random.choice(self._packs)  # noqa: S311 - it spreads records and hides no secret

    def took(self, chunk: PendingChunk) -> None:
        """Note a chunk that has been appended; the lock of its pack is held."""
        with self.changed:
            self.pending[chunk.key] = chunk
            self._taken_bytes += chunk.length

    def want(self, packs: Iterable[OpenPack]) -> bool:
        """Ask for *packs* to become durable; True when the caller has to start the flush."""
        with self.changed:
            for pack in packs:
                pack.is_wanted = True
            if self._is_flushing or not any(pack.is_wanted for pack in self._packs):
                return False
            self._is_flushing = True
            return True

    def wait_for_company(self, window_seconds: float) -> list[OpenPack]:
        """Return the packs that somebody waits for, after giving uploads that end a moment to join them.

        While one flush writes, later uploads gather for the next; ``is_wanted_more`` tells whether there is one.
        """
        with self.changed:
            self.changed.wait_for(lambda: not self._ending, window_seconds)
            return [pack for pack in self._packs if pack.is_wanted]

    def is_wanted_more(self) -> bool:
        """Tell whether somebody waits for another pack; if not, the flush has ended."""
        with self.changed:
            self._is_flushing = any(pack.is_wanted for pack in self._packs)
            return self._is_flushing

    def detach(self, pack: OpenPack) -> bool:
        """Take *pack* out, so that nothing more is appended; False when somebody did so before."""
        with self.changed:
            if pack not in self._packs:
                return False
            self._packs.remove(pack)
        with pack.lock:
            pack.state = PackState.CLOSING
        return True

    def let_go(self, pack: OpenPack) -> None:
        """Forget the chunks of *pack*, which is durable or has failed."""
        with self.changed:
            for entry in pack.writer.entries:
                key = entry.content_id[:CHUNK_KEY_BYTES]
                chunk = self.pending.get(key)
                if chunk is not None and chunk.pack is pack:
                    del self.pending[key]
            self._unsettled -= 1
            if not self._unsettled:
                self._taken_bytes = 0
