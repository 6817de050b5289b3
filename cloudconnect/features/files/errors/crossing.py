"""Refusals on the way from one space to another."""

from cloudconnect.kernel.errors import Conflict, Denied
from cloudconnect.kernel.text import N_


class SourceChanged(Conflict):
    """What is copied or moved to another space is not what it was when that began."""

    code = "files.source-changed"
    title = N_("It was changed meanwhile")


class NoAccount(Denied):
    """Who started a long job may not go on with it: the account is gone or disabled."""

    code = "files.no-account"
    title = N_("There is nobody to do this for")


class CrossingExpired(Conflict):
    """A copy into another space stood still for so long that it cannot go on."""

    code = "files.crossing-expired"
    title = N_("This copy cannot go on")


class BulkEditGone(Conflict):
    """An edit in bulk cannot go on: what it still had to do is no longer written down."""

    code = "files.bulk-edit-gone"
    title = N_("This edit cannot go on")
