"""Recovery shares: enough of one set open the keyring, fewer or others do not, and a mistyped one is named."""

import itertools
from contextlib import closing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cloudconnect.storage.errors import WrongKey
from cloudconnect.storage.keyring import Keyring
from cloudconnect.storage.seal import new_key
from cloudconnect.storage.shares import BadShares, Share, join, split
from cloudconnect.storage.slots import KeyFileSlot

SPACE = bytes(range(16))


@pytest.mark.parametrize(("needed", "total"), [(2, 2), (2, 3), (3, 5), (4, 8)])
def test_every_set_of_as_many_as_are_needed_opens_and_none_of_fewer(needed, total):
    master = new_key()
    made = split(master, needed, total)

    for chosen in itertools.combinations(made.shares, needed):
        assert join(chosen, made.boxes).secret == master.secret
    for chosen in itertools.combinations(made.shares, needed - 1):
        with pytest.raises(WrongKey):
            join(chosen, made.boxes)


def test_more_shares_than_are_needed_open_as_well():
    master = new_key()
    made = split(master, 2, 4)

    assert join([*made.shares, made.shares[0]], made.boxes).secret == master.secret


def test_three_of_five_take_ten_boxes():
    made = split(new_key(), 3, 5)

    assert (len(made.boxes), sum(len(box) for box in made.boxes.values())) == (10, 1060)


@pytest.mark.parametrize(("needed", "total"), [(0, 3), (1, 3), (4, 3), (10, 20), (2, 40)])
def test_what_makes_no_sense_is_refused(needed, total):
    with pytest.raises(BadShares):
        split(new_key(), needed, total)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_a_share_is_read_back_as_typed_and_any_wrong_letter_is_noticed(data):
    share = data.draw(st.sampled_from(split(new_key(), 2, 9).shares))
    text = str(share)
    assert Share.parse(text.lower().replace("-", " ")) == share
    place = data.draw(st.integers(5, len(text) - 1).filter(lambda place: text[place] != "-"))
    letter = data.draw(st.sampled_from("0123456789ABCDEFGHJKMNPQRSTVWXYZ").filter(lambda each: each != text[place]))

    with pytest.raises(WrongKey):
        Share.parse(text[:place] + letter + text[place + 1 :])


@pytest.mark.parametrize("text", ["", "CCS1", "CCS1-ABCD-1", "ü" * 70, "CCR1-ABCD", "CCS1-ABCD-1-" + "Z" * 59])
def test_what_is_no_share_is_refused(text):
    with pytest.raises(WrongKey):
        Share.parse(text)


@pytest.fixture
def keyring(tmp_path):
    made, _ = Keyring.create(tmp_path / "keyring.db", KeyFileSlot(tmp_path / "key"))
    made.add_domain(SPACE)
    with closing(made):
        yield made


def test_shares_open_the_keyring_until_a_new_set_replaces_them(keyring, tmp_path):
    first = keyring.replace_shares(2, 3)
    assert keyring.find_shares().needed == 2
    assert keyring.find_shares().total == 3
    with closing(Keyring.open(tmp_path / "keyring.db", first[1:])) as again:
        assert again.domain(SPACE).cut_key.secret == keyring.domain(SPACE).cut_key.secret

    second = keyring.replace_shares(2, 2)

    for shares in (first[:2], [first[0], second[0]], [], second[:1]):
        with pytest.raises(WrongKey):
            Keyring.open(tmp_path / "keyring.db", shares)


def test_a_share_does_not_show_its_secret():
    (share, *_) = split(new_key(), 2, 2).shares

    assert share.secret.hex() not in repr(share)
    assert repr(share).startswith("Share(")
