"""A destroyed space leaves no name behind: a search through every file and every catalog that opens finds none.

Backups made before hold names still, sealed; the certificate says so.
"""

import json
import random
from contextlib import closing

import pytest

from cloudconnect.storage import packs
from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.seal import Sealer
from cloudconnect.storage.slots import KeyFileSlot
from tests.cli.test_at_rest import finds
from tests.cli.test_key import own_space

pytestmark = pytest.mark.slow

MARK = f"m{random.Random(4).getrandbits(48):012x}"


def fill(machine, top):
    """Leave MARK wherever a name or a word of a person can come to rest."""
    folder = top / f"{MARK} folder"
    folder.mkdir(parents=True)
    for number in range(300):
        (folder / f"{MARK} {number}.txt").write_bytes(b"content " * (1 + number))
    for command in (
        ("put", folder, "/"),
        ("mkdir", f"/{MARK} empty"),
        ("mv", f"/{MARK} folder/{MARK} 1.txt", f"/{MARK} moved.txt"),
        ("cp", f"/{MARK} moved.txt", f"/{MARK} copied.txt"),
        ("rm", f"/{MARK} copied.txt", "--yes"),
        ("tag", "add", f"/{MARK} moved.txt", MARK),
        ("lock", "add", f"/{MARK} moved.txt"),
        ("backup", "create", top / "backups"),
        ("operations", "start", "storage.catalog"),
    ):
        machine.run(*command)
    restored = ("backup", "restore", top / "backups", "--path", f"/{MARK} folder", "--into", f"/{MARK} restored")
    machine.run(*restored, "--yes")


class File:
    def __init__(self, data):
        self.data, self.size = data, len(data)

    def read(self, offset, length):
        return self.data[offset : offset + length]


def named_in_catalogs(home, key_file):
    """Return the packs of catalogs with MARK in a record that opens with the keys there are."""
    found, sealer = [], Sealer(ZstdCodec())
    with closing(Keyring.open(home / "keyring.db", KeyFileSlot(key_file))) as keyring:
        keys = keyring.domain(CATALOG_DOMAIN)
        for path in (home / "packs" / CATALOG_DOMAIN.hex()).glob("*/*"):
            records = packs.salvage(File(path.read_bytes()), keys)
            if any(MARK.encode() in sealer.unseal(keys, record) for _, record in records):
                found.append(path)
    return found


def test_no_name_of_a_destroyed_space_is_left(machine, tmp_path):
    home, source, key_file = tmp_path / "home", tmp_path / "source", tmp_path / "home.key"
    fill(machine, source)
    space = own_space(machine)
    machine.kill()
    assert finds(home, MARK.encode())
    assert named_in_catalogs(home, key_file)
    machine.start()

    ended = machine.json("key", "shred", space, "--yes")

    assert ended["result"]["state"] == "erased"
    certificate = json.loads(json.loads(machine.run("key", "certificate", space).stdout)["certificate"])
    assert "until they are pruned" in certificate["names"]
    assert finds(home, MARK.encode()) == []
    assert machine.run("put", source / f"{MARK} folder" / f"{MARK} 2.txt", "/plain.txt").returncode == 0
    assert MARK.encode() not in (tmp_path / "log").read_bytes()
    machine.stop()
    assert finds(home, MARK.encode()) == []
    assert named_in_catalogs(home, key_file) == []
    machine.environment |= {"CLOUDCONNECT_HOME": str(tmp_path / "back"), "CLOUDCONNECT_KEYS_FILE": str(key_file)}
    assert machine.run("backup", "restore", source / "backups").returncode == 0
    assert finds(tmp_path / "back", MARK.encode()) == []
    machine.start()
    assert machine.json("ls", "/") == []
    machine.stop()
    assert finds(tmp_path / "back", MARK.encode()) == []
