"""One undo for many changes, short enough for the cookie that carries it to the page."""

import pytest

from cloudconnect_web.pages.past import merge_undo


def test_neighbours_become_one_range_however_many_there_are():
    assert merge_undo(f"spc_A.{seq}-{seq}" for seq in range(500, 0, -1)) == "spc_A.1-500"


@pytest.mark.parametrize(
    ("tokens", "merged"),
    [
        (["spc_A.1-2", "spc_A.4-4", "spc_A.3-3", "spc_A.9-9"], "spc_A.1-4,9-9"),
        (["spc_A.1-1,5-6", "", "spc_A.7-7"], "spc_A.1-1,5-7"),
        (["spc_B.9-9", "spc_A.2-2", "spc_B.8-8", "spc_A.1-1"], "spc_B.8-9 spc_A.1-2"),
        (["spc_A.1-1", "no token"], ""),
        ([], ""),
    ],
)
def test_tokens_are_merged_for_each_space_in_their_order(tokens, merged):
    assert merge_undo(tokens) == merged
