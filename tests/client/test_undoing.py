"""The tokens of many changes become few."""

from cloudconnect.client.undoing import UndoTokens


def test_ranges_that_touch_become_one_whatever_their_order():
    undo = UndoTokens()
    for token in ("spc_1.4-6", "", "spc_1.1-3", "spc_1.9-9", "spc_2.1-1", "spc_1.9-12,20-20"):
        undo.add(token)
    assert undo.tokens() == ["spc_1.1-6,9-12,20-20", "spc_2.1-1"]


def test_nothing_changed_is_nothing_to_undo():
    assert UndoTokens().tokens() == []
