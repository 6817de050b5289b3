"""Ballast is taken where there is room, given up at once, and never where it would do harm."""

import shutil

from cloudconnect.storage.ballast import Ballast


def test_it_is_taken_once_and_dropped_once(tmp_path):
    ballast = Ballast(tmp_path / "ballast", 100_000, 0)

    assert (ballast.take(), ballast.take()) == (True, True)
    assert (tmp_path / "ballast").stat().st_size == 100_000
    assert (ballast.drop(), ballast.drop()) == (True, False)
    assert list(tmp_path.iterdir()) == []


def test_where_there_is_too_little_room_none_is_taken(tmp_path):
    free = shutil.disk_usage(tmp_path).free

    assert not Ballast(tmp_path / "ballast", 100_000, free).take()
    assert not Ballast(tmp_path / "ballast", free * 2, 0).take()
    assert not Ballast(tmp_path / "ballast", 0, 0).take()
    assert list(tmp_path.iterdir()) == []
