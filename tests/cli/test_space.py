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


def test_a_space_of_its_own_is_made_filled_renamed_and_archived(machine, tmp_path):
    (tmp_path / "picture").write_bytes(b"picture")
    made = machine.run("space", "create", "Our Photos", "--quota", "1M").stdout.decode().strip()
    assert made.startswith("spc_")
    assert machine.run("put", tmp_path / "picture", "Our Photos:/2024/picture").returncode == 0
    assert machine.run("cat", "Our Photos:/2024/picture").stdout == b"picture"
    assert machine.run("ls", f"{made}:/2024").stdout.split()[-1] == b"picture"

    assert machine.json("space", "rename", "Our Photos", "Pictures")["id"] == made
    shown = machine.json("space", "show", "Pictures")
    assert (shown["space"]["used_bytes"], shown["usage"]["files"], shown["space"]["quota_bytes"]) == (7, 1, 1 << 20)
    assert b"7 B of 1.0 MiB" in machine.run("space", "show", "Pictures").stdout
    assert "Pictures" in [each["name"] for each in machine.json("space", "list")]

    archived = machine.run("space", "archive", "Pictures")
    (token,) = [word for word in archived.stderr.decode().split() if word.startswith(made)]
    assert machine.run("undo", token).returncode == 0
    assert "Pictures" in [each["name"] for each in machine.json("space", "list")]
    assert machine.run("space", "archive", "Pictures").returncode == 0
    refused = machine.run("rm", "-ry", "Pictures:/2024")
    assert refused.returncode != 0
    assert b"archived" in refused.stderr
    assert "Pictures" not in [each["name"] for each in machine.json("space", "list")]
    assert b"archived" in machine.run("space", "list", "--archived").stdout
    assert machine.run("space", "unarchive", "Pictures").returncode == 0
    assert machine.run("rm", "-ry", "Pictures:/2024").returncode == 0
    assert machine.run("brake", "list", "--space", "Pictures").returncode == 0
    assert machine.run("undo", "--space", "Pictures").returncode == 0
    assert machine.run("cat", "Pictures:/2024/picture").stdout == b"picture"
