"""The contents of one backup, chunk by chunk, so that only what is not stored here is read from its place."""

from collections.abc import Iterator
from contextlib import suppress

from cloudconnect.database.snapshot import Snapshot
from cloudconnect.features.backup import store
from cloudconnect.storage import manifest as manifests
from cloudconnect.storage.backup_places import BackupPlace
from cloudconnect.storage.errors import ContentDamaged
from cloudconnect.storage.index import Place
from cloudconnect.storage.manifest import Piece
from cloudconnect.storage.reader import Reader, Window
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.seal import DomainKeys, Malformed

_BATCH_BYTES = 8 << 20


class Contents:
    """Reads what *snapshot* names from *place*; in one thread at a time."""

    def __init__(self, place: BackupPlace, snapshot: Snapshot, repository: Repository) -> None:
        self._repository = repository
        self._reader = Reader(
            place.shelf,
            repository.keyring,
            repository.codec,
            lambda keys: {key: Place(*where) for key, where in store.locate(snapshot, list(keys))},
        )

    def stream(self, space: bytes, manifest: bytes) -> Iterator[bytes]:
        """Yield the plain bytes of a content.

        Raises:
            ContentDamaged: a chunk cannot be had as it was written.
        """
        return self._reader.read(space, manifest)

    def chunks(self, space: bytes, manifest: bytes) -> list[tuple[bytes, int]]:
        """Return content id and size of every chunk of data, in the order of the file.

        The nodes that are stored here as well are read there, so that those which are damaged are known to be.

        Raises:
            ContentDamaged: a node cannot be had as it was written.
        """
        keys = self._repository.keyring.domain(space)

        def load(content_id: bytes) -> bytes:
            with suppress(ContentDamaged):
                _fetch(self._repository.reader, keys, [content_id])
            return _fetch(self._reader, keys, [content_id])[0]

        try:
            pieces = list(manifests.pieces(manifest, load, 0, manifests.size(manifest)))
        except Malformed as error:
            raise ContentDamaged from error
        return [(piece.content_id, piece.size) for piece in pieces]

    def read(self, space: bytes, chunks: list[tuple[bytes, int]]) -> Iterator[list[bytes]]:
        """Yield the plain bytes of *chunks*, a few MiB at once.

        Raises:
            ContentDamaged: one cannot be had as it was written.
        """
        keys = self._repository.keyring.domain(space)
        batch: list[bytes] = []
        size = 0
        for content_id, length in chunks:
            batch.append(content_id)
            size += length
            if size >= _BATCH_BYTES:
                yield _fetch(self._reader, keys, batch)
                batch, size = [], 0
        if batch:
            yield _fetch(self._reader, keys, batch)


def _fetch(reader: Reader, keys: DomainKeys, content_ids: list[bytes]) -> list[bytes]:
    pieces = [Piece(0, content_id, 0) for content_id in content_ids]
    raws = reader.chunks(keys, Window(pieces, reader.places(content_ids)))
    return [raws[content_id] for content_id in content_ids]
