"""The nouns of the access room."""

from dataclasses import dataclass
from datetime import datetime

from cloudconnect.kernel.ids import NodeId
from cloudconnect.ports.access import Role


@dataclass(frozen=True, slots=True)
class Grant:
    """A role that a principal holds on a node and everything below it, until a moment or for good."""

    node: NodeId
    role: Role
    expires: datetime | None
