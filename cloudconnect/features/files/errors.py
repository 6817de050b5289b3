"""What the files room refuses."""

from cloudconnect.kernel.errors import (
    Busy,
    Conflict,
    Denied,
    Exhausted,
    Invalid,
    Locked,
    NoSpace,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
)
from cloudconnect.kernel.text import N_


class NoSuchEntry(NotFound):
    """Nothing is at this path, or nothing was at that moment."""

    code = "files.not-found"
    title = N_("There is no such file or folder")


class NotInTrash(NotFound):
    """The trash of this space holds no such thing."""

    code = "files.not-in-trash"
    title = N_("This is not in the trash")


class NoSuchVersion(NotFound):
    """The file has no such version."""

    code = "files.no-such-version"
    title = N_("There is no such version")


class VersionPruned(NotFound):
    """There was such a version; its content is no longer kept."""

    code = "files.version-pruned"
    title = N_("This version is no longer kept")


class VersionInUse(Conflict):
    """The version is what is there now, or somebody pinned it."""

    code = "files.version-in-use"
    title = N_("This version stays")


class BadPolicy(Invalid):
    """Not a policy for versions or for the trash."""

    code = "files.bad-policy"
    title = N_("This is not a policy")


class Braked(Exhausted):
    """This session removed or overwrote so much that it may not write to the space until somebody has looked."""

    code = "files.braked"
    title = N_("This session was stopped from changing more")


class NoSuchBrake(NotFound):
    """No session was stopped by this one."""

    code = "files.no-such-brake"
    title = N_("There is no such brake")


class OwnBrake(Denied):
    """The session that was stopped would let itself go on."""

    code = "files.own-brake"
    title = N_("The session that was stopped cannot lift this")


class BadExpectation(Invalid):
    """Not a number of changes."""

    code = "files.bad-expectation"
    title = N_("This is not a number of changes")


class NothingToUndo(Conflict):
    """What is named changed nothing that could be taken back, or is taken back already."""

    code = "files.nothing-to-undo"
    title = N_("There is nothing to undo")


class CannotUndo(Conflict):
    """Some of it was changed later, or is no longer kept; nothing was done."""

    code = "files.cannot-undo"
    title = N_("This cannot be undone as a whole")


class UndoExpired(Conflict):
    """The change is older than what can be undone."""

    code = "files.undo-expired"
    title = N_("This change is too old to be undone")


class BadUndoToken(Invalid):
    """Not what a change answered."""

    code = "files.bad-undo-token"
    title = N_("This does not name a change")


class Unbounded(Invalid):
    """All changes of everybody are named, which nobody means."""

    code = "files.unbounded"
    title = N_("This names every change there ever was")


class NoSuchSnapshot(NotFound):
    """No snapshot of this space has that name."""

    code = "files.no-such-snapshot"
    title = N_("There is no such snapshot")


class SnapshotExists(Conflict):
    """Another snapshot of the space has this name."""

    code = "files.snapshot-exists"
    title = N_("There is a snapshot of this name already")


class BadSnapshotName(Invalid):
    """Not a name that a snapshot can have."""

    code = "files.bad-snapshot-name"
    title = N_("This cannot be the name of a snapshot")


class Exists(Conflict):
    """Something is at this path already."""

    code = "files.exists"
    title = N_("There is something at this place already")


class NotAFolder(Conflict):
    """A file stands where the path needs a folder."""

    code = "files.not-a-folder"
    title = N_("This is not a folder")


class NotAFile(Conflict):
    """A folder stands where a file is meant."""

    code = "files.not-a-file"
    title = N_("This is not a file")


class NoParent(Conflict):
    """The folder that this should go into does not exist."""

    code = "files.no-parent"
    title = N_("The folder does not exist")


class IntoItself(Conflict):
    """A folder cannot go below itself."""

    code = "files.into-itself"
    title = N_("A folder cannot be put into itself")


class RootStays(Conflict):
    """The root of a space can neither be moved, replaced nor removed."""

    code = "files.root-stays"
    title = N_("The root of a space stays where it is")


class Stale(PreconditionFailed):
    """The entry is not the one that the precondition names."""

    code = "files.stale"
    title = N_("It has changed since you looked")


class ConditionMissing(PreconditionRequired):
    """Replacing or removing needs to say what is expected to be there."""

    code = "files.condition-required"
    title = N_("Say which version you mean")


class EntryLocked(Locked):
    """Somebody else holds a lock that covers it."""

    code = "files.locked"
    title = N_("Somebody else has locked this")


class LockConflict(Locked):
    """The lock cannot stand beside one that is there already."""

    code = "files.lock-conflict"
    title = N_("There is a lock already")


class NoSuchLock(Conflict):
    """No lock of this token covers this entry."""

    code = "files.no-such-lock"
    title = N_("There is no such lock here")


class NoLock(NotFound):
    """The space has no such lock, or it has expired."""

    code = "files.lock-not-found"
    title = N_("There is no such lock")


class NotYourLock(Denied):
    """The lock is somebody else's."""

    code = "files.not-your-lock"
    title = N_("This lock is somebody else's")


class TooManyLocks(Exhausted):
    """Somebody holds as many locks as anybody may."""

    code = "files.too-many-locks"
    title = N_("There are too many locks")


class TooManyProperties(TooLarge):
    """More than what may be kept beside an entry."""

    code = "files.too-many-properties"
    title = N_("This is more than can be kept beside a file")


class NotSmall(TooLarge):
    """A file too long to come in with many others."""

    code = "files.not-small"
    title = N_("The file is too large for this")


class NoSuchUpload(NotFound):
    """There is no such upload, it has expired, or somebody else began it."""

    code = "files.no-such-upload"
    title = N_("There is no such upload")


class UploadBusy(Busy):
    """Another request works on this upload."""

    code = "files.upload-busy"
    title = N_("Another request works on this upload")


class WrongOffset(Conflict):
    """The bytes do not follow those that are there."""

    code = "files.wrong-offset"
    title = N_("The upload goes on somewhere else")


class WrongLength(Invalid):
    """The upload has another length, or has said another one before."""

    code = "files.wrong-length"
    title = N_("The lengths do not agree")


class UploadDone(Conflict):
    """The upload is complete and takes no more."""

    code = "files.upload-done"
    title = N_("The upload is complete")


class NotReceived(Conflict):
    """Bytes of the upload are missing."""

    code = "files.not-received"
    title = N_("The upload is not complete")


class NotJoinable(Conflict):
    """Not a complete part of the same space, which uploads are joined of."""

    code = "files.not-joinable"
    title = N_("These uploads cannot be joined")


class TooLong(TooLarge):
    """More bytes than a file may have."""

    code = "files.too-long"
    title = N_("The file is too long")


class TooManyUploads(Exhausted):
    """Somebody has more uploads in progress than are kept."""

    code = "files.too-many-uploads"
    title = N_("Too many uploads are in progress")


class QuotaExceeded(NoSpace):
    """The space would hold more than it may."""

    code = "files.quota-exceeded"
    title = N_("The quota of the space is used up")


class BadQuota(Invalid):
    """Not an amount that can be a quota."""

    code = "files.bad-quota"
    title = N_("This cannot be a quota")


class BadTag(Invalid):
    """Not a tag that an entry of this space can have."""

    code = "files.bad-tag"
    title = N_("This cannot be a tag")


class BadField(Invalid):
    """Not a field that a space can have."""

    code = "files.bad-field"
    title = N_("This cannot be a field")


class NoSuchTag(NotFound):
    """The entry has no such tag."""

    code = "files.no-such-tag"
    title = N_("There is no such tag")


class NoSuchField(NotFound):
    """The space has no such field."""

    code = "files.no-such-field"
    title = N_("There is no such field")


class BadEdit(Invalid):
    """Not something that can be done to everything that a selection selects."""

    code = "files.bad-edit"
    title = N_("This cannot be done in bulk")


class TooMany(TooLarge):
    """More is selected than one edit takes."""

    code = "files.too-many"
    title = N_("Too much is selected")


class PlanMissing(PreconditionRequired):
    """An edit in bulk without the plan that says what it would do."""

    code = "files.plan-required"
    title = N_("Make a plan first")


class PlanDrifted(PreconditionFailed):
    """What an edit in bulk would do is not what its plan said."""

    code = "files.plan-drifted"
    title = N_("The plan does not hold any more")


class NamedTwice(Invalid):
    """Two items of one request have the same path."""

    code = "files.named-twice"
    title = N_("Two of the items have the same path")


class BadPath(Invalid):
    """Not a path that a space can hold."""

    code = "files.bad-path"
    title = N_("This path cannot be used")


class BadMoment(Invalid):
    """Not a moment that we understand, or one that has not come yet."""

    code = "files.bad-moment"
    title = N_("This is not a moment")


class BadSpaceName(Invalid):
    """Not a name for a space."""

    code = "files.bad-space-name"
    title = N_("This cannot name a space")


class SpaceNameTaken(Conflict):
    """The owner has a space of this name already."""

    code = "files.space-name-taken"
    title = N_("This name is taken")


class NoSuchOwner(NotFound):
    """No account has the name of whom a space was to be made for."""

    code = "files.no-such-owner"
    title = N_("There is no such account")


class PersonalSpaceStays(Conflict):
    """A personal space cannot be archived."""

    code = "files.personal-space-stays"
    title = N_("A personal space stays")


class SpaceArchived(Denied):
    """The space is archived, so nothing in it may change."""

    code = "files.space-archived"
    title = N_("The space is archived")


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
