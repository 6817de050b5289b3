"""Quantities of bytes are read as they are written."""

import pytest

from cloudconnect.kernel.units import exact_bytes, parse_bytes


@pytest.mark.parametrize(
    ("count", "text"), [(0, "0 B"), (1000, "1000 B"), (1 << 20, "1 MiB"), (10 << 30, "10 GiB"), (3 << 50, "3072 TiB")]
)
def test_an_exact_size_is_read_as_what_it_was(count, text):
    assert exact_bytes(count) == text
    assert parse_bytes(text) == count
