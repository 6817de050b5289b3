"""What the backup room refuses."""

from cloudconnect.kernel.errors import Conflict, Invalid, NotFound
from cloudconnect.kernel.text import N_


class BadPlace(Invalid):
    """A place that cannot hold backups."""

    code = "backup.bad-place"
    title = N_("Backups cannot go there")


class NoSuchPlace(NotFound):
    """No place of backups has this name."""

    code = "backup.no-such-place"
    title = N_("There is no such place of backups")


class PlaceKnown(Conflict):
    """There is a place of backups of this name."""

    code = "backup.place-known"
    title = N_("There is a place of this name already")


class BadSchedule(Invalid):
    """What is said of a schedule, or of what to keep, makes no sense."""

    code = "backup.bad-schedule"
    title = N_("This cannot be scheduled")


class NotInBackup(NotFound):
    """The backup does not hold what is to be restored."""

    code = "backup.not-in-backup"
    title = N_("The backup does not hold this")
