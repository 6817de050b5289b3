"""Makes a backend from what settings or an administrator say of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_
from cloudconnect.storage.backends import Backend
from cloudconnect.storage.backends.cache import CachedBackend
from cloudconnect.storage.backends.connect import Bucket, connect
from cloudconnect.storage.backends.local import LocalBackend
from cloudconnect.storage.backends.objects import ObjectBackend
from cloudconnect.storage.disk import Health
from cloudconnect.storage.errors import BackendUnreachable

LOCAL, S3, AZURE = "local", "s3", "azure"


class BadBackend(Invalid):
    """What is said of a backend does not make one."""

    code = "storage.bad-backend"
    title = N_("This storage cannot be used")


@dataclass(frozen=True, slots=True)
class Opener:
    """Makes backends; *home* is the data directory, where up to *cache_bytes* of each bucket are kept."""

    home: Path
    cache_bytes: int

    def open(self, name: str, kind: str, parameters: Mapping[str, str], *, is_new: bool = False) -> Backend:
        """Return the backend *name*; nothing is sent yet, but a directory that *is_new* gets its mark.

        *parameters* are ``directory`` for a local one, else ``bucket``, ``endpoint``, ``region``, ``prefix``,
        ``credentials_file`` and ``path_style``, which is ``no`` for names in the host.

        Raises:
            BadBackend: something is missing or cannot be.
            BadCredentials: the file with the credentials cannot be used.
        """
        if kind == LOCAL:
            return self._open_local(parameters.get("directory", ""), is_new=is_new)
        bucket = self._open_bucket(kind, parameters)
        if not self.cache_bytes:
            return bucket
        return CachedBackend(bucket, self.home / "cache" / name, self.cache_bytes)

    def open_shelf(self, kind: str, parameters: Mapping[str, str]) -> LocalBackend | ObjectBackend:
        """Return a place for backups, of the same parameters; nothing is sent yet, a directory need not be there.

        Raises:
            BadBackend: something is missing or cannot be.
            BadCredentials: the file with the credentials cannot be used.
        """
        if kind != LOCAL:
            return self._open_bucket(kind, parameters)
        path = Path(parameters.get("directory", ""))
        if not path.is_absolute() or path.resolve().is_relative_to(self.home):
            raise BadBackend(
                N_("“{directory}” is no directory outside the data directory."),
                fix=N_("Name it from the root on, such as /mnt/disk/backups."),
                directory=str(path),
            )
        return LocalBackend(path, _Forgiving())

    def _open_bucket(self, kind: str, parameters: Mapping[str, str]) -> ObjectBackend:
        if kind not in {S3, AZURE} or not parameters.get("bucket"):
            raise BadBackend(
                N_("A storage is of the kind local, s3 or azure, and a bucket has a name."),
                fix=N_("Say which bucket or container to use, and where it is."),
            )
        place = Bucket(
            kind=kind,
            bucket=parameters["bucket"],
            endpoint=parameters.get("endpoint", ""),
            region=parameters.get("region") or "us-east-1",
            prefix=parameters.get("prefix", ""),
            credentials_file=parameters.get("credentials_file", ""),
            path_style=parameters.get("path_style") != "no",
        )
        return ObjectBackend(connect(place), place=place)

    def _open_local(self, directory: str, *, is_new: bool) -> Backend:
        path = Path(directory)
        if not directory or not path.is_absolute() or not path.is_dir() or path.resolve().is_relative_to(self.home):
            raise BadBackend(
                N_("“{directory}” is no directory outside the data directory."),
                fix=N_("Make the directory first and name it from the root on, such as /mnt/disk/packs."),
                directory=directory,
            )
        backend = LocalBackend(path, _Forgiving(), is_elsewhere=True)
        if is_new:
            backend.mark()
        return backend


class _Forgiving(Health):
    """The health of a disk that may be unplugged: what failed is refused, and the next try is a new one."""

    def fail(self) -> None:
        """Refuse what failed."""
        raise BackendUnreachable(
            N_("The disk does not take what is written ({reason})."),
            fix=N_("Look whether the disk is there and whole, then try again."),
            reason="I/O",
        )
