"""A snapshot is the whole database at one moment, while others write."""

import asyncio

import pytest

from cloudconnect.database.snapshot import Snapshot, check_snapshot, write_snapshot


async def test_a_snapshot_holds_every_fact_up_to_its_position(ledger, tmp_path):
    for _ in range(20):
        await ledger.add()
    busy = asyncio.create_task(_write(ledger))
    position = await asyncio.to_thread(write_snapshot, ledger.database, tmp_path / "copy")
    busy.cancel()

    check_snapshot(tmp_path / "copy")
    with Snapshot(tmp_path / "copy") as copy:
        found = [row[0] for row in copy.rows("SELECT position FROM event ORDER BY position")]
    assert found == list(range(1, position + 1))
    assert position >= 20


async def _write(ledger):
    while True:
        await ledger.add()


def test_a_file_that_is_no_database_is_told(tmp_path):
    (tmp_path / "copy").write_bytes(b"no database at all, not even a little" * 100)
    with pytest.raises(ValueError, match="database"):
        check_snapshot(tmp_path / "copy")
