"""REST, WebDAV and tus change one tree, with crashes in between, as a model says; and all of it can be taken back."""

import random

import pytest

from tests.crash.tree_faces import serving
from tests.crash.tree_machine import run
from tests.crash.tree_work import CONTENTS, Work, root_hash

OPERATIONS = 1_000
NAMES = ("a", "b", "c", "ü 1")


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    with serving(tmp_path_factory.mktemp("tree")) as faces:
        yield faces


@pytest.mark.slow
def test_three_protocols_and_kills_lead_where_the_model_says(faces):
    run(faces, 30, 12)


def act_at_random(work, chance):
    """Do something of any kind, anywhere."""

    def path():
        return "/" + "/".join(chance.choices(NAMES, k=chance.randint(1, 3)))

    face = chance.choice(("rest", "dav"))
    acts = (
        lambda: work.put(chance.choice(("rest", "dav", "tus")), path(), chance.choice(CONTENTS[:3])),
        lambda: work.add_folder(face, path()),
        lambda: work.move(face, path(), path(), chance.random() < 0.5),
        lambda: work.copy(face, path(), path(), chance.random() < 0.3),
        lambda: work.trash(face, path()),
        lambda: work.restore(chance.randrange(100), path()),
        lambda: work.tag(path(), chance.choice(("red", "blue"))),
        lambda: work.touch(path(), chance.randrange(10**9, 2 * 10**9)),
    )
    chance.choices(acts, (6, 4, 2, 1, 1, 1, 2, 1))[0]()


def tags_of(work):
    return {path: work.faces.tags(path) for path in work.tree}


@pytest.mark.slow
def test_a_thousand_operations_are_undone_to_the_first_root_hash_and_redone(faces):
    chance = random.Random(4)
    work = Work(faces, "/thousand")
    for name in NAMES:
        work.add_folder("rest", f"/{name}")
        work.put("rest", f"/{name}/file", name.encode())
        faces.tag(f"/thousand/{name}/file", f"on-{name[0]}")
    work.done.clear()
    start, tree, tags = work.seen, work.tree, tags_of(work)
    while len(work.done) < OPERATIONS:
        act_at_random(work, chance)
    tree_after, after, tags_after = work.tree, work.seen, tags_of(work)

    undone = work.undo_everything()

    assert (root_hash(work.seen), work.tree) == (root_hash(start), tree)
    assert {path: each.node for path, each in work.seen.items()} == {path: each.node for path, each in start.items()}
    assert tags_of(work) == tags
    work.redo(undone, tree_after, after)
    assert tags_of(work) == tags_after
    assert root_hash(after) != root_hash(start)
