"""The verbs of the access room."""

from typing import NoReturn

from cloudconnect.features.access import rules, store
from cloudconnect.features.access.errors import Forbidden, NotAdministrator, ProofTooOld, ScopeMissing, Unseen
from cloudconnect.features.access.models import Grant
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import N_
from cloudconnect.ports.access import Action, Decision, Resource, Role, Verdict
from cloudconnect.ports.sql import Sql


class AccessService:
    """Decides, for every protocol, what a principal may do."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def decide(self, sql: Sql, principal: Principal, action: Action, resource: Resource) -> Decision:
        """Say whether *principal* may do *action* to *resource*, and why; see ``rules.decide`` for the reasons."""
        grants = store.find_grants(sql, principal.id, resource.space)
        return rules.decide(principal, action, resource, grants, self._clock.now())

    def require(self, sql: Sql, principal: Principal, action: Action, resource: Resource) -> None:
        """Return if ``decide`` allows.

        Raises:
            Unseen: there is no live grant on the resource's line.
            Forbidden: the role on it is too weak.
            ScopeMissing: the account may, the token may not.
        """
        decision = self.decide(sql, principal, action, resource)
        if decision.verdict is not Verdict.ALLOW:
            _refuse(decision)

    def require_admin(self, principal: Principal, *, fresh: bool = False) -> None:
        """Return if *principal* administers this appliance; *fresh* asks for a password given in the last 10 minutes.

        Raises:
            NotAdministrator: it does not.
            ScopeMissing: the account does, the token does not carry that power.
            ProofTooOld: the last proof of identity is too old for this act.
        """
        decision = rules.decide_administration(principal, fresh=fresh, now=self._clock.now())
        if decision.verdict is Verdict.STEP_UP:
            raise ProofTooOld(
                N_("This act asks for a sign-in in the last 10 minutes."), fix=N_("Sign in again and repeat it.")
            )
        if decision.verdict is Verdict.DENY:
            if decision.reason == "scope":
                _refuse(decision)
            raise NotAdministrator(fix=N_("Ask an administrator of this appliance."))

    def horizon(self, sql: Sql, principal: Principal) -> dict[SpaceId, Role]:
        """Return the spaces in which *principal* holds a live grant at the root, and the strongest role there."""
        now = self._clock.now()
        held: dict[SpaceId, Role] = {}
        for space, grant in store.find_root_grants(sql, principal.id):
            grants = [grant] if space not in held else [grant, Grant(grant.node, held[space], None)]
            role = rules.strongest_role(Resource(space, (grant.node,)), grants, now)
            if role is not None:
                held[space] = role
        return held

    def add_grant(self, sql: Sql, principal_id: str, resource: Resource, role: Role, now_ms: int) -> None:
        """Give *principal_id* the *role* on the last node of the resource's line and everything below it."""
        store.add_grant(sql, principal_id, resource.space, resource.line[-1], role, now_ms)

    def remove_grants(self, sql: Sql, space: SpaceId) -> None:
        """Take away every role on anything in *space*, which is no more."""
        store.remove_grants(sql, space)


def _refuse(decision: Decision) -> NoReturn:
    match decision.reason:
        case "unseen":
            raise Unseen(N_("There is nothing here, or nothing that you may see."))
        case "scope":
            raise ScopeMissing(fix=N_("Make a token that carries the scope, with: cloudconnect token create"))
        case _:
            raise Forbidden(fix=N_("Ask the owner of the space for a stronger role."))
