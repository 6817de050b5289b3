"""Browsers and programs keep what makes them known, and show it when somebody signs in again."""

import aiohttp
import pytest

from cloudconnect.features.auth import rules
from cloudconnect.kernel.errors import Unauthenticated

PASSWORD = "purple tram rides north"
HERE = {"Sec-Fetch-Site": "same-origin"}


@pytest.fixture
async def guess(site, monkeypatch):
    """Guess the password of the administrator from elsewhere until guessers have to wait, for minutes."""

    async def act():
        monkeypatch.setattr(rules, "_FREE_ATTEMPTS", -6)
        with pytest.raises(Unauthenticated):
            await site.appliance.auth.sign_in("admin", "wrong", device="a bot", address="203.0.113.9")

    return act


@pytest.fixture
async def browser():
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        yield session


async def sign_in_by_page(site, browser):
    form = {"name": "admin", "password": PASSWORD}
    async with browser.post(f"{site.url}/sign-in", data=form, headers=HERE, allow_redirects=False) as answer:
        return answer.status, answer.cookies


async def sign_in_by_program(site, marks):
    body = {"name": "admin", "password": PASSWORD, "marks": marks}
    async with site.ask("POST", "/api/v1/sessions", token="", json=body) as answer:
        return answer.status, (await answer.json()).get("marks", "")


async def test_a_browser_is_known_by_a_cookie_that_no_script_reads_and_signing_out_leaves(site, browser, guess):
    status, cookies = await sign_in_by_page(site, browser)
    cookie = cookies["cc-device"]
    assert (status, cookie["httponly"], cookie["samesite"]) == (303, True, "Lax")
    await browser.post(f"{site.url}/sign-out", headers=HERE)
    await guess()

    assert (await sign_in_by_page(site, browser))[0] == 303
    async with aiohttp.ClientSession() as stranger:
        assert (await sign_in_by_page(site, stranger))[0] == 429


async def test_a_program_is_known_by_what_the_answer_gave_it(site, guess):
    _, marks = await sign_in_by_program(site, "")
    await guess()

    assert (await sign_in_by_program(site, marks))[0] == 201
    assert (await sign_in_by_program(site, ""))[0] == 429
