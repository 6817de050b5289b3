"""Live properties: what this server itself says of a file or folder (RFC 4918 section 15, RFC 4331, ownCloud's own)."""

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from cloudconnect.features.files import Detail, Lock, Space
from cloudconnect.kernel.ids import id_bytes
from cloudconnect_web.conditions import LAST_SECOND, http_date
from cloudconnect_web.dav.address import Target
from cloudconnect_web.dav.writing import escape, tags

DAV = "{DAV:}"
OC = "{http://owncloud.org/ns}"
_COLLECTION = "<d:collection/>"
_BIRTH_LETTERS = len("nod_") + 10
_ID_LETTERS = len("nod_") + 26
_SUPPORTED_LOCKS = "".join(
    f"<d:lockentry><d:lockscope><d:{scope}/></d:lockscope><d:locktype><d:write/></d:locktype></d:lockentry>"
    for scope in ("exclusive", "shared")
)


@dataclass(frozen=True, slots=True)
class Shown:
    """Something that an answer describes: where it is, its name there, and what is known of it.

    The list of spaces has no space and no detail; the root of a space is called as the list calls it.
    """

    target: Target
    name: str
    space: Space | None
    detail: Detail | None
    now: datetime

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder, which the list of spaces is too."""
        return self.detail is None or self.detail.entry.version is None

    @property
    def href(self) -> str:
        """Its address."""
        if self.detail is None:
            return f"{self.target.mount}/"
        path = self.detail.entry.path
        return f"{self.target.mount}/" if path == "/" else self.target.href(path, is_folder=self.is_folder)


Render = Callable[[Shown], str | None]
"""Returns what stands between the tags of a property, None where there is no such property."""


def active_locks(target: Target, locks: Sequence[Lock], now: datetime) -> str:
    """Return the content of lockdiscovery for *locks*."""
    return "".join(_active_lock(target, lock, now) for lock in locks)


def _active_lock(target: Target, lock: Lock, now: datetime) -> str:
    owner = lock.description or f"<d:owner>{escape(lock.owner_name)}</d:owner>"
    seconds = max(round((lock.expires - now).total_seconds()), 0)
    return (
        "<d:activelock><d:locktype><d:write/></d:locktype>"
        f"<d:lockscope><d:{'shared' if lock.is_shared else 'exclusive'}/></d:lockscope>"
        f"<d:depth>{'infinity' if lock.is_deep else '0'}</d:depth>{owner}<d:timeout>Second-{seconds}</d:timeout>"
        f"<d:locktoken><d:href>{lock.token}</d:href></d:locktoken>"
        f"<d:lockroot><d:href>{target.href(lock.path, is_folder=False)}</d:href></d:lockroot></d:activelock>"
    )


def _created(shown: Shown) -> str | None:
    return None if shown.detail is None else _birth(shown.detail.entry.node[:_BIRTH_LETTERS])


@functools.lru_cache(maxsize=4_096)
def _birth(letters: str) -> str:
    """Return when a node was made, from the first *letters* of its id: a prefix, and 48 bits of milliseconds."""
    born_ms = int.from_bytes(id_bytes(letters.ljust(_ID_LETTERS, "0"))[:6], "big")
    return datetime.fromtimestamp(min(born_ms / 1000, LAST_SECOND), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _length(shown: Shown) -> str | None:
    return None if shown.is_folder or shown.detail is None else str(shown.detail.entry.size or 0)


def _media_type(shown: Shown) -> str | None:
    return None if shown.detail is None or shown.is_folder else escape(shown.detail.entry.media_type or "")


def _etag(shown: Shown) -> str | None:
    return None if shown.detail is None else f"&quot;{shown.detail.etag}&quot;"


def _modified(shown: Shown) -> str | None:
    return None if shown.detail is None else _http_date(shown.detail.entry.modified_ns // 1_000_000_000)


@functools.lru_cache(maxsize=4_096)
def _http_date(seconds: int) -> str:
    return http_date(datetime.fromtimestamp(min(max(seconds, 0), LAST_SECOND), UTC))


def _lock_discovery(shown: Shown) -> str | None:
    return "" if shown.detail is None else active_locks(shown.target, shown.detail.locks, shown.now)


def _available(shown: Shown) -> str | None:
    space = shown.space
    if space is None or space.quota_bytes is None:
        return None
    return str(max(space.quota_bytes - space.used_bytes, 0))


def _node(shown: Shown) -> str | None:
    return None if shown.detail is None else shown.detail.entry.node


def _permissions(shown: Shown) -> str | None:
    """Return what may be done, in ownCloud's letters: read, delete, rename, move, write, and add files and folders."""
    if shown.detail is None:
        return None
    if not shown.detail.is_writable:
        return "G"
    return "GDNVCK" if shown.is_folder else "GDNVW"


def _checksums(shown: Shown) -> str | None:
    if shown.detail is None or shown.detail.entry.sha256 is None:
        return None
    return f"<oc:checksum>SHA256:{shown.detail.entry.sha256.hex()}</oc:checksum>"


LIVE: Mapping[str, Render] = {
    f"{DAV}creationdate": _created,
    f"{DAV}displayname": lambda shown: escape(shown.name),
    f"{DAV}getcontentlength": _length,
    f"{DAV}getcontenttype": _media_type,
    f"{DAV}getetag": _etag,
    f"{DAV}getlastmodified": _modified,
    f"{DAV}lockdiscovery": _lock_discovery,
    f"{DAV}resourcetype": lambda shown: _COLLECTION if shown.is_folder else "",
    f"{DAV}supportedlock": lambda shown: None if shown.detail is None else _SUPPORTED_LOCKS,
    f"{DAV}quota-available-bytes": _available,
    f"{DAV}quota-used-bytes": lambda shown: None if shown.space is None else str(shown.space.used_bytes),
    f"{OC}id": _node,
    f"{OC}fileid": _node,
    f"{OC}size": _length,
    f"{OC}permissions": _permissions,
    f"{OC}checksums": _checksums,
}
"""Every live property; nobody can set them, but for those that ``SETTABLE`` names."""

ALL = tuple(name for name in LIVE if name.startswith(DAV) and "quota" not in name)
"""What allprop shows; quotas cost nothing here, but RFC 4331 wants them left out."""


class Properties:
    """Which properties an answer shows, prepared once for all the entries in it."""

    def __init__(self, names: Sequence[str] | None, *, with_dead: bool, is_minimal: bool) -> None:
        """Show *names*, and if *with_dead* all that clients keep; *is_minimal* leaves out what is not there."""
        self._live = [(LIVE[name], *tags(name)) for name in names or () if name in LIVE]
        self._asked = [(name, tags(name)[2]) for name in names or () if name not in LIVE]
        self._with_dead = with_dead
        self._is_minimal = is_minimal
        self.wants_dead = with_dead or bool(self._asked)
        self.wants_locks = names is not None and f"{DAV}lockdiscovery" in names
        self.wants_rights = names is not None and f"{OC}permissions" in names

    def response(self, shown: Shown) -> str:
        """Return the response element for *shown*."""
        found, missing = [], []
        for render, opening, closing, empty in self._live:
            value = render(shown)
            if value is None:
                missing.append(empty)
            else:
                found.append(f"{opening}{value}{closing}" if value else empty)
        dead = {} if shown.detail is None else shown.detail.properties
        if self._with_dead:
            found += dead.values()
        else:
            for name, empty in self._asked:
                value = dead.get(name)
                (missing if value is None else found).append(empty if value is None else value)
        return _response(shown.href, found, [] if self._is_minimal else missing)


class Names:
    """Shows the names of all properties and not their values."""

    wants_dead = True
    wants_locks = False
    wants_rights = False

    def response(self, shown: Shown) -> str:
        """Return the response element for *shown*."""
        live = [tags(name)[2] for name, render in LIVE.items() if render(shown) is not None]
        dead = [] if shown.detail is None else [tags(name)[2] for name in shown.detail.properties]
        return _response(shown.href, live + dead, [])


def _response(href: str, found: Sequence[str], missing: Sequence[str]) -> str:
    stats = ""
    if found or not missing:
        stats = f"<d:propstat><d:prop>{''.join(found)}</d:prop><d:status>HTTP/1.1 200 OK</d:status></d:propstat>"
    if missing:
        stats += (
            f"<d:propstat><d:prop>{''.join(missing)}</d:prop><d:status>HTTP/1.1 404 Not Found</d:status></d:propstat>"
        )
    return f"<d:response><d:href>{href}</d:href>{stats}</d:response>"
