"""The one decision, as a pure function: allow-only grants, the strongest on the line from the root counts."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from cloudconnect.features.access.models import Grant
from cloudconnect.kernel.principal import Principal, PrincipalKind, Scope
from cloudconnect.ports.access import Action, Decision, Resource, Role, Verdict

PROOF_LIFE = timedelta(minutes=10)
"""How long a password counts as fresh (SECURITY.md of the design, section 3.1)."""

_STRENGTH = {Role.VIEW: 1, Role.EDIT: 2, Role.MANAGE: 3, Role.OWN: 4}
_NEEDED = {Action.READ: Role.VIEW, Action.WRITE: Role.EDIT, Action.SHARE: Role.MANAGE, Action.MANAGE: Role.OWN}
_SCOPE = {
    Action.READ: Scope.FILES_READ,
    Action.WRITE: Scope.FILES_WRITE,
    Action.SHARE: Scope.FILES_WRITE,
    Action.MANAGE: Scope.FILES_WRITE,
}


def decide(
    principal: Principal, action: Action, resource: Resource, grants: Iterable[Grant], now: datetime
) -> Decision:
    """Return whether *principal*, holding *grants* in the resource's space, may do *action*, and the reason.

    Reasons: ``appliance``, ``grant``, ``unseen`` (no live grant on the line), ``role`` (too weak), ``scope`` (the
    credential does not carry the power that the account has).
    """
    if principal.kind is PrincipalKind.APPLIANCE:
        return Decision(Verdict.ALLOW, "appliance")
    role = strongest_role(resource, grants, now)
    if role is None:
        return Decision(Verdict.DENY, "unseen")
    if _STRENGTH[role] < _STRENGTH[_NEEDED[action]]:
        return Decision(Verdict.DENY, "role")
    if _SCOPE[action] not in principal.scopes:
        return Decision(Verdict.DENY, "scope")
    return Decision(Verdict.ALLOW, "grant")


def decide_administration(principal: Principal, *, fresh: bool, now: datetime) -> Decision:
    """Return whether *principal* administers the appliance; *fresh* asks for a proof no older than ``PROOF_LIFE``."""
    if principal.kind is PrincipalKind.APPLIANCE:
        return Decision(Verdict.ALLOW, "appliance")
    if not principal.is_admin:
        return Decision(Verdict.DENY, "role")
    if Scope.ADMIN not in principal.scopes:
        return Decision(Verdict.DENY, "scope")
    if fresh and (principal.proved_at is None or now - principal.proved_at > PROOF_LIFE):
        return Decision(Verdict.STEP_UP, "proof")
    return Decision(Verdict.ALLOW, "administrator")


def strongest_role(resource: Resource, grants: Iterable[Grant], now: datetime) -> Role | None:
    """Return the strongest role among the live *grants* on the resource's line, or None."""
    roles = [
        grant.role for grant in grants if grant.node in resource.line and (grant.expires is None or now < grant.expires)
    ]
    return max(roles, key=_STRENGTH.__getitem__, default=None)
