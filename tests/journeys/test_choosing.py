"""Whole trees that people drop or choose, what is told of many files at once, and keys that can be switched off."""

import pytest

from tests.journeys.test_pages import AXE, make_folder, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def tree(tmp_path):
    """Return a folder with files at two depths and a folder with nothing in it."""
    top = tmp_path / "Holiday"
    (top / "deep" / "deeper").mkdir(parents=True)
    (top / "nothing in it").mkdir()
    (top / "letter.txt").write_text("Dear grandma")
    (top / "deep" / "deeper" / "picture.txt").write_text("not quite a picture")
    return top


def enter(page, *names):
    for name in names:
        page.click(f"tr[data-name='{name}'] a.name")
        page.wait_for_selector(f"h1:has-text('{name}')", state="attached")


def drop(page, *paths):
    driver = page.context.new_cdp_session(page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        driver.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_whole_folder_is_chosen_and_arrives_with_its_folders(signed_in, tree, script):
    page = signed_in(java_script_enabled=script)
    top = f"Chosen {script}"
    make_folder(page, top)
    enter(page, top)
    page.click("#upload summary")
    page.set_input_files("#upload input[webkitdirectory]", str(tree))
    page.click("#upload button:has-text('Upload the folder')")
    page.wait_for_selector("text=2 uploaded.")
    enter(page, "Holiday", "deep", "deeper")
    assert page.locator("tr[data-name='picture.txt']").count() == 1
    assert page.complaints == []


def test_a_tree_is_dropped_with_the_folders_that_hold_nothing(signed_in, tree):
    page = signed_in()
    make_folder(page, "Dropped")
    enter(page, "Dropped")
    drop(page, tree)
    page.wait_for_selector("text=3 uploaded.")
    here = page.url
    enter(page, "Holiday", "nothing in it")
    page.wait_for_selector("text=Nothing here yet")

    page.goto(here)
    drop(page, tree / "nothing in it", tree / "deep")
    page.wait_for_selector("text=2 uploaded.")
    drop(page, tree / "nothing in it")
    page.wait_for_selector("text=1 uploaded.")
    assert page.locator(".notice button").count() == 0, "a folder that was there is nothing to take back"
    assert page.locator("tbody tr").count() == 3
    assert page.complaints == []


def test_many_small_files_are_told_in_one_line_and_what_failed_is_tried_again(signed_in, tmp_path):
    page = signed_in()
    make_folder(page, "Many")
    enter(page, "Many")
    many = tmp_path / "many"
    many.mkdir()
    for count in range(200):
        (many / f"{count}.txt").write_text(f"file {count}")
    page.route("**/content/Many/many/1*.txt?*", lambda route: route.abort())
    drop(page, many)

    most = 0
    page.wait_for_selector(".tray progress")
    while page.locator(".tray li.bad strong").count() == 0:
        most = max(most, page.locator(".tray li:not(.bad)").count())
    assert most == 1
    assert page.inner_text(".tray .bad strong") == "111 failed."
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run('.tray')")
    assert [each["id"] for each in found["violations"]] == []
    page.unroute("**/content/Many/many/1*.txt?*")
    page.click(".tray .bad:has(strong) button")
    page.wait_for_selector("text=200 uploaded.")
    page.click(".notice button")
    page.wait_for_selector("text=Undone.")
    wait_until(page, "document.querySelectorAll('tbody tr').length === 0")
    assert page.complaints == []
