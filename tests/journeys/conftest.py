"""A real daemon and a real browser."""

import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import pytest

CHROMIUM = Path("/usr/bin/chromium")
PASSWORD = "purple tram rides north"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]


@dataclass
class Daemon:
    url: str
    home: Path


@pytest.fixture(scope="session")
def daemon(tmp_path_factory, new_port):
    place = tmp_path_factory.mktemp("journey")
    (place / "password").write_text(PASSWORD)
    port = new_port()
    environment = os.environ | {
        "CLOUDCONNECT_HOME": str(place / "home"),
        "CLOUDCONNECT_LISTEN": f"127.0.0.1:{port}",
        "CLOUDCONNECT_ADMIN_PASSWORD_FILE": str(place / "password"),
    }
    program = str(Path(sys.executable).with_name("cloudconnect"))
    with (place / "log").open("wb") as log:
        process = subprocess.Popen([program, "up"], env=environment, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    for _ in range(200):
        try:
            urllib.request.urlopen(f"{url}/readyz", timeout=1).close()
            break
        except OSError:
            time.sleep(0.05)
    else:
        pytest.fail((place / "log").read_text())
    yield Daemon(url, place / "home")
    process.terminate()
    process.wait()


# The driver runs an event loop in this thread; it must be gone before a test elsewhere asks for one.
@pytest.fixture(scope="module")
def browser(without):
    if not CHROMIUM.exists():
        without("chromium")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as driver:
        running = driver.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser, daemon):
    """Return a function that opens a page in a context of its own and collects what the browser complains about."""
    contexts = []

    def open_page(**options):
        context = browser.new_context(**options)
        contexts.append(context)
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                page.complaints.append(message.text)
                if message.type == "error" and "Failed to load resource" not in message.text
                else None
            ),
        )
        return page

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def signed_in(open_page, daemon):
    """Return a function that opens a page and signs in on it."""

    def sign_in(**options):
        page = open_page(**options)
        page.goto(f"{daemon.url}/sign-in")
        page.fill("input[name=name]", "admin")
        page.fill("input[name=password]", PASSWORD)
        page.click("button.primary")
        page.wait_for_url("**/files/")
        return page

    return sign_in
