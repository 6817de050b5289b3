"""The files room: its services, each led by the same guide, and what they do by the clock."""

from dataclasses import dataclass
from datetime import timedelta

from cloudconnect.bus import EventLog, Job, Jobs
from cloudconnect.database import Database
from cloudconnect.features.access import AccessService
from cloudconnect.features.files import (
    AccountingService,
    DamageService,
    EditingService,
    Erasing,
    FilesService,
    FindingService,
    Guide,
    IntakeService,
    ParticularsService,
    RestoringFiles,
    TagsService,
)
from cloudconnect.features.operations import OperationsService
from cloudconnect.kernel.clock import Clock
from cloudconnect.kernel.text import N_, Text
from cloudconnect.ports.accounts import Accounts
from cloudconnect.ports.operations import Kind
from cloudconnect.ports.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What the files room offers."""

    files: FilesService
    intake: IntakeService
    accounting: AccountingService
    damage: DamageService
    erasing: Erasing
    restoring: RestoringFiles
    tags: TagsService
    finding: FindingService
    editing: EditingService
    particulars: ParticularsService


def open_files(
    log: EventLog,
    database: Database,
    clock: Clock,
    access: AccessService,
    vault: Vault,
    operations: OperationsService,
    jobs: Jobs,
    accounts: Accounts,
) -> Filing:
    """Build the services of the room and declare their jobs."""
    guide = Guide(log, database, clock, access, vault)
    files = FilesService(log, database, guide, vault)
    intake = IntakeService(log, database, guide, vault)
    finding = FindingService(database, guide, clock, accounts)
    accounting = AccountingService(log, database, guide)
    operations.add_kind(Kind("files.recount", Text(N_("Count what spaces use")), "spaces", accounting.recount))
    jobs.add(Job("files.recount", timedelta(days=7), lambda: operations.start_due("files.recount")))
    return Filing(
        files=files,
        intake=intake,
        accounting=accounting,
        damage=DamageService(database, access),
        erasing=Erasing(guide),
        restoring=RestoringFiles(database, files, intake),
        tags=TagsService(log, database, guide),
        finding=finding,
        editing=EditingService(log, database, guide, clock, finding),
        particulars=ParticularsService(log, database, guide, vault),
    )
