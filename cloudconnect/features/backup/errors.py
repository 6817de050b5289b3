"""What the backup room refuses."""

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_


class BadPlace(Invalid):
    """A place that cannot hold backups."""

    code = "backup.bad-place"
    title = N_("Backups cannot go there")
