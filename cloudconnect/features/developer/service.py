"""The verbs of the developer room."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.events.developer import TokenAdded, TokenRevoked
from cloudconnect.features.developer import rules, store
from cloudconnect.features.developer.errors import NoSuchToken, TokenEnded
from cloudconnect.features.developer.models import Token
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.ids import TokenId, UserId, new_id
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind, Scope
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.tokens import TokenKind, new_token, token_hash
from cloudconnect.ports.accounts import Accounts, Holder
from cloudconnect.ports.sql import Sql

_USED_GRAIN = timedelta(minutes=1)


class DeveloperService:
    """Makes, recognises, lists and revokes tokens."""

    def __init__(self, log: EventLog, database: Database, clock: Clock, accounts: Accounts, region: str) -> None:
        self._log = log
        self._database = database
        self._clock = clock
        self._accounts = accounts
        self._region = region
        self._used: dict[TokenId, tuple[datetime, str]] = {}

    async def add_token(
        self, principal: Principal, name: str, scopes: Iterable[str], expires_in_days: int | None
    ) -> tuple[str, Token]:
        """Make a token that acts for *principal*; return its text, shown this once, and the token.

        Raises:
            UnknownScope: a scope does not exist.
            ScopeTooWide: the principal does not hold a scope itself.
        """
        wanted = rules.parse_scopes(scopes)
        rules.check_scopes(principal, wanted)
        text = new_token(TokenKind.PERSONAL, self._region)

        def change(unit: Unit) -> Token:
            token = Token(
                id=TokenId(new_id("tok", unit.now_ms)),
                account=UserId(principal.id),
                name=name,
                scopes=wanted,
                created=unit.now,
                expires=None if expires_in_days is None else unit.now + timedelta(days=expires_in_days),
                used=None,
                used_address="",
                is_revoked=False,
            )
            store.add_token(unit.sql, token, token_hash(text))
            unit.record(TokenAdded(subject=token.id, account=principal.id, scopes=" ".join(sorted(wanted))))
            return token

        return text, await self._log.commit(change, actor=principal)

    async def authenticate(self, secret_hash: bytes, address: str) -> Principal:
        """Return for whom the token with this hash acts, and within which scopes.

        Raises:
            TokenEnded: it does not exist, was revoked, has ended, or its account is disabled.
        """

        def ask(sql: Sql) -> tuple[Token, Holder] | None:
            token = store.find_by_hash(sql, secret_hash)
            holder = None if token is None else self._accounts.find_holder(sql, token.account)
            return None if token is None or holder is None else (token, holder)

        found = await self._database.look(ask)
        now = self._clock.now()
        if found is None or found[1].is_disabled or not rules.is_alive(found[0], now):
            raise TokenEnded(fix=N_("Make another one, with: cloudconnect token create NAME"))
        token, holder = found
        if token.used is None or now - token.used >= _USED_GRAIN:
            self._used[token.id] = (now, address)
        scopes = token.scopes if holder.is_admin else token.scopes - {Scope.ADMIN}
        return Principal(holder.id, PrincipalKind.PROGRAM, holder.name, holder.is_admin, token.id, scopes)

    async def find_tokens(self, principal: Principal, limit: int, cursor: str | None) -> Page[Token]:
        """Return a page of the principal's own tokens that were not revoked, oldest first."""
        after = TokenId(str(decode_cursor(cursor, str)[0]) if cursor else "")
        account = UserId(principal.id)
        found = await self._database.read(lambda sql: store.find_unrevoked(sql, account, after, limit + 1))
        return Page(found[:limit], encode_cursor(found[limit - 1].id) if len(found) > limit else None)

    async def revoke_token(self, principal: Principal, id_or_name: str) -> None:
        """Revoke the principal's tokens with this id or name; the next request with one is refused.

        Raises:
            NoSuchToken: there is none.
        """

        def change(unit: Unit) -> None:
            revoked = store.revoke(unit.sql, UserId(principal.id), id_or_name, unit.now_ms)
            if not revoked:
                raise NoSuchToken(fix=N_("See which there are, with: cloudconnect token list"))
            for token in revoked:
                unit.record(TokenRevoked(subject=token, account=principal.id))

        await self._log.commit(change, actor=principal)

    async def write_down_used(self) -> None:
        """Store when tokens were last used; a job calls this once a minute."""
        if self._used:
            used, self._used = self._used, {}
            await self._log.commit(lambda unit: store.touch(unit.sql, used.items()), actor=APPLIANCE)
