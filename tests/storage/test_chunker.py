"""Cuts depend on content and key alone."""

import pytest
from fixtures import det
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudconnect.storage.chunker import MAXIMUM_BYTES, MINIMUM_BYTES, Chunker
from cloudconnect.storage.seal import Key

DATA = det(24 << 20, "data")
CHUNKER = Chunker(Key(det(32, "key")))


def cut(data, buffers, chunker=CHUNKER):
    """Cut *data* as if it came in *buffers*, the ends of its buffers."""
    chunks, tail = [], b""
    for start, stop in zip([0, *buffers], [*buffers, len(data)], strict=True):
        held, begin = tail + data[start:stop], 0
        for end in chunker.cut(held, is_last=stop == len(data)):
            chunks.append(held[begin:end])
            begin = end
        tail = held[begin:]
    return chunks


@pytest.mark.slow
@settings(max_examples=15, deadline=None)
@given(st.lists(st.integers(1, len(DATA) - 1), max_size=6, unique=True).map(sorted))
def test_cuts_do_not_depend_on_how_a_stream_comes_in(buffers):
    chunks = cut(DATA, buffers)

    assert b"".join(chunks) == DATA
    assert chunks == cut(DATA, [])


def test_sizes_lie_between_the_limits():
    sizes = [len(chunk) for chunk in cut(DATA, [])]

    assert all(MINIMUM_BYTES <= size <= MAXIMUM_BYTES for size in sizes[:-1])
    assert 256 << 10 < sum(sizes) / len(sizes) < 1 << 20


def test_an_insertion_changes_few_chunks():
    edited = DATA[:5000] + b"a few more bytes" + DATA[5000:]

    shared = set(cut(DATA, [])) & set(cut(edited, []))

    assert len(shared) >= len(cut(DATA, [])) - 3


def test_another_key_cuts_elsewhere():
    other = Chunker(Key(det(32, "other")))

    assert len(set(cut(DATA, [])) & set(cut(DATA, [], other))) <= 1


@pytest.mark.parametrize("size", [0, 1, MINIMUM_BYTES - 1, MINIMUM_BYTES])
def test_what_is_below_the_minimum_stays_whole(size):
    assert CHUNKER.cut(DATA[:size], is_last=True) == [size] * (size > 0)
