"""Packs equal the published vector, and no change to one goes unseen."""

import hashlib
import struct

import pytest
from fixtures import KEYS, RAWS, VECTORS, Held, ZlibCodec, domain_keys, pack_file, sealed

from cloudconnect.storage import packs
from cloudconnect.storage.seal import Malformed, NotAuthentic, Sealer

REFUSED = (Malformed, NotAuthentic)


def test_a_pack_equals_its_vector(tmp_path):
    pack_id, data = pack_file(tmp_path / "pack")

    assert pack_id == hashlib.sha256(data).digest()
    assert {"len": len(data), "pack_id": pack_id.hex()} == VECTORS["pack"]


def test_a_pack_lists_its_records_and_they_open(tmp_path):
    pack_id, data = pack_file(tmp_path / "pack")

    packs.verify(Held(data), pack_id)
    listed = packs.entries(Held(data), KEYS)

    opened = [Sealer(ZlibCodec()).unseal(KEYS, data[e.offset : e.offset + e.length], e.content_id) for e in listed]
    assert opened == RAWS
    assert [entry.raw_length for entry in listed] == [len(raw) for raw in RAWS]


def test_records_are_salvaged_without_footer(tmp_path):
    _, data = pack_file(tmp_path / "pack")
    without_footer = data[: data.index(b"CCF1")]

    found = list(packs.salvage(Held(without_footer), KEYS))

    assert [record for _, record in found] == [sealed(place)[1] for place in range(5)]


def test_no_bit_can_be_changed_without_notice_by_anybody(tmp_path):
    pack_id, data = pack_file(tmp_path / "pack", range(3), "2")

    unseen = [bit for bit, changed in _flipped(data) if _passes(packs.verify, Held(changed))]

    packs.verify(Held(data), pack_id)
    assert unseen == []


def test_no_bit_can_be_changed_without_notice_by_who_repairs_the_digest(tmp_path):
    _, data = pack_file(tmp_path / "pack", range(3), "2")
    body = len(data) - 56
    assert _passes(packs.entries, Held(_repaired(data[:body], data)), KEYS)

    unseen = [
        bit
        for bit, changed in _flipped(data, body)
        if _passes(packs.entries, Held(_repaired(changed[:body], data)), KEYS)
    ]

    assert unseen == []


def test_a_pack_is_not_taken_for_another(tmp_path):
    _, data = pack_file(tmp_path / "pack")

    with pytest.raises(Malformed):
        packs.verify(Held(data), bytes(32))


def test_a_pack_of_another_domain_is_refused(tmp_path):
    _, data = pack_file(tmp_path / "pack")

    with pytest.raises(NotAuthentic):
        packs.entries(Held(data), domain_keys(space="space2"))


@pytest.mark.parametrize("size", [0, 55, 56, 63, 64, 119, 120, 152, 1000])
def test_part_of_a_pack_is_refused(tmp_path, size):
    _, data = pack_file(tmp_path / "pack")

    assert not _passes(packs.verify, Held(data[:size]))


def test_the_footer_of_another_pack_does_not_fit(tmp_path):
    first, second = (pack_file(tmp_path / name, range(3), name)[1] for name in ("a", "b"))
    start = first.index(b"CCF1")
    spliced = first[:start] + second[second.index(b"CCF1") : -56]

    assert not _passes(packs.entries, Held(_repaired(spliced, first)), KEYS)


def test_a_name_gives_back_what_it_was_made_from():
    name = packs.pack_name(bytes(range(16)), bytes(range(32)))

    assert packs.pack_id_of(name) == (bytes(range(16)), bytes(range(32)))


@pytest.mark.parametrize("name", ["packs/x", "packs/00/00/00", "packs/../../etc/passwd", "", "orphan/a/b/c"])
def test_other_names_are_no_packs(name):
    assert packs.pack_id_of(name) is None


def _repaired(body: bytes, original: bytes) -> bytes:
    fields = struct.pack(">QII", *struct.unpack(">QII", original[-56:-40]))
    return body + fields + hashlib.sha256(body + fields).digest() + b"CCEND1\0\0"


def _passes(check, *arguments) -> bool:
    try:
        check(*arguments)
    except REFUSED:
        return False
    return True


def _flipped(data: bytes, stop: int | None = None):
    for bit in range((len(data) if stop is None else stop) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        yield bit, bytes(changed)
