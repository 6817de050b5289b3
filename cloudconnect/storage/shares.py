"""Recovery shares: any *needed* of *total* people together open the keyring, fewer learn nothing (SECURITY.md, 2.6).

Each share is random, and for each set of as many people as are needed the keyring holds the master key sealed under
their shares together. That takes more room than secret sharing over a finite field, and nothing but boxes.
"""

import hashlib
import itertools
import math
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.storage import letters
from cloudconnect.storage.errors import WrongKey
from cloudconnect.storage.seal import KEY_BYTES, Key, Malformed, NotAuthentic, ctx, open_box, seal_box

_PREFIX: Final = "CCS1"
_SET_LETTERS: Final = 4
_CHECK_BYTES: Final = 4
_MOST_BOXES: Final = 1_000


class BadShares(Invalid):
    """A number of shares that cannot be made."""

    code = "storage.bad-shares"
    title = N_("So many shares cannot be made")


@dataclass(frozen=True, slots=True)
class Share:
    """One person's part: of which set, which number in it from 1 on, and the secret."""

    set_id: str
    number: int
    secret: bytes

    def __repr__(self) -> str:
        return f"Share({self.set_id}-{self.number})"

    def __str__(self) -> str:
        body = letters.encode(self.secret + _check(self.set_id, self.number, self.secret))
        return "-".join([_PREFIX, self.set_id, letters.ALPHABET[self.number], *letters.group(body)])

    @classmethod
    def parse(cls, text: str) -> "Share":
        """Return the share that somebody typed; case, spaces and hyphens do not matter.

        Raises:
            WrongKey: a letter is wrong or missing; it says of which share.
        """
        typed = letters.read(text, _PREFIX)
        set_id, number, body = typed[:_SET_LETTERS], typed[_SET_LETTERS : _SET_LETTERS + 1], typed[_SET_LETTERS + 1 :]
        try:
            place, whole = letters.ALPHABET.find(number), letters.decode(body, KEY_BYTES + _CHECK_BYTES)
        except ValueError:
            place, whole = 0, b""
        secret, check = whole[:KEY_BYTES], whole[KEY_BYTES:]
        if place < 1 or not secret or check != _check(set_id, place, secret):
            raise WrongKey(
                N_("The share {set}-{number} is not as it was printed: a letter is wrong or missing."),
                fix=N_("Compare it with the printed one."),
                set=set_id or "?",
                number=number or "?",
            )
        return cls(set_id, place, secret)


@dataclass(frozen=True, slots=True)
class ShareSet:
    """A fresh set: the shares to hand out, and the boxes to keep, by the numbers of the shares that open each."""

    set_id: str
    needed: int
    shares: tuple[Share, ...]
    boxes: Mapping[bytes, bytes]


def split(master: Key, needed: int, total: int) -> ShareSet:
    """Return *total* shares of *master*, any *needed* of which open it.

    Raises:
        BadShares: fewer than two are needed, more than there are, or it would take more than 1,000 boxes.
    """
    least = 2
    if not least <= needed <= total < len(letters.ALPHABET) or math.comb(total, needed) > _MOST_BOXES:
        raise BadShares(
            N_("{needed} of {total} shares cannot be made."),
            fix=N_("Choose at least 2, and at most 6 of 12."),
            needed=needed,
            total=total,
        )
    set_id = letters.encode(secrets.token_bytes(3))[:_SET_LETTERS]
    shares = tuple(Share(set_id, number, secrets.token_bytes(KEY_BYTES)) for number in range(1, total + 1))
    boxes = {}
    for chosen in itertools.combinations(shares, needed):
        members = _members(chosen)
        boxes[members] = seal_box(_joint_key(chosen), "recovery", master.secret, set_id.encode(), members)
    return ShareSet(set_id, needed, shares, boxes)


def join(shares: Sequence[Share], boxes: Mapping[bytes, bytes]) -> Key:
    """Return the master key that *shares*, of one set, open together; *boxes* are those of that set.

    Raises:
        WrongKey: there are too few, or they do not belong together.
    """
    held = sorted({share.number: share for share in shares}.values(), key=lambda share: share.number)
    for members, box in boxes.items():
        chosen = [share for share in held if share.number in members]
        if len(chosen) == len(members):
            try:
                return Key(open_box(_joint_key(chosen), "recovery", box, chosen[0].set_id.encode(), members))
            except (NotAuthentic, Malformed):
                break
    raise WrongKey(
        N_("These {count} shares do not open the store; {needed} of one set do."),
        fix=N_("Bring together as many shares as were said when they were made."),
        count=len(held),
        needed=len(next(iter(boxes), b"")),
    )


def _members(shares: Sequence[Share]) -> bytes:
    return bytes(share.number for share in shares)


def _joint_key(shares: Sequence[Share]) -> Key:
    parts = (bytes((share.number,)) + share.secret for share in shares)
    return Key(hashlib.sha256(ctx("share", shares[0].set_id.encode(), *parts)).digest())


def _check(set_id: str, number: int, secret: bytes) -> bytes:
    return hashlib.sha256(ctx("share-check", set_id.encode(), bytes((number,)), secret)).digest()[:_CHECK_BYTES]
