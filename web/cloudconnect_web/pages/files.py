"""Files, folders and the trash as people see them."""

from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import BodyPartReader, web

from cloudconnect.features.files import Condition, Entry, Listing, Space, Tag, read_tag
from cloudconnect.kernel.errors import CloudConnectError, Conflict, Invalid, NotFound, PreconditionFailed
from cloudconnect.kernel.text import N_
from cloudconnect_web.i18n import say_bytes
from cloudconnect_web.keys import APPLIANCE, LANGUAGE, PRINCIPAL
from cloudconnect_web.operations import Guard
from cloudconnect_web.pages.moving import find_moving
from cloudconnect_web.pages.page import (
    Notice,
    Page,
    crumbs_of,
    file_url,
    parent_of,
    read_all,
    read_form,
    redirect,
    refusal_words,
    render,
    safe_target,
    space_of,
    words,
)
from cloudconnect_web.pages.past import find_stopped
from cloudconnect_web.pages.several import do_each, notice_of
from cloudconnect_web.problems import BadRequest

_ROWS = 500
_ANYTHING = Condition(if_match=frozenset({"*"}))
_NOTHING = Condition(if_none_match=frozenset({"*"}))


class UnknownAct(Invalid):
    """A form asked for something that no page offers."""

    code = "web.unknown-act"
    title = N_("This is not something the page offers")


async def show(request: web.Request) -> web.StreamResponse:
    """Show a folder, or a file with what can be done to it."""
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    path, at = _path(request), request.query.get("at") or None
    space = await appliance.spaces.get_space(principal, space_of(request))
    try:
        entry = await appliance.files.get_entry(principal, space_of(request), path, at)
        tags = await appliance.tags.find_tags(principal, space_of(request), path, at)
    except NotFound:
        if at is None:
            raise
        return await _show_too_early(request, space, at)
    if entry.is_folder:
        return await _show_folder(request, space, entry, tags, at)
    return render(request, "file.html", entry=entry, space=space, crumbs=crumbs_of(entry), at=at, tags=tags)


async def _show_folder(
    request: web.Request, space: Space, folder: Entry, own_tags: list[Tag], at: str | None
) -> web.StreamResponse:
    appliance, principal = request.app[APPLIANCE], request[PRINCIPAL]
    cursor = request.query.get("cursor") or None
    page = await appliance.files.find_children(
        principal, space.id, folder.path, at=at, limit=_ROWS, cursor=cursor, listing=Listing.FOLDERS_FIRST
    )
    entries = page.items
    if cursor is None and page.next_cursor is None:
        entries = sorted(entries, key=lambda each: (not each.is_folder, each.name.casefold()))
    return render(
        request,
        "folder.html",
        folder=folder,
        space=space,
        used=used_words(request, space),
        stopped=await find_stopped(request),
        moving=await find_moving(request),
        entries=entries,
        tags=await appliance.tags.find_tags_in(principal, space.id, folder.path, [each.node for each in entries], at),
        own_tags=own_tags,
        crumbs=crumbs_of(folder),
        at=at,
        next_cursor=page.next_cursor,
        is_later_page=cursor is not None,
    )


async def _show_too_early(request: web.Request, space: Space, at: str) -> web.StreamResponse:
    """Say that what is here now was not yet there *at* that moment, with the way to later ones.

    Raises:
        NotFound: it is not here now either.
    """
    entry = await request.app[APPLIANCE].files.get_entry(request[PRINCIPAL], space.id, _path(request))
    return render(request, "too-early.html", status=404, entry=entry, space=space, crumbs=crumbs_of(entry), at=at)


async def change(request: web.Request) -> web.StreamResponse:
    """Do what a form on a folder's or file's page asks for."""
    if request.content_type == "multipart/form-data":
        return await _upload(request)
    form = await read_form(request)
    act = _ACTS.get(form.get("act", ""))
    if act is None:
        raise UnknownAct(fix=N_("Go back and open the page anew."))
    return await act(request, form)


async def show_trash(request: web.Request) -> web.StreamResponse:
    """Show what was removed."""
    cursor = request.query.get("cursor") or None
    page = await request.app[APPLIANCE].files.find_trash(request[PRINCIPAL], space_of(request), _ROWS, cursor)
    space = await request.app[APPLIANCE].spaces.get_space(request[PRINCIPAL], space_of(request))
    stay = await request.app[APPLIANCE].purging.find_stay(request[PRINCIPAL], space.id)
    return render(request, "trash.html", space=space, trashed=page.items, stay=stay, next_cursor=page.next_cursor)


async def restore(request: web.Request) -> web.StreamResponse:
    """Bring one thing or several back."""
    form = await read_form(request)
    files, principal = request.app[APPLIANCE].files, request[PRINCIPAL]

    async def act(node: str) -> tuple[str, str]:
        change = await files.restore(principal, space_of(request), node)
        return change.entry.path, change.undo

    done, failed = await do_each(request, await read_all(request, "node"), act)
    text = words(request, N_("{count} are back."), count=len(done))
    if len(done) == 1:
        text = words(request, N_("“{name}” is back."), name=done[0][0].rpartition("/")[2])
    target = form.get("next") or file_url(request, parent_of(done[0][0] if done else "/"))
    return redirect(request, safe_target(target), notice_of(text, done, failed))


async def _add_folder(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    path = _path(request)
    name = form.get("name", "").strip()
    change = await request.app[APPLIANCE].files.add_folder(request[PRINCIPAL], space_of(request), _below(path, name))
    text = words(request, N_("The folder “{name}” is made."), name=name)
    return redirect(request, file_url(request, path), Notice(text, change.undo))


async def _rename(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    path, name = form.get("path", ""), form.get("name", "").strip()
    target = _below(parent_of(path), name)
    change = await request.app[APPLIANCE].files.move(request[PRINCIPAL], space_of(request), path, target)
    text = words(request, N_("It is called “{name}” now."), name=name)
    return redirect(request, file_url(request, parent_of(path)), Notice(text, change.undo))


async def _trash(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    path = form.get("path", "")
    etag = form.get("etag")
    condition = Condition(if_match=frozenset({etag})) if etag else _ANYTHING
    change = await request.app[APPLIANCE].files.trash(request[PRINCIPAL], space_of(request), path, condition)
    text = words(request, N_("“{name}” is in the trash."), name=change.trashed.name)
    return redirect(request, file_url(request, parent_of(path)), Notice(text, change.undo))


async def _trash_selected(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    del form
    files, principal = request.app[APPLIANCE].files, request[PRINCIPAL]

    async def act(path: str) -> tuple[str, str]:
        change = await files.trash(principal, space_of(request), path, _ANYTHING)
        return change.trashed.name, change.undo

    done, failed = await do_each(request, await read_all(request, "path"), act)
    text = words(request, N_("{count} are in the trash."), count=len(done))
    return redirect(request, file_url(request, _path(request)), notice_of(text, done, failed))


async def _tag(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    path, name = form.get("path", ""), form.get("name", "").strip()
    added = [read_tag(name, form.get("value", "").strip() or None)] if name else []
    removed = [form["remove"]] if "remove" in form else []
    change = await request.app[APPLIANCE].tags.change_tags(request[PRINCIPAL], space_of(request), path, added, removed)
    text = words(request, N_("The tags of {name} are changed."), name=path.rpartition("/")[2] or "/")
    return redirect(request, file_url(request, path), Notice(text, change.undo) if change.undo else None)


async def _tag_selected(request: web.Request, form: dict[str, str]) -> web.StreamResponse:
    added = [read_tag(form.get("name", "").strip(), form.get("value", "").strip() or None)]
    tags, principal = request.app[APPLIANCE].tags, request[PRINCIPAL]

    async def act(path: str) -> tuple[str, str]:
        return path, (await tags.change_tags(principal, space_of(request), path, added, [])).undo

    done, failed = await do_each(request, await read_all(request, "path"), act)
    text = words(request, N_("{count} have the tag “{name}” now."), count=len(done), name=added[0].name)
    if len(done) == 1:
        text = words(request, N_("One has the tag “{name}” now."), name=added[0].name)
    return redirect(request, file_url(request, _path(request)), notice_of(text, done, failed))


async def _upload(request: web.Request) -> web.StreamResponse:
    """Store every file of a form as it comes; one that is there already gets a new version."""
    folder = _path(request)
    stored: list[tuple[str, str]] = []
    failed: list[str] = []
    async for part in _parts(request):
        if not isinstance(part, BodyPartReader) or not part.filename:
            continue
        # The files of a chosen folder say where in it they are.
        name = part.filename.strip("/")
        try:
            stored.append((name, await _store(request, f"{folder.rstrip('/')}/{name}", part)))
        except CloudConnectError as refusal:
            failed.append(f"{name}: {refusal_words(request, refusal)}")
    text = words(request, N_("{count} uploaded."), count=len(stored))
    return redirect(request, file_url(request, folder), notice_of(text, stored, failed))


async def _parts(request: web.Request) -> AsyncIterator[object]:
    try:
        reader = await request.multipart()
        while (part := await reader.next()) is not None:
            yield part
    except ValueError as error:
        raise BadRequest(N_("The form cannot be read."), fix=N_("Go back and send it again.")) from error


async def _store(request: web.Request, path: str, part: BodyPartReader) -> str:
    files, principal = request.app[APPLIANCE].files, request[PRINCIPAL]
    try:
        entry = await files.get_entry(principal, space_of(request), path)
        condition = Condition(if_match=frozenset({entry.etag}))
    except CloudConnectError:
        condition = _NOTHING
    media_type = part.headers.get("Content-Type")
    try:
        put = await files.put_file(
            principal, space_of(request), path, _pieces(part), media_type=media_type, condition=condition, parents=True
        )
    except PreconditionFailed as refusal:
        raise Conflict(N_("Somebody else changed it meanwhile."), fix=N_("Upload it again.")) from refusal
    return put.undo


async def _pieces(part: BodyPartReader) -> AsyncIterator[bytes]:
    while piece := await part.read_chunk(1 << 18):
        yield piece


def _path(request: web.Request) -> str:
    return "/" + request.match_info["path"].strip("/")


def _below(folder: str, name: str) -> str:
    if not name or "/" in name:
        raise Invalid(N_("A name has at least one character, and no slashes."), fix=N_("Choose another name."))
    return f"{folder.rstrip('/')}/{name}"


def used_words(request: web.Request, space: Space) -> str:
    """Return in words how full *space* is."""
    used = say_bytes(space.used_bytes, request[LANGUAGE])
    if space.quota_bytes is None:
        return words(request, N_("{used} used"), used=used)
    return words(
        request, N_("{used} of {quota} used"), used=used, quota=say_bytes(space.quota_bytes, request[LANGUAGE])
    )


_ACTS: dict[str, Callable[[web.Request, dict[str, str]], Awaitable[web.StreamResponse]]] = {
    "folder": _add_folder,
    "rename": _rename,
    "trash": _trash,
    "trash-selected": _trash_selected,
    "tag": _tag,
    "tag-selected": _tag_selected,
}

PAGES = [
    Page(method="GET", path="/files/{path:[\\s\\S]*}", guard=Guard.READ, handler=show, in_space=True),
    Page(method="POST", path="/files/{path:[\\s\\S]*}", guard=Guard.WRITE, handler=change, in_space=True),
    Page(method="GET", path="/trash", guard=Guard.READ, handler=show_trash, in_space=True),
    Page(method="POST", path="/trash", guard=Guard.WRITE, handler=restore, in_space=True),
]
