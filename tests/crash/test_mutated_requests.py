"""No damaged request breaks a daemon."""

import pytest

from tests.crash.mutated_requests import run

SEED = 3


@pytest.mark.slow
def test_damaged_requests_are_answered_and_leave_nothing_broken(tmp_path_factory):
    tally = run(6_000, 2, SEED, tmp_path_factory.mktemp("r"))
    assert tally.violations == []
    assert tally.answers >= 6_000
    assert tally.statuses[200] > 300, "too few make sense"
