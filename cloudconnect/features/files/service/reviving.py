"""Uploads that were just becoming files when the appliance ended: it goes on with them, whether or not anybody asks."""

import structlog

from cloudconnect.bus import EventLog
from cloudconnect.database import Database
from cloudconnect.features.files.service.acting import find_principal
from cloudconnect.features.files.service.uploads import UploadsService
from cloudconnect.features.files.store import finishing
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.accounts import Accounts

log = structlog.get_logger()


class Reviving:
    """Completes uploads for those who asked for it, and decides everything anew: rights, condition and quota."""

    def __init__(self, event_log: EventLog, database: Database, uploads: UploadsService, accounts: Accounts) -> None:
        self._log = event_log
        self._database = database
        self._uploads = uploads
        self._accounts = accounts

    async def go_on(self) -> None:
        """Go on with what was broken off, and forget about what has ended; a job calls this every minute."""
        for upload, acting in await self._database.read(finishing.find):
            if self._uploads.is_finishing(upload):
                continue
            try:
                who = await self._database.read(lambda sql: find_principal(sql, self._accounts, acting))  # noqa: B023 - called at once
                has_ended = await self._uploads.complete(who, upload, 0.0) is not None
            except CloudConnectError as refusal:
                log.info("files.upload_refused", upload=upload, code=refusal.code)
                has_ended = True
            if has_ended:
                await self._log.commit(lambda unit: finishing.unmark(unit.sql, upload), actor=APPLIANCE)  # noqa: B023 - as above
