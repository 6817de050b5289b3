"""Keys: what opens the store, and proof that some were destroyed."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request

_Path = Annotated[str, msgspec.Meta(min_length=1, max_length=4_000, examples=["/etc/cloudconnect/second.key"])]


class Slot(Answer, frozen=True):
    """A way to open the store; the current one is what the daemon was started with."""

    id: str
    kind: str
    is_current: bool


class ShareSet(Answer, frozen=True):
    """Recovery shares: ``needed`` of ``total`` together open the store."""

    set_id: str
    needed: int
    total: int


class KeyStatus(Answer, frozen=True):
    """What opens the store; ``public_key`` verifies certificates (Ed25519, in hexadecimal).

    ``earlier_public_keys`` verify those from before that key was replaced, newest first.
    """

    slots: list[Slot]
    shares: ShareSet | None
    spaces: int
    public_key: str
    earlier_public_keys: list[str] = []


class NewSlot(Request, frozen=True):
    """A further way to open the store, by a file of the server."""

    kind: Annotated[str, msgspec.Meta(pattern="^(key-file|passphrase)$", examples=["key-file"])]
    file: _Path


class NewShares(Request, frozen=True):
    """How many shares to make, and how many of them together shall open the store."""

    needed: Annotated[int, msgspec.Meta(ge=2, le=31, examples=[3])]
    total: Annotated[int, msgspec.Meta(ge=2, le=31, examples=[5])]


class MadeShares(Answer, frozen=True):
    """New recovery shares; they are shown here and never again; ``unreached`` as for a recovery code."""

    set_id: str
    needed: int
    shares: list[str]
    unreached: list[str] = []


class RecoveryCode(Answer, frozen=True):
    """A new recovery code; it is shown here and never again.

    ``unreached`` are the places of backups that could not be told of it: there the earlier one opens still.
    """

    recovery_code: str
    unreached: list[str] = []


class Rotated(Answer, frozen=True):
    """How many keys were sealed anew."""

    keys: int


class SpaceKeys(Answer, frozen=True):
    """A space and the epoch of the key that its new content is sealed with."""

    space: str
    epoch: int


class ReplacedKey(Answer, frozen=True):
    """A key that was replaced, and its number now."""

    subject: str
    version: int


class Certificate(Answer, frozen=True):
    """That the keys of a space were destroyed; ``document`` is JSON text with a signature."""

    space: str
    state: str
    created: datetime
    document: str
