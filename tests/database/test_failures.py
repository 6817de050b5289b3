"""What happens to units of work when the disk or the server behind them fails."""

import asyncio

import apsw
import peewee
import pytest

from cloudconnect.database import engines, open_database
from cloudconnect.database.errors import DatabaseFull, OldLibrary
from cloudconnect.kernel.errors import Unavailable
from cloudconnect.kernel.principal import APPLIANCE

END_ALL = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"


def end_connections(url):
    """End every connection to the database at *url*, as a restart of the server does."""
    psycopg = pytest.importorskip("psycopg")
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(END_ALL, (url.rpartition("/")[2],))


async def test_a_read_sees_one_moment_whatever_is_committed_meanwhile(ledger):
    loop = asyncio.get_running_loop()

    def count_twice(sql):
        first = sql.row("SELECT count(*) FROM event")
        asyncio.run_coroutine_threadsafe(ledger.add(), loop).result(10)
        return first, sql.row("SELECT count(*) FROM event")

    first, second = await ledger.database.read(count_twice)

    assert first == second == (0,)
    assert await ledger.positions() == [1]


async def test_a_reader_cannot_write(ledger):
    with pytest.raises((Unavailable, peewee.PeeweeException)):
        await ledger.database.read(lambda sql: sql.execute("DELETE FROM event"))


async def test_work_goes_on_when_the_server_was_started_again(on_postgresql, new_postgresql):
    await on_postgresql.add()
    await on_postgresql.positions()

    end_connections(new_postgresql)
    added = await asyncio.gather(on_postgresql.add(), on_postgresql.add())

    assert [each.position for each in added] == [2, 3]
    assert await on_postgresql.positions() == [1, 2, 3]
    assert on_postgresql.fatal == []


@pytest.mark.parametrize("callers", [pytest.param(1, id="alone"), pytest.param(5, id="with others")])
async def test_a_unit_whose_commit_got_no_answer_is_not_done_twice(running, wire, tmp_path, callers):
    line, url = wire
    async with running(url, tmp_path) as ledger:
        await ledger.add()
        line.armed = True

        outcomes = await asyncio.gather(*(ledger.add() for _ in range(callers)), return_exceptions=True)
        await ledger.add()

        refused = sum(isinstance(each, Unavailable) for each in outcomes)
        assert refused >= 1
        assert len(await ledger.positions()) in {callers + 2, callers + 2 - refused}


async def test_a_full_disk_refuses_what_is_new_and_goes_on_once_there_is_room(on_sqlite):
    def limit(pages):
        return on_sqlite.log.commit(lambda unit: unit.sql.row(f"PRAGMA max_page_count = {pages}"), actor=APPLIANCE)

    await limit(1)
    outcomes = await asyncio.gather(*(on_sqlite.add() for _ in range(200)), return_exceptions=True)
    before = await on_sqlite.positions()
    await limit(1_000_000)

    assert {type(each) for each in outcomes if isinstance(each, Exception)} == {DatabaseFull}
    assert len(before) == sum(not isinstance(each, Exception) for each in outcomes)
    assert (await on_sqlite.add()).position == len(before) + 1
    assert on_sqlite.fatal == []


class FailingFile(apsw.VFSFile):
    """A file whose bytes cannot be made durable while *is_failing*."""

    is_failing = False

    def xSync(self, flags):  # noqa: N802 - named by apsw
        if FailingFile.is_failing:
            raise apsw.IOError("on purpose")
        super().xSync(flags)


class FailingDisk(apsw.VFS):
    """The usual file system, but for its syncs."""

    def __init__(self):
        super().__init__("failing", "unix", makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802 - named by apsw
        return FailingFile("unix", name, flags)


@pytest.fixture
def failing_disk():
    disk = FailingDisk()
    FailingFile.is_failing = False
    yield FailingFile
    FailingFile.is_failing = False
    disk.unregister()


async def test_a_sync_that_fails_ends_all_writing(running, failing_disk, tmp_path):
    async with running("sqlite:", tmp_path) as ledger:
        await ledger.add()
        failing_disk.is_failing = True
        with pytest.raises(Unavailable):
            await ledger.add()
        failing_disk.is_failing = False
        with pytest.raises(Unavailable):
            await ledger.add()

        assert ledger.fatal == ["fatal"]
        assert await ledger.positions() == [1]


@pytest.mark.parametrize("callers", [pytest.param(1, id="alone"), pytest.param(5, id="with others")])
async def test_a_directory_that_cannot_be_made_durable_ends_all_writing(running, monkeypatch, tmp_path, callers):
    def fail(home):
        raise OSError(5, "on purpose")

    monkeypatch.setattr(engines, "settle_directory", fail)
    async with running("sqlite:", tmp_path) as ledger:
        outcomes = await asyncio.gather(*(ledger.add() for _ in range(callers)), return_exceptions=True)

        assert all(isinstance(each, Unavailable) for each in outcomes)
        assert ledger.fatal == ["fatal"]
        assert len(await ledger.positions()) <= callers


def test_a_library_that_loses_data_is_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(apsw, "sqlitelibversion", lambda: "3.51.2")

    with pytest.raises(OldLibrary, match=r"3\.51\.2"):
        open_database("sqlite:", tmp_path)
