"""Manifests find every byte again, and nothing malformed is followed."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.storage import manifest
from cloudconnect.storage.manifest import Entry
from cloudconnect.storage.seal import Malformed


class Nodes:
    """Keeps nodes by a plain hash and counts what is loaded."""

    def __init__(self):
        self.kept = {}
        self.loaded = []

    def store(self, raws):
        names = [hashlib.sha256(raw).digest() for raw in raws]
        self.kept.update(zip(names, raws, strict=True))
        return names

    def load(self, name):
        self.loaded.append(name)
        return self.kept[name]


def entries_of(sizes):
    return [Entry(hashlib.sha256(str(place).encode()).digest(), size) for place, size in enumerate(sizes)]


@given(sizes=st.lists(st.integers(1, 4 << 20), max_size=60), width=st.integers(3, 9), data=st.data())
def test_a_range_yields_the_chunks_that_hold_it(sizes, width, data):
    nodes, entries, total = Nodes(), entries_of(sizes), sum(sizes)
    start = data.draw(st.integers(0, total))
    stop = data.draw(st.integers(start, total))

    written = manifest.write(entries, nodes.store, width)
    found = list(manifest.pieces(written, nodes.load, start, stop))

    starts = [sum(sizes[:place]) for place in range(len(sizes))]
    expected = [
        (place, *entry)
        for place, entry in zip(starts, entries, strict=True)
        if place < stop and place + entry.size > start
    ]
    assert manifest.size(written) == total
    assert found == (expected if start < stop else [])


@given(st.lists(st.integers(1, 4 << 20), max_size=60), st.integers(3, 9))
def test_every_chunk_and_node_is_named(sizes, width):
    nodes, entries = Nodes(), entries_of(sizes)

    written = manifest.write(entries, nodes.store, width)

    assert set(manifest.chunk_keys(written, nodes.load)) == {entry.content_id for entry in entries} | set(nodes.kept)


def test_a_range_loads_only_the_nodes_on_its_way():
    nodes = Nodes()
    written = manifest.write(entries_of([10] * 1000), nodes.store, 10)

    list(manifest.pieces(written, nodes.load, 5000, 5001))

    assert len(nodes.loaded) == 3


@given(st.binary(max_size=60))
def test_bytes_that_are_no_manifest_are_refused_or_harmless(data):
    try:
        size = manifest.size(data)
    except Malformed:
        return
    assert size >= 0


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda node: node[:-1], id="shorter"),
        pytest.param(lambda node: node + b"\0", id="longer"),
        pytest.param(lambda node: b"X" + node[1:], id="another magic"),
        pytest.param(lambda node: node[:4] + b"\1" + node[5:], id="another level"),
        pytest.param(lambda node: node[:-1] + b"\x63", id="sizes that do not add up"),
        pytest.param(lambda node: b"", id="empty"),
    ],
)
def test_a_malformed_node_is_refused(change):
    nodes = Nodes()
    written = manifest.write(entries_of([10, 10]), nodes.store)
    nodes.kept = {name: change(raw) for name, raw in nodes.kept.items()}

    with pytest.raises(Malformed):
        list(manifest.pieces(written, nodes.load, 0, 20))
