"""The bytes of one request on their way to the end of an upload."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Final

from cloudconnect.bus import EventLog, Unit
from cloudconnect.features.files.errors import QuotaExceeded, TooLong, WrongLength
from cloudconnect.features.files.models import LONGEST_BYTES, Upload
from cloudconnect.features.files.service.growths import gone
from cloudconnect.features.files.service.turns import busy
from cloudconnect.features.files.store import spaces, uploads
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import format_bytes
from cloudconnect.ports.vault import Growth, Hashing, Kept, Vault

_PORTION_BYTES: Final = 16 << 20
_PORTION_SPAN: Final = timedelta(seconds=5)


class Appending:
    """Takes the bytes of one request in, so that what has arrived is durable every 16 MiB and every five seconds.

    One portion becomes durable while the next arrives. Where there is something to
    *verify*, nothing counts before all of it has arrived and was found right.
    """

    def __init__(
        self,
        log: EventLog,
        clock: Clock,
        vault: Vault,
        principal: Principal,
        upload: Upload,
        growth: Growth,
        lifetime: timedelta,
    ) -> None:
        self.upload = upload
        self.is_whole = False
        self._log = log
        self._clock = clock
        self._vault = vault
        self._principal = principal
        self._growth = growth
        self._lifetime = lifetime
        self._offset = upload.received
        self._began = clock.now()
        self._unkept_bytes = 0
        self._keeping: asyncio.Task[None] | None = None
        self._held: list[Kept] = []

    async def run(self, stream: AsyncIterator[bytes], verify: Callable[[], None] | None) -> None:
        """Append *stream*; when it breaks off, with an OSError, what had arrived stays.

        Raises:
            WrongLength, TooLong: there is more of it than was said or than a file may have.
            QuotaExceeded: the space may not hold as much.
            NoSuchUpload: it was removed meanwhile.
        """
        try:
            await self._run(stream, verify)
        finally:
            if self._keeping is not None and not self._keeping.done():
                self._keeping.add_done_callback(_take_outcome)
                self._keeping.cancel()
            await self._growth.close()

    @property
    def hashing(self) -> Hashing | None:
        """The hash of all that has arrived, None when nobody has seen it all."""
        return self._growth.hashing

    async def seal(self) -> None:
        """Let the upload end where it is: its last bytes become a chunk."""
        try:
            await self._commit([await self._growth.keep(is_last=True)])
        finally:
            await self._growth.close()

    async def _run(self, stream: AsyncIterator[bytes], verify: Callable[[], None] | None) -> None:
        try:
            await self._take(stream, is_held=verify is not None)
        except OSError:
            if verify is None:
                await self._finish()
            raise
        if verify is not None:
            verify()
        await self._finish()

    async def _take(self, stream: AsyncIterator[bytes], *, is_held: bool) -> None:
        async for piece in stream:
            self._offset += len(piece)
            self._check_length()
            await self._growth.add(piece)
            self._unkept_bytes += len(piece)
            if self._unkept_bytes >= _PORTION_BYTES:
                await self._keep_ahead(whole_only=True, is_held=is_held)
            elif not is_held and self._clock.now() - self._began >= _PORTION_SPAN:
                await self._keep_ahead(whole_only=False, is_held=False)

    async def _keep_ahead(self, *, whole_only: bool, is_held: bool) -> None:
        """Begin to make durable what waits, once what was begun before is."""
        if self._keeping is not None:
            await self._keeping
        self._began, self._unkept_bytes = self._clock.now(), 0
        self._keeping = asyncio.create_task(self._keep(whole_only=whole_only, is_held=is_held))

    async def _keep(self, *, whole_only: bool, is_held: bool) -> None:
        kept = await self._growth.keep(whole_only=whole_only)
        if is_held:
            self._held.append(kept)
        else:
            await self._commit([kept])

    async def _finish(self) -> None:
        if self._keeping is not None:
            await self._keeping
        kept = await self._growth.keep(is_last=self._offset == self.upload.length)
        await self._commit([*self._held, kept])
        self.is_whole = True

    async def _commit(self, kept: list[Kept]) -> None:
        if kept[-1].size == self.upload.received and not any(each.chunks for each in kept):
            return
        self.upload = await self._log.commit(lambda unit: self._advance(unit, kept), actor=self._principal)

    def _advance(self, unit: Unit, kept: list[Kept]) -> Upload:
        upload = uploads.find(unit.sql, self.upload.id, self.upload.principal, unit.now)
        if upload is None or upload.is_done:
            raise gone()
        if upload.received != self.upload.received:
            # What a request that was cut off had asked for has become durable after all.
            raise busy()
        for each in kept:
            self._vault.settle(unit.sql, upload.space, each)
            uploads.extend(unit.sql, upload, each.chunks, each.pieces)
            upload = dataclasses.replace(
                upload,
                received=each.size,
                chunks=upload.chunks + len(each.chunks),
                stored_bytes=upload.stored_bytes + each.stored_bytes,
                reused_bytes=upload.reused_bytes + each.reused_bytes,
                expires=unit.now + self._lifetime,
            )
        uploads.advance(unit.sql, upload)
        self._check_room(unit, upload)
        return upload

    def _check_room(self, unit: Unit, upload: Upload) -> None:
        """Return unless what is in progress alone is more than the space may ever hold."""
        space = spaces.find_space(unit.sql, upload.space)
        if space is None or space.quota_bytes is None:
            return
        received = uploads.received_bytes(unit.sql, upload.space)
        if received > space.quota_bytes:
            raise QuotaExceeded(
                N_("Uploads in progress hold {received}; the space may have {quota}."),
                fix=N_("Complete some of them, or give them up: cloudconnect uploads list"),
                received=format_bytes(received),
                quota=format_bytes(space.quota_bytes),
            )

    def _check_length(self) -> None:
        if self.upload.length is not None and self._offset > self.upload.length:
            raise WrongLength(
                N_("There are more bytes than the {length} that were announced."), length=self.upload.length
            )
        if self._offset > LONGEST_BYTES:
            raise TooLong(N_("A file has at most {most} bytes."), most=LONGEST_BYTES)


def _take_outcome(task: "asyncio.Task[None]") -> None:
    if not task.cancelled():
        task.exception()
