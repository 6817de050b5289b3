"""What several programs do to one tree, beside a model that knows what must come of it."""

import hashlib
import http.client
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.crash.tree_faces import digest, quote

CONTENTS = (b"", b"one", b"two", b"three" * 30_000)

Tree = dict[str, bytes | None]
"""Path to content, None for a folder."""


@dataclass
class Upload:
    """A file on its way in, in place of another one or not: *sent* bytes of it are acknowledged."""

    url: str
    path: str
    content: bytes
    replaces: bool
    sent: int = 0


def below(tree, path):
    """What is at *path*, by the rest of its path."""
    return {each[len(path) :]: content for each, content in tree.items() if each == path or each.startswith(f"{path}/")}


def without(tree, path):
    return {each: content for each, content in tree.items() if each != path and not each.startswith(f"{path}/")}


def with_at(tree, path, part):
    return without(tree, path) | {path + rest: content for rest, content in part.items()}


def root_hash(seen):
    """The hash of all that a listing says but folders' ETags: names, bytes, times."""
    lines = [f"{path}\0{each.sha256}\0{each.modified}" for path, each in sorted(seen.items())]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class Work:
    """Changes below one folder, *top*, of the space, each checked against the model as soon as it is answered.

    An act that must be refused according to the model is sent nevertheless: it must be refused, and change nothing.
    """

    def __init__(self, faces, top):
        self.faces, self.top = faces, top
        assert faces.api("POST", f"/folders{quote(top)}").status == 201
        self.tree: Tree = {top: None}
        self.seen = self._look()
        self.states = [(faces.seq(), self.tree, self.seen)]
        self.done = []
        self.trashed = {}
        self.uploads = []
        self.begun = []

    # What people do

    def put(self, face, path, content):
        """Store a file in one request, by REST, WebDAV or tus."""
        path = self.top + path
        expected = self.tree | {path: content} if self._may_hold_file(path) else None
        is_there = path in self.tree
        send = {
            "rest": lambda: self.faces.put(path, content, is_there),
            "dav": lambda: self.faces.dav("PUT", path, content),
            "tus": lambda: self._put_by_tus(path, content, is_there),
        }[face]
        self._attempt(send, expected, path)

    def put_stale(self, face, path, content):
        """Store a file on condition that it is another one than it is."""
        path = self.top + path
        headers = {"If-Match": '"0.0"'}
        if face == "dav":
            self._attempt(lambda: self.faces.dav("PUT", path, content, If_Match='"0.0"'), None, path)
        else:
            self._attempt(
                lambda: self.faces.ask("PUT", f"/api/v1/spaces/personal/content{quote(path)}", content, headers),
                None,
                path,
            )

    def add_folder(self, face, path):
        path = self.top + path
        expected = self.tree | {path: None} if path not in self.tree and self._has_folder(path) else None
        send = {
            "rest": lambda: self.faces.api("POST", f"/folders{quote(path)}"),
            "dav": lambda: self.faces.dav("MKCOL", path),
        }[face]
        self._attempt(send, expected, path)

    def move(self, face, source, into, may_replace):
        source, into = self.top + source, self.top + into
        expected = with_at(without(self.tree, source), into, below(self.tree, source))
        self._transfer("move", face, source, into, may_replace, expected)

    def copy(self, face, source, into, may_replace):
        source, into = self.top + source, self.top + into
        expected = with_at(self.tree, into, below(self.tree, source))
        self._transfer("copy", face, source, into, may_replace, expected)

    def trash(self, face, path):
        path = self.top + path
        expected = without(self.tree, path) if path in self.tree else None
        part, node = below(self.tree, path), self.seen[path].node if path in self.seen else None
        send = {
            "rest": lambda: self.faces.api("DELETE", f"/entries{quote(path)}", headers={"If-Match": "*"}),
            "dav": lambda: self.faces.dav("DELETE", path),
        }[face]
        if self._attempt(send, expected, path):
            self.trashed[node] = part

    def restore(self, number, into):
        """Bring something back from the trash, to *into*."""
        if not self.trashed:
            return
        node = sorted(self.trashed)[number % len(self.trashed)]
        into = self.top + into
        is_free = into not in self.tree and self._has_folder(into)
        expected = self.tree | with_at({}, into, self.trashed[node]) if is_free else None
        send = lambda: self.faces.api("POST", f"/trash/{node}/restore", {"target": into})  # noqa: E731 - as the others
        if self._attempt(send, expected, into):
            del self.trashed[node]

    def touch(self, path, seconds):
        """Say that something was modified so many seconds after 1970."""
        path = self.top + path
        expected = self.tree if path in self.tree else None
        modified = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.000000000Z")
        if self._attempt(lambda: self.faces.touch(path, modified), expected, path):
            assert self.seen[path].modified == modified

    def tag(self, path, name):
        """Put a tag on something, or take it off where it is."""
        path = self.top + path
        if path not in self.tree:
            return
        self.faces.tag(path, name, is_off=name in self.faces.tags(path))
        self.done.append((self.tree, self.seen))
        self._become(self.tree, path)

    # Uploads in pieces

    def begin(self, path, content):
        path = self.top + path
        if not self._may_hold_file(path) or not content or len(self.uploads) > 3:
            return
        replaces = path in self.tree
        answer = self._begin(path, content, replaces)
        assert answer.status == 201, answer
        self.uploads.append(Upload(answer.headers["Location"], path, content, replaces))

    def send(self, number, count):
        """Send the next *count* bytes of an upload, as far as the daemon says that it has come."""
        if not self.uploads:
            return
        upload = self.uploads[number % len(self.uploads)]
        told = self.faces.tus("HEAD", upload.url)
        assert told.status == 200, told
        start = int(told.headers["Upload-Offset"])
        assert start >= upload.sent, "acknowledged bytes are gone"
        piece = upload.content[start : start + count]
        is_wanted = self._may_hold_file(upload.path) and (upload.path in self.tree) == upload.replaces
        send = lambda: self.faces.tus("PATCH", upload.url, piece, Upload_Offset=str(start))  # noqa: E731 - as the others
        if start + len(piece) < len(upload.content) and is_wanted:
            assert send().status == 204
            upload.sent = start + len(piece)
            return
        # What cannot become a file any more is refused at its end or, to spare the bytes, before.
        self.uploads.remove(upload)
        expected = self.tree | {upload.path: upload.content} if is_wanted else None
        if start + len(piece) < len(upload.content):
            send()
            self._become(self.tree, None)
        else:
            self._attempt(send, expected, upload.path)

    def give_up(self):
        """Forget the uploads that did not become a file."""
        for url in self.begun:
            self.faces.tus("DELETE", url)

    # What takes back

    def undo_last(self, count, is_redone):
        if not self.done:
            return
        count = min(count, len(self.done))
        before, seen = self.tree, self.seen
        tree, earlier = self.done[-count]
        undone = self._undo({"last": count}, tree, earlier)
        if is_redone:
            self._undo({"token": undone}, before, seen)
        else:
            del self.done[-count:]

    def undo_everything(self):
        """Take back all that was done, in one request; return the token that takes back that."""
        if not self.done:
            return None
        undone = self._undo({"last": len(self.done)}, *self.done[0])
        self.done.clear()
        return undone

    def redo(self, undone, tree, seen):
        """Take back the undo that *undone* names, which leads to *tree*."""
        self._undo({"token": undone}, tree, seen)

    # Crashes

    def crash(self):
        """Kill the daemon while nothing is under way: everything that was acknowledged is there."""
        self.faces.crash()
        self._become(self.tree, None)

    def crash_amid(self, path, content, after_seconds):
        """Kill the daemon while a file is being stored: it is there whole or not at all."""
        path = self.top + path
        if not self._may_hold_file(path):
            return
        expected, before = self.tree | {path: content}, self.tree
        killing = threading.Thread(target=lambda: (time.sleep(after_seconds), self.faces.bench.kill()))
        killing.start()
        try:
            is_done = self.faces.dav("PUT", path, content).is_done
        except (OSError, http.client.HTTPException):
            is_done = None
        killing.join()
        self.faces.reopen()
        if is_done is None:
            found = self._look().get(path)
            is_done = found is not None and found != self.seen.get(path)
        if is_done:
            self.done.append((before, self.seen))
        self._become(expected if is_done else before, path)

    # What stays true

    def look_back(self, number):
        """Compare the listing of an earlier moment with the one that was seen then."""
        seq, tree, seen = self.states[number % len(self.states)]
        found = self.faces.listing(self.top, seq)
        assert found == seen, f"the past at {seq} is another one"
        file = next((path for path, content in sorted(tree.items()) if content is not None), None)
        if file is not None:
            answer = self.faces.ask("GET", f"/api/v1/spaces/personal/content{quote(file)}?at=seq:{seq}")
            assert (answer.status, answer.body) == (200, tree[file])

    def look_by_dav(self, number):
        """Compare what WebDAV says of a folder with what REST does, and the bytes of its files in both."""
        folders = sorted(path for path, content in self.tree.items() if content is None)
        folder = folders[number % len(folders)]
        found = self.faces.dav_listing(folder)
        direct = {path for path in self.tree if path.rpartition("/")[0] == folder}
        assert found.keys() == direct | {folder}
        for path in direct:
            content = self.tree[path]
            etag, length = found[path]
            assert length == (None if content is None else len(content))
            if content is not None:
                assert etag == self.seen[path].etag
                answers = (
                    self.faces.dav("GET", path),
                    self.faces.ask("GET", f"/api/v1/spaces/personal/content{quote(path)}"),
                )
                for answer in answers:
                    assert (answer.status, answer.body) == (200, content)
                    assert answer.headers["ETag"].strip('"') == etag

    # How it is done

    def _look(self):
        return self.faces.listing(self.top)

    def _has_folder(self, path):
        return self.tree.get(path.rpartition("/")[0], b"") is None

    def _may_hold_file(self, path):
        return self._has_folder(path) and self.tree.get(path, b"") is not None

    def _begin(self, path, content, is_there):
        answer = self.faces.begin(path, len(content), is_there)
        if answer.is_done:
            self.begun.append(answer.headers["Location"])
        return answer

    def _put_by_tus(self, path, content, is_there):
        begun = self._begin(path, content, is_there)
        if not begun.is_done or not content:
            return begun
        return self.faces.tus("PATCH", begun.headers["Location"], content, Upload_Offset="0")

    def _transfer(self, verb, face, source, into, may_replace, expected):
        is_possible = source in self.tree and self._has_folder(into) and source != into
        is_within = f"{into}/".startswith(f"{source}/")
        if not is_possible or is_within or (into in self.tree and not may_replace):
            expected = None
        if verb == "move" and face == "rest" and source == into in self.tree:
            return  # nothing happens, which is no refusal
        body = {"source": source, "target": into, "replace": may_replace}
        headers = {"Destination": f"/dav/personal{quote(into)}", "Overwrite": "T" if may_replace else "F"}
        send = {
            "rest": lambda: self.faces.api("POST", "/moves" if verb == "move" else "/copies", body),
            "dav": lambda: self.faces.dav(verb.upper(), source, **headers),
        }[face]
        self._attempt(send, expected, into)

    def _attempt(self, send, expected, touched):
        """Do it: it leads to *expected*, or where that is None is refused and changes nothing."""
        answer = send()
        if expected is None:
            assert not answer.is_done, f"done, and must be refused: {answer}"
            self._become(self.tree, None)
            return False
        assert answer.is_done, f"refused, and must be done: {answer}"
        self.done.append((self.tree, self.seen))
        self._become(expected, touched)
        return True

    def _undo(self, body, tree, seen):
        answer = self.faces.api("POST", "/undo", body)
        assert answer.status == 200, answer
        self.trashed.clear()
        self._become(tree, self.top)
        assert root_hash(self.seen) == root_hash(seen), "not as it was"
        return answer.json()["undo"]

    def _become(self, tree, touched):
        """Compare the listing with *tree*; nothing but what is at or below *touched* has another ETag than before."""
        seen = self._look()
        found = {path: each.sha256 for path, each in seen.items()}
        wanted = {path: None if content is None else digest(content) for path, content in tree.items()}
        del wanted[self.top]
        assert found == wanted
        for path in self.seen.keys() & seen.keys():
            if touched is None or not f"{path}/".startswith(f"{touched}/"):
                before, now = self.seen[path], seen[path]
                assert before.etag == now.etag or now.sha256 is None, f"{path} has another ETag"
        self.tree, self.seen = tree, seen
        self.states.append((self.faces.seq(), tree, seen))
