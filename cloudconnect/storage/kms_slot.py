"""The slot that a key-management service opens: what it keeps can be read by nobody whom the service does not serve."""

import base64
import json
from dataclasses import dataclass

from cloudconnect.kernel.text import N_
from cloudconnect.storage.errors import WrongKey
from cloudconnect.storage.key_service import KeyService, KeyServiceRefuses
from cloudconnect.storage.seal import KEY_BYTES, Key, new_key


@dataclass(frozen=True, slots=True)
class KmsSlot:
    """32 random bytes, wrapped by *service*; the keyring keeps the wrapped form and never the bytes.

    The parameters are JSON: ``service`` and ``key`` say who wrapped, ``wrapped`` is base64. The keyring seals the
    master key with the parameters beside it, so none of them can be changed unseen.
    """

    service: KeyService

    @property
    def kind(self) -> str:
        """The name of the service."""
        return self.service.name

    def new_parameters(self) -> str:
        """Return a fresh key in its wrapped form.

        Raises:
            KeyServiceAway: the service does not answer.
            KeyServiceRefuses: the service does not wrap.
        """
        wrapped = base64.b64encode(self.service.wrap(new_key().secret)).decode()
        document = {"service": self.service.name, "key": self.service.key_name, "wrapped": wrapped}
        return json.dumps(document, separators=(",", ":"))

    def key(self, parameters: str) -> Key:
        """Return the key that the service unwraps.

        Raises:
            KeyServiceAway: the service does not answer; the keyring may well open later.
            WrongKey: the service refuses, or unwraps something that is no key.
            ValueError, LookupError, TypeError: *parameters* are not what :meth:`new_parameters` returned.
        """
        document = json.loads(parameters)
        made_with = document["key"]
        wrapped = base64.b64decode(document["wrapped"], validate=True)
        try:
            secret = self.service.unwrap(wrapped)
        except KeyServiceRefuses as error:
            raise self._wrong(made_with, str(error.facts.get("reason", error.code))) from error
        if len(secret) != KEY_BYTES:
            raise self._wrong(made_with, "NotAKey")
        return Key(secret)

    def _wrong(self, made_with: str, reason: str) -> WrongKey:
        if made_with != self.service.key_name:
            return WrongKey(
                N_("The keyring was locked with the key {made_with}, and {service} refuses with {key} ({reason})."),
                fix=N_("Set keys.kms.key to the key it was locked with, or use the recovery code."),
                service=self.service.name,
                key=self.service.key_name,
                made_with=made_with,
                reason=reason,
            )
        return WrongKey(
            N_("The key service {service} does not open this keyring with the key {key} ({reason})."),
            fix=N_("Enable the key and let this machine decrypt with it, or use the recovery code."),
            service=self.service.name,
            key=self.service.key_name,
            reason=reason,
        )
