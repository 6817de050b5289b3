"""REST operations: each is declared once; routing, guard, decoding, statuses and the OpenAPI document follow from it.

An operation is a plain coroutine. Its parameters tell where they come from: those named in the path template are path
parameters, one called ``body`` is the JSON body, the others are query parameters; its return type is the answer.
"""

import inspect
import re
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

import msgspec
from aiohttp import web

from cloudconnect.assembly import Appliance
from cloudconnect.kernel.principal import Principal, Scope
from cloudconnect.kernel.text import N_
from cloudconnect.wire.shape import FieldError
from cloudconnect_web.keys import APPLIANCE, PRINCIPAL
from cloudconnect_web.problems import BadRequest

Body = TypeVar("Body")

PREFIX = "/api/v1"
BODY_MAX_BYTES = 1 << 20
BODY_MAX_DEPTH = 32
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")


class Guard(StrEnum):
    """The first fence of a route; services decide again, in the transaction that does the deed."""

    OPEN = "open"
    SIGNED_IN = "signed-in"
    READ = Scope.FILES_READ
    WRITE = Scope.FILES_WRITE
    ACCOUNT = Scope.ACCOUNT
    ADMIN = Scope.ADMIN


@dataclass(frozen=True, slots=True)
class Call:
    """One request to an operation: what it may use besides its own parameters."""

    request: web.Request

    @property
    def appliance(self) -> Appliance:
        """The appliance that answers."""
        return self.request.app[APPLIANCE]

    @property
    def principal(self) -> Principal:
        """Who asks; the guard has seen to it that there is somebody."""
        return self.request[PRINCIPAL]


@dataclass(frozen=True, slots=True)
class Reply(Generic[Body]):
    """An answer with a status or header fields of its own."""

    body: Body
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Handler = Callable[..., Awaitable[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """An operation and how it is reached.

    ``stream`` says that it reads (``body``) or answers (``answer``) bytes instead of JSON. What ``answers_secret`` is
    never kept, so repeating it with an idempotency key is refused rather than answered from memory.
    """

    method: str
    path: str
    guard: Guard
    handler: Handler
    status: int = 200
    stream: str = ""
    answers_secret: bool = False

    @property
    def name(self) -> str:
        """The name of the operation, the same in metrics, logs and the OpenAPI document."""
        return self.handler.__name__

    @property
    def signature(self) -> "Signature":
        """What its parameters and its answer are."""
        return Signature.of(self.handler, self.path)


@dataclass(frozen=True, slots=True)
class Signature:
    """The parameters of an operation by where they come from, and its answer."""

    path: dict[str, Any]
    query: dict[str, tuple[Any, Any]]
    body: Any
    answer: Any

    @classmethod
    def of(cls, handler: Handler, template: str) -> "Signature":
        """Read the signature of *handler*."""
        hints = typing.get_type_hints(handler, include_extras=True)
        answer = hints.pop("return")
        parameters = inspect.signature(handler).parameters
        hints.pop("call")
        in_path = {name: hint for name, hint in hints.items() if "{" + name in template}
        query = {
            name: (hint, parameters[name].default)
            for name, hint in hints.items()
            if name not in in_path and name != "body"
        }
        return cls(in_path, query, hints.get("body"), answer)


def to_route(operation: Operation) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Return the aiohttp handler of *operation*."""
    signature = operation.signature

    async def route(request: web.Request) -> web.StreamResponse:
        arguments = read_parameters(signature, request)
        if signature.body is not None:
            arguments["body"] = decode_body(await read_body(request), signature.body)
        answer = await operation.handler(Call(request), **arguments)
        return answer if isinstance(answer, web.StreamResponse) else _respond(answer, operation.status)

    return route


def read_parameters(signature: Signature, request: web.Request) -> dict[str, Any]:
    """Return the path and query parameters of *request*.

    Raises:
        BadRequest: an unknown, doubled or missing query parameter, or a value of the wrong type.
    """
    arguments: dict[str, Any] = {name: request.match_info[name] for name in signature.path}
    problems = []
    query = request.query
    for name in query:
        if name not in signature.query:
            problems.append(FieldError(f"/query/{name[:100]}", "there is no such parameter"))
        elif len(query.getall(name)) > 1:
            problems.append(FieldError(f"/query/{name}", "given more than once"))
    for name, (kind, default) in signature.query.items():
        if name in query:
            try:
                arguments[name] = msgspec.convert(query[name], kind, strict=False)
            except (msgspec.ValidationError, ValueError) as error:
                problems.append(FieldError(f"/query/{name}", str(error)))
        elif default is inspect.Parameter.empty:
            problems.append(FieldError(f"/query/{name}", "missing"))
    if problems:
        raise BadRequest(N_("A parameter is not valid."), errors=problems, fix=N_("See /api/v1/openapi.json."))
    return arguments


async def read_body(request: web.Request) -> bytes:
    """Return the whole body of *request*, of at most 1 MiB.

    Raises:
        web.HTTPRequestEntityTooLarge: it is larger.
        BadRequest: it is not declared as JSON.
    """
    if request._read_bytes is not None:  # noqa: SLF001 - aiohttp's own place for a body that was read already
        return request._read_bytes  # noqa: SLF001 - as above
    if request.content_type != "application/json":
        raise BadRequest(N_("The body must be JSON."), fix=N_("Send Content-Type: application/json."))
    if (request.content_length or 0) > BODY_MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(BODY_MAX_BYTES, request.content_length or 0)
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > BODY_MAX_BYTES:
            raise web.HTTPRequestEntityTooLarge(BODY_MAX_BYTES, len(body))
    return bytes(body)


def decode_body(body: bytes, shape: Any) -> Any:
    """Return *body* as *shape*.

    Raises:
        BadRequest: it is no JSON, too deep, or not of that shape; with a pointer to the place.
    """
    try:
        if _depth(body) > BODY_MAX_DEPTH:
            raise BadRequest(N_("The body is nested too deeply."), fix=N_("Send at most 32 levels."))
        if _NUL.search(body):
            # No name and no text has it, and not every database could hold it.
            raise BadRequest(N_("The body has a text with NUL in it."), fix=N_("Leave out \\u0000."))
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as error:
        message, _, place = str(error).partition(" - at `")
        pointer = place.rstrip("`").replace("$", "").replace(".", "/")
        raise BadRequest(
            N_("The body is not what is expected here."),
            errors=[FieldError(pointer or "/", message)],
            fix=N_("See /api/v1/openapi.json."),
        ) from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadRequest(N_("The body is not JSON."), fix=N_("Check quotes, commas and encoding.")) from error


def _depth(body: bytes) -> int:
    """Return how deep *body* is nested at most, 0 if certainly not too deep; brackets in strings count as well."""
    if body.count(b"[") + body.count(b"{") <= BODY_MAX_DEPTH:
        return 0
    depth = deepest = 0
    for byte in body:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


def _respond(answer: Any, status: int) -> web.Response:
    headers: Mapping[str, str] = {}
    if isinstance(answer, Reply):
        answer, status, headers = answer.body, answer.status, answer.headers
    if answer is None:
        return web.Response(status=204, headers=headers)
    return web.Response(
        body=msgspec.json.encode(answer), status=status, headers=headers, content_type="application/json"
    )
