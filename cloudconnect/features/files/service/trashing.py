"""Where something in the trash was, and bringing it back."""

import dataclasses
from typing import Final

from cloudconnect.bus import Unit
from cloudconnect.events.files import EntryRestored
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import Exists, NoParent, NotInTrash
from cloudconnect.features.files.models import Change, Space, Trashed
from cloudconnect.features.files.service import deeds
from cloudconnect.features.files.service.places import Place, find_path
from cloudconnect.features.files.store import trash, tree
from cloudconnect.kernel.ids import NodeId, SpaceId
from cloudconnect.kernel.paging import Page, decode_cursor, encode_cursor
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql

_NEVER: Final = 1 << 62


def page_of_trash(sql: Sql, space: Space, limit: int, cursor: str | None) -> Page[Trashed]:
    """Return up to *limit* things in the trash of *space*, last removed first, each with the path it had then."""
    before = int(decode_cursor(cursor, int)[0]) if cursor else _NEVER
    found = trash.find(sql, space.id, before, limit + 1)
    told = [dataclasses.replace(each, path=_former_path(sql, space, each)) for each in found]
    return Page(told[:limit], encode_cursor(told[limit - 1].seq) if len(told) > limit else None)


def require_trashed(sql: Sql, space: SpaceId, node: NodeId) -> Trashed:
    """Return *node*, which is in the trash of *space*.

    Raises:
        NotInTrash: it is not.
    """
    trashed = trash.find_one(sql, space, node)
    if trashed is None:
        raise NotInTrash(fix=N_("See what is, with: cloudconnect trash list"))
    return trashed


def bring_back(unit: Unit, trashed: Trashed, place: Place) -> Change:
    """Put *trashed*, with all that was below it, at *place*.

    Raises:
        NoParent: the folder of the place does not exist.
        Exists: something is there.
    """
    place.require_parent(may_be_made=False)
    if place.entry is not None:
        raise Exists(N_("“{path}” is taken by something else."), fix=N_("Restore it to another path."), path=place.path)
    space = place.space.id
    former = tree.find_row(unit.sql, space, trashed.node, trashed.seq - 1)
    trash.remove(unit.sql, trashed.node)
    recorded = unit.record(EntryRestored(subject=trashed.node, space=space))
    return deeds.replant(unit, deeds.there(former), place, deeds.seq_of(recorded))


def former_names(sql: Sql, space: Space, trashed: Trashed) -> tuple[str, ...]:
    """Return the names of the path that *trashed* would have now.

    Raises:
        NoParent: the folder it was in is gone.
    """
    parent = find_path(sql, space, trashed.parent, None)
    if parent is None:
        raise NoParent(
            N_("The folder that “{name}” was in is gone."), fix=N_("Restore it to another path."), name=trashed.name
        )
    return (*rules.parse_path(parent), trashed.name)


def _former_path(sql: Sql, space: Space, trashed: Trashed) -> str:
    parent = find_path(sql, space, trashed.parent, trashed.seq - 1)
    return f"{(parent or '').rstrip('/')}/{trashed.name}"
