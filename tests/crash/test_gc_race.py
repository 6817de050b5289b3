"""Garbage is collected beside uploads, downloads and what counts on the garbage; nothing needed ever goes."""

import importlib.util
import sys
from pathlib import Path

import pytest


@pytest.mark.slow
def test_a_short_race_takes_nothing_that_is_needed(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parent))
    spec = importlib.util.spec_from_file_location("gc_race", Path(__file__).with_name("gc_race.py"))
    gc_race = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "gc_race", gc_race)
    spec.loader.exec_module(gc_race)

    race = gc_race.run(6, tmp_path)

    assert race.violations == []
    assert race.counts["chunks_removed"] > 0
    assert race.counts["uploaded"] > 0
