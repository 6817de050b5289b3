"""A bit that turns over, anywhere in a store: nothing wrong is ever served, and whoever starts on it hears of it.

CLOUDCONNECT_BIT_FLIPS=100000 pytest tests/storage/test_bit_flips.py -s
"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import sys
import tempfile
from collections import Counter
from pathlib import Path
from random import Random

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "crash" / "replay"))

from assembled import LARGEST_BYTES, SMALLEST_BYTES, Assembled

from cloudconnect.events.files import FileWritten
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import SpaceId, id_bytes
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.storage import chunker
from cloudconnect.storage.packs import pack_id_of, verify
from cloudconnect.storage.seal import Malformed

pytestmark = pytest.mark.slow

FLIPS = int(os.environ.get("CLOUDCONNECT_BIT_FLIPS", "2000"))
SPACES = [SpaceId(f"spc_{number:026d}") for number in range(2)]
SIZES = (0, 1, 300, 5_000, 12_000, 30_000, 80_000)


class Damage:
    """A store in memory, of which a copy gets a bit turned over."""

    def __init__(self, root):
        self.root = root / "whole"
        self.copy = root / "flipped"
        self.contents = {}
        self.files = {}

    async def fill(self):
        """Make the store: some contents in two spaces, more than one version of some."""
        random = Random(1)
        self.root.mkdir()
        house = Assembled(self.root)
        await house.start(house.recover())
        for space in SPACES:
            house.keyring.add_domain(id_bytes(space))
        for number in range(14):
            await self._write(house, SPACES[number % 2], number, random.randbytes(SIZES[number % len(SIZES)]))
        await house.stop()
        paths = [path for path in self.root.rglob("*") if path.is_file()]
        self.files = {path.relative_to(self.root): path.read_bytes() for path in paths}

    async def _write(self, house, space, number, data):
        async def stream():
            yield data

        stored = await house.vault.write(space, stream())
        self.contents[f"node{number % 5}", number] = data

        def change(unit):
            house.vault.settle(unit.sql, space, stored)
            unit.record(FileWritten(subject=f"node{number % 5}", space=space, size=stored.size))
            unit.sql.execute(
                "INSERT INTO version (node, seq, size, sha256, media_type, manifest, content, author, created_ms)"
                " VALUES (?, ?, ?, ?, '', ?, ?, ?, ?)",
                (
                    *(f"node{number % 5}", number, stored.size, stored.sha256),
                    *(stored.manifest, stored.key, space, unit.now_ms),
                ),
            )

        await house.log.commit(change, actor=APPLIANCE)

    def flip(self, name, random):
        """Turn over one bit of a copy and return what a start on it came to."""
        shutil.rmtree(self.copy, ignore_errors=True)
        for each, data in self.files.items():
            path = self.copy / each
            path.parent.mkdir(parents=True, exist_ok=True)
            if each == name:
                path.write_bytes(_flipped(data, random))
            else:
                os.link(self.root / each, path) if "packs" in each.parts else path.write_bytes(data)
        return self.start()

    def start(self):
        """Return ``refused``, ``noticed`` or ``harmless``; anything else fails the test."""
        try:
            house = Assembled(self.copy)
        except CloudConnectError as refusal:
            return _named(refusal)
        with contextlib.closing(house):
            try:
                return self._use(house)
            except CloudConnectError as refusal:
                return _named(refusal)

    def _use(self, house):
        is_noticed = bool(house.recover().damaged)
        read = house.database.read_now
        rows = read(lambda sql: sql.rows("SELECT node, seq, author, manifest FROM version"))
        for node, seq, space, manifest in rows:
            if space not in SPACES:
                is_noticed = True
                continue
            try:
                found = b"".join(house.repository.read(id_bytes(space), manifest))
            except CloudConnectError:
                is_noticed = True
                continue
            if (node, seq) in self.contents:
                assert found == self.contents[node, seq]
            else:
                assert found in self.contents.values()
        if is_noticed:
            return "noticed"
        if {row[:2] for row in rows} == self.contents.keys():
            return "harmless"
        return "silent" if read(lambda sql: sql.rows("PRAGMA integrity_check")) == [("ok",)] else "noticed by a check"


def _named(refusal):
    return "refused" if str(refusal) and refusal.fix else f"refused without a word: {refusal!r}"


def _flipped(data, random):
    place = random.randrange(len(data))
    while not data[place] and random.random() < 0.9:  # most of a small database is empty
        place = random.randrange(len(data))
    flipped = bytearray(data)
    flipped[place] ^= 1 << random.randrange(8)
    return flipped


@pytest.fixture(scope="module")
def damage():
    with tempfile.TemporaryDirectory(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None) as place:
        limits = chunker.MINIMUM_BYTES, chunker.MAXIMUM_BYTES
        chunker.MINIMUM_BYTES, chunker.MAXIMUM_BYTES = SMALLEST_BYTES, LARGEST_BYTES
        try:
            made = Damage(Path(place))
            asyncio.run(made.fill())
        finally:
            chunker.MINIMUM_BYTES, chunker.MAXIMUM_BYTES = limits
        yield made


class Whole:
    """A byte source over a file, as a scrub reads it."""

    def __init__(self, path):
        self._data = path.read_bytes()
        self.size = len(self._data)

    def read(self, offset, length):
        return self._data[offset : offset + length]


def flips(damage, ending, count):
    """Turn bits over in files whose path has that ending or part; return how often each outcome was seen."""
    random = Random(2)
    names = sorted(name for name in damage.files if ending in str(name))
    return Counter(damage.flip(random.choice(names), random) for _ in range(count))


def test_in_the_database_it_is_noticed_or_does_no_harm(damage):
    seen = flips(damage, "cloudconnect.db", FLIPS * 4 // 10)
    print(f"database: {dict(seen)}")
    assert seen.keys() <= {"harmless", "noticed", "noticed by a check", "refused"}


def test_in_the_keyring_it_is_noticed_or_does_no_harm(damage):
    seen = flips(damage, "keyring.db", FLIPS * 2 // 10)
    print(f"keyring: {dict(seen)}")
    assert seen.keys() <= {"harmless", "noticed", "refused"}


def test_in_a_pack_every_one_is_found_without_a_key(damage):
    random, seen = Random(3), Counter()
    names = sorted(name for name in damage.files if "packs" in name.parts)
    for _ in range(FLIPS * 4 // 10):
        name = random.choice(names)
        seen[damage.flip(name, random)] += 1
        _, pack_id = pack_id_of(name.relative_to("home").as_posix())
        with pytest.raises(Malformed):
            verify(Whole(damage.copy / name), pack_id)
    print(f"packs: {dict(seen)}")
    assert seen.keys() <= {"harmless", "noticed"}


def test_a_pack_whose_domain_has_become_text_is_refused_in_words(damage):
    damage.flip(Path("home/keyring.db"), Random(4))
    shutil.copy(damage.root / "home" / "keyring.db", damage.copy / "home")
    with contextlib.closing(sqlite3.connect(damage.copy / "home" / "cloudconnect.db")) as database:
        database.execute("UPDATE pack SET domain = CAST(domain AS TEXT) WHERE number = 1")
        database.commit()
    assert damage.start() == "refused"
