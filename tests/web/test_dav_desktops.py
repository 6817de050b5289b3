"""What desktops send, in the order in which they send it."""

import asyncio
import base64
import dataclasses
import re
import xml.etree.ElementTree as ET

import pytest

D = "{DAV:}"
FINDER = "WebDAVFS/3.0.0 (03008000) Darwin/22.6.0 (x86_64)"
WINDOWS = "Microsoft-WebDAV-MiniRedir/10.0.19045"
FINDER_LOCK = b"""<?xml version="1.0" encoding="utf-8"?>
<D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope><D:locktype><D:write/></D:locktype>
<D:owner><D:href>http://www.apple.com/webdav_fs/</D:href></D:owner></D:lockinfo>"""
FINDER_PROPS = b"""<?xml version="1.0" encoding="utf-8"?>
<D:propfind xmlns:D="DAV:"><D:prop><D:getlastmodified/><D:getcontentlength/><D:creationdate/><D:resourcetype/>
</D:prop></D:propfind>"""
FINDER_QUOTA = b"""<?xml version="1.0" encoding="utf-8"?>
<D:propfind xmlns:D="DAV:"><D:prop><D:quota-available-bytes/><D:quota-used-bytes/><D:quota/><D:quotaused/>
</D:prop></D:propfind>"""
WINDOWS_LOCK = b"""<?xml version="1.0" encoding="utf-8" ?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/>
</D:lockscope><D:locktype><D:write/></D:locktype><D:owner><D:href>DESKTOP\\ada</D:href></D:owner></D:lockinfo>"""
WINDOWS_TIMES = b"""<?xml version="1.0" encoding="utf-8" ?><D:propertyupdate xmlns:D="DAV:"
 xmlns:Z="urn:schemas-microsoft-com:"><D:set><D:prop><Z:Win32CreationTime>Mon, 01 Jun 2026 10:00:00 GMT
</Z:Win32CreationTime><Z:Win32LastAccessTime>Mon, 01 Jun 2026 10:00:00 GMT</Z:Win32LastAccessTime>
<Z:Win32LastModifiedTime>Mon, 01 Jun 2026 10:00:00 GMT</Z:Win32LastModifiedTime>
<Z:Win32FileAttributes>00000020</Z:Win32FileAttributes></D:prop></D:set></D:propertyupdate>"""


async def send(site, head, body=b"", *, is_chunked=False):
    """Send a request as it stands, over a connection of its own; return status, header fields and body."""
    credential = base64.b64encode(f"admin:{site.admin}".encode()).decode()
    reader, writer = await asyncio.open_connection("127.0.0.1", site.port)
    lines = [*head, f"Host: 127.0.0.1:{site.port}", f"Authorization: Basic {credential}", "Connection: close"]
    if is_chunked:
        lines.append("Transfer-Encoding: Chunked")
        half = len(body) // 2
        pieces = [piece for piece in (body[:half], body[half:]) if piece]
        body = b"".join(b"%X\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    else:
        lines.append(f"Content-Length: {len(body)}")
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    answer = await reader.read()
    writer.close()
    top, _, content = answer.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in top.decode().split("\r\n")[1:])
    return int(top.split()[1]), fields, content


def token_in(answer):
    return re.search(rb"<d:locktoken><d:href>([^<]+)", answer[2])[1].decode()


def values(content):
    found = {}
    for stat in ET.fromstring(content).iter(f"{D}propstat"):
        if " 200 " in stat.findtext(f"{D}status"):
            found |= {each.tag: each.text for each in stat.find(f"{D}prop")}
    return found


async def test_finder_copies_a_file(site):
    agent, path = f"User-Agent: {FINDER}", "/dav/personal/Kopie%20von%20a%CC%88.bin"
    content = bytes(range(256)) * 40

    assert (await send(site, ["OPTIONS /dav/personal/ HTTP/1.1", agent]))[1]["DAV"] == "1, 2, 3"
    quota = values((await send(site, ["PROPFIND /dav/personal/ HTTP/1.1", agent, "Depth: 0"], FINDER_QUOTA))[2])
    assert quota[f"{D}quota-used-bytes"] == "0"
    assert (await send(site, [f"PROPFIND {path} HTTP/1.1", agent, "Depth: 0"], FINDER_PROPS))[0] == 404
    assert (await send(site, [f"PUT {path} HTTP/1.1", agent]))[0] == 201
    locked = await send(site, [f"LOCK {path} HTTP/1.1", agent, "Depth: 0", "Timeout: Second-600"], FINDER_LOCK)
    assert locked[0] == 200
    token = token_in(locked)
    put = [f"PUT {path} HTTP/1.1", agent, f"If: (<{token}>)", f"X-Expected-Entity-Length: {len(content)}"]
    assert (await send(site, put, content, is_chunked=True))[0] == 204
    refreshed = await send(site, [f"LOCK {path} HTTP/1.1", agent, f"If: (<{token}>)", "Timeout: Second-600"])
    assert (refreshed[0], token_in(refreshed)) == (200, token)
    found = values((await send(site, [f"PROPFIND {path} HTTP/1.1", agent, "Depth: 0"], FINDER_PROPS))[2])
    assert found[f"{D}getcontentlength"] == str(len(content))
    assert (await send(site, [f"UNLOCK {path} HTTP/1.1", agent, f"Lock-Token: <{token}>"]))[0] == 204
    assert (await send(site, [f"GET {path} HTTP/1.1", agent]))[2] == content


async def test_windows_saves_a_file(site):
    agent, path = f"User-Agent: {WINDOWS}", "/dav/personal/Neu.txt"
    translate = "translate: f"

    options = await send(site, ["OPTIONS / HTTP/1.1", agent, translate])
    assert (options[0], options[1]["MS-Author-Via"]) == (200, "DAV")
    listed = await send(site, ["PROPFIND /dav HTTP/1.1", agent, "Depth: 1", translate])
    assert b"/dav/personal/" in listed[2]
    assert (await send(site, [f"PROPFIND {path} HTTP/1.1", agent, "Depth: 0", translate]))[0] == 404
    assert (await send(site, [f"PUT {path} HTTP/1.1", agent, translate]))[0] == 201
    locked = await send(
        site, [f"LOCK {path} HTTP/1.1", agent, "Depth: 0", "Timeout: Second-3600", translate], WINDOWS_LOCK
    )
    token = locked[1]["Lock-Token"].strip("<>")
    assert token_in(locked) == token
    condition = f"If: (<{token}>)"
    patched = await send(site, [f"PROPPATCH {path} HTTP/1.1", agent, condition, translate], WINDOWS_TIMES)
    assert (patched[0], patched[2].count(b"200 OK"), patched[2].count(b"403")) == (207, 1, 0)
    assert (await send(site, [f"HEAD {path} HTTP/1.1", agent, translate]))[0] == 200
    assert (await send(site, [f"PUT {path} HTTP/1.1", agent, condition, translate], b"saved"))[0] == 204
    assert (await send(site, [f"PROPPATCH {path} HTTP/1.1", agent, condition, translate], WINDOWS_TIMES))[0] == 207
    assert (await send(site, [f"UNLOCK {path} HTTP/1.1", agent, f"Lock-Token: <{token}>", translate]))[0] == 204

    found = values((await send(site, [f"PROPFIND {path} HTTP/1.1", agent, "Depth: 0", translate]))[2])
    assert found[f"{D}getlastmodified"] == "Mon, 01 Jun 2026 10:00:00 GMT"
    assert found["{urn:schemas-microsoft-com:}Win32FileAttributes"] == "00000020"
    moved = ["MOVE /dav/personal/Neu.txt HTTP/1.1", agent, "Overwrite: F", translate]
    destination = f"Destination: http://127.0.0.1:{site.port}/dav/personal/Plan%20B.txt"
    assert (await send(site, [*moved, destination]))[0] == 201


@pytest.fixture
def settings(settings, request):
    clutter = getattr(request, "param", "keep")
    return dataclasses.replace(settings, webdav=dataclasses.replace(settings.webdav, clutter=clutter))


CLUTTER = ("/dav/personal/._a.txt", "/dav/personal/.DS_Store", "/dav/personal/Thumbs.db")


async def names(site):
    listed = await send(site, ["PROPFIND /dav/personal/ HTTP/1.1", "Depth: 1"], FINDER_PROPS)
    return [each.text.rpartition("/")[2] for each in ET.fromstring(listed[2]).iter(f"{D}href")][1:]


async def test_what_desktops_leave_behind_is_kept_unless_somebody_says_otherwise(site):
    for path in CLUTTER:
        assert (await send(site, [f"PUT {path} HTTP/1.1"], b"note"))[0] == 201

    assert await names(site) == [".DS_Store", "._a.txt", "Thumbs.db"]


@pytest.mark.parametrize("settings", ["hide"], indirect=True)
async def test_what_desktops_leave_behind_can_be_taken_and_dropped(site):
    await site.put("/._old", b"from before")
    await site.put("/a.txt", b"a")
    for path in CLUTTER:
        locked = await send(site, [f"LOCK {path} HTTP/1.1", "Depth: 0"], FINDER_LOCK)
        assert (locked[0], "Lock-Token" in locked[1]) == (201, True)
        assert (await send(site, [f"PUT {path} HTTP/1.1"], b"note"))[0] == 201
        assert (await send(site, [f"PROPPATCH {path} HTTP/1.1"], WINDOWS_TIMES))[0] == 207
        assert (await send(site, [f"GET {path} HTTP/1.1"]))[0] == 404
        assert (await send(site, [f"DELETE {path} HTTP/1.1"]))[0] == 204

    assert await names(site) == ["a.txt"]
    move = ["MOVE /dav/personal/a.txt HTTP/1.1", "Destination: /dav/personal/._a.txt"]
    assert (await send(site, move))[0] == 403, "nothing of worth vanishes"


@pytest.mark.parametrize("settings", ["refuse"], indirect=True)
async def test_what_desktops_leave_behind_can_be_refused(site):
    await site.put("/._old", b"from before")
    for path in CLUTTER:
        assert (await send(site, [f"PUT {path} HTTP/1.1"], b"note"))[0] == 403

    assert await names(site) == ["._old"]
    assert (await send(site, ["DELETE /dav/personal/._old HTTP/1.1"]))[0] == 204
