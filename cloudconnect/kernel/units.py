"""Quantities of bytes as people write them."""

import re

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.text import N_

KIB = 1 << 10
MIB = 1 << 20
GIB = 1 << 30
TIB = 1 << 40

_FACTORS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB}
_WHOLE = ((TIB, "TiB"), (GIB, "GiB"), (MIB, "MiB"), (KIB, "KiB"))
_SIZE = re.compile(r"(\d{1,15})(?:\.(\d{1,3}))?\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def format_bytes(count: int) -> str:
    """Return *count* bytes as a person reads it, in powers of 1024: ``1.5 MiB``."""
    if abs(count) < KIB:
        return f"{count} B"
    value = float(count)
    for unit in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        value /= 1024
        if abs(value) < 999.95 or unit == "PiB":  # noqa: PLR2004 - four digits would follow
            break
    return f"{value:.1f} {unit}"


def exact_bytes(count: int) -> str:
    """Return *count* bytes in the largest unit that it is a whole number of: ``10 GiB``; ``parse_bytes`` reads it."""
    factor, unit = next((each for each in _WHOLE if count and count % each[0] == 0), (1, "B"))
    return f"{count // factor} {unit}"


def parse_bytes(text: str) -> int:
    """Return the number of bytes that *text* names: ``4096``, ``64K``, ``1.5 GiB``; all units are powers of 1024.

    Raises:
        Invalid: *text* is no such quantity.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise Invalid(N_("“{text}” is not a size."), fix=N_("Write it like 4096, 64K or 1.5GiB."), text=text)
    whole, fraction, unit = match.groups()
    return round(float(f"{whole}.{fraction or 0}") * _FACTORS[unit.upper()])
