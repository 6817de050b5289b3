"""The house examines itself: rooms, packages, tables and pages are complete."""

import ast
import dataclasses
import importlib
import json
from pathlib import Path

import msgspec
import pytest

from cloudconnect.events import catalogue
from cloudconnect.kernel import errors
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.wire.shape import Request
from cloudconnect_cli.exits import EXIT
from cloudconnect_web.problems import STATUS

ROOT = Path(__file__).parents[2]
SOURCES = (ROOT / "cloudconnect", ROOT / "web/cloudconnect_web", ROOT / "cli/cloudconnect_cli")
ROOMS = sorted(path.parent.name for path in (ROOT / "cloudconnect/features").glob("*/__init__.py"))
PACKAGES = sorted(path for source in SOURCES for path in source.rglob("__init__.py"))
WIRE = sorted(path.stem for path in (ROOT / "cloudconnect/wire").glob("[a-z]*.py"))
KINDS = sorted(
    (
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, CloudConnectError) and kind is not CloudConnectError
    ),
    key=lambda kind: kind.__name__,
)

# A room without a routes module of its own, and why.
WITHOUT_ROUTES = {
    "access": "every route asks it; there is no noun of its own before grants can be given",
    "gateway": "it is the memory of the middleware in front of all routes",
}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: str(path.parent.relative_to(ROOT)))
def test_a_package_says_in_one_sentence_what_it_is(package):
    text = ast.get_docstring(ast.parse(package.read_text())) or ""
    first = text.partition("\n\n")[0]

    assert first.endswith((".", "?")), f"{package}: {first!r}"


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_its_page(room):
    page = ROOT / "docs/features" / f"{room}.md"

    assert page.is_file()
    assert {"## Promises", "## Facts", "## Refusals", "## Limits"} <= set(page.read_text().splitlines())


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_tests(room):
    assert list((ROOT / "tests/features" / room).glob("test_*.py"))


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_stands_in_the_floor_plan(room):
    plan = "".join(path.read_text() for path in (ROOT / "cloudconnect/assembly").glob("*.py"))
    assert f"cloudconnect.features.{room} import" in plan


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_routes_or_a_reason(room):
    has_routes = (ROOT / "web/cloudconnect_web/api" / f"{room}.py").exists()

    assert has_routes != (room in WITHOUT_ROUTES)


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_has_a_level(room):
    assert f"| [{room}](features/{room}.md) |" in (ROOT / "docs/rooms.md").read_text()


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_refusal_has_a_status_and_an_exit_code(kind):
    assert kind in STATUS
    assert kind in EXIT


@pytest.mark.parametrize("module", WIRE)
def test_a_number_in_a_request_has_a_bound_that_a_database_can_hold(module):
    shapes = [
        shape
        for shape in vars(importlib.import_module(f"cloudconnect.wire.{module}")).values()
        if isinstance(shape, type) and issubclass(shape, Request) and shape is not Request
    ]
    for shape in shapes:
        for field in msgspec.inspect.type_info(shape).fields:
            assert all(each.le is not None and each.le < 1 << 63 for each in numbers(field.type)), (shape, field.name)


def numbers(kind):
    """Yield the types of integers in *kind*."""
    if isinstance(kind, msgspec.inspect.IntType):
        yield kind
    for each in (*getattr(kind, "types", ()), *getattr(kind, "item_types", ()), getattr(kind, "item_type", None)):
        if each is not None:
            yield from numbers(each)


def test_facts_keep_their_fields_and_only_gain_optional_ones():
    golden = json.loads((ROOT / "tests/architecture/events.json").read_text())
    facts = catalogue()

    assert set(golden) == set(facts), "a fact without a line in events.json, or a line without a fact"
    for kind, fields in golden.items():
        present = {field.name: field for field in dataclasses.fields(facts[kind])}
        new = [field for name, field in present.items() if name not in fields]
        assert set(fields) <= set(present)
        assert all(field.default is not dataclasses.MISSING for field in new), f"{kind}: a new field needs a default"


def test_every_module_of_facts_is_in_the_catalogue():
    modules = {path.stem for path in (ROOT / "cloudconnect/events").glob("*.py")} - {"__init__", "fact"}

    assert {fact.__module__.rpartition(".")[2] for fact in catalogue().values()} == modules


def test_a_fact_is_called_after_its_room():
    rooms = {fact.__module__.rpartition(".")[2]: kind for kind, fact in catalogue().items()}

    assert all(kind.startswith(f"{room}.") for room, kind in rooms.items())


def test_the_exceptions_to_the_terminal_contract_are_few_and_explained():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    exceptions = [number for number, line in enumerate(lines) if line.startswith("ignore_imports")]

    assert all(lines[number - 1].startswith("#") for number in exceptions)
