"""What the engine asks of a key-management service: to wrap a few secret bytes with a key that never leaves it."""

from typing import Protocol

from cloudconnect.kernel.errors import Denied, Unavailable
from cloudconnect.kernel.text import N_


class KeyServiceAway(Unavailable):
    """The key service did not answer, or not as it should, for as long as it was worth to wait.

    It says nothing of the key: the same call may succeed later.
    """

    code = "storage.key-service-away"
    title = N_("The key service cannot be reached")


class KeyServiceRefuses(Denied):
    """The key service says no: a wrong, disabled or missing key, no right to it, or changed bytes.

    To ask again changes nothing. The fact ``reason`` is the service's own word, such as ``DisabledException``.
    """

    code = "storage.key-service-refuses"
    title = N_("The key service refuses")


class KeyService(Protocol):
    """A service or device that holds one key of ours and uses it for us.

    What it wraps is bound to this one purpose where the service can do so, and changed bytes never unwrap. Every call
    ends within a bounded time, repetitions included. Safe for threads.
    """

    @property
    def name(self) -> str:
        """``aws-kms``, ``azure-key-vault`` or ``pkcs11``."""
        ...

    @property
    def key_name(self) -> str:
        """What the service calls the key; it is no secret."""
        ...

    def wrap(self, secret: bytes) -> bytes:
        """Return *secret*, at most 64 bytes, in a form that only the service can open.

        Raises:
            KeyServiceAway: no proper answer came in time.
            KeyServiceRefuses: the service does not do it.
        """
        ...

    def unwrap(self, wrapped: bytes) -> bytes:
        """Return the secret that :meth:`wrap` was given.

        Raises:
            KeyServiceAway: no proper answer came in time.
            KeyServiceRefuses: the service does not do it, or *wrapped* is not what the key has wrapped.
        """
        ...
