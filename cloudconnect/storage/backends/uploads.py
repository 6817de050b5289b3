"""Uploads in parts that nobody ended: S3 keeps, and charges, their parts until they are aborted.

The library that puts objects cannot list them, so this speaks to the server itself, with requests that are signed as
AWS says (Signature Version 4). Azure drops blocks that were never committed after a week by itself.
"""

import hashlib
import hmac
import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote, urlsplit
from xml.etree import ElementTree as ET

import structlog

from cloudconnect.storage.backends.connect import Bucket, s3_credentials

ABANDONED_AFTER: Final = timedelta(hours=24)
_ANSWER_BYTES: Final = 8 << 20
_SHA256_OF_NOTHING: Final = hashlib.sha256(b"").hexdigest()

words = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Upload:
    key: str
    id: str
    begun: datetime


class _RefusedError(Exception):
    """The server did not do what it was asked; the argument is its status."""


def abort_uploads(place: Bucket, now: datetime, older_than: timedelta = ABANDONED_AFTER) -> int:
    """Abort uploads of packs under the prefix of *place* that were begun so long ago; return how many there were.

    A server that cannot list uploads, or does not let us, is left alone: they cost room and nothing else.
    """
    if place.kind != "s3":
        return 0
    aborted = 0
    server = _Server(place, now)
    try:
        for upload in list(_find(server, _prefix(place))):
            if now - upload.begun >= older_than:
                server.ask("DELETE", upload.key, {"uploadId": upload.id})
                aborted += 1
    except (_RefusedError, OSError, http.client.HTTPException, ET.ParseError, ValueError) as error:
        words.warning("storage.uploads_kept", bucket=place.bucket, reason=str(error) or type(error).__name__)
    return aborted


def _prefix(place: Bucket) -> str:
    above = place.prefix.strip("/")
    return f"{above}/packs/" if above else "packs/"


def _find(server: "_Server", prefix: str) -> Iterator[_Upload]:
    """Yield every upload that has not ended; a page holds up to 1,000."""
    marks: dict[str, str] = {}
    while True:
        # The server was chosen by the administrator, and the parser bounds what entities expand to.
        page = ET.fromstring(server.ask("GET", "", {"uploads": "", "prefix": prefix, **marks}))  # noqa: S314
        for each in page.iterfind("{*}Upload"):
            begun = datetime.fromisoformat(each.findtext("{*}Initiated", ""))
            upload = _Upload(each.findtext("{*}Key", ""), each.findtext("{*}UploadId", ""), begun)
            if upload.key.startswith(prefix):  # there are servers that list all of a bucket
                yield upload
        if page.findtext("{*}IsTruncated") != "true":
            return
        marks = {
            "key-marker": page.findtext("{*}NextKeyMarker", ""),
            "upload-id-marker": page.findtext("{*}NextUploadIdMarker", ""),
        }


class _Server:
    """Sends signed requests without a body to the server of *place*, as of the moment *now*."""

    def __init__(self, place: Bucket, now: datetime) -> None:
        self._place = place
        self._now = f"{now:%Y%m%dT%H%M%SZ}"
        address = urlsplit(place.endpoint or f"https://s3.{place.region}.amazonaws.com")
        self._is_secure = address.scheme == "https"
        self._host = address.netloc if place.path_style else f"{place.bucket}.{address.netloc}"
        self._above = address.path.rstrip("/") + (f"/{place.bucket}" if place.path_style else "")

    def ask(self, method: str, key: str, query: Mapping[str, str]) -> bytes:
        """Return the body of the answer.

        Raises:
            _RefusedError: the server answered with another status than one of success.
        """
        path = quote(f"{self._above}/{key}", safe="/~")
        text = "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))
        kind = http.client.HTTPSConnection if self._is_secure else http.client.HTTPConnection
        connection = kind(self._host, timeout=self._place.timeout_seconds)
        try:
            connection.request(method, f"{path}?{text}", headers=self._headers(method, path, text))
            answer = connection.getresponse()
            body = answer.read(_ANSWER_BYTES)
        finally:
            connection.close()
        if answer.status >= http.client.MULTIPLE_CHOICES and answer.status != http.client.NOT_FOUND:
            raise _RefusedError(f"HTTP {answer.status}")
        return body

    def _headers(self, method: str, path: str, query: str) -> dict[str, str]:
        """Return the headers of a request, its signature among them (Signature Version 4)."""
        identity, secret, *token = s3_credentials(self._place)
        headers = {"host": self._host, "x-amz-content-sha256": _SHA256_OF_NOTHING, "x-amz-date": self._now}
        if token:
            headers["x-amz-security-token"] = token[0]
        names = ";".join(headers)
        lines = "".join(f"{name}:{value}\n" for name, value in headers.items())
        request = f"{method}\n{path}\n{query}\n{lines}\n{names}\n{_SHA256_OF_NOTHING}"
        scope = f"{self._now[:8]}/{self._place.region}/s3/aws4_request"
        signed = f"AWS4-HMAC-SHA256\n{self._now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        key = f"AWS4{secret}".encode()
        for part in scope.split("/"):
            key = hmac.digest(key, part.encode(), "sha256")
        signature = hmac.new(key, signed.encode(), "sha256").hexdigest()
        proof = f"AWS4-HMAC-SHA256 Credential={identity}/{scope}, SignedHeaders={names}, Signature={signature}"
        return {**headers, "authorization": proof}
