"""What the operations room refuses."""

from cloudconnect.kernel.errors import Conflict, Invalid, NotFound
from cloudconnect.kernel.text import N_


class NoSuchOperation(NotFound):
    """No operation has this id."""

    code = "operations.not-found"
    title = N_("There is no such operation")


class UnknownKind(Invalid):
    """This appliance has no operations of this kind."""

    code = "operations.unknown-kind"
    title = N_("There is no such kind of operation")


class AlreadyUnderWay(Conflict):
    """One of this kind waits, runs or is paused."""

    code = "operations.under-way"
    title = N_("Such an operation is under way")


class WrongState(Conflict):
    """An operation in this state cannot be paused, resumed or cancelled."""

    code = "operations.wrong-state"
    title = N_("The operation is not in a state for this")
