"""Checksums that clients send along with contents, so that what arrives changed is not kept."""

import hashlib
import re
import zlib
from typing import Final

from cloudconnect.features.files.errors import BadChecksum, ChecksumMismatch
from cloudconnect.kernel.text import N_

_WRITTEN: Final = re.compile(r"(SHA256|SHA1|MD5|ADLER32):([0-9a-fA-F]{1,64})", re.IGNORECASE)


class Checksum:
    """What a content is said to be, and what has come of it so far."""

    def __init__(self, text: str) -> None:
        """Read *text*, such as ``SHA1:2fd4…``: the form that ownCloud has given its field OC-Checksum.

        Raises:
            BadChecksum: it is none of the kinds that are known.
        """
        match = _WRITTEN.fullmatch(text.strip())
        if match is None:
            raise BadChecksum(N_("OC-Checksum holds no checksum."), fix=N_("Send SHA256:, SHA1:, MD5: or ADLER32:."))
        self._kind, self._expected = match[1].upper(), match[2].lower()
        self._hash = None if self._kind == "ADLER32" else hashlib.new(self._kind.lower(), usedforsecurity=False)
        self._adler = 1

    def __str__(self) -> str:
        """Return it as it is written."""
        return f"{self._kind}:{self._expected}"

    @property
    def is_sha256(self) -> bool:
        """Whether it is of the kind that every content is known by."""
        return self._kind == "SHA256"

    def update(self, piece: bytes | bytearray | memoryview, /) -> None:
        """Take in more bytes."""
        if self._hash is None:
            self._adler = zlib.adler32(piece, self._adler)
        else:
            self._hash.update(piece)

    def check(self, sha256: bytes | None = None) -> None:
        """Return if what was taken in is what it is said to be; where its *sha256* is known, nothing need be for that.

        Raises:
            ChecksumMismatch: it is something else.
        """
        if self.is_sha256 and sha256 is not None:
            digest = sha256.hex()
        else:
            digest = f"{self._adler:08x}" if self._hash is None else self._hash.hexdigest()
        if digest != self._expected:
            raise ChecksumMismatch(N_("Its {kind} is another one."), fix=N_("Send it again."), kind=self._kind)
