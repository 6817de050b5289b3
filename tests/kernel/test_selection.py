"""The words by which files are selected: what they mean, and where they say that something is wrong."""

from datetime import UTC, datetime
from unicodedata import is_normalized

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.kernel import selection
from cloudconnect.kernel.selection import (
    All,
    AnyOf,
    BadSelection,
    By,
    Contrary,
    Is,
    Modified,
    Name,
    Operator,
    Owner,
    Path,
    Query,
    Size,
    Tagged,
    Type,
    Words,
)

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)

texts = st.text(
    st.characters(codec="utf-8", exclude_characters="\0", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
).filter(lambda text: is_normalized("NFC", text))
operators = st.sampled_from(Operator)
orders = st.sampled_from([each for each in Operator if each is not Operator.IS])
days = st.dates().filter(lambda day: day.year < 9_999).map(str)
terms = st.one_of(
    texts.map(Words),
    texts.filter(lambda text: text.strip("/")).map(Path),
    texts.map(Name),
    st.sampled_from(["pdf", "folder", "file", "image/*", "tar.gz", "text/plain"]).map(Type),
    st.builds(Size, operators, st.integers(0, 1 << 40)),
    st.builds(Modified, operators, days),
    st.builds(Modified, orders, st.integers(0, 999).map("{}d".format)),
    st.builds(Modified, operators, st.sampled_from(["today", "last-week", "this-month", "2026", "2026-02"])),
    st.from_regex(r"\A[a-z][a-z0-9_./+-]{0,8}\Z").map(Tagged),
    st.builds(Tagged, st.just("state"), st.just(Operator.IS), texts),
    st.builds(Tagged, st.just("amount"), orders, st.integers(-999, 999).map(str)),
    st.builds(Tagged, st.just("due"), orders, days),
    texts.map(By),
    texts.map(Owner),
    st.just(Is("favourite")),
    st.just(Is("pinned")),
)


def _some_of(kind, other):
    def build(parts):
        flat = [each for part in parts for each in (part.parts if isinstance(part, kind) else (part,))]
        return kind(tuple(flat))

    return lambda inner: st.one_of(st.lists(inner, min_size=2, max_size=3).map(build), inner.map(other))


def _compound(inner):
    return st.one_of(_some_of(All, Contrary)(inner), _some_of(AnyOf, Contrary)(inner))


selections = st.recursive(terms, _compound, max_leaves=8)
queries = st.builds(Query, st.one_of(st.just(All(())), selections), st.booleans(), st.one_of(st.none(), texts))


@given(queries)
def test_what_is_written_reads_as_the_same(query):
    assert selection.read(selection.write(query)) == query


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_with_a_place_in_it(text):
    try:
        read = selection.read(text)
    except BadSelection as refusal:
        position = refusal.facts["position"]
    else:
        position = 1
        assert selection.read(selection.write(read)) == read
    assert 1 <= position <= len(text) + 1


@pytest.mark.parametrize(
    ("text", "where"),
    [
        pytest.param("", All(()), id="nothing is everything"),
        pytest.param("plan", Words("plan"), id="a word is in the name"),
        pytest.param('"two words"', Words("two words"), id="quotes keep words together"),
        pytest.param('"say ""hi"""', Words('say "hi"'), id="two quotes are one"),
        pytest.param("*.jpg", Name("*.jpg"), id="a star makes a pattern"),
        pytest.param('"*.jpg"', Words("*.jpg"), id="but not in quotes"),
        pytest.param('name:"my *.jpg"', Name("my *.jpg"), id="a pattern with a blank"),
        pytest.param("size:>1.5K", Size(Operator.MORE, 1_536), id="sizes have units"),
        pytest.param("TYPE:.PDF", Type("pdf"), id="keys and types have no case"),
        pytest.param("field:amount>=3", Tagged("amount", Operator.AT_LEAST, "3"), id="a field is a tag with a value"),
        pytest.param("tag:Invoice", Tagged("invoice"), id="tags have no case"),
        pytest.param('tag:state="half paid"', Tagged("state", Operator.IS, "half paid"), id="a value with a blank"),
        pytest.param("-tag:paid", Contrary(Tagged("paid")), id="a minus asks for the contrary"),
        pytest.param("a b", All((Words("a"), Words("b"))), id="beside each other both hold"),
        pytest.param("a AND b", All((Words("a"), Words("b"))), id="the same with AND"),
        pytest.param("a b OR c", AnyOf((All((Words("a"), Words("b"))), Words("c"))), id="OR binds less"),
        pytest.param("a (b OR c)", All((Words("a"), AnyOf((Words("b"), Words("c"))))), id="parentheses bind more"),
        pytest.param("or and", All((Words("or"), Words("and"))), id="small letters are words"),
    ],
)
def test_words_mean_what_they_say(text, where):
    assert selection.read(text).where == where


def test_where_and_when_to_look_stand_beside_the_rest():
    assert selection.read("a in:trash") == Query(Words("a"), is_in_trash=True)
    assert selection.read('(a OR b) at:"yesterday 14:00"') == Query(
        AnyOf((Words("a"), Words("b"))), at="yesterday 14:00"
    )


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("plan foo:x", 6, id="an unknown key"),
        pytest.param("plan size:huge", 6, id="no size"),
        pytest.param("modified:7d", 1, id="an age without < or >"),
        pytest.param("modified:2026-02-30", 1, id="a day that is none"),
        pytest.param("tag:amount>much", 1, id="no number"),
        pytest.param("tag:a:b", 1, id="no name of a tag"),
        pytest.param("field:amount", 1, id="a field without a value"),
        pytest.param("path:/", 1, id="the root"),
        pytest.param("is:red", 1, id="nothing that it can be"),
        pytest.param("in:attic", 1, id="another place than the trash"),
        pytest.param('a "b', 3, id="an open quote"),
        pytest.param("a (b", 3, id="an open parenthesis"),
        pytest.param("a)", 2, id="a parenthesis too many"),
        pytest.param("a ()", 3, id="empty parentheses"),
        pytest.param("a OR", 5, id="OR with nothing behind"),
        pytest.param("OR a", 1, id="OR with nothing before"),
        pytest.param("a - b", 3, id="a minus with a blank"),
        pytest.param("a(1)", 2, id="a parenthesis in a word"),
        pytest.param("a in:trash OR b", 12, id="the trash as one of two"),
        pytest.param("-in:trash", 2, id="anywhere but the trash"),
        pytest.param("at:3h at:4h", 7, id="two moments"),
        pytest.param("name:", 1, id="nothing behind a key"),
        pytest.param("a\0", 2, id="a zero byte"),
        pytest.param("a " * 101, 201, id="too many terms"),
        pytest.param("-" * 21 + "a", 21, id="too deep"),
        pytest.param("a" * 4_001, 4_001, id="too long"),
    ],
)
def test_a_mistake_is_told_with_its_place(text, position):
    with pytest.raises(BadSelection) as refusal:
        selection.read(text)

    assert refusal.value.facts["position"] == position


@pytest.mark.parametrize(
    ("text", "start", "stop"),
    [
        pytest.param("today", "2026-03-04", "2026-03-05", id="today"),
        pytest.param("yesterday", "2026-03-03", "2026-03-04", id="yesterday"),
        pytest.param("last-week", "2026-02-23", "2026-03-02", id="last week, from Monday on"),
        pytest.param("this-week", "2026-03-02", "2026-03-09", id="this week"),
        pytest.param("last-month", "2026-02-01", "2026-03-01", id="last month"),
        pytest.param("last-year", "2025-01-01", "2026-01-01", id="last year"),
        pytest.param("2024-02", "2024-02-01", "2024-03-01", id="a month"),
        pytest.param("2026-01-01", "2026-01-01", "2026-01-02", id="a day"),
        pytest.param("<2026-01-01", None, "2026-01-01", id="before a day"),
        pytest.param("<=2026-01-01", None, "2026-01-02", id="up to a day"),
        pytest.param(">2026-01-01", "2026-01-02", None, id="after a day"),
        pytest.param(">=2026-01", "2026-01-01", None, id="from a month on"),
        pytest.param("2026-01-01T12:30", "2026-01-01T12:30", "2026-01-01T12:31", id="a minute"),
        pytest.param(">4d", None, "2026-02-28T12:00", id="longer ago than"),
        pytest.param("<=4d", "2026-02-28T12:00", None, id="not longer ago than"),
    ],
)
def test_times_are_spans(text, start, stop):
    def ns(day):
        return None if day is None else round(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 10**9

    found = selection.bounds(selection.read(f"modified:{text}").where, NOW)

    assert (found.start, found.stop) == (ns(start), ns(stop))


@pytest.mark.parametrize(
    ("pattern", "path", "is_hit"),
    [
        pytest.param("/Tmp/**", "/Tmp/a", True, id="all below"),
        pytest.param("/Tmp/**", "/Tmp/a/b", True, id="however deep"),
        pytest.param("/Tmp/**", "/Tmp", False, id="but not the folder"),
        pytest.param("/Tmp/", "/Tmp/a/b", True, id="a slash at the end is the same"),
        pytest.param("/Tmp/*", "/Tmp/a/b", False, id="a star stays in its folder"),
        pytest.param("/Tmp", "/Tmp", True, id="one path"),
        pytest.param("/tmp", "/Tmp", False, id="paths have case"),
        pytest.param("/a/**/z", "/a/z", True, id="no folder between"),
        pytest.param("/a/**/z", "/a/b/c/z", True, id="some folders between"),
        pytest.param("/a/**/z", "/a/b/c/zz", False, id="to the end"),
        pytest.param("*.txt", "/a/b.txt", True, id="anywhere"),
        pytest.param("b/*.txt", "/a/b/c.txt", True, id="anywhere with a folder"),
        pytest.param("/?a*b*c", "/xaabbcc", True, id="stars in one name"),
        pytest.param("/?a*b*c", "/xaabbcd", False, id="stars that leave a rest"),
        pytest.param("/[a]", "/a", False, id="brackets are letters"),
        pytest.param("/**/**/b", "/b", True, id="any depth twice"),
    ],
)
def test_paths_match_name_by_name(pattern, path, is_hit):
    names = tuple(path.strip("/").split("/"))

    assert selection.is_match(selection.split_path(pattern), names) is is_hit


@given(st.lists(st.sampled_from(["a", "ab", "**", "*", "a*", "?"]), min_size=1, max_size=6), st.data())
def test_matching_agrees_with_plain_recursion(pattern, data):
    names = data.draw(st.lists(st.sampled_from(["a", "ab", "b"]), min_size=1, max_size=6))

    def plain(rest, path):
        if not rest:
            return not path
        if rest[0] == "**":
            least = 1 if len(rest) == 1 else 0
            return any(plain(rest[1:], path[count:]) for count in range(least, len(path) + 1))
        fits = {"a": {"a"}, "ab": {"ab"}, "*": {"a", "ab", "b"}, "a*": {"a", "ab"}, "?": {"a", "b"}}
        return bool(path) and path[0] in fits[rest[0]] and plain(rest[1:], path[1:])

    assert selection.is_match(pattern, names) is plain(pattern, names)


@given(st.lists(st.sampled_from(["a", "b", "*", "**", "c?"]), min_size=1, max_size=5), st.data())
def test_what_matches_lies_below_the_literal_folder(pattern, data):
    names = data.draw(st.lists(st.sampled_from(["a", "b", "cc"]), min_size=1, max_size=5))
    folder = selection.literal_folder(pattern)

    if selection.is_match(pattern, names):
        assert tuple(names[: len(folder)]) == folder
        assert len(names) > len(folder)
