"""What a person with a phone, or with a keyboard alone, must be able to see and reach."""

import pytest

from tests.journeys.test_pages import make_folder, upload

pytestmark = pytest.mark.slow
PHONE = {"width": 390, "height": 700}


def enter(page, *names):
    for name in names:
        page.click(f"tr[data-name='{name}'] a.name")
        page.wait_for_selector(f"h1:has-text('{name}')", state="attached")


def box(page, selector):
    return page.locator(selector).bounding_box()


def is_on_top(page, selector):
    """Tell whether what is seen at the middle of something is the thing itself."""
    return page.locator(selector).evaluate(
        "(seen) => { const { left, top, width, height } = seen.getBoundingClientRect();"
        " return seen.contains(document.elementFromPoint(left + width / 2, top + height / 2)); }"
    )


@pytest.mark.parametrize("language", ["en", "de"])
def test_every_place_fits_on_a_phone_and_the_others_are_under_the_account(signed_in, daemon, language):
    page = signed_in(locale=language, viewport=PHONE)
    shown = page.locator(".places a:visible")
    assert shown.count() == 4
    edges = shown.evaluate_all("(all) => all.map((each) => each.scrollWidth <= each.clientWidth)")
    assert all(edges)
    assert box(page, ".places a[href='/settings']")["x"] + box(page, ".places a[href='/settings']")["width"] <= 390
    page.goto(f"{daemon.url}/settings")
    page.click("main a[href='/settings/apps']")
    assert page.get_attribute(".places a[href='/settings']", "aria-current") == "true"


def test_the_menu_of_the_last_row_is_not_below_the_edge(signed_in):
    page = signed_in(viewport=PHONE)
    make_folder(page, "Many on a phone")
    enter(page, "Many on a phone")
    for count in range(12):
        make_folder(page, f"folder {count:02}")
    page.evaluate("scrollTo(0, document.body.scrollHeight)")
    page.click("tbody tr:last-child .row-acts summary")
    for selector in ("details[open] .menu a >> nth=0", "details[open] .menu button.danger"):
        assert is_on_top(page, selector)
    page.keyboard.press("Escape")
    assert page.evaluate("document.activeElement.tagName") == "SUMMARY"


@pytest.mark.parametrize("width", [1280, 390])
def test_no_row_moves_when_the_first_is_ticked(signed_in, width):
    page = signed_in(viewport={"width": width, "height": 700})
    make_folder(page, f"Still {width}")
    enter(page, f"Still {width}")
    for name in ("one", "two"):
        make_folder(page, name)
    before = box(page, "tr[data-name='two']")
    page.check("tr[data-name='one'] .pick input")
    assert box(page, "tr[data-name='two']") == before
    words = page.locator("#selection button:visible, #selection summary:visible").all_inner_texts()
    assert [each.strip() for each in words] == ["Tag", "Download", "Move", "Delete"]
    assert all(is_on_top(page, f"#selection {each}") for each in ("summary", "button.danger"))


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_what_is_told_can_be_closed(signed_in, script):
    page = signed_in(java_script_enabled=script, viewport=PHONE)
    make_folder(page, f"Told {script}")
    page.click(".notice .close")
    page.wait_for_selector(".notice", state="detached")
    assert page.locator(f"tr[data-name='Told {script}']").count() == 1


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_tags_are_read_in_the_list_and_taken_off_a_folder(signed_in, script):
    page = signed_in(java_script_enabled=script)
    name = f"Tagged {script}"
    make_folder(page, name)
    for tag, value in (("family", ""), ("year", "1999")):
        page.check(f"tr[data-name='{name}'] .pick input")
        page.click("#selection summary")
        page.fill("#selection input[name=name]", tag)
        page.fill("#selection input[name=value]", value)
        page.press("#selection input[name=value]", "Enter")
        page.wait_for_selector(f"text=One has the tag “{tag}” now.")
    assert page.locator(f"tr[data-name='{name}'] .badge").all_inner_texts() == ["family", "year = 1999"]
    enter(page, name)
    assert [each.split("\n")[0] for each in page.locator(".tags bdi").all_inner_texts()] == ["family", "year = 1999"]
    page.click("button[aria-label='Remove the tag family']")
    page.wait_for_selector(".tags:not(:has-text('family'))")


def test_the_trash_shows_when_something_was_removed(signed_in, daemon):
    page = signed_in(viewport={"width": 1280, "height": 700})
    make_folder(page, "Removed")
    page.check("tr[data-name='Removed'] .pick input")
    page.click("#selection button.danger")
    page.goto(f"{daemon.url}/trash")
    row = "tr:has-text('Removed') "
    assert "can be brought back for 30 days" in page.inner_text("main")
    moment, act = box(page, row + "time"), box(page, row + "button >> nth=0")
    assert moment["x"] + moment["width"] <= act["x"]


def test_versions_tell_the_hour_on_a_phone(signed_in, daemon, tmp_path):
    page = signed_in(viewport=PHONE)
    file = tmp_path / "hours.txt"
    file.write_text("one")
    upload(page, file)
    page.wait_for_selector("tr[data-name='hours.txt']")
    page.goto(f"{daemon.url}/versions/hours.txt")
    assert ":" in page.inner_text("tbody time")
    assert page.inner_text("tbody .row-acts").strip() == "Download"


def test_a_moment_before_a_folder_was_made_leads_to_later_ones(signed_in, daemon):
    page = signed_in()
    make_folder(page, "Young")
    answer = page.goto(f"{daemon.url}/files/Young?at=1w")
    assert answer.status == 404
    page.wait_for_selector("text=It was not there yet")
    page.wait_for_selector("#slider input")
    page.click("text=Back to now")
    page.wait_for_selector("text=Nothing here yet")
    page.goto(f"{daemon.url}/files/nowhere?at=1w")
    page.wait_for_selector("text=There is no such file or folder")


def test_a_quota_is_read_back_as_a_person_writes_it(signed_in, daemon):
    page = signed_in()
    page.goto(f"{daemon.url}/spaces")
    page.click("summary[data-key=n]")
    page.fill("details.pop[open] input[name=name]", "Bounded")
    page.fill("details.pop[open] input[name=quota]", "10GiB")
    page.click("details.pop[open] button.primary")
    page.wait_for_selector("text=The space “Bounded” is made.")
    assert page.input_value("input[name=quota]") == "10 GiB"
    page.goto(f"{daemon.url}/spaces")
    assert page.inner_text("tbody tr:first-child .name") == "My files"


def test_whoever_deletes_with_a_key_stays_where_he_was(signed_in):
    page = signed_in()
    make_folder(page, "By keys")
    enter(page, "By keys")
    for name in ("one", "three", "two"):
        make_folder(page, name)
    page.focus("tr[data-name='three'] a.name")
    page.keyboard.press("#")
    page.wait_for_selector("text=“three” is in the trash.")
    assert page.evaluate("document.activeElement.textContent.trim()") == "two"


def test_without_javascript_another_moment_is_chosen_from_a_list(signed_in, daemon):
    page = signed_in(java_script_enabled=False)
    make_folder(page, "Before")
    page.goto(f"{daemon.url}/files/Before?at=0s")
    page.wait_for_selector("text=This is the folder as it was.")
    page.select_option("#slider select", "1w")
    page.click("#slider button")
    page.wait_for_selector("text=It was not there yet")
    assert page.locator("#slider select").count() == 1
