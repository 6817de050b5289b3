"""Requests that WebDAV, tus and REST clients send, and what damages them."""

import base64
import json
import random
import re
import urllib.parse
from dataclasses import dataclass, field

SPACE = "/api/v1/spaces/personal"
TUS = "/api/v1/tus/"
NAMES = ("a", "a/b", "a/b/c.txt", "d.txt", "ü 1", "e/f", "e")
LOCK = b"""<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>
<D:locktype><D:write/></D:locktype><D:owner>ada</D:owner></D:lockinfo>"""
PROPFIND = b"""<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:" xmlns:x="urn:x">
<d:prop><d:getetag/><d:resourcetype/><d:quota-used-bytes/><x:colour xml:lang="de"/></d:prop></d:propfind>"""
PROPPATCH = b"""<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop>
<x:colour xml:lang="en"><x:deep a="1" x:b="2">blue &amp; green</x:deep></x:colour></D:prop></D:set>
<D:remove><D:prop><x:other/></D:prop></D:remove></D:propertyupdate>"""
VALUES = (
    "0", "-1", "1", "18446744073709551616", "9" * 400, "1e309", "NaN", "*", '"', '""', '"x"', 'W/"x"', "()", "(<x>)",
    "(Not <opaquelocktoken:x>)", "bytes=0-", "bytes=-0", "bytes=5-1", "bytes=0-0,2-3", "bytes 0-1/5", "infinity", "T",
    "Infinite, Second-1", "Second-99999999999", "=", ",", ";;", "é\xff", "a" * 5_000, "Thu, 32 Foo 2026 99:99:99 GMT",
    "gzip", "chunked", "100-continue", "sha1 AAAA", "md5 !", "final;/api/v1/tus/x", "partial", "?1", "http://[::1",
    "//evil/dav/personal/a", "/dav/personal/../../etc/passwd", "/dav/personal/%00", "application/xml", "text/html",
    "../..", "null", "{}", "2026-13-45T99:99:99Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z",
)  # fmt: skip
FIELDS = (
    "Depth", "Destination", "Overwrite", "If", "If-Match", "If-None-Match", "If-Modified-Since", "If-Unmodified-Since",
    "If-Range", "Range", "Content-Range", "Timeout", "Lock-Token", "X-OC-MTime", "OC-Checksum", "OC-Total-Length",
    "Upload-Offset", "Upload-Length", "Upload-Defer-Length", "Upload-Metadata", "Upload-Concat", "Upload-Checksum",
    "Upload-Complete", "Upload-Draft-Interop-Version", "Tus-Resumable", "Content-Type", "Content-Encoding", "Accept",
    "Accept-Language", "Accept-Encoding", "Authorization", "Cookie", "Host", "Origin", "X-Forwarded-For", "Prefer",
    "X-Forwarded-Proto", "X-HTTP-Method-Override", "Translate", "User-Agent", "X-Expected-Entity-Length",
)  # fmt: skip
METHODS = (
    "GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PROPPATCH", "MKCOL", "COPY", "MOVE",
    "LOCK", "UNLOCK", "REPORT", "SEARCH", "TRACE", "CONNECT", "get", "BREW", "M-SEARCH",
)  # fmt: skip
PIECES = (
    "%00", "%2e%2e", "%2f", "..", "//", "\\", "%ff", "%C3", "%", "?", "#", ";", "&at=", "?at=seq:-1", "?at=seq:1",
    "?limit=0", "?limit=99999999999", "?cursor=x", "?version=0", "?at=9999h", "&", "é", "%F0%9F%98%80", "%0d%0a",
    "a" * 3_000, "/" + "b/" * 600, ":", "*", "CON", ".", "._x", "%E2%80%AE",
)  # fmt: skip
JSON = (None, True, -1, 0, 1 << 70, 1e308, "", "/", "/..", "\x00", "a" * 5_000, [], {}, [[]], "seq:1", "/a", "*", "🙂")


@dataclass
class Shape:
    """One request, before and after it is damaged; ``fields`` are its header, without its framing."""

    method: str
    path: str
    fields: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def shapes(chance: random.Random, known: list[str]) -> Shape:
    """Return a request that makes sense; *known* are addresses of uploads that this client has seen."""
    name, other = (urllib.parse.quote(each) for each in chance.choices(NAMES, k=2))
    return chance.choice((_dav, _dav, _rest, _rest, _tus, _chunks))(chance, name, other, known)


def _dav(chance: random.Random, name: str, other: str, known: list[str]) -> Shape:
    del known
    path, there = f"/dav/personal/{name}", {"Destination": f"/dav/personal/{other}"}
    return chance.choice((
        Shape("PROPFIND", path, {"Depth": chance.choice("01")}, PROPFIND),
        Shape("PROPFIND", "/dav/", {"Depth": "1"}),
        Shape("PROPPATCH", path, {}, PROPPATCH),
        Shape("MKCOL", path),
        Shape("PUT", path, {"If-None-Match": "*"}, chance.randbytes(20)),
        Shape("PUT", path, {"X-OC-MTime": "1700000000", "OC-Checksum": "SHA1:aa"}, b"content"),
        Shape("GET", path, {"Range": "bytes=1-3", "If-Range": '"x"'}),
        Shape("HEAD", path),
        Shape("DELETE", path, {"If-Match": "*"}),
        Shape("COPY", path, there | {"Overwrite": "T", "Depth": "infinity"}),
        Shape("MOVE", path, there | {"Overwrite": "F", "If": "(Not <opaquelocktoken:x>)"}),
        Shape("LOCK", path, {"Timeout": "Second-1", "Depth": "0"}, LOCK),
        Shape("UNLOCK", path, {"Lock-Token": "<opaquelocktoken:0a1b2c3d-0000-4000-8000-000000000000>"}),
        Shape("OPTIONS", path),
    ))  # fmt: skip


def _chunks(chance: random.Random, name: str, other: str, known: list[str]) -> Shape:
    del other, known
    folder = f"/remote.php/dav/uploads/admin/{chance.choice('abc')}"
    there = {"Destination": f"/remote.php/dav/files/admin/{name}"}
    return chance.choice((
        Shape("MKCOL", folder, there),
        Shape("PUT", f"{folder}/{chance.randrange(1, 5)}", {"OC-Checksum": "MD5:aa"} | there, b"chunk"),
        Shape("PUT", f"{folder}/{chance.randrange(10):015}-{chance.randrange(10):015}", {}, chance.randbytes(30)),
        Shape("PROPFIND", folder, {"Depth": "1"}),
        Shape("MOVE", f"{folder}/.file", there | {"OC-Total-Length": "30", "X-OC-MTime": "1700000000"}),
        Shape("MOVE", f"{folder}/.file", there | {"Overwrite": "F"}),
        Shape("DELETE", folder),
    ))  # fmt: skip


def _rest(chance: random.Random, name: str, other: str, known: list[str]) -> Shape:
    del known
    method, url, body = chance.choice((
        ("GET", f"/entries/{name}", None),
        ("POST", "/crossings", {"source": f"/{name}", "into": "personal", "target": f"/{other}", "move": True}),
        ("GET", f"/children/{name}?limit=2&at=1h", None),
        ("GET", f"/tree/?limit=5&at=seq:{chance.randrange(50)}", None),
        ("GET", f"/content/{name}?version=1", None),
        ("GET", f"/usage/{name}", None),
        ("GET", f"/versions/{name}", None),
        ("GET", "/trash?limit=1", None),
        ("GET", "/find?where=type:txt%20size:%3E1k%20-tag:x", None),
        ("GET", "/diff?since=1h&until=seq:9", None),
        ("GET", "/snapshots", None),
        ("GET", f"/tags/{name}", None),
        ("GET", "/undo?limit=3", None),
        ("POST", f"/folders/{name}?parents=true", None),
        ("POST", "/moves", {"source": f"/{name}", "target": f"/{other}", "replace": True}),
        ("POST", "/copies", {"source": f"/{name}", "target": f"/{other}", "replace": False, "at": "1h"}),
        ("POST", "/undo", {"last": 1, "skip_conflicts": True}),
        ("POST", "/undo", {"token": "spc_1.1-2", "dry_run": True}),
        ("POST", "/rollback", {"sessions": ["tok_x"], "since": "1h", "until": "1m", "path": "/a", "dry_run": True}),
        ("POST", "/restore", {"path": f"/{name}", "at": "1h", "keep_new": True}),
        ("POST", "/snapshots", {"name": f"s{chance.randrange(9)}", "at": "1s"}),
        ("POST", f"/tags/{name}", {"add": [{"name": "red", "value": "1", "kind": "number"}], "remove": ["blue"]}),
        ("POST", "/bulk-edits", {"where": "path:/a/** size:>0", "action": "trash", "dry_run": True}),
        ("POST", "/trash/nod_x/restore", {"target": f"/{name}"}),
        ("PATCH", f"/entries/{name}", {"modified": "2026-01-01T00:00:00Z"}),
        ("PUT", "/retention", {"versions": "keep all 24h, hourly 7d", "trash_days": 30}),
        ("POST", "/version-restores", {"path": f"/{name}", "version": 1}),
        ("DELETE", f"/entries/{name}", None),
        ("DELETE", "/locks/lck_x", None),
        ("POST", "/bulk", None),
        ("POST", "/chunks/missing", None),
        ("POST", "/assembled", None),
    ))  # fmt: skip
    if url in {"/bulk", "/chunks/missing", "/assembled"}:
        return Shape(method, SPACE + url, {"Content-Type": "application/msgpack"}, PACKED[url])
    if method == "GET" or body is None:
        return Shape(method, SPACE + url, {"If-Match": "*"})
    return Shape(method, SPACE + url, {"Content-Type": "application/json"}, json.dumps(body).encode())


def _tus(chance: random.Random, name: str, other: str, known: list[str]) -> Shape:
    del other
    metadata = f"path {base64.b64encode(f'/{name}'.encode()).decode()},if_match Kg=="
    upload = chance.choice(known) if known else TUS + "upl_x"
    version, body = {"Tus-Resumable": "1.0.0"}, {"Content-Type": "application/offset+octet-stream"}
    return chance.choice((
        Shape("POST", TUS, version | {"Upload-Length": "9", "Upload-Metadata": metadata}),
        Shape("POST", TUS, version | body | {"Upload-Length": "9", "Upload-Metadata": metadata}, b"ninebytes"),
        Shape("POST", TUS, version | {"Upload-Defer-Length": "1", "Upload-Concat": "partial"}),
        Shape("POST", TUS, version | {"Upload-Concat": f"final;{upload}", "Upload-Metadata": metadata}),
        Shape("PATCH", upload, version | body | {"Upload-Offset": "0", "Upload-Checksum": "sha1 AAAA"}, b"nine"),
        Shape("PATCH", upload, version | body | {"Upload-Offset": "4"}, b"bytes"),
        Shape("PATCH", upload, {"Upload-Offset": "0", "Upload-Complete": "?0"}, b"draft"),
        Shape("HEAD", upload, version),
        Shape("HEAD", upload, version),
        Shape("DELETE", upload, version),
        Shape("DELETE", upload, version),
        Shape("OPTIONS", TUS),
    ))  # fmt: skip


def damage(chance: random.Random, shape: Shape) -> None:
    """Change *shape* in one to three places."""
    for _ in range(chance.choice((1, 1, 2, 3))):
        chance.choices((_damage_method, _damage_path, _damage_field, _damage_body), (1, 4, 6, 5))[0](chance, shape)


def _damage_method(chance: random.Random, shape: Shape) -> None:
    shape.method = chance.choice(METHODS)


def _damage_path(chance: random.Random, shape: Shape) -> None:
    place = chance.randint(1, len(shape.path))
    if chance.random() < 0.3:
        shape.path = shape.path[:place] + shape.path[place + chance.randrange(6) :]
    else:
        shape.path = shape.path[:place] + chance.choice(PIECES) + shape.path[place:]


def _damage_field(chance: random.Random, shape: Shape) -> None:
    name = chance.choice([*FIELDS, *shape.fields, *shape.fields])
    if name in shape.fields and chance.random() < 0.3:
        del shape.fields[name]
    elif name in shape.fields and chance.random() < 0.4:
        shape.fields[name] = mutated(shape.fields[name].encode(), chance).decode("latin-1")
    else:
        shape.fields[name] = chance.choice(VALUES)


def _damage_body(chance: random.Random, shape: Shape) -> None:
    if shape.body.startswith(b"{") and chance.random() < 0.6:
        try:
            told = json.loads(shape.body)
        except (ValueError, RecursionError):
            return
        told[chance.choice([*told, "x"])] = chance.choice(JSON)
        shape.body = json.dumps(told).encode()
    else:
        shape.body = mutated(shape.body, chance)


def mutated(body: bytes, chance: random.Random) -> bytes:
    """Return *body* with some of its bytes changed, doubled, cut out or torn off."""
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(max(len(damaged), 1))
        match chance.randrange(5):
            case 0:
                damaged[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                damaged[place:place] = damaged[place : place + chance.randrange(40)]
            case 2:
                del damaged[place : place + chance.randrange(20)]
            case 3:
                damaged[place:place] = chance.choice((b"<a>", b"]]>", b"<!--", b"&#0;", b"\xff\xfe", b"[" * 2_000))
            case _:
                del damaged[place:]
    return bytes(damaged)


def to_wire(chance: random.Random, shape: Shape, token: str) -> tuple[bytes, bool]:
    """Return the bytes of *shape*, and whether its framing is whole, so that another one may follow it."""
    fields = {"Host": "localhost", "Authorization": f"Bearer {token}"} | shape.fields
    if shape.path.startswith("/dav") and "Authorization" not in shape.fields:
        fields["Authorization"] = "Basic " + base64.b64encode(f"admin:{token}".encode()).decode()
    is_whole = chance.random() > 0.02
    if is_whole:
        fields.pop("Transfer-Encoding", None)
        fields["Content-Length"] = str(len(shape.body))
    else:
        fields |= chance.choice((
            {"Content-Length": chance.choice(VALUES)},
            {"Transfer-Encoding": "chunked"},
            {"Content-Length": str(len(shape.body) + 5)},
            {"Content-Length": "5", "Transfer-Encoding": "chunked"},
        ))  # fmt: skip
    path = re.sub(r"[\r\n ]", "%20", shape.path)
    lines = [f"{shape.method} {path} HTTP/1.1"]
    lines += [f"{name}: {re.sub(chr(13) + '|' + chr(10), ' ', value)}" for name, value in fields.items()]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace") + shape.body, is_whole


PACKED = {
    "/bulk": b"\x91\x94\xa5/b/x1\xc4\x02hi\xc0\xa1*",
    "/chunks/missing": b"\x91\xc4\x20" + b"x" * 32,
    "/assembled": b"\x94\xa2/g\x91\x92\xc4\x20" + b"x" * 32 + b"\x01\xc0\xc0",
}
"""What bodies in MessagePack look like, to be damaged."""
