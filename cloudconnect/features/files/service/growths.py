"""What has arrived of uploads: who may go on with one, and where its bytes go on."""

from collections import OrderedDict
from typing import Final

from cloudconnect.database import Database
from cloudconnect.features.files.errors import NoSuchUpload
from cloudconnect.features.files.models import Upload
from cloudconnect.features.files.store import uploads
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.ids import is_id
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Growth, Hashing, Vault

_REMEMBERED: Final = 1_024


class Growths:
    """Opens the growing streams of uploads, and remembers their hashes from one request to the next.

    A hash that goes on in memory saves reading the whole file again when it is complete; after a restart there is none.
    """

    def __init__(self, database: Database, clock: Clock, vault: Vault) -> None:
        self._database = database
        self._clock = clock
        self._vault = vault
        self._hashings: OrderedDict[str, tuple[int, Hashing]] = OrderedDict()

    def own(self, sql: Sql, principal: Principal, upload: str) -> Upload:
        """Return the upload of this id that *principal* began.

        Raises:
            NoSuchUpload: there is none, it has expired, or somebody else began it.
        """
        found = uploads.find(sql, upload, principal.id, self._clock.now()) if is_id(upload, "upl") else None
        if found is None:
            raise gone()
        return found

    async def open(self, upload: Upload) -> Growth:
        """Return the stream of *upload* at the end of what is durable; its hash is the caller's now."""
        pieces = await self._database.read(lambda sql: uploads.find_chunks(sql, upload.id, upload.chunks))
        received, hashing = self._hashings.pop(upload.id, (0, None))
        known = hashing if received == upload.received else None
        return await self._vault.grow(upload.space, upload.received, pieces, known)

    def remember(self, upload: Upload, hashing: Hashing | None) -> None:
        """Keep the hash that has seen all of *upload*."""
        if hashing is None:
            return
        self._hashings[upload.id] = (upload.received, hashing)
        if len(self._hashings) > _REMEMBERED:
            self._hashings.popitem(last=False)

    def forget(self, upload: str) -> None:
        """Keep the hash of *upload* no longer."""
        self._hashings.pop(upload, None)


def gone() -> NoSuchUpload:
    """Return the refusal of an upload that is not there, or not any more."""
    return NoSuchUpload(fix=N_("Begin a new one."))
