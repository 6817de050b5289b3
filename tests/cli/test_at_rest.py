"""Nothing that people store can be read where it rests: a search through every file finds no content and no key.

Names stand in the clear in the database and nowhere else, as SECURITY.md says of spaces encrypted on the server.
"""

import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing, suppress
from pathlib import Path

import pytest

from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.slots import KeyFileSlot
from tests.cli.conftest import PROGRAM

sys.path.insert(0, str(Path(__file__).parent.parent / "storage" / "backends"))
from servers import KEY_ID, SECRET, shared

pytestmark = pytest.mark.slow

FILES = int(os.environ.get("CLOUDCONNECT_MARKERS", "10000"))
WINDOW_BYTES = 1 << 20
SPOOLED_BYTES = 1 << 20


class Marks:
    """Short words that lie in files and in names, recognised by a prefix that nothing else has."""

    def __init__(self, seed):
        letters = random.Random(seed)
        self.content = f"c{letters.getrandbits(48):012x}".encode()
        self.name = f"n{letters.getrandbits(48):012x}"

    def mail(self, number):
        mark = self.content.decode()
        return (
            f"From: ada{number}@{mark}.example\nTo: bob@{mark}.example\nSubject: {mark} secret {number}\n\n"
            + f"The {mark} meets at {number} o'clock.\n" * (1 + number % 40)
        ).encode()


def tree(top, marks, count):
    chance = random.Random(7)
    for number in range(count):
        folder = top / f"{marks.name} folder {number % 50}"
        folder.mkdir(parents=True, exist_ok=True)
        content = marks.mail(number)
        if number % 500 == 0:
            # Large ones: what compresses well, and what does not, with marks in between.
            content = content * 8_000 if number % 1_000 else (content + chance.randbytes(200_000)) * 12
        (folder / f"{marks.name} {number}.txt").write_bytes(content)


def finds(top, needle, *, but=()):
    """Return the files below *top* that hold *needle*, in any of the ways that text is kept."""
    found = []
    for path in top.rglob("*"):
        if not path.is_file() or path.name.startswith(but or ("\0",)):
            continue
        with path.open("rb") as file:
            before = b""
            while window := file.read(WINDOW_BYTES):
                if needle in before + window:
                    found.append(path)
                    break
                before = window[-len(needle) :]
    return found


def spooled_bytes(home):
    sizes = 0
    for path in (home / "tmp").iterdir():
        with suppress(FileNotFoundError):
            sizes += path.stat().st_size
    return sizes


def break_off_upload(machine, marks, film):
    """Upload what does not compress, and end the daemon while a pack of it is half written."""
    chance = random.Random(9)
    with film.open("wb") as file:
        file.writelines(marks.content + chance.randbytes(100_000) for _ in range(1_000))
    options = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    upload = subprocess.Popen([PROGRAM, "put", film, "/"], env=machine.environment, **options)
    try:
        for _ in range(4_000):
            machine.process.send_signal(signal.SIGSTOP)
            if spooled_bytes(machine.place / "home") >= SPOOLED_BYTES:
                return
            machine.process.send_signal(signal.SIGCONT)
            time.sleep(0.005)
        pytest.fail("nothing was spooled")
    finally:
        machine.kill()
        upload.kill()
        upload.wait()


def keys_of(home, key_file):
    with closing(Keyring.open(home / "keyring.db", KeyFileSlot(key_file))) as keyring:
        secrets = [keyring._master.secret, keyring._wrapping.secret, keyring.service_key("pepper").secret]
        for space in keyring.find_epochs():
            keys = keyring.domain(space)
            secrets += [keys.key(keys.epoch).secret, keys.content_ids.key.secret, keys.cut_key.secret]
        return secrets


def test_nothing_is_readable_at_rest(new_machine, tmp_path):
    machine, marks, source, home = new_machine, Marks(1), tmp_path / "source", new_machine.place / "home"
    machine.environment["CLOUDCONNECT_LOGGING_LEVEL"] = "debug"
    machine.start()
    tree(source, marks, FILES)
    assert len(finds(source, marks.content)) == FILES
    assert machine.run("put", source, "/").returncode == 0
    assert machine.run("mv", "/source", f"/{marks.name} moved").returncode == 0
    assert machine.run("rm", "-r", f"/{marks.name} moved/{marks.name} folder 3", "--yes").returncode == 0
    machine.json("operations", "start", "storage.catalog")
    assert machine.run("backup", "create", tmp_path / "backups").returncode == 0
    break_off_upload(machine, marks, tmp_path / "film")

    assert spooled_bytes(home) >= SPOOLED_BYTES
    for top in (home, tmp_path / "backups"):
        assert finds(top, marks.content) == []
        assert finds(top, marks.name.encode(), but=("cloudconnect.db",)) == []
    log = (machine.place / "log").read_bytes()
    assert marks.content not in log
    assert marks.name.encode() not in log
    with closing(sqlite3.connect(home / "cloudconnect.db")) as database:
        (count,) = database.execute("SELECT count(*) FROM entry WHERE name LIKE ?", (f"{marks.name}%.txt",)).fetchone()
    assert count >= FILES
    for secret in keys_of(home, tmp_path / "home.key"):
        for top in (home, tmp_path / "backups"):
            assert finds(top, secret) == []
        assert secret not in log
        assert secret.hex().encode() not in log


@pytest.fixture(scope="module")
def server(tmp_path_factory, worker_id):
    base = tmp_path_factory.getbasetemp()
    with shared("moto", (base if worker_id == "master" else base.parent) / "servers") as running:
        yield running


def test_nothing_in_a_bucket_or_in_its_cache_is_readable(new_machine, server, tmp_path):
    import boto3

    marks, source, bucket = Marks(2), tmp_path / "source", server.make_bucket()
    tree(source, marks, 200)
    file = tmp_path / "credentials.toml"
    file.touch(mode=0o600)
    file.write_text(f'access_key_id = "{KEY_ID}"\nsecret_access_key = "{SECRET}"\n')
    new_machine.environment |= {
        "CLOUDCONNECT_STORAGE_BACKEND": "s3",
        "CLOUDCONNECT_STORAGE_S3_ENDPOINT": server.url,
        "CLOUDCONNECT_STORAGE_S3_BUCKET": bucket,
        "CLOUDCONNECT_STORAGE_S3_CREDENTIALS_FILE": str(file),
    }
    new_machine.start()
    assert new_machine.run("put", source, "/").returncode == 0
    assert new_machine.run("get", "/source", tmp_path / "back").returncode == 0
    new_machine.stop()

    client = boto3.client(
        "s3", endpoint_url=server.url, region_name="us-east-1", aws_access_key_id=KEY_ID, aws_secret_access_key=SECRET
    )
    names = [each["Key"] for each in client.list_objects_v2(Bucket=bucket)["Contents"]]
    assert names
    for name in names:
        data = client.get_object(Bucket=bucket, Key=name)["Body"].read()
        assert marks.content not in data
        assert marks.name.encode() not in data
    client.close()
    home = new_machine.place / "home"
    assert any((home / "cache").rglob("*"))
    assert finds(home, marks.content) == []
    assert finds(home, marks.name.encode(), but=("cloudconnect.db",)) == []
    assert not any(SECRET.encode() in path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert SECRET not in (new_machine.place / "log").read_text()
