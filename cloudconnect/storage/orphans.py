"""Packs that no index names: a start sets them aside, and after a week they go if nothing can be wanted of them."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Final

from cloudconnect.kernel.clock import Clock
from cloudconnect.storage import damage
from cloudconnect.storage.backends import Backend, Orphan, orphan_name
from cloudconnect.storage.index import Sql
from cloudconnect.storage.packs import pack_id_of
from cloudconnect.storage.repacking import Progress, Store

KEPT: Final = timedelta(days=7)


class Orphans:
    """Removes what was set aside for a week; *is_index_whole* tells whether the database was found to be whole."""

    def __init__(self, backend: Backend, store: Store, clock: Clock, is_index_whole: Callable[[], bool]) -> None:
        self._backend = backend
        self._store = store
        self._clock = clock
        self._is_index_whole = is_index_whole

    def run(self, parameters: Mapping[str, str], progress: Progress) -> dict[str, int | str]:
        """Remove what may go, and return how many packs and bytes were there and how many went.

        Nothing goes while the database is not known to be whole or anything is damaged: what was set aside may be what
        heals it. A pack that the index names after all stays as well.
        """
        del parameters
        found = list(self._backend.orphans())
        before = (self._clock.now() - KEPT).timestamp()
        removed = removed_bytes = 0
        for orphan in found:
            progress.check()
            if orphan.since > before or not self._is_index_whole() or self._is_wanted(orphan):
                continue
            self._backend.delete(orphan_name(orphan.name))
            removed += 1
            removed_bytes += orphan.size
        return {
            "orphan_packs": len(found),
            "orphan_bytes": sum(orphan.size for orphan in found),
            "packs_removed": removed,
            "freed_bytes": removed_bytes,
        }

    def _is_wanted(self, orphan: Orphan) -> bool:
        ids = pack_id_of(orphan.name)
        return ids is None or self._store.read(partial(_is_wanted, pack_id=ids[1]))


def _is_wanted(sql: Sql, pack_id: bytes) -> bool:
    return damage.count(sql) != (0, 0) or sql.row("SELECT 1 FROM pack WHERE id = ?", (pack_id,)) is not None
