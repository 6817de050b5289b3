"""Locks as the command line sees them, and a writer who meets one."""

import base64
import json
import re
import urllib.error
import urllib.request

import pytest

LOCK = b'<lockinfo xmlns="DAV:"><lockscope><exclusive/></lockscope><locktype><write/></locktype></lockinfo>'


def dav(machine, method, path, token, data=None, **headers):
    credential = base64.b64encode(f"admin:{token}".encode()).decode()
    request = urllib.request.Request(
        f"{machine.url}/dav/personal{path}",
        method=method,
        data=data,
        headers={"Authorization": f"Basic {credential}", **headers},
    )
    with urllib.request.urlopen(request, timeout=20) as answer:
        return answer.headers


@pytest.mark.slow
def test_a_lock_is_seen_and_broken(machine, tmp_path):
    token = machine.json("token", "create", "editor", "--scope", "files.read", "--scope", "files.write")["token"]
    (tmp_path / "a.txt").write_text("a")
    assert machine.run("put", tmp_path / "a.txt", "/a.txt").returncode == 0
    dav(machine, "LOCK", "/a.txt", token, LOCK, Depth="0")

    (held,) = machine.json("lock", "list")
    assert (held["path"], held["owner_name"], held["deep"]) == ("/a.txt", "admin", False)
    assert "/a.txt" in machine.run("lock", "list").stdout.decode()
    with pytest.raises(urllib.error.HTTPError, match="423"):
        dav(machine, "DELETE", "/a.txt", token)
    assert machine.json("lock", "break", held["id"]) == {"broken": held["id"]}

    dav(machine, "DELETE", "/a.txt", token)
    assert machine.json("lock", "list") == []
    gone = machine.run("lock", "break", held["id"], "--json")
    assert gone.returncode == 4
    assert json.loads(gone.stderr)["code"] == "files.lock-not-found"
    assert re.search("cloudconnect lock list", gone.stderr.decode())
