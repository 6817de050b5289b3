"""Folders and selections that are downloaded as one archive."""

import zipfile

import pytest

from tests.journeys.test_moving import enter
from tests.journeys.test_pages import AXE, make_folder, upload

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_folder_and_a_selection_are_downloaded(signed_in, tmp_path, script):
    page = signed_in(java_script_enabled=script)
    top = f"Holiday {script}"
    make_folder(page, top)
    enter(page, top)
    make_folder(page, "inside")
    (tmp_path / "letter.txt").write_text("Dear grandma")
    upload(page, tmp_path / "letter.txt")
    page.wait_for_selector("tr[data-name='letter.txt']")

    for each in ("inside", "letter.txt"):
        page.check(f"tr[data-name='{each}'] .pick input")
    with page.expect_download() as coming:
        page.click("#selection button[formaction='/zip']")
    with zipfile.ZipFile(coming.value.path()) as archive:
        assert sorted(archive.namelist()) == ["inside/", "letter.txt"]
        assert archive.read("letter.txt") == b"Dear grandma"
    if script:
        page.evaluate(AXE.read_text())
        assert page.evaluate("() => axe.run().then(found => found.violations.map(each => each.id))") == []

    page.goto(page.url.rpartition("/")[0] + "/")
    row = f"tr[data-name='{top}']"
    page.click(f"{row} .row-acts summary")
    with page.expect_download() as coming:
        page.click(f"{row} .row-acts a[download]")
    assert coming.value.suggested_filename == f"{top}.zip"
    with zipfile.ZipFile(coming.value.path()) as archive:
        assert sorted(archive.namelist()) == [f"{top}/", f"{top}/inside/", f"{top}/letter.txt"]
    assert page.complaints == []
