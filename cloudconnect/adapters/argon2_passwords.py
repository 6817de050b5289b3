"""Passwords by Argon2id, with a pepper, judged by zxcvbn."""

import asyncio
import base64
import hashlib
import hmac
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerificationError
from argon2.low_level import Type

Result = TypeVar("Result")

_PREFIX = "$ccp$"
_LEAST_SCORE = 3


class Argon2Passwords:
    """Argon2id over HMAC-SHA-256 of the password with the pepper (RFC 9106; OWASP password storage).

    A stored hash is ``$ccp$<pepper version>$argon2id$…`` and carries its own parameters. *peppers* returns each pepper
    there was by its version, newest first; new hashes are made with the newest, others stay right until then.

    At most as many hashes run at once as there are threads, since each takes *memory_kib*; 64 MiB with three passes
    take about 150 ms.
    """

    def __init__(
        self, peppers: Callable[[], Mapping[int, bytes]], *, memory_kib: int = 65_536, passes: int = 3, threads: int = 2
    ) -> None:
        self._peppers = peppers
        self._hasher = PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1, type=Type.ID)
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="passwords")
        self._dummy: str | None = None

    async def hash(self, password: str) -> str:
        """Return what to store of *password*."""
        return await self._run(self._hash, password)

    async def is_right(self, password: str, stored: str | None) -> bool:
        """Tell whether *password* is the stored one; None costs the same time and is never right."""
        return await self._run(self._is_right, password, stored)

    def is_outdated(self, stored: str) -> bool:
        """Tell whether *stored* was made with another pepper or other parameters than are in force."""
        version, hashed = _parts(stored)
        return version != self._newest() or self._hasher.check_needs_rehash(hashed)

    async def is_guessable(self, password: str, words: Sequence[str]) -> bool:
        """Tell whether zxcvbn gives *password* less than 3 of 4 points (under 10^8 guesses)."""
        return await self._run(_is_guessable, password, list(words))

    def close(self) -> None:
        """End the threads."""
        self._pool.shutdown(wait=True)

    async def _run(self, function: Callable[..., Result], *arguments: object) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._pool, function, *arguments)

    def _hash(self, password: str) -> str:
        version = self._newest()
        return f"{_PREFIX}{version}{self._hasher.hash(self._peppered(password, version))}"

    def _is_right(self, password: str, stored: str | None) -> bool:
        if stored is None:
            self._dummy = self._dummy or self._hash("")
        version, hashed = _parts(stored or self._dummy or "")
        try:
            self._hasher.verify(hashed, self._peppered(password, version))
        except (VerificationError, KeyError):
            # An older keyring was put back: the pepper of what was hashed since is not in it.
            return False
        return stored is not None

    def _newest(self) -> int:
        return next(iter(self._peppers()))

    def _peppered(self, password: str, version: int) -> bytes:
        normal = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
        return base64.b64encode(hmac.digest(self._peppers()[version], normal, hashlib.sha256))


def _parts(stored: str) -> tuple[int, str]:
    """Return the version of the pepper that a stored hash was made with, and what Argon2 made of it."""
    version, _, hashed = stored.removeprefix(_PREFIX).partition("$")
    return int(version), f"${hashed}"


def _is_guessable(password: str, words: list[str]) -> bool:
    from zxcvbn import zxcvbn  # noqa: PLC0415 - its word lists take 20 MiB, and many daemons never set a password

    return int(zxcvbn(password[:72], user_inputs=[word for word in words if word])["score"]) < _LEAST_SCORE
