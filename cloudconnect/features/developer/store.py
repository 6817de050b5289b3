"""The table of tokens."""

from collections.abc import Iterable
from datetime import datetime

from cloudconnect.features.developer.models import Token
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import TokenId, UserId
from cloudconnect.kernel.principal import Scope
from cloudconnect.ports.sql import Sql

_COLUMNS = "id, account, name, scopes, created_ms, expires_ms, used_ms, used_address, revoked_ms"


def add_token(sql: Sql, token: Token, secret_hash: bytes) -> None:
    """Add *token*, found by the hash of its text."""
    sql.execute(
        "INSERT INTO token (id, account, name, scopes, created_ms, expires_ms, used_address, hash)"
        " VALUES (?, ?, ?, ?, ?, ?, '', ?)",
        (
            token.id,
            token.account,
            token.name,
            " ".join(sorted(token.scopes)),
            to_ms(token.created),
            None if token.expires is None else to_ms(token.expires),
            secret_hash,
        ),
    )


def find_by_hash(sql: Sql, secret_hash: bytes) -> Token | None:
    """Return the token whose text has this hash, alive or not."""
    row = sql.row(f"SELECT {_COLUMNS} FROM token WHERE hash = ?", (secret_hash,))  # noqa: S608 - constant
    return None if row is None else _token(*row)


def find_unrevoked(sql: Sql, account: UserId, after: TokenId, limit: int) -> list[Token]:
    """Return up to *limit* tokens of *account* that were not revoked, by id, behind *after*."""
    rows = sql.rows(
        f"SELECT {_COLUMNS} FROM token"  # noqa: S608 - constant
        " WHERE account = ? AND revoked_ms IS NULL AND id > ? ORDER BY id LIMIT ?",
        (account, after, limit),
    )
    return [_token(*row) for row in rows]


def revoke(sql: Sql, account: UserId, id_or_name: str, now_ms: int) -> list[TokenId]:
    """Revoke the tokens of *account* with this id or name; return those that were alive."""
    rows = sql.rows(
        "SELECT id FROM token WHERE account = ? AND revoked_ms IS NULL AND (id = ? OR name = ?)",
        (account, id_or_name, id_or_name),
    )
    sql.execute_many("UPDATE token SET revoked_ms = ? WHERE id = ?", [(now_ms, row[0]) for row in rows])
    return [TokenId(row[0]) for row in rows]


def touch(sql: Sql, used: Iterable[tuple[TokenId, tuple[datetime, str]]]) -> None:
    """Note when and from where tokens were last used."""
    sql.execute_many(
        "UPDATE token SET used_ms = ?, used_address = ? WHERE id = ?",
        [(to_ms(moment), address, token) for token, (moment, address) in used],
    )


def _token(
    identifier: str,
    account: str,
    name: str,
    scopes: str,
    created_ms: int,
    expires_ms: int | None,
    used_ms: int | None,
    used_address: str,
    revoked_ms: int | None,
) -> Token:
    return Token(
        id=TokenId(identifier),
        account=UserId(account),
        name=name,
        scopes=frozenset(Scope(word) for word in scopes.split()),
        created=from_ms(created_ms),
        expires=None if expires_ms is None else from_ms(expires_ms),
        used=None if used_ms is None else from_ms(used_ms),
        used_address=used_address,
        is_revoked=revoked_ms is not None,
    )
