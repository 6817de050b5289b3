"""Words go, ids and numbers stay, and what is left can still be read as the fact that it was."""

import dataclasses
import json

import msgspec
import pytest

from cloudconnect.events import catalogue
from cloudconnect.kernel.ids import new_id
from cloudconnect.kernel.redacting import redacted

SPACE = new_id("spc", 1)
SAMPLES = {"str": "a secret name", "int": 3, "int | None": None, "str | None": "a secret name", "bool": True}


def test_only_ids_and_what_is_no_text_stay():
    fields = {
        "node": SPACE,
        "name": "diary",
        "size": 3,
        "is_new": True,
        "gone": None,
        "in": ["x", {"id": SPACE, "y": "z"}],
    }

    assert redacted(fields) == {
        "node": SPACE,
        "name": "",
        "size": 3,
        "is_new": True,
        "gone": None,
        "in": ["", {"id": SPACE, "y": ""}],
    }


@pytest.mark.parametrize("kind", sorted(catalogue()))
def test_every_fact_can_be_read_without_its_words(kind):
    fact = catalogue()[kind]
    sample = {each.name: _sample(each) for each in dataclasses.fields(fact)}

    payload = json.dumps(redacted(sample))

    assert "secret" not in payload
    assert msgspec.json.decode(payload, type=fact).space == SPACE if "space" in sample else True


def _sample(field):
    if field.name == "space":
        return SPACE
    return SAMPLES.get(getattr(field.type, "__name__", str(field.type)), [1])
