#!/usr/bin/env python3
"""Get everything out of a CloudConnect data directory or a place of its backups, without CloudConnect.

    recover.py list    SOURCE                              --key-file FILE
    recover.py restore SOURCE INTO [--space ID] [--path P] --code-file FILE
    recover.py restore SOURCE INTO --without-database      --passphrase-file FILE

Needs Python 3.11 with cryptography and zstandard, for passphrases argon2-cffi. It only reads, verifies every chunk and
every file, goes on past what is damaged, and names it at the end. Stop the daemon first. A copy of the database goes to
TMPDIR; memory does not grow with what is stored. The format: docs/design/repository-format.md.
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
MANIFEST = 1
RECORD_HEAD = 92
RECORD_MAX, WINDOW = 16 << 20, 1 << 18
CROCKFORD = str.maketrans("JKMNPQRSTVWXYZ", "IJKLMNOPQRSTUV")  # from its letters to those of int(…, 32)
NODE_ENTRY = struct.Struct(">32sQ")
# What it ends in to read what anybody may have changed.
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
    """Return each space's sealing keys by epoch and the key that names its content; under None the one that signs."""
    master, keys = None, {}
    for parameters, box in database.execute("SELECT parameters, box FROM slot WHERE kind = ?", (kind,)):
        with contextlib.suppress(ValueError, OverflowError):
            master = open_box(slot_key(kind, parameters, secret), "slot", box, kind.encode(), parameters.encode())
    if master is None:
        sys.exit("This does not open the keyring. Is it the right file, and of the right kind?")
    (box,) = database.execute("SELECT box FROM wrapping_key WHERE name = 'domains'").fetchone()
    wrapping = open_box(master, "tdk", box, b"local", b"local")
    for (box,) in database.execute("SELECT box FROM service_key WHERE name = 'backup-signature'"):
        keys[None] = open_box(master, "svc", box, b"backup-signature", struct.pack(">I", 1))
    for space, use, epoch, box in database.execute("SELECT space, use, epoch, box FROM space_key WHERE use <> 'cut'"):
        label = {"seal": "space-key", "name": "space-content-ids"}[use]
        with contextlib.suppress(Damaged):
            key = open_box(wrapping, label, box, space, struct.pack(">I", epoch))
            keys.setdefault(space, {})["name" if use == "name" else epoch] = key
    return keys


def read_at(path, place, size):
    """Return a range of a file, or nothing where it cannot be read."""
    with contextlib.suppress(OSError), path.open("rb", buffering=0) as file:
        file.seek(place)
        return file.read(size)
    return b""


def find_mark(path, place, end, marks):
    """Return where one of *marks*, of four bytes each, stands next, or *end*."""
    while place < end:
        window = read_at(path, place, WINDOW)
        if found := [at for mark in marks if (at := window.find(mark)) >= 0]:
            return place + min(found)
        place += WINDOW - 3
    return end


class Contents:
    """Reads contents by their manifests; *places* gives path, offset and length of each copy of a chunk by its key."""

    def __init__(self, keys, places):
        self.keys, self.places = keys, places

    def key(self, space, epoch):
        """Return the sealing key of an epoch, or the key that names content."""
        try:
            return self.keys[space][epoch]
        except KeyError:
            raise Damaged("there is no such key; it is damaged, or was destroyed") from None

    def open_header(self, space, record):
        """Return plain header, flags, class, payload bytes and content id of a record."""
        epoch, salt = record[:4], record[4:28]
        key = derive(self.key(space, int.from_bytes(epoch, "big")), "chunk-hdr", space, salt)
        plain = decrypt(key, record[28:RECORD_HEAD], ctx("chunk-hdr", space, epoch))
        magic, suite, flags, kind, size, zero, content_id = struct.unpack(">4sBBHII32s", plain)
        if magic != b"CCk1" or suite != 1 or flags > 1 or zero or kind > MANIFEST:
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
        name = hmac.digest(self.key(space, "name"), struct.pack(">H", kind) + raw, "sha256")
        if len(raw) != plain_size or payload[8 + body_size :].strip(b"\0") or not name == content_id == wanted:
            raise Damaged("content that is not what its id names")
        return raw

    def chunk(self, space, content_id):
        """Return the plain bytes of one chunk, from the first copy that is whole."""
        reason = "no pack that is known holds it"
        for path, offset, length in self.places(content_id[:16]):
            try:
                if not 0 < length <= len(record := read_at(path, offset, min(length, RECORD_MAX))):
                    raise Damaged("its pack is missing or cut short")
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

    def list_pack(self, space, path, bad):
        """Yield content id, offset, length and class of the records in a pack whose headers are whole.

        Each tells where the next begins; past one that is not whole, the next is where the number of an epoch stands.
        """
        marks = [struct.pack(">I", epoch) for epoch in self.keys.get(space, {}) if epoch != "name"]
        place, end = 64, path.stat().st_size
        while place < end and (head := read_at(path, place, RECORD_HEAD))[:4] != b"CCF1":
            try:
                _, _, kind, size, content_id = self.open_header(space, head)
            except TROUBLE as error:
                lost, place = place, find_mark(path, place + 1, end, [*marks, b"CCF1"])
                bad.append(f"{path}: what lies from byte {lost} to {place}: {error}")
            else:
                yield content_id, place, RECORD_HEAD + size, kind
                place += RECORD_HEAD + size
        if place >= end:
            bad.append(f"{path}: its end is missing")


def find_pack(source, domain, pack):
    """Return the path of a pack by its ids in hex."""
    return source / "packs" / domain.lower() / pack[:2].lower() / pack.lower()


def open_tree(wanted, keys, scratch, bad):
    """Open the database: that of a data directory, or of the newest backup that is whole, else the newest there is."""
    if (wanted.source / "cloudconnect.db").exists():
        return open_database(scratch / "tree", wanted.source / "cloudconnect.db")
    signer, trees = Ed25519PrivateKey.from_private_bytes(keys[None]).public_key(), []
    for path in sorted((wanted.source / "backups").glob(f"{wanted.backup or '*'}.json"), reverse=True):
        try:
            document = json.loads(path.read_bytes())
            signer.verify(bytes.fromhex(document["signature"]), document["backup"].encode())
            backup = json.loads(document["backup"])
            if backup["format"] != 1 or backup["id"] != path.stem:
                raise Damaged("it has another format, or is the description of another backup")
            places = {bytes.fromhex(key): place for key, place in backup["places"].items()}
            catalogs = Contents(
                keys, lambda key, at=places: [(find_pack(wanted.source, CATALOGS.hex(), at[key][0]), *at[key][1:3])]
            )
            with (scratch / path.stem).open("wb") as file:
                file.writelines(catalogs.read(CATALOGS, bytes.fromhex(backup["catalog"])))
            trees.append(scratch / path.stem)
            if any(
                find_pack(wanted.source, domain, pack).stat().st_size != size for pack, domain, size in backup["packs"]
            ):
                raise Damaged("a pack is cut short")
            return open_database(trees[-1])
        except (*TROUBLE, InvalidSignature) as error:
            bad.append(f"{path} is not whole: {error!r}")
    if not trees:
        raise Damaged(f"{wanted.source} holds neither a database nor such a backup")
    return open_database(trees[0])


def find_named(wanted, keys, scratch, bad):
    """Yield space, path, size, content, SHA-256 and time of each file that the database says is there now."""
    database = open_tree(wanted, keys, scratch, bad)
    for number, columns in enumerate(("chunk (key)", "entry (parent)", "version (node, seq)")):
        database.execute(f"CREATE INDEX recover_{number} ON {columns}")
    copies = "SELECT hex(domain), hex(id), position, length FROM chunk JOIN pack ON number = pack WHERE key = ?"
    ask = database.execute
    contents = Contents(keys, lambda key: ((find_pack(wanted.source, *at[:2]), *at[2:]) for at in ask(copies, (key,))))
    children = (
        "SELECT e.node, e.name, v.manifest, v.sha256, v.size, e.modified_ns FROM entry e"
        " LEFT JOIN version v ON v.node = e.node AND v.seq = e.version WHERE e.parent = ? AND e.to_seq IS NULL"
    )
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


def find_nameless(wanted, keys, scratch, bad):
    """Yield the same of every content that the packs hold, under its content id."""
    copies = "SELECT path, place, length FROM record WHERE substr(id, 1, 16) = ?"
    for folder in sorted((wanted.source / "packs").glob("[0-9a-f]" * 32)):
        if folder.name == CATALOGS.hex() or wanted.space not in {"", folder.name}:
            continue
        space, database = bytes.fromhex(folder.name), sqlite3.connect(scratch / folder.name, isolation_level=None)
        ask = database.execute
        database.executescript(
            "PRAGMA synchronous = OFF; CREATE TABLE record (id, kind, path, place, length);"
            "CREATE TABLE node (id PRIMARY KEY, level); CREATE TABLE part (id PRIMARY KEY, size); BEGIN"
        )
        contents = Contents(keys, lambda key, ask=ask: ((Path(path), *at) for path, *at in ask(copies, (key,))))
        for path in (path for path in folder.rglob("*") if path.is_file()):
            for content_id, place, length, kind in contents.list_pack(space, path, bad):
                ask("INSERT INTO record VALUES (?, ?, ?, ?, ?)", (content_id, kind, str(path), place, length))
        ask("CREATE INDEX by_key ON record (substr(id, 1, 16))")
        for (content_id,) in ask("SELECT DISTINCT id FROM record WHERE kind = ?", (MANIFEST,)):
            with contextlib.suppress(*TROUBLE):
                node = contents.chunk(space, content_id)
                ask("INSERT INTO node VALUES (?, ?)", (content_id, node[4]))
                database.executemany("INSERT OR IGNORE INTO part VALUES (?, ?)", NODE_ENTRY.iter_unpack(node[12:]))
        # A node that cannot be read is tried again, and so named; what it lists comes out piece by piece.
        for content_id, kind, level in ask(
            "SELECT DISTINCT id, kind, ifnull(level, 0) FROM record LEFT JOIN node USING (id)"
            " WHERE id NOT IN (SELECT id FROM part)"
        ):
            manifest = (bytes((2, level)) if kind == MANIFEST else b"\1") + content_id
            yield folder.name, content_id.hex(), 0, contents.read(space, manifest), None, None


def write(into, space, path, pieces, sha256, modified_ns):
    """Write a file that is not there yet, whole and proven, or not at all; inside *into* whatever the path says."""
    parts = [space, *(part for part in path.split("/") if part)]
    if any(part in {".", ".."} or set(part) & set("/\\\0") for part in parts):
        raise Damaged("a name that no file may have")
    target, digest = into.joinpath(*parts), hashlib.sha256()
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.exists():
        raise Damaged("something of this name is there already")
    part = Path(tempfile.mkdtemp(".part", ".", target.parent), "part")
    try:
        with part.open("wb") as file:
            for piece in pieces:
                digest.update(piece)
                file.write(piece)
        if sha256 is not None and digest.digest() != sha256:
            raise Damaged("the whole is not what was stored")
        if modified_ns is not None:
            os.utime(part, ns=(modified_ns, modified_ns))
        part.rename(target)
    finally:
        shutil.rmtree(part.parent)


def main():
    """Do what the command line says; exits with 1 if anything was damaged."""
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
    wanted, bad = parser.parse_args(), []
    if wanted.what == "restore" and wanted.into is None:
        parser.error("restore needs a directory to write to")
    sys.setrecursionlimit(10_000)  # folders may be nested more deeply than what makes them would go
    with tempfile.TemporaryDirectory() as scratch:
        try:
            file = next((path for name in ("keyring.db", "keys.ccb") if (path := wanted.source / name).exists()), None)
            if file is None:
                raise Damaged(f"{wanted.source} holds neither keyring.db nor keys.ccb")
            keys = open_keyring(open_database(Path(scratch, "keyring"), file), *wanted.way)
            find = find_nameless if wanted.without_database else find_named
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
            bad.append(f"This is where it ended: {error}. There is also --without-database.")
    sys.exit("\n".join(bad) or None)


if __name__ == "__main__":
    main()
