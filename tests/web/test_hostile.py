"""Whatever comes in, nothing breaks: no 5xx, no traceback, and the next request is answered."""

import asyncio
import json
import random
import re

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings

from cloudconnect_web.operations import PREFIX
from cloudconnect_web.pages import PAGES
from cloudconnect_web.server import OPERATIONS

pytestmark = pytest.mark.slow

EXAMPLES = 12
RANDOM_REQUESTS = 1_500


def check_operation(operation, site, failures):
    """Send an operation what its description allows, and what it does not."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=[Phase.generate],
    )
    @given(case=operation.as_strategy())
    def send_cases(case):
        response = case.call(base_url=site.url, headers={"Authorization": f"Bearer {site.admin}", "If-Match": "*"})
        is_broken = response.status_code >= 500 or b"Traceback" in response.content
        kind = response.headers.get("content-type", [""])[0]
        is_odd = response.status_code >= 400 and kind != "application/problem+json"
        if is_broken or is_odd:
            failures.append((operation.label, response.status_code, response.content[:200]))

    send_cases()


async def test_no_input_that_the_document_allows_or_forbids_breaks_an_operation(site):
    async with site.ask("GET", f"{PREFIX}/openapi.json", token="") as answer:
        document = await answer.json()
    failures = []

    def check_all():
        for result in schemathesis.openapi.from_dict(document).get_all_operations():
            check_operation(result.ok(), site, failures)

    await asyncio.to_thread(check_all)
    assert failures == []
    async with site.ask("GET", "/livez") as answer:
        assert answer.status == 200


async def test_random_bytes_on_every_route_get_an_answer_below_500(site):
    chance = random.Random(7)
    paths = (
        [PREFIX + each.path for each in OPERATIONS]
        + [path for each in PAGES for path in each.routes.values()]
        + ["/metrics", "/static/{name}"]
    )
    for _ in range(RANDOM_REQUESTS):
        template = chance.choice(paths)
        path = re.sub(r"{[^}]*\]?\*?}", lambda _: noise(chance, 30).decode("latin-1"), template)
        head = (
            f"{chance.choice(['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS', 'BREW'])} {path} HTTP/1.1\r\n"
        )
        fields = "Host: localhost\r\n"
        if chance.random() < 0.7:
            fields += f"Authorization: Bearer {site.admin}\r\n"
        if chance.random() < 0.5:
            body = noise(chance, 200)
            fields += f"Content-Length: {len(body)}\r\nContent-Type: application/json\r\n"
        else:
            body = b""
        if chance.random() < 0.3:
            fields += (
                f"Range: {noise(chance, 20).decode('latin-1')}\r\nIf-Match: {noise(chance, 20).decode('latin-1')}\r\n"
            )
        status = await send(
            site.port, head.encode("latin-1") + fields.encode("latin-1") + b"Connection: close\r\n\r\n" + body
        )
        assert status is None or status < 500, (head, body)
    async with site.ask("GET", "/livez") as answer:
        assert answer.status == 200


def noise(chance, longest):
    kind = chance.random()
    if kind < 0.3:
        return json.dumps({"name": "x" * chance.randrange(9), "source": "/a", "target": chance.random()}).encode()
    if kind < 0.6:
        return "".join(chance.choice("%2e/\\..abc?&=#%00\u00e9") for _ in range(chance.randrange(longest))).encode(
            "latin-1"
        )
    return bytes(chance.randrange(33, 256) for _ in range(chance.randrange(longest)))


async def send(port, request):
    """Send raw bytes; return the status, or None when the connection was closed without one."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    try:
        async with asyncio.timeout(10):
            line = await reader.readline()
    except ConnectionResetError:
        return None
    finally:
        writer.close()
    return int(line.split()[1]) if line.startswith(b"HTTP/") else None
