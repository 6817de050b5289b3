"""How much there is and may be, on the command line."""

import pytest

pytestmark = pytest.mark.slow


def test_du_usage_and_quota_tell_what_is_taken(machine, tmp_path):
    (tmp_path / "in" / "deep").mkdir(parents=True)
    (tmp_path / "in" / "deep" / "file").write_bytes(bytes(5_000))
    assert machine.run("put", tmp_path / "in", "/").returncode == 0

    rows = machine.json("du", "/in", "--depth", "2")
    assert [(row["path"], row["logical_bytes"], row["files"]) for row in rows] == [
        ("/in", 5_000, 1),
        ("/in/deep", 5_000, 1),
    ]
    assert rows[0]["freed_bytes"] == rows[0]["stored_bytes"] > 0
    assert machine.run("du").stdout.split()[:3] == [b"Size", b"Versions", b"Trash"]

    space = machine.json("space", "quota")[0]["space"]
    assert machine.json("space", "quota", space, "10K")[0]["quota_bytes"] == 10_240
    assert machine.run("usage").stdout == b"4.9 KiB of 10.0 KiB used (48 %)\n"
    (tmp_path / "large").write_bytes(bytes(6_000))
    refused = machine.run("put", tmp_path / "large", "/")
    assert refused.returncode != 0
    assert b"do not fit" in refused.stdout + refused.stderr
    assert machine.json("space", "quota", space, "none")[0]["quota_bytes"] is None
    assert machine.run("usage").stdout == b"4.9 KiB used, no quota\n"
