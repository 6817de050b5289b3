"""What people say about files, told through the service."""

from datetime import timedelta

import pytest

from cloudconnect.features.files import Condition, Erasing, Field, FieldKind, read_tag
from cloudconnect.kernel.errors import Denied, Invalid, NotFound
from cloudconnect.kernel.principal import APPLIANCE, Principal, PrincipalKind, Scope
from cloudconnect.kernel.values import ValueKind

ANYTHING = Condition(if_match=frozenset({"*"}))


async def stream(*pieces):
    for piece in pieces:
        yield piece


async def put(rooms, principal, path, data=b"x", **options):
    return await rooms.files.put_file(principal, "personal", path, stream(data), parents=True, **options)


async def tag(rooms, principal, path, *texts, removed=()):
    added = [read_tag(name, value if sign else None) for name, sign, value in (text.partition("=") for text in texts)]
    return (await rooms.tags.change_tags(principal, "personal", path, added, removed)).tags


async def tags(rooms, principal, path, **options):
    found = await rooms.tags.find_tags(principal, "personal", path, **options)
    return {each.name: each.value.text for each in found}


async def facts(rooms):
    found = await rooms.database.read(lambda sql: rooms.log.find_facts(sql, 0, 1_000))
    return [each.fact.kind for each in found]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param("invoice", ValueKind.LABEL, id="a word alone is a label"),
        pytest.param("amount=12.50", ValueKind.NUMBER, id="a number"),
        pytest.param("amount=-3", ValueKind.NUMBER, id="a number below zero"),
        pytest.param("zip=01234", ValueKind.TEXT, id="leading zeros make a text"),
        pytest.param("due=2026-03-01", ValueKind.DATE, id="a date"),
        pytest.param("due=2026-02-30", ValueKind.TEXT, id="a day that does not exist is a text"),
        pytest.param("by=Ana = Bob", ValueKind.TEXT, id="a text with a sign of equality"),
    ],
)
async def test_a_tag_is_of_the_kind_that_it_looks_like(rooms, ada, text, kind):
    await put(rooms, ada, "/a")

    (made,) = await tag(rooms, ada, "/a", text)

    assert made.value.kind is kind
    assert made.value.text == text.partition("=")[2]


@pytest.mark.parametrize("name", ["", "two words", "-x", "a:b", "a>1", 'a"', "(a)", "x" * 65])
def test_a_name_that_a_selection_could_not_hold_is_refused(name):
    with pytest.raises(Invalid, match="cannot be the name of a tag"):
        read_tag(name, None)


def test_the_name_of_a_tag_has_no_case():
    assert read_tag("INVOICE", None) == read_tag("invoice", None)


@pytest.mark.parametrize("text", ["", "line\nbreak", "x" * 1_001, "\ud800"])
def test_a_value_that_cannot_be_shown_is_refused(text):
    with pytest.raises(Invalid, match="is not a value"):
        read_tag("a", text)


async def test_a_tag_goes_with_its_node_through_moves_versions_and_the_trash(rooms, ada):
    await put(rooms, ada, "/a/b")
    await tag(rooms, ada, "/a/b", "invoice", "amount=120")
    await put(rooms, ada, "/a/b", b"new", condition=ANYTHING)
    await rooms.files.move(ada, "personal", "/a", "/c")
    gone = await rooms.files.trash(ada, "personal", "/c", ANYTHING)
    await rooms.files.restore(ada, "personal", gone.trashed.node)

    assert await tags(rooms, ada, "/c/b") == {"invoice": "", "amount": "120"}


async def test_a_copy_says_what_its_original_said_and_then_goes_its_own_way(rooms, ada):
    await put(rooms, ada, "/a/b")
    await tag(rooms, ada, "/a/b", "invoice")
    await tag(rooms, ada, "/a", "year=2026")
    await rooms.files.copy(ada, "personal", "/a", "/c")
    await tag(rooms, ada, "/a/b", removed=["invoice"])

    assert await tags(rooms, ada, "/c") == {"year": "2026"}
    assert await tags(rooms, ada, "/c/b") == {"invoice": ""}


async def test_tags_are_seen_as_they_were(rooms, ada):
    await put(rooms, ada, "/a")
    await tag(rooms, ada, "/a", "state=open")
    rooms.clock.advance(timedelta(hours=1))
    await tag(rooms, ada, "/a", "state=paid", "done")
    rooms.clock.advance(timedelta(hours=1))
    await tag(rooms, ada, "/a", removed=["done"])

    assert await tags(rooms, ada, "/a") == {"state": "paid"}
    assert await tags(rooms, ada, "/a", at="30m") == {"done": "", "state": "paid"}
    assert await tags(rooms, ada, "/a", at="90m") == {"state": "open"}


async def test_each_change_is_one_fact_and_what_is_so_already_is_none(rooms, ada):
    await put(rooms, ada, "/a")
    before = len(await facts(rooms))
    await tag(rooms, ada, "/a", "invoice", "amount=1")
    await tag(rooms, ada, "/a", "invoice", "amount=2")
    await tag(rooms, ada, "/a", removed=["invoice"])

    assert (await facts(rooms))[before:] == ["files.tagged"] * 3 + ["files.untagged"]


async def test_what_is_not_there_cannot_be_taken_off(rooms, ada):
    await put(rooms, ada, "/a")
    with pytest.raises(NotFound, match="no tag"):
        await tag(rooms, ada, "/a", removed=["invoice"])
    with pytest.raises(NotFound):
        await tag(rooms, ada, "/b", "invoice")


async def test_a_field_says_what_values_a_name_takes(rooms, ada):
    await put(rooms, ada, "/a")
    await rooms.tags.set_field(ada, "personal", Field("state", FieldKind.CHOICE, ("open", "paid")))
    await rooms.tags.set_field(ada, "personal", Field("amount", FieldKind.NUMBER))

    with pytest.raises(Invalid, match="“lost” is not what the field “state” takes"):
        await tag(rooms, ada, "/a", "state=lost")
    with pytest.raises(Invalid):
        await tag(rooms, ada, "/a", "amount=much")
    await tag(rooms, ada, "/a", "state=paid", "amount=7")
    await rooms.tags.remove_field(ada, "personal", "state")
    await tag(rooms, ada, "/a", "state=lost")

    assert await tags(rooms, ada, "/a") == {"state": "lost", "amount": "7"}
    assert [each.name for each in await rooms.tags.find_fields(ada, "personal")] == ["amount"]


@pytest.mark.parametrize(
    "field",
    [
        pytest.param(Field("state", FieldKind.CHOICE), id="a choice without choices"),
        pytest.param(Field("state", FieldKind.TEXT, ("a",)), id="choices of what is none"),
        pytest.param(Field("State", FieldKind.TEXT), id="a name with a capital"),
        pytest.param(Field("a b", FieldKind.TEXT), id="a name with a blank"),
    ],
)
async def test_a_field_that_makes_no_sense_is_refused(rooms, ada, field):
    with pytest.raises(Invalid):
        await rooms.tags.set_field(ada, "personal", field)


async def test_the_tags_of_a_space_are_counted_page_by_page(rooms, ada):
    await put(rooms, ada, "/a")
    await put(rooms, ada, "/b")
    await tag(rooms, ada, "/a", "invoice", "paid")
    await tag(rooms, ada, "/b", "invoice")
    first = await rooms.tags.find_used(ada, "personal", 1, None)
    second = await rooms.tags.find_used(ada, "personal", 1, first.next_cursor)

    assert [(each.name, each.entries) for each in (*first.items, *second.items)] == [("invoice", 2), ("paid", 1)]
    assert second.next_cursor is None


async def test_nobody_says_anything_about_what_is_not_theirs(rooms, ada, bob):
    await put(rooms, ada, "/a")
    space = (await rooms.spaces.get_space(ada, "personal")).id
    with pytest.raises(NotFound):
        await rooms.tags.change_tags(bob, space, "/a", [read_tag("x", None)], [])
    with pytest.raises(NotFound):
        await rooms.tags.find_tags(bob, space, "/a")


async def test_a_token_that_only_reads_says_nothing(rooms, ada):
    await put(rooms, ada, "/a")
    reader = Principal(ada.id, PrincipalKind.PERSON, "ada", scopes=frozenset({Scope.FILES_READ}))
    with pytest.raises(Denied):
        await tag(rooms, reader, "/a", "x")


async def test_an_erased_space_leaves_no_word_behind(rooms, ada):
    await put(rooms, ada, "/a")
    await tag(rooms, ada, "/a", "invoice")
    space = (await rooms.spaces.get_space(ada, "personal")).id
    await rooms.tags.set_field(ada, "personal", Field("amount", FieldKind.NUMBER))
    erasing = Erasing(rooms.guide)
    await rooms.log.commit(lambda unit: erasing.erase(unit.sql, space, "", 100), actor=APPLIANCE)

    def count(sql):
        return [sql.row(f"SELECT COUNT(*) FROM {table}")[0] for table in ("tag", "field", "favourite", "entry")]

    assert await rooms.database.read(count) == [0, 0, 0, 0]
