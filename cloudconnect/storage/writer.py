"""The way in: cut, name, look up, compress, seal, append; and packs that become durable in groups."""

import secrets
import threading
import weakref
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.storage import manifest
from cloudconnect.storage.backends import Backend, place_of
from cloudconnect.storage.buffers import Buffers
from cloudconnect.storage.chunker import AVERAGE_BYTES, Chunker
from cloudconnect.storage.disk import Floor, Health
from cloudconnect.storage.domains import OpenDomain, OpenPack, PackState, PendingChunk
from cloudconnect.storage.index import CHUNK_KEY_BYTES, StoredPack
from cloudconnect.storage.ingest import Cut, Ingest, StoredContent
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.packs import PackWriter, pack_name
from cloudconnect.storage.seal import DATA, MANIFEST, Codec, Sealer

_CLOSERS: Final = 4  # they wait for the disk, not for a processor

Find = Callable[[Sequence[bytes]], set[bytes]]
"""Tells which of some chunk keys the index holds; called from engine threads."""


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """How the writer groups and cuts."""

    pack_bytes: int = 32 << 20
    window_seconds: float = 0.005
    average_bytes: int = AVERAGE_BYTES


class Writer:
    """Stores streams. Every method may be called from any thread; those that say so wait for the disk."""

    def __init__(
        self,
        spool: Path,
        backend: Backend,
        keyring: Keyring,
        codec: Codec,
        find: Find,
        *,
        health: Health,
        floor: Floor,
        options: WriterOptions,
    ) -> None:
        self._spool = spool
        self._backend = backend
        self._keyring = keyring
        self._codec = codec
        self.find = find
        self.average_bytes = options.average_bytes
        self._health = health
        self._floor = floor
        self._options = options
        self._lock = threading.Lock()
        self._domains: dict[bytes, OpenDomain] = {}
        self._threads = threading.local()
        self._buffers = Buffers()
        self._ingests: weakref.WeakSet[Ingest] = weakref.WeakSet()
        self._putting: dict[OpenPack, bytes] = {}
        self._unsettled: weakref.WeakSet[StoredContent] = weakref.WeakSet()
        self._closers = ThreadPoolExecutor(_CLOSERS, thread_name_prefix="packs")
        self._closing = threading.BoundedSemaphore(_CLOSERS)

    def begin(self, space: bytes) -> Ingest:
        """Return a new ingest into *space*; it costs nothing until something is cut."""
        ingest = Ingest(lambda: self._enter(space), self._leave, self._buffers)
        ingest.future.add_done_callback(self._note_unsettled)
        with self._lock:
            self._ingests.add(ingest)
        return ingest

    def keys_in_use(self) -> set[bytes]:
        """Return the keys of the chunks of the index that uploads under way count on."""
        keys: set[bytes] = set()
        for ingest in self._under_way():
            keys |= ingest.reused_keys()
        for content in self._waiting():
            keys.update(content.reused)
        return keys

    def packs_in_use(self) -> set[bytes]:
        """Return the ids of the durable packs that uploads under way have chunks in."""
        with self._lock:
            packs = set(self._putting.values())
        for ingest in self._under_way():
            packs.update(pack.stored.pack_id for pack in ingest.packs if pack.stored is not None)
        for content in self._waiting():
            packs.update(pack.pack_id for pack in content.packs)
        return packs

    def store(self, cuts: Iterable[Cut]) -> None:
        """Store what was cut, of any number of streams, with one look-up for all; the cuts are used up.

        Raises:
            StoreFull: there is no room.
            StoreReadOnly: the store takes no changes.
        """
        cuts = list(cuts)
        held = {ingest for ingest in {cut.ingest for cut in cuts} if ingest.hold()}
        try:
            self._store([cut for cut in cuts if cut.ingest in held])
        finally:
            self._buffers.give_back(cut.raw for cut in cuts)
            for ingest in held:
                ingest.release()

    def finish(self, ingest: Ingest) -> Future[StoredContent]:
        """Write the manifest of a stream whose cuts are all stored; the future answers when everything is durable.

        The future fails with StoreFull or StoreReadOnly when a pack it needs cannot become durable.
        """
        return self._finish(ingest, is_one=True)

    def finish_many(self, ingest: Ingest) -> Future[StoredContent]:
        """Do what :meth:`finish` does for the many streams of one ingest; what the future answers names no content."""
        return self._finish(ingest, is_one=False)

    def finish_here(self, ingests: Sequence[Ingest]) -> None:
        """Do what :meth:`finish` does for each of *ingests*, whose futures answer, and wait for the disk meanwhile.

        The packs become durable on the calling thread, unless another is making those of their domain durable already.
        """
        domains = []
        for ingest in ingests:
            try:
                if self._complete(ingest, is_one=True):
                    domains.append(ingest.domain)
            except Exception as error:  # noqa: BLE001 - it is answered to whoever waits for this stream
                ingest.fail(error)
        for domain in domains:
            if self._flush_once(domain):
                self._closers.submit(self._flush, domain)

    def _finish(self, ingest: Ingest, *, is_one: bool) -> Future[StoredContent]:
        if self._complete(ingest, is_one=is_one):
            self._closers.submit(self._flush, ingest.domain)
        return ingest.future

    def _complete(self, ingest: Ingest, *, is_one: bool) -> bool:
        """Take the end of a stream in; return True when the caller has to start the flush of its domain."""
        if not ingest.hold():
            return False
        try:
            if is_one:
                ingest.manifest = manifest.write(ingest.entries, lambda nodes: self._store_nodes(ingest, nodes))
            must_flush = ingest.domain.want(ingest.packs)
        finally:
            ingest.end()
            ingest.release()
        ingest.wait()
        return must_flush

    def check_room(self, wanted_bytes: int = 0) -> None:
        """Return if there is room to write *wanted_bytes*.

        Raises:
            StoreFull: there is not.
            StoreReadOnly: the store takes no changes.
        """
        self._health.check_writable()
        self._floor.check(wanted_bytes)

    def oldest_epoch(self, space: bytes) -> int | None:
        """Return the oldest epoch that an upload under way into *space* uses, None when there is none."""
        domains = [ingest.domain.keys for ingest in self._under_way() if ingest.has_begun]
        return min((keys.epoch for keys in domains if keys.space == space), default=None)

    def has_unsettled(self, space: bytes) -> bool:
        """Tell whether content for *space* is durable that nothing points to yet."""
        return any(pack.domain == space for content in self._waiting() for pack in content.packs)

    def renew(self, space: bytes) -> None:
        """Have uploads that begin from now on use the newest keys of *space*; those under way go on with theirs."""
        with self._lock:
            self._domains.pop(space, None)

    def close(self) -> None:
        """Wait until the packs that somebody waits for are durable and end the threads."""
        self._closers.shutdown(wait=True)

    def _under_way(self) -> list[Ingest]:
        with self._lock:
            return list(self._ingests)

    def _waiting(self) -> list[StoredContent]:
        with self._lock:
            return list(self._unsettled)

    def _note_unsettled(self, future: Future[StoredContent]) -> None:
        if future.exception() is None:
            with self._lock:
                self._unsettled.add(future.result())

    def _enter(self, space: bytes) -> OpenDomain:
        self.check_room()
        with self._lock:
            # Inside the lock: an upload that begins after a rotation uses the new key.
            keys = self._keyring.domain(space)
            domain = self._domains.get(space)
            if domain is None:
                chunker = Chunker(keys.cut_key, self._options.average_bytes)
                domain = self._domains[space] = OpenDomain(keys, chunker)
            domain.entered()
        return domain

    def _leave(self, ingest: Ingest) -> None:
        for pack in ingest.domain.left(was_ending=ingest.was_ending):
            self._fail(ingest.domain, pack, ValueError("nobody wants this pack"))
        self._forget(ingest.domain)

    def _forget(self, domain: OpenDomain) -> None:
        with self._lock:
            if domain.is_idle and self._domains.get(domain.keys.space) is domain:
                del self._domains[domain.keys.space]
            if not self._domains:
                self._buffers.forget()

    def _store(self, cuts: Sequence[Cut]) -> None:
        names = [cut.ingest.domain.keys.content_ids.of(cut.kind, cut.raw) for cut in cuts]
        keys = [name[:CHUNK_KEY_BYTES] for name in names]
        unknown = [key for key, cut in zip(keys, cuts, strict=True) if cut.ingest.known(key) is None]
        found = self.find(unknown) if unknown else set()
        for cut, name, key in zip(cuts, names, keys, strict=True):
            ingest, raw_length = cut.ingest, len(cut.raw)
            plain_bytes = raw_length if cut.kind == DATA else 0
            pending = ingest.known(key)
            if pending is not None:
                ingest.add_pending(pending, plain_bytes)
            elif key in found or ingest.has_reused(key):
                ingest.add_reused(key, plain_bytes)
            else:
                ingest.add_stored(self._append(ingest.domain, cut, name))
            if cut.place >= 0:
                ingest.entries[cut.place] = manifest.Entry(name, raw_length)

    def _store_nodes(self, ingest: Ingest, nodes: Sequence[bytes]) -> list[bytes]:
        self._store([Cut(ingest, -1, MANIFEST, node) for node in nodes])
        names = [ingest.domain.keys.content_ids.of(MANIFEST, node) for node in nodes]
        ingest.nodes += names
        return names

    def _append(self, domain: OpenDomain, cut: Cut, name: bytes) -> PendingChunk:
        record, flags = self._sealer().seal(domain.keys, domain.keys.epoch, cut.kind, name, cut.raw)
        while True:
            pack = domain.pack(self._new_pack(domain))
            with pack.lock:
                if pack.state is not PackState.OPEN:
                    continue
                try:
                    with self._health.writing():
                        offset = pack.writer.append(record, name, len(cut.raw), cut.kind, flags)
                except CloudConnectError as refusal:
                    pack.state = PackState.FAILED
                    failure = refusal
                else:
                    chunk = PendingChunk(name[:CHUNK_KEY_BYTES], pack, offset, len(record), len(cut.raw))
                    domain.took(chunk)
                    break
            if domain.detach(pack):
                self._fail(domain, pack, failure)
            raise failure
        if pack.writer.size >= self._options.pack_bytes and domain.detach(pack):
            self._closing.acquire()
            self._closers.submit(self._close_full, domain, pack)
        return chunk

    def _new_pack(self, domain: OpenDomain) -> Callable[[], PackWriter]:
        def new() -> PackWriter:
            self._floor.check()
            with self._health.writing():
                return PackWriter(self._spool / secrets.token_hex(16), domain.keys)

        return new

    def _sealer(self) -> Sealer:
        try:
            sealer: Sealer = self._threads.sealer
        except AttributeError:
            sealer = self._threads.sealer = Sealer(self._codec)
        return sealer

    def _flush(self, domain: OpenDomain) -> None:
        while self._flush_once(domain):
            pass

    def _flush_once(self, domain: OpenDomain) -> bool:
        """Make what is wanted durable; return True when more is wanted since then, and the flush has to go on."""
        for pack in domain.wait_for_company(self._options.window_seconds):
            if domain.detach(pack):
                self._close(domain, pack)
        if domain.is_wanted_more():
            return True
        self._forget(domain)
        return False

    def _close_full(self, domain: OpenDomain, pack: OpenPack) -> None:
        try:
            self._close(domain, pack)
        finally:
            self._closing.release()
        self._forget(domain)

    def _close(self, domain: OpenDomain, pack: OpenPack) -> None:
        space = domain.keys.space
        try:
            with self._health.writing():
                pack_id = pack.writer.finish()
            name = pack_name(space, pack_id)
            with self._lock:
                self._putting[pack] = pack_id
            self._backend.put(name, pack.writer.path)
            stored = StoredPack(pack_id, space, pack.writer.size, place_of(self._backend, name))
        except Exception as error:  # noqa: BLE001 - it is told to whoever waits, who would wait for ever
            self._fail(domain, pack, error)
        else:
            pack.settled(PackState.DURABLE, stored=stored)
            domain.let_go(pack)
        finally:
            # Those who wait for it name it from now on.
            with self._lock:
                self._putting.pop(pack, None)

    def _fail(self, domain: OpenDomain, pack: OpenPack, failure: Exception) -> None:
        pack.writer.discard()
        domain.let_go(pack)
        pack.settled(PackState.FAILED, failure=failure)
