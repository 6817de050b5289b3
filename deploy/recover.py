#!/usr/bin/env python3
"""Get everything out of a CloudConnect data directory or a place of its backups, without CloudConnect.

    recover.py list    SOURCE                              --key-file FILE
    recover.py restore SOURCE INTO [--space ID] [--path P] --code-file FILE

Needs Python 3.11, cryptography, zstandard, and for passphrases argon2-cffi. It only reads, verifies every chunk and
every file, goes on past what is damaged, and names it at the end. Stop the daemon first. A copy of the database goes to
TMPDIR; memory does not grow. Without a database take salvage.py. The format: docs/design/repository-format.md.
"""

import argparse
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import sqlite3
import struct
import sys
import tempfile
import unicodedata
from pathlib import Path

import zstandard
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

CATALOGS = hashlib.sha256(b"CloudConnect/v1/catalog").digest()[:16]
RECORD_HEAD, RECORD_MAX = 92, 16 << 20
CROCKFORD = str.maketrans("JKMNPQRSTVWXYZ", "IJKLMNOPQRSTUV")  # from its letters to those of int(…, 32)
NODE_ENTRY = struct.Struct(">32sQ")
TROUBLE = (OSError, ValueError, LookupError, TypeError, OverflowError, struct.error, zstandard.ZstdError, sqlite3.Error)


class Damaged(ValueError):
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


def open_database(path, source=None):
    """Open a database; of *source* a copy with what its journals hold, for opening itself could write beside it."""
    for ending in ("", "-wal", "-journal") if source else ():
        with contextlib.suppress(FileNotFoundError):
            shutil.copyfile(f"{source}{ending}", f"{path}{ending}")
    database = sqlite3.connect(path)
    database.text_factory = lambda text: text.decode(errors="backslashreplace")
    return database


def open_keyring(database, kind, secret):
    """Return the keys of each space that seal and that name its content, by epoch; under None those that verify."""
    ask, master, keys = database.execute, None, {}
    for parameters, box in ask("SELECT parameters, box FROM slot WHERE kind = ?", (kind,)):
        with contextlib.suppress(ValueError, OverflowError):
            master = open_box(slot_key(kind, parameters, secret), "slot", box, kind.encode(), parameters.encode())
    if master is None:
        sys.exit("This does not open the keyring. Is it the right file, and of the right kind?")
    wrapping = open_box(master, "tdk", *ask("SELECT box FROM wrapping_key").fetchone(), b"local", b"local")
    for version, (box,) in enumerate(ask("SELECT box FROM service_key WHERE name = 'backup-signature'"), 1):
        secret = open_box(master, "svc", box, b"backup-signature", struct.pack(">I", version))
        keys.setdefault(None, {})[version] = Ed25519PrivateKey.from_private_bytes(secret).public_key()
    for space, use, epoch, box in ask("SELECT space, use, epoch, box FROM space_key WHERE use <> 'cut'"):
        label = {"seal": "space-key", "name": "space-content-ids"}[use]
        with contextlib.suppress(Damaged):
            keys.setdefault(space, {})[use, epoch] = open_box(wrapping, label, box, space, struct.pack(">I", epoch))
    return keys


class Contents:
    """Reads contents by their manifests; *places* gives path, offset and length of each copy of a chunk by its key."""

    def __init__(self, keys, places):
        self.keys, self.places = keys, places

    def key(self, space, epoch):
        """Return the sealing key of an epoch."""
        if ("seal", epoch) not in self.keys.get(space, ()):
            raise Damaged("there is no such key; it is damaged, or was destroyed")
        return self.keys[space]["seal", epoch]

    def open_header(self, space, record):
        """Return plain header, flags, class, payload bytes and content id of a record."""
        epoch, salt = record[:4], record[4:28]
        key = derive(self.key(space, int.from_bytes(epoch, "big")), "chunk-hdr", space, salt)
        plain = decrypt(key, record[28:RECORD_HEAD], ctx("chunk-hdr", space, epoch))
        magic, suite, flags, kind, size, zero, content_id = struct.unpack(">4sBBHII32s", plain)
        if magic != b"CCk1" or suite != 1 or flags > 1 or zero or kind > 1:
            raise Damaged("a record of another format")
        return plain, flags, kind, size, content_id

    def open_record(self, space, record, wanted):
        """Return the plain bytes of a record, every byte of which is proven."""
        head, flags, kind, _, content_id = self.open_header(space, record)
        key = derive(self.key(space, int.from_bytes(record[:4], "big")), "chunk-key", space, content_id, record[4:28])
        payload = decrypt(key, record[RECORD_HEAD:], ctx("chunk", space, record[:4], head))
        plain_size, body_size = struct.unpack_from(">II", payload)
        raw = payload[8 : 8 + body_size]
        if flags and zstandard.frame_content_size(raw) == plain_size <= RECORD_MAX:
            raw = zstandard.ZstdDecompressor().decompress(raw, max_output_size=plain_size)
        naming = (key for (use, _), key in self.keys[space].items() if use == "name")
        is_named = any(hmac.digest(key, struct.pack(">H", kind) + raw, "sha256") == wanted for key in naming)
        if len(raw) != plain_size or payload[8 + body_size :].strip(b"\0") or not is_named or content_id != wanted:
            raise Damaged("content that is not what its id names")
        return raw

    def chunk(self, space, content_id):
        """Return the plain bytes of one chunk, from the first copy that is whole."""
        reason = "no pack that is known holds it"
        for path, offset, length in self.places(content_id[:16]):
            try:
                with path.open("rb", buffering=0) as file:
                    file.seek(offset)
                    record = file.read(min(length, RECORD_MAX))
                if not 0 < length <= len(record):
                    raise Damaged("its pack is cut short")
                return self.open_record(space, record, content_id)
            except TROUBLE as error:
                reason = error
        raise Damaged(f"a chunk is missing or changed: {reason}")

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
        elif manifest != b"\0":
            raise Damaged("a manifest of another format")


def find_pack(source, domain, pack):
    """Return the path of a pack by its ids in hex."""
    return source / "packs" / domain.lower() / pack[:2].lower() / pack.lower()


def open_tree(wanted, keys, scratch, bad):
    """Open the database: that of a data directory, or of the newest backup that is whole, else the newest there is."""
    if (wanted.source / "cloudconnect.db").exists():
        return open_database(scratch / "tree", wanted.source / "cloudconnect.db")
    trees = []
    for path in sorted((wanted.source / "backups").glob(f"{wanted.backup or '*'}.json"), reverse=True):
        try:
            page = {"signer": 1} | json.loads(path.read_bytes())
            keys[None][page["signer"]].verify(bytes.fromhex(page["signature"]), page["backup"].encode())
            backup = json.loads(page["backup"])
            if backup["format"] != 1 or backup["id"] != path.stem:
                raise Damaged("it has another format, or is the description of another backup")
            places = {
                bytes.fromhex(key): [(find_pack(wanted.source, CATALOGS.hex(), at[0]), *at[1:3])]
                for key, at in backup["places"].items()
            }
            with (scratch / path.stem).open("wb") as file:
                file.writelines(Contents(keys, places.__getitem__).read(CATALOGS, bytes.fromhex(backup["catalog"])))
            trees.append(scratch / path.stem)
            if any(find_pack(wanted.source, *at[1::-1]).stat().st_size != at[2] for at in backup["packs"]):
                raise Damaged("a pack is cut short")
            return open_database(trees[-1])
        except (*TROUBLE, InvalidSignature) as error:
            bad.append(f"{path} is not whole: {error!r}")
    if not trees:
        raise Damaged(f"{wanted.source} holds neither a database nor such a backup")
    return open_database(trees[0])


def find_named(wanted, keys, scratch, bad):
    """Yield space, path, size, content, SHA-256 and time of each file that the database says is there now."""
    ask = open_tree(wanted, keys, scratch, bad).execute
    for number, columns in enumerate(("chunk (key)", "entry (parent)", "version (node, seq)")):
        ask(f"CREATE INDEX recover_{number} ON {columns}")
    copies = "SELECT hex(domain), hex(id), position, length FROM chunk JOIN pack ON number = pack WHERE key = ?"
    contents = Contents(keys, lambda key: ((find_pack(wanted.source, *at[:2]), *at[2:]) for at in ask(copies, (key,))))
    children = """SELECT e.node, e.name, v.manifest, v.sha256, v.size, e.modified_ns FROM entry e LEFT JOIN version v
        ON v.node = e.node AND v.seq = e.version WHERE e.parent = ? AND e.to_seq IS NULL"""
    below = f"/{wanted.path.strip('/')}/".replace("//", "/")
    for space, root in ask("SELECT id, root FROM space ORDER BY id"):
        try:
            domain = int(space.partition("_")[2].translate(CROCKFORD), 32).to_bytes(16, "big")
        except TROUBLE:
            bad.append(f"{space!r}: the id of no space")
            continue
        waiting, seen = [("", root)] if wanted.space in {"", space} else [], {root}
        while waiting:
            above, folder = waiting.pop()
            for node, name, manifest, sha256, size, modified_ns in ask(children, (folder,)):
                path = f"{above}/{name}"
                if manifest is not None and f"{path}/".startswith(below):
                    yield space, path, size, contents.read(domain, manifest), sha256, modified_ns
                elif manifest is None and node not in seen:
                    seen.add(node)
                    waiting.append((path, node))


def write(into, space, path, pieces, sha256, modified_ns):
    """Write a file that is not there yet, whole and proven, or not at all; inside *into* whatever the path says."""
    parts = [space, *(part for part in path.split("/") if part)]
    if any(part in {".", ".."} or set(part) & set("/\\\0") for part in parts):
        raise Damaged("a name that no file may have")
    target, digest = into.joinpath(*parts), hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise Damaged("something of this name is there already")
    with tempfile.TemporaryDirectory(".part", ".", target.parent) as scratch:
        part = Path(scratch, "part")
        with part.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        if sha256 is not None and digest.digest() != sha256:
            raise Damaged("the whole is not what was stored")
        if modified_ns is not None:
            os.utime(part, ns=(modified_ns, modified_ns))
        part.rename(target)


def run(words, find, options):
    """Do what the command line says with what *find* yields; exits with 1 if anything was damaged."""
    parser = argparse.ArgumentParser(description=words, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["list", "restore"])
    parser.add_argument("source", type=Path, help="data directory, or place of backups")
    parser.add_argument("into", type=Path, nargs="?", help="directory to write to")
    for option, meaning in options.items():
        parser.add_argument(f"--{option}", default="", help=f"only this one: {meaning}")
    ways = parser.add_mutually_exclusive_group(required=True)
    for kind, option in (("key-file", "key"), ("passphrase", "passphrase"), ("recovery", "code")):
        ways.add_argument(f"--{option}-file", dest="way", type=lambda path, kind=kind: (kind, Path(path).read_bytes()))
    wanted, bad = parser.parse_args(), []
    if wanted.what == "restore" and wanted.into is None:
        parser.error("restore needs a directory to write to")
    sys.setrecursionlimit(10_000)  # folders may be nested more deeply than what makes them would go
    with tempfile.TemporaryDirectory() as scratch:
        try:
            files = [path for name in ("keyring.db", "keys.ccb") if (path := wanted.source / name).exists()]
            files = files or sys.exit(f"{wanted.source} holds neither keyring.db nor keys.ccb.")
            keys = open_keyring(open_database(Path(scratch, "keyring"), files[0]), *wanted.way)
            for space, path, size, *content in find(wanted, keys, Path(scratch), bad):
                name = f"{space}:{path if path.isprintable() else repr(path)}"
                if wanted.what == "list":
                    print(f"{size!s:>14}  {name}")
                    continue
                try:
                    write(wanted.into, space, path, *content)
                except TROUBLE as error:
                    bad.append(f"{name}: {error}")
        except TROUBLE as error:
            bad.append(f"This is where it ended: {error}. There is also salvage.py.")
    sys.exit("\n".join(bad) or None)


if __name__ == "__main__":
    run(__doc__, find_named, {"backup": "its id", "space": "its id", "path": "what lies there or below"})
