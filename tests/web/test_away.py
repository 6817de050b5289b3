"""A storage that is away at the start: the rest works, what lies there is refused, and it comes back by itself."""

import pytest

from cloudconnect.assembly import assemble, initialise
from cloudconnect.storage.backends import away
from cloudconnect.storage.errors import BackendUnreachable

PASSWORD = "purple tram rides north"


@pytest.fixture
async def appliance(settings, tmp_path, monkeypatch):
    """Return an appliance whose only file lies on a disk that was unplugged before it started."""
    monkeypatch.setattr(away, "_PAUSE_SECONDS", 0.0)
    (tmp_path / "disk").mkdir()
    initialise(settings)
    first = assemble(settings)
    await first.start()
    await first.auth.open_setup(PASSWORD)
    owner = await first.auth.local_administrator()
    await first.backends.add_backend(owner, "disk", "local", {"directory": str(tmp_path / "disk")})
    first.backends._fleet.aim("disk")
    await put(first, "/a", b"on the disk")
    await first.stop()
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    appliance = assemble(settings)
    await appliance.start()
    yield appliance
    await appliance.stop()


async def put(appliance, path, data):
    async def stream():
        yield data

    await appliance.files.put_file(await appliance.auth.local_administrator(), "personal", path, stream())


async def read(appliance, path):
    opened = await appliance.files.open_file(await appliance.auth.local_administrator(), "personal", path)
    return b"".join([bytes(piece) async for piece in opened.read(0, None)])


async def status(appliance):
    return await appliance.monitoring.status(await appliance.auth.local_administrator())


async def test_the_rest_works_while_it_is_away(appliance):
    await put(appliance, "/b", b"in the main storage")

    assert await read(appliance, "/b") == b"in the main storage"
    with pytest.raises(BackendUnreachable):
        await read(appliance, "/a")
    found = await status(appliance)
    assert (found.away, found.damaged_packs, found.damaged_chunks) == (["disk"], 0, 0)


async def test_it_comes_back_by_itself(appliance, tmp_path):
    with pytest.raises(BackendUnreachable):
        await read(appliance, "/a")
    (tmp_path / "unplugged").rename(tmp_path / "disk")

    assert await read(appliance, "/a") == b"on the disk"
    assert (await status(appliance)).away == []
