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
    if not script:
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


def test_keys_are_switched_off_for_good_and_on_again(signed_in, daemon):
    page = signed_in()
    make_folder(page, "Keys")
    page.keyboard.press("?")
    page.uncheck("dialog[open] input[data-keys]")
    page.keyboard.press("Escape")
    page.reload()
    page.focus("tr[data-name='Keys'] a.name")
    for key in ("?", "n", "x", "#"):
        page.keyboard.press(key)
    assert page.locator("dialog[open], details.pop[open]").count() == 0
    assert not page.is_visible("#selection")
    page.keyboard.press("F2")
    assert page.locator("tr[data-name='Keys'] details[open] input[name=name]").is_visible()

    page.goto(f"{daemon.url}/settings")
    assert not page.is_checked("input[data-keys]")
    page.check("input[data-keys]")
    page.goto(f"{daemon.url}/files/")
    page.keyboard.press("n")
    assert page.locator("details.pop[open]").count() == 1
    assert page.complaints == []


def test_without_javascript_there_are_no_keys_to_switch_off(signed_in, daemon):
    page = signed_in(java_script_enabled=False)
    page.goto(f"{daemon.url}/settings")
    assert not page.is_visible("input[data-keys]")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_what_opens_on_a_page_has_no_barrier(signed_in, daemon, tmp_path, scheme, width):
    page = signed_in(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    top = f"Open {scheme} {width}"
    make_folder(page, top)
    enter(page, top)
    for name in ("one", "two"):
        make_folder(page, name)
    page.click("#upload summary")
    see(page, tmp_path, f"upload {scheme} {width}")
    page.keyboard.press("Escape")
    page.check("tr[data-name='one'] .pick input")
    page.click("#selection summary")
    see(page, tmp_path, f"selection {scheme} {width}")
    page.keyboard.press("Escape")
    page.focus("tr[data-name='one'] a.name")
    page.keyboard.press("?")
    see(page, tmp_path, f"keys {scheme} {width}")
    page.goto(f"{daemon.url}/settings")
    see(page, tmp_path, f"settings {scheme} {width}")


def see(page, place, name):
    page.screenshot(path=place / f"{name}.png")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run().then(result => result.violations)")
    assert [(each["id"], each["nodes"][0]["html"]) for each in found] == [], name
    boxes = page.eval_on_selector_all(
        "details[open] > .panel", "all => all.map((each) => each.getBoundingClientRect())"
    )
    assert all(box["left"] >= 0 and box["right"] <= page.viewport_size["width"] for box in boxes), name
