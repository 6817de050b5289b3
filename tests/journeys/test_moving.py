"""Things that are moved from one space to another on the pages, the large ones while one watches."""

import os

import pytest

from tests.journeys.test_pages import AXE, make_folder, upload

pytestmark = pytest.mark.slow


def enter(page, *names):
    for name in names:
        page.click(f"tr[data-name='{name}'] a.name")
        page.wait_for_selector(f"h1:has-text('{name}')", state="attached")


def make_space(page, daemon, name):
    page.goto(f"{daemon.url}/spaces")
    page.click("summary[data-key=n]")
    page.fill("details.pop[open] input[name=name]", name)
    page.click("details.pop[open] button.primary")
    page.wait_for_selector(f"text=The space “{name}” is made.")
    return page.url.rpartition("/")[2]


def wait_for(page, is_so, must_reload):
    for _ in range(240):
        if is_so():
            return
        page.wait_for_timeout(250)
        if must_reload:
            page.reload()
    pytest.fail("it never came to it")


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_several_go_to_another_space_and_come_back(signed_in, daemon, tmp_path, script):
    page = signed_in(java_script_enabled=script)
    name = f"Shelf {script}"
    space = make_space(page, daemon, name)
    page.goto(f"{daemon.url}/files/")
    top = f"Leaving {script}"
    make_folder(page, top)
    enter(page, top)
    here = page.url
    make_folder(page, "inside")
    file = tmp_path / "letter.txt"
    file.write_text("Dear grandma")
    upload(page, file)
    page.wait_for_selector("tr[data-name='letter.txt']")

    for each in ("inside", "letter.txt"):
        page.check(f"tr[data-name='{each}'] .pick input")
    page.click("#selection button[formaction='/move']")
    assert page.locator("button:has-text('Move here')").count() == 0, "they are here already"
    page.click(f".chips a:has-text('{name}')")
    page.wait_for_selector("text=Its earlier versions stay with the original")
    page.click("button:has-text('Move here')")
    page.wait_for_selector("text=2 are here now.")
    assert page.url == f"{daemon.url}/spaces/{space}/files/"
    names = page.locator("tbody a.name").all_inner_texts()
    assert [each.strip() for each in names] == ["inside", "letter.txt"]

    page.click(".notice button")
    page.wait_for_selector("text=Undone.")
    assert page.locator("tbody tr").count() == 0
    page.goto(here)
    assert page.locator("tbody tr").count() == 2
    assert page.complaints == []


def test_a_name_that_is_taken_in_the_other_space_is_told(signed_in, daemon):
    page = signed_in()
    space = make_space(page, daemon, "Full shelf")
    for address in (f"/spaces/{space}/files/", "/files/"):
        page.goto(daemon.url + address)
        make_folder(page, "Same name")
    page.click("tr[data-name='Same name'] .row-acts summary")
    page.click("tr[data-name='Same name'] .menu a[href^='/move']")
    page.click(".chips a:has-text('Full shelf')")
    page.click("button:has-text('Move here')")
    page.wait_for_selector(".notice")
    assert "are here now" not in page.inner_text(".notice")
    page.goto(f"{daemon.url}/files/")
    assert page.locator("tr[data-name='Same name']").count() == 1


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_what_is_large_is_watched_paused_and_arrives(signed_in, daemon, tmp_path, script):
    page = signed_in(java_script_enabled=script, bypass_csp=True)
    space = make_space(page, daemon, f"Large {script}")
    folder = f"Heavy {script}"
    api, headers = f"{daemon.url}/api/v1/spaces/personal", {"Origin": daemon.url, "If-None-Match": "*"}
    url = f"{api}/content/{folder}/0?parents=true"
    assert page.request.put(url, data=os.urandom(8 << 20), headers=headers).status == 201
    for count in range(1, 60):
        copy = {"source": f"/{folder}/0", "target": f"/{folder}/{count}"}
        assert page.request.post(f"{api}/copies", data=copy, headers={"Origin": daemon.url}).ok

    page.goto(f"{daemon.url}/files/")
    row = f"tr[data-name='Heavy {script}']"
    page.click(f"{row} .row-acts summary")
    page.click(f"{row} .menu a[href^='/move']")
    page.click(f".chips a:has-text('Large {script}')")
    page.click("button:has-text('Move here')")
    page.wait_for_url("**/moving/*")
    watched = page.url
    page.click("button:has-text('Pause')")
    # It takes a moment to notice; without JavaScript one looks again.
    wait_for(page, lambda: page.locator("button:has-text('Resume')").count(), not script)
    if script:
        page.evaluate(AXE.read_text())
        found = page.evaluate("axe.run().then(result => result.violations.map(each => each.id))")
        assert found == []
    page.goto(f"{daemon.url}/files/")
    page.click("text=See how far it is")
    assert page.url == watched
    page.click("button:has-text('Resume')")
    wait_for(page, lambda: page.url != watched, not script)
    page.wait_for_selector(f"text=“Heavy {script}” is here now.")
    assert page.url == f"{daemon.url}/spaces/{space}/files/"
    page.click(".notice button")
    page.wait_for_selector("text=Undone.")
    page.goto(f"{daemon.url}/files/")
    assert page.locator(row).count() == 1
    assert page.locator("text=See how far it is").count() == 0
    assert page.complaints == []
