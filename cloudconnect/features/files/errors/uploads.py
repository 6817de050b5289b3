"""Refusals about files that come in many requests."""

from cloudconnect.kernel.errors import (
    Busy,
    Conflict,
    Exhausted,
    Invalid,
    NotFound,
    TooLarge,
)
from cloudconnect.kernel.text import N_


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


class BadChunkName(Invalid):
    """A folder of chunks, or a chunk, cannot be called so."""

    code = "files.bad-chunk-name"
    title = N_("This name is not possible here")


class TooManyChunks(TooLarge):
    """A folder has as many chunks as it may."""

    code = "files.too-many-chunks"
    title = N_("Too many chunks")


class BadChecksum(Invalid):
    """A checksum that is sent along is of no kind that is known, or none at all."""

    code = "files.bad-checksum"
    title = N_("This is no checksum")


class ChecksumMismatch(Invalid):
    """What arrived is not what the client says it sent."""

    code = "files.checksum-mismatch"
    title = N_("The content arrived changed")
