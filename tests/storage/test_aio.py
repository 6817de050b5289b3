"""The door between the loop and the engine: streams in, streams out, nobody disturbs anybody."""

import asyncio
import threading

import pytest
from fixtures import det

from cloudconnect.kernel.ids import SpaceId, new_id
from cloudconnect.storage.aio import Vault
from cloudconnect.storage.errors import ContentDamaged, NoDomain, StoreFull

SPACE = SpaceId(new_id("spc", 1))
LARGE = det(13 << 20, "large")


@pytest.fixture(params=[False, True], ids=["index elsewhere", "index near"])
async def vault(house, request):
    made = Vault(house.repository, threads=2, is_index_near=request.param)
    await made.add_domain(SPACE)
    yield made
    house.backend.gate.set()
    await made.close()


async def stream(data, piece=64 << 10):
    for start in range(0, len(data), piece):
        yield data[start : start + piece]


async def collect(pieces):
    return b"".join([piece async for piece in pieces])


def settle(house, vault, content):
    with house.index.transaction() as sql:
        vault.settle(sql, SPACE, content)


@pytest.mark.parametrize("size", [0, 1, 5000, (4 << 20) - 1, 4 << 20, (4 << 20) + 1, len(LARGE)])
async def test_a_stream_comes_back_as_it_went_in(house, vault, size):
    content = await vault.write(SPACE, stream(LARGE[:size]))
    settle(house, vault, content)

    assert content.size == size
    assert await collect(vault.read(SPACE, content.manifest)) == LARGE[:size]


async def test_a_range_comes_back(house, vault):
    content = await vault.write(SPACE, stream(LARGE))
    settle(house, vault, content)

    assert await collect(vault.read(SPACE, content.manifest, 100, 9 << 20)) == LARGE[100 : 9 << 20]


async def test_the_same_stream_gives_the_same_manifest_through_either_way_in(house, vault):
    through_loop = await vault.write(SPACE, stream(LARGE))
    pieces = [LARGE[start : start + 999_999] for start in range(0, len(LARGE), 999_999)]
    in_thread = await asyncio.to_thread(house.repository.write, _bytes(SPACE), pieces)

    assert through_loop.manifest == in_thread.manifest
    assert through_loop.sha256 == in_thread.sha256


async def test_many_small_streams_share_packs(house, vault):
    datas = [det(3000, f"file {number}") for number in range(200)]

    contents = await asyncio.gather(*(vault.write(SPACE, stream(data)) for data in datas))
    for content in contents:
        settle(house, vault, content)

    assert len({pack.pack_id for content in contents for pack in content.packs}) < 20
    assert [await collect(vault.read(SPACE, content.manifest)) for content in contents] == datas


async def test_small_streams_that_come_while_the_disk_is_busy_go_in_together(house, vault):
    house.backend.gate.clear()
    first = asyncio.ensure_future(vault.write(SPACE, stream(b"first")))
    await asyncio.to_thread(house.backend.is_waiting.wait, 5)
    later = [asyncio.ensure_future(vault.write(SPACE, stream(det(3000, f"file {number}")))) for number in range(20)]
    await asyncio.sleep(0)
    house.backend.gate.set()

    await asyncio.gather(first, *later)

    assert house.backend.puts == 2


async def test_a_bug_on_the_way_in_is_told_and_the_next_stream_goes_in(house, vault):
    house.backend.refusal = ArithmeticError("a bug")
    with pytest.raises(ArithmeticError):
        await vault.write(SPACE, stream(b"first"))
    house.backend.refusal = None

    async with asyncio.timeout(5):
        content = await vault.write(SPACE, stream(b"second"))

    settle(house, vault, content)
    assert await collect(vault.read(SPACE, content.manifest)) == b"second"


async def test_an_upload_that_is_cancelled_does_not_disturb_one_that_shares_its_pack(house, vault):
    house.backend.gate.clear()
    given_up = asyncio.ensure_future(vault.write(SPACE, stream(b"given up")))
    kept = asyncio.ensure_future(vault.write(SPACE, stream(b"kept")))
    await asyncio.wait([given_up], timeout=0.05)
    given_up.cancel()
    house.backend.gate.set()
    content = await kept
    settle(house, vault, content)

    assert await collect(vault.read(SPACE, content.manifest)) == b"kept"
    with pytest.raises(asyncio.CancelledError):
        await given_up


async def test_a_large_upload_that_is_cancelled_leaves_no_spool(house, vault):
    more = asyncio.Event()

    async def endless():
        yield LARGE
        yield LARGE
        await more.wait()

    upload = asyncio.ensure_future(vault.write(SPACE, endless()))
    await asyncio.wait([upload], timeout=0.1)
    upload.cancel()
    with pytest.raises(asyncio.CancelledError):
        await upload

    await _until(lambda: not house.repository.writer._domains)
    assert house.spools() == []


async def test_an_error_of_the_sender_comes_out_as_it_is(house, vault):
    async def broken():
        yield LARGE
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await vault.write(SPACE, broken())

    await _until(lambda: not house.repository.writer._domains)


@pytest.mark.parametrize("size", [10, len(LARGE)])
async def test_a_full_disk_is_told_to_every_size(house, vault, size):
    house.backend.refusal = StoreFull("full")

    with pytest.raises(StoreFull):
        await vault.write(SPACE, stream(LARGE[:size]))


@pytest.mark.parametrize("size", [10, len(LARGE)])
async def test_a_space_without_keys_is_refused(vault, size):
    with pytest.raises(NoDomain):
        await vault.write(SpaceId(new_id("spc", 2)), stream(LARGE[:size]))


async def test_damage_is_told_before_a_byte_is_sent(house, vault):
    content = await vault.write(SPACE, stream(b"data"))
    settle(house, vault, content)
    house.packs()[0].unlink()

    with pytest.raises(ContentDamaged):
        await anext(vault.read(SPACE, content.manifest))


@pytest.mark.parametrize(("start", "stop"), [(0, None), (0, 0), (2, 4), (3, 100), (5, 3), (100, None)])
async def test_every_range_of_a_small_stream_comes_back(house, vault, start, stop):
    content = await vault.write(SPACE, stream(b"0123456789"))
    settle(house, vault, content)

    assert await collect(vault.read(SPACE, content.manifest, start, stop)) == b"0123456789"[start:stop]


async def test_what_lies_in_memory_waits_for_no_thread(house):
    vault = Vault(house.repository, threads=1, is_index_near=True)
    await vault.add_domain(SPACE)
    content = await vault.write(SPACE, stream(b"data"))
    settle(house, vault, content)
    release = threading.Event()
    busy = vault.threads.run(release.wait)

    async with asyncio.timeout(5):
        found = await collect(vault.read(SPACE, content.manifest))

    release.set()
    await busy
    await vault.close()
    assert found == b"data"


async def test_a_reader_may_stop_early(house, vault):
    content = await vault.write(SPACE, stream(LARGE))
    settle(house, vault, content)

    pieces = vault.read(SPACE, content.manifest)
    first = await anext(pieces)
    await pieces.aclose()

    assert LARGE.startswith(first)


def _bytes(space):
    from cloudconnect.kernel.ids import id_bytes

    return id_bytes(space)


async def _until(condition):
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the engine has no event to wait for
            await asyncio.sleep(0)
