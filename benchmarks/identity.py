"""A real tree in, again, under another name, and out: what comes back is compared with what went in.

    python benchmarks/identity.py TREE [--place DIR]

Stops at the first promise that does not hold: the second put sends nothing, a copy under another name adds less than
one percent to the packs, and every file and folder comes back with its name, bytes and time of modification. Symbolic
links and special files are left out, as the command line tool does.
"""

import argparse
import hashlib
import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from appliance import Appliance

COPY_GROWTH_MAX = 0.01


def put(appliance: Appliance, tree: Path, target: str) -> dict[str, Any]:
    """Put *tree* and return what the command line tool tells about it."""
    started = time.perf_counter()
    done = appliance.run("put", str(tree), target, "--json", "--progress", "none")
    told: dict[str, Any] = json.loads(done.stdout)
    seconds = time.perf_counter() - started
    print(
        f"put to {target:8}{seconds:6.1f} s{told['files'] / seconds:6.0f} files/s, {told['sent_bytes'] >> 20} MiB sent,"
        f" {told['reused_bytes'] >> 20} reused, {told['stored_bytes'] >> 20} stored;"
        f" daemon {appliance.rss_mib():.0f} MiB"
    )
    if told["failures"]:
        sys.exit(f"{len(told['failures'])} files failed, the first: {told['failures'][0]}")
    return told


def facts(tree: Path) -> dict[str, tuple[int, str]]:
    """Return time of modification and SHA-256, empty for a folder, of everything below *tree* by its path."""
    found = {}
    for place, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = Path(place, name)
            if path.is_symlink() or not (path.is_file() or path.is_dir()):
                continue
            digest = ""
            if path.is_file():
                with path.open("rb") as file:
                    digest = hashlib.file_digest(file, "sha256").hexdigest()
            found[str(path.relative_to(tree))] = (path.stat().st_mtime_ns, digest)
    return found


def compare(tree: Path, copy: Path) -> None:
    """Stop unless *copy* holds what *tree* holds and nothing else."""
    ours, theirs = facts(tree), facts(copy)
    differing = sorted(path for path in ours.keys() | theirs.keys() if ours.get(path) != theirs.get(path))
    if differing:
        sys.exit(f"{len(differing)} of {len(ours)} differ, among them: {differing[:5]}")
    folders = sum(not digest for _, digest in ours.values())
    print(f"identical: {len(ours) - folders} files and {folders} folders by name, bytes and time")


def packs_bytes(home: Path) -> int:
    """Return the size of all packs below *home*."""
    return sum(path.stat().st_size for path in home.rglob("packs/**/*") if path.is_file())


def main() -> None:
    """Measure, compare and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("tree", type=Path)
    parser.add_argument("--place", type=Path, default=Path.cwd())
    options = parser.parse_args()
    tree = options.tree.absolute()
    with tempfile.TemporaryDirectory(dir=options.place) as place:
        appliance = Appliance(Path(place) / "home")
        appliance.start()
        put(appliance, tree, "/")
        if put(appliance, tree, "/")["sent_bytes"]:
            sys.exit("the second put sent content")
        before = packs_bytes(appliance.home)
        appliance.run("mkdir", "/other")
        put(appliance, tree, "/other/")
        growth = packs_bytes(appliance.home) / before - 1
        print(f"packs {before >> 20} MiB; the copy under another name adds {growth:.3%}")
        if not before or growth >= COPY_GROWTH_MAX:
            sys.exit("the copy was not recognised")
        target = Path(place) / "out"
        target.mkdir()
        started = time.perf_counter()
        appliance.run("get", f"/{tree.name}", str(target), "--progress", "none")
        print(f"get             {time.perf_counter() - started:8.1f} s; daemon {appliance.rss_mib():.0f} MiB")
        appliance.stop()
        compare(tree, target / tree.name)


if __name__ == "__main__":
    main()
