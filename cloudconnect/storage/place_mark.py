"""The mark of a place of backups: whose backups these are, signed, so that nobody else can say so.

It is the document ``appliance.json``: the public key of the appliance's ``backup-signature``, the installation
(``storage.installation``), and the signature of both by that key. Releases before this one did not sign it.
"""

import json
from dataclasses import dataclass
from typing import Final

from cloudconnect.storage import signatures
from cloudconnect.storage.seal import Key

FILE: Final = "appliance.json"
_STATEMENT: Final = "CloudConnect/v1/place of backups"


@dataclass(frozen=True, slots=True)
class Mark:
    """What the mark of a place says; a signature that is empty was never made."""

    appliance: str
    installation: str = ""
    signature: str = ""

    @property
    def is_signed(self) -> bool:
        """Tell whether the appliance that it names has signed it."""
        try:
            public, signature = bytes.fromhex(self.appliance), bytes.fromhex(self.signature)
        except ValueError:
            return False
        return signatures.is_signed(public, _text(self.appliance, self.installation), signature)

    @property
    def is_bare(self) -> bool:
        """Tell whether it has no signature at all, as an earlier release left it."""
        return not self.signature


def read(document: bytes) -> Mark:
    """Return what *document* says; one that is no mark names nobody."""
    try:
        held = json.loads(document)
        return Mark(*(str(held.get(name, "")) for name in ("appliance", "installation", "signature")))
    except (ValueError, AttributeError):
        return Mark("")


def write(key: Key, installation: str) -> bytes:
    """Return the document by which the appliance that *key* belongs to says that a place is *installation*'s."""
    appliance = signatures.public_key(key).hex()
    signature = signatures.sign(key, _text(appliance, installation)).hex()
    return json.dumps({"appliance": appliance, "installation": installation, "signature": signature}).encode()


def _text(appliance: str, installation: str) -> str:
    return json.dumps([_STATEMENT, appliance, installation])
