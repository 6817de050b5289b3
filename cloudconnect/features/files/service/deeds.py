"""The deeds of the files room: what one unit does to the tree."""

import dataclasses

from cloudconnect.bus import Recorded, Unit
from cloudconnect.events.files import EntryCopied, EntryTrashed, FileWritten, FolderAdded
from cloudconnect.features.files import rules
from cloudconnect.features.files.errors import RootStays
from cloudconnect.features.files.models import Change, Entry, Space, Trashed, Version
from cloudconnect.features.files.moments import Seqs, UndoToken
from cloudconnect.features.files.service import braking, covering
from cloudconnect.features.files.service.charging import charge
from cloudconnect.features.files.service.places import Place, walk
from cloudconnect.features.files.store import properties, states, tags, trash, tree
from cloudconnect.kernel.ids import NodeId, SpaceId, new_id
from cloudconnect.kernel.text import N_
from cloudconnect.ports.vault import Content, Named


def write_entry(unit: Unit, place: Place, content: Content, modified_ns: int | None, media_type: str | None) -> Entry:
    """Make *content* the present version of the file at *place*, with missing folders above it; return its entry.

    Raises:
        QuotaExceeded: the space may not hold as much.
    """
    existing = place.entry
    charge(unit, place.space, content.size - (0 if existing is None else existing.size or 0))
    parent = add_folders(unit, place, len(place.names) - 1, None) if existing is None else place.line[-2]
    node = NodeId(new_id("nod", unit.now_ms)) if existing is None else existing.node
    recorded = unit.record(FileWritten(subject=node, space=place.space.id, size=content.size))
    seq = seq_of(recorded)
    entry = Entry(
        node=node,
        parent=parent.node,
        name=place.names[-1],
        path=place.path,
        modified_ns=unit.now_ms * 1_000_000 if modified_ns is None else modified_ns,
        from_seq=seq,
        version=seq,
        size=content.size,
        media_type=rules.media_type(place.names[-1], media_type),
        sha256=content.sha256,
    )
    if existing is not None:
        tree.close_entry(unit.sql, node, seq)
    tree.add_version(unit.sql, new_version(entry, content, unit))
    tree.add_entry(unit.sql, place.space.id, entry)
    if existing is not None:
        braking.count_overwritten(unit, place.space, existing, content)
    return entry


def add_folders(unit: Unit, place: Place, depth: int, modified_ns: int | None) -> Entry:
    """Make the missing folders on the first *depth* names of *place*; return the folder at that depth.

    *modified_ns* is for the last of the place's own names; folders made on the way there are modified now.
    """
    folder = place.line[min(len(place.line) - 1, depth)]
    for count in range(len(place.line), depth + 1):
        names = place.names[:count]
        node = NodeId(new_id("nod", unit.now_ms))
        recorded = unit.record(FolderAdded(subject=node, space=place.space.id))
        given = modified_ns if count == len(place.names) else None
        folder = Entry(
            node=node,
            parent=folder.node,
            name=names[-1],
            path=rules.join_path(names),
            modified_ns=unit.now_ms * 1_000_000 if given is None else given,
            from_seq=seq_of(recorded),
            version=None,
            size=None,
            media_type=None,
            sha256=None,
        )
        tree.add_entry(unit.sql, place.space.id, folder)
    return folder


def clear_target(unit: Unit, place: Place, *, replace: bool) -> None:
    """Make sure that nothing is at *place* and something could be: what is there goes to the trash if *replace*."""
    place.require_parent(may_be_made=False)
    if place.entry is None:
        return
    if not replace:
        rules.check_vacant(place.entry)
    trash_entry(unit, place.space, place.entry)


def trash_entry(unit: Unit, space: Space, entry: Entry) -> Trashed:
    """Put *entry* into the trash; what lies below it goes along without being touched, but for its locks, which end.

    Raises:
        EntryLocked: somebody else holds one of them, or one on the folder that it leaves.
    """
    check_not_root(entry)
    covering.release(unit, space, entry)
    braking.count_removed(unit, space, entry)
    recorded = unit.record(EntryTrashed(subject=entry.node, space=space.id))
    seq = seq_of(recorded)
    trashed = Trashed(
        node=entry.node,
        parent=NodeId(entry.parent or ""),
        name=entry.name,
        path=entry.path,
        kind=entry.kind,
        size=entry.size,
        seq=seq,
        trashed=unit.now,
        trashed_by=unit.actor.name,
    )
    tree.close_entry(unit.sql, entry.node, seq)
    states.touch(unit.sql, [(trashed.parent, seq)])
    trash.add(unit.sql, space.id, trashed)
    return trashed


def replant(unit: Unit, entry: Entry, place: Place, seq: int) -> Change:
    """Give *entry* the parent and name of *place* from *seq* on; what lies below it comes along untouched.

    Locks do not come along (RFC 4918, section 7.6).

    Raises:
        EntryLocked: somebody else holds one of them, or one on the folder that it leaves.
    """
    covering.release(unit, place.space, entry)
    braking.note_renamed(unit, place.space, entry, place.names[-1])
    parent = place.line[len(place.names) - 1]
    planted = dataclasses.replace(entry, parent=parent.node, name=place.names[-1], path=place.path, from_seq=seq)
    tree.close_entry(unit.sql, entry.node, seq)
    states.touch(unit.sql, [(NodeId(entry.parent or ""), seq)])
    tree.add_entry(unit.sql, place.space.id, planted)
    return Change(planted, seq)


def copy_tree(unit: Unit, seen: Place, original: Entry, place: Place, *, is_shallow: bool = False) -> Change:
    """Put a copy of *original* as of the moment of *seen*, with all below it, at *place*; content is shared.

    What clients keep beside the entries is copied as it is now; *is_shallow* leaves out what is below.
    Tags go along as they were at that moment: a copy says what its original said.

    Raises:
        QuotaExceeded: the space may not hold as much.
    """
    space_id = place.space.id
    top = NodeId(new_id("nod", unit.now_ms))
    seq = seq_of(unit.record(EntryCopied(subject=top, space=space_id, source=original.node)))
    below = list(walk(unit.sql, original, seen.at)) if original.is_folder and not is_shallow else []
    charge(unit, place.space, sum(each.size or 0 for each in (original, *below)), may_yield=seen.at is None)
    new_nodes = {entry.node: NodeId(new_id("nod", unit.now_ms)) for entry in below} | {original.node: top}
    tree.copy_versions(
        unit.sql,
        [(each.node, each.version, new_nodes[each.node]) for each in (original, *below) if each.version is not None],
        seq,
        unit.actor.id,
        unit.now_ms,
    )

    properties.copy(unit.sql, new_nodes.items())

    def copied(entry: Entry, parent: NodeId) -> Entry:
        version = None if entry.version is None else seq
        return dataclasses.replace(entry, node=new_nodes[entry.node], parent=parent, from_seq=seq, version=version)

    parent = place.line[len(place.names) - 1]
    copy = dataclasses.replace(copied(original, parent.node), name=place.names[-1], path=place.path)
    tree.add_entries(
        unit.sql, space_id, [copy, *(copied(each, new_nodes[NodeId(each.parent or "")]) for each in below)]
    )
    tags.copy_tags(unit.sql, space_id, new_nodes.items(), seen.at, seq)
    return Change(copy, seq)


def check_not_root(entry: Entry) -> None:
    """Return unless *entry* is the root of its space.

    Raises:
        RootStays: it is.
    """
    if entry.parent is None:
        raise RootStays(fix=N_("Name something in it."))


def there(entry: Entry | None) -> Entry:
    """Return the entry that the trash vouches for."""
    if entry is None:
        raise LookupError("the trash names an entry that the tree never held")
    return entry


def seq_of(recorded: Recorded) -> int:
    """Return the seq that a fact about a space got."""
    if recorded.seq is None:
        raise LookupError("a fact about a space got no seq")
    return recorded.seq


def undo_of(unit: Unit, space: SpaceId) -> str:
    """Return the text that undoes what *unit* has done in *space* so far, empty if that is nothing."""
    span = unit.spans.get(space)
    return "" if span is None else str(UndoToken(space, Seqs([span])))


def new_version(entry: Entry, content: Named, unit: Unit) -> Version:
    """Return the version of *entry* that *content* is."""
    return Version(
        node=entry.node,
        seq=entry.from_seq,
        size=content.size,
        sha256=content.sha256,
        media_type=entry.media_type or "",
        manifest=content.manifest,
        content=content.key,
        author=unit.actor.id,
        created=unit.now,
    )
