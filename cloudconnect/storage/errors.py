"""What the engine refuses, each refining a kernel kind."""

from cloudconnect.kernel.errors import Conflict, Damaged, Denied, Invalid, NoSpace, NotFound, Unavailable
from cloudconnect.kernel.text import N_


class BadAssembly(Invalid):
    """A chunk that a file is to be made of has another size than was said."""

    code = "storage.bad-assembly"
    title = N_("The parts do not have these sizes")


class ChunksMissing(Conflict):
    """Chunks that an upload reused are gone by the time it is settled; sending the content again stores them anew."""

    code = "storage.chunks-missing"
    title = N_("Part of this content has just been removed")


class NoSuchBackup(NotFound):
    """There is no backup of this id in this place."""

    code = "storage.no-such-backup"
    title = N_("There is no such backup")


class PlaceTaken(Conflict):
    """A place holds the backups of another appliance."""

    code = "storage.place-taken"
    title = N_("This place is another appliance's")


class MarkAltered(Damaged):
    """What says whose a place of backups is was written by none of its appliances."""

    code = "storage.mark-altered"
    title = N_("The mark of this place was altered")


class BackupDamaged(Damaged):
    """A backup is not what was written, or a pack is damaged that would go into one."""

    code = "storage.backup-damaged"
    title = N_("The backup is damaged")


class IndexDamaged(Damaged):
    """A row of the index is not what was written."""

    code = "storage.index-damaged"
    title = N_("The database is damaged")


class ContentDamaged(Damaged):
    """A chunk cannot be had as it was written."""

    code = "storage.content-damaged"
    title = N_("The stored content is damaged")


class StoreFull(NoSpace):
    """The disk has no room, or less than the floor that is kept free."""

    code = "storage.full"
    title = N_("The storage is full")


class StoreReadOnly(Unavailable):
    """An input/output error made it unknown what is durable, so nothing is written until a restart has verified it."""

    code = "storage.read-only"
    title = N_("The storage takes no changes at the moment")


class KeyringDamaged(Damaged):
    """The keyring file is not what was written."""

    code = "storage.keyring-damaged"
    title = N_("The keyring is damaged")


class KeyringUnavailable(Unavailable):
    """The keyring file cannot be opened for writing."""

    code = "storage.keyring-unavailable"
    title = N_("The keyring cannot be opened")


class WrongKey(Denied):
    """The key file, passphrase or recovery code does not open this keyring."""

    code = "storage.wrong-key"
    title = N_("This key does not fit")


class BadKeyFile(Invalid):
    """A key file can neither be read nor made."""

    code = "storage.bad-key-file"
    title = N_("The key file cannot be used")


class NoSuchSlot(NotFound):
    """The keyring has no slot of this id."""

    code = "storage.no-such-slot"
    title = N_("There is no such slot")


class SlotNeeded(Conflict):
    """The slot that the daemon was opened by cannot be removed."""

    code = "storage.slot-needed"
    title = N_("This slot is in use")


class NewerFormat(Unavailable):
    """What is stored was written by a newer release."""

    code = "storage.newer-format"
    title = N_("This storage was written by a newer release")


class NoDomain(NotFound):
    """There are no keys for this space: it was never made, or its keys were destroyed."""

    code = "storage.no-domain"
    title = N_("There are no keys for this space")


class PlaceInUse(Conflict):
    """A place holds the backups of another installation of this appliance."""

    code = "storage.place-in-use"
    title = N_("Another installation makes its backups there")


class BackendUnreachable(Unavailable):
    """A backend over the network did not answer, or not as it should, for as long as it was worth to try."""

    code = "storage.backend-unreachable"
    title = N_("The storage cannot be reached")


class BackendDenied(Unavailable):
    """A backend over the network does not accept our credentials."""

    code = "storage.backend-denied"
    title = N_("The storage does not let us in")
