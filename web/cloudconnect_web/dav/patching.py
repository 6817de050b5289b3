"""PROPPATCH (RFC 4918, section 9.2): what clients keep beside a file, and the time at which it was modified."""

from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Final

from aiohttp import web

from cloudconnect.kernel.text import N_
from cloudconnect_web.dav import answers
from cloudconnect_web.dav.asking import Ask
from cloudconnect_web.dav.headers import parse_unix_time
from cloudconnect_web.dav.live import DAV, LIVE
from cloudconnect_web.dav.reading import LANGUAGE, Element, read_xml
from cloudconnect_web.dav.writing import DECLARED, escape, tags, to_xml
from cloudconnect_web.problems import BadRequest
from cloudconnect_web.undoing import undo_fields

NAME_MOST_BYTES: Final = 1_024
_HTTP_TIMES = frozenset({f"{DAV}getlastmodified", "{urn:schemas-microsoft-com:}Win32LastModifiedTime"})
_UNIX_TIMES = frozenset({f"{DAV}lastmodified"})
"""How clients for ownCloud set when a file was modified (rclone among them)."""


@dataclass(slots=True)
class _Patch:
    """What a body asks to be changed; ``refused`` are properties that nobody can change."""

    names: list[str] = field(default_factory=list)
    values: dict[str, str | None] = field(default_factory=dict)
    modified_ns: int | None = None
    refused: set[str] = field(default_factory=set)


async def proppatch(ask: Ask) -> web.StreamResponse:
    """Set and remove properties, all of them or none."""
    body = await read_xml(ask.request)
    if body is None or body.name != f"{DAV}propertyupdate":
        raise BadRequest(N_("The body is no propertyupdate."), fix=N_("Send set and remove elements in one."))
    patch = _parse(body)
    if patch.refused:
        await ask.appliance.files.get_entry(ask.principal, ask.space, ask.target.path)
        return _answer(ask, patch)
    change = await ask.appliance.properties.change(
        ask.principal,
        ask.space,
        ask.target.path,
        patch.values,
        modified_ns=patch.modified_ns,
        condition=ask.condition,
    )
    answer = _answer(ask, patch)
    answer.headers.update(undo_fields(change.undo))
    return answer


def _parse(body: Element) -> _Patch:
    patch = _Patch()
    for act in body.children:
        if act.name not in {f"{DAV}set", f"{DAV}remove"}:
            continue
        for prop in (each for each in act.children if each.name == f"{DAV}prop"):
            language = next(
                (each.attributes[LANGUAGE] for each in (prop, act, body) if LANGUAGE in each.attributes), ""
            )
            for element in prop.children:
                _take(patch, element, language, is_set=act.name == f"{DAV}set")
    if not patch.names:
        raise BadRequest(N_("The body changes no property."), fix=N_("Name one in a set or remove element."))
    return patch


def _take(patch: _Patch, element: Element, language: str, *, is_set: bool) -> None:
    name = element.name
    if name not in patch.names:
        patch.names.append(name)
    moment = _moment(element) if is_set else None
    if moment is not None:
        patch.modified_ns = moment
        if name.startswith(DAV):
            return
    elif name in LIVE or len(name.encode()) > NAME_MOST_BYTES:
        patch.refused.add(name)
        return
    # The later word on one property holds (RFC 4918, section 9.2).
    patch.values[name] = to_xml(element, language) if is_set else None


def _moment(element: Element) -> int | None:
    """Return the nanoseconds since 1970 that *element* wants the file to have been modified at, if it does."""
    try:
        if element.name in _UNIX_TIMES:
            return parse_unix_time(element.text)
        if element.name in _HTTP_TIMES:
            return parse_unix_time(str(int(parsedate_to_datetime(element.text).timestamp())))
    except (BadRequest, ValueError, TypeError, IndexError, OverflowError):
        return None
    return None


def _answer(ask: Ask, patch: _Patch) -> web.Response:
    """Return a status for each property: where one is refused, the others fail with it."""
    parts = [
        ("200 OK", [] if patch.refused else patch.names),
        ("403 Forbidden", [name for name in patch.names if name in patch.refused]),
        ("424 Failed Dependency", [name for name in patch.names if patch.refused and name not in patch.refused]),
    ]
    stats = "".join(
        f"<d:propstat><d:prop>{''.join(tags(name)[2] for name in names)}</d:prop><d:status>HTTP/1.1 {status}</d:status>"
        f"{_PROTECTED if status.startswith('403') else ''}</d:propstat>"
        for status, names in parts
        if names
    )
    href = escape(ask.request.rel_url.raw_path)
    return answers.whole(
        f"<d:multistatus {DECLARED}><d:response><d:href>{href}</d:href>{stats}</d:response></d:multistatus>"
    )


_PROTECTED: Final = "<d:error><d:cannot-modify-protected-property/></d:error>"
