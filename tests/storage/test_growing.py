"""A stream that comes in by and by ends up as if it had come at once."""

import hashlib

import pytest
from fixtures import det
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudconnect.kernel.ids import SpaceId, new_id
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.chunker import Chunker
from cloudconnect.storage.growing import Growing
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.seal import Key

SPACE = SpaceId(new_id("spc", 1))
LARGE = det(9 << 20, "growing")
CHUNKER = Chunker(Key(bytes(32)))


class Stored:
    """Chunks by name, kept in memory."""

    def __init__(self):
        self.raws = {}
        self.bytes = 0

    def put(self, raws):
        entries = []
        for raw in raws:
            name = hashlib.sha256(raw).digest()
            self.raws[name] = bytes(raw)
            self.bytes += len(raw)
            entries.append(Entry(name, len(raw)))
        return entries

    def join(self, chunks):
        return b"".join(self.raws[name] for name, _ in chunks)


def keep(growing, stored, *, whole_only=False, is_last=False):
    taken = growing.take()
    growing.hash(taken)
    entries = stored.put(growing.cut(taken, whole_only=whole_only, is_last=is_last))
    return growing.mark().kept(entries, None)


def whole(data):
    ends = CHUNKER.cut(data, is_last=True)
    return [end - start for start, end in zip([0, *ends], ends, strict=False)]


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(
        st.tuples(
            st.one_of(st.integers(0, 40), st.integers(1, 3 << 20)),
            st.sampled_from(["keep", "whole", "resume", "add"]),
        ),
        max_size=40,
    )
)
def test_however_a_stream_comes_it_is_cut_as_if_it_came_at_once(steps):
    stored, chunks, pieces, sent, size = Stored(), [], [], 0, 0
    growing = Growing(CHUNKER, 0, [], b"", hashlib.sha256())
    for length, act in steps:
        growing.add(LARGE[sent : sent + length])
        sent = min(sent + length, len(LARGE))
        if act in {"keep", "whole", "resume"}:
            kept = keep(growing, stored, whole_only=act == "whole")
            chunks, pieces, size = chunks + kept.chunks, kept.pieces, kept.size
            assert stored.join(chunks + pieces) == LARGE[:size]
            assert size == sent or act == "whole"
        if act == "resume":
            growing = Growing(CHUNKER, size, pieces, stored.join(pieces), growing.hashing)

    kept = keep(growing, stored, is_last=True)

    assert [length for _, length in chunks + kept.chunks] == whole(LARGE[:sent])
    assert kept.pieces == []
    assert kept.size == sent
    assert growing.hashing.digest() == hashlib.sha256(LARGE[:sent]).digest()


def test_a_rest_that_comes_byte_by_byte_is_stored_in_few_pieces_and_few_times():
    stored, growing = Stored(), Growing(CHUNKER, 0, [], b"", None)
    for place in range(2_000):
        growing.add(LARGE[place : place + 1])
        kept = keep(growing, stored)

    assert len(kept.pieces) <= 11
    assert stored.bytes <= 2_000 * 11
    assert stored.join(kept.pieces) == LARGE[:2_000]


@pytest.fixture
async def vault(house):
    made = Vault(house.repository, threads=2)
    await made.add_domain(SPACE)
    yield made
    await made.close()


def settle(house, vault, content):
    with house.index.transaction() as sql:
        vault.settle(sql, SPACE, content)


async def grow_in_steps(house, vault, step):
    chunks, pieces, hashing = [], [], None
    for start in range(0, len(LARGE), step):
        growth = await vault.grow(SPACE, start, pieces, hashing)
        await growth.add(LARGE[start : start + step])
        kept = await growth.keep(is_last=start + step >= len(LARGE))
        await growth.close()
        settle(house, vault, kept)
        chunks, pieces, hashing = chunks + list(kept.chunks), kept.pieces, growth.hashing
    return chunks, hashing.digest()


async def test_what_came_in_steps_is_the_same_content_as_what_came_at_once(house, vault):
    chunks, digest = await grow_in_steps(house, vault, 700_001)

    content = await vault.assemble(SPACE, chunks, digest)
    settle(house, vault, content)

    async def at_once():
        yield LARGE

    again = await vault.write(SPACE, at_once())
    assert (again.key, again.sha256, again.stored_bytes) == (content.key, content.sha256, 0)
    assert b"".join([piece async for piece in vault.read(SPACE, content.manifest)]) == LARGE


async def test_without_a_hash_that_saw_everything_assembling_reads_it(house, vault):
    chunks, _ = await grow_in_steps(house, vault, 4 << 20)

    assert (await vault.assemble(SPACE, chunks)).sha256 == hashlib.sha256(LARGE).digest()
