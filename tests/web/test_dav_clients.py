"""Programs that speak WebDAV, as Debian has them, against a served appliance."""

import asyncio
import contextlib
import os
import re
import shutil

import pytest

pytestmark = pytest.mark.slow

SUITES = {"basic": 16, "copymove": 13, "props": 30, "locks": 41, "http": 4}
RCLONE = """
[other]
type = webdav
vendor = other
url = {url}/dav/personal
user = admin
pass = {password}

[nextcloud]
type = webdav
vendor = nextcloud
url = {url}/remote.php/dav/files/admin
user = admin
pass = {password}
"""


@pytest.fixture
def run(tmp_path):
    """Run a program in a folder of its own; return its exit status and all that it printed."""

    async def run(*command, stdin=b"", **environment):
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            cwd=tmp_path,
            env={"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin", "HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
            | environment,
        )
        async with asyncio.timeout(120):
            printed, _ = await process.communicate(stdin)
        return process.returncode, printed.decode(errors="replace")

    return run


@pytest.fixture
def program(without):
    def program(name):
        found = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        return found or without(name)

    return program


@pytest.fixture
def source(tmp_path):
    """Some files, as people have them."""
    folder = tmp_path / "source"
    (folder / "Übung & Plan" / "deep").mkdir(parents=True)
    (folder / "large.bin").write_bytes(os.urandom(3 << 20))
    (folder / "empty").write_bytes(b"")
    for number in range(20):
        (folder / "Übung & Plan" / "deep" / f"Nr. {number} 100%?#.txt").write_text(f"number {number}\n")
    for path in folder.rglob("*"):
        os.utime(path, (1_700_000_000, 1_700_000_000))
    return folder


@pytest.fixture
async def rclone(site, program, run, tmp_path):
    """Run rclone with both vendors configured; it must succeed."""
    tool = program("rclone")
    _, password = await run(tool, "obscure", site.admin)
    (tmp_path / "rclone.conf").write_text(RCLONE.format(url=site.url, password=password.strip()))

    async def rclone(*arguments):
        status, printed = await run(tool, "--config", str(tmp_path / "rclone.conf"), *map(str, arguments))
        assert status == 0, printed
        return printed

    return rclone


@pytest.mark.parametrize("suite", SUITES)
async def test_litmus_finds_nothing(site, program, run, suite):
    url = f"{site.url}/dav/personal/"
    status, printed = await run(program("litmus"), "-k", url, "admin", site.admin, TESTS=suite)

    expected = SUITES[suite]
    assert f"of {expected} tests run: {expected} passed, 0 failed" in printed, printed
    assert "warning" not in printed.lower(), printed
    assert status == 0


@pytest.mark.parametrize("vendor", ["other", "nextcloud"])
async def test_rclone_copies_checks_and_syncs(rclone, source, tmp_path, vendor):
    await rclone("copy", source, f"{vendor}:backup")
    checked = await rclone("check", "--download", source, f"{vendor}:backup")
    assert "0 differences found" in checked
    assert "22 matching files" in checked
    await rclone("copy", f"{vendor}:backup", tmp_path / "back")
    for path in source.rglob("*"):
        twin = tmp_path / "back" / path.relative_to(source)
        assert path.is_dir() or twin.read_bytes() == path.read_bytes()
    (source / "large.bin").unlink()
    (source / "new.txt").write_text("new")
    await rclone("sync", source, f"{vendor}:backup")
    assert "0 differences found" in await rclone("check", "--download", source, f"{vendor}:backup")
    await rclone("purge", f"{vendor}:backup")


async def test_rclone_keeps_times_where_the_vendor_can(rclone, source):
    await rclone("copy", source, "nextcloud:backup")

    listed = await rclone("lsf", "--format", "t", "nextcloud:backup/large.bin", "--use-json-log")
    assert listed.startswith("2023-11-14"), listed


@pytest.mark.parametrize("vendor", ["other", "nextcloud"])
async def test_rclone_finds_that_names_of_all_kinds_survive(rclone, vendor):
    printed = await rclone(
        "test", "info", "--check-normalization", "--check-control", "--check-streaming", f"{vendor}:info"
    )

    assert "canStream = true" in printed
    assert re.search(r"canReadRenormalized\s+= true", printed), "macOS asks with other letters than it wrote"


async def test_restic_backs_up_through_rclone_and_gives_back_what_it_took(rclone, program, run, source, tmp_path):
    tool, settings = program("restic"), {"RCLONE_CONFIG": str(tmp_path / "rclone.conf"), "RESTIC_PASSWORD": "x"}

    async def restic(*arguments):
        status, printed = await run(tool, "-r", "rclone:other:restic", *map(str, arguments), **settings)
        assert status == 0, printed
        return printed

    await rclone("test", "makefiles", "--files", "200", "--seed", "1", source / "made")
    await restic("init")
    await restic("backup", source)
    (source / "large.bin").write_bytes(os.urandom(3 << 20))
    await restic("backup", source)
    await restic("forget", "--keep-last", "1", "--prune")

    assert "no errors were found" in await restic("check", "--read-data")
    await restic("restore", "latest", "--target", tmp_path / "back", "--verify")
    for path in source.rglob("*"):
        twin = tmp_path / "back" / path.relative_to("/")
        assert path.is_dir() or twin.read_bytes() == path.read_bytes()


async def test_cadaver_walks_and_locks(site, program, run, tmp_path):
    (tmp_path / ".netrc").write_text(f"machine 127.0.0.1 login admin password {site.admin}\n")
    (tmp_path / "a.txt").write_text("from cadaver")
    commands = """
        mkcol folder
        cd folder
        put a.txt
        lock a.txt
        propset a.txt colour blue
        propget a.txt colour
        copy a.txt b.txt
        unlock a.txt
        move b.txt c.txt
        ls
        get c.txt back.txt
        delete a.txt
        quit
    """
    commands = "\n".join(line.strip() for line in commands.strip().splitlines())
    _, printed = await run(program("cadaver"), f"{site.url}/dav/personal/", stdin=commands.encode())

    assert "failed" not in printed, printed
    assert "blue" in printed
    assert (tmp_path / "back.txt").read_text() == "from cadaver"


async def test_curl_puts_and_gets(site, program, run, tmp_path):
    curl, url = program("curl"), f"{site.url}/dav/personal/a.txt"
    (tmp_path / "a.txt").write_text("from curl")
    options = ("--silent", "--show-error", "--fail", "--user", f"admin:{site.admin}")

    assert (await run(curl, *options, "--upload-file", "a.txt", url))[0] == 0
    assert (await run(curl, *options, "--upload-file", "-", url, stdin=b"without a length"))[0] == 0
    assert await run(curl, *options, "--range", "8-", url) == (0, "a length")


async def test_davfs_mounts(site, program, run, tmp_path):
    tool = program("mount.davfs")
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.R_OK):
        pytest.skip("needs root and FUSE")
    place = tmp_path / "mount"
    place.mkdir()
    config = tmp_path / "davfs2.conf"
    config.write_text(f"ask_auth 0\nsecrets {tmp_path}/secrets\ndelay_upload 0\n")
    (tmp_path / "secrets").write_text(f"{site.url}/dav/personal/ admin {site.admin}\n")
    (tmp_path / "secrets").chmod(0o600)
    status, printed = await run(tool, f"{site.url}/dav/personal/", str(place), "-o", f"conf={config},uid=0,gid=0")
    if status != 0:
        pytest.skip(f"FUSE does not run here: {printed}")
    try:
        script = (
            "set -e; cd mount; mkdir d; echo one > d/a.txt; cp d/a.txt d/b.txt; mv d/b.txt d/c.txt; rm d/a.txt;"
            " sync; cat d/c.txt"
        )
        assert await run("sh", "-c", script) == (0, "one\n")
    finally:
        with contextlib.suppress(TimeoutError):
            await run("umount", str(place))
    async with site.ask("GET", "/api/v1/spaces/personal/content/d/c.txt") as answer:
        assert await answer.read() == b"one\n"
