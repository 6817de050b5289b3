"""How a bucket is reached: its address, its credentials and how long to wait for it."""

import tomllib
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from obstore.store import AzureStore, ObjectStore, S3Store

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_

if TYPE_CHECKING:
    from obstore.store import ClientConfig, RetryConfig, S3Config  # these exist in its stubs alone

_WORLD: Final = 0o007
# One quick repetition inside the library keeps a part of a multipart upload from costing the others.
_RETRY: "Final[RetryConfig]" = {
    "max_retries": 2,
    "retry_timeout": timedelta(seconds=30),
    "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=2), "base": 2},
}


class BadCredentials(Invalid):
    """The file with the credentials of a bucket cannot be used."""

    code = "storage.bad-credentials"
    title = N_("The credentials of the storage cannot be read")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Where packs rest on a server; for Azure the bucket is a container.

    *endpoint* is a URL; empty means the provider's own. *prefix* stands before every name. *credentials_file* is TOML:
    ``access_key_id`` and ``secret_access_key`` (and ``session_token``) for S3, ``account`` and ``key`` for Azure.
    """

    kind: str
    bucket: str
    endpoint: str = ""
    region: str = "us-east-1"
    prefix: str = ""
    credentials_file: str = field(default="", repr=False)
    path_style: bool = True
    timeout_seconds: float = 30.0


def connect(place: Bucket) -> ObjectStore:
    """Return the store behind *place*; nothing is sent yet.

    Raises:
        BadCredentials: its file is missing, open to everybody, or lacks what it must hold.
    """
    client: ClientConfig = {
        "allow_http": place.endpoint.startswith("http://"),
        "timeout": timedelta(seconds=place.timeout_seconds),
        "connect_timeout": timedelta(seconds=min(5.0, place.timeout_seconds)),
    }
    prefix = place.prefix.strip("/") or None
    if place.kind == "azure":
        account, key = _credentials(place.credentials_file, "account", "key")
        endpoint = place.endpoint or f"https://{account}.blob.core.windows.net"
        return AzureStore(
            place.bucket,
            prefix=prefix,
            account_name=account,
            account_key=key,
            endpoint=endpoint,
            client_options=client,
            retry_config=_RETRY,
        )
    identity, secret, *token = s3_credentials(place)
    config: S3Config = {
        "access_key_id": identity,
        "secret_access_key": secret,
        "region": place.region,
        "virtual_hosted_style_request": not place.path_style,
    }
    if place.endpoint:
        config["endpoint"] = place.endpoint
    if token:
        config["session_token"] = token[0]
    return S3Store(place.bucket, prefix=prefix, config=config, client_options=client, retry_config=_RETRY)


def s3_credentials(place: Bucket) -> list[str]:
    """Return the id of the access key, its secret, and the session token if there is one.

    Raises:
        BadCredentials: the file is missing, open to everybody, or lacks what it must hold.
    """
    return _credentials(place.credentials_file, "access_key_id", "secret_access_key", optional="session_token")


def _credentials(path: str, *names: str, optional: str = "") -> list[str]:
    """Return the values of *names*, then that of *optional* if it is there. What the file holds is in no error."""
    if not path:
        raise _bad(path, "no file is set")
    try:
        if Path(path).stat().st_mode & _WORLD:
            raise _bad(path, "everybody may read it; chmod 600 mends that")
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise _bad(path, error.strerror or "it cannot be read") from None
    except ValueError:
        raise _bad(path, "it is not TOML") from None
    values = [document.get(name) for name in names]
    if not all(isinstance(value, str) and value for value in values):
        raise _bad(path, "it must hold " + ", ".join(names))
    return [str(value) for value in (*values, document.get(optional)) if value]


def _bad(path: str, reason: str) -> BadCredentials:
    return BadCredentials(
        N_("The credentials file “{path}” cannot be used: {reason}."),
        fix=N_("Name a file that only the server may read, with the keys of the bucket."),
        path=path,
        reason=reason,
    )
