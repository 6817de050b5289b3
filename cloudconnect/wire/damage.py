"""What is damaged."""

from datetime import datetime

from cloudconnect.wire.shape import Answer


class DamagedFile(Answer, frozen=True):
    """A version of a file of which ``chunks`` parts are missing or changed; times UTC, ``size`` in bytes.

    ``path`` is where the file is, or where it was last; ``is_present`` tells whether this version is there now.
    """

    space: str
    path: str
    version: int
    size: int
    chunks: int
    found: datetime
    is_present: bool
