"""Object storage on this machine: moto and Ceph speak S3, Azurite speaks Azure Blob. Each is started once."""

import base64
import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import pytest

HERE = Path(__file__).parent
AZURITE = HERE.parents[2] / ".servers" / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = (
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # Azurite's own, public
)
KEY_ID, SECRET = "AKIDFORTESTS", "secret-for-tests"


@dataclass(frozen=True)
class Server:
    """A running server: which program it is, which protocol it speaks and where."""

    name: str
    kind: str
    url: str

    def make_bucket(self) -> str:
        """Return the name of a new, empty bucket or container."""
        name = f"bucket-{uuid.uuid4().hex[:12]}"
        if self.kind == "azure":
            self._make_container(name)
        else:
            client = boto3.client(
                "s3",
                endpoint_url=self.url,
                aws_access_key_id=KEY_ID,
                aws_secret_access_key=SECRET,
                region_name="us-east-1",
            )
            client.create_bucket(Bucket=name)
        return name

    def _make_container(self, name):
        path, date = f"/{AZURE_ACCOUNT}/{name}", formatdate(usegmt=True)
        headers = f"x-ms-date:{date}\nx-ms-version:2023-11-03\n"
        text = f"PUT\n\n\n\n\n\n\n\n\n\n\n\n{headers}/{AZURE_ACCOUNT}{path}\nrestype:container"
        mac = hmac.digest(base64.b64decode(AZURE_KEY), text.encode(), hashlib.sha256)
        signed = f"SharedKey {AZURE_ACCOUNT}:{base64.b64encode(mac).decode()}"
        request = urllib.request.Request(f"{self.url}/{name}?restype=container", method="PUT")
        for key, value in {"x-ms-date": date, "x-ms-version": "2023-11-03", "Authorization": signed}.items():
            request.add_header(key, value)
        urllib.request.urlopen(request, timeout=10).close()


@contextlib.contextmanager
def shared(kind, directory):
    """Give the server *kind*, which all test processes of a run share; the last one to leave stops it."""
    place = directory / f"{kind}.json"
    with _locked(directory / f"{kind}.lock"):
        state = json.loads(place.read_text()) if place.exists() else {"users": 0}
        if not state["users"]:
            state["url"], state["pids"] = STARTERS[kind](directory / f"{kind}-{uuid.uuid4().hex[:8]}")
        state["users"] += 1
        place.write_text(json.dumps(state))
    try:
        yield Server(kind, "azure" if kind == "azurite" else "s3", state["url"])
    finally:
        with _locked(directory / f"{kind}.lock"):
            state = json.loads(place.read_text())
            state["users"] -= 1
            place.write_text(json.dumps(state))
            if not state["users"]:
                _stop(state["pids"])


def free_port():
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def _start_moto(home):
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    return _wait(f"http://127.0.0.1:{port}", [_spawn(command, home)])


def _start_azurite(home):
    if not AZURITE.exists():
        _missing("Azurite (npm install --prefix .servers azurite)")
    port = free_port()
    command = ["node", str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    pid = _spawn([*command, "--skipApiVersionCheck", "--disableTelemetry", "--silent", "--inMemoryPersistence"], home)
    url, pids = _wait(f"http://127.0.0.1:{port}", [pid])
    return f"{url}/{AZURE_ACCOUNT}", pids


def _start_ceph(home):
    if not all(shutil.which(name) for name in ("ceph-mon", "ceph-osd", "radosgw", "radosgw-admin", "monmaptool")):
        _missing("Ceph (ceph-mon, ceph-osd, radosgw)")
    port = free_port()
    ports = [str(each) for each in (port, free_port(), free_port())]
    url = f"http://127.0.0.1:{port}"
    try:
        subprocess.run(
            ["bash", str(HERE / "ceph.sh"), str(home), *ports, KEY_ID, SECRET],
            check=True,
            timeout=120,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        # The gateway writes its number down long after the script has ended.
        _wait(url, [])
    except BaseException:
        _stop([int(path.read_text()) for path in home.glob("*.pid")])
        raise
    return url, [int(path.read_text()) for path in home.glob("*.pid")]


def _missing(what):
    if os.environ.get("CLOUDCONNECT_TEST_STRICT") == "1":
        pytest.fail(f"{what} is not installed")
    pytest.skip(f"{what} is not installed")


def _spawn(command, home):
    home.mkdir(parents=True)
    # A shell that ends leaves the server to nobody, as daemons are: it may outlive the process that started it.
    line = 'nohup "$@" >log 2>&1 & echo $!'
    started = subprocess.run(["sh", "-c", line, "sh", *command], cwd=home, check=True, stdout=subprocess.PIPE)
    return int(started.stdout)


def _wait(url, pids):
    parts = urlsplit(url)
    end = time.monotonic() + 60
    while True:
        with contextlib.suppress(OSError), socket.create_connection((parts.hostname, parts.port), timeout=1):
            return url, pids
        if time.monotonic() > end:
            _stop(pids)
            pytest.fail(f"{url} does not begin to listen")
        time.sleep(0.05)


def _stop(pids):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)  # nothing of theirs is kept, and a gateway waits for its cluster


@contextlib.contextmanager
def _locked(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


STARTERS = {"moto": _start_moto, "ceph": _start_ceph, "azurite": _start_azurite}
