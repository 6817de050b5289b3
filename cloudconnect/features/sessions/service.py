"""The verbs of the sessions room."""

from datetime import datetime, timedelta

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.sessions import SessionEnded as SessionEndedFact
from cloudconnect.events.sessions import SessionOpened
from cloudconnect.features.sessions import rules, store
from cloudconnect.features.sessions.errors import NoSuchSession, SessionEnded
from cloudconnect.features.sessions.models import Lifetimes, Session
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.ids import SessionId, UserId, new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.tokens import TokenKind, new_token, token_hash
from cloudconnect.ports.accounts import Accounts, Holder, OpenedSession
from cloudconnect.ports.sql import Sql

_SEEN_GRAIN = timedelta(minutes=1)
_KEPT_AFTER_END = timedelta(days=30)


class SessionsService:
    """Opens, recognises, lists and ends sessions."""

    def __init__(
        self, log: EventLog, database: Database, clock: Clock, accounts: Accounts, lifetimes: Lifetimes, region: str
    ) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._lifetimes = lifetimes
        self._region = region
        self._seen: dict[SessionId, datetime] = {}

    async def open_session(self, holder: Holder, *, method: str, device: str, address: str) -> OpenedSession:
        """Start a session for somebody who has just proved who they are by *method*."""
        token = new_token(TokenKind.SESSION, self._region)

        def change(unit: Unit) -> Session:
            session = Session(
                id=SessionId(new_id("ses", unit.now_ms)),
                account=holder.id,
                device=device,
                address=address,
                method=method,
                created=unit.now,
                seen=unit.now,
                proved=unit.now,
                expires=unit.now + self._lifetimes.absolute,
                is_revoked=False,
            )
            store.add_session(unit.sql, session, token_hash(token))
            unit.record(SessionOpened(subject=session.id, account=holder.id, method=method))
            return session

        actor = Principal(holder.id, PrincipalKind.PERSON, holder.name, holder.is_admin)
        session = await self._log.commit(change, actor=actor)
        return OpenedSession(session.id, token, session.expires)

    async def authenticate(self, secret_hash: bytes, address: str) -> Principal:
        """Return who holds the session whose token has this hash.

        Raises:
            SessionEnded: it does not exist, has ended, or its account is disabled.
        """
        del address  # The session list shows where a device signed in, not each place it was used from.

        def ask(sql: Sql) -> tuple[Session, Holder] | None:
            session = store.find_by_hash(sql, secret_hash)
            holder = None if session is None else self._accounts.find_holder(sql, session.account)
            return None if session is None or holder is None else (session, holder)

        found = await self._database.look(ask)
        if found is None:
            raise SessionEnded(fix=N_("Sign in again."))
        session, holder = found
        now = self._clock.now()
        if holder.is_disabled or not rules.is_alive(session, self._lifetimes, now):
            raise SessionEnded(fix=N_("Sign in again."))
        if now - session.seen >= _SEEN_GRAIN:
            self._seen[session.id] = now
        return Principal(
            id=holder.id,
            kind=PrincipalKind.PERSON,
            name=holder.name,
            is_admin=holder.is_admin,
            credential=session.id,
            proved_at=session.proved,
        )

    async def find_sessions(self, principal: Principal, limit: int, cursor: str | None) -> Page[Session]:
        """Return a page of the principal's own live sessions, oldest first."""
        after = SessionId(str(decode_cursor(cursor, str)[0]) if cursor else "")
        now = self._clock.now()
        account = UserId(principal.id)
        found = await self._database.read(lambda sql: store.find_live(sql, account, now, after, limit + 1))
        page = [session for session in found[:limit] if rules.is_alive(session, self._lifetimes, now)]
        return Page(page, encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def revoke(self, principal: Principal, session: SessionId) -> None:
        """End one of the principal's own sessions; whatever it has open is cut within a second.

        Raises:
            NoSuchSession: none of the principal's live sessions has this id.
        """

        def change(unit: Unit) -> None:
            if not store.revoke(unit.sql, UserId(principal.id), session, unit.now_ms):
                raise NoSuchSession(fix=N_("See which there are, with: cloudconnect session list"))
            unit.record(SessionEndedFact(subject=session, account=principal.id))

        await self._log.commit(change, actor=principal)

    async def revoke_others(self, principal: Principal) -> int:
        """End every session of the principal but the one that asks; return how many were alive."""
        return await self._log.commit(
            lambda unit: len(self.revoke_all_but(unit, UserId(principal.id), principal.credential)), actor=principal
        )

    async def sign_out(self, principal: Principal) -> None:
        """End the session that asks; a principal without one has nothing to end."""
        if principal.credential.startswith("ses_"):
            await self.revoke(principal, SessionId(principal.credential))

    def revoke_all_but(self, unit: Unit, account: UserId, kept: str) -> list[SessionId]:
        """End, inside *unit*, every session of *account* but *kept*; return those that were alive."""
        ended = store.revoke_others(unit.sql, account, kept, unit.now_ms)
        for session in ended:
            unit.record(SessionEndedFact(subject=session, account=account))
        return ended

    async def write_down_seen(self) -> None:
        """Store when sessions were last used; a job calls this once a minute."""
        if self._seen:
            seen, self._seen = self._seen, {}
            await self._log.commit(lambda unit: store.touch(unit.sql, seen.items()), actor=APPLIANCE)

    async def remove_outlived(self) -> None:
        """Forget sessions that ended more than 30 days ago; a job calls this once a day."""
        before = self._clock.now() - _KEPT_AFTER_END
        await self._log.commit(lambda unit: store.remove_outlived(unit.sql, before), actor=APPLIANCE)
