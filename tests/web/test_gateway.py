"""The door itself: what each control of the gateway promises (G numbers are those of the threat model)."""

import asyncio
import io
import json
from email.message import Message

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.kernel.errors import Invalid
from cloudconnect.settings import load
from cloudconnect_web.address import parse_listen
from cloudconnect_web.content import disposition
from cloudconnect_web.headers import SECURITY_HEADERS
from cloudconnect_web.pages.page import safe_target

PASSWORD = "purple tram rides north"
JSON = {"Content-Type": "application/json"}


async def cookie(site):
    async with site.ask("POST", "/api/v1/sessions", token="", json={"name": "admin", "password": PASSWORD}) as answer:
        return f"cc={(await answer.json())['token']}"


@pytest.mark.parametrize(
    ("headers", "is_ours"),
    [
        pytest.param({"Sec-Fetch-Site": "same-origin"}, True, id="our page"),
        pytest.param({"Sec-Fetch-Site": "none"}, True, id="typed by hand"),
        pytest.param({"Sec-Fetch-Site": "cross-site"}, False, id="another site"),
        pytest.param({"Sec-Fetch-Site": "same-site"}, False, id="a neighbour"),
        pytest.param({"Origin": "https://evil.example"}, False, id="another origin"),
        pytest.param({"Origin": "null"}, False, id="a sandboxed frame"),
        pytest.param({}, False, id="nothing said"),
        pytest.param({"X-CloudConnect": "1"}, True, id="our own header"),
    ],
)
async def test_g01_a_cookie_alone_changes_nothing(site, headers, is_ours):
    session = await cookie(site)
    for method, path in (
        ("POST", "/api/v1/spaces/personal/folders/new"),
        ("DELETE", "/api/v1/spaces/personal/entries/nothing"),
        ("POST", "/sign-out"),
    ):
        async with site.ask(method, path, token="", headers={"Cookie": session} | headers) as answer:
            assert (answer.status != 403) is is_ours, path


async def test_g01_looking_is_free(site):
    headers = {"Cookie": await cookie(site), "Sec-Fetch-Site": "cross-site"}
    async with site.ask("GET", "/api/v1/me", token="", headers=headers) as answer:
        assert answer.status == 200


async def test_g02_g18_g23_every_answer_is_fenced(site):
    for method, path in (
        ("GET", "/livez"),
        ("GET", "/sign-in"),
        ("GET", "/files/"),
        ("GET", "/nowhere"),
        ("POST", "/livez"),
        ("GET", "/api/v1/me"),
        ("GET", "/api/v1/openapi.json"),
        ("GET", "/static/app.000000000000.css"),
        ("PUT", "/api/v1/users"),
    ):
        async with site.ask(method, path) as answer:
            for name in SECURITY_HEADERS:
                assert name in answer.headers, (path, name)
            assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
            assert "aiohttp" not in answer.headers["Server"]


@pytest.mark.parametrize("name", ["page.html", "image.svg", "feed.xml", "paper.pdf", "script.js"])
async def test_g03_what_people_store_never_runs_here(site, name):
    await site.put(f"/{name}", b"<script>alert(1)</script>")
    async with site.ask("GET", f"/api/v1/spaces/personal/content/{name}?inline=true") as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment")
        assert answer.headers["Content-Security-Policy"].startswith("sandbox")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"


@given(st.text(min_size=1, max_size=60))
def test_g04_a_name_never_breaks_its_header(name):
    field = disposition(name)
    message = Message()
    message["Content-Disposition"] = field
    assert field.isascii()
    assert field.isprintable()
    assert field.count('"') == 2
    assert message.get_filename() is not None


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/a%5cb",
        "/a%00b",
        "/" + "x" * 256,
        "/a//b",
        "/.",
        "/%E2%80%AE/..",
        "/a%0d%0ab%2f..",
    ],
)
async def test_g05_paths_stay_inside(site, path):
    from yarl import URL

    for method, what in (
        ("GET", "content"),
        ("PUT", "content"),
        ("GET", "children"),
        ("POST", "folders"),
        ("DELETE", "entries"),
    ):
        url = URL(f"{site.url}/api/v1/spaces/personal/{what}{path}", encoded=True)
        headers = {"Authorization": f"Bearer {site.admin}", "If-Match": "*"}
        async with site.http.request(method, url, headers=headers, data=b"x" if method == "PUT" else None) as answer:
            assert 400 <= answer.status < 500, (method, what)


@pytest.mark.parametrize(
    "name", ["naïve", "日本語", "a\r\nb", "  spaces  ", "e\u0301", "🙂" * 20, "%2f", "?x=1#y", "-rf"]
)
async def test_g05_names_that_are_only_odd_are_kept(site, name):
    from urllib.parse import quote

    status, body = await site.put(f"/{quote(name, safe='')}".replace("%252f", "%2525252f"))
    assert status == 201
    async with site.ask("GET", "/api/v1/spaces/personal/children/") as answer:
        assert body["entry"]["name"] in [entry["name"] for entry in (await answer.json())["data"]]


@pytest.mark.parametrize(
    ("size", "status"), [(1 << 20, 400), ((1 << 20) + 1, 413)], ids=["a mebibyte is read", "one byte more is not"]
)
async def test_g11_bodies_have_an_end(site, size, status):
    async with site.ask("POST", "/api/v1/tokens", data=io.BytesIO(b" " * size), headers=JSON) as answer:
        assert answer.status == status


@pytest.mark.parametrize(("depth", "is_too_deep"), [(32, False), (33, True)])
async def test_g11_bodies_have_a_floor(site, depth, is_too_deep):
    body = b'{"name": "x", "scopes": ' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    async with site.ask("POST", "/api/v1/tokens", data=body, headers=JSON) as answer:
        assert answer.status == 400
        assert ("nested" in (await answer.json())["detail"]) is is_too_deep


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        pytest.param("/livez", {f"X-{number}": "1" for number in range(120)}, 431, id="too many fields"),
        pytest.param("/livez", {f"X-{number}": "y" * 8_000 for number in range(5)}, 431, id="too large fields"),
        pytest.param("/livez", {"X-Long": "y" * 8_300}, 431, id="too long field"),
        pytest.param("/livez", {"X-" + "y" * 8_300: "1"}, 431, id="too long name of a field"),
        pytest.param("/livez", {"Cookie": "y" * 30_000}, 431, id="too long cookies"),
        pytest.param("/livez?" + "x" * 8_187, {}, 414, id="too long address"),
        pytest.param("/livez", {"Content-Encoding": "gzip"}, 415, id="compressed body"),
        pytest.param("/livez", {"Host": "evil.example"}, 421, id="another host"),
        pytest.param("/livez", {"Host": "localhost"}, 200, id="this host"),
    ],
)
async def test_g11_g20_heads_have_an_end(site, path, headers, status):
    async with site.ask("GET", path, token="", headers=headers) as answer:
        assert answer.status == status


async def test_unknown_members_are_pointed_at(site):
    async with site.ask("POST", "/api/v1/tokens", json={"name": "x", "scope": []}) as answer:
        problem = await answer.json()
    assert answer.status == 400
    assert "scope" in problem["errors"][0]["detail"]


async def test_g16_nothing_secret_and_no_line_break_reaches_the_log(site, capfd):
    await cookie(site)
    async with site.ask("GET", "/livez", headers={"X-Request-Id": "a b;c"}) as answer:
        assert answer.headers["X-Request-Id"] != "a b;c"
    text = "".join(capfd.readouterr())
    assert PASSWORD not in text
    assert site.admin not in text


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:x", "", "/a\nb"]
)
def test_g17_no_redirection_leads_elsewhere(target):
    assert safe_target(target) == "/files/"


async def test_g24_an_error_is_a_problem_and_tells_nothing_inner(site):
    async with site.ask("GET", "/api/v1/spaces/personal/entries/nothing", headers={"Accept-Language": "de"}) as answer:
        problem = await answer.json(content_type="application/problem+json")
    assert set(problem) >= {"type", "title", "status", "detail", "code", "instance", "request_id", "retryable", "fix"}
    assert problem["status"] == answer.status == 404
    assert problem["code"] == "files.not-found"
    assert not any(word in json.dumps(problem) for word in ("Traceback", "SELECT", ".py", str(site.appliance.home)))


async def test_g25_a_storm_of_repetitions_is_one_act(site):
    async def once():
        headers = {"Idempotency-Key": "storm"}
        async with site.ask("POST", "/api/v1/spaces/personal/folders/once", headers=headers) as answer:
            return answer.status

    statuses = await asyncio.gather(*(once() for _ in range(12)))
    assert set(statuses) <= {201, 409}
    assert await once() == 201
    async with site.ask("GET", "/api/v1/spaces/personal/children/") as answer:
        assert [entry["name"] for entry in (await answer.json())["data"]] == ["once"]


async def test_g25_a_key_stands_for_one_request_and_keeps_no_secret(site):
    headers = {"Idempotency-Key": "one"}
    async with site.ask("POST", "/api/v1/tokens", json={"name": "a"}, headers=headers) as answer:
        assert answer.status == 201
    async with site.ask("POST", "/api/v1/tokens", json={"name": "a"}, headers=headers) as answer:
        assert answer.status == 409
    async with site.ask("POST", "/api/v1/tokens", json={"name": "b"}, headers=headers) as answer:
        assert answer.status == 422


async def test_g28_setup_is_closed_once_there_is_a_password(site):
    assert await site.appliance.auth.open_setup(None) is None


@pytest.mark.parametrize(
    ("listen", "is_safe"), [("127.0.0.1:1", True), ("[::1]:1", True), ("0.0.0.0:1", False), ("10.0.0.1:1", False)]
)
def test_g28_passwords_never_cross_a_network_in_the_clear(tmp_path, listen, is_safe):
    def settings(**more):
        return load(environ={}, home=tmp_path, overrides={"server.listen": listen} | more).settings

    if is_safe:
        assert parse_listen(settings())[1] == 1
        return
    with pytest.raises(Invalid):
        parse_listen(settings())
    assert parse_listen(settings(**{"server.insecure_lan": "true"}))[1] == 1


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        pytest.param("multipart/form-data", b"x", id="no boundary"),
        pytest.param("multipart/form-data; boundary=a", b"never found", id="another boundary"),
        pytest.param("application/x-www-form-urlencoded", b"act=\xff\xfe", id="no UTF-8"),
        pytest.param("application/x-www-form-urlencoded", b"act=unheard-of", id="unknown act"),
        pytest.param("application/x-www-form-urlencoded", b"act=folder&name=", id="no name"),
    ],
)
async def test_a_broken_form_gets_a_page_and_no_500(site, content_type, body):
    headers = {"Cookie": await cookie(site), "Sec-Fetch-Site": "same-origin", "Content-Type": content_type}
    async with site.ask("POST", "/files/", token="", data=body, headers=headers | {"Accept": "text/html"}) as answer:
        assert 400 <= answer.status < 500
        assert answer.content_type == "text/html"


async def test_the_metrics_tell_what_the_database_keeps_in_memory(site):
    async with site.ask("GET", "/metrics") as answer:
        text = await answer.text()

    kept = next(line for line in text.splitlines() if line.startswith("cloudconnect_database_memory_bytes "))
    assert float(kept.split()[1]) > 0


@pytest.mark.parametrize(
    ("method", "what"),
    [
        ("GET", "spaces/a%00b"),
        ("GET", "operations/a%00b"),
        ("GET", "uploads/a%00b"),
        ("GET", "spaces/personal/trash?cursor=%00"),
        ("DELETE", "spaces/personal/trash/a%00b"),
    ],
)
async def test_g05_no_address_has_a_nul(site, method, what):
    from yarl import URL

    url = URL(f"{site.url}/api/v1/{what}", encoded=True)
    async with site.http.request(method, url, headers={"Authorization": f"Bearer {site.admin}"}) as answer:
        assert answer.status == 400


async def test_g05_no_body_has_a_nul_but_a_backslash(site):
    answers = []
    for text in (r"a\u0000", r"a\\\u0000", r"a\\u0000"):
        body = f'{{"name": "{text}"}}'.encode()
        headers = {"Content-Type": "application/json"}
        async with site.ask("POST", "/api/v1/spaces", data=body, headers=headers) as answer:
            answers.append((answer.status, (await answer.json()).get("detail", "")))
    assert [status for status, _ in answers[:2]] == [400, 400]
    assert "NUL" not in answers[2][1]
