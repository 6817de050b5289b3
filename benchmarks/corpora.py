"""The corpora of the engine's benchmark, made from a seed and kept for the next run.

    python benchmarks/corpora.py DIR [--size 2GiB] [--files 20000]

random: one file of random bytes. text: sources and documents of this machine, in files of 16 MiB; when they are used up
they come again in another order, and a few letters in every 2 KiB differ each time, so that nothing but compression
finds anything. small: real files of about 4 KiB. Each comes twice, the second time with 10 % changed: in the large ones
a place of 1.3 MiB in every 13 MiB is other data of the same kind and a few bytes longer or shorter; of the small files
every tenth has one new line. What is unchanged there is a hard link, so that a tool that goes by size, time and inode
sees one and the same file. Texts and small files are those of the machine: figures compare within one machine only.
"""

import argparse
import os
import random
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

NAMES = ("random", "text", "small")
PLACES = (Path("/usr"), Path("/opt"), Path(__file__).resolve().parents[1] / ".venv")
TEXTS = frozenset(
    f".{ending}" for ending in ("c", "cpp", "css", "go", "h", "html", "java", "js", "md", "po", "py", "rst")
)
SEED = 20_26
MIB = 1 << 20
PIECE = 16 * MIB
EDIT_EVERY = 13 * MIB
EDIT_BYTES = MIB * 13 // 10
TOUCH_EVERY = 2_048
SMALL_LEAST, SMALL_MOST = 2_048, 6_144


@dataclass(frozen=True)
class Corpus:
    """A directory and the same one after the edits; bytes and files of the first."""

    name: str
    before: Path
    after: Path
    size: int
    files: int


def make(place: Path, name: str, size: int = 2 << 30, files: int = 20_000) -> Corpus:
    """Return the corpus *name* below *place*, making it when it is not there."""
    amount = files if name == "small" else size
    root = place / f"{name}-{amount}"
    if not all((root / part).exists() for part in ("complete", "before", "after")):
        shutil.rmtree(root, ignore_errors=True)
        before, after = root / "before", root / "after"
        before.mkdir(parents=True)
        after.mkdir()
        {"random": _random, "text": _text, "small": _small}[name](before, after, amount)
        os.sync()
        (root / "complete").touch()
    sizes = [path.stat().st_size for path in (root / "before").rglob("*") if path.is_file()]
    return Corpus(name, root / "before", root / "after", sum(sizes), len(sizes))


def size_of(text: str) -> int:
    """Return the bytes that a size such as ``256MiB`` stands for."""
    found = re.fullmatch(r"(\d+)\s*([KMG]i?B?)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise argparse.ArgumentTypeError(f"not a size: {text}")
    unit = (found[2] or "").upper()[:1]
    return int(found[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[unit]


class Noise:
    """An endless stream of random bytes that a seed decides."""

    def __init__(self, seed: int) -> None:
        self._stream = Cipher(algorithms.AES(seed.to_bytes(16, "big")), modes.CTR(bytes(16))).encryptor()

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        return self._stream.update(bytes(size))


def _random(before: Path, after: Path, size: int) -> None:
    noise, other = Noise(SEED), Noise(SEED + 1)
    with (before / "random.bin").open("wb") as first, (after / "random.bin").open("wb") as second:
        for start in range(0, size, PIECE):
            piece = noise.take(min(PIECE, size - start))
            first.write(piece)
            second.write(_edited(piece, other.take(2 * MIB), start))


def _text(before: Path, after: Path, size: int) -> None:
    words = _Words()
    others = _Words(SEED + 1)
    for start in range(0, size, PIECE):
        piece = words.take(min(PIECE, size - start))
        name = f"{start // PIECE:04}.txt"
        (before / name).write_bytes(piece)
        (after / name).write_bytes(_edited(piece, others.take(2 * MIB), start))


def _small(before: Path, after: Path, files: int) -> None:
    paths = sorted(_real_files(SMALL_LEAST, SMALL_MOST))
    random.Random(SEED).shuffle(paths)
    made = 0
    seen = set()
    for path in paths:
        content = path.read_bytes()
        if content in seen:
            continue
        seen.add(content)
        name = f"{made % 200:03}/{made:06}{path.suffix}"
        (before / name).parent.mkdir(exist_ok=True)
        (after / name).parent.mkdir(exist_ok=True)
        (before / name).write_bytes(content)
        if made % 10:
            (after / name).hardlink_to(before / name)
        else:
            middle = len(content) // 2
            (after / name).write_bytes(content[:middle] + b"\nchanged by hand\n" + content[middle:])
        made += 1
        if made == files:
            return
    raise SystemExit(f"there are only {made} real files of about 4 KiB on this machine")


def _edited(piece: bytes, fresh: bytes, start: int) -> bytes:
    """Return *piece*, which stands at *start* of its corpus, with its places of other data."""
    dice = random.Random(SEED + start)
    parts, end = [], 0
    for place in range(0, len(piece), EDIT_EVERY):
        room = min(EDIT_EVERY, len(piece) - place)
        changed = EDIT_BYTES * room // EDIT_EVERY
        first = place + dice.randrange(room - changed)
        offset = dice.randrange(len(fresh) - changed - 64)
        parts += [piece[end:first], fresh[offset : offset + changed + dice.randrange(-32, 32)]]
        end = first + changed
    return b"".join([*parts, piece[end:]])


class _Words:
    """An endless stream of this machine's text in which no stretch comes twice."""

    def __init__(self, seed: int = SEED) -> None:
        self._dice = random.Random(seed)
        self._pieces = self._stream()
        self._rest = b""

    def take(self, size: int) -> bytes:
        """Return the next *size* bytes."""
        parts, found = [self._rest], len(self._rest)
        while found < size:
            parts.append(next(self._pieces))
            found += len(parts[-1])
        whole = b"".join(parts)
        self._rest = whole[size:]
        return whole[:size]

    def _stream(self) -> Iterator[bytes]:
        paths = sorted(path for path in _real_files(1_024, 2 * MIB) if path.suffix in TEXTS)
        while True:
            self._dice.shuffle(paths)
            for path in paths:
                yield self._touched(path.read_bytes())

    def _touched(self, content: bytes) -> bytes:
        changed = bytearray(content)
        for place in range(0, len(changed) - 8, TOUCH_EVERY):
            changed[place : place + 4] = b"%04x" % self._dice.getrandbits(16)
        return bytes(changed)


def _real_files(least: int, most: int) -> Iterator[Path]:
    for place in PLACES:
        for folder, _, names in os.walk(place):
            for name in names:
                path = Path(folder, name)
                if path.is_file() and not path.is_symlink() and least <= path.stat().st_size <= most:
                    yield path


def main() -> None:
    """Make all corpora and print what they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("place", type=Path)
    parser.add_argument("--size", type=size_of, default=2 << 30)
    parser.add_argument("--files", type=int, default=20_000)
    options = parser.parse_args()
    for name in NAMES:
        corpus = make(options.place, name, options.size, options.files)
        print(f"{name:8} {corpus.files:6} files {corpus.size / MIB:8.0f} MiB  {corpus.before}")


if __name__ == "__main__":
    main()
