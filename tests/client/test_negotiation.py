"""Cutting a file through one buffer gives the chunks that cutting it whole gives."""

import hashlib
import hmac
import random

import pytest

from cloudconnect.client import negotiation
from cloudconnect.storage.chunker import Chunker
from cloudconnect.storage.seal import Key
from cloudconnect.wire.files import Cutting

CUTTING = Cutting(bytes(32), bytes(range(32)), 256 << 10)


def cut_whole(data):
    ends = Chunker(Key(CUTTING.cut_key), CUTTING.average_bytes).cut(data, is_last=True)
    return list(zip([0, *ends], ends, strict=False))


@pytest.mark.parametrize("size", [0, 1, 100_000, 1 << 20, (8 << 20) + 1, 13_000_000])
@pytest.mark.parametrize("read_bytes", [1 << 20, 5 << 20])
def test_the_chunks_are_those_of_the_whole(tmp_path, monkeypatch, size, read_bytes):
    monkeypatch.setattr(negotiation, "_READ_BYTES", read_bytes)
    monkeypatch.setattr(negotiation, "_ASKED_BYTES", 3 << 20)
    data = random.Random(size).randbytes(size)
    (tmp_path / "file").write_bytes(data)

    with (tmp_path / "file").open("rb", buffering=0) as file:
        parts = list(negotiation._cut(file, CUTTING))

    chunks = [chunk for part in parts for chunk in part]
    assert [(chunk.offset, chunk.offset + chunk.size) for chunk in chunks] == cut_whole(data)
    assert all(
        chunk.content_id
        == hmac.digest(CUTTING.name_key, b"\0\0" + data[chunk.offset : chunk.offset + chunk.size], hashlib.sha256)
        for chunk in chunks
    )
    assert all(part for part in parts)


def test_even_zeros_which_are_cut_only_by_length_fit_the_buffer(tmp_path, monkeypatch):
    monkeypatch.setattr(negotiation, "_READ_BYTES", 1 << 20)
    (tmp_path / "file").write_bytes(bytes(9 << 20))

    with (tmp_path / "file").open("rb", buffering=0) as file:
        chunks = [chunk for part in negotiation._cut(file, CUTTING) for chunk in part]

    assert [(chunk.offset, chunk.offset + chunk.size) for chunk in chunks] == cut_whole(bytes(9 << 20))
