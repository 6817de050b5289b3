"""Lets the tests of the engine import what they share."""

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "suites")]

import pytest  # noqa: E402 - the path comes first


@pytest.fixture
def house(tmp_path):
    """An engine with small packs."""
    from houses import House

    made = House(tmp_path / "home", pack_bytes=4 << 20)
    yield made
    made.close()
