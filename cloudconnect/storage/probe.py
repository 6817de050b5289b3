"""Trying a backend out: is everything there that we need, and how fast is it?"""

import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Final

from cloudconnect.kernel.clock import monotonic
from cloudconnect.kernel.text import N_
from cloudconnect.storage.backends import Backend
from cloudconnect.storage.disk import Spool
from cloudconnect.storage.errors import BackendUnreachable

_LARGE_BYTES: Final = 16 << 20
_SMALL_BYTES: Final = 4 << 10
_TIMES: Final = 5


def probe(backend: Backend, spool: Path, check: Callable[[], None] = lambda: None) -> dict[str, int | str]:
    """Write, read, list and remove objects, and return what it took: milliseconds and bytes a second.

    *spool* is a directory for the objects on their way; *check* may raise to end the trial.

    Raises:
        BackendUnreachable: what was read or listed is not what was written, or the backend does not answer.
    """
    name = f"packs/probe-{secrets.token_hex(8)}"
    try:
        put_ms, read_ms = _latencies(backend, name, spool, check)
        check()
        data = os.urandom(_LARGE_BYTES)
        begun = monotonic()
        _put(backend, f"{name}-large", spool, data)
        put_seconds = monotonic() - begun
        check()
        begun = monotonic()
        _require(backend.read(f"{name}-large", 0, _LARGE_BYTES) == data)
        read_seconds = monotonic() - begun
        begun = monotonic()
        listed = dict(backend.names())
        list_ms = (monotonic() - begun) * 1000
        _require(listed.get(f"{name}-large") == _LARGE_BYTES)
    finally:
        for suffix in ("", "-large"):
            backend.delete(f"{name}{suffix}")
    _require(backend.size(f"{name}-large") is None)
    return {
        "put_ms": round(put_ms),
        "read_ms": round(read_ms),
        "list_ms": round(list_ms),
        "put_bytes_per_second": int(_LARGE_BYTES / put_seconds),
        "read_bytes_per_second": int(_LARGE_BYTES / read_seconds),
    }


def _latencies(backend: Backend, name: str, spool: Path, check: Callable[[], None]) -> tuple[float, float]:
    """Return the best of a few times, in milliseconds, that a small object takes to be put and to be read."""
    puts, reads = [], []
    for _ in range(_TIMES):
        check()
        data = os.urandom(_SMALL_BYTES)
        begun = monotonic()
        _put(backend, name, spool, data)
        puts.append(monotonic() - begun)
        begun = monotonic()
        _require(backend.read(name, 0, _SMALL_BYTES) == data)
        reads.append(monotonic() - begun)
        backend.delete(name)
    return min(puts) * 1000, min(reads) * 1000


def _put(backend: Backend, name: str, spool: Path, data: bytes) -> None:
    path = spool / secrets.token_hex(16)
    file = Spool(path)
    try:
        file.write(data)
        file.finish()
    finally:
        file.close()
    backend.put(name, path)


def _require(is_so: bool) -> None:
    if not is_so:
        raise BackendUnreachable(
            N_("The storage does not give back what was put ({reason})."),
            fix=N_("Do not use this storage before it is mended."),
            reason="probe",
        )
