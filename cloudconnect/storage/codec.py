"""Compression of single chunks: zstd at a low level, given up early where it would not pay."""

import threading
from typing import Final

import zstandard

from cloudconnect.storage.seal import Buffer

_WORTH: Final = 0.97  # a smaller gain does not pay for the time that opening costs
_PROBE_FROM_BYTES: Final = 64 << 10
_PROBE_BYTES: Final = 4 << 10
_PROBE_LEVEL: Final = -5  # 190,000 MB/s over the whole chunk (STORAGE.md, section 1)


class ZstdCodec:
    """Zstandard, one compressor and one decompressor for each thread.

    At level 3 text takes 8 % less than at level 1 and 0.9 s of processor time more for 1 GiB; level 4 takes another
    0.6 s for 0.3 %. What does not shrink is found out by the probe and costs the same at every level.
    """

    def __init__(self, level: int = 3) -> None:
        if not 1 <= level <= 3:  # noqa: PLR2004 - what was measured to be worth its time
            raise ValueError("the level lies between 1 and 3")
        self._level = level
        self._threads = threading.local()
        version = ".".join(str(part) for part in zstandard.ZSTD_VERSION)
        self.label = f"zstd/{version}/{level}".encode()

    def compress(self, raw: Buffer) -> bytes | None:
        """Return *raw* as one zstd frame with its content size, or None when that saves less than 3 %."""
        tools = self._tools()
        if len(raw) >= _PROBE_FROM_BYTES and not _is_promising(tools.probe, raw):
            return None
        packed = tools.compressor.compress(raw)
        return packed if len(packed) < len(raw) * _WORTH else None

    def expand(self, body: Buffer, raw_bytes: int) -> bytes:
        """Return what *body* was made from.

        Raises:
            ValueError: *body* is not one whole frame that says it holds *raw_bytes*.
        """
        try:
            # A frame that states its size is expanded to that size whatever limit is passed, so compare before.
            if zstandard.frame_content_size(body) != raw_bytes:
                raise ValueError("another size")
            return self._tools().decompressor.decompress(body, max_output_size=raw_bytes, allow_extra_data=False)
        except zstandard.ZstdError as error:
            raise ValueError("not a zstd frame") from error

    def _tools(self) -> "_Tools":
        try:
            tools: _Tools = self._threads.tools
        except AttributeError:
            tools = self._threads.tools = _Tools(self._level)
        return tools


class _Tools:
    def __init__(self, level: int) -> None:
        self.compressor = zstandard.ZstdCompressor(level=level, write_content_size=True)
        self.probe = zstandard.ZstdCompressor(level=_PROBE_LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


def _is_promising(probe: zstandard.ZstdCompressor, raw: Buffer) -> bool:
    view = memoryview(raw)
    last = len(view) - _PROBE_BYTES
    return any(
        len(probe.compress(view[start : start + _PROBE_BYTES])) < _PROBE_BYTES * _WORTH
        for start in (0, last // 2, last)
    )
