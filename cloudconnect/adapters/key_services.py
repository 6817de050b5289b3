"""The key services that can open a keyring: made from settings, and tried out."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cloudconnect.adapters.azure_identity import identity
from cloudconnect.adapters.key_service_calls import MOST_SECONDS, Patience
from cloudconnect.adapters.key_service_setup import BadKeyService
from cloudconnect.adapters.kms_aws import AwsKms
from cloudconnect.adapters.kms_azure import AzureKeyVault
from cloudconnect.adapters.kms_pkcs11 import Pkcs11Token
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_, Text
from cloudconnect.storage.key_service import KeyService, KeyServiceRefuses
from cloudconnect.storage.seal import new_key

Facts = Mapping[str, str | float]

_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


class Trial(NamedTuple):
    """One step of a trial: ``wrap``, ``unwrap`` or ``tamper``, whether it went as it should, and how long it took."""

    step: str
    is_ok: bool
    detail: Text
    milliseconds: float


def open_key_service(kind: str, facts: Facts, environment: Mapping[str, str] = _NOTHING) -> KeyService:
    """Return the service *kind*: ``aws-kms``, ``azure-key-vault`` or ``pkcs11``; nothing is asked of it yet.

    *facts* are the settings of ``keys.kms`` by name: ``key`` and ``timeout_seconds``, and for AWS ``region`` and
    ``endpoint``, for Azure ``vault_url`` and ``credentials_file``, for PKCS#11 ``module``, ``token`` and ``pin_file``.
    Without a credentials file Azure's own variables in *environment* tell who this machine is.

    Raises:
        BadKeyService: a setting is missing or cannot be used, or the extra for the service is not installed.
    """
    if not kind:
        raise BadKeyService(
            N_("The settings name no key service."),
            fix=N_("Set keys.kms.kind to one of {known}."),
            known=", ".join(_MAKERS),
        )
    if kind not in _MAKERS:
        raise BadKeyService(
            N_("There is no key service “{kind}”."),
            fix=N_("Set keys.kms.kind to one of {known}."),
            kind=kind,
            known=", ".join(_MAKERS),
        )
    return _MAKERS[kind](facts, environment)


def try_out(service: KeyService, monotonic: Callable[[], float] = time.monotonic) -> list[Trial]:
    """Have *service* wrap and unwrap a fresh secret and refuse a changed one; end at the first step that fails.

    It takes three calls, each bounded as the service is. The secret is thrown away.
    """
    probe = _Probe(service)
    trials: list[Trial] = []
    for step, act in (("wrap", probe.wrap), ("unwrap", probe.unwrap), ("tamper", probe.tamper)):
        trials.append(_tried(step, act, monotonic))
        if not trials[-1].is_ok:
            break
    return trials


class _Probe:
    """A secret on its way; each step returns what went well, or None."""

    def __init__(self, service: KeyService) -> None:
        self._service = service
        self._secret = new_key().secret
        self._wrapped = b""

    def wrap(self) -> Text | None:
        self._wrapped = self._service.wrap(self._secret)
        return Text(N_("The key {key} wrapped a secret."), {"key": self._service.key_name}) if self._wrapped else None

    def unwrap(self) -> Text | None:
        return Text(N_("The secret came back.")) if self._service.unwrap(self._wrapped) == self._secret else None

    def tamper(self) -> Text | None:
        try:
            self._service.unwrap(self._wrapped[:-1] + bytes([self._wrapped[-1] ^ 1]))
        except KeyServiceRefuses:
            return Text(N_("Changed bytes were refused."))
        return None


def _tried(step: str, act: Callable[[], Text | None], monotonic: Callable[[], float]) -> Trial:
    start = monotonic()
    try:
        detail = act()
        is_ok = detail is not None
    except CloudConnectError as error:
        detail, is_ok = error.detail, False
    failed = Text(N_("The service gave back what it should not have."))
    return Trial(step, is_ok, detail or failed, (monotonic() - start) * 1000)


def _aws(facts: Facts, _: Mapping[str, str]) -> KeyService:
    return AwsKms(
        _required(facts, "key"),
        region=_text(facts, "region"),
        endpoint=_text(facts, "endpoint"),
        patience=_patience(facts),
    )


def _azure(facts: Facts, environment: Mapping[str, str]) -> KeyService:
    return AzureKeyVault(
        _required(facts, "key"),
        vault_url=_required(facts, "vault_url"),
        identity=identity(_text(facts, "credentials_file"), environment),
        patience=_patience(facts),
    )


def _pkcs11(facts: Facts, _: Mapping[str, str]) -> KeyService:
    return Pkcs11Token(
        _required(facts, "key"),
        module=_required(facts, "module"),
        token=_required(facts, "token"),
        pin_file=_required(facts, "pin_file"),
        patience=_patience(facts),
    )


_MAKERS: Final[Mapping[str, Callable[[Facts, Mapping[str, str]], KeyService]]] = {
    "aws-kms": _aws,
    "azure-key-vault": _azure,
    "pkcs11": _pkcs11,
}


def _text(facts: Facts, name: str) -> str:
    return str(facts.get(name, ""))


def _required(facts: Facts, name: str) -> str:
    if value := _text(facts, name):
        return value
    raise BadKeyService(
        N_("The setting keys.kms.{name} is missing."),
        fix=N_("Set it as docs/operator/key-services.md shows."),
        name=name,
    )


def _patience(facts: Facts) -> Patience:
    return Patience(float(facts.get("timeout_seconds") or MOST_SECONDS))
