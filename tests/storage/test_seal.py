"""Sealing equals the published vectors and opens nothing that is not whole and in its place."""

import hashlib
import pickle
import struct

import pytest
from fixtures import KEYS, RAWS, VECTORS, ZlibCodec, det, domain_keys, sealed
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.storage import seal
from cloudconnect.storage.codec import ZstdCodec
from cloudconnect.storage.seal import Key, Malformed, NotAuthentic, Sealer

REFUSED = (Malformed, NotAuthentic)


def test_ctx_equals_its_vector():
    vector = VECTORS["ctx"]
    fields = [bytes.fromhex(field) for field in vector["fields"]]

    assert seal.ctx(vector["label"], *fields).hex() == vector["out"]


def test_derive_equals_its_vector():
    vector = VECTORS["derive"]
    fields = [bytes.fromhex(field) for field in vector["fields"]]

    assert seal.derive(Key(bytes.fromhex(vector["key"])), vector["label"], *fields).hex() == vector["out"]


def test_padme_equals_its_vectors():
    assert {size: seal.padme(int(size)) for size in VECTORS["padme"]} == VECTORS["padme"]


@given(st.integers(2, 1 << 40))
def test_padme_never_shrinks_and_adds_at_most_twelve_percent(size):
    assert size <= seal.padme(size) <= size * 1.12


def test_a_box_equals_its_vector_and_opens():
    vector = VECTORS["box"]
    key, plain, salt = (bytes.fromhex(vector[name]) for name in ("key", "pt", "salt"))
    fields = [bytes.fromhex(field) for field in vector["fields"]]

    box = seal.seal_box(Key(key), vector["label"], plain, *fields, salt=salt)

    assert box.hex() == vector["out"]
    assert seal.open_box(Key(key), vector["label"], box, *fields) == plain


@pytest.mark.parametrize(
    ("key", "label", "field"),
    [
        pytest.param("other", "tdk", b"a", id="another key"),
        pytest.param("key", "svc", b"a", id="another purpose"),
        pytest.param("key", "tdk", b"b", id="another field"),
    ],
)
def test_a_box_opens_only_for_what_it_was_sealed_for(key, label, field):
    box = seal.seal_box(Key(det(32, "key")), "tdk", b"secret", b"a")

    with pytest.raises(NotAuthentic):
        seal.open_box(Key(det(32, key)), label, box, field)


def test_no_bit_of_a_box_can_be_changed():
    key = Key(det(32, "key"))
    box = seal.seal_box(key, "tdk", b"secret", b"a")

    for changed in _flipped(box):
        with pytest.raises(REFUSED):
            seal.open_box(key, "tdk", changed, b"a")


@pytest.mark.parametrize("size", [0, 1, 2, 73])
def test_a_short_box_is_malformed(size):
    with pytest.raises(Malformed):
        seal.open_box(Key(det(32, "key")), "tdk", b"\1\1"[:size].ljust(size, b"\0"))


@pytest.mark.parametrize("place", range(5))
def test_a_record_equals_its_vector_and_opens(place):
    vector = VECTORS["chunks"][place]

    name, record, _ = sealed(place)

    assert name.hex() == vector["cid"]
    assert hashlib.sha256(record).hexdigest() == vector["rec_sha256"]
    assert Sealer(ZlibCodec()).unseal(KEYS, record, name) == RAWS[place]


@given(
    raw=st.binary(max_size=3000) | st.binary(max_size=20).map(lambda piece: piece * 200), kind=st.sampled_from([0, 1])
)
def test_what_is_sealed_can_be_unsealed(raw, kind):
    sealer = Sealer(ZstdCodec())
    name = KEYS.content_ids.of(kind, raw)

    record, _ = sealer.seal(KEYS, 1, kind, name, raw)

    assert Sealer(ZstdCodec()).unseal(KEYS, bytes(record), name) == raw


def test_a_sealer_gives_right_records_when_sizes_go_up_and_down():
    sealer = Sealer(ZstdCodec())
    raws = [det(size, "r") for size in (5, 300_000, 17, 70_000, 0, 400_000)]
    names = [KEYS.content_ids.of(0, raw) for raw in raws]

    records = [bytes(sealer.seal(KEYS, 1, 0, name, raw)[0]) for name, raw in zip(names, raws, strict=True)]

    assert [sealer.unseal(KEYS, record) for record in records] == raws


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(domain_keys(space="space2"), id="another space"),
        pytest.param(domain_keys(content="other"), id="another key of content ids"),
        pytest.param(domain_keys(epochs=("sk2",)), id="another key of the epoch"),
        pytest.param(domain_keys(epochs=()), id="no key of the epoch"),
    ],
)
def test_a_record_opens_with_its_own_keys_only(keys):
    _, record, _ = sealed(3)

    with pytest.raises(NotAuthentic):
        Sealer(ZlibCodec()).unseal(keys, record)


def test_a_record_is_not_taken_for_another_chunk():
    with pytest.raises(NotAuthentic):
        Sealer(ZlibCodec()).unseal(KEYS, sealed(3)[1], sealed(2)[0])


@pytest.mark.parametrize("ours", range(4))
@pytest.mark.parametrize("theirs", range(4))
def test_parts_of_two_records_do_not_make_one(ours, theirs):
    mine, other = sealed(ours)[1], sealed(theirs)[1]
    spliced = [mine[:cut] + other[cut:] for cut in (4, 28, 92)]

    outcomes = [_opens(record) for record in spliced]

    assert outcomes == [record in {mine, other} for record in spliced]


def test_no_bit_of_a_record_can_be_changed():
    record = sealed(2)[1]

    assert not any(_opens(changed) for changed in _flipped(record))


@pytest.mark.parametrize("size", [0, 3, 28, 91, 92, 107, 163])
def test_part_of_a_record_does_not_open(size):
    assert not _opens(sealed(3)[1][:size])


def test_a_record_with_more_behind_it_does_not_open():
    assert not _opens(sealed(3)[1] + b"\0")


@pytest.mark.parametrize(
    "payload",
    [
        pytest.param(struct.pack(">II", 4, 5) + b"abcd", id="a body that runs over"),
        pytest.param(struct.pack(">II", 4, 4) + b"abcd\0\1", id="padding that is not zero"),
        pytest.param(struct.pack(">II", 3, 4) + b"abcd", id="another raw length"),
        pytest.param(struct.pack(">II", (8 << 20) + 1, 4) + b"abcd", id="more than a chunk may hold"),
    ],
)
def test_an_authentic_record_with_a_malformed_payload_does_not_open(payload):
    sealer = Sealer(ZlibCodec())
    name = KEYS.content_ids.of(0, b"abcd")
    record = _seal_payload(name, payload)

    with pytest.raises(REFUSED):
        sealer.unseal(KEYS, record, name)


@pytest.mark.parametrize("codec", [ZlibCodec(), ZstdCodec()], ids=["zlib", "zstd"])
def test_a_bomb_is_not_inflated(codec):
    body = codec.compress(bytes(4 << 20))
    payload = struct.pack(">II", 4, len(body)) + body

    with pytest.raises(REFUSED):
        Sealer(codec).unseal(KEYS, _seal_payload(KEYS.content_ids.of(0, b"abcd"), payload, flags=1))


def test_a_cloned_generator_repeats_a_salt_only_where_the_bytes_repeat():
    cloned = [Sealer(ZlibCodec(), lambda size: b"r" * size) for _ in range(3)]
    same, other = b"A" * 5000, b"B" * 5000
    first, second, third = (
        bytes(sealer.seal(KEYS, 1, 0, KEYS.content_ids.of(0, raw), raw)[0])
        for sealer, raw in zip(cloned, (same, same, other), strict=True)
    )

    assert first == second
    assert first[4:28] != third[4:28]


def test_a_key_does_not_show_itself():
    key = Key(det(32, "key"))

    assert det(32, "key").hex() not in repr(key) + str([key]) + f"{key!s}"
    with pytest.raises(TypeError):
        pickle.dumps(key)


def _seal_payload(name: bytes, payload: bytes, flags: int = 0) -> bytes:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    key, space, epoch, salt = KEYS.key(1), KEYS.space, struct.pack(">I", 1), bytes(24)
    header = struct.pack(">4sBBHII32s", b"CCk1", 1, flags, 0, len(payload) + 16, 0, name)
    head = AESGCM(seal.derive(key, "chunk-hdr", space, salt)).encrypt(
        bytes(12), header, seal.ctx("chunk-hdr", space, epoch)
    )
    body_key = AESGCM(seal.derive(key, "chunk-key", space, name, salt))
    return epoch + salt + head + body_key.encrypt(bytes(12), payload, seal.ctx("chunk", space, epoch, header))


def _opens(record: bytes) -> bool:
    try:
        Sealer(ZlibCodec()).unseal(KEYS, record)
    except REFUSED:
        return False
    return True


def _flipped(data: bytes):
    for bit in range(len(data) * 8):
        changed = bytearray(data)
        changed[bit // 8] ^= 1 << (bit % 8)
        yield bytes(changed)
