"""When files were modified, their BLAKE3, and whose favourites they are, told through the service."""

import pytest
from blake3 import blake3

from cloudconnect.features.files import Condition
from cloudconnect.kernel.errors import Conflict, Denied, NotFound, PreconditionFailed
from cloudconnect.kernel.principal import Principal, PrincipalKind, Scope

ANYTHING = Condition(if_match=frozenset({"*"}))


async def put(rooms, principal, path, data=b"x", **options):
    async def stream():
        yield data

    made = await rooms.files.put_file(principal, "personal", path, stream(), parents=True, **options)
    return made.entry


async def favourites(rooms, principal):
    return [each.entry.path for each in (await rooms.particulars.find_favourites(principal, 100, None)).items]


async def test_a_file_is_touched_and_keeps_its_content_and_its_version(rooms, ada):
    before = await put(rooms, ada, "/a", modified_ns=5)

    change = await rooms.particulars.touch(ada, "personal", "/a", 1_700_000_000_123_456_789)

    after = await rooms.files.get_entry(ada, "personal", "/a")
    assert after == change.entry
    assert (after.modified_ns, after.etag) == (1_700_000_000_123_456_789, before.etag)
    assert (await rooms.files.get_entry(ada, "personal", "/a", f"seq:{before.from_seq}")).modified_ns == 5


async def test_what_is_so_already_is_no_change(rooms, ada):
    entry = await put(rooms, ada, "/a", modified_ns=5)
    assert (await rooms.particulars.touch(ada, "personal", "/a", 5)).seq == entry.from_seq
    assert (await rooms.spaces.get_space(ada, "personal")).seq == entry.from_seq


async def test_a_touch_minds_its_condition_the_root_and_the_scope(rooms, ada):
    await put(rooms, ada, "/a")
    reader = Principal(ada.id, PrincipalKind.PERSON, "ada", scopes=frozenset({Scope.FILES_READ}))
    with pytest.raises(PreconditionFailed):
        await rooms.particulars.touch(ada, "personal", "/a", 5, Condition(if_match=frozenset({"other"})))
    with pytest.raises(Conflict):
        await rooms.particulars.touch(ada, "personal", "/", 5)
    with pytest.raises(Denied):
        await rooms.particulars.touch(reader, "personal", "/a", 5)


async def test_blake3_is_computed_once_for_a_content_wherever_it_is(rooms, ada):
    await put(rooms, ada, "/a", b"hello")
    await rooms.files.copy(ada, "personal", "/a", "/b")

    first = await rooms.particulars.find_blake3(ada, "personal", "/a")
    rooms.vault.contents.clear()

    assert first == blake3(b"hello").digest()
    assert await rooms.particulars.find_blake3(ada, "personal", "/a") == first
    assert await rooms.particulars.find_blake3(ada, "personal", "/b") == first


async def test_blake3_is_of_the_version_that_is_asked_for(rooms, ada):
    old = await put(rooms, ada, "/a", b"one")
    await put(rooms, ada, "/a", b"two", condition=ANYTHING)

    assert await rooms.particulars.find_blake3(ada, "personal", "/a") == blake3(b"two").digest()
    assert await rooms.particulars.find_blake3(ada, "personal", "/a", f"seq:{old.from_seq}") == blake3(b"one").digest()
    with pytest.raises(Conflict):
        await rooms.particulars.find_blake3(ada, "personal", "/")


async def test_a_favourite_is_one_persons_own_and_goes_along(rooms, ada, bob):
    await put(rooms, ada, "/a/b")
    await rooms.particulars.add_favourite(ada, "personal", "/a/b")
    await rooms.particulars.add_favourite(ada, "personal", "/a/b")
    await rooms.files.move(ada, "personal", "/a", "/c")

    found = await rooms.finding.find(ada, "personal", "is:favourite", limit=10)
    assert await favourites(rooms, ada) == [each.entry.path for each in found.items] == ["/c/b"]
    assert await favourites(rooms, bob) == []
    await rooms.particulars.remove_favourite(ada, "personal", "/c/b")
    assert await favourites(rooms, ada) == []


async def test_what_is_in_the_trash_is_no_favourite_until_it_is_back(rooms, ada):
    await put(rooms, ada, "/a/b")
    await rooms.particulars.add_favourite(ada, "personal", "/a/b")
    gone = await rooms.files.trash(ada, "personal", "/a", ANYTHING)
    assert await favourites(rooms, ada) == []
    await rooms.files.restore(ada, "personal", gone.trashed.node)
    assert await favourites(rooms, ada) == ["/a/b"]


async def test_nobody_marks_what_is_not_theirs(rooms, ada, bob):
    await put(rooms, ada, "/a")
    space = (await rooms.spaces.get_space(ada, "personal")).id
    with pytest.raises(NotFound):
        await rooms.particulars.add_favourite(bob, space, "/a")
