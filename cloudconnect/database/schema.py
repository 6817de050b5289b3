"""Bringing the schema forward."""

import re
from importlib import resources

import peewee
from playhouse.migrations import Runner

from cloudconnect.database.errors import NewerSchema
from cloudconnect.kernel.clock import SystemClock
from cloudconnect.kernel.text import N_


def migrate(engine: peewee.Database, target: str | None = None) -> str:
    """Apply the migrations that *engine* lacks, each in a transaction of its own; return the newest one's number.

    A *target* is the name of the last one to apply, for tests of how an older release's data comes forward.

    Raises:
        NewerSchema: it has some that this release does not know.
    """
    with resources.as_file(resources.files("cloudconnect.database") / "migrations") as directory:
        runner = Runner(engine, str(directory))
        # The runner would bind a datetime, which apsw does not take; text says the same in both engines.
        runner.History._meta.add_field(  # noqa: SLF001 - how peewee spells it
            "applied", peewee.TextField(default=lambda: SystemClock().now().isoformat())
        )
        known = [migration.name for migration in runner.migrations()]
        newer = sorted(set(runner.applied()) - set(known))
        if newer:
            raise NewerSchema(
                N_("It has the schema “{found}”; this release knows “{known}”."),
                fix=N_("Install the newer CloudConnect again, or restore a backup made before the upgrade."),
                found=newer[-1],
                known=known[-1],
            )
        runner.up(target)
    return re.sub(r"\D.*", "", target or known[-1])
