"""A daemon that is killed keeps what it acknowledged."""

import importlib.util
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_killed_daemon_keeps_what_it_acknowledged(tmp_path):
    spec = importlib.util.spec_from_file_location("kill_loop", Path(__file__).with_name("kill_loop.py"))
    kill_loop = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(kill_loop)
    (bench,) = kill_loop.run(cycles=5, clients=4, place=tmp_path)
    assert bench.violations == []
    assert bench.acknowledged > 0
