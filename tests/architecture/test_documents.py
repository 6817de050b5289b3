"""What is printed from the code is what the code says."""

import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy/systemd/cloudconnect.service"


def printed():
    """Every generated document and what it should hold."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs/generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.documents()


def links(page):
    """The pages that *page* points to inside the repository."""
    for target in re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", page.read_text()):
        if "://" not in target and not target.startswith("mailto:"):
            yield target


def pages():
    """Every page a person reads."""
    return [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.slow
def test_the_printed_pages_are_up_to_date():
    stale = [str(path.relative_to(ROOT)) for path, text in printed().items() if path.read_text() != text]

    assert stale == [], "run: make docs"


@pytest.mark.parametrize("page", pages(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_page_points_to_nothing_that_is_not_there(page):
    broken = [target for target in links(page) if not (page.parent / target).exists()]

    assert broken == []


def test_every_decision_is_told_in_the_same_four_parts():
    for page in sorted((ROOT / "docs/decisions").glob("[0-9]*.md")):
        headings = [line for line in page.read_text().splitlines() if line.startswith("## ")]
        assert headings == ["## Context", "## Options", "## Decision", "## When to look again"], page.name


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="install systemd to run this")
def test_the_unit_file_exposes_little():
    result = subprocess.run(
        ["systemd-analyze", "security", "--offline=yes", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = float(re.search(r"exposure level for cloudconnect\.service: ([\d.]+)", result.stdout)[1])

    assert exposure <= 2.0


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="install systemd to run this")
def test_the_unit_file_is_understood_whole(tmp_path):
    # systemd-analyze ends with 0 even where it ignores a line, so its words count.
    program = tmp_path / "cloudconnect"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/cloudconnect", str(program)))

    result = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)

    assert [line for line in (result.stdout + result.stderr).splitlines() if "cloudconnect.service" in line] == []


def test_the_package_carries_the_unit_file():
    assert (ROOT / "cli/cloudconnect_cli/service/cloudconnect.service").read_text() == UNIT.read_text()
