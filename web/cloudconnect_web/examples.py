"""An example of every body: of a request as one would send it, of an answer as it would come.

Examples are made from the shapes. What a text says, and what is worth saying in a request besides what it must say,
stands in the tables here, by the name of the member or by shape and member.
"""

from typing import Any, Final, get_origin

from msgspec import inspect

from cloudconnect.wire.shape import Problem, Request

UNSAID: Final = "…"
"""What stands for a text that no table knows; a test sees that there is none."""

_ULID = "01JCQ8Z5X7K3M9R2T4V6W8Y0AB"
_MOMENT = "2026-11-01T12:00:00Z"
_LATER = "2026-11-08T12:00:00Z"
_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
_PATH = "/Documents/plan.txt"
_SELECTION = "path:/Tmp/** modified:>90d"
_POLICY = "keep all 24h, hourly 7d, daily 90d, weekly 1y"

PARAMETERS: Final[dict[str, str]] = {
    "brake": f"brk_{_ULID}",
    "fact": "4711-search",
    "lock": f"lck_{_ULID}",
    "name": "archive",
    "node": f"nod_{_ULID}",
    "operation": f"opn_{_ULID}",
    "path": "Documents/plan.txt",
    "place": "away",
    "session": f"ses_{_ULID}",
    "slot": "5f0c11d2",
    "space": "personal",
    "token": f"tok_{_ULID}",
    "upload": f"upl_{_ULID}",
    "user": "ada",
}
"""What a part of a path may be, by the name of the parameter."""

_MEMBERS: Final[dict[str, Any]] = {
    "PageAnswer.next_cursor": None,
    "actor": f"usr_{_ULID}",
    "actor_name": "ada",
    "address": "192.0.2.7",
    "archived": None,
    "at": "3h",
    "author": f"usr_{_ULID}",
    "average_bytes": 1 << 20,
    "away": ["archive"],
    "before": _PATH,
    "after": "/Documents/plan-2026.txt",
    "blake3": "4878ca0425c739fa427f7eda20fe845f6b2e46ba5fe2a14df5b1e32f50603215",
    "bytes": 96_426,
    "choices": ["draft", "final"],
    "chunks": 3,
    "code": "",
    "created_by": "ada",
    "credential": f"ses_{_ULID}",
    "cut_key": "o2V1pQe0ZlJzGm8aXr3nYw9cTbK5uH7d",
    "damaged_chunks": 0,
    "damaged_files": 0,
    "damaged_packs": 0,
    "database": "sqlite",
    "database_check": "ok",
    "detail": "",
    "device": "Firefox on Linux",
    "document": "{}",
    "earlier_public_keys": [],
    "error": "",
    "etag": f"{_ULID}.118",
    "examples": ["/Tmp/a.log", "/Tmp/b.log"],
    "expires": _LATER,
    "expires_in_days": 90,
    "facts": 1,
    "files": 2,
    "finished": None,
    "free_bytes": 412 << 30,
    "freed_bytes": 31_744,
    "has_password": True,
    "id": f"nod_{_ULID}",
    "items": 2,
    "lifted": None,
    "listener": "search",
    "logical_bytes": 96_426,
    "marks": "VZ8kq0v1rXw7yQm3Jc5tLg2pHn6sBd4fKa9eRu0iOxY",
    "media_type": "text/plain",
    "method": "password",
    "missing": [0, 2],
    "modified": "2026-11-01T12:00:00.123456789Z",
    "name_key": "Qm3Jc5tLg2pHn6sBd4fKa9eRu0iOxYVZ",
    "new": "four quite unrelated words",
    "node": f"nod_{_ULID}",
    "nodes": [f"nod_{_ULID}"],
    "note": "",
    "operation": "",
    "owner": f"usr_{_ULID}",
    "owner_name": "ada",
    "packs": 640,
    "parameters": {},
    "parked": 0,
    "password": "purple tram rides north",
    "path": _PATH,
    "personal_space": f"spc_{_ULID}",
    "pin": "signed",
    "plan": "3c1f7e",
    "position": 4_711,
    "pruned": None,
    "public_key": "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    "quota_bytes": 100 << 30,
    "recovery_code": "CCR1-2R8F-1BMP-SEZR-FMR4-0F8F-SY4K-A3S8-JD7E-RNGC",
    "result": {},
    "reused_bytes": 16_469,
    "root": f"nod_{_ULID}",
    "schema": "0023_signed_marks",
    "scopes": ["files.read", "files.write"],
    "seq": 118,
    "session": f"ses_{_ULID}",
    "set_id": "YWKZ",
    "sha256": _SHA256,
    "size": 48_213,
    "size_after": 48_213,
    "size_before": 31_002,
    "source": _PATH,
    "source_undo": f"spc_{_ULID}.40-40",
    "space": f"spc_{_ULID}",
    "state": "running",
    "storage": "local",
    "store_state": "ok",
    "stored_bytes": 31_744,
    "subject": f"spc_{_ULID}",
    "target": "/Documents/plan-2026.txt",
    "title": "Verify everything that is stored",
    "token": "ccs_lo_4f9Kq2vX7yQm3Jc5tLg2pHn6sBd4fKa9eRu0iOxYVZ8_1Xw7yQ",
    "total": 2_048,
    "trash": "keep 30d; at least 1d; at most 20 % of the space",
    "trash_bytes": 12_288,
    "trash_days": 30,
    "trashed_by": "ada",
    "undo": f"spc_{_ULID}.118-118",
    "unit": "packs",
    "unique_bytes": 79_957,
    "unreached": [],
    "url": "https://files.example.org/sign-in/link?token=ccl_lo_4f9Kq2vX",
    "used_address": "192.0.2.7",
    "used_bytes": 41 << 30,
    "value": "42",
    "version": 118,
    "version_bytes": 31_002,
    "versions": _POLICY,
    "where": _SELECTION,
    "Backend.kind": "local",
    "Backend.name": "archive",
    "Backend.where": "/srv/archive",
    "Backup.created": _MOMENT,
    "Backup.id": f"bak_{_ULID}",
    "Backup.version": "0.1.0",
    "BackupPlace.kind": "s3",
    "BackupPlace.name": "away",
    "BackupPlace.parameters": {"bucket": "backups", "endpoint": "https://s3.example.org"},
    "Brake.id": f"brk_{_ULID}",
    "Certificate.state": "erased",
    "DifferenceSummary.modified": 4,
    "Keep.daily": 7,
    "Keep.last": 0,
    "Keep.monthly": 12,
    "Keep.weekly": 8,
    "BackupPlace.every_hours": 24,
    "BrakeLimit.changes": 200,
    "Brake.changes": 201,
    "Expectation.changes": 5_000,
    "Favourite.space": f"spc_{_ULID}",
    "Field.kind": "choice",
    "Field.name": "state",
    "Hindrance.reason": "changed-later",
    "KeyStatus.spaces": 4,
    "Lock.id": f"lck_{_ULID}",
    "NewCrossing.into": "Photos",
    "Operation.done": 512,
    "Operation.id": f"opn_{_ULID}",
    "Operation.kind": "storage.scrub",
    "Operation.remaining_seconds": 93.0,
    "Operation.worked_seconds": 31.0,
    "OperationKind.name": "storage.scrub",
    "OperationKind.title": "Verify everything that is stored",
    "ParkedFact.error": "TimeoutError",
    "ParkedFact.id": "4711-search",
    "ParkedFact.kind": "files.version-added",
    "ParkedFact.parked": _MOMENT,
    "Pruned.versions": 12,
    "KeyStatus.shares": {"set_id": "YWKZ", "needed": 3, "total": 5},
    "Quota.kind": "team",
    "Quota.name": "Photos",
    "ReplacedKey.version": 2,
    "Session.id": f"ses_{_ULID}",
    "ShareSet.total": 5,
    "Slot.id": "5f0c11d2",
    "Slot.kind": "key-file",
    "Snapshot.at": _MOMENT,
    "Snapshot.name": "before the move",
    "Space.id": f"spc_{_ULID}",
    "Space.kind": "team",
    "Space.name": "Photos",
    "Status.listeners": {"search": 4_711},
    "Status.spaces": 4,
    "Status.users": 3,
    "Status.version": "0.1.0",
    "Tag.kind": "number",
    "Tag.name": "invoice",
    "TagUse.name": "invoice",
    "Token.id": f"tok_{_ULID}",
    "Token.name": "backup script",
    "MadeShares.needed": 3,
    "MadeShares.set_id": "YWKZ",
    "MadeShares.shares": [
        "CCS1-YWKZ-1-GJWG-QZWH-XAK6-R1ZZ-46WX-48SN-0D46-6G2R-XV30-K9Z4-2BXV-2D0S-3Q6A-GV47-K8",
        "CCS1-YWKZ-2-Z47Q-JM1T-HF2Q-614M-XSH8-TWFH-NT74-MWF7-E84H-HTCA-ASKM-MTWX-3EA6-EHAT-M8",
        "CCS1-YWKZ-3-5SYX-7CSM-JH92-ZMQV-CDM6-490T-YWD5-FBVV-4RTJ-D2B0-WBHJ-JB7P-S8ZX-RYZP-3R",
        "CCS1-YWKZ-4-M88D-4R4Z-N0S9-4PTG-M6WC-8KKZ-YFM0-SJR0-WHGC-KTNW-7SEZ-0RFM-N2NY-BQJX-HR",
        "CCS1-YWKZ-5-2Y2N-XX6E-YV1H-WZ5K-G3WB-FEN7-8WDW-M8N5-V3NH-5NN0-1WWA-C8FS-F634-M3YB-ZC",
    ],
    "MadeToken.id": f"tok_{_ULID}",
    "MadeToken.name": "backup script",
    "MadeToken.token": "ccp_lo_4f9Kq2vX7yQm3Jc5tLg2pHn6sBd4fKa9eRu0iOxYVZ8_1Xw7yQ",
    "Entry.name": "plan.txt",
    "Trashed.name": "plan.txt",
    "Undoable.at": _MOMENT,
    "Undoable.kind": "files.entry-trashed",
    "Upload.id": f"upl_{_ULID}",
    "Upload.kind": "whole",
    "Upload.length": 48_213,
    "Upload.received": 31_002,
    "Upload.state": "open",
    "User.id": f"usr_{_ULID}",
    "User.name": "ada",
    "User.display_name": "Ada Lovelace",
    # What is worth saying in a request besides what must be said.
    "BulkEdit.dry_run": True,
    "BulkEdit.action": "trash",
    "BulkEdit.path": "/",
    "BulkRead.nodes": [f"nod_{_ULID}"],
    "Emptying.older_than_days": 7,
    "NewBackend.directory": "/srv/archive",
    "NewBackupPlace.parameters": {"bucket": "backups", "endpoint": "https://s3.example.org"},
    "NewBrakeLimit.changes": 200,
    "NewField.choices": ["draft", "final"],
    "NewField.kind": "choice",
    "NewPin.note": "signed",
    "NewRetention.trash_days": 30,
    "NewRetention.versions": _POLICY,
    "NewSchedule.keep": {"daily": 7, "weekly": 8},
    "NewShares.total": 5,
    "NewTag.name": "invoice",
    "NewTag.value": "42",
    "NewToken.expires_in_days": 90,
    "NewToken.scopes": ["files.read"],
    "NewUser.display_name": "Ada Lovelace",
    "NewUser.password": "purple tram rides north",
    "PasswordChange.current": "purple tram rides north",
    "Preview.versions": _POLICY,
    "Restore.target": "/Documents/plan.txt",
    "Rollback.sessions": [f"ses_{_ULID}"],
    "Rollback.since": "3h",
    "SignInByLink.token": "ccl_lo_4f9Kq2vX7yQm3Jc5tLg2pHn6sBd4fKa9eRu0iOxYVZ8_1Xw7yQ",
    "SpaceChange.name": "Photos",
    "TagChange.add": [{"name": "invoice", "value": "42", "kind": "number"}],
    "Undo.token": f"spc_{_ULID}.118-118",
    "UserChange.is_disabled": True,
}

PROBLEM: Final[dict[str, Any]] = {
    "type": "/docs/problems#files.not-found",
    "title": "There is no such file or folder",
    "status": 404,
    "detail": "There is nothing at “/Documents/plan.txt”.",
    "code": "files.not-found",
    "instance": "/api/v1/spaces/personal/entries/Documents/plan.txt",
    "request_id": "b360f35abc6e25c5",
    "retryable": False,
    "fix": "Check the path, or look what was there earlier.",
    "errors": [],
}
"""A refusal."""


def example_of(shape: Any) -> Any:
    """Return an example of *shape*, as what JSON decodes to.

    A request says what it must, and what the tables have for it by shape and member; an answer says everything.
    """
    return PROBLEM if shape is Problem else _example(inspect.type_info(shape))


def _example(kind: inspect.Type) -> Any:
    if isinstance(kind, inspect.Metadata):
        examples = (kind.extra_json_schema or {}).get("examples")
        return examples[0] if examples else _example(kind.type)
    if isinstance(kind, inspect.UnionType):
        return _example(next(each for each in kind.types if not isinstance(each, inspect.NoneType)))
    if isinstance(kind, inspect.StructType):
        return _struct(kind)
    if isinstance(kind, inspect.ListType | inspect.VarTupleType):
        return [_example(kind.item_type)]
    if isinstance(kind, inspect.LiteralType):
        return kind.values[0]
    return _plain(kind)


def _plain(kind: inspect.Type) -> Any:
    match kind:
        case inspect.BoolType():
            return False
        case inspect.IntType() | inspect.FloatType():
            return kind.ge or 1
        case inspect.DateTimeType():
            return _MOMENT
        case inspect.DictType():
            return {}
        case _:
            return UNSAID


def _struct(kind: inspect.StructType) -> dict[str, Any]:
    shape = get_origin(kind.cls) or kind.cls
    is_request = issubclass(shape, Request)
    example = {}
    for field in kind.fields:
        own = [f"{each.__name__}.{field.encode_name}" for each in shape.__mro__]
        known = next((name for name in own if name in _MEMBERS), None)
        if is_request and not field.required and known is None:
            continue
        known = known or field.encode_name
        example[field.encode_name] = _MEMBERS[known] if known in _MEMBERS else _example(field.type)
    return example
