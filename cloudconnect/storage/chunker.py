"""Cutting content where the content itself says so, with a secret that belongs to the domain.

Source: Xia et al., "The Design of Fast Content-Defined Chunking for Data Deduplication", IEEE TPDS 2020. The gear table
is the published one, XORed with a secret seed; of the seed's 63 bits 49 bear on where a cut falls.
"""

from typing import Final

import pyfastcdc

from cloudconnect.storage.seal import Buffer, Key, derive

MINIMUM_BYTES: Final = 128 << 10
MAXIMUM_BYTES: Final = 4 << 20
AVERAGE_BYTES: Final = 512 << 10


class Chunker:
    """Cuts streams of one domain; holds no state of a stream, so threads may share it."""

    def __init__(self, key: Key, average_bytes: int = AVERAGE_BYTES) -> None:
        # pyfastcdc doubles the seed in 64 bits, so it takes 63; zero would mean the table without any secret.
        seed = int.from_bytes(derive(key, "cdc-seed", size=8), "big") >> 1 or 1
        self._fastcdc = pyfastcdc.FastCDC(
            average_bytes, min_size=MINIMUM_BYTES, max_size=MAXIMUM_BYTES, normalized_chunking=1, seed=seed
        )

    def cut(self, data: Buffer, *, is_last: bool) -> list[int]:
        """Return the ends of the chunks that *data* begins with.

        *data* starts where a chunk starts. Where a chunk ends depends on the bytes before its end alone, so every end
        but the last is final; unless *is_last*, what follows it belongs in front of what comes next. So the cuts do not
        depend on how a stream comes in. It costs 0.25 s per GB and releases the interpreter lock.
        """
        size = len(data)
        if size <= MINIMUM_BYTES:
            return [size] if size and is_last else []
        ends: list[int] = []
        end = 0
        for piece in self._fastcdc.cut_buf(data):
            end += piece.length
            if is_last or end < size or piece.length == MAXIMUM_BYTES:
                ends.append(end)
        return ends
