"""The verbs of the encryption room."""

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TypeVar

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.encryption import (
    KeyRotated,
    SharesMade,
    SlotAdded,
    SlotRemoved,
    SpaceResealed,
    SpaceShredded,
)
from cloudconnect.events.fact import Fact
from cloudconnect.features.encryption import store
from cloudconnect.features.encryption.errors import NoKeysForSpace, NoSuchCertificate, NoSuchServiceKey
from cloudconnect.features.encryption.models import (
    CERTIFICATE_KEY,
    ERASED,
    PENDING,
    SERVICE_KEYS,
    Certificate,
    KeyStatus,
    SpaceKeys,
)
from cloudconnect.kernel.clock import format_ns
from cloudconnect.kernel.ids import SpaceId, id_bytes, id_of, is_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Access
from cloudconnect.ports.operations import Outcome, Progress
from cloudconnect.ports.remnants import Remnants
from cloudconnect.ports.spaces import Spaces
from cloudconnect.ports.sql import Sql
from cloudconnect.storage import life, signatures
from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from cloudconnect.storage.errors import NoDomain
from cloudconnect.storage.repository import Repository
from cloudconnect.storage.reseal import Reseal
from cloudconnect.storage.shares import Share
from cloudconnect.storage.slots import Slot

Result = TypeVar("Result")

MakeSlot = Callable[[str, str], Slot]
"""Returns a slot of a kind, from a file of the server."""

RewriteCopies = Callable[[], Mapping[str, bool]]
"""Writes each copy of the keyring anew; says of each, by where it is, whether that could be done."""

_ROWS_AT_ONCE = 5_000


class EncryptionService:
    """Shows, replaces and destroys keys; for administrators who have just proved who they are."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        access: Access,
        repository: Repository,
        reseal: Reseal,
        spaces: Spaces,
        *,
        slot: Callable[[], Slot],
        make_slot: MakeSlot,
        rewrite_copies: RewriteCopies,
        remnants: Remnants,
    ) -> None:
        self._log = log
        self._database = database
        self._access = access
        self._repository = repository
        self._keyring = repository.keyring
        self._reseal = reseal
        self._spaces = spaces
        self._slot = slot
        self._make_slot = make_slot
        self._rewrite_copies = rewrite_copies
        self._remnants = remnants

    # What opens the store

    async def get_status(self, principal: Principal) -> KeyStatus:
        """Return what opens the store, without any secret."""
        self._access.require_admin(principal)

        def ask() -> KeyStatus:
            keys = self._keyring.service_keys(CERTIFICATE_KEY).values()
            public, *earlier = [signatures.public_key(key).hex() for key in keys]
            spaces = len(self._keyring.find_epochs().keys() - {CATALOG_DOMAIN})
            return KeyStatus(self._keyring.find_slots(), self._keyring.find_shares(), spaces, public, earlier)

        return await asyncio.to_thread(ask)

    async def add_slot(self, principal: Principal, kind: str, file: str) -> str:
        """Let something more open the store, and return the id of its slot; *file* lies on the server.

        Raises:
            BadSlot: there is no such kind.
            Invalid: the file cannot be read.
        """
        self._access.require_admin(principal, fresh=True)
        slot = self._make_slot(kind, file)
        identifier = await asyncio.to_thread(self._keyring.add_slot, slot)
        await self._note(principal, SlotAdded(subject=identifier, type=slot.kind))
        return identifier

    async def remove_slot(self, principal: Principal, identifier: str) -> None:
        """Let a slot open the store no longer.

        Raises:
            NoSuchSlot: there is none of this id.
            SlotNeeded: the daemon was started with it.
        """
        self._access.require_admin(principal, fresh=True)
        await asyncio.to_thread(self._keyring.remove_slot, identifier)
        await self._note(principal, SlotRemoved(subject=identifier))

    async def replace_recovery_code(self, principal: Principal) -> tuple[str, list[str]]:
        """Return a new recovery code, shown only now, and the places of backups that open with the earlier one still.

        Those could not be reached; everywhere else the earlier code opens nothing any more.
        """
        self._access.require_admin(principal, fresh=True)
        code = await asyncio.to_thread(self._keyring.replace_recovery_code)
        await self._note(principal, KeyRotated(subject="appliance", level="code"))
        return code, await self._rewrite()

    async def replace_shares(self, principal: Principal, needed: int, total: int) -> tuple[Sequence[Share], list[str]]:
        """Return new recovery shares, shown only now, and the places of backups that open with the earlier ones still.

        Raises:
            BadShares: so many cannot be made.
        """
        self._access.require_admin(principal, fresh=True)
        made = await asyncio.to_thread(self._keyring.replace_shares, needed, total)
        await self._note(principal, SharesMade(subject=made[0].set_id, needed=needed, total=total))
        return made, await self._rewrite()

    # Rotation

    async def rotate_master(self, principal: Principal) -> tuple[str, list[str]]:
        """Replace the master key; return the new recovery code, shown only now, and the copies as the code's verb does.

        The store opens with what the settings name and with that code. Other slots and shares are gone.
        """
        self._access.require_admin(principal, fresh=True)
        code = await asyncio.to_thread(lambda: self._keyring.rotate_master(self._slot()))
        await self._note(principal, KeyRotated(subject="appliance", level="master"))
        return code, await self._rewrite()

    async def rotate_wrapping(self, principal: Principal) -> int:
        """Replace the key that seals the keys of spaces; return how many keys those are."""
        self._access.require_admin(principal, fresh=True)
        count = await asyncio.to_thread(self._keyring.rotate_wrapping)
        await self._note(principal, KeyRotated(subject="appliance", level="wrapping"))
        return count

    async def rotate_space(self, principal: Principal, space: str) -> int:
        """Return the new epoch of a space: what is stored from now on is sealed with a new key.

        Raises:
            NoKeysForSpace: there is no such space.
        """
        self._access.require_admin(principal, fresh=True)
        domain = _domain(space)
        try:
            epoch = await asyncio.to_thread(self._keyring.add_epoch, domain)
        except NoDomain:
            raise _no_space(space) from None
        self._repository.writer.renew(domain)
        await self._note(principal, KeyRotated(subject=space, level="space"))
        return epoch

    async def replace_naming(self, principal: Principal, space: str) -> int:
        """Replace the keys by which clients cut and name content of a space; return how often they have been.

        Whoever had them learns nothing about what is stored from now on; it is not shared with what is there already.

        Raises:
            NoKeysForSpace: there is no such space.
        """
        self._access.require_admin(principal, fresh=True)
        domain = _domain(space)
        try:
            epoch = await asyncio.to_thread(self._keyring.replace_naming, domain)
        except NoDomain:
            raise _no_space(space) from None
        self._repository.writer.renew(domain)
        await self._note(principal, KeyRotated(subject=space, level="naming"))
        return epoch

    async def rotate_service(self, principal: Principal, name: str) -> int:
        """Replace the key of a service, of ``SERVICE_KEYS``; return its version. Earlier ones verify what they made.

        Raises:
            NoSuchServiceKey: there is none of this name.
        """
        self._access.require_admin(principal, fresh=True)
        if name not in SERVICE_KEYS:
            raise NoSuchServiceKey(
                N_("There is no key “{name}”."),
                fix=N_("Choose one of: {names}"),
                name=name,
                names=", ".join(SERVICE_KEYS),
            )
        version = await asyncio.to_thread(self._keyring.rotate_service, SERVICE_KEYS[name])
        await self._note(principal, KeyRotated(subject=name, level="service"))
        await self._rewrite()
        return version

    def run_reseal(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Seal all content of the space ``space`` with its newest key; the run of an operation.

        Raises:
            NoKeysForSpace: there is no such space.
        """
        space = parameters.get("space", "")
        try:
            counts = self._reseal.run(_domain(space), progress)
        except NoDomain:
            raise _no_space(space) from None
        self._log.commit_now(lambda unit: unit.record(SpaceResealed(subject=space)), actor=APPLIANCE)
        return counts

    def check_reseal(self, parameters: Mapping[str, str]) -> None:
        """Return if the space ``space`` has keys.

        Raises:
            NoKeysForSpace: there is no such space.
        """
        space = parameters.get("space", "")
        if not self._keyring.count_keys(_domain(space)):
            raise _no_space(space)

    # Destruction

    def check_shred(self, parameters: Mapping[str, str]) -> None:
        """Return if the space ``space`` has keys, or had some that were destroyed.

        Raises:
            NoKeysForSpace: there is no such space.
        """
        space = parameters.get("space", "")
        held = self._keyring.count_keys(_domain(space))
        if not held and not self._database.read_now(lambda sql: self._is_known(sql, space)):
            raise _no_space(space)

    def run_shred(self, parameters: Mapping[str, str], progress: Progress) -> Outcome:
        """Destroy the keys of the space ``space`` and forget what it held; the run of an operation.

        Its content is unreadable from the first step on. Doing it again repeats what could not be done: a certificate
        is pending as long as a copy of the keyring could not be written anew.

        Raises:
            NoKeysForSpace: there is no such space.
        """
        self.check_shred(parameters)
        space = parameters.get("space", "")
        domain = _domain(space)
        held = self._keyring.count_keys(domain)
        # Before the first key goes: whatever happens, it is known that they went and how many they were.
        keys = self._log.commit_now(lambda unit: self._begin(unit, space, held), actor=APPLIANCE)
        self._keyring.destroy_domain(domain)
        self._repository.writer.renew(domain)
        copies = self._rewrite_copies()
        self._erase(space, domain, progress)
        self._remnants.write_anew()
        state = ERASED if all(copies.values()) else PENDING
        self._log.commit_now(lambda unit: self._certify(unit, space, state, keys, copies), actor=APPLIANCE)
        return {"space": space, "state": state, "keys": keys, "copies": len(copies)}

    async def find_certificates(self, principal: Principal, limit: int, cursor: str | None) -> Page[Certificate]:
        """Return a page of certificates, by space."""
        self._access.require_admin(principal)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""
        found = await self._database.read(lambda sql: store.find_certificates(sql, after, limit + 1))
        return Page(found[:limit], encode_cursor(found[limit - 1].space) if len(found) > limit else None)

    async def get_certificate(self, principal: Principal, space: str) -> Certificate:
        """Return the certificate of a space.

        Raises:
            NoSuchCertificate: its keys were not destroyed.
        """
        self._access.require_admin(principal)
        found = await self._database.read(lambda sql: store.find_certificate(sql, space))
        if found is None:
            raise NoSuchCertificate(
                N_("The keys of “{space}” were not destroyed here."),
                fix=N_("See which were: cloudconnect key certificates"),
                space=space,
            )
        return found

    async def find_spaces(self, principal: Principal, limit: int, cursor: str | None) -> Page[SpaceKeys]:
        """Return a page of the spaces that have keys, oldest first, and the epoch of each."""
        self._access.require_admin(principal)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""
        epochs = await asyncio.to_thread(self._keyring.find_epochs)
        epochs.pop(CATALOG_DOMAIN, None)
        held = sorted((id_of("spc", int.from_bytes(domain, "big")), epoch) for domain, epoch in epochs.items())
        found = [SpaceKeys(*each) for each in held if each[0] > after][: limit + 1]
        return Page(found[:limit], encode_cursor(found[limit - 1].space) if len(found) > limit else None)

    def _is_known(self, sql: Sql, space: str) -> bool:
        return self._spaces.has_space(sql, SpaceId(space)) or store.find_certificate(sql, space) is not None

    def _erase(self, space: str, domain: bytes, progress: Progress) -> None:
        after, identifier = "", SpaceId(space)
        while after := self._write(partial(self._spaces.erase, space=identifier, after=after, limit=_ROWS_AT_ONCE)):
            progress.report(0, 0, "forgetting")
            progress.check()
        self._spaces.forget(identifier)
        self._forget_words(identifier, progress)
        chunks = 0
        while forgotten := self._write(partial(life.forget_domain, domain=domain, limit=_ROWS_AT_ONCE)):
            chunks += forgotten
            progress.report(chunks, 0, "forgetting")
            progress.check()

    def _forget_words(self, space: SpaceId, progress: Progress) -> None:
        self._write(partial(self._remnants.forget_words, space=space))
        after = 0
        while after := self._write(partial(self._log.forget_words, space=space, after=after, limit=_ROWS_AT_ONCE)):
            progress.report(0, 0, "forgetting")
            progress.check()

    def _write(self, change: Callable[[Sql], Result]) -> Result:
        return self._log.commit_now(lambda unit: change(unit.sql), actor=APPLIANCE)

    def _begin(self, unit: Unit, space: str, keys: int) -> int:
        """Note that the keys of a space are about to go; return how many they are, with those that went before."""
        earlier = store.find_certificate(unit.sql, space)
        if earlier is not None:
            keys = max(keys, int(json.loads(json.loads(earlier.document)["certificate"])["keys"]))
        store.put_certificate(unit.sql, space, PENDING, self._document(unit, space, PENDING, keys, {}), unit.now_ms)
        return keys

    def _certify(self, unit: Unit, space: str, state: str, keys: int, copies: Mapping[str, bool]) -> None:
        document = self._document(unit, space, state, keys, copies)
        store.put_certificate(unit.sql, space, state, document, unit.now_ms)
        unit.record(SpaceShredded(subject=space, state=state))

    def _document(self, unit: Unit, space: str, state: str, keys: int, copies: Mapping[str, bool]) -> str:
        text = json.dumps(
            {
                "statement": "The keys of this space were destroyed; its content cannot be read again.",
                "earlier_copies": "Whoever has a copy of the keyring from before, as in an image of the disk, and what"
                " opened the store then, can read what they have of its content.",
                "names": "Erased here. Backups made before hold them, sealed, until they are pruned.",
                "space": space,
                "state": state,
                "moment": format_ns(unit.now_ms * 1_000_000),
                "keys": keys,
                "copies_of_the_keyring": {
                    place: "rewritten" if is_done else "unreachable" for place, is_done in copies.items()
                },
            },
            sort_keys=True,
        )
        key = self._keyring.service_key(CERTIFICATE_KEY)
        signature = signatures.sign(key, text).hex()
        public_key = signatures.public_key(key).hex()
        return json.dumps({"certificate": text, "public_key": public_key, "signature": signature})

    async def _rewrite(self) -> list[str]:
        """Write every copy of the keyring anew; return where those are that could not be reached."""
        copies = await asyncio.to_thread(self._rewrite_copies)
        return [place for place, is_done in copies.items() if not is_done]

    async def _note(self, principal: Principal, fact: Fact) -> None:
        await self._log.commit(lambda unit: unit.record(fact), actor=principal)


def _domain(space: str) -> bytes:
    domain = id_bytes(space) if is_id(space, "spc") else CATALOG_DOMAIN
    if domain == CATALOG_DOMAIN:
        raise _no_space(space)
    return domain


def _no_space(space: str) -> NoKeysForSpace:
    return NoKeysForSpace(
        N_("There is no space “{space}”."), fix=N_("See which there are: cloudconnect key spaces"), space=space
    )
