"""Whatever the disk holds after a power cut or an error, what was acknowledged is there and nothing is half there."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from bugs import BUGS, BUGS_OF_ERRORS, BUGS_OF_NEW_SPACES
from driver import Run
from rig import FAULTS, Found, Plan, spread

pytestmark = pytest.mark.slow


def assert_nothing_wrong(found):
    assert found.is_good, str(found)


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_power_cut_at_any_call(rig, seed):
    found = rig.explore(Run(seed=seed, deeds=6), Plan(share=0.6))
    assert_nothing_wrong(found)
    assert found.acknowledged >= 6
    assert found.states > 200


def test_a_power_cut_after_another(rig):
    found = rig.explore(Run(seed=5, deeds=4), Plan(share=0.3, restarts=60))
    assert_nothing_wrong(found)
    assert found.runs > 1


def test_a_power_cut_while_the_store_is_made(rig):
    found = rig.explore(Run(seed=4, deeds=1, is_new=True), Plan(share=0.4))
    assert_nothing_wrong(found)
    assert found.states > 200


@pytest.mark.parametrize("bug", sorted(BUGS.keys() - BUGS_OF_ERRORS.keys()))
def test_the_rig_finds(rig, bug):
    for seed in range(1, 6):
        run = Run(seed=seed, deeds=14, bug=bug, is_new=bug in BUGS_OF_NEW_SPACES)
        found = rig.explore(run, Plan(modes=("all", "none"), stops_at_first=True))
        assert not found.failures, found.failures
        if found.violations:
            return
    pytest.fail("not found")


@pytest.mark.parametrize("bug", sorted(BUGS_OF_ERRORS))
def test_the_rig_finds_under_errors(rig, bug):
    run = Run(seed=1, deeds=6, bug=bug, fault_path=BUGS_OF_ERRORS[bug])
    for faulty in spread(run, FAULTS["sync: input/output error"], rig.count(run)["s"]):
        if rig.explore(faulty, Plan(modes=("none",), after_failure=True, stops_at_first=True)).violations:
            return
    pytest.fail("not found")


@pytest.mark.parametrize("fault", FAULTS)
def test_an_error_of_the_disk(rig, fault):
    run = Run(seed=5, deeds=4)
    found = Found()
    for faulty in spread(run, FAULTS[fault], rig.count(run)[FAULTS[fault][0]], most=6):
        found.add(rig.explore(faulty, Plan(share=0.02, after_failure=True)))
    assert_nothing_wrong(found)
    assert found.runs
