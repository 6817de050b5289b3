#!/usr/bin/env python3
"""Get everything out of a CloudConnect data directory or a place of its backups, without CloudConnect.

    recover.py list    SOURCE                              --key-file FILE
    recover.py restore SOURCE INTO [--space ID] [--path P] --code-file FILE
    recover.py restore SOURCE INTO --without-database      --passphrase-file FILE

Needs Python 3.11 with cryptography and zstandard, for passphrases argon2-cffi. It only reads, verifies every chunk and
every file, goes on past what is damaged, and names it at the end. The format: docs/design/repository-format.md.
"""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import sqlite3
import struct
import sys
import tempfile
import unicodedata
from pathlib import Path

import zstandard
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CATALOGS = hashlib.sha256(b"CloudConnect/v1/catalog").digest()[:16]
MANIFEST = 1
RECORD_HEAD = 92
CROCKFORD = str.maketrans("JKMNPQRSTVWXYZ", "IJKLMNOPQRSTUV")  # from its letters to those of int(…, 32)
NODE_ENTRY = struct.Struct(">32sQ")
LIST_ENTRY = struct.Struct(">32sQIIHBB")


class Damaged(Exception):
    """Something is missing or is not what was written."""


def ctx(label, *fields):
    """Return the encoding that separates one use of a key from another."""
    return b"CloudConnect/v1/" + label.encode() + b"\0" + b"".join(struct.pack(">I", len(f)) + f for f in fields)


def derive(key, label, *fields, size=32):
    """Return HKDF-Expand-SHA256 of *key* for one use."""
    info = ctx(label, *fields)
    first = hmac.digest(key, info + b"\1", "sha256")
    return (first + hmac.digest(key, first + info + b"\2", "sha256"))[:size]


def decrypt(key, sealed, bound):
    """Open AES-256-GCM under a key of one use."""
    try:
        return AESGCM(key).decrypt(bytes(12), sealed, bound)
    except InvalidTag:
        raise Damaged("another key, or changed") from None


def open_box(key, label, box, *fields):
    """Open a small sealed thing."""
    keys = derive(key, "box", label.encode(), box[2:26], *fields, size=64)
    if box[:2] != b"\1\1" or not hmac.compare_digest(keys[32:], box[26:58]):
        raise Damaged("another key")
    return decrypt(keys[:32], box[58:], ctx("box-aad", label.encode(), *fields))


def slot_key(kind, parameters, secret):
    """Return the key of a slot from what a person or the machine holds."""
    if kind == "key-file":
        return secret
    text = secret.decode().rstrip("\r\n")
    if kind == "passphrase":
        from argon2.low_level import Type, hash_secret_raw  # noqa: PLC0415 - only passphrases need it

        memory, passes, lanes, salt = parameters.split(":")
        phrase = unicodedata.normalize("NFKC", text).encode()
        return hash_secret_raw(phrase, bytes.fromhex(salt), int(passes), int(memory), int(lanes), 32, Type.ID)
    letters = text.upper().translate(str.maketrans("OIL", "011", "- \t\n")).removeprefix("CCR1")
    return hashlib.sha256(ctx("recovery-code", int(letters[:32].translate(CROCKFORD), 32).to_bytes(20, "big"))).digest()


def open_keyring(path, kind, secret):
    """Return, for each space, its sealing keys by epoch and the key that names its content."""
    database = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    master = None
    for parameters, box in database.execute("SELECT parameters, box FROM slot WHERE kind = ?", (kind,)).fetchall():
        with contextlib.suppress(Damaged, ValueError, OverflowError):
            master = open_box(slot_key(kind, parameters, secret), "slot", box, kind.encode(), parameters.encode())
    if master is None:
        sys.exit("This does not open the keyring. Is it the right file, and of the right kind?")
    (box,) = database.execute("SELECT box FROM wrapping_key WHERE name = 'domains'").fetchone()
    wrapping = open_box(master, "tdk", box, b"local", b"local")
    keys = {}
    for space, use, epoch, box in database.execute("SELECT space, use, epoch, box FROM space_key WHERE use <> 'cut'"):
        label = {"seal": "space-key", "name": "space-content-ids"}[use]
        epochs = keys.setdefault(space, {})
        epochs["name" if use == "name" else epoch] = open_box(wrapping, label, box, space, struct.pack(">I", epoch))
    return keys


class Contents:
    """Reads contents by their manifests. *places*: domain, pack, offset and length of each chunk by its key."""

    def __init__(self, source, keys, places):
        self.source, self.keys, self.places = source, keys, places

    def key(self, space, epoch):
        """Return the sealing key of an epoch, or the key that names content."""
        try:
            return self.keys[space][epoch]
        except KeyError:
            raise Damaged("there is no such key; it may have been destroyed") from None

    def open_header(self, space, record):
        """Return plain header, flags, class, payload bytes and content id of a record."""
        epoch, salt = record[:4], record[4:28]
        key = derive(self.key(space, int.from_bytes(epoch, "big")), "chunk-hdr", space, salt)
        plain = decrypt(key, record[28:RECORD_HEAD], ctx("chunk-hdr", space, epoch))
        magic, suite, flags, kind, size, zero, content_id = struct.unpack(">4sBBHII32s", plain)
        if magic != b"CCk1" or suite != 1 or flags > 1 or zero or kind > MANIFEST:
            raise Damaged("a record of another format")
        return plain, flags, kind, size, content_id

    def open_record(self, space, record):
        """Return content id and plain bytes of a record, every byte of which is proven."""
        head, flags, kind, size, content_id = self.open_header(space, record)
        if len(record) != RECORD_HEAD + size:
            raise Damaged("a record of another length")
        key = derive(self.key(space, int.from_bytes(record[:4], "big")), "chunk-key", space, content_id, record[4:28])
        payload = decrypt(key, record[RECORD_HEAD:], ctx("chunk", space, record[:4], head))
        plain_size, body_size = struct.unpack_from(">II", payload)
        raw = payload[8 : 8 + body_size]
        if flags:
            raw = zstandard.ZstdDecompressor().decompress(raw, max_output_size=plain_size)
        name = hmac.digest(self.key(space, "name"), struct.pack(">H", kind) + raw, "sha256")
        if len(raw) != plain_size or payload[8 + body_size :].strip(b"\0") or not hmac.compare_digest(name, content_id):
            raise Damaged("content that is not what its id names")
        return content_id, raw

    def chunk(self, space, content_id):
        """Return the plain bytes of one chunk."""
        try:
            domain, pack, offset, length = self.places[content_id[:16]]
            with (self.source / "packs" / domain.hex() / pack.hex()[:2] / pack.hex()).open("rb") as file:
                file.seek(offset)
                found, raw = self.open_record(space, file.read(length))
        except (KeyError, OSError, struct.error, zstandard.ZstdError) as error:
            raise Damaged(f"a chunk is missing or changed ({error!r})") from None
        if found != content_id:
            raise Damaged("another chunk is in its place")
        return raw

    def read(self, space, manifest):
        """Yield the plain bytes of a content."""
        if manifest[:1] == b"\1":
            yield self.chunk(space, manifest[1:33])
        elif manifest[:1] == b"\2":
            node = self.chunk(space, manifest[2:34])
            if node[:5] != b"CCm1" + manifest[1:2]:
                raise Damaged("not the node that belongs here")
            head = bytes((2, manifest[1] - 1)) if manifest[1] else b"\1"
            for child, _ in NODE_ENTRY.iter_unpack(node[12:]):
                yield from self.read(space, head + child)

    def list_pack(self, space, data):
        """Yield content id, offset, length and class of the records in a pack: from its list, else one by one."""
        try:
            (start,) = struct.unpack(">Q", data[-56:-48])
            size, salt = struct.unpack_from(">4xI24s", data, start)
            header, offset = data[:64], struct.pack(">Q", start)
            key = derive(self.key(space, int.from_bytes(header[12:16], "big")), "pack-footer", space, header, salt)
            bound = ctx("pack-footer", header, hashlib.sha256(data[:start]).digest(), offset)
            plain = decrypt(key, data[start + 32 : start + 32 + size], bound)
            end = 4 + int.from_bytes(plain[:4], "big") * LIST_ENTRY.size
            for content_id, place, length, _, kind, _, _ in LIST_ENTRY.iter_unpack(plain[4:end]):
                yield content_id, place, length, kind
        except (Damaged, struct.error):
            place = 64
            with contextlib.suppress(Damaged):
                while place + RECORD_HEAD < len(data):
                    _, _, kind, size, content_id = self.open_header(space, data[place : place + RECORD_HEAD])
                    yield content_id, place, RECORD_HEAD + size, kind
                    place += RECORD_HEAD + size


def find_named(wanted, keys, scratch):
    """Yield space, path, size, content, SHA-256 and time of each file that the database says is there now."""
    source, target = wanted.source, scratch / "cloudconnect.db"
    if (source / "cloudconnect.db").exists():
        for path in source.glob("cloudconnect.db*"):
            (scratch / path.name).write_bytes(path.read_bytes())
    elif found := sorted((source / "backups").glob(f"{wanted.backup or '*'}.json")):
        backup = json.loads(json.loads(found[-1].read_text())["backup"])
        packs = {key: (CATALOGS, bytes.fromhex(place[0]), *place[1:3]) for key, place in backup["places"].items()}
        contents = Contents(source, keys, {bytes.fromhex(key): place for key, place in packs.items()})
        with target.open("wb") as file:
            file.writelines(contents.read(CATALOGS, bytes.fromhex(backup["catalog"])))
    else:
        sys.exit(f"{source} holds neither a database nor such a backup. Try --without-database.")
    database = sqlite3.connect(target)
    chunks = (
        "SELECT chunk.key, pack.domain, pack.id, chunk.position, chunk.length FROM chunk JOIN pack ON number = pack"
    )
    contents = Contents(source, keys, {key: tuple(place) for key, *place in database.execute(chunks)})
    children = (
        "SELECT e.node, e.name, v.manifest, v.sha256, v.size, e.modified_ns FROM entry e"
        " LEFT JOIN version v ON v.node = e.node AND v.seq = e.version WHERE e.parent = ? AND e.to_seq IS NULL"
    )
    for space, root in database.execute("SELECT id, root FROM space ORDER BY id").fetchall():
        domain = int(space.partition("_")[2].translate(CROCKFORD), 32).to_bytes(16, "big")
        waiting = [("", root)] if wanted.space in {"", space} else []
        while waiting:
            above, folder = waiting.pop()
            for node, name, manifest, sha256, size, modified_ns in database.execute(children, (folder,)).fetchall():
                path = f"{above}/{name}"
                if manifest is None:
                    waiting.append((path, node))
                elif f"{path}/".startswith(f"{wanted.path.rstrip('/')}/"):
                    yield space, path, size, contents.read(domain, manifest), sha256, modified_ns


def find_nameless(wanted, keys):
    """Yield the same of every content that the packs hold, under its content id."""
    for folder in sorted(path for path in (wanted.source / "packs").iterdir() if path.name != CATALOGS.hex()):
        space, kinds, levels, inner = bytes.fromhex(folder.name), {}, {}, set()
        contents = Contents(wanted.source, keys, {})
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            for content_id, offset, length, kind in contents.list_pack(space, path.read_bytes()):
                contents.places[content_id[:16]] = (space, bytes.fromhex(path.name), offset, length)
                kinds[content_id] = kind
        for content_id in (name for name, kind in kinds.items() if kind == MANIFEST):
            with contextlib.suppress(Damaged):
                node = contents.chunk(space, content_id)
                levels[content_id] = node[4]
                inner.update(child for child, _ in NODE_ENTRY.iter_unpack(node[12:]))
        for content_id, kind in kinds.items():
            if content_id not in inner and (kind != MANIFEST or content_id in levels):
                manifest = (bytes((2, levels[content_id])) if kind == MANIFEST else b"\1") + content_id
                yield folder.name, content_id.hex(), 0, contents.read(space, manifest), None, None


def write(into, space, path, pieces, sha256, modified_ns):
    """Write a file that is not there yet, whole and proven, or not at all; inside *into* whatever the path says."""
    parts = [space, *(part for part in path.split("/") if part)]
    if any(part in {".", "..", ""} or "\0" in part or "/" in part for part in parts):
        raise Damaged("a name that no file may have")
    target, digest = into.joinpath(*parts), hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise Damaged("something of this name is there already")
    beside = target.with_name(f".{hashlib.sha256(target.name.encode()).hexdigest()[:16]}.part")
    try:
        with beside.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        if sha256 is not None and digest.digest() != sha256:
            raise Damaged("the whole is not what was stored")
        if modified_ns is not None:
            os.utime(beside, ns=(modified_ns, modified_ns))
        beside.rename(target)
    finally:
        beside.unlink(missing_ok=True)


def main():
    """List or restore, as the command line says; exits with 1 if anything was damaged."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["list", "restore"])
    parser.add_argument("source", type=Path, help="data directory, or place of backups")
    parser.add_argument("into", type=Path, nargs="?", help="directory to write to")
    for option, words in (("backup", "its id"), ("space", "its id"), ("path", "what lies there or below")):
        parser.add_argument(f"--{option}", default="", help=f"only this one: {words}")
    parser.add_argument("--without-database", action="store_true", help="every content there is, under its id")
    ways = parser.add_mutually_exclusive_group(required=True)
    for kind, option in (("key-file", "key"), ("passphrase", "passphrase"), ("recovery", "code")):
        ways.add_argument(f"--{option}-file", dest="way", type=lambda path, kind=kind: (kind, Path(path).read_bytes()))
    wanted = parser.parse_args()
    if wanted.what == "restore" and wanted.into is None:
        parser.error("restore needs a directory to write to")
    bad = []
    with tempfile.TemporaryDirectory() as scratch:
        file = next((path for name in ("keyring.db", "keys.ccb") if (path := wanted.source / name).exists()), None)
        keys = open_keyring(file or sys.exit(f"{wanted.source} holds neither keyring.db nor keys.ccb."), *wanted.way)
        found = find_nameless(wanted, keys) if wanted.without_database else find_named(wanted, keys, Path(scratch))
        for space, path, size, *content in found:
            if wanted.what == "list":
                print(f"{size:>14}  {space}:{path}")
                continue
            try:
                write(wanted.into, space, path, *content)
            except (Damaged, OSError) as error:
                bad.append(f"{space}:{path}: {error}")
    sys.exit("\n".join(bad) or None)


if __name__ == "__main__":
    main()
