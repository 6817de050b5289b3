"""The verbs of the auth room."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.auth import AccountAdded, AccountChanged, PasswordChanged, SignInLinkAdded, SignInLinkUsed
from cloudconnect.features.auth import rules, store
from cloudconnect.features.auth.errors import (
    BadCredentials,
    BadName,
    LastAdministrator,
    LinkInvalid,
    NameTaken,
    TokenInvalid,
    WeakPassword,
)
from cloudconnect.features.auth.models import Account, NewSession
from cloudconnect.features.auth.service.devices import Devices
from cloudconnect.features.auth.service.guessing import Guesses
from cloudconnect.kernel.clock import Clock, monotonic, to_ms
from cloudconnect.kernel.errors import Unavailable
from cloudconnect.kernel.ids import UserId, new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.tokens import TokenKind, new_token, token_hash, token_kind
from cloudconnect.ports.access import Access
from cloudconnect.ports.accounts import Credentials, Holder, Sessions
from cloudconnect.ports.passwords import Passwords
from cloudconnect.ports.sql import Sql

_CACHE_SECONDS = 0.5
_CACHE_SIZE = 10_000
_LOCAL = b"local"  # stands among the hashes of tokens, which are longer
_FIRST_ADMINISTRATOR = "admin"


class AuthService:
    """Proves who somebody is and keeps the accounts."""

    def __init__(
        self,
        log: EventLog,
        database: Database,
        clock: Clock,
        access: Access,
        passwords: Passwords,
        sessions: Sessions,
        credentials: Mapping[TokenKind, Credentials],
        region: str,
        device_key: Callable[[], bytes],
    ) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._access = access
        self._passwords = passwords
        self._sessions = sessions
        self._credentials = credentials
        self._region = region
        self._guesses = Guesses(clock)
        self._devices = Devices(device_key)
        self._recognised: dict[bytes, tuple[float, Principal]] = {}

    async def sign_in(self, name: str, password: str, *, device: str, address: str, marks: str = "") -> NewSession:
        """Open a session for the account called *name* if *password* is its own.

        An unknown name takes as long as a wrong password and gets the same answer. *marks* are what earlier sessions
        left on the device: one of this account frees it from waiting for the wrong guesses of others.

        Raises:
            BadCredentials: name or password is wrong, or the account is disabled.
            TooManyAttempts: wrong guesses for this name, from this address or on this device came too fast.
        """
        written = name.strip().lower()
        known = await self._devices.recognise(marks, written)
        keys = (f"device {known}",) if known else (f"name {written}", f"address {address}")
        self._guesses.check(keys)
        try:
            found = await self._database.read(lambda sql: store.find_password(sql, rules.parse_name(name)))
        except BadName:
            found = None
        account, stored = found or (None, None)
        if not await self._passwords.is_right(password, stored) or account is None or account.is_disabled:
            self._guesses.note(keys)
            raise BadCredentials(fix=N_("Check both and try again."))
        self._guesses.forgive(keys[0])
        if stored is not None and self._passwords.is_outdated(stored):
            await self._store_password(account.id, await self._passwords.hash(password))
        return await self._open_session(account, "password", device, address, marks)

    async def sign_in_by_link(self, token: str, *, device: str, address: str, marks: str = "") -> NewSession:
        """Open a session for the account of a one-time link, and use the link up; *marks* as for :meth:`sign_in`.

        Raises:
            LinkInvalid: it was used, has ended, or never was; or the account is disabled.
        """

        def change(unit: Unit) -> Account | None:
            owner = store.take_link(unit.sql, token_hash(token), unit.now_ms)
            if owner is None:
                return None
            account = store.get_account(unit.sql, owner)
            unit.record(SignInLinkUsed(subject=account.id))
            return account

        is_link = token_kind(token) is TokenKind.LINK
        account = await self._log.commit(change, actor=APPLIANCE) if is_link else None
        if account is None or account.is_disabled:
            raise LinkInvalid(fix=N_("Ask for another one, with: cloudconnect user login-link NAME"))
        return await self._open_session(account, "link", device, address, marks)

    async def authenticate(self, token: str, *, address: str) -> Principal:
        """Return who holds *token*, a session's or a program's; the answer may be up to half a second old.

        Raises:
            Unauthenticated: it is unknown, has ended, or its account is disabled.
        """
        secret_hash = token_hash(token)
        moment = monotonic()
        until, principal = self._recognised.get(secret_hash, (0.0, APPLIANCE))
        if moment < until:
            return principal
        kind = token_kind(token)
        source = None if kind is None else self._credentials.get(kind)
        if source is None:
            raise TokenInvalid(fix=N_("Sign in again, or make another token."))
        principal = await source.authenticate(secret_hash, address)
        if len(self._recognised) >= _CACHE_SIZE:
            self._recognised.clear()
        self._recognised[secret_hash] = (moment + _CACHE_SECONDS, principal)
        return principal

    async def local_administrator(self) -> Principal:
        """Return the principal that somebody with power over this machine acts as: the first administrator.

        The answer may be up to half a second old.

        Raises:
            Unavailable: no account is an enabled administrator.
        """
        moment, now = monotonic(), self._clock.now()
        until, principal = self._recognised.get(_LOCAL, (0.0, APPLIANCE))
        if moment < until:
            return replace(principal, proved_at=now)
        account = await self._database.read(store.find_first_administrator)
        if account is None:
            raise Unavailable(N_("No account is an enabled administrator."))
        principal = Principal(account.id, PrincipalKind.PERSON, account.name, is_admin=True, proved_at=now)
        self._recognised[_LOCAL] = (moment + _CACHE_SECONDS, principal)
        return principal

    async def get_account(self, principal: Principal, id_or_name: str) -> Account:
        """Return an account: one's own, or any for an administrator.

        Raises:
            NoSuchAccount: there is none.
            Denied: it is somebody else's.
        """
        if id_or_name not in {principal.id, principal.name}:
            self._access.require_admin(principal)
        return await self._database.read(lambda sql: store.get_account(sql, id_or_name))

    async def find_accounts(self, principal: Principal, limit: int, cursor: str | None) -> Page[Account]:
        """Return a page of all accounts by name, for an administrator."""
        self._access.require_admin(principal)
        after = str(decode_cursor(cursor, str)[0]) if cursor else ""
        found = await self._database.read(lambda sql: store.find_accounts(sql, after, limit + 1))
        return Page(found[:limit], encode_cursor(found[limit - 1].name) if len(found) > limit else None)

    async def add_account(
        self, principal: Principal, name: str, display_name: str, password: str | None, is_admin: bool
    ) -> Account:
        """Make an account; without a password it is entered by a one-time link first.

        Raises:
            BadName: the name cannot be used.
            NameTaken: another account has it.
            WeakPassword: the password is too short, too long or soon guessed.
        """
        self._access.require_admin(principal)
        parsed = rules.parse_name(name)
        hashed = None if password is None else await self._hash(password, (parsed, display_name))

        def change(unit: Unit) -> Account:
            if store.is_name_taken(unit.sql, parsed):
                raise NameTaken(
                    N_("An account is called “{name}” already."), fix=N_("Choose another name."), name=parsed
                )
            account = Account(
                id=UserId(new_id("usr", unit.now_ms)),
                name=parsed,
                display_name=display_name or parsed,
                is_admin=is_admin,
                is_disabled=False,
                has_password=hashed is not None,
                created=unit.now,
            )
            store.add_account(unit.sql, account, hashed)
            unit.record(AccountAdded(subject=account.id, name=parsed, is_admin=is_admin))
            return account

        return await self._log.commit(change, actor=principal)

    async def change_account(
        self,
        principal: Principal,
        id_or_name: str,
        *,
        display_name: str | None = None,
        is_admin: bool | None = None,
        is_disabled: bool | None = None,
    ) -> Account:
        """Change an account; None leaves a member as it is. Everybody may change their own display name.

        Raises:
            NoSuchAccount: there is none.
            LastAdministrator: nobody would administer the appliance any more.
        """
        is_own = id_or_name in {principal.id, principal.name}
        if not is_own or is_admin is not None or is_disabled is not None:
            self._access.require_admin(principal)

        def change(unit: Unit) -> Account:
            account = store.get_account(unit.sql, id_or_name)
            changed = replace(
                account,
                display_name=account.display_name if display_name is None else display_name,
                is_admin=account.is_admin if is_admin is None else is_admin,
                is_disabled=account.is_disabled if is_disabled is None else is_disabled,
            )
            keeps_power = changed.is_admin and not changed.is_disabled
            if not keeps_power and not store.has_other_administrator(unit.sql, account.id):
                raise LastAdministrator(fix=N_("Make another account an administrator first."))
            store.change_account(unit.sql, changed, unit.now_ms)
            unit.record(AccountChanged(subject=account.id, is_admin=changed.is_admin, is_disabled=changed.is_disabled))
            return changed

        changed = await self._log.commit(change, actor=principal)
        self._recognised.clear()
        return changed

    async def set_password(self, principal: Principal, id_or_name: str, new: str, current: str | None) -> None:
        """Set a password; every other session of the account ends.

        One's own needs the current one, unless none was set or the asker has power over this machine anyway; an
        administrator sets anybody else's without.

        Raises:
            BadCredentials: the current password is missing or wrong.
            WeakPassword: the new one is too short, too long or soon guessed.
            StepUp: an administrator signed in too long ago to take over somebody else's account.
        """
        is_own = id_or_name in {principal.id, principal.name}
        if not is_own:
            self._access.require_admin(principal, fresh=True)
        account = await self.get_account(principal, id_or_name)
        if is_own and account.has_password and principal.credential:
            await self._check_current(principal, account, current)
        hashed = await self._hash(new, (account.name, account.display_name))

        def change(unit: Unit) -> None:
            store.set_password(unit.sql, account.id, hashed)
            kept = principal.credential if is_own else ""
            unit.record(PasswordChanged(subject=account.id, kept_session=kept))

        await self._log.commit(change, actor=principal)
        self._recognised.clear()

    async def add_sign_in_link(self, principal: Principal, id_or_name: str) -> tuple[str, datetime]:
        """Make a one-time link for an account; return its token and when it ends.

        Raises:
            NoSuchAccount: there is none.
            StepUp: the administrator signed in too long ago.
        """
        self._access.require_admin(principal, fresh=True)
        return await self._add_link(principal, id_or_name, rules.LINK_LIFE)

    async def open_setup(self, password: str | None) -> tuple[str, datetime] | None:
        """Prepare the first start: make the account ``admin`` if there is none at all, and a way into it.

        With *password* it is set and nothing else is needed. Otherwise a one-time link is made, anew at each start
        until the administrator has a password; after that, None.
        """
        if await self._database.read(store.count_accounts) == 0:
            await self.add_account(APPLIANCE, _FIRST_ADMINISTRATOR, "", password, is_admin=True)
        account = await self._database.read(store.find_first_administrator)
        if account is None or account.has_password:
            return None
        return await self._add_link(APPLIANCE, account.id, rules.SETUP_LINK_LIFE)

    async def _add_link(self, principal: Principal, id_or_name: str, life: timedelta) -> tuple[str, datetime]:
        token = new_token(TokenKind.LINK, self._region)

        def change(unit: Unit) -> datetime:
            account = store.get_account(unit.sql, id_or_name)
            expires = unit.now + life
            store.add_link(unit.sql, token_hash(token), account.id, to_ms(expires))
            unit.record(SignInLinkAdded(subject=account.id, expires_ms=to_ms(expires)))
            return expires

        return token, await self._log.commit(change, actor=principal)

    async def _open_session(self, account: Account, method: str, device: str, address: str, marks: str) -> NewSession:
        holder = Holder(account.id, account.name, account.is_admin, account.is_disabled)
        session = await self._sessions.open_session(holder, method=method, device=device, address=address)
        return NewSession(account, session, await self._devices.mark(marks, account.name))

    async def _check_current(self, principal: Principal, account: Account, current: str | None) -> None:
        # Somebody is signed in already: the wrong guesses of others are no reason to make him wait.
        keys = (f"session {principal.credential}",)
        self._guesses.check(keys)

        def ask(sql: Sql) -> tuple[Account, str | None] | None:
            return store.find_password(sql, account.name)

        found = await self._database.read(ask)
        if found is None or not await self._passwords.is_right(current or "", found[1]):
            self._guesses.note(keys)
            raise BadCredentials(N_("The current password is wrong."), fix=N_("Check it and try again."))

    async def _hash(self, password: str, words: tuple[str, ...]) -> str:
        rules.check_length(password)
        if await self._passwords.is_guessable(password, ("cloudconnect", *words)):
            raise WeakPassword(
                N_("This password would soon be guessed."), fix=N_("Four unrelated words make a good one.")
            )
        return await self._passwords.hash(password)

    async def _store_password(self, account: UserId, hashed: str) -> None:
        await self._log.commit(lambda unit: store.set_password(unit.sql, account, hashed), actor=APPLIANCE)
