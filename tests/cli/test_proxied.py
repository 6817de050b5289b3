"""A file arrives whole through a proxy with limits, over connections that are reset, past a daemon that is killed."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.conftest import missing

pytestmark = pytest.mark.slow

PROGRAM = Path(__file__).parents[2] / "benchmarks" / "proxied.py"
BOUNDED = ("--mib", "40", "--mib-per-second", "20", "--reset-seconds", "1", "--streams")


@pytest.fixture
def short_path():
    """The path of a Unix socket has at most 107 bytes; those of pytest are long already."""
    with tempfile.TemporaryDirectory(prefix="proxied-", dir="/tmp") as place:
        yield place


def test_a_file_arrives_whole_whatever_happens_on_its_way(short_path, tmp_path):
    if not Path("/usr/sbin/nginx").exists():
        missing("nginx-light")
    environment = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}

    done = subprocess.run(
        [sys.executable, PROGRAM, "--place", short_path, *BOUNDED],
        env=environment | {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "one kill -9" in done.stdout
