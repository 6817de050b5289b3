"""What a transfer has done so far."""

from dataclasses import dataclass, field

from cloudconnect.client.undoing import UndoTokens


@dataclass(slots=True)
class Failure:
    """One file or folder that could not be transferred, and why."""

    path: str
    detail: str
    code: str


@dataclass(slots=True)
class Progress:
    """Counts of a transfer; faces read it while it runs.

    ``files`` and ``bytes`` are what was found so far, the ``done_`` ones what is finished, skipped ones included.
    ``sent_bytes`` crossed the wire, ``reused_bytes`` of them were in the store already, ``stored_bytes`` were added.
    ``undo`` takes back what was put in.
    """

    files: int = 0
    folders: int = 0
    bytes: int = 0
    done_files: int = 0
    done_bytes: int = 0
    skipped_files: int = 0
    special_files: int = 0
    sent_bytes: int = 0
    reused_bytes: int = 0
    stored_bytes: int = 0
    is_found: bool = False
    failures: list[Failure] = field(default_factory=list)
    undo: UndoTokens = field(default_factory=UndoTokens)
