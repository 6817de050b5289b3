"""The contracts can fail: each deliberate sin is committed into a copy of the tree, and caught."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCES = ("cloudconnect", "web/cloudconnect_web", "cli/cloudconnect_cli")
FILES = "cloudconnect/features/files"
GATEWAY = "cloudconnect/features/gateway"

SINS = [
    pytest.param("rooms", f"{GATEWAY}/service.py", "import cloudconnect.features.auth", id="a room imports a room"),
    pytest.param("sans-face", f"{GATEWAY}/service.py", "import aiohttp", id="aiohttp in a service"),
    pytest.param("sql", f"{GATEWAY}/service.py", "import peewee", id="peewee in a service"),
    pytest.param("sql", "web/cloudconnect_web/api/sin.py", "import apsw", id="a route speaks SQL"),
    pytest.param("shape", f"{FILES}/rules.py", "import cloudconnect.features.files.store", id="a rule reads the store"),
    pytest.param("shape", f"{GATEWAY}/helpers.py", "", id="a stray helpers.py in a room"),
    pytest.param("layers", "cloudconnect/utils.py", "", id="a stray cloudconnect/utils.py"),
    pytest.param("layers", "cloudconnect/kernel/ids.py", "import cloudconnect.events", id="the kernel imports events"),
    pytest.param(
        "layers",
        "cloudconnect/adapters/store_health.py",
        "import cloudconnect.features.files",
        id="an adapter imports a room",
    ),
    pytest.param(
        "layers", "cloudconnect/bus/log.py", "import cloudconnect.features.files", id="the bus imports a room"
    ),
    pytest.param("engine", "cloudconnect/storage/packs.py", "import asyncio", id="asyncio in the engine"),
    pytest.param(
        "engine", "cloudconnect/storage/packs.py", "import cloudconnect.ports.vault", id="a port in the engine"
    ),
    pytest.param("faces", "cloudconnect/daemon.py", "import cloudconnect_web", id="the daemon imports a face"),
    pytest.param(
        "doors",
        "web/cloudconnect_web/api/sin.py",
        "import cloudconnect.features.files.store",
        id="a route imports a store",
    ),
    pytest.param(
        "terminal",
        "cli/cloudconnect_cli/commands/sin.py",
        "import cloudconnect.features.files",
        id="cli imports a room",
    ),
    pytest.param("terminal", "cli/cloudconnect_cli/commands/sin.py", "import cloudconnect_web", id="cli imports web"),
    pytest.param(
        "terminal", "cloudconnect/client/__init__.py", "import cloudconnect.bus", id="the client imports the bus"
    ),
    pytest.param("settings", f"{GATEWAY}/service.py", "import cloudconnect.settings", id="a service reads settings"),
    pytest.param("acyclic", "cloudconnect/kernel/text.py", "import cloudconnect.kernel.errors", id="a cycle"),
]


def look(tree: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the contracts over *tree*, which is imported instead of the installed sources."""
    path = os.pathsep.join(str(tree / part) for part in (".", "web", "cli"))
    return subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--cache-dir", tree / "cache", *options],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A copy of the sources that may be sinned in."""
    copy = tmp_path_factory.mktemp("house")
    shutil.copy(ROOT / "pyproject.toml", copy)
    for source in SOURCES:
        shutil.copytree(ROOT / source, copy / source, ignore=shutil.ignore_patterns("__pycache__", "static"))
    return copy


@pytest.mark.slow
def test_the_house_keeps_its_contracts(tree):
    result = look(tree)

    assert result.returncode == 0, result.stdout


@pytest.mark.slow
@pytest.mark.parametrize(("contract", "place", "sin"), SINS)
def test_a_sin_is_caught(tree, contract, place, sin):
    sinner = tree / place
    before = sinner.read_bytes() if sinner.exists() else None
    sinner.parent.mkdir(parents=True, exist_ok=True)
    sinner.write_text(f"{(before or b'').decode()}\n{sin}\n")

    result = look(tree, "--contract", contract)
    sinner.write_bytes(before) if before is not None else sinner.unlink()

    assert result.returncode == 1, result.stdout
    assert "BROKEN" in result.stdout
