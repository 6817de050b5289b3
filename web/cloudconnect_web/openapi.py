"""The OpenAPI 3.1 document, made from the operations and from nothing else."""

import inspect
import re
import types
from collections.abc import Iterable
from typing import Any, Union, get_args, get_origin

import msgspec
from aiohttp import web

from cloudconnect.wire.shape import Problem
from cloudconnect_web.examples import PARAMETERS, PROBLEM, example_of
from cloudconnect_web.operations import PREFIX, Guard, Operation, Reply

_REF = "#/components/schemas/{name}"
_BINARY = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
_PROBLEMS = {
    "400": "The request cannot be read.",
    "401": "Nobody is signed in, or the credential no longer holds.",
    "403": "This is not allowed.",
    "404": "There is no such thing, or not for this principal.",
    "409": "It conflicts with what is there.",
    "412": "A precondition does not hold.",
    "413": "It is too large.",
    "414": "The address is too long.",
    "415": "This type of body is not understood.",
    "422": "A value cannot be accepted.",
    "423": "Somebody else has locked it.",
    "428": "A precondition is needed.",
    "429": "A limit is reached.",
    "503": "It is not possible right now.",
    "507": "There is no space left.",
}
_CONDITIONS = ("If-Match", "If-None-Match")


def describe(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """Return the document that describes *operations*."""
    listed = list(operations)
    shapes = [Problem]
    for operation in listed:
        signature = operation.signature
        shapes += [shape for shape in (signature.body, _answer(signature.answer)) if shape is not None]
    _, components = msgspec.json.schema_components(shapes, ref_template=_REF)
    # All refusals look alike, so that one example of them does.
    components["Problem"]["examples"] = [PROBLEM]
    paths: dict[str, dict[str, Any]] = {}
    for operation in listed:
        path = PREFIX + re.sub(r":[^}]*}", "}", operation.path)
        paths.setdefault(path, {})[operation.method.lower()] = _operation(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "CloudConnect",
            "version": version,
            "description": "Files, versions and people of an appliance. Errors are problem details (RFC 9457).",
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    signature = operation.signature
    summary, _, text = inspect.cleandoc(operation.handler.__doc__ or "").partition("\n\n")
    described: dict[str, Any] = {
        "operationId": operation.name,
        "summary": summary,
        "tags": [operation.handler.__module__.rpartition(".")[2]],
        "parameters": _parameters(operation),
        "responses": _responses(operation),
    }
    if text:
        described["description"] = text
    if operation.guard is not Guard.OPEN:
        described["security"] = [{"bearer": []}]
        described["x-scope"] = operation.guard.value
    if signature.body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {"application/json": _json(signature.body)},
        }
    elif operation.stream == "body":
        described["requestBody"] = {"required": True, "content": _BINARY}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    signature = operation.signature
    listed: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, "example": PARAMETERS[name]}
        for name in signature.path
    ]
    for name, (kind, default) in signature.query.items():
        schema = _schema(_without_none(kind))
        listed.append({"name": name, "in": "query", "required": default is inspect.Parameter.empty, "schema": schema})
    if operation.stream == "body" or operation.method == "DELETE":
        listed += [{"name": each, "in": "header", "schema": {"type": "string"}} for each in _CONDITIONS]
    if operation.stream == "answer" and operation.method == "GET":
        listed.append({"name": "Range", "in": "header", "schema": {"type": "string"}})
    return listed


def _responses(operation: Operation) -> dict[str, Any]:
    answer = _answer(operation.signature.answer)
    responses: dict[str, Any] = {}
    if operation.stream == "answer":
        responses["200"] = {"description": "The content.", "content": {"*/*": {"schema": {}}}}
        responses["502"] = _problem("The stored content is damaged.")
        if operation.method == "GET":
            responses["206"] = {"description": "The ranges asked for.", "content": {"*/*": {"schema": {}}}}
            responses["304"] = {"description": "The reader has it already."}
            responses["416"] = _problem("The range lies outside the content.")
    elif answer is None:
        responses["204"] = {"description": "Done."}
    else:
        described = {"description": "Done.", "content": {"application/json": _json(answer)}}
        responses[str(operation.status)] = described
        if operation.stream == "body":
            responses["200"] = described
    return responses | {status: _problem(text) for status, text in _PROBLEMS.items()}


def _problem(text: str) -> dict[str, Any]:
    return {"description": text, "content": {"application/problem+json": {"schema": _schema(Problem)}}}


def _json(shape: Any) -> dict[str, Any]:
    return {"schema": _schema(shape), "example": example_of(shape)}


def _schema(shape: Any) -> Any:
    (schema,), _ = msgspec.json.schema_components([shape], ref_template=_REF)
    return schema


def _answer(hint: Any) -> Any:
    if get_origin(hint) is Reply:
        return get_args(hint)[0]
    is_stream = isinstance(hint, type) and issubclass(hint, web.StreamResponse)
    return None if is_stream or hint is type(None) else hint


def _without_none(kind: Any) -> Any:
    if get_origin(kind) in {types.UnionType, Union}:
        return next(each for each in get_args(kind) if each is not type(None))
    return kind
