"""What the settings of a key service must hold, before anything is asked of it."""

from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_

_WORLD: Final = 0o007
_LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})


class BadKeyService(Invalid):
    """The settings of the key service cannot be used."""

    code = "keys.bad-service"
    title = N_("The key service is not set up")


def private_address(address: str) -> str:
    """Return *address* without a slash at its end, if nobody on the way can read what is sent there.

    Raises:
        BadKeyService: it is not HTTPS, and not on this machine either.
    """
    parts = urlsplit(address)
    if parts.hostname and (parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)):
        return address.rstrip("/")
    raise BadKeyService(
        N_("The address {address} does not begin with https://."),
        fix=N_("Keys are sent there: name an address with https://."),
        address=address,
    )


def secret_file(path: str) -> str:
    """Return the text of the file at *path*.

    Raises:
        BadKeyService: it is not there, open to everybody, or no text. What it holds is in no error.
    """
    try:
        if Path(path).stat().st_mode & _WORLD:
            raise _bad_file(path, "everybody may read it; chmod 600 mends that")
        return Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise _bad_file(path, error.strerror or "it cannot be read") from None
    except UnicodeDecodeError:
        raise _bad_file(path, "it is not text") from None


def missing_extra(service: str, extra: str) -> BadKeyService:
    """Return the refusal for a *service* whose library is not installed."""
    return BadKeyService(
        N_("The key service {service} needs the extra {extra}."),
        fix=N_("Install it: pip install 'cloudconnect[{extra}]'"),
        service=service,
        extra=extra,
    )


def _bad_file(path: str, reason: str) -> BadKeyService:
    return BadKeyService(
        N_("The file {path} cannot be used: {reason}."),
        fix=N_("Name a file that only the server may read."),
        path=path,
        reason=reason,
    )
