"""What can be set: a class for each section, a field with its sentence, default and limits for each setting."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_PORT = r"(\d{1,4}|[1-5]\d{4}|6[0-4]\d{3}|65[0-4]\d{2}|655[0-2]\d|6553[0-5])"


def _set(help_text: str, default: Any, **limits: Any) -> Any:
    return field(default=default, metadata={"help": help_text, **limits})


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """Where the daemon listens."""

    listen: str = _set(
        "Address and port to listen on, HOST:PORT.", "127.0.0.1:8420", form=rf"(\[[0-9a-fA-F:]+\]|[^:\s]+):{_PORT}"
    )
    insecure_lan: bool = _set(
        "Listen beyond this machine without TLS. Passwords then cross the network readable.", False
    )
    tls_certificate: str = _set("File with the TLS certificate chain, PEM. Empty: no TLS here.", "")
    tls_key: str = _set("File with the private key of the certificate, PEM.", "")
    public_url: str = _set(
        "The address people use, when a proxy stands in front: https://files.example.org",
        "",
        form=r"(https?://[^\s/]+)?",
    )
    allowed_hosts: tuple[str, ...] = _set(
        "Host names that requests may be for; empty means any on loopback, else that of public_url and listen.", ()
    )
    trusted_proxies: tuple[str, ...] = _set("Networks whose X-Forwarded headers are believed, such as 10.0.0.0/8.", ())
    connections_per_address: int = _set(
        "Connections that one address may have open, behind trusted_proxies the requests under way; 0 for any number.",
        256,
        least=0,
        most=1 << 20,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseSettings:
    """Where the tree and the log are kept."""

    url: str = _set(
        "sqlite: for a file in the data directory, or postgresql://user@host/name.",
        "sqlite:",
        form=r"sqlite:|postgres(ql)?://.+",
    )
    readers: int = _set("Connections that read at the same time.", 4, least=1, most=64)


@dataclass(frozen=True, slots=True, kw_only=True)
class StorageSettings:
    """Where the bytes rest."""

    pack_target_bytes: int = _set("A pack is closed once it is this large.", 32 << 20, least=1 << 20, most=256 << 20)
    least_free_bytes: int = _set(
        "Uploads are refused when the disk has less than this left.", 256 << 20, least=0, most=1 << 50
    )
    ballast_bytes: int = _set(
        "Room that is kept in a file and given up when something else has filled the disk; 0 keeps none.",
        256 << 20,
        least=0,
        most=1 << 40,
    )
    scrub_bytes_per_second: int = _set(
        "How fast the regular verification reads; 0 means as fast as it can.", 64 << 20, least=0, most=1 << 40
    )
    gc_grace_hours: int = _set(
        "What nothing needs any more is removed after this many hours at the earliest.", 1, least=0, most=24 * 365
    )
    threads: int = _set("Engine threads; 0 means one for each processor.", 0, least=0, most=256)
    backend: str = _set(
        "Where packs rest: local for the data directory, s3 or azure for a bucket.", "local", form=r"local|s3|azure"
    )
    cache_bytes: int = _set(
        "What is read from a bucket is kept in the data directory, up to this; 0 keeps nothing.",
        1 << 30,
        least=0,
        most=1 << 50,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Settings:
    """The bucket, when storage.backend is s3."""

    endpoint: str = _set("The address of the server; empty means AWS.", "", form=r"(https?://[^\s]+)?")
    bucket: str = _set("The name of the bucket, which must exist.", "")
    region: str = _set("The region of the bucket.", "us-east-1")
    prefix: str = _set("Stands before the name of every object.", "")
    credentials_file: str = _set(
        "TOML file that only the server may read, with access_key_id and secret_access_key.", ""
    )
    path_style: bool = _set("Name the bucket in the path, as most servers but AWS want it.", True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AzureSettings:
    """The container, when storage.backend is azure."""

    endpoint: str = _set("The address of the server; empty means the account's own.", "", form=r"(https?://[^\s]+)?")
    container: str = _set("The name of the container, which must exist.", "")
    prefix: str = _set("Stands before the name of every object.", "")
    credentials_file: str = _set("TOML file that only the server may read, with account and key.", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeysSettings:
    """Where the root key comes from."""

    file: str = _set("The key file. Empty: beside the data directory, or root.key among systemd's credentials.", "")
    passphrase_file: str = _set("File with the passphrase, where the store was made with one.", "")
    sealed_start: bool = _set(
        "Start although the key service cannot be reached: nothing but that is answered until it can.", False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyServiceSettings:
    """A service or token that opens the store instead of a key file; see docs/operator/key-services.md."""

    kind: str = _set(
        "aws-kms, azure-key-vault or pkcs11; empty means a key file or passphrase.",
        "",
        form=r"(aws-kms|azure-key-vault|pkcs11)?",
    )
    key: str = _set("What the service calls the key.", "")
    region: str = _set("The region, for AWS.", "")
    endpoint: str = _set("The address of the service, where it is not AWS's own.", "", form=r"(https?://[^\s]+)?")
    vault_url: str = _set("The address of the vault, for Azure.", "", form=r"(https?://[^\s]+)?")
    credentials_file: str = _set("TOML file with tenant, client_id and client_secret, for Azure.", "")
    module: str = _set("The library of the token, for PKCS#11.", "")
    token: str = _set("The label of the token, for PKCS#11.", "")
    pin_file: str = _set("File with the PIN of the token, for PKCS#11.", "")
    timeout_seconds: int = _set("How many seconds one call may take.", 5, least=1, most=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionsSettings:
    """How long people stay signed in."""

    idle_hours: int = _set("A session ends when it was not used for this many hours.", 12, least=1, most=24 * 30)
    absolute_days: int = _set("A session ends after this many days in any case.", 7, least=1, most=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebdavSettings:
    """What WebDAV does with what its clients leave behind."""

    clutter: str = _set(
        "What becomes of ._*, .DS_Store, Thumbs.db and their like: keep, hide (taken and dropped) or refuse.",
        "keep",
        form=r"keep|hide|refuse",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionSettings:
    """How long earlier versions and the trash are kept, where a space does not say otherwise."""

    versions: str = _set(
        "Which earlier versions are kept; docs/operator/retention.md has the words. Empty keeps all.",
        "keep all 30d, daily 1y",
    )
    trash_days: int = _set("What was removed can be restored for this many days.", 30, least=1, most=36_500)
    least_free_percent: int = _set(
        "When less of the disk is free than this, the trash of all spaces goes, the oldest first; 0 never does so.",
        5,
        least=0,
        most=50,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class HistorySettings:
    """What can be taken back."""

    undo_days: int = _set("A change can be undone for this many days.", 30, least=1, most=3650)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadsSettings:
    """Uploads that go on after an interruption."""

    lifetime_hours: int = _set(
        "An upload that nobody goes on with is forgotten after this many hours.", 24, least=1, most=24 * 30
    )
    most_open: int = _set("How many uploads one person may have in progress.", 256, least=1, most=100_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggingSettings:
    """What the daemon tells."""

    level: str = _set("debug, info, warning or error.", "info", form=r"debug|info|warning|error")
    format: str = _set("json, human, or auto: human on a terminal.", "auto", form=r"json|human|auto")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that can be set, and where the data lies."""

    home: Path
    server: ServerSettings
    database: DatabaseSettings
    storage: StorageSettings
    storage_s3: S3Settings
    storage_azure: AzureSettings
    keys: KeysSettings
    keys_kms: KeyServiceSettings
    sessions: SessionsSettings
    webdav: WebdavSettings
    retention: RetentionSettings
    history: HistorySettings
    uploads: UploadsSettings
    logging: LoggingSettings
    admin_password_file: str = ""
    notify_socket: str = ""
    azure: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The variables by which Azure tells a machine who it is."""

    @property
    def key_file(self) -> Path:
        """The key file: set, or beside the data directory, never inside."""
        return Path(self.keys.file) if self.keys.file else self.home.with_name(self.home.name + ".key")

    @property
    def socket(self) -> Path:
        """The Unix socket through which this machine's administrator speaks to the daemon."""
        return self.home / "run" / "cloudconnect.sock"


SECTIONS: dict[str, type[Any]] = {
    "server": ServerSettings,
    "database": DatabaseSettings,
    "storage": StorageSettings,
    "storage.s3": S3Settings,
    "storage.azure": AzureSettings,
    "keys": KeysSettings,
    "keys.kms": KeyServiceSettings,
    "sessions": SessionsSettings,
    "webdav": WebdavSettings,
    "retention": RetentionSettings,
    "history": HistorySettings,
    "uploads": UploadsSettings,
    "logging": LoggingSettings,
}
