"""Signatures: what the appliance states, so that others can see that it did and that nobody changed it (Ed25519)."""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from cloudconnect.storage.seal import Key


def public_key(key: Key) -> bytes:
    """Return the 32 bytes by which anybody can verify what *key* signs."""
    return Ed25519PrivateKey.from_private_bytes(key.secret).public_key().public_bytes_raw()


def sign(key: Key, text: str) -> bytes:
    """Return the signature of *text* (RFC 8032)."""
    return Ed25519PrivateKey.from_private_bytes(key.secret).sign(text.encode())


def is_signed(public: bytes, text: str, signature: bytes) -> bool:
    """Tell whether *signature* is that of *text* by the key that *public* belongs to."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, text.encode())
    except (InvalidSignature, ValueError):
        return False
    return True
