"""AWS Key Management Service, and what speaks its protocol."""

import logging
import threading
from typing import Any, Final

from cloudconnect.adapters.key_service_calls import Patience, away, refuses
from cloudconnect.adapters.key_service_setup import BadKeyService, missing_extra, private_address
from cloudconnect.kernel.text import N_

NAME: Final = "aws-kms"
CONTEXT: Final = {"cloudconnect": "keyring-slot"}
"""Bound to what is wrapped; a policy may ask for it, and the service's own log shows it."""

_SERVER_ERROR: Final = 500
_AWAY: Final = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "KeyUnavailableException",
        "LimitExceededException",
        "RequestLimitExceeded",
        "RequestTimeout",
        "ServiceUnavailable",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)


class AwsKms:
    """A symmetric key of AWS KMS (``storage.key_service.KeyService``), by its id, ARN or ``alias/…``.

    Credentials come from the chain that all of AWS's tools follow: environment, shared files, web identity, container,
    instance. An *endpoint* replaces the region's own address.

    Source: AWS KMS API Reference, Encrypt and Decrypt.
    """

    def __init__(
        self, key_name: str, *, region: str = "", endpoint: str = "", patience: Patience | None = None
    ) -> None:
        try:
            import botocore.config  # noqa: PLC0415 - an optional extra
            import botocore.exceptions  # noqa: PLC0415 - an optional extra
            import botocore.session  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise missing_extra(NAME, "kms-aws") from None
        # At DEBUG the library writes down whole requests, and with them the key that is wrapped.
        logging.getLogger("botocore").setLevel(logging.INFO)
        self._botocore = botocore
        self._session = botocore.session.get_session()
        self._lock = threading.Lock()  # its sessions are not safe for threads, its clients are
        self._key_name = key_name
        self._region = region or None
        self._endpoint = private_address(endpoint) if endpoint else None
        self._patience = patience or Patience()

    @property
    def name(self) -> str:
        """``aws-kms``."""
        return NAME

    @property
    def key_name(self) -> str:
        """The id, ARN or alias."""
        return self._key_name

    def wrap(self, secret: bytes) -> bytes:
        """Return *secret* encrypted by the service."""
        return self._patience.call(NAME, lambda: self._ask("encrypt", "CiphertextBlob", Plaintext=secret))

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret; the service is told which key must have wrapped it."""
        return self._patience.call(NAME, lambda: self._ask("decrypt", "Plaintext", CiphertextBlob=wrapped))

    def _ask(self, operation: str, wanted: str, **members: bytes) -> bytes:
        exceptions = self._botocore.exceptions
        try:
            ask = getattr(self._client(), operation)
            answer: Any = ask(KeyId=self._key_name, EncryptionContext=CONTEXT, **members).get(wanted)
        except exceptions.ClientError as error:
            raise self._answered(error) from None
        except (exceptions.NoRegionError, exceptions.ProfileNotFound, exceptions.ConfigNotFound) as error:
            raise _unusable(type(error).__name__) from None
        except (exceptions.PartialCredentialsError, exceptions.ParamValidationError) as error:
            raise refuses(NAME, self._key_name, type(error).__name__) from None
        except exceptions.BotoCoreError as error:
            raise away(NAME, type(error).__name__) from None
        if not isinstance(answer, bytes) or not answer:
            raise away(NAME, "an answer without content")
        return answer

    def _client(self) -> Any:
        """Return a client of its own for each attempt: credentials that were not there before may be there now."""
        seconds = self._patience.seconds
        config = self._botocore.config.Config(
            connect_timeout=seconds, read_timeout=seconds, retries={"total_max_attempts": 1}
        )
        with self._lock:
            return self._session.create_client(
                "kms", region_name=self._region, endpoint_url=self._endpoint, config=config
            )

    def _answered(self, error: Any) -> Exception:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        if status >= _SERVER_ERROR or code in _AWAY:
            return away(NAME, code)
        return refuses(NAME, self._key_name, code)


def _unusable(reason: str) -> BadKeyService:
    return BadKeyService(
        N_("The settings for AWS are not complete ({reason})."),
        fix=N_("Set keys.kms.region, and a profile that exists if AWS_PROFILE names one."),
        reason=reason,
    )
