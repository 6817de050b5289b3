"""Files and folders."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from aiohttp import web

from cloudconnect.features.files import Change, Condition, Crossing, Entry, NewItem, Put, Tag, Trashed
from cloudconnect.kernel.clock import format_ns, parse_ns
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import NodeId
from cloudconnect.kernel.text import N_
from cloudconnect.wire import files as wire
from cloudconnect.wire.shape import FieldError, PageAnswer
from cloudconnect_web import content
from cloudconnect_web.api.lists import Cursor, Limit, Moment, to_page
from cloudconnect_web.conditions import parse_condition, quote
from cloudconnect_web.operations import Call, Guard, Operation, Reply
from cloudconnect_web.problems import BadRequest
from cloudconnect_web.watch import Watch
from cloudconnect_web.zipping import open_zip

_NS_MAX = (1 << 63) - 1

Modified = Annotated[str, msgspec.Meta(max_length=40, description="When it was modified, RFC 3339, nanoseconds kept.")]
Seq = Annotated[int, msgspec.Meta(ge=1, le=_NS_MAX, description="The seq that names a version.")]
Checksum = Annotated[
    Literal["blake3"], msgspec.Meta(description="A further hash of the content; it may have to be read through first.")
]
Parents = Annotated[bool, msgspec.Meta(description="Make missing folders on the way.")]


async def get_entry(
    call: Call, space: str, path: str, at: Moment | None = None, checksum: Checksum | None = None
) -> Reply[wire.Entry]:
    """Return what is at a path, now or at a moment in the past."""
    entry = await call.appliance.files.get_entry(call.principal, space, path, at)
    tags = await call.appliance.tags.find_tags(call.principal, space, path, at)
    told = msgspec.structs.replace(to_entry(entry), tags=to_tags(tags))
    if checksum == "blake3":
        digest = await call.appliance.particulars.find_blake3(call.principal, space, path, at)
        told = msgspec.structs.replace(told, blake3=digest.hex())
    return Reply(told, headers={"ETag": quote(entry.etag)})


async def find_children(
    call: Call, space: str, path: str, at: Moment | None = None, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.Entry]:
    """List a folder by name; all pages show the moment of the first."""
    page = await call.appliance.files.find_children(call.principal, space, path, at=at, limit=limit, cursor=cursor)
    nodes = [entry.node for entry in page.items]
    tags = await call.appliance.tags.find_tags_in(call.principal, space, path, nodes, at)
    return to_page(page, lambda entry: msgspec.structs.replace(to_entry(entry), tags=to_tags(tags.get(entry.node, ()))))


async def find_descendants(
    call: Call, space: str, path: str, at: Moment | None = None, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.Entry]:
    """List everything below a folder, depth first; all pages show the moment of the first."""
    page = await call.appliance.files.find_descendants(call.principal, space, path, at=at, limit=limit, cursor=cursor)
    return to_page(page, to_entry)


async def get_content(
    call: Call, space: str, path: str, at: Moment | None = None, version: Seq | None = None, inline: bool = False
) -> web.StreamResponse:
    """Return the bytes of a file, whole or in ranges: as it is, as it was at a moment, or of a version."""
    if version is not None:
        opened = await call.appliance.versions.open_version(call.principal, space, path, version)
    else:
        opened = await call.appliance.files.open_file(call.principal, space, path, at)
    return await content.send(call.request, opened, inline=inline)


async def put_content(
    call: Call, space: str, path: str, parents: Parents = False, modified: Modified | None = None
) -> Reply[wire.Uploaded]:
    """Store the body as a file: a new one, or another version of the one that is there.

    Replacing needs If-Match; ``If-None-Match: *`` makes sure that nothing is replaced.
    """
    put = await call.appliance.files.put_file(
        call.principal,
        space,
        path,
        content.receive(call.request),
        modified_ns=_parse_modified(modified),
        media_type=call.request.headers.get("Content-Type"),
        condition=parse_condition(call.request),
        parents=parents,
        expected_bytes=call.request.content_length,
    )
    return Reply(_to_uploaded(put), 201 if put.created else 200, {"ETag": quote(put.entry.etag)})


async def put_many(call: Call, space: str) -> wire.Bulk:
    """Store many small files and folders at once: the body is a MessagePack array of them.

    Each item is ``[path, content, modified_ns, etag]``; a file has at most 128 KiB, a body 16 MiB and 4,096 items.
    """
    await call.appliance.spaces.get_space(call.principal, space)
    items = [
        NewItem(each.path, each.content, _clamp(each.modified_ns), each.etag)
        for each in await content.receive_packed(call.request, _BULK)
    ]
    batch = await call.appliance.intake.put_many(call.principal, space, items)
    return wire.Bulk([_to_outcome(each) for each in batch.outcomes], batch.stored_bytes, batch.reused_bytes, batch.undo)


async def get_zip(call: Call, space: str, body: wire.NewZip) -> web.StreamResponse:
    """Return files and folders, these with all below them, as one ZIP archive of one moment.

    It is made while it is sent and is not compressed; where something turns out to be damaged, it breaks off.
    """
    archive = await open_zip(call.appliance, call.principal, space, body.paths, body.at)
    return await content.send_zip(call.request, archive)


async def read_many(call: Call, space: str, body: wire.BulkRead) -> web.StreamResponse:
    """Return many small files at once, each of at most 128 KiB, as a stream of frames.

    What cannot be had is told in its place and keeps no other file back.
    """
    await call.appliance.spaces.get_space(call.principal, space)
    nodes = [NodeId(node) for node in body.nodes]
    return await content.send_many(
        call.request, await call.appliance.files.open_files(call.principal, space, nodes, body.at)
    )


async def get_cutting(call: Call, space: str) -> wire.Cutting:
    """Return what a client needs to find out which parts of a file are stored already."""
    cutting = await call.appliance.intake.get_cutting(call.principal, space)
    return wire.Cutting(cutting.name_key, cutting.cut_key, cutting.average_bytes)


async def find_missing(call: Call, space: str) -> wire.Missing:
    """Tell which chunks are not stored: the body is a MessagePack array of content ids."""
    await call.appliance.spaces.get_space(call.principal, space)
    ids = await content.receive_packed(call.request, _IDS)
    return wire.Missing(await call.appliance.intake.find_missing(call.principal, space, ids))


async def add_chunks(call: Call, space: str) -> wire.ChunksAdded:
    """Store chunks of a file that is on its way: the body is a MessagePack array of them, each at most 4 MiB."""
    await call.appliance.spaces.get_space(call.principal, space)
    raws = await content.receive_packed(call.request, _CHUNKS)
    return wire.ChunksAdded(await call.appliance.intake.add_chunks(call.principal, space, raws))


async def assemble(call: Call, space: str) -> Reply[wire.Uploaded]:
    """Make a file of stored chunks: the body is MessagePack, ``[path, [[id, size], …], modified_ns, etag]``."""
    await call.appliance.spaces.get_space(call.principal, space)
    body = await content.receive_packed(call.request, _ASSEMBLY)
    put = await call.appliance.intake.put_assembled(
        call.principal,
        space,
        body.path,
        body.chunks,
        modified_ns=_clamp(body.modified_ns),
        condition=_condition(body.etag),
        parents=True,
    )
    return Reply(_to_uploaded(put), 201 if put.created else 200, {"ETag": quote(put.entry.etag)})


async def add_folder(
    call: Call, space: str, path: str, parents: Parents = False, modified: Modified | None = None
) -> wire.Changed:
    """Make a folder."""
    change = await call.appliance.files.add_folder(
        call.principal, space, path, parents=parents, modified_ns=_parse_modified(modified)
    )
    return to_changed(change)


async def move(call: Call, space: str, body: wire.Move) -> wire.Changed:
    """Move or rename a file or folder, however much lies below it, in one step."""
    change = await call.appliance.files.move(
        call.principal,
        space,
        body.source,
        body.target,
        replace=body.replace,
        condition=parse_condition(call.request),
    )
    return to_changed(change)


async def copy(call: Call, space: str, body: wire.Copy) -> wire.Changed:
    """Copy a file or folder by reference, as it is now or was at a moment in the past."""
    change = await call.appliance.files.copy(
        call.principal, space, body.source, body.target, at=body.at, replace=body.replace
    )
    return to_changed(change)


async def cross(call: Call, space: str, body: wire.NewCrossing) -> Reply[wire.Crossed]:
    """Copy or move a file or folder into another space; 202 and a long job where that takes long.

    Its contents are stored again under the keys of the other space. All of it is there at once, or nothing.
    """
    crossing = Crossing(
        space=space,
        path=body.source,
        into=body.into,
        target=body.target,
        is_move=body.move,
        at=body.at,
        replace=body.replace,
        condition=parse_condition(call.request),
    )
    operation = await call.appliance.crossing_runs.start(call.principal, crossing)
    if operation is not None:
        return Reply(wire.Crossed(None, operation=operation), 202)
    with Watch(call.request, may_stand=True) as watch:
        crossed = await call.appliance.crossing.cross(call.principal, crossing, watch.check_connected)
    return Reply(wire.Crossed(to_entry(crossed.entry), crossed.seq, crossed.undo, crossed.source_undo), 201)


async def trash_entry(call: Call, space: str, path: str) -> wire.TrashedBy:
    """Put a file or folder into the trash; needs If-Match."""
    change = await call.appliance.files.trash(call.principal, space, path, parse_condition(call.request))
    return wire.TrashedBy(_to_trashed(change.trashed), change.seq, change.undo)


async def find_trash(
    call: Call, space: str, limit: Limit = 100, cursor: Cursor | None = None
) -> PageAnswer[wire.Trashed]:
    """List the trash of a space, last removed first."""
    return to_page(await call.appliance.files.find_trash(call.principal, space, limit, cursor), _to_trashed)


async def restore(call: Call, space: str, node: str, body: wire.Restore) -> wire.Changed:
    """Bring something back from the trash, to where it was or to another path."""
    return to_changed(await call.appliance.files.restore(call.principal, space, node, body.target))


async def get_usage(call: Call, space: str, path: str, at: Moment | None = None) -> wire.Usage:
    """Return how much lies below a path."""
    usage = await call.appliance.files.measure(call.principal, space, path, at)
    return wire.Usage(usage.path, usage.files, usage.folders, usage.logical_bytes)


def to_entry(entry: Entry) -> wire.Entry:
    """Return *entry* as it crosses HTTP."""
    return wire.Entry(
        id=entry.node,
        name=entry.name,
        path=entry.path,
        kind="folder" if entry.is_folder else "file",
        modified=format_ns(entry.modified_ns),
        etag=entry.etag,
        size=entry.size,
        media_type=entry.media_type,
        sha256=None if entry.sha256 is None else entry.sha256.hex(),
        version=entry.version,
    )


def to_tags(tags: Sequence[Tag]) -> list[wire.Tag]:
    """Return *tags* as they cross HTTP."""
    return [wire.Tag(tag.name, tag.value.kind.value, tag.value.text) for tag in tags]


def parse_modified(text: str) -> int:
    """Return the nanoseconds since 1970 that *text* names, bounded to what can be kept.

    Raises:
        BadRequest: it is no moment in RFC 3339.
    """
    try:
        nanoseconds = parse_ns(text)
    except ValueError as error:
        raise BadRequest(
            N_("“{text}” is not a moment."),
            errors=[FieldError("/query/modified", str(error))],
            fix=N_("Write it like 2026-11-01T12:00:00.123456789Z."),
            text=text,
        ) from error
    return min(max(nanoseconds, -_NS_MAX), _NS_MAX)


def _to_outcome(outcome: Entry | CloudConnectError) -> wire.BulkOutcome:
    if isinstance(outcome, Entry):
        return wire.BulkOutcome(outcome.etag)
    return wire.BulkOutcome("", outcome.code, str(outcome.detail))


def to_changed(change: Change) -> wire.Changed:
    """Return *change* as it crosses HTTP."""
    return wire.Changed(to_entry(change.entry), change.seq, change.undo)


def _to_uploaded(put: Put) -> wire.Uploaded:
    return wire.Uploaded(to_entry(put.entry), put.created, put.seq, put.stored_bytes, put.reused_bytes, put.undo)


def _to_trashed(trashed: Trashed) -> wire.Trashed:
    return wire.Trashed(
        id=trashed.node,
        name=trashed.name,
        path=trashed.path,
        kind="folder" if trashed.size is None else "file",
        size=trashed.size,
        trashed=trashed.trashed,
        trashed_by=trashed.trashed_by,
    )


def _condition(etag: str | None) -> Condition:
    """Return what *etag* in a packed body asks for: None that nothing is there, else that state."""
    if etag is None:
        return Condition(if_none_match=frozenset({"*"}))
    return Condition(if_match=frozenset({etag}))


def _parse_modified(text: str | None) -> int | None:
    return None if text is None else parse_modified(text)


def _clamp(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else min(max(nanoseconds, -_NS_MAX), _NS_MAX)


_BULK = msgspec.msgpack.Decoder(Annotated[list[wire.BulkItem], msgspec.Meta(max_length=4_096)])
_Id = Annotated[bytes, msgspec.Meta(min_length=32, max_length=32)]
_IDS = msgspec.msgpack.Decoder(list[_Id])
_CHUNKS = msgspec.msgpack.Decoder(list[Annotated[memoryview, msgspec.Meta(min_length=1, max_length=4 << 20)]])
_ASSEMBLY = msgspec.msgpack.Decoder(wire.Assembly)

_SPACE = "/spaces/{space}"
OPERATIONS = [
    Operation(method="GET", path=_SPACE + "/entries/{path:[\\s\\S]*}", guard=Guard.READ, handler=get_entry),
    Operation(method="DELETE", path=_SPACE + "/entries/{path:[\\s\\S]*}", guard=Guard.WRITE, handler=trash_entry),
    Operation(method="GET", path=_SPACE + "/children/{path:[\\s\\S]*}", guard=Guard.READ, handler=find_children),
    Operation(method="GET", path=_SPACE + "/tree/{path:[\\s\\S]*}", guard=Guard.READ, handler=find_descendants),
    Operation(
        method="GET", path=_SPACE + "/content/{path:[\\s\\S]*}", guard=Guard.READ, handler=get_content, stream="answer"
    ),
    Operation(
        method="PUT",
        path=_SPACE + "/content/{path:[\\s\\S]*}",
        guard=Guard.WRITE,
        handler=put_content,
        status=201,
        stream="body",
    ),
    Operation(method="POST", path=_SPACE + "/bulk", guard=Guard.WRITE, handler=put_many, stream="body"),
    Operation(method="POST", path=_SPACE + "/zip", guard=Guard.READ, handler=get_zip, stream="answer"),
    Operation(method="POST", path=_SPACE + "/bulk/read", guard=Guard.READ, handler=read_many, stream="answer"),
    Operation(method="GET", path=_SPACE + "/cutting", guard=Guard.WRITE, handler=get_cutting, answers_secret=True),
    Operation(method="POST", path=_SPACE + "/chunks/missing", guard=Guard.WRITE, handler=find_missing, stream="body"),
    Operation(method="POST", path=_SPACE + "/chunks", guard=Guard.WRITE, handler=add_chunks, stream="body"),
    Operation(method="POST", path=_SPACE + "/assembled", guard=Guard.WRITE, handler=assemble, stream="body"),
    Operation(
        method="POST", path=_SPACE + "/folders/{path:[\\s\\S]*}", guard=Guard.WRITE, handler=add_folder, status=201
    ),
    Operation(method="POST", path=_SPACE + "/moves", guard=Guard.WRITE, handler=move),
    Operation(method="POST", path=_SPACE + "/copies", guard=Guard.WRITE, handler=copy, status=201),
    Operation(method="POST", path=_SPACE + "/crossings", guard=Guard.WRITE, handler=cross, status=201),
    Operation(method="GET", path=_SPACE + "/trash", guard=Guard.READ, handler=find_trash),
    Operation(method="POST", path=_SPACE + "/trash/{node}/restore", guard=Guard.WRITE, handler=restore),
    Operation(method="GET", path=_SPACE + "/usage/{path:[\\s\\S]*}", guard=Guard.READ, handler=get_usage),
]
