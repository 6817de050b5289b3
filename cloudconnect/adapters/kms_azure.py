"""Azure Key Vault and Managed HSM, spoken to by their REST interface."""

import base64
import json
import re
import ssl
from typing import Any, Final
from urllib.parse import quote, urlsplit

from cloudconnect.adapters.azure_identity import AzureIdentity, TokenRequest
from cloudconnect.adapters.key_service_calls import Patience, away, refuses
from cloudconnect.adapters.key_service_setup import missing_extra, private_address

NAME: Final = "azure-key-vault"

_API_VERSION: Final = "7.4"
_ALGORITHM: Final = "RSA-OAEP-256"
_VERSION_BYTES: Final = 16
_VERSION: Final = re.compile(r"[0-9a-f]{32}")
_RESOURCES: Final = ("vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net", "managedhsm.azure.net")
_OK: Final = 200
_SERVER_ERROR: Final = 500
_AWAY: Final = frozenset({408, 425, 429})
_GONE: Final = 410  # the metadata service says so while it is being renewed
_MOST_BYTES: Final = 1 << 16


class AzureKeyVault:
    """An RSA key in a vault (``storage.key_service.KeyService``); what it wraps begins with the version that did.

    After a rotation new slots use the new version, and old ones open for as long as theirs is enabled. Key Vault knows
    no context to bind to, so such a key should serve nothing else.

    Source: Azure Key Vault REST API 7.4, Get Key, Wrap Key and Unwrap Key; RSA-OAEP-256 is RFC 7518, section 4.3.
    """

    def __init__(
        self, key_name: str, *, vault_url: str, identity: AzureIdentity, patience: Patience | None = None
    ) -> None:
        try:
            import httpx  # noqa: PLC0415 - an optional extra
        except ImportError:
            raise missing_extra(NAME, "kms-azure") from None
        self._httpx = httpx
        self._key_name = key_name
        self._vault_url = private_address(vault_url)
        self._identity = identity
        self._patience = patience or Patience()

    @property
    def name(self) -> str:
        """``azure-key-vault``."""
        return NAME

    @property
    def key_name(self) -> str:
        """The name of the key in its vault, without a version."""
        return self._key_name

    def wrap(self, secret: bytes) -> bytes:
        """Return the newest version of the key, then *secret* as it was wrapped by it."""
        version = self._patience.call(NAME, self._newest_version)
        return bytes.fromhex(version) + self._patience.call(NAME, lambda: self._use("wrapkey", version, secret))

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret that the version named in *wrapped* has wrapped."""
        version, sealed = wrapped[:_VERSION_BYTES], wrapped[_VERSION_BYTES:]
        if not sealed:
            raise refuses(NAME, self._key_name, "BadParameter")
        return self._patience.call(NAME, lambda: self._use("unwrapkey", version.hex(), sealed))

    def _newest_version(self) -> str:
        """Ask for it, because the interface has a version named wherever a key is used."""
        key = self._ask("GET", "").get("key")
        version = str(key.get("kid", "") if isinstance(key, dict) else "").rpartition("/")[2]
        if not _VERSION.fullmatch(version):
            raise away(NAME, "an answer without a version")
        return version

    def _use(self, operation: str, version: str, value: bytes) -> bytes:
        text = base64.urlsafe_b64encode(value).rstrip(b"=").decode()
        return _value(self._ask("POST", f"/{version}/{operation}", json={"alg": _ALGORITHM, "value": text}))

    def _ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        url = f"{self._vault_url}/keys/{quote(self._key_name, safe='')}{path}"
        headers = {"Authorization": f"Bearer {self._token()}"}
        return self._send(method, url, params={"api-version": _API_VERSION}, headers=headers, **request)

    def _token(self) -> str:
        """Return a token for the vault; one is asked for each time, since a vault is asked once in a start."""
        request: TokenRequest = self._identity.token_request(_resource(self._vault_url))
        answer = self._send(
            "POST" if request.form else "GET",
            request.url,
            is_local=request.is_local,
            params=request.query,
            headers=request.headers,
            data=request.form or None,
        )
        token = answer.get("access_token")
        if not isinstance(token, str) or not token.isascii() or not token.isprintable():
            raise away(NAME, "an answer without a token")
        return token

    def _send(self, method: str, url: str, *, is_local: bool = False, **request: Any) -> dict[str, Any]:
        # The system's own certificates count, so that a private authority works as it does for every other program.
        verify = ssl.create_default_context()
        try:
            with (
                self._httpx.Client(timeout=self._patience.seconds, verify=verify, trust_env=not is_local) as client,
                client.stream(method, url, **request) as response,
            ):
                content = b""
                for piece in response.iter_bytes():
                    content += piece
                    if len(content) > _MOST_BYTES:
                        raise away(NAME, "too long an answer")
        except (self._httpx.HTTPError, self._httpx.InvalidURL) as error:
            # What the library says may quote requests, so it goes no further than this.
            raise away(NAME, type(error).__name__) from None
        return self._read(response.status_code, content)

    def _read(self, status: int, content: bytes) -> dict[str, Any]:
        try:
            answer = json.loads(content)
        except ValueError:
            answer = None
        document: dict[str, Any] = answer if isinstance(answer, dict) else {}
        if status == _OK and document:
            return document
        if status < 400 or status >= _SERVER_ERROR or status in _AWAY | {_GONE}:  # noqa: PLR2004 - HTTP's classes
            raise away(NAME, f"HTTP {status}")
        raise refuses(NAME, self._key_name, _reason(document) or f"HTTP {status}")


def _resource(vault_url: str) -> str:
    """Return what a token for the vault is asked for: the cloud that the vault stands in."""
    host = urlsplit(vault_url).hostname or ""
    return "https://" + next((name for name in _RESOURCES if host.endswith("." + name)), _RESOURCES[0])


def _reason(document: dict[str, Any]) -> str:
    """Return the most exact code in an error of Key Vault's, or in one of Entra ID's, where it is a plain text."""
    error = document.get("error")
    if not isinstance(error, dict):
        return str(error or "")
    inner = error.get("innererror")
    exact = inner.get("code") if isinstance(inner, dict) else None
    return str(exact or error.get("code") or "")


def _value(answer: dict[str, Any]) -> bytes:
    try:
        text = answer["value"]
        value = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (KeyError, TypeError, ValueError):
        raise away(NAME, "an answer without content") from None
    if not value:
        raise away(NAME, "an answer without content")
    return value
