"""What paths and moments may look like, and when a precondition holds."""

import dataclasses
import mimetypes
import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from cloudconnect.features.files.errors import (
    BadEdit,
    BadField,
    BadMoment,
    BadPath,
    BadQuota,
    BadSnapshotName,
    BadSpaceName,
    BadTag,
    BadUndoToken,
    ConditionMissing,
    Exists,
    SpaceArchived,
    Stale,
)
from cloudconnect.features.files.models import BulkDeed, BulkEdit, Condition, Entry, Field, FieldKind, Space, Tag
from cloudconnect.features.files.moments import Seqs, UndoToken
from cloudconnect.kernel.ids import SpaceId
from cloudconnect.kernel.selection import Query
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.values import LABEL, ValueKind, normalise_name, read_value

PATH_MAX_BYTES = 4_096
NAME_MAX_BYTES = 255
SPACE_NAME_MAX = 100
QUOTA_MAX_BYTES = (1 << 63) - 1

_UNSUITED = frozenset("/\\\0")
_UNSUITED_SPACE = frozenset("/\\:")
_MEDIA_TYPES = mimetypes.MimeTypes()
_UNKNOWN_TYPE = "application/octet-stream"
_MEDIA_TYPE = re.compile(r"[a-zA-Z0-9!#$&^_.+-]{1,100}/[a-zA-Z0-9!#$&^_.+-]{1,100}(?:;[\x20-\x7e]{0,100})?")
_AGO = re.compile(r"(\d{1,6})\s*(s|m|h|d|w)")
_DAY = re.compile(r"(today|yesterday)(?:\s+(\d{1,2}):(\d{2}))?")
_SEQ = re.compile(r"(?:seq:)?(\d{1,18})")
_UNDO_TOKEN = re.compile(r"(spc_[0-9a-zA-Z]{1,40})\.(\d{1,18}-\d{1,18}(?:,\d{1,18}-\d{1,18})*)")
_SNAPSHOT_NAME = re.compile(r"[^\W\d][\w .+-]{0,99}")
_SNAPSHOT_PREFIX = "snapshot:"
_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


def parse_path(path: str) -> tuple[str, ...]:
    """Return the names on *path* in Unicode form NFC, none for the root; slashes at either end do not matter.

    Raises:
        BadPath: over 4,096 bytes, or a name that ``check_name`` refuses, or two slashes in a row.
    """
    names = tuple(unicodedata.normalize("NFC", path).strip("/").split("/")) if path.strip("/") else ()
    for name in names:
        check_name(name)
    if sum(len(name.encode()) + 1 for name in names) > PATH_MAX_BYTES:
        raise BadPath(
            N_("A path has at most {most} bytes."), fix=N_("Use shorter names or fewer folders."), most=PATH_MAX_BYTES
        )
    return names


def check_name(name: str) -> None:
    """Return if *name* can stand in a folder.

    Raises:
        BadPath: empty, ``.`` or ``..``, over 255 bytes, with a slash, backslash or NUL, or not encodable in UTF-8.
    """
    try:
        length = len(name.encode())
    except UnicodeEncodeError as error:
        raise BadPath(N_("The name is not valid Unicode."), fix=N_("Rename it.")) from error
    if name in {"", ".", ".."} or not _UNSUITED.isdisjoint(name):
        raise BadPath(
            N_("“{name}” cannot be the name of a file or folder."),
            fix=N_("Leave out slashes, backslashes and NUL; “.” and “..” are not names."),
            name=name[:NAME_MAX_BYTES].replace("\0", "␀"),
        )
    if length > NAME_MAX_BYTES:
        raise BadPath(
            N_("A name has at most {most} bytes, this one has {length}."),
            fix=N_("Use a shorter name."),
            most=NAME_MAX_BYTES,
            length=length,
        )


def parse_space_name(text: str) -> str:
    """Return the name that *text* gives a space, in Unicode form NFC and without blanks at its ends.

    Raises:
        BadSpaceName: it is empty or over 100 characters, holds a slash, a backslash, a colon or a control character, or
            could be taken for an id, for ``personal`` or for a step in a path.
    """
    name = unicodedata.normalize("NFC", text).strip()
    is_taken = name in {".", ".."} or name.casefold() == "personal" or name.startswith("spc_")
    if not 1 <= len(name) <= SPACE_NAME_MAX or not name.isprintable() or is_taken or set(name) & _UNSUITED_SPACE:
        raise BadSpaceName(
            N_("“{name}” cannot name a space."),
            fix=N_("Use 1 to {most} characters without slash, backslash and colon."),
            name=name[:SPACE_NAME_MAX],
            most=SPACE_NAME_MAX,
        )
    return name


def check_not_archived(space: Space) -> None:
    """Return if what is in *space* may change.

    Raises:
        SpaceArchived: it is archived.
    """
    if space.archived is not None:
        raise SpaceArchived(
            N_("The space “{name}” is archived; nothing in it changes."),
            fix=N_("Its owner brings it back with: cloudconnect space unarchive “{name}”"),
            name=space.name,
        )


def check_quota_size(quota_bytes: int | None) -> None:
    """Return if a space may be bounded to *quota_bytes*; None is no bound.

    Raises:
        BadQuota: it is negative, or more than can be counted.
    """
    if quota_bytes is not None and not 0 <= quota_bytes <= QUOTA_MAX_BYTES:
        raise BadQuota(N_("A quota is a number of bytes, 0 or more."), fix=N_("Give another one, or none."))


def join_path(names: tuple[str, ...]) -> str:
    """Return the absolute path of *names*: ``/`` for none."""
    return "/" + "/".join(names)


def media_type(name: str, given: str | None) -> str:
    """Return the media type the client gave, or what the name suggests where it gave none that says anything."""
    if given and given.split(";")[0].strip().lower() != _UNKNOWN_TYPE and _MEDIA_TYPE.fullmatch(given):
        return given
    guessed, encoding = _MEDIA_TYPES.guess_type(name, strict=False)
    return guessed if guessed and not encoding else _UNKNOWN_TYPE


def check_condition(condition: Condition, existing: Entry | None, *, is_required: bool) -> None:
    """Return if *condition* holds for what is there now (RFC 9110, section 13.1).

    Raises:
        Exists: something is there and only nothing would do.
        Stale: If-Match names another state, or If-None-Match this one.
        ConditionMissing: something is there, *is_required*, and no condition says which state is meant.
    """
    if existing is None:
        if condition.if_match is not None:
            raise Stale(N_("It is not there any more."), fix=N_("Look again and decide anew."))
        return
    if condition.if_none_match is not None and {"*", existing.etag} & condition.if_none_match:
        raise Stale(N_("“{path}” is there already."), fix=N_("Look again and decide anew."), path=existing.path)
    if condition.if_match is not None:
        if not {"*", existing.etag} & condition.if_match:
            raise Stale(
                N_("“{path}” is not the version you mean."), fix=N_("Look again and decide anew."), path=existing.path
            )
    elif is_required and not condition.is_whatever:
        raise ConditionMissing(
            N_("“{path}” is there already."),
            fix=N_("Send If-Match with its ETag, or If-Match: * for whatever is there."),
            path=existing.path,
        )


def check_vacant(existing: Entry | None) -> None:
    """Return if nothing is there.

    Raises:
        Exists: something is.
    """
    if existing is not None:
        raise Exists(N_("“{path}” is there already."), fix=N_("Choose another name."), path=existing.path)


def read_tag(name: str, text: str | None, kind: ValueKind | None = None) -> Tag:
    """Return the tag *name* with the value that *text* is, of *kind* or of what it looks like; None makes a label.

    Raises:
        BadTag: the name cannot be one, or the value is not of that kind.
    """
    called = normalise_name(name)
    if called is None:
        raise BadTag(
            N_("“{name}” cannot be the name of a tag."),
            fix=N_("Use letters, digits and _ . / + -, at most 64, and begin with a letter or digit."),
            name=name[:100],
        )
    value = LABEL if text is None else read_value(text, kind)
    if value is None:
        raise BadTag(
            N_("“{text}” is not a value that “{name}” can have."),
            fix=N_("Write a number like 12.5, a date like 2026-03-01, or a text of at most 1,000 bytes."),
            text=text[:100] if text else "",
            name=called,
        )
    return Tag(called, value)


def check_tags(tags: Sequence[Tag], fields: Sequence[Field]) -> None:
    """Return if every one of *tags* is what the field of its name demands.

    Raises:
        BadTag: one is not.
    """
    demands = {field.name: field for field in fields}
    for tag in tags:
        field = demands.get(tag.name)
        if field is not None and not _is_met(field, tag):
            raise BadTag(
                N_("“{text}” is not what the field “{name}” takes."),
                fix=N_("It takes: {taken}. See them all with: cloudconnect field list"),
                text=tag.value.text[:100],
                name=tag.name,
                taken=", ".join(field.choices) or field.kind.value,
            )


def _is_met(field: Field, tag: Tag) -> bool:
    match field.kind:
        case FieldKind.CHOICE:
            return tag.value.text in field.choices
        case FieldKind.TEXT:
            return tag.value.kind is not ValueKind.LABEL
        case FieldKind.NUMBER:
            return tag.value.kind is ValueKind.NUMBER
        case FieldKind.DATE:
            return tag.value.kind is ValueKind.DATE


def check_query(query: Query, at: str | None) -> Query:
    """Return *query* with the moment *at*, unless it names one itself.

    Raises:
        BadMoment: both are named, or one for the trash, which has no past.
    """
    if at is not None and query.at is not None:
        raise BadMoment(N_("Two moments are named."), fix=N_("Leave out one: at: or the moment beside the selection."))
    asked = dataclasses.replace(query, at=at or query.at)
    if asked.is_in_trash and asked.at is not None:
        raise BadMoment(N_("The trash is only known as it is now."), fix=N_("Leave out the moment, or in:trash."))
    return asked


def check_edit(edit: BulkEdit, query: Query) -> Query:
    """Return *query* if *edit* can be done to what it selects.

    Raises:
        BadEdit: it selects everything, the past or the trash, or the edit does not say what to do.
    """
    if query.is_everything:
        raise BadEdit(N_("Everything is selected."), fix=N_("Say what you mean, if need be with path:/**"))
    if query.is_in_trash or query.at is not None:
        raise BadEdit(N_("Only what is there now can be changed."), fix=N_("Leave out in:trash and at:"))
    if (edit.deed is BulkDeed.MOVE) != bool(edit.into):
        raise BadEdit(N_("Moving, and only that, is into a folder."), fix=N_("Name the folder to move into."))
    if (edit.deed is BulkDeed.TAG) != bool(edit.added or edit.removed):
        raise BadEdit(N_("Tagging, and only that, names tags."), fix=N_("Name tags to put on or take off."))
    return query


def check_distinct(entries: Sequence[Entry]) -> None:
    """Return if *entries* could all be in one folder.

    Raises:
        Exists: two have the same name.
    """
    seen: dict[str, Entry] = {}
    for entry in entries:
        if entry.name in seen:
            raise Exists(
                N_("“{path}” and “{other}” have the same name."),
                fix=N_("Move one of them by itself."),
                path=seen[entry.name].path,
                other=entry.path,
            )
        seen[entry.name] = entry


def check_field(field: Field) -> None:
    """Return if a space can have *field*.

    Raises:
        BadField: its name cannot be one, it has choices but is none, or is one without any.
    """
    if normalise_name(field.name) != field.name:
        raise BadField(
            N_("“{name}” cannot be the name of a field."),
            fix=N_("Use lower-case letters, digits and _ . / + -, at most 64, and begin with a letter or digit."),
            name=field.name[:100],
        )
    if (field.kind is FieldKind.CHOICE) != bool(field.choices):
        raise BadField(N_("A choice has choices, and nothing else has."), fix=N_("Name them, or choose another kind."))
    if any(read_value(choice, ValueKind.TEXT) is None for choice in field.choices):
        raise BadField(N_("A choice is a text of at most 1,000 bytes."), fix=N_("Name others."))


def parse_moment(text: str, now: datetime) -> int | datetime:
    """Return the seq or the time that *text* names, seen from *now*.

    It reads ``120`` or ``seq:120``, ``3h`` (ago; s m h d w), ``yesterday 14:00``, ``today``, and ISO 8601 such as
    ``2026-11-01T12:00:00Z``; without a zone, UTC is meant. An ``@`` before it does not matter.

    Raises:
        BadMoment: it is none of these.
    """
    cleaned = text.strip().removeprefix("@").lower()
    if match := _SEQ.fullmatch(cleaned):
        return int(match[1])
    try:
        if match := _AGO.fullmatch(cleaned):
            return now - timedelta(seconds=int(match[1]) * _SECONDS[match[2]])
        if match := _DAY.fullmatch(cleaned):
            day = now - timedelta(days=match[1] == "yesterday")
            return day.replace(hour=int(match[2] or 0), minute=int(match[3] or 0), second=0, microsecond=0)
        moment = datetime.fromisoformat(cleaned.upper())
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise BadMoment(
            N_("“{text}” is not a moment."),
            fix=N_("Write it like 3h, yesterday 14:00, 2026-11-01T12:00 or seq:120."),
            text=text[:100],
        ) from error


def snapshot_name(text: str) -> str:
    """Return the name of the snapshot that *text* can stand for: no ``@`` or ``snapshot:``, in Unicode form NFC."""
    return unicodedata.normalize("NFC", text.strip().removeprefix("@").removeprefix(_SNAPSHOT_PREFIX).strip())


def check_snapshot_name(name: str, now: datetime) -> None:
    """Return if a snapshot can be called *name*.

    Raises:
        BadSnapshotName: it does not begin with a letter, has other signs than letters, digits, spaces and ``. + - _``,
            more than 100 of them, or is a moment already.
    """
    if _SNAPSHOT_NAME.fullmatch(name) is None:
        raise BadSnapshotName(
            N_("“{name}” cannot be the name of a snapshot."),
            fix=N_("Begin with a letter; use letters, digits, spaces and . + - _ only."),
            name=name[:100].replace("\0", "␀"),
        )
    try:
        parse_moment(name, now)
    except BadMoment:
        return
    raise BadSnapshotName(N_("“{name}” is a moment already."), fix=N_("Choose another name."), name=name)


def parse_undo_token(text: str) -> UndoToken:
    """Return the change that *text* names, as an answer to that change gave it.

    Raises:
        BadUndoToken: it names none.
    """
    match = _UNDO_TOKEN.fullmatch(text.strip())
    ranges = [] if match is None else [tuple(map(int, part.split("-"))) for part in match[2].split(",")]
    if match is None or any(not 1 <= first <= last for first, last in ranges):
        raise BadUndoToken(
            N_("“{text}” does not name a change."),
            fix=N_("See what can be undone, with: cloudconnect undo --list"),
            text=text[:100],
        )
    return UndoToken(SpaceId(match[1]), Seqs((first, last) for first, last in ranges))
