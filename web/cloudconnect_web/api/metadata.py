"""Tags, fields, favourites, times; finding files by them, and edits in bulk."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from cloudconnect.features.files import (
    BulkDeed,
    BulkEdit,
    BulkPlan,
    Favourite,
    Field,
    FieldKind,
    Found,
    Tag,
    TagUse,
    read_tag,
)
from cloudconnect.kernel.values import ValueKind
from cloudconnect.wire import files
from cloudconnect.wire import metadata as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.accounting import FolderPath
from cloudconnect_web.api.files import parse_modified, to_changed, to_entry, to_tags
from cloudconnect_web.api.lists import Cursor, Limit, Moment, to_page
from cloudconnect_web.conditions import parse_condition, quote
from cloudconnect_web.operations import Call, Guard, Operation, Reply
from cloudconnect_web.undoing import with_undo

Where = Annotated[
    str, msgspec.Meta(max_length=4_000, description="A selection: type:pdf tag:invoice -tag:paid size:>10M.")
]


async def touch_entry(call: Call, space: str, path: str, body: wire.Touch) -> Reply[files.Changed]:
    """Say when a file or folder was modified; its content stays the same."""
    modified_ns = parse_modified(body.modified)
    condition = parse_condition(call.request)
    change = await call.appliance.particulars.touch(call.principal, space, path, modified_ns, condition)
    return Reply(to_changed(change), headers={"ETag": quote(change.entry.etag)})


async def find_tags(call: Call, space: str, path: str, at: Moment | None = None) -> wire.Tags:
    """Return the tags of a file or folder, now or at a moment in the past."""
    return wire.Tags(to_tags(await call.appliance.tags.find_tags(call.principal, space, path, at)))


async def change_tags(call: Call, space: str, path: str, body: wire.TagChange) -> wire.Tags:
    """Put tags on a file or folder, and take tags off; all of it or nothing."""
    change = await call.appliance.tags.change_tags(call.principal, space, path, _read_tags(body.add), body.remove)
    return wire.Tags(to_tags(change.tags), change.undo)


async def find_used_tags(
    call: Call, space: str, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.TagUse]:
    """List the names of tags that are used in a space."""
    return to_page(await call.appliance.tags.find_used(call.principal, space, limit, cursor), _to_use)


async def find_fields(call: Call, space: str) -> wire.Fields:
    """Return what a space demands of tags."""
    return wire.Fields([_to_field(each) for each in await call.appliance.tags.find_fields(call.principal, space)])


async def set_field(call: Call, space: str, name: str, body: wire.NewField) -> wire.ChangedField:
    """Demand of tags of one name that their values are of a kind; tags that are there already stay."""
    field = Field(name, FieldKind(body.kind), tuple(body.choices))
    changed = await call.appliance.tags.set_field(call.principal, space, field)
    return with_undo(wire.ChangedField, _to_field(changed.value), changed.undo)


async def remove_field(call: Call, space: str, name: str) -> wire.ChangedFields:
    """Demand nothing of tags of one name any more; the tags stay."""
    changed = await call.appliance.tags.remove_field(call.principal, space, name)
    return wire.ChangedFields([_to_field(each) for each in changed.value], changed.undo)


async def find_favourites(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.Favourite]:
    """List one's own favourites."""
    return to_page(await call.appliance.particulars.find_favourites(call.principal, limit, cursor), _to_favourite)


async def add_favourite(call: Call, space: str, path: str) -> files.Entry:
    """Make a file or folder a favourite of one's own."""
    return to_entry(await call.appliance.particulars.add_favourite(call.principal, space, path))


async def remove_favourite(call: Call, space: str, path: str) -> None:
    """Let a file or folder be no favourite of one's own any more."""
    await call.appliance.particulars.remove_favourite(call.principal, space, path)


async def find_entries(
    call: Call,
    space: str,
    where: Where = "",
    path: FolderPath = "/",
    at: Moment | None = None,
    limit: Limit = 100,
    cursor: Cursor | None = None,
) -> PageAnswer[files.Entry]:
    """List what a selection selects below a folder, oldest first; all pages show the moment of the first."""
    page = await call.appliance.finding.find(call.principal, space, where, path=path, at=at, limit=limit, cursor=cursor)
    return to_page(page, _to_found)


async def edit_bulk(call: Call, space: str, body: wire.BulkEdit) -> Reply[wire.BulkEdited]:
    """Remove, move or tag everything that a selection selects: first as a plan, then exactly what it said.

    Up to 1,000 items are done as a whole or not at all; more are 202 and a long job.
    """
    edit = BulkEdit(
        where=body.where,
        deed=BulkDeed(body.action),
        path=body.path,
        into=body.into,
        added=_read_tags(body.add),
        removed=tuple(body.remove),
        is_recursive=body.recursive,
    )
    if body.dry_run:
        return Reply(_to_edited(await call.appliance.editing.plan(call.principal, space, edit)))
    edited = await call.appliance.editing_runs.apply(call.principal, space, edit, body.plan, body.expect)
    plan = _to_edited(edited.plan)
    if edited.operation:
        return Reply(msgspec.structs.replace(plan, operation=edited.operation), 202)
    return Reply(msgspec.structs.replace(plan, done=edited.items, seq=edited.seq, undo=edited.undo))


def _read_tags(tags: Sequence[wire.NewTag]) -> tuple[Tag, ...]:
    return tuple(read_tag(tag.name, tag.value, None if tag.kind is None else ValueKind(tag.kind)) for tag in tags)


def _to_use(use: TagUse) -> wire.TagUse:
    return wire.TagUse(use.name, use.entries)


def _to_field(field: Field) -> wire.Field:
    return wire.Field(field.name, field.kind.value, list(field.choices))


def _to_favourite(favourite: Favourite) -> wire.Favourite:
    return wire.Favourite(favourite.space, to_entry(favourite.entry))


def _to_found(found: Found) -> files.Entry:
    return msgspec.structs.replace(to_entry(found.entry), tags=to_tags(found.tags))


def _to_edited(plan: BulkPlan) -> wire.BulkEdited:
    return wire.BulkEdited(
        plan=plan.token,
        seq=plan.seq,
        items=plan.items,
        files=plan.files,
        folders=plan.folders,
        logical_bytes=plan.logical_bytes,
        examples=list(plan.examples),
    )


_SPACE = "/spaces/{space}"
_PATH = "/{path:[\\s\\S]*}"
OPERATIONS = [
    Operation(method="PATCH", path=f"{_SPACE}/entries{_PATH}", guard=Guard.WRITE, handler=touch_entry),
    Operation(method="GET", path=f"{_SPACE}/tags", guard=Guard.READ, handler=find_used_tags),
    Operation(method="GET", path=f"{_SPACE}/tags{_PATH}", guard=Guard.READ, handler=find_tags),
    Operation(method="POST", path=f"{_SPACE}/tags{_PATH}", guard=Guard.WRITE, handler=change_tags),
    Operation(method="GET", path=f"{_SPACE}/fields", guard=Guard.READ, handler=find_fields),
    Operation(method="PUT", path=f"{_SPACE}/fields/{{name}}", guard=Guard.WRITE, handler=set_field),
    Operation(method="DELETE", path=f"{_SPACE}/fields/{{name}}", guard=Guard.WRITE, handler=remove_field),
    Operation(method="GET", path="/favourites", guard=Guard.READ, handler=find_favourites),
    Operation(method="PUT", path=f"{_SPACE}/favourites{_PATH}", guard=Guard.WRITE, handler=add_favourite),
    Operation(
        method="DELETE", path=f"{_SPACE}/favourites{_PATH}", guard=Guard.WRITE, handler=remove_favourite, status=204
    ),
    Operation(method="GET", path=f"{_SPACE}/find", guard=Guard.READ, handler=find_entries),
    Operation(method="POST", path=f"{_SPACE}/bulk-edits", guard=Guard.WRITE, handler=edit_bulk),
]
