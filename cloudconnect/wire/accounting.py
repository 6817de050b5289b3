"""What spaces and folders take, and what spaces may take."""

from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request

QuotaBytes = Annotated[int, msgspec.Meta(ge=0, le=(1 << 63) - 1)]


class Footprint(Answer, frozen=True):
    """What lies below a folder, or what one file is, down to what it takes in the store.

    ``files``, ``folders`` and ``logical_bytes`` are of the tree as it is now, ``version_bytes`` of the older versions
    of its files, ``trash_bytes`` of what was removed from it. ``unique_bytes`` counts each content of all that once;
    ``stored_bytes`` is what all that takes in packs, ``freed_bytes`` what nothing else needs.
    """

    path: str
    files: int
    folders: int
    logical_bytes: int
    version_bytes: int
    trash_bytes: int
    unique_bytes: int
    stored_bytes: int
    freed_bytes: int


class Quota(Answer, frozen=True):
    """What a space uses, in its files and in the trash without older versions, and what it may use; null: any."""

    space: str
    name: str
    kind: str
    used_bytes: int
    quota_bytes: int | None


class ChangedQuota(Quota, frozen=True):
    """What a space uses and may use after a change, which ``undo`` takes back; empty where nothing changed."""

    undo: str = ""


class NewQuota(Request, frozen=True):
    """What a space may use from now on; null takes the bound away."""

    quota_bytes: QuotaBytes | None
