"""Whole stories in a real browser: with JavaScript, without it, by keyboard, and what an accessibility checker says."""

import contextlib
import os
import sqlite3
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
AXE = Path(__file__).parents[2] / "web" / "node_modules" / "axe-core" / "axe.min.js"


def upload(page, *files):
    page.click("#upload summary")
    page.set_input_files("#upload form:first-child input[type=file]", [str(file) for file in files])
    # With JavaScript it begins as soon as files are chosen.
    if page.is_visible("#upload form button"):
        page.click("#upload form button")


def make_folder(page, name):
    page.click("summary[data-key=n]")
    page.fill("details.pop[open] input[name=name]", name)
    page.click("details.pop[open] button.primary")
    page.wait_for_selector(f"text=The folder “{name}” is made.")


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_file_goes_in_moves_around_is_removed_and_comes_back(signed_in, tmp_path, script):
    page = signed_in(java_script_enabled=script)
    folder = f"Story {script}"
    make_folder(page, folder)
    page.click(f"tr[data-name='{folder}'] a.name")
    file = tmp_path / "letter.txt"
    file.write_text("Dear grandma,\n" * 100)
    upload(page, file)
    page.wait_for_selector("tr[data-name='letter.txt']")

    row = "tr[data-name='letter.txt']"
    page.click(f"{row} .row-acts summary")
    page.click(f"{row} .menu details summary")
    page.fill(f"{row} input[name=name]", "for grandma.txt")
    page.click(f"{row} .menu details button")
    page.wait_for_selector("tr[data-name='for grandma.txt']")

    row = "tr[data-name='for grandma.txt']"
    page.click(f"{row} .row-acts summary")
    page.click(f"{row} button.danger")
    page.wait_for_selector("text=is in the trash")
    assert page.locator(row).count() == 0
    page.click(".notice button")
    page.wait_for_selector(row)

    page.click(f"{row} .row-acts summary")
    page.click(f"{row} .menu a[href^='/move']")
    page.click(".crumbs a >> nth=0")
    page.click("button.primary")
    page.wait_for_selector("text=is here now")
    page.click(f"{row} a.name")
    with page.expect_download() as started:
        page.click("a.primary")
    assert Path(started.value.path()).read_bytes() == file.read_bytes()
    page.click("button.danger")
    assert page.complaints == []


def test_a_second_upload_of_the_same_name_is_a_new_version(signed_in, tmp_path):
    page = signed_in()
    make_folder(page, "Versions")
    page.click("tr[data-name='Versions'] a.name")
    file = tmp_path / "plan.txt"
    for text in ("one", "two, longer"):
        file.write_text(text)
        with page.expect_navigation():
            upload(page, file)
            if text != "one":
                page.click("dialog.ask button:has-text('New version')")
        page.wait_for_selector(f"td.size:has-text('{len(text)} B')")
    assert page.locator("tbody tr").count() == 1


def test_what_becomes_of_taken_names_is_asked_once_for_all(signed_in, tmp_path):
    page = signed_in()
    make_folder(page, "Twice")
    page.click("tr[data-name='Twice'] a.name")
    files = [tmp_path / name for name in ("a.txt", "b.txt", ".hidden", "new.txt")]
    for file in files[:3]:
        file.write_text("first")
    upload(page, *files[:3])
    page.wait_for_selector("text=3 uploaded.")
    for file in files:
        file.write_text("second")

    upload(page, *files)
    page.wait_for_selector("dialog.ask >> text=3 of these files are here already.")
    page.evaluate(AXE.read_text())
    found = page.evaluate("axe.run('dialog.ask')")
    assert [each["id"] for each in found["violations"]] == []
    with page.expect_navigation():
        page.click("dialog.ask button:has-text('Keep both')")
    page.wait_for_selector("text=4 uploaded.")
    upload(page, *files[:1])
    page.wait_for_selector("dialog.ask >> text=“a.txt” is here already.")
    with page.expect_navigation():
        page.click("dialog.ask button:has-text('Keep both')")

    page.wait_for_selector("tr[data-name='a (3).txt']")
    names = page.eval_on_selector_all("tbody tr", "rows => rows.map((row) => row.dataset.name)")
    assert sorted(names) == sorted(
        [".hidden", ".hidden (2)", "a (2).txt", "a (3).txt", "a.txt", "b (2).txt", "b.txt", "new.txt"]
    )
    upload(page, *files[:2])
    page.wait_for_selector("dialog.ask")
    page.keyboard.press("Escape")
    page.wait_for_selector(".tray >> text=Cancelled")
    assert page.locator("dialog.ask").count() == 0
    page.reload()
    assert page.locator("tbody tr").count() == 8
    assert page.complaints == []


def test_everything_is_within_reach_of_the_keyboard(signed_in):
    page = signed_in()
    make_folder(page, "Aardvark")
    page.keyboard.press("j")
    page.keyboard.press("k")
    assert page.evaluate("document.activeElement.textContent.trim()") == "Aardvark"
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1
    page.keyboard.press("Escape")
    page.keyboard.press("n")
    page.keyboard.type("Badger")
    page.keyboard.press("Enter")
    page.wait_for_selector("tr[data-name='Badger']")
    page.focus("tr[data-name='Badger'] a.name")
    page.keyboard.press("#")
    page.wait_for_selector("text=“Badger” is in the trash.")
    page.keyboard.press("z")
    page.wait_for_selector("tr[data-name='Badger']")


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_several_are_chosen_moved_removed_and_brought_back(signed_in, script):
    page = signed_in(java_script_enabled=script)
    top = f"Several {script}"
    make_folder(page, top)
    page.click(f"tr[data-name='{top}'] a.name")
    for name in ("one", "two", "three"):
        make_folder(page, name)
    assert not page.is_visible("#selection")

    for name in ("one", "two"):
        page.check(f"tr[data-name='{name}'] .pick input")
    page.click("#selection summary")
    page.fill("#selection input[name=name]", "status")
    page.fill("#selection input[name=value]", "draft")
    page.press("#selection input[name=value]", "Enter")
    page.wait_for_selector("text=2 have the tag “status” now.")
    page.click(".notice button")
    page.wait_for_selector("text=Undone.")
    for name in ("one", "two"):
        page.check(f"tr[data-name='{name}'] .pick input")
    page.click("#selection button[formaction='/move']")
    assert page.locator(".picker a").all_inner_texts() == ["three"]
    page.click(".picker a")
    page.click("button.primary")
    page.wait_for_selector("text=2 are here now.")
    for name in ("one", "two"):
        page.check(f"tr[data-name='{name}'] .pick input")
    page.click("#selection button.danger")
    page.wait_for_selector("text=2 are in the trash.")
    assert page.locator("tbody tr").count() == 0

    page.click(".notice button")
    page.wait_for_selector("text=Undone.")
    assert page.locator("tbody tr").count() == 2
    assert page.complaints == []


def test_a_whole_folder_is_chosen_at_once(signed_in):
    page = signed_in()
    make_folder(page, "All of it")
    page.click("tr[data-name='All of it'] a.name")
    for name in ("a", "b", "c", "d"):
        make_folder(page, name)
    page.focus("tr[data-name='a'] a.name")
    page.keyboard.press("a")
    assert page.inner_text("#selection .count") == "4 selected"
    page.click("tr[data-name='a'] .pick input")
    page.click("tr[data-name='c'] .pick input", modifiers=["Shift"])
    assert page.inner_text("#selection .count") == "1 selected"

    page.keyboard.press("a")
    page.keyboard.press("t")
    page.keyboard.type("family")
    page.keyboard.press("Enter")
    page.wait_for_selector("text=4 have the tag “family” now.")
    page.focus("tr[data-name='a'] a.name")
    page.keyboard.press("m")
    page.keyboard.press("a")
    page.keyboard.press("#")
    page.wait_for_selector("text=4 are in the trash.")
    page.keyboard.press("z")
    page.wait_for_selector("text=Undone.")
    assert page.locator("tbody tr").count() == 4
    assert page.complaints == []


def test_a_folder_is_seen_as_it_was(signed_in, daemon):
    page = signed_in()
    make_folder(page, "Past")
    page.click("tr[data-name='Past'] a.name")
    make_folder(page, "before")
    page.wait_for_timeout(1_100)
    page.check("tr[data-name='before'] .pick input")
    page.click("#selection button.danger")
    page.wait_for_selector("text=are in the trash")

    page.goto(f"{daemon.url}/files/Past?at=1s")
    page.wait_for_selector("tr[data-name='before']")
    assert page.locator(".pick, .acts .primary").count() == 0
    page.locator("#slider input").press("End")
    page.wait_for_url("**/files/Past?at=20*")
    page.wait_for_selector("text=Nothing here yet")
    page.click("text=Back to now")
    page.wait_for_url("**/files/Past")


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_an_earlier_version_comes_back_and_goes_again(signed_in, tmp_path, script):
    page = signed_in(java_script_enabled=script)
    name = f"letter {script}.txt"
    file = tmp_path / name
    for text in ("one", "two, longer"):
        file.write_text(text)
        with page.expect_navigation():
            upload(page, file)
            if script and text != "one":
                page.click("dialog.ask button:has-text('New version')")
        page.wait_for_selector(f"tr[data-name='{name}'] td.size:has-text('{len(text)} B')")
    page.click(f"tr[data-name='{name}'] a.name")
    page.click("a[href^='/versions']")
    assert page.locator("tbody tr").count() == 2
    page.click("button[value=pin]")
    page.wait_for_selector("text=This version is kept for good.")
    page.click("button[value=restore]")
    page.wait_for_selector("dd:has-text('3 B')")
    page.click(".notice button")
    page.wait_for_selector("text=Undone.")
    page.wait_for_selector("dd:has-text('11 B')")
    page.click("text=Add a tag")
    page.fill("details[open] input[name=name]", "family")
    page.click("details[open] button")
    page.wait_for_selector(".tags li:has-text('family')")
    page.click(".tags button")
    assert page.locator(".tags li").count() == 0
    assert page.complaints == []


def test_what_is_in_the_trash_goes_for_good(signed_in, daemon):
    page = signed_in()
    for name in ("Gone", "Going"):
        make_folder(page, name)
        page.check(f"tr[data-name='{name}'] .pick input")
        page.click("#selection button.danger")
        page.wait_for_selector("text=are in the trash")
    page.goto(f"{daemon.url}/trash")
    page.click("summary[aria-label='Actions for Gone']")
    page.click("details[open] button.danger")
    page.wait_for_selector("text=It is gone for good.")
    assert page.locator("tr:has-text('Gone')").count() == 0
    page.click("text=Empty the trash")
    page.click("text=Delete all of it for good")
    page.wait_for_selector("text=The trash is empty")


def test_a_session_that_was_stopped_is_told_and_let_go(signed_in, daemon):
    page = signed_in()
    space = page.request.get(f"{daemon.url}/api/v1/spaces/personal").json()["id"]
    with contextlib.closing(sqlite3.connect(daemon.home / "cloudconnect.db", timeout=10)) as sql, sql:
        sql.execute(
            "INSERT INTO brake (id, space, session, actor, actor_name, reason, changes, seq, pulled_ms)"
            " VALUES ('brk_01KJMMA2G0DZFWBP0X6HJMMXYR', ?, 'tok_sync', 'usr_x', 'sync', 'mass-change', 200, 1, 0)",
            (space,),
        )

    page.goto(f"{daemon.url}/files/")
    assert "sync removed or changed 200 files" in page.inner_text(".alarm")
    page.click(".alarm button[value=rollback]")
    page.wait_for_selector(".notice")
    page.click(".alarm button[value=lift]")
    page.wait_for_selector("text=It may write again.")
    assert page.locator(".alarm").count() == 0
    assert page.complaints == []


def test_an_app_gets_a_password_of_its_own(signed_in, daemon):
    page = signed_in()
    page.goto(f"{daemon.url}/settings/apps")
    page.fill("input[name=name]", "laptop")
    page.select_option("select[name=may]", "read")
    page.click("button.primary")
    secret = page.inner_text("#secret")
    headers = {"Authorization": f"Bearer {secret}"}
    address = f"{daemon.url}/api/v1/spaces/personal"
    assert page.request.get(address, headers=headers).status == 200
    assert page.request.post(f"{address}/folders/no", headers=headers).status == 403

    page.goto(f"{daemon.url}/settings/apps")
    assert secret not in page.content()
    page.click("button[aria-label='Take away laptop']")
    page.wait_for_selector("text=holds no longer")
    page.wait_for_timeout(600)  # who was recognised is remembered for half a second
    assert page.request.get(address, headers=headers).status == 401


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_no_page_has_a_barrier(signed_in, daemon, scheme, width):
    if not AXE.exists():
        pytest.skip("install axe-core with npm ci in web/")
    page = signed_in(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    make_folder(page, f"Barrier {scheme} {width}")
    for address in (
        "/files/",
        "/files/?at=0s",
        "/trash",
        "/spaces",
        "/spaces/personal",
        "/settings",
        "/settings/sessions",
        "/settings/apps",
        "/files/nowhere",
        "/docs/problems",
    ):
        page.goto(daemon.url + address)
        page.evaluate(AXE.read_text())
        found = page.evaluate(
            "axe.run().then(result => result.violations.map(each => each.id + ': ' + each.nodes[0].html))"
        )
        assert found == [], address


def test_a_wrong_password_is_said_and_the_name_kept(open_page, daemon):
    page = open_page()
    page.goto(f"{daemon.url}/files/?at=1h")
    page.fill("input[name=name]", "admin")
    page.fill("input[name=password]", "not this one")
    page.click("button.primary")
    page.wait_for_selector("[role=alert]")
    assert page.input_value("input[name=name]") == "admin"
    assert page.input_value("input[name=next]") == "/files/?at=1h"


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_never_leads_elsewhere(open_page, daemon, target):
    page = open_page()
    page.goto(f"{daemon.url}/sign-in?next={target}")
    assert page.input_value("input[name=next]") == "/files/"


def test_another_device_is_signed_out_from_the_list(signed_in, daemon):
    here, there = signed_in(), signed_in()
    here.goto(f"{daemon.url}/settings/sessions")
    here.click("text=Sign out all others")
    here.wait_for_selector("text=signed out")
    there.wait_for_timeout(600)
    there.goto(f"{daemon.url}/files/")
    assert "/sign-in" in there.url


@pytest.mark.parametrize("script", [True, False], ids=["with JavaScript", "without JavaScript"])
def test_a_space_is_made_filled_archived_and_brought_back(signed_in, tmp_path, script):
    page = signed_in(java_script_enabled=script)
    name = f"Photos {script}"
    page.click("nav.places a[href='/spaces']")
    page.click("summary[data-key=n]")
    page.fill("details.pop[open] input[name=name]", name)
    page.fill("details.pop[open] input[name=quota]", "1M")
    page.click("details.pop[open] button.primary")
    page.wait_for_selector(f"text=The space “{name}” is made.")

    page.click("main .acts a.primary")
    make_folder(page, "2024")
    page.click("tr[data-name='2024'] a.name")
    file = tmp_path / "picture.txt"
    file.write_text("not quite a picture")
    upload(page, file)
    page.wait_for_selector("tr[data-name='picture.txt']")
    row = "tr[data-name='picture.txt']"
    page.click(f"{row} .row-acts summary")
    page.click(f"{row} button.danger")
    page.wait_for_selector("text=is in the trash")
    page.click("nav.places a[href$='/trash']")
    page.wait_for_selector(f"h1:has-text('{name}')")
    page.click("button:has-text('Restore')")
    page.goto(page.url.replace("/trash", "/files/2024"))
    page.click(f"{row} a.name")
    with page.expect_download() as started:
        page.click("a.primary")
    assert Path(started.value.path()).read_bytes() == file.read_bytes()

    page.click("nav.places a[href='/spaces']")
    page.click(f"tr:has-text('{name}') .row-acts a")
    page.click("button:has-text('Archive it')")
    page.wait_for_selector(f"text=“{name}” is archived.")
    page.click("main .acts a.primary")
    page.wait_for_selector("text=nothing in it changes")
    assert page.locator("#upload").count() == 0
    page.click("text=Bring it back")
    page.click("button:has-text('Bring it back')")
    page.wait_for_selector(f"text=“{name}” may change again.")
    assert page.complaints == []


def large_file(tmp_path, mib=24):
    file = tmp_path / f"film {mib}.bin"
    file.write_bytes(os.urandom(mib << 20))
    return file


def slow_down(page, bytes_per_second):
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.send(
        "Network.emulateNetworkConditions",
        {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": bytes_per_second},
    )
    return network


def wait_for_bytes(page, least):
    wait_until(page, f"document.querySelector('.tray progress')?.value > {least}")


def wait_until(page, expression):
    """The page's own way to wait evaluates text, which its policy forbids."""
    for _ in range(400):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    pytest.fail(f"never: {expression}")


def open_uploads(page):
    return page.evaluate("fetch('/api/v1/uploads').then((answer) => answer.json())")["data"]


def test_a_large_upload_goes_on_after_a_reload_where_it_was(signed_in, tmp_path):
    page, file = signed_in(), large_file(tmp_path)
    make_folder(page, "Films")
    page.click("tr[data-name='Films'] a.name")
    network = slow_down(page, 6 << 20)
    upload(page, file)
    wait_for_bytes(page, 6 << 20)

    page.reload()
    page.wait_for_selector("text=Not finished")
    (begun,) = open_uploads(page)
    assert begun["received"] > 4 << 20
    begun_at = []
    page.on("request", lambda sent: sent.method == "PATCH" and begun_at.append(int(sent.headers["upload-offset"])))
    page.set_input_files(".tray input[type=file]", str(Path(__file__)))
    page.wait_for_selector("text=This is another file.")
    network.detach()
    page.set_input_files(".tray input[type=file]", str(file))

    page.wait_for_selector("text=1 uploaded.")
    assert begun_at == [begun["received"]], "no byte that was acknowledged is sent again"
    page.click("tr a.name >> text=film")
    with page.expect_download() as started:
        page.click("a.primary")
    assert Path(started.value.path()).read_bytes() == file.read_bytes()
    assert page.complaints == []


def test_a_large_upload_is_paused_resumed_cancelled_and_undone(signed_in, tmp_path):
    page, file = signed_in(), large_file(tmp_path, 20)
    make_folder(page, "Breaks")
    page.click("tr[data-name='Breaks'] a.name")
    slow_down(page, 6 << 20)
    upload(page, file)
    wait_for_bytes(page, 4 << 20)
    page.click(".tray button:has-text('Pause')")
    page.wait_for_selector(".tray >> text=Paused")
    page.click(".tray button:has-text('Resume')")
    page.click(".tray button:has-text('Cancel')")
    page.wait_for_selector(".tray >> text=Cancelled")
    wait_until(page, "fetch('/api/v1/uploads').then((answer) => answer.json()).then((page) => !page.data.length)")

    page.reload()
    upload(page, file)
    page.wait_for_selector("text=1 uploaded.")
    page.click(".notice button")
    page.wait_for_selector("text=Undone.")
    assert page.locator("tbody tr").count() == 0
    assert page.complaints == []


def test_a_large_upload_whose_name_is_taken_meanwhile_becomes_another_version(signed_in, tmp_path):
    page, file = signed_in(), large_file(tmp_path, 16)
    make_folder(page, "Clash")
    page.click("tr[data-name='Clash'] a.name")
    network = slow_down(page, 6 << 20)
    upload(page, file)
    wait_for_bytes(page, 4 << 20)
    address = f"/api/v1/spaces/personal/content/Clash/{file.name.replace(' ', '%20')}"
    put = f"fetch('{address}', {{method: 'PUT', headers: {{'If-None-Match': '*'}}, body: 'first'}})"
    assert page.evaluate(f"{put}.then((answer) => answer.status)") == 201
    network.detach()

    page.click("dialog.ask button:has-text('New version')")
    page.wait_for_selector("text=1 uploaded.")
    page.click("tr a.name >> text=film")
    with page.expect_download() as started:
        page.click("a.primary")
    assert Path(started.value.path()).read_bytes() == file.read_bytes()
    page.click("text=Versions")
    page.wait_for_selector("text=Bring back")
    assert page.locator("tbody tr").count() == 2
    assert open_uploads(page) == []
