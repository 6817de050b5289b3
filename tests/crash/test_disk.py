"""A disk that is full, almost full or read-only: what can still be done is done, all else is refused in plain words."""

import json
import os
import shutil
import subprocess
import urllib.error
import urllib.request

import pytest

pytestmark = pytest.mark.slow

FLOOR = 4 << 20
MIB = os.urandom(1 << 20)


@pytest.fixture
def disk(tmp_path, without):
    """Return the mount point of a disk of 64 MiB."""
    point = tmp_path / "disk"
    point.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", str(point)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode != 0:
        without("the right to mount a tmpfs (run as root)")
    yield point
    subprocess.run(["umount", "--lazy", str(point)], check=True)


@pytest.fixture
def small(disk, appliance):
    """Return a running appliance on that disk, with the file /kept in it, and the token of its administrator."""
    appliance.home = disk / "home"
    appliance.start()
    token = json.loads(appliance.run("token", "create", "test", "--json").stdout)["token"]
    assert request(appliance, token, "PUT", "/spaces/personal/content/kept", MIB)[0] == 201
    yield appliance, token
    appliance.stop()


def request(appliance, token, method, path, body=None, **headers):
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    url = f"http://127.0.0.1:{appliance.port}/api/v1{path}"
    asked = urllib.request.Request(url, data=body, method=method, headers=headers)
    try:
        with urllib.request.urlopen(asked, timeout=30) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read())


def fill(disk, left):
    """Leave *left* bytes free; return the file to remove."""
    filler = disk / "filler"
    with filler.open("wb") as file:
        while (free := shutil.disk_usage(disk).free - left) > 0:
            file.write(bytes(min(free, 1 << 20)))
            file.flush()
    return filler


def sign_in(appliance):
    body = json.dumps({"name": "admin", "password": "purple tram rides north", "device": "test"}).encode()
    return request(appliance, None, "POST", "/sessions", body, **{"Content-Type": "application/json"})


def test_below_the_floor_only_uploads_are_refused(disk, small):
    appliance, token = small
    filler = fill(disk, FLOOR - (1 << 20))
    status, problem = request(appliance, token, "PUT", "/spaces/personal/content/more", os.urandom(1 << 20))
    assert status == 507
    assert problem["detail"]
    assert problem["fix"]
    assert sign_in(appliance)[0] == 201
    assert request(appliance, token, "GET", "/spaces/personal/content/kept") == (200, MIB)
    assert request(appliance, token, "GET", "/spaces/personal/tree/")[0] == 200
    assert appliance.run("rm", "/kept").returncode == 0
    assert appliance.run("restore", "/kept").returncode == 0
    filler.unlink()
    assert request(appliance, token, "PUT", "/spaces/personal/content/more", os.urandom(1 << 20))[0] == 201


def test_without_a_free_byte_reading_goes_on_and_writing_resumes_later(disk, small):
    appliance, token = small
    filler = fill(disk, 0)
    for _ in range(3):
        status, problem = request(appliance, token, "POST", "/spaces/personal/folders/" + "f" * 200)
        if status != 201:  # the database may have had a little room in its own files
            assert (status, bool(problem["fix"])) == (507, True)
    assert request(appliance, token, "PUT", "/spaces/personal/content/more", MIB)[0] == 507
    assert request(appliance, token, "GET", "/spaces/personal/content/kept") == (200, MIB)
    assert request(appliance, token, "GET", "/spaces/personal/children/")[0] == 200
    assert appliance.process.poll() is None
    filler.unlink()
    assert request(appliance, token, "PUT", "/spaces/personal/content/more", MIB)[0] == 201
    assert sign_in(appliance)[0] == 201


@pytest.mark.parametrize("left", [0, 12 << 10], ids=["for the keyring", "for the database"])
def test_a_start_without_room_says_so_and_one_with_a_little_succeeds(disk, small, left):
    appliance, token = small
    appliance.stop()
    filler = fill(disk, left)
    done = appliance.run("serve")
    assert done.returncode == 8, done.stderr
    assert done.stderr.startswith("Error: ")
    assert "disk" in done.stderr
    assert "Free some space" in done.stderr
    filler.unlink()
    fill(disk, 128 << 10)
    appliance.start()
    assert request(appliance, token, "GET", "/spaces/personal/content/kept") == (200, MIB)


def test_a_read_only_data_directory_is_told(disk, small):
    appliance, _token = small
    appliance.stop()
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
    done = appliance.run("serve")
    assert done.returncode == 9
    assert done.stderr.startswith(f"Error: {appliance.home} cannot be written: Read-only file system.")
