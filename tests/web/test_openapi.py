"""The OpenAPI document shows an example of every body, and each example is one that would be taken or sent."""

import json
from typing import get_args, get_origin

import jsonschema
import msgspec
import pytest

from cloudconnect.wire.shape import Problem
from cloudconnect_web.examples import PARAMETERS, PROBLEM, UNSAID
from cloudconnect_web.openapi import describe
from cloudconnect_web.operations import Reply
from cloudconnect_web.server import OPERATIONS

DOCUMENT = describe(OPERATIONS, "1.0")
DESCRIBED = {each["operationId"]: each for path in DOCUMENT["paths"].values() for each in path.values()}
WITH_BODY = [each for each in OPERATIONS if each.signature.body is not None]
WITH_ANSWER = [
    each
    for each in OPERATIONS
    if "content" in DESCRIBED[each.name]["responses"].get(str(each.status), {}) and each.stream != "answer"
]


def is_valid(body):
    schema = body["schema"] | {"components": DOCUMENT["components"]}
    jsonschema.Draft202012Validator(schema).validate(body["example"])
    return True


@pytest.mark.parametrize("operation", WITH_BODY, ids=lambda each: each.name)
def test_the_example_of_a_request_would_be_taken(operation):
    body = DESCRIBED[operation.name]["requestBody"]["content"]["application/json"]

    assert is_valid(body)
    assert msgspec.json.decode(json.dumps(body["example"]), type=operation.signature.body)
    assert body["example"], "a request that says nothing shows nothing"


@pytest.mark.parametrize("operation", WITH_ANSWER, ids=lambda each: each.name)
def test_the_example_of_an_answer_would_be_sent(operation):
    body = DESCRIBED[operation.name]["responses"][str(operation.status)]["content"]["application/json"]
    hint = operation.signature.answer
    shape = get_args(hint)[0] if get_origin(hint) is Reply else hint

    assert is_valid(body)
    assert msgspec.json.decode(json.dumps(body["example"]), type=shape)


def test_every_operation_with_a_body_of_json_has_an_example():
    contents = [each.get("requestBody", {}).get("content", {}) for each in DESCRIBED.values()]
    contents += [answer.get("content", {}) for each in DESCRIBED.values() for answer in each["responses"].values()]
    media = [content["application/json"] for content in contents if "application/json" in content]

    assert len(media) >= len(WITH_BODY) + len(WITH_ANSWER)
    assert all("example" in each for each in media)


def test_every_text_in_an_example_says_something():
    assert UNSAID not in [text for each in DESCRIBED.values() for text in texts(each)]


def texts(part):
    if isinstance(part, dict):
        for each in part.values():
            yield from texts(each)
    elif isinstance(part, list):
        for each in part:
            yield from texts(each)
    elif isinstance(part, str):
        yield part


def test_every_parameter_of_a_path_has_an_example():
    named = {name for each in OPERATIONS for name in each.signature.path}

    assert named == set(PARAMETERS)


def test_refusals_have_one_example_for_all():
    assert DOCUMENT["components"]["schemas"]["Problem"]["examples"] == [PROBLEM]
    assert msgspec.convert(PROBLEM, Problem)
