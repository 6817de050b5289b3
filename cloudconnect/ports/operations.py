"""Operations: long jobs that can be watched, paused, resumed and cancelled, and that outlive a restart."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from cloudconnect.kernel.principal import Principal
from cloudconnect.kernel.text import Text
from cloudconnect.ports.sql import Sql


class Interrupted(Exception):
    """The operation was paused or cancelled, or the appliance stops; whoever runs it lets this through."""


class Progress(Protocol):
    """What a running operation tells and asks. Every method may be called from any thread and costs next to nothing."""

    @property
    def checkpoint(self) -> str:
        """What the run kept last before it was interrupted, empty the first time."""
        ...

    def report(self, done: int, total: int, note: str = "") -> None:
        """Tell how much is done, in the units of its kind; a *total* of 0 means that it is not known yet."""
        ...

    def keep(self, checkpoint: str) -> None:
        """Keep where a later run may begin; it is durable within seconds, so the run must bear to repeat a little."""
        ...

    def tell(self, outcome: "Outcome") -> None:
        """Tell what it has come to so far, which stands as its result where it is paused, cancelled, or fails."""
        ...

    def check(self) -> None:
        """Return unless the run has to end; to be called at least once a second.

        Raises:
            Interrupted: it has.
        """
        ...


Outcome = Mapping[str, int | str]
"""What an operation found or did, for people and programs."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of operation. ``run`` is a plain function with a thread of its own; one of a kind runs at a time."""

    name: str
    title: Text
    unit: str
    run: Callable[[Mapping[str, str], Progress], Outcome]
    needs_proof: bool = False
    """Whether who starts it must have proved who they are in the last minutes."""
    is_personal: bool = False
    """Whether it is everybody's own: a room starts it for whoever asks there, who then looks after it as administrators
    do; everybody may have one of the kind."""
    check: Callable[[Mapping[str, str]], None] | None = None
    """Called with its parameters before it is started: refuses those with which it could not begin."""
    forget: Callable[[Sql, Mapping[str, str]], None] | None = None
    """Called in the transaction that cancels it, with its parameters: lets go of what it would have gone on with."""


class Operations(Protocol):
    """Starts operations."""

    async def start(self, principal: Principal, kind: str, parameters: Mapping[str, str]) -> str:
        """Start an operation of *kind* and return its id.

        Raises:
            Denied: only administrators may.
            Conflict: one of this kind is under way.
        """
        ...

    async def start_own(self, principal: Principal, kind: str, parameters: Mapping[str, str]) -> str:
        """Start an operation of a personal *kind* for *principal*, who may do what it does, and return its id.

        Raises:
            Conflict: one of this kind that *principal* started is under way.
        """
        ...
