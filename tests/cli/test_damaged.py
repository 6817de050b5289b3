"""The list of damaged files on a terminal."""

import pytest

pytestmark = pytest.mark.slow


def test_damaged_files_are_listed_until_they_are_healed(machine, tmp_path):
    (tmp_path / "a.txt").write_text("kept")
    assert b"No file is known to be damaged" in machine.run("damaged").stdout
    machine.run("put", tmp_path / "a.txt", "/")
    (pack,) = (path for path in (machine.place / "home" / "packs").rglob("*") if path.is_file())
    whole = pack.read_bytes()
    pack.write_bytes(whole[:150] + bytes([whole[150] ^ 1]) + whole[151:])
    assert machine.run("scrub").returncode == 7

    listed = machine.run("damaged")
    assert b"/a.txt" in listed.stdout, listed
    assert b"1 file (1 pack, 1 chunk)" in machine.run("status").stdout

    pack.write_bytes(whole)
    machine.run("scrub")
    assert machine.run("damaged", "--json").stdout.strip() == b"[]"


def test_what_is_missing_at_a_start_is_listed_at_once(machine, tmp_path):
    (tmp_path / "a.txt").write_text("kept")
    machine.run("put", tmp_path / "a.txt", "/")
    machine.stop()
    (pack,) = (path for path in (machine.place / "home" / "packs").rglob("*") if path.is_file())
    whole = pack.read_bytes()
    pack.unlink()

    machine.start()

    assert b"/a.txt" in machine.run("damaged").stdout
    pack.write_bytes(whole)
    machine.run("scrub")
    assert machine.run("damaged", "--json").stdout.strip() == b"[]"
