"""Finding files by what is known about them, compared with a reading of the same words in plain Python."""

import fnmatch
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudconnect.features.files import Condition, VersionsService, read_tag
from cloudconnect.kernel import selection
from cloudconnect.kernel.errors import Conflict, Invalid, NotFound
from cloudconnect.kernel.selection import (
    All,
    AnyOf,
    By,
    Contrary,
    Modified,
    Name,
    Operator,
    Path,
    Size,
    Tagged,
    Type,
    Words,
)

ANYTHING = Condition(if_match=frozenset({"*"}))
DAY_NS = 86_400 * 10**9


async def stream(*pieces):
    for piece in pieces:
        yield piece


async def put(rooms, principal, path, data=b"x", **options):
    made = await rooms.files.put_file(principal, "personal", path, stream(data), parents=True, **options)
    return made.entry


async def tag(rooms, principal, path, *texts):
    added = [read_tag(name, value if sign else None) for name, sign, value in (text.partition("=") for text in texts)]
    await rooms.tags.change_tags(principal, "personal", path, added, [])


async def find(rooms, principal, where, limit=1_000, **options):
    page = await rooms.finding.find(principal, "personal", where, limit=limit, **options)
    return sorted(each.entry.path for each in page.items)


@pytest.fixture
async def tree(rooms, ada):
    """A small space: files of some sizes, ages and kinds, tagged in some ways."""
    now_ns = round(rooms.clock.now().timestamp()) * 10**9
    await put(rooms, ada, "/Legal/contract.pdf", b"x" * 3_000, modified_ns=now_ns - 100 * DAY_NS)
    await put(rooms, ada, "/Legal/2026/invoice 7.PDF", b"x" * 200, modified_ns=now_ns - 10 * DAY_NS)
    await put(rooms, ada, "/Legal/2026/notes.txt", b"x", modified_ns=now_ns)
    await put(rooms, ada, "/Photos/Straße.jpg", b"x" * 5_000, modified_ns=now_ns - 200 * DAY_NS)
    await put(rooms, ada, "/Photos/100%_done!.jpg", b"x" * 10, modified_ns=now_ns - 40 * DAY_NS)
    await put(rooms, ada, "/Tmp/a/b/deep.txt", b"x" * 30, modified_ns=now_ns - 95 * DAY_NS)
    await put(rooms, ada, "/Tmp/new.txt", b"x" * 40, modified_ns=now_ns)
    await tag(rooms, ada, "/Legal/contract.pdf", "invoice", "amount=120.5", "state=open")
    await tag(rooms, ada, "/Legal/2026/invoice 7.PDF", "invoice", "paid", "amount=80", "due=2026-03-10")
    await tag(rooms, ada, "/Photos", "state=Paid in full")
    return await rooms.spaces.get_space(ada, "personal")


SELECTED = {
    "invoice": ["/Legal/2026/invoice 7.PDF"],  # a word in the name
    '"INVOICE 7"': ["/Legal/2026/invoice 7.PDF"],  # a phrase, whatever its case
    "type:pdf": ["/Legal/2026/invoice 7.PDF", "/Legal/contract.pdf"],  # an ending
    "type:folder path:/Tmp/**": ["/Tmp/a", "/Tmp/a/b"],  # folders in a folder
    "type:image/* size:>1K": ["/Photos/Straße.jpg"],  # a media type and a size
    "type:image -size:>1K": ["/Photos/100%_done!.jpg"],  # a group and the contrary of a size
    "type:file size:<=10": ["/Legal/2026/notes.txt", "/Photos/100%_done!.jpg"],  # at most
    "name:100%*!.jpg": ["/Photos/100%_done!.jpg"],  # letters that a database reads otherwise
    "name:?00%?done!.jpg": ["/Photos/100%_done!.jpg"],  # one letter each
    "straße": ["/Photos/Straße.jpg"],  # letters beyond ASCII
    "STRASSE": [],  # which keep their case
    "path:/Tmp/** modified:>90d type:file": ["/Tmp/a/b/deep.txt"],  # old things in a folder
    "path:/Tmp/*": ["/Tmp/a", "/Tmp/new.txt"],  # one level
    "path:/tmp/*": [],  # a folder that is not there
    "path:/Tmp/**/*.txt": ["/Tmp/a/b/deep.txt", "/Tmp/new.txt"],  # any depth
    "path:*.txt path:/Legal/": ["/Legal/2026/notes.txt"],  # two paths
    "tag:invoice -tag:paid": ["/Legal/contract.pdf"],  # a tag and no other
    "tag:amount>100": ["/Legal/contract.pdf"],  # a number
    "field:amount<=80": ["/Legal/2026/invoice 7.PDF"],  # the same, called a field
    "tag:amount=80.0": [],  # a value as it was written
    "tag:due<2026-04-01": ["/Legal/2026/invoice 7.PDF"],  # a date
    "tag:due>5": [],  # a date is no number
    'tag:state="paid IN full"': ["/Photos"],  # a value, whatever its case
    "tag:paid OR (path:/Photos/** -size:>1K)": [
        "/Legal/2026/invoice 7.PDF",
        "/Photos/100%_done!.jpg",
    ],  # one of two with a path
    "-(path:/Legal/** OR path:/Photos/**) type:txt size:>35": ["/Tmp/new.txt"],  # neither of two
    "by:ada type:jpg size:>1K": ["/Photos/Straße.jpg"],  # who wrote it
    "by:nobody": [],  # somebody who is not there
    "by:me owner:ada name:new.txt": ["/Tmp/new.txt"],  # one's own
    "modified:last-month type:file": ["/Legal/2026/invoice 7.PDF"],  # last month
}


async def test_a_selection_selects(rooms, ada, tree):
    assert {where: await find(rooms, ada, where) for where in SELECTED} == SELECTED


async def test_what_is_found_has_its_tags(rooms, ada, tree):
    page = await rooms.finding.find(ada, "personal", "tag:paid", limit=10)
    assert [each.name for each in page.items[0].tags] == ["amount", "due", "invoice", "paid"]


async def test_only_what_lies_below_a_folder_is_found_there(rooms, ada, tree):
    assert await find(rooms, ada, "", path="/Legal/2026") == ["/Legal/2026/invoice 7.PDF", "/Legal/2026/notes.txt"]
    assert await find(rooms, ada, "path:/Photos/**", path="/Legal") == []
    assert await find(rooms, ada, "path:/Legal/2026/**", path="/Legal") == await find(
        rooms, ada, "", path="/Legal/2026"
    )
    with pytest.raises(NotFound):
        await find(rooms, ada, "", path="/nowhere")
    with pytest.raises(Conflict):
        await find(rooms, ada, "", path="/Tmp/new.txt")


async def test_what_was_there_is_found_as_it_was(rooms, ada, tree):
    rooms.clock.advance(timedelta(hours=2))
    await rooms.files.move(ada, "personal", "/Tmp", "/Old")
    await tag(rooms, ada, "/Old/new.txt", "invoice")
    await rooms.files.trash(ada, "personal", "/Legal", ANYTHING)

    assert await find(rooms, ada, "tag:invoice") == ["/Old/new.txt"]
    assert await find(rooms, ada, "tag:invoice at:1h") == ["/Legal/2026/invoice 7.PDF", "/Legal/contract.pdf"]
    assert await find(rooms, ada, "path:/Tmp/a/** at:1h") == ["/Tmp/a/b", "/Tmp/a/b/deep.txt"]
    assert await find(rooms, ada, "path:/Tmp/a/**") == []
    assert await find(rooms, ada, "path:/Tmp/a/**", at="1h") == ["/Tmp/a/b", "/Tmp/a/b/deep.txt"]
    with pytest.raises(Invalid, match="Two moments"):
        await find(rooms, ada, "at:1h", at="1h")


async def test_the_trash_is_searched_when_asked_for_and_only_then(rooms, ada, tree):
    await rooms.files.trash(ada, "personal", "/Tmp/a", ANYTHING)
    await rooms.files.trash(ada, "personal", "/Tmp/new.txt", ANYTHING)

    assert await find(rooms, ada, "type:txt") == ["/Legal/2026/notes.txt"]
    assert await find(rooms, ada, "type:txt in:trash") == ["/Tmp/a/b/deep.txt", "/Tmp/new.txt"]
    assert await find(rooms, ada, "path:/Tmp/a/** in:trash") == ["/Tmp/a/b", "/Tmp/a/b/deep.txt"]
    assert await find(rooms, ada, "in:trash type:folder") == ["/Tmp/a", "/Tmp/a/b"]
    with pytest.raises(Invalid, match="trash"):
        await find(rooms, ada, "in:trash at:1h")


async def test_nobody_finds_what_is_not_theirs(rooms, ada, bob, tree):
    with pytest.raises(NotFound):
        await rooms.finding.find(bob, tree.id, "", limit=10)


async def test_pages_show_one_moment_and_come_to_the_whole(rooms, ada, tree):
    whole = await find(rooms, ada, "type:file")
    first = await rooms.finding.find(ada, "personal", "type:file", limit=3)
    await rooms.files.move(ada, "personal", "/Legal", "/Elsewhere")
    await put(rooms, ada, "/another.txt")
    second = await rooms.finding.find(ada, "personal", "type:file", limit=100, cursor=first.next_cursor)

    assert sorted(each.entry.path for each in (*first.items, *second.items)) == whole
    assert second.next_cursor is None


terms = st.one_of(
    st.sampled_from(["a", "A", "b.txt", "%", "_", "ß", "!"]).map(Words),
    st.sampled_from(["*.txt", "?", "a*", "*ß*", "A.TXT", "%*"]).map(Name),
    st.sampled_from(["/a/**", "/a/*", "*.txt", "/a/b", "/?/**", "a", "/a/**/b", "/nowhere/x"]).map(Path),
    st.sampled_from(["txt", "folder", "file", "text", "image/*"]).map(Type),
    st.builds(Size, st.sampled_from(Operator), st.integers(0, 4)),
    st.builds(Modified, st.sampled_from(Operator), st.sampled_from(["2026-02-27", "2026-02", "last-month", "today"])),
    st.builds(Modified, st.sampled_from([Operator.LESS, Operator.MORE]), st.sampled_from(["1d", "2d", "30d"])),
    st.sampled_from([Tagged("x"), Tagged("n", Operator.IS, "2"), Tagged("t", Operator.IS, "ÄB")]),
    st.builds(Tagged, st.just("n"), st.sampled_from([Operator.LESS, Operator.AT_LEAST]), st.sampled_from(["2", "2.5"])),
    st.sampled_from([By("ada"), By("eve")]),
)
selections = st.recursive(
    terms,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: All(tuple(parts))),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: AnyOf(tuple(parts))),
        inner.map(Contrary),
    ),
    max_leaves=6,
)


def naive(where, entry, tags, now):  # noqa: C901, PLR0911, PLR0912 - one line for each term, that is the point
    """Whether *where* holds for *entry*, as one would write it down without a database."""
    lower = entry.name.translate({code: code + 32 for code in range(65, 91)})

    def held(kind, value):
        wanted = {"txt": lower.endswith(".txt"), "text": (entry.media_type or "").startswith("text/")}
        return {"folder": entry.is_folder, "file": not entry.is_folder, "image/*": False, **wanted}[value]

    def compare(operator, left, right):
        return {"=": left == right, "<": left < right, "<=": left <= right, ">": left > right, ">=": left >= right}[
            operator.value
        ]

    match where:
        case All(parts):
            return all(naive(part, entry, tags, now) for part in parts)
        case AnyOf(parts):
            return any(naive(part, entry, tags, now) for part in parts)
        case Contrary(part):
            return not naive(part, entry, tags, now)
        case Words(text):
            return text.translate({code: code + 32 for code in range(65, 91)}) in lower
        case Name(pattern):
            return fnmatch.fnmatchcase(lower, pattern.translate({code: code + 32 for code in range(65, 91)}))
        case Path(pattern):
            return selection.is_match(selection.split_path(pattern), tuple(entry.path.strip("/").split("/")))
        case Type(word):
            return held("type", word)
        case Size(operator, size):
            return entry.size is not None and compare(operator, entry.size, size)
        case Modified():
            span = selection.bounds(where, now)
            after = span.start is None or entry.modified_ns >= span.start
            return after and (span.stop is None or entry.modified_ns < span.stop)
        case Tagged(name, None):
            return name in tags
        case Tagged(name, Operator.IS, value):
            return name in tags and tags[name].text == value
        case Tagged(name, operator, value):
            return name in tags and tags[name].number is not None and compare(operator, tags[name].number, float(value))
        case By(name):
            return entry.size is not None and name == "ada"


@pytest.mark.slow
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(where=selections, limit=st.integers(1, 5), data=st.data())
async def test_every_selection_agrees_with_plain_python_page_by_page(many, where, limit, data):
    rooms, ada, everything = many
    folder = data.draw(st.sampled_from(["/", "/a"]))
    text = selection.write(selection.Query(where))
    now = rooms.clock.now()
    expected = {
        each.entry.path
        for each in everything
        if each.entry.path.startswith(folder.rstrip("/") + "/")
        and naive(where, each.entry, {one.name: one.value for one in each.tags}, now)
    }

    found, cursor = [], None
    while True:
        page = await rooms.finding.find(ada, "personal", text, path=folder, limit=limit, cursor=cursor)
        found += [each.entry.path for each in page.items]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert len(found) == len(set(found))
    assert set(found) == expected


@pytest.fixture
async def many(rooms, ada):
    """A space with names that databases stumble over, and everything in it."""
    now_ns = round(rooms.clock.now().timestamp()) * 10**9
    paths = ["/a.txt", "/A.TXT", "/b.txt", "/a/b/a.txt", "/a/b/ß", "/a/%", "/a/_", "/a/!x.txt", "/c/a/b/Äb.txt", "/c/b"]
    for number, path in enumerate(paths):
        await put(rooms, ada, path, b"x" * (number % 5), modified_ns=now_ns - number * DAY_NS)
        if number % 3:
            await tag(rooms, ada, path, "x", f"n={number % 4}")
    await tag(rooms, ada, "/a/b", "t=ÄB", "n=2")
    return rooms, ada, (await rooms.finding.find(ada, "personal", "", limit=1_000)).items


async def test_what_has_a_pinned_version_is_found_also_in_the_trash(rooms, ada, tree):
    versions = VersionsService(rooms.log, rooms.database, rooms.guide, rooms.vault)
    for path in ("/Legal/contract.pdf", "/Tmp/new.txt"):
        entry = await rooms.files.get_entry(ada, "personal", path)
        await versions.pin_version(ada, "personal", path, entry.version, "signed")
    assert await find(rooms, ada, "is:pinned") == ["/Legal/contract.pdf", "/Tmp/new.txt"]
    assert await find(rooms, ada, "is:pinned path:/Tmp/**") == ["/Tmp/new.txt"]
    assert "/Legal/contract.pdf" not in await find(rooms, ada, "-is:pinned")
    await rooms.files.trash(ada, "personal", "/Tmp/new.txt", ANYTHING)
    assert await find(rooms, ada, "is:pinned in:trash") == ["/Tmp/new.txt"]
    entry = await rooms.files.get_entry(ada, "personal", "/Legal/contract.pdf")
    await versions.pin_version(ada, "personal", "/Legal/contract.pdf", entry.version, None)
    assert await find(rooms, ada, "is:pinned") == []
