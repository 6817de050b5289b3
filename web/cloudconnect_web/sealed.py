"""The face of an appliance whose keys are out of reach: it says so, and nothing else."""

from aiohttp import web
from aiohttp.typedefs import Handler

from cloudconnect.kernel.errors import Unavailable
from cloudconnect.kernel.text import N_
from cloudconnect_web.content import leave_expectation
from cloudconnect_web.headers import SECURITY_HEADERS
from cloudconnect_web.i18n import choose_language, say
from cloudconnect_web.keys import LANGUAGE
from cloudconnect_web.problems import refuse, status_of

_RETRY_SECONDS = 60


class ApplianceSealed(Unavailable):
    """The key service that opens the store cannot be reached."""

    code = "appliance.sealed"
    title = N_("The store is sealed")


def create_app() -> web.Application:
    """Return an application that answers every request with that the store is sealed, but ``/livez`` with 200."""
    app = web.Application(middlewares=[_dress])
    app.router.add_get("/livez", _live, expect_handler=leave_expectation)
    app.router.add_route("*", "/{path:.*}", _refuse, expect_handler=leave_expectation)
    return app


@web.middleware
async def _dress(request: web.Request, handler: Handler) -> web.StreamResponse:
    request[LANGUAGE] = choose_language(request.headers.get("Accept-Language", ""))
    answer = await handler(request)
    answer.headers.update(SECURITY_HEADERS)
    return answer


async def _live(request: web.Request) -> web.Response:
    del request
    return web.json_response({"status": "sealed", "checks": {}})


async def _refuse(request: web.Request) -> web.Response:
    refusal = ApplianceSealed(
        N_("The key service that opens it cannot be reached. It is tried again and again; nothing is lost."),
        fix=N_("Wait, or tell the administrator of this server."),
        retry_after_seconds=_RETRY_SECONDS,
    )
    if "text/html" not in request.headers.get("Accept", ""):
        return refuse(request, refusal)
    language = request[LANGUAGE]
    words = [say(text, language) for text in (refusal.title, refusal.detail, refusal.fix) if text is not None]
    return web.Response(
        text="\n\n".join(words) + "\n", status=status_of(refusal), headers={"Retry-After": str(_RETRY_SECONDS)}
    )
