"""Uploads in progress: begun once, continued by many requests, complete when every byte is durable."""

import dataclasses
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import (
    NotJoinable,
    TooLong,
    TooManyUploads,
    UploadDone,
    WrongLength,
    WrongOffset,
)
from cloudconnect.features.files.models import LONGEST_BYTES, Put, Upload, UploadKind, UploadPlan, UploadState
from cloudconnect.features.files.service.acting import to_parameters
from cloudconnect.features.files.service.appending import Appending
from cloudconnect.features.files.service.charging import check_quota
from cloudconnect.features.files.service.finishing import Finishing
from cloudconnect.features.files.service.growths import Growths
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.turns import Turns, busy
from cloudconnect.features.files.store import finishing, uploads
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.ids import SpaceId, new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Growth, Vault

_SWEPT: Final = 5_000
_LONG_SECONDS: Final = 5.0
_JOINABLE: Final = frozenset({UploadKind.PART, UploadKind.CHUNK})


@dataclass(frozen=True, slots=True)
class UploadLimits:
    """How long an upload lives after its last byte, and how many one person may have in progress."""

    lifetime: timedelta = timedelta(hours=24)
    most_open: int = 256


class UploadsService:
    """Takes files in over many requests; what has arrived is durable, sealed, and survives a restart.

    Only who began an upload goes on with it; to everybody else it does not exist. Permission, condition, parents and
    quota are looked at when it begins and at each request, and decided anew in the unit that makes it a file.
    """

    def __init__(
        self,
        log: EventLog,
        database: Database,
        clock: Clock,
        guide: Guide,
        vault: Vault,
        limits: UploadLimits | None = None,
    ) -> None:
        self.limits = limits or UploadLimits()
        self._log = log
        self._database = database
        self._clock = clock
        self._guide = guide
        self._vault = vault
        self._turns = Turns()
        self._growths = Growths(database, clock, vault)
        self._finishing = Finishing(log, database, guide, vault, self._growths, self._turns, self._appending)

    # Beginning

    async def begin(
        self,
        principal: Principal,
        space: str,
        plan: UploadPlan,
        *,
        length: int | None,
        kind: UploadKind = UploadKind.WHOLE,
    ) -> Upload:
        """Begin an upload of *length* bytes, or of a length that is said later, that becomes what *plan* says.

        Raises:
            TooManyUploads: as many as are kept are in progress.
            TooLong, QuotaExceeded, NoSpace: it would be too much.
            ConditionMissing, Stale, NotAFile, NoParent: as for ``FilesService.put_file``.
        """
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Upload:
            if uploads.count_open(unit.sql, principal.id) >= self.limits.most_open:
                raise TooManyUploads(
                    N_("You have {most} uploads in progress."),
                    fix=N_("Complete some of them, or give them up: cloudconnect uploads list"),
                    retry_after_seconds=60,
                    most=self.limits.most_open,
                )
            upload = self._new(unit, principal, space_id, plan, kind, length)
            self._decide(unit.sql, principal, upload)
            self._vault.check_room(length or 0)
            uploads.add(unit.sql, upload)
            return upload

        return await self._log.commit(change, actor=principal)

    async def join(self, principal: Principal, space: str, plan: UploadPlan, parts: Sequence[str]) -> Upload:
        """Return an upload made of *parts*, other uploads by id, in their order; all of its bytes are here.

        Asking again for the same parts returns the same upload, unless it did not become a file yet and shall be
        another one now.

        Raises:
            NotJoinable: one is no part, is not complete, lies in another space, or became another file.
            NoSuchUpload: one does not exist.
            UploadBusy: they are just becoming another file.
        """
        space_id = await self._guide.space_id(principal, space)

        def change(unit: Unit) -> Upload:
            known = uploads.find_joined(unit.sql, principal.id, parts, unit.now)
            upload = self._new(unit, principal, space_id, plan, UploadKind.JOINED, None)
            if known is not None and self._is_to_be(known, upload):
                return known
            found = [self._growths.own(unit.sql, principal, part) for part in parts]
            if not found or len(set(parts)) < len(parts) or not all(_is_joinable(each, space_id) for each in found):
                raise NotJoinable(fix=N_("Name parts that are complete, each once, all in the space of the whole."))
            length = sum(each.received for each in found)
            upload = dataclasses.replace(upload, length=length, received=length, parts=tuple(parts))
            self._decide(unit.sql, principal, upload)
            if known is not None:
                uploads.remove(unit.sql, known.id)
            uploads.add(unit.sql, upload)
            return upload

        return await self._log.commit(change, actor=principal)

    # Looking

    async def get(self, principal: Principal, upload: str) -> Upload:
        """Return an upload as far as it is durable now.

        Raises:
            NoSuchUpload: there is none, it has expired, or somebody else began it.
        """
        return await self._database.read(lambda sql: self._growths.own(sql, principal, upload))

    async def find(self, principal: Principal, limit: int, cursor: str | None) -> Page[Upload]:
        """Return a page of the uploads that *principal* has in progress, oldest first."""
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""
        now = self._clock.now()
        found = await self._database.read(
            lambda sql: uploads.find_open(sql, principal.id, now, after, limit + 1),
        )
        return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def halt(self, principal: Principal, upload: str) -> Upload:
        """Return an upload at which nobody works any more: a request that still does is ended, what it brought stays.

        One that is just becoming a file is not disturbed.

        Raises:
            NoSuchUpload: there is none.
            UploadBusy: the request does not end.
        """
        await self.get(principal, upload)
        if not self.is_finishing(upload):
            await self._turns.end(upload)
        return await self.get(principal, upload)

    def is_finishing(self, upload: str) -> bool:
        """Tell whether an upload whose bytes are all here is just becoming a file."""
        return self._finishing.is_at(upload)

    # Going on

    async def append(
        self,
        principal: Principal,
        upload: str,
        offset: int,
        stream: AsyncIterator[bytes],
        *,
        length: int | None = None,
        interrupt: Callable[[], None] = lambda: None,
        verify: Callable[[], None] | None = None,
    ) -> Upload:
        """Append *stream*, whose first byte stands at *offset*, and return the upload once all of it is durable.

        *length* says how long the whole is, where nobody has yet. *stream* raises OSError when it breaks off, and
        *interrupt* makes it do so. With *verify*, which is called once everything has arrived, all of the stream counts
        or, if that raises, nothing.

        Raises:
            UploadBusy: another request works on it.
            WrongOffset: it goes on elsewhere.
            WrongLength: *length* or the stream do not agree with what was said before.
            UploadDone: it is complete.
        """
        with self._turns.take(upload, interrupt):
            found = await self._prepare(principal, upload, offset, length)
            appending = self._appending(principal, found, await self._growths.open(found))
            try:
                await appending.run(stream, verify)
            finally:
                if appending.is_whole:
                    self._growths.remember(appending.upload, appending.hashing)
            return appending.upload

    async def complete(self, principal: Principal, upload: str, patience_seconds: float) -> Put | None:
        """Make an upload whose bytes are all here the file that it was planned to be.

        After *patience_seconds* return None: it goes on, also after a restart, and asking again tells how it ended. An
        upload whose length nobody has said ends where it is.

        Raises:
            NotReceived: bytes are missing.
            UploadBusy: another request works on it.
            ConditionMissing, Stale, NotAFile, NoParent, QuotaExceeded: as for ``FilesService.put_file``; the upload
                stays, and completing it can be tried again.
        """
        found = await self.get(principal, upload)
        put = await self._finishing.run(principal, upload, min(patience_seconds, _LONG_SECONDS))
        if put is not None:
            return put
        acting = to_parameters(principal)
        await self._log.commit(lambda unit: finishing.mark(unit.sql, upload, found.space, acting), actor=principal)
        return await self._finishing.run(principal, upload, max(patience_seconds - _LONG_SECONDS, 0.0))

    async def remove(self, principal: Principal, upload: str) -> None:
        """Forget an upload, a folder of chunks with all of them; a request that works on it is ended.

        Raises:
            NoSuchUpload: there is none.
            UploadBusy: it is just becoming a file.
        """
        await self.halt(principal, upload)

        def change(unit: Unit) -> None:
            found = self._growths.own(unit.sql, principal, upload)
            if found.kind is UploadKind.CHUNKS:
                uploads.remove_folder(unit.sql, principal.id, found.plan.metadata)
            uploads.remove(unit.sql, upload)

        with self._turns.take(upload, lambda: None):
            await self._log.commit(change, actor=principal)
        self._growths.forget(upload)

    async def remove_expired(self) -> None:
        """Let go of what uploads hold that have expired, were removed or are complete; gc frees the room."""
        self._finishing.forget_ended()
        while await self._log.commit(lambda unit: uploads.sweep(unit.sql, unit.now, _SWEPT), actor=APPLIANCE):
            pass

    async def close(self) -> None:
        """End what is just becoming a file; its bytes stay, and it can be completed after the next start."""
        await self._finishing.close()

    # How

    def _new(
        self,
        unit: Unit,
        principal: Principal,
        space: SpaceId,
        plan: UploadPlan,
        kind: UploadKind,
        length: int | None,
    ) -> Upload:
        # What was given may be anything; what is kept is a media type.
        media_type = rules.media_type(plan.path.rpartition("/")[2], plan.media_type)
        return Upload(
            id=new_id("upl", unit.now_ms),
            kind=kind,
            state=UploadState.OPEN,
            principal=principal.id,
            space=space,
            plan=dataclasses.replace(plan, media_type=media_type),
            length=length,
            received=0,
            created=unit.now,
            expires=unit.now + self.limits.lifetime,
        )

    def _is_to_be(self, known: Upload, asked: Upload) -> bool:
        """Tell whether *known* became, or is to become, what is *asked* for.

        Raises:
            UploadBusy: it is just becoming something else.
        """
        if known.is_done:
            return (known.space, known.plan.path) == (asked.space, asked.plan.path)
        is_same = (known.space, known.plan) == (asked.space, asked.plan)
        if not is_same and self.is_finishing(known.id):
            raise busy()
        return is_same

    def _decide(self, sql: Sql, principal: Principal, upload: Upload) -> None:
        """Return if *upload* could become what it is planned to be, as far as that can be said now."""
        if upload.length is not None and upload.length > LONGEST_BYTES:
            raise TooLong(N_("A file has at most {most} bytes."), most=LONGEST_BYTES)
        plan, names = upload.plan, rules.parse_path(upload.plan.path)
        if upload.kind.is_part:
            place = self._guide.place(sql, principal, upload.space, names, Action.WRITE)
            replaced = 0
        else:
            place = self._guide.place_to_put(sql, principal, upload.space, names, plan.condition, plan.parents)
            replaced = (place.entry and place.entry.size) or 0
        more = max(upload.length or 0, upload.received) - replaced
        check_quota(sql, place.space, more, self._guide.now_ms)

    async def _prepare(self, principal: Principal, upload: str, offset: int, length: int | None) -> Upload:
        def check(sql: Sql) -> Upload:
            found = self._growths.own(sql, principal, upload)
            if found.is_done or found.kind is UploadKind.JOINED:
                raise UploadDone(fix=N_("Begin a new one."))
            if found.received != offset:
                raise WrongOffset(
                    N_("It goes on at {offset}, not at {given}."),
                    fix=N_("Ask how far it is, and send what follows."),
                    offset=found.received,
                    given=offset,
                )
            told = _with_length(found, length)
            self._decide(sql, principal, told)
            return found

        found = await self._database.read(check)
        if length is None or found.length == length:
            return found

        def change(unit: Unit) -> Upload:
            told = _with_length(self._growths.own(unit.sql, principal, upload), length)
            uploads.advance(unit.sql, told)
            return told

        return await self._log.commit(change, actor=principal)

    def _appending(self, principal: Principal, upload: Upload, growth: Growth) -> Appending:
        return Appending(self._log, self._clock, self._vault, principal, upload, growth, self.limits.lifetime)


def _is_joinable(part: Upload, space: SpaceId) -> bool:
    return part.kind in _JOINABLE and part.state is UploadState.OPEN and part.is_received and part.space == space


def _with_length(upload: Upload, length: int | None) -> Upload:
    """Return *upload* with the length that was said now, if one was.

    Raises:
        WrongLength: another one was said before, or more than that is here.
    """
    if length is None:
        return upload
    if upload.length not in {None, length} or length < upload.received:
        raise WrongLength(
            N_("The length cannot be {length}."), fix=N_("Say the length that was announced."), length=length
        )
    return dataclasses.replace(upload, length=length)
