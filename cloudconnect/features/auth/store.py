"""The tables of accounts and of one-time links."""

from dataclasses import dataclass

from cloudconnect.features.auth.errors import NoSuchAccount
from cloudconnect.features.auth.models import Account
from cloudconnect.kernel.clock import from_ms, to_ms
from cloudconnect.kernel.ids import UserId
from cloudconnect.kernel.text import N_
from cloudconnect.ports.accounts import Holder
from cloudconnect.ports.sql import Sql

_COLUMNS = "id, name, display_name, password, is_admin, created_ms, disabled_ms"


@dataclass(frozen=True, slots=True)
class AccountTable:
    """Answers other rooms' questions about accounts (``ports.accounts.Accounts``)."""

    def find_holder(self, sql: Sql, account: UserId) -> Holder | None:
        """Return the account with this id as far as credentials care."""
        row = sql.row("SELECT id, name, is_admin, disabled_ms FROM account WHERE id = ?", (account,))
        return None if row is None else Holder(UserId(row[0]), row[1], bool(row[2]), row[3] is not None)

    def find_named(self, sql: Sql, name: str) -> Holder | None:
        """Return the account with this name as far as credentials care."""
        row = sql.row("SELECT id, name, is_admin, disabled_ms FROM account WHERE name = ?", (name,))
        return None if row is None else Holder(UserId(row[0]), row[1], bool(row[2]), row[3] is not None)


def add_account(sql: Sql, account: Account, password: str | None) -> None:
    """Add *account* with its password's hash, if it has one."""
    sql.execute(
        f"INSERT INTO account ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608 - constant
        (
            account.id,
            account.name,
            account.display_name,
            password,
            int(account.is_admin),
            to_ms(account.created),
        ),
    )


def is_name_taken(sql: Sql, name: str) -> bool:
    """Tell whether an account has this name."""
    return sql.row("SELECT 1 FROM account WHERE name = ?", (name,)) is not None


def get_account(sql: Sql, id_or_name: str) -> Account:
    """Return the account with this id or name.

    Raises:
        NoSuchAccount: there is none.
    """
    row = sql.row(
        f"SELECT {_COLUMNS} FROM account WHERE id = ? OR name = ?",  # noqa: S608 - constant
        (id_or_name, id_or_name),
    )
    if row is None:
        raise NoSuchAccount(
            N_("No account is called “{name}”."),
            fix=N_("See which there are, with: cloudconnect user list"),
            name=id_or_name,
        )
    return _account(*row)


def find_password(sql: Sql, name: str) -> tuple[Account, str | None] | None:
    """Return the account called *name* and its password's hash, or None."""
    row = sql.row(f"SELECT {_COLUMNS} FROM account WHERE name = ?", (name,))  # noqa: S608 - constant
    return None if row is None else (_account(*row), row[3])


def find_accounts(sql: Sql, after: str, limit: int) -> list[Account]:
    """Return up to *limit* accounts by name, behind the name *after*."""
    rows = sql.rows(
        f"SELECT {_COLUMNS} FROM account WHERE name > ? ORDER BY name LIMIT ?",  # noqa: S608 - constant
        (after, limit),
    )
    return [_account(*row) for row in rows]


def find_first_administrator(sql: Sql) -> Account | None:
    """Return the enabled administrator that was made first."""
    row = sql.row(
        f"SELECT {_COLUMNS} FROM account"  # noqa: S608 - constant
        " WHERE is_admin = 1 AND disabled_ms IS NULL ORDER BY created_ms, id LIMIT 1"
    )
    return None if row is None else _account(*row)


def count_accounts(sql: Sql) -> int:
    """Return how many accounts there are."""
    row = sql.row("SELECT count(*) FROM account")
    return 0 if row is None else int(row[0])


def has_other_administrator(sql: Sql, account: UserId) -> bool:
    """Tell whether somebody besides *account* is an enabled administrator."""
    return (
        sql.row("SELECT 1 FROM account WHERE is_admin = 1 AND disabled_ms IS NULL AND id <> ? LIMIT 1", (account,))
        is not None
    )


def change_account(sql: Sql, account: Account, now_ms: int) -> None:
    """Write the changeable columns of *account*; when it was disabled first stays."""
    disabled_ms = now_ms if account.is_disabled else None
    sql.execute(
        "UPDATE account SET display_name = ?, is_admin = ?, disabled_ms ="
        " CASE WHEN ? = 0 THEN NULL ELSE COALESCE(disabled_ms, ?) END WHERE id = ?",
        (account.display_name, int(account.is_admin), int(account.is_disabled), disabled_ms, account.id),
    )


def set_password(sql: Sql, account: UserId, password: str) -> None:
    """Write the hash of a new password."""
    sql.execute("UPDATE account SET password = ? WHERE id = ?", (password, account))


def add_link(sql: Sql, secret_hash: bytes, account: UserId, expires_ms: int) -> None:
    """Add a one-time link, found by the hash of its token."""
    sql.execute(
        "INSERT INTO sign_in_link (hash, account, expires_ms) VALUES (?, ?, ?)", (secret_hash, account, expires_ms)
    )


def take_link(sql: Sql, secret_hash: bytes, now_ms: int) -> UserId | None:
    """Use a one-time link up; return whose it was, or None when it was used, ended or never there."""
    row = sql.row("SELECT account FROM sign_in_link WHERE hash = ? AND expires_ms > ?", (secret_hash, now_ms))
    sql.execute("DELETE FROM sign_in_link WHERE hash = ? OR expires_ms <= ?", (secret_hash, now_ms))
    return None if row is None else UserId(row[0])


def _account(
    identifier: str,
    name: str,
    display_name: str,
    password: str | None,
    is_admin: int,
    created_ms: int,
    disabled_ms: int | None,
) -> Account:
    return Account(
        id=UserId(identifier),
        name=name,
        display_name=display_name,
        is_admin=bool(is_admin),
        is_disabled=disabled_ms is not None,
        has_password=password is not None,
        created=from_ms(created_ms),
    )
