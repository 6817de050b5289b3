"""Uploads whose bytes are all here become files, however long that takes."""

import asyncio
import dataclasses
from collections.abc import Callable

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.files import rules
from cloudconnect.features.files.checksums import Checksum
from cloudconnect.features.files.errors import NotReceived
from cloudconnect.features.files.models import Put, Upload, UploadKind
from cloudconnect.features.files.moments import Seqs, UndoToken
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.appending import Appending
from cloudconnect.features.files.service.growths import Growths, gone
from cloudconnect.features.files.service.guide import Guide
from cloudconnect.features.files.service.turns import Turns
from cloudconnect.features.files.store import tree, uploads
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Content, Growth, Vault

Append = Callable[[Principal, Upload, Growth], Appending]


class Finishing:
    """The uploads that are just becoming files; each does so once, whoever asks and however often."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        guide: Guide,
        vault: Vault,
        growths: Growths,
        turns: Turns,
        append: Append,
    ) -> None:
        self._log = log
        self._database = database
        self._guide = guide
        self._vault = vault
        self._growths = growths
        self._turns = turns
        self._append = append
        self._tasks: dict[str, asyncio.Task[Put]] = {}

    def is_at(self, upload: str) -> bool:
        """Tell whether *upload* is just becoming a file."""
        task = self._tasks.get(upload)
        return task is not None and not task.done()

    async def run(self, principal: Principal, upload: str, patience_seconds: float) -> Put | None:
        """Make *upload* a file and return it, or return None after *patience_seconds*: it goes on then."""
        task = self._tasks.get(upload)
        if task is None:
            task = self._tasks[upload] = asyncio.create_task(self._finish(principal, upload))
        await asyncio.wait([task], timeout=patience_seconds)
        if not task.done():
            return None
        self._tasks.pop(upload, None)
        return task.result()

    def forget_ended(self) -> None:
        """Remember no longer how those ended after which nobody has asked."""
        for upload in [upload for upload, task in self._tasks.items() if task.done()]:
            self._tasks.pop(upload).exception()

    async def close(self) -> None:
        """End all of them; their bytes stay, and they can be completed after the next start."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _finish(self, principal: Principal, upload: str) -> Put:
        with self._turns.take(upload, lambda: None):
            found = await self._database.read(lambda sql: self._growths.own(sql, principal, upload))
            if found.is_done:
                return await self._database.read(lambda sql: _remembered(sql, found))
            if found.kind.is_part or found.length not in {None, found.received}:
                raise NotReceived(
                    N_("{received} bytes are here."), fix=N_("Send what is missing."), received=found.received
                )
            try:
                return await self._make(principal, found)
            except CloudConnectError:
                if found.kind is UploadKind.JOINED:
                    # Its parts stay, and may be joined anew, with another plan.
                    await self._log.commit(lambda unit: uploads.remove(unit.sql, upload), actor=principal)
                raise

    async def _make(self, principal: Principal, upload: Upload) -> Put:
        sealed, sha256 = await self._seal(principal, upload)
        chunks = await self._database.read(lambda sql: _chunks(sql, sealed))
        checksum = Checksum(upload.plan.checksum) if upload.plan.checksum else None
        if checksum is None or checksum.is_sha256:
            content = await self._vault.assemble(sealed.space, chunks, sha256)
        else:
            content = await self._vault.assemble(sealed.space, chunks, sha256, checksum)
        if checksum is not None:
            checksum.check(content.sha256)
        put = await self._log.commit(lambda unit: self._write(unit, principal, sealed, content), actor=principal)
        self._growths.forget(upload.id)
        return put

    async def _seal(self, principal: Principal, upload: Upload) -> tuple[Upload, bytes | None]:
        """Return *upload* with its last bytes in a chunk of their own, and the SHA-256 of all if it is known."""
        if upload.kind is UploadKind.JOINED:
            return upload, None
        appending = self._append(principal, upload, await self._growths.open(upload))
        await appending.seal()
        hashing = appending.hashing
        self._growths.remember(appending.upload, hashing)
        return appending.upload, None if hashing is None else hashing.digest()

    def _write(self, unit: Unit, principal: Principal, upload: Upload, content: Content) -> Put:
        """Make *content* the file that *upload* was planned to be, if that is still possible."""
        current = self._growths.own(unit.sql, principal, upload.id)
        if current.is_done or current.received != content.size:
            raise gone()
        plan, names = upload.plan, rules.parse_path(upload.plan.path)
        place = self._guide.place_to_put(unit.sql, principal, upload.space, names, plan.condition, plan.parents)
        self._vault.settle(unit.sql, upload.space, content)
        entry = deeds.write_entry(unit, place, content, plan.modified_ns, plan.media_type)
        uploads.finish(unit.sql, [upload.id, *upload.parts], entry.node, entry.from_seq)
        stored = current.stored_bytes + content.stored_bytes
        undo = deeds.undo_of(unit, upload.space)
        return Put(entry, place.entry is None, entry.from_seq, stored, current.reused_bytes, undo)


def _chunks(sql: Sql, upload: Upload) -> list[tuple[bytes, int]]:
    return [chunk for each in upload.parts or (upload.id,) for chunk in uploads.find_chunks(sql, each)]


def _remembered(sql: Sql, upload: Upload) -> Put:
    """Return what became of an upload that is done."""
    if upload.node is None or upload.version is None:
        raise gone()
    entry = tree.find_row(sql, upload.space, upload.node, upload.version)
    if entry is None:
        raise gone()
    is_new = tree.find_row(sql, upload.space, upload.node, upload.version - 1) is None
    entry = dataclasses.replace(entry, path=rules.join_path(rules.parse_path(upload.plan.path)))
    # Folders that were made on the way are left when this is taken back: which those were is not remembered.
    undo = str(UndoToken(upload.space, Seqs([(upload.version, upload.version)])))
    return Put(entry, is_new, entry.from_seq, upload.stored_bytes, upload.reused_bytes, undo)
