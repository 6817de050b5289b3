"""A real database of either kind for every test that asks for ``database_url``."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from pathlib import Path

import pytest

_BINARIES = Path("/usr/lib/postgresql/15/bin")
_OWNER = "nobody"


def missing(what: str) -> None:
    """Skip, naming what to install; where the tests must be complete, fail."""
    if os.environ.get("CLOUDCONNECT_TEST_STRICT") == "1":
        pytest.fail(f"missing: {what}")
    pytest.skip(f"install {what} to run this")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture(scope="session")
def postgresql_server():
    """The address of a PostgreSQL server of this test run's own, as a URL without a database."""
    if not (_BINARIES / "initdb").exists():
        missing("postgresql-15")
    place = Path(tempfile.mkdtemp(prefix="cloudconnect-pg-"))
    as_owner = {}
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_OWNER)
        shutil.chown(place, owner.pw_uid, owner.pw_gid)
        as_owner = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    port = free_port()
    data = place / "data"
    options = f"-p {port} -k {place} -c listen_addresses=127.0.0.1 -c max_connections=200 -c fsync=off"
    environment = {"PATH": os.environ["PATH"], "HOME": str(place), "LC_ALL": "C.UTF-8"}

    def run(*command):
        subprocess.run(command, check=True, cwd=place, env=environment, stdout=subprocess.DEVNULL, **as_owner)

    run(_BINARIES / "initdb", "-D", data, "-A", "trust", "-U", "cloudconnect")
    run(_BINARIES / "pg_ctl", "-D", data, "-o", options, "-l", place / "log", "-w", "start")
    yield f"postgresql://cloudconnect@127.0.0.1:{port}"
    run(_BINARIES / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
    shutil.rmtree(place)


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request):
    """The URL of an empty database, once for each engine."""
    if request.param == "sqlite":
        return "sqlite:"
    return request.getfixturevalue("new_postgresql")


@pytest.fixture
def new_postgresql(postgresql_server):
    """The URL of an empty PostgreSQL database."""
    psycopg = pytest.importorskip("psycopg")
    name = f"t{uuid.uuid4().hex}"
    with psycopg.connect(f"{postgresql_server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{postgresql_server}/{name}"


@pytest.fixture(scope="session")
def new_port():
    """Return the function that finds a free port, for tests in other folders."""
    return free_port


@pytest.fixture(scope="session")
def without():
    """Return the function that skips, or fails where the tests must be complete, naming what is missing."""
    return missing
