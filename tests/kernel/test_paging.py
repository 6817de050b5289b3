"""Cursors: what was handed out comes back, and nothing else does."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.kernel.paging import BadCursor, decode_cursor, encode_cursor, to_moment


def made_of(*keys):
    return base64.urlsafe_b64encode(json.dumps(keys).encode()).rstrip(b"=").decode()


@given(st.integers(-(1 << 61), 1 << 61), st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")))
def test_a_cursor_holds_what_it_was_made_of(number, text):
    assert decode_cursor(encode_cursor(number, text), int, str) == (number, text)


@pytest.mark.parametrize("key", [1 << 62, -(1 << 62), 10**30, "\0", "a\ud800", True, None, 1.5, [1]])
def test_no_database_is_asked_for_what_it_cannot_hold(key):
    with pytest.raises(BadCursor):
        decode_cursor(made_of(key), int if isinstance(key, int) else str)


@pytest.mark.parametrize("milliseconds", [-1, 1 << 60, 253_402_300_799_999])
def test_a_moment_that_no_clock_showed_is_no_key(milliseconds):
    with pytest.raises(BadCursor):
        to_moment(milliseconds)
    assert to_moment(1_000).year == 1970
