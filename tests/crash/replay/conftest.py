"""A rig for the tests: the recorder compiled, a driver under it, and room in memory."""

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import pytest


@pytest.fixture(scope="session")
def rig(without):
    """Return a rig of this process."""
    import rig as rigs

    with tempfile.TemporaryDirectory(prefix="cloudconnect-crash-", dir=rigs.memory()) as place:
        shim = rigs.build_shim(Path(place))
        if shim is None:
            without("a C compiler (gcc)")
        made = rigs.Rig(shim, Path(place))
        yield made
        made.close()
