"""With the index lost, packs and keys give everything back: chunks, the newest catalog, and contents without a name."""

import pytest

from cloudconnect.storage import index
from cloudconnect.storage.backup_places import CATALOG_DOMAIN
from cloudconnect.storage.catalog import Catalogs, Head, HeldCatalogs
from cloudconnect.storage.chunker import MAXIMUM_BYTES
from cloudconnect.storage.reader import Reader
from cloudconnect.storage.rebuild import add_pack, find_heads, find_unnamed, places, walk
from tests.storage.house import SPACE, build, noise
from tests.storage.sqlite_index import SqliteIndex


@pytest.fixture
def house(tmp_path):
    made = build(tmp_path)
    yield made
    made.close()


def lists(house, domain=None):
    return list(walk(house.backend, house.repository.keyring, house.repository.codec, domain))


def new_index(listed):
    table = SqliteIndex()
    with table.transaction() as sql:
        for each in listed:
            add_pack(sql, each)
    return table


def reader_over(house, table):
    return Reader(house.backend, house.repository.keyring, house.repository.codec, table.locate)


def fill(house):
    house.put("nothing", b"")
    house.put("small", b"a few words")
    house.put("one", noise(1, 200_000))
    house.put("large", noise(2, 3_000_000))
    house.put("twice", noise(2, 3_000_000))


def test_the_index_made_from_packs_alone_reads_everything(house):
    fill(house)

    reader = reader_over(house, new_index(lists(house)))

    for manifest, data in house.contents.values():
        assert b"".join(reader.read(SPACE, manifest)) == data


def test_a_pack_whose_footer_is_damaged_gives_back_what_is_whole_in_it(house):
    for number in range(4):
        house.put(str(number), noise(number, 100_000))
    for name, size in list(house.backend.names()):
        house.flip(name, size - 100)

    listed = lists(house)
    reader = reader_over(house, new_index(listed))

    assert not any(each.is_whole for each in listed)
    assert all(b"".join(reader.read(SPACE, manifest)) == data for manifest, data in house.contents.values())


def test_a_copy_in_a_whole_pack_counts_before_one_in_a_damaged_pack(house):
    house.put("file", noise(1, 100_000))
    ((first, size),) = house.backend.names()
    with house.index.transaction() as sql:
        sql.execute("DELETE FROM chunk")
    house.put("again", noise(1, 100_000))
    house.flip(first, size - 100)

    for listed in (lists(house), lists(house)[::-1]):
        table = new_index(listed)
        with table.transaction() as sql:
            rows = sql.rows("SELECT pack.state FROM chunk JOIN pack ON pack.number = chunk.pack")
        assert rows == [("live",)]


def test_contents_that_no_version_names_are_found_whole(house):
    fill(house)
    reader = reader_over(house, house.index)
    named = [manifest for manifest, _ in house.contents.values()]
    with house.index.transaction() as sql:
        assert list(find_unnamed(lists(house), reader, house.repository.keyring, sql)) == []
        sql.execute("DELETE FROM version")
        sql.execute("DELETE FROM piece")
        found = list(find_unnamed(lists(house), reader, house.repository.keyring, sql))

    def read(content):
        raws = (reader.load(house.repository.keyring.domain(SPACE), entry.content_id) for entry in content.chunks)
        return b"".join(raws)

    assert sorted(map(read, found)) == sorted({data for _, data in house.contents.values()} - {b""})
    assert len(named) == 5


# Catalogs


class Tree:
    """A file that stands for the tree, and the position of the log."""

    def __init__(self):
        self.position, self.content = 1, noise(9, 50_000)

    def write(self, path):
        path.write_bytes(self.content)
        return self.position


@pytest.fixture
def tree():
    return Tree()


@pytest.fixture
def catalogs(house, tree):
    house.write(lambda sql, _: sql.execute("CREATE TABLE catalog (position, manifest, content, head)"))
    house.write(lambda sql, _: sql.execute("CREATE UNIQUE INDEX catalog_position ON catalog (position)"))
    return Catalogs(house.repository, house, tree.write, lambda: tree.position)


def keep(catalogs):
    catalogs._not_before = 0.0
    return catalogs.keep()


def test_the_newest_catalog_is_found_from_packs_alone(house, tree, catalogs):
    for position in (5, 7, 12):
        tree.position, tree.content = position, noise(position, 700_000)
        assert keep(catalogs) == position

    listed = lists(house, CATALOG_DOMAIN)
    found = places(listed)
    reader = Reader(
        house.backend,
        house.repository.keyring,
        house.repository.codec,
        lambda keys: {key: found[key] for key in keys if key in found},
    )
    heads = find_heads(listed, reader, house.repository.keyring)

    assert [head.position for head in heads] == [12, 7, 5]
    assert b"".join(reader.read(CATALOG_DOMAIN, heads[0].manifest)) == tree.content


def test_nothing_is_stored_while_nothing_happens_and_when_it_would_take_too_long(house, tree, catalogs):
    assert catalogs.keep() == 1
    tree.position = 2
    assert catalogs.keep() is None
    assert keep(catalogs) == 2
    assert keep(catalogs) is None


def test_the_last_three_are_kept_and_gc_takes_the_others(house, tree, catalogs):
    for position in range(1, 7):
        tree.position, tree.content = position, noise(position, MAXIMUM_BYTES + 1)
        keep(catalogs)
    house.put("file", noise(100, 10_000))

    with house.index.transaction() as sql:
        rows = [row[0] for row in sql.rows("SELECT position FROM catalog ORDER BY position")]
        held = [key for row in sql.rows("SELECT content, head FROM catalog") for key in row]
        assert HeldCatalogs().find_held(sql, [*held, b"x" * 16]) == set(held)
        sql.execute("DELETE FROM piece")
        assert len(HeldCatalogs().find_unlisted(sql, b"", 10)) == 3
    assert rows == [4, 5, 6]


def test_a_renewed_catalog_stands_alone_and_nothing_of_earlier_ones_is_left(house, tree, catalogs):
    house.put("file", noise(100, 10_000))
    before = {name for name, _ in house.backend.names()}
    for position in (4, 5):
        tree.position, tree.content = position, noise(1, 700_000) + b"erased"
        keep(catalogs)
    earlier = {name for name, _ in house.backend.names()} - before

    tree.position, tree.content = 6, noise(1, 700_000)
    catalogs.renew()

    left = {name for name, _ in house.backend.names()}
    assert (len(earlier) > 1, earlier & left, before <= left) == (True, set(), True)
    with house.index.transaction() as sql:
        ((position, manifest),) = sql.rows("SELECT position, manifest FROM catalog")
    assert (position, b"".join(house.repository.read(CATALOG_DOMAIN, manifest))) == (6, tree.content)
    house.collect_all()
    tree.position += 1
    keep(catalogs)
    assert b"".join(house.repository.read(CATALOG_DOMAIN, manifest)) == tree.content
    assert house.get("file") == noise(100, 10_000)


@pytest.mark.parametrize(
    "raw", [b"", b"words", b"CloudConnect catalog 1\n", b"CloudConnect catalog 1\n{}", b"CloudConnect catalog 1\n[1]"]
)
def test_what_is_no_head_is_none(raw):
    assert Head.decode(raw) is None
    assert Head.decode(Head(3, b"\x01\x02").encode()) == Head(3, b"\x01\x02")


def test_a_rebuilt_index_takes_new_content(house):
    fill(house)
    table = new_index(lists(house))
    content = house.repository.write(SPACE, [noise(77, 100_000)])
    with table.transaction() as sql:
        index.settle(sql, content)
        assert index.find(sql, [content.key]) == {content.key}
