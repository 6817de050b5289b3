#!/usr/bin/env python3
"""Get every content out of the packs of a CloudConnect data directory or of its backups, where no database is left.

    salvage.py list    SOURCE                   --key-file FILE
    salvage.py restore SOURCE INTO [--space ID] --passphrase-file FILE

Names are lost with the database; contents come out under their ids, in a folder for each space. recover.py has to lie
beside this file and says what both need. It walks from record to record, so that neither the list at the end of a pack
nor what lies before or after a damaged place has to be there. The format: docs/design/repository-format.md.
"""

import contextlib
import sqlite3
import struct
from pathlib import Path

from recover import CATALOGS, NODE_ENTRY, RECORD_HEAD, TROUBLE, Contents, run

MANIFEST = 1
WINDOW = 1 << 18
END = b"CCF1"


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


def list_pack(contents, space, path, bad):
    """Yield content id, class, path, offset and length of the records in a pack whose headers are whole.

    Each tells where the next begins; past one that is not whole, the next is where the number of an epoch stands.
    """
    marks = [struct.pack(">I", epoch) for use, epoch in contents.keys.get(space, ()) if use == "seal"]
    place, end = 64, path.stat().st_size
    while place < end and (head := read_at(path, place, RECORD_HEAD))[:4] != END:
        try:
            _, _, kind, size, content_id = contents.open_header(space, head)
        except TROUBLE as error:
            lost, place = place, find_mark(path, place + 1, end, [*marks, END])
            bad.append(f"{path}: what lies from byte {lost} to {place}: {error}")
        else:
            yield content_id, kind, str(path), place, RECORD_HEAD + size
            place += RECORD_HEAD + size
    if place >= end:
        bad.append(f"{path}: its end is missing")


def index_space(contents, space, folder, database, bad):
    """Fill *database* with the records of a space, and with what its manifests list."""
    ask = database.execute
    for path in (path for path in folder.rglob("*") if path.is_file()):
        database.executemany("INSERT INTO record VALUES (?, ?, ?, ?, ?)", list_pack(contents, space, path, bad))
    ask("CREATE INDEX by_key ON record (substr(id, 1, 16))")
    for (content_id,) in ask("SELECT DISTINCT id FROM record WHERE kind = ?", (MANIFEST,)):
        with contextlib.suppress(*TROUBLE):
            node = contents.chunk(space, content_id)
            ask("INSERT INTO node VALUES (?, ?)", (content_id, node[4]))
            database.executemany("INSERT OR IGNORE INTO part VALUES (?, ?)", NODE_ENTRY.iter_unpack(node[12:]))


def find_nameless(wanted, keys, scratch, bad):
    """Yield space, id, no size, content, and neither SHA-256 nor time of every content that the packs hold."""
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
        index_space(contents, space, folder, database, bad)
        # A node that cannot be read is tried again, and so named; what it lists comes out piece by piece.
        for content_id, kind, level in ask(
            "SELECT DISTINCT id, kind, ifnull(level, 0) FROM record LEFT JOIN node USING (id)"
            " WHERE id NOT IN (SELECT id FROM part)"
        ):
            manifest = (bytes((2, level)) if kind == MANIFEST else b"\1") + content_id
            yield folder.name, content_id.hex(), 0, contents.read(space, manifest), None, None


if __name__ == "__main__":
    run(__doc__, find_nameless, {"space": "its id, 32 hexadecimal digits"})
