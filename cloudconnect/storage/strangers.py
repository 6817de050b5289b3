"""Packs among the others that no row names: what uploads left that were broken off or refused once packs were durable.

A start sets them aside (``Repository.recover``); this does so while the daemon goes on for months.
"""

import threading

from cloudconnect.kernel.errors import Unavailable
from cloudconnect.storage.index import Sql
from cloudconnect.storage.packs import pack_id_of
from cloudconnect.storage.repacking import Progress, Store
from cloudconnect.storage.repository import Repository


class Strangers:
    """Finds packs that no row names, and sets those aside that have been such for a while."""

    def __init__(self, repository: Repository, store: Store, hold: threading.Lock) -> None:
        self._backend = repository.backend
        self._writer = repository.writer
        self._store = store
        self._hold = hold
        self._since_ms: dict[str, int] = {}

    def find(self) -> dict[str, int]:
        """Return names and sizes of the packs that no row names, and that no upload under way has chunks in.

        One may be among them that is about to get its row: believe it only when it is found again later. Backends that
        do not answer are left out.
        """
        there = {name: (ids[1], size) for name, size in self._backend.names() if (ids := pack_id_of(name)) is not None}
        # In this order: what an upload lets go of has its row by then.
        in_use = self._writer.packs_in_use()
        known = self._store.read(_known_ids)
        return {name: size for name, (pack_id, size) in there.items() if pack_id not in known and pack_id not in in_use}

    def set_aside(self, grace_seconds: float, progress: Progress) -> tuple[int, int]:
        """Move packs under ``orphan/`` that were found ever since so long ago; return how many and their bytes.

        Nothing is moved while somebody copies packs.
        """
        now_ms = self._store.write(lambda _, now_ms: now_ms)
        found = self.find()
        self._since_ms = {name: self._since_ms.get(name, now_ms) for name in found}
        old = [name for name, since_ms in self._since_ms.items() if now_ms - since_ms >= grace_seconds * 1000]
        if not old or not self._hold.acquire(blocking=False):
            return 0, 0
        count = size = 0
        try:
            for name in old:
                progress.check()
                try:
                    self._backend.set_aside(name)
                except (Unavailable, FileNotFoundError):
                    continue
                count += 1
                size += found[name]
        finally:
            self._hold.release()
        return count, size


def _known_ids(sql: Sql) -> set[bytes]:
    return {bytes(pack_id) for (pack_id,) in sql.rows("SELECT id FROM pack")}
