"""The one decision: may this principal do this to that, and why."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.principal import Principal
from cloudconnect.ports.sql import Sql


class Action(StrEnum):
    """What can be done to a node."""

    READ = "read"
    WRITE = "write"
    SHARE = "share"
    MANAGE = "manage"


class Role(StrEnum):
    """A named set of actions, weakest first."""

    VIEW = "view"
    EDIT = "edit"
    MANAGE = "manage"
    OWN = "own"


class Verdict(StrEnum):
    """What a decision says."""

    ALLOW = "allow"
    DENY = "deny"
    STEP_UP = "step-up"


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict and its reason, a stable word that tests, logs and explanations share."""

    verdict: Verdict
    reason: str


@dataclass(frozen=True, slots=True)
class Resource:
    """A node, named by the line of nodes from the root of its space down to it; grants on any of them count."""

    space: SpaceId
    line: Sequence[NodeId]


class Access(Protocol):
    """Decides for every protocol; no other code compares roles."""

    def decide(self, sql: Sql, principal: Principal, action: Action, resource: Resource) -> Decision:
        """Say whether *principal* may do *action* to *resource*, and why."""
        ...

    def require(self, sql: Sql, principal: Principal, action: Action, resource: Resource) -> None:
        """Return if ``decide`` allows.

        Raises:
            NotFound: the principal may not even see the resource.
            Denied: it is seen, but the role or the credential's scopes do not suffice.
        """
        ...

    def require_admin(self, principal: Principal, *, fresh: bool = False) -> None:
        """Return if *principal* administers this appliance; *fresh* asks for a proof of identity in the last minutes.

        Raises:
            Denied: it does not.
            StepUp: it does, but its last proof of identity is too old.
        """
        ...

    def horizon(self, sql: Sql, principal: Principal) -> dict[SpaceId, Role]:
        """Return the spaces in which *principal* holds a grant at the root, and the strongest role there."""
        ...

    def add_grant(self, sql: Sql, principal_id: str, resource: Resource, role: Role, now_ms: int) -> None:
        """Give *principal_id* the *role* on the last node of the resource's line."""
        ...

    def remove_grants(self, sql: Sql, space: SpaceId) -> None:
        """Take away every role on anything in *space*, which is no more."""
        ...
