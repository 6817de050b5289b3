"""A whole appliance behind a real HTTP server, in the test's own event loop."""

from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web

from cloudconnect.assembly import Appliance, assemble, initialise
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind
from cloudconnect.settings import load
from cloudconnect_web.crowd import Turnstile
from cloudconnect_web.protocol import Listeners
from cloudconnect_web.server import create_app

PASSWORD = "purple tram rides north"


@dataclass
class Site:
    """A served appliance, and the credentials of those who use it."""

    appliance: Appliance
    http: aiohttp.ClientSession
    port: int
    admin: str
    member: str
    reader: str

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def ask(self, method, path, token=None, **options):
        headers = {"Authorization": f"Bearer {self.admin if token is None else token}"} if token != "" else {}
        headers |= options.pop("headers", {})
        return self.http.request(method, f"{self.url}{path}", headers=headers, allow_redirects=False, **options)

    async def put(self, path, data=b"content", **options):
        async with self.ask("PUT", f"/api/v1/spaces/personal/content{path}", data=data, **options) as answer:
            return answer.status, await answer.json()


@pytest.fixture
def settings(tmp_path):
    place = tmp_path / "home"
    return load(environ={"HOME": str(tmp_path)}, home=place, overrides={"database.readers": "2"}).settings


@pytest.fixture
async def appliance(settings):
    initialise(settings)
    appliance = assemble(settings)
    await appliance.start()
    yield appliance
    await appliance.stop()


@pytest.fixture
async def site(appliance, new_port):
    runner = web.AppRunner(create_app(appliance), access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    listeners, port = Listeners(runner, Turnstile(appliance.settings, lambda: None)), new_port()
    await listeners.add_tcp("127.0.0.1", port, None)
    await appliance.auth.open_setup(PASSWORD)
    admin = await appliance.auth.local_administrator()
    account = await appliance.auth.add_account(APPLIANCE, "bob", "", None, is_admin=False)
    bob = Principal(account.id, PrincipalKind.PERSON, "bob")
    tokens = [
        (await appliance.developer.add_token(principal, "test", scopes, None))[0]
        for principal, scopes in (
            (admin, ["files.read", "files.write", "account", "admin"]),
            (bob, ["files.read", "files.write", "account"]),
            (admin, ["files.read"]),
        )
    ]
    async with aiohttp.ClientSession(auto_decompress=False) as http:
        yield Site(appliance, http, port, *tokens)
    listeners.close()
    await runner.cleanup()
