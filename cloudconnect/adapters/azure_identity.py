"""Who this machine is to Microsoft Entra ID: a token from a secret, a federated token or the machine itself."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import quote

from cloudconnect.adapters.key_service_setup import BadKeyService, private_address, secret_file
from cloudconnect.kernel.text import N_

_PUBLIC_AUTHORITY: Final = "https://login.microsoftonline.com"
_METADATA_HOST: Final = "http://169.254.169.254"
_METADATA_PATH: Final = "/metadata/identity/oauth2/token"
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """One HTTP request whose JSON answer holds ``access_token``; a POST has a form, a GET has none.

    ``is_local`` is set where the answer comes from this machine's own metadata service, which no proxy may see.
    """

    url: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class AzureIdentity:
    """What is known of this machine; the first of secret, federated token and managed identity that is there counts.

    Sources: Microsoft identity platform, OAuth 2.0 client credentials flow; Azure Instance Metadata Service.
    """

    tenant: str = ""
    client: str = ""
    secret: str = field(default="", repr=False)
    federated_token_file: str = ""
    authority: str = _PUBLIC_AUTHORITY
    metadata_host: str = _METADATA_HOST

    def token_request(self, resource: str) -> TokenRequest:
        """Return the request for a token to *resource*, such as ``https://vault.azure.net``.

        Raises:
            BadKeyService: the federated token cannot be read, or belongs to no tenant and client.
        """
        if self.secret:
            return self._from_authority(resource, {"client_secret": self.secret})
        if self.federated_token_file:
            # Kubernetes writes it anew every hour, so it is read for every request.
            token = Path(self.federated_token_file)
            try:
                assertion = token.read_text(encoding="ascii").strip()
            except (OSError, UnicodeDecodeError):
                raise _bad_identity(str(token)) from None
            return self._from_authority(
                resource, {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
            )
        query = {"api-version": "2018-02-01", "resource": resource} | (
            {"client_id": self.client} if self.client else {}
        )
        return TokenRequest(
            self.metadata_host + _METADATA_PATH, query=query, headers={"Metadata": "true"}, is_local=True
        )

    def _from_authority(self, resource: str, proof: Mapping[str, str]) -> TokenRequest:
        if not self.tenant or not self.client:
            raise _bad_identity("AZURE_TENANT_ID, AZURE_CLIENT_ID")
        form = {"grant_type": "client_credentials", "client_id": self.client, "scope": f"{resource}/.default", **proof}
        return TokenRequest(f"{self.authority}/{quote(self.tenant, safe='')}/oauth2/v2.0/token", form=form)


def identity(credentials_file: str, environment: Mapping[str, str]) -> AzureIdentity:
    """Return the identity that *credentials_file* holds, or without one that of the variables of Azure's own tools.

    The file is TOML with ``tenant``, ``client_id`` and ``client_secret``. The variables are ``AZURE_TENANT_ID``,
    ``AZURE_CLIENT_ID``, ``AZURE_CLIENT_SECRET``, ``AZURE_FEDERATED_TOKEN_FILE``, ``AZURE_AUTHORITY_HOST`` and
    ``AZURE_POD_IDENTITY_AUTHORITY_HOST``.

    Raises:
        BadKeyService: the file is open to everybody or does not hold all three.
    """
    authority = private_address(environment.get("AZURE_AUTHORITY_HOST") or _PUBLIC_AUTHORITY)
    if credentials_file:
        tenant, client, secret = _three(credentials_file)
        return AzureIdentity(tenant, client, secret, authority=authority)
    return AzureIdentity(
        environment.get("AZURE_TENANT_ID", ""),
        environment.get("AZURE_CLIENT_ID", ""),
        environment.get("AZURE_CLIENT_SECRET", ""),
        environment.get("AZURE_FEDERATED_TOKEN_FILE", ""),
        authority,
        (environment.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _METADATA_HOST).rstrip("/"),
    )


def _three(path: str) -> tuple[str, str, str]:
    try:
        document = tomllib.loads(secret_file(path))
    except tomllib.TOMLDecodeError:
        document = {}
    tenant, client, secret = (document.get(name) for name in ("tenant", "client_id", "client_secret"))
    if isinstance(tenant, str) and isinstance(client, str) and isinstance(secret, str) and tenant and client and secret:
        return tenant, client, secret
    raise _bad_identity(path)


def _bad_identity(place: str) -> BadKeyService:
    return BadKeyService(
        N_("The credentials for Azure are not complete: {place}."),
        fix=N_("Give tenant, client_id and client_secret in a TOML file, or leave all out for a managed identity."),
        place=place,
    )
