"""For whom a long job goes on after a restart: the one who started it, as he is by then."""

import json
from collections.abc import Mapping

from cloudconnect.features.files.errors import NoAccount
from cloudconnect.kernel.ids import UserId
from cloudconnect.kernel.principal import Principal, PrincipalKind, Scope
from cloudconnect.kernel.text import N_
from cloudconnect.ports.accounts import Accounts
from cloudconnect.ports.sql import Sql


def to_parameters(principal: Principal) -> dict[str, str]:
    """Return what the parameters of an operation say of who started it."""
    said = {"account": principal.id, "acting": principal.kind.value, "credential": principal.credential}
    return said if principal.lock_tokens is None else said | {"locks": json.dumps(sorted(principal.lock_tokens))}


def find_principal(sql: Sql, accounts: Accounts, parameters: Mapping[str, str]) -> Principal:
    """Return who started the operation with these *parameters*, as he is now.

    Raises:
        NoAccount: there is no such account any more, or it is disabled.
    """
    holder = accounts.find_holder(sql, UserId(parameters["account"]))
    if holder is None or holder.is_disabled:
        raise NoAccount(N_("The account that started it is gone or disabled."), fix=N_("Cancel it."))
    return Principal(
        id=holder.id,
        kind=PrincipalKind(parameters["acting"]),
        name=holder.name,
        is_admin=holder.is_admin,
        credential=parameters["credential"],
        scopes=frozenset({Scope.FILES_READ, Scope.FILES_WRITE}),
        lock_tokens=frozenset(json.loads(parameters["locks"])) if "locks" in parameters else None,
    )
