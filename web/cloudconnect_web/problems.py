"""Refusals as seen over HTTP: RFC 9457 problem details."""

import msgspec
from aiohttp import web

from cloudconnect.kernel import errors
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.text import N_
from cloudconnect.wire.shape import FieldError, Problem
from cloudconnect_web.i18n import say
from cloudconnect_web.keys import CHALLENGE, LANGUAGE, REQUEST_ID

STATUS: dict[type[CloudConnectError], int] = {
    errors.Invalid: 422,
    errors.Unsupported: 422,
    errors.Unauthenticated: 401,
    errors.StepUp: 401,
    errors.Denied: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.PreconditionFailed: 412,
    errors.PreconditionRequired: 428,
    errors.Busy: 409,
    errors.Locked: 423,
    errors.TooLarge: 413,
    errors.Exhausted: 429,
    errors.NoSpace: 507,
    errors.Unavailable: 503,
    errors.Damaged: 502,
}

_TYPE = "/docs/problems#"
_RETRYABLE = frozenset({409, 423, 429, 502, 503, 507})
_HTTP = {
    400: N_("The request cannot be read"),
    404: N_("There is nothing at this address"),
    405: N_("This address does not take that method"),
    408: N_("The request took too long"),
    411: N_("Say how long the body is"),
    413: N_("This is too large"),
    414: N_("The address is too long"),
    415: N_("This type of body is not understood"),
    416: N_("The range lies outside the content"),
    417: N_("This expectation cannot be met"),
    421: N_("This server does not answer for that host"),
    431: N_("The header fields are too large"),
    500: N_("Something went wrong on the server"),
}


class BadRequest(errors.Invalid):
    """A body or parameter that cannot be read, with what is wrong at each place."""

    code = "web.bad-request"
    title = N_("The request cannot be read")

    def __init__(
        self, detail: str, *, errors: list[FieldError] | None = None, fix: str = "", **facts: str | int
    ) -> None:
        super().__init__(detail, fix=fix, retry_after_seconds=None, **facts)
        self.errors = errors or []


def status_of(refusal: CloudConnectError) -> int:
    """Return the HTTP status of the kind that *refusal* refines."""
    if isinstance(refusal, BadRequest):
        return 400
    return next(STATUS[kind] for kind in type(refusal).__mro__ if kind in STATUS)


def refuse(request: web.BaseRequest, refusal: CloudConnectError, status: int | None = None) -> web.Response:
    """Return the problem that *refusal* amounts to, in the reader's language, where a protocol has its own *status*."""
    language = request.get(LANGUAGE, "en")
    status = status or status_of(refusal)
    problem = Problem(
        type=_TYPE + refusal.code,
        title=say(refusal.title, language),
        status=status,
        detail=say(refusal.detail, language),
        code=refusal.code,
        instance=request.path,
        request_id=request.get(REQUEST_ID, ""),
        retryable=status in _RETRYABLE,
        fix=say(refusal.fix, language) if refusal.fix is not None else None,
        errors=refusal.errors if isinstance(refusal, BadRequest) else [],
    )
    headers = {}
    if status == 401:  # noqa: PLR2004 - the status says it best
        headers["WWW-Authenticate"] = request.get(CHALLENGE, 'Bearer realm="CloudConnect"')
    if refusal.retry_after_seconds is not None:
        headers["Retry-After"] = str(refusal.retry_after_seconds)
    return _respond(problem, headers)


def refuse_status(request: web.BaseRequest, status: int, headers: dict[str, str] | None = None) -> web.Response:
    """Return the problem for a bare HTTP status, such as those of routing."""
    language = request.get(LANGUAGE, "en")
    title = say(title_of(status), language)
    problem = Problem(
        type=f"{_TYPE}http.{status}",
        title=title,
        status=status,
        detail=title,
        code=f"http.{status}",
        instance=request.path,
        request_id=request.get(REQUEST_ID, ""),
        retryable=status in _RETRYABLE,
    )
    return _respond(problem, headers or {})


def title_of(status: int) -> str:
    """Return the English title of a bare HTTP status."""
    return _HTTP.get(status, _HTTP[400 if status < 500 else 500])  # noqa: PLR2004 - classes of statuses


def _respond(problem: Problem, headers: dict[str, str]) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(problem),
        status=problem.status,
        headers=headers,
        content_type="application/problem+json",
    )
