"""The faces that show one tree, REST, WebDAV and tus, over real connections to a daemon that may be killed."""

import base64
import hashlib
import http.client
import json
import random
import shutil
import tempfile
import urllib.parse
import xml.etree.ElementTree as ET
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.crash.kill_loop import PASSWORD, Bench

D = "{DAV:}"
SPACE = "/api/v1/spaces/personal"
TUS = "/api/v1/tus/"


@contextmanager
def serving(place=None, *, is_forked=False):
    """Serve an empty appliance below *place* until the block ends, its brake off."""
    home = Path(tempfile.mkdtemp(prefix="cloudconnect-tree-", dir=place))
    (home / "password").write_text(PASSWORD)
    bench = Bench(home, random.Random(0), is_forked=is_forked)
    bench.start()
    faces = Faces(bench)
    try:
        yield faces
    finally:
        faces.close()
        bench.stop()
        shutil.rmtree(home)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def is_done(self):
        return self.status < 300

    def json(self):
        return json.loads(self.body)


@dataclass(frozen=True)
class Seen:
    """What a listing says of one entry."""

    node: str
    sha256: str | None
    etag: str
    modified: str


class Faces:
    """Asks a daemon in the words of each protocol; every path is one of the tree, with a slash first."""

    def __init__(self, bench):
        self.bench = bench
        self._connection = None
        self._basic = base64.b64encode(f"admin:{bench.token}".encode()).decode()

    def ask(self, method, url, body=None, headers=None, *, is_dav=False):
        if self._connection is None:
            self._connection = http.client.HTTPConnection("127.0.0.1", self.bench.port, timeout=30)
        who = f"Basic {self._basic}" if is_dav else f"Bearer {self.bench.token}"
        try:
            self._connection.request(method, url, body=body, headers={"Authorization": who} | (headers or {}))
            answer = self._connection.getresponse()
            found = Answer(answer.status, answer.headers, answer.read())
        except (OSError, http.client.HTTPException):
            self.close()
            raise
        assert found.status < 500, (method, url, found)
        return found

    def crash(self):
        """Kill the daemon and start it again."""
        self.bench.kill()
        self.reopen()

    def reopen(self):
        """Start the daemon that was killed."""
        self.close()
        self.bench.start()

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # REST

    def api(self, method, url, body=None, headers=None):
        text = None if body is None else json.dumps(body)
        return self.ask(method, SPACE + url, text, {"Content-Type": "application/json"} | (headers or {}))

    def seq(self):
        return self.ask("GET", SPACE).json()["seq"]

    def listing(self, folder, at=None):
        """Return what is below *folder*, by path, as it is or was at a seq; every page of it."""
        found, cursor = {}, None
        asked = {"limit": "1000"} | ({} if at is None else {"at": f"seq:{at}"})
        while True:
            query = urllib.parse.urlencode(asked | ({"cursor": cursor} if cursor else {}))
            answer = self.ask("GET", f"{SPACE}/tree{quote(folder)}?{query}")
            assert answer.status == 200, answer
            page = answer.json()
            for each in page["data"]:
                assert each["path"] not in found, "listed twice"
                found[each["path"]] = Seen(each["id"], each["sha256"], each["etag"], each["modified"])
            cursor = page["next_cursor"]
            if cursor is None:
                return found

    def put(self, path, content, is_there):
        headers = {"If-Match": "*"} if is_there else {}
        return self.ask("PUT", f"{SPACE}/content{quote(path)}", content, headers)

    def touch(self, path, modified):
        return self.api("PATCH", f"/entries{quote(path)}", {"modified": modified})

    def tag(self, path, name, *, is_off=False):
        change = {"remove": [name]} if is_off else {"add": [{"name": name}]}
        answer = self.api("POST", f"/tags{quote(path)}", change)
        assert answer.status == 200, answer

    def tags(self, path):
        return [each["name"] for each in self.api("GET", f"/tags{quote(path)}").json()["tags"]]

    # WebDAV

    def dav(self, method, path, body=None, **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.ask(method, f"/dav/personal{quote(path)}", body, fields, is_dav=True)

    def dav_listing(self, folder):
        """Return the ETag and the length, None for a folder, of *folder* and what is directly in it."""
        answer = self.dav("PROPFIND", folder, Depth="1")
        assert answer.status == 207, answer
        return {
            urllib.parse.unquote(each.findtext(f"{D}href")).removeprefix("/dav/personal").rstrip("/"): (
                (each.findtext(f".//{D}getetag") or "").strip('"'),
                None if each.find(f".//{D}collection") is not None else int(each.findtext(f".//{D}getcontentlength")),
            )
            for each in ET.fromstring(answer.body)
        }

    # tus

    def begin(self, path, length, is_there):
        said = {"path": path} | ({"if_match": "*"} if is_there else {})
        metadata = ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())
        return self.tus("POST", TUS, Upload_Metadata=metadata, Upload_Length=str(length))

    def tus(self, method, url, body=None, **headers):
        fields = {name.replace("_", "-"): value for name, value in headers.items()}
        fields |= {"Tus-Resumable": "1.0.0"} | (
            {} if body is None else {"Content-Type": "application/offset+octet-stream"}
        )
        return self.ask(method, url, body, fields)


def quote(path):
    return urllib.parse.quote(path)


def digest(content):
    return hashlib.sha256(content).hexdigest()
