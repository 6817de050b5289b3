"""Making a space, in a unit: its row, its root folder and the role of its owner."""

from cloudconnect.bus import Unit
from cloudconnect.events.files import SpaceAdded
from cloudconnect.features.files.models import Entry, Space, SpaceKind
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.store import spaces, tree
from cloudconnect.kernel.ids import NodeId, SpaceId, UserId, new_id
from cloudconnect.ports.access import Access, Resource, Role

_NS_PER_MS = 1_000_000


def found(unit: Unit, access: Access, space_id: SpaceId, kind: SpaceKind, name: str, owner: UserId) -> None:
    """Make the space *space_id*, whose key domain is there already, and give it to *owner*."""
    root = NodeId(new_id("nod", unit.now_ms))
    space = Space(space_id, name, kind, owner, root, 0, unit.now)
    spaces.add_space(unit.sql, space)
    recorded = unit.record(SpaceAdded(subject=root, space=space_id, owner=owner))
    folder = Entry(root, None, "", "/", unit.now_ms * _NS_PER_MS, deeds.seq_of(recorded), None, None, None, None)
    tree.add_entry(unit.sql, space_id, folder)
    access.add_grant(unit.sql, owner, Resource(space_id, (root,)), Role.OWN, unit.now_ms)
