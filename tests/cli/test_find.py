"""Tags, selections and edits in bulk, on the command line."""

import json

import pytest
from blake3 import blake3

pytestmark = pytest.mark.slow


@pytest.fixture
def filled(machine, tmp_path):
    folder = tmp_path / "Legal"
    folder.mkdir()
    (folder / "contract.pdf").write_bytes(bytes(2_000))
    (folder / "invoice 7.pdf").write_bytes(b"x")
    (folder / "notes.txt").write_bytes(b"y")
    assert machine.run("put", folder, "/").returncode == 0
    return machine


def said(machine, *arguments):
    done = machine.run(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode()


def test_tags_are_put_on_found_by_and_shown(filled):
    assert said(filled, "tag", "add", "/Legal/invoice 7.pdf", "invoice", "amount=120.50") == "amount=120.50\ninvoice\n"
    assert said(filled, "find", "type:pdf tag:amount>100 -tag:paid") == "/Legal/invoice 7.pdf\n"
    assert said(filled, "find", "--print0", "type:pdf") == "/Legal/contract.pdf\0/Legal/invoice 7.pdf\0"
    assert "amount=120.50 invoice" in said(filled, "ls", "-l", "/Legal")
    assert "amount=120.50 invoice" in said(filled, "stat", "/Legal/invoice 7.pdf")
    assert "amount=120.50 invoice" in said(filled, "find", "-l", "invoice")
    assert said(filled, "tag", "remove", "/Legal/invoice 7.pdf", "invoice") == "amount=120.50\n"
    assert filled.json("tag", "list") == [{"name": "amount", "entries": 1}]
    assert filled.json("find", "tag:amount")[0]["tags"][0]["kind"] == "number"


def test_a_mistake_in_a_selection_is_told_with_its_place(filled):
    done = filled.run("find", "type:pdf size:huge")
    assert done.returncode == 2
    assert b"character 10" in done.stderr
    refused = filled.run("find", "a OR", "--json")
    assert json.loads(refused.stderr)["code"] == "selection.bad"


def test_what_would_be_removed_is_shown_and_then_removed(filled):
    before = filled.json("tree", "/")
    plan = filled.json("rm", "--where", "type:pdf size:<1K", "--dry-run")
    assert (plan["items"], plan["logical_bytes"], plan["examples"]) == (1, 1, ["/Legal/invoice 7.pdf"])
    assert filled.json("tree", "/") == before

    assert filled.run("rm", "--where", "type:pdf").returncode == 14
    assert filled.run("rm", "--where", "type:pdf", "--expect", "3", "--yes").returncode == 6
    assert filled.json("rm", "--where", "type:pdf", "--expect", "2", "--yes")["done"] == 2
    assert [each["path"] for each in filled.json("tree", "/")] == ["/Legal", "/Legal/notes.txt"]
    assert filled.run("rm", "--dry-run").returncode == 2
    assert filled.run("rm", "--where", "", "--yes").returncode == 2


def test_selected_things_move_and_get_tags(filled):
    assert filled.run("mkdir", "/Archive").returncode == 0
    assert filled.json("mv", "--where", "type:pdf", "--into", "/Archive", "--yes")["done"] == 2
    assert filled.json("tag", "add", "archived", "--where", "path:/Archive/**", "--yes")["done"] == 2
    assert said(filled, "find", "tag:archived") == "/Archive/contract.pdf\n/Archive/invoice 7.pdf\n"
    assert filled.run("mv", "--where", "type:pdf", "--yes").returncode == 2


def test_fields_favourites_times_and_hashes(filled):
    assert filled.run("field", "set", "state", "choice", "open", "paid").returncode == 0
    assert filled.run("tag", "add", "/Legal/notes.txt", "state=lost").returncode == 2
    assert "open, paid" in said(filled, "field", "list")
    assert filled.run("field", "remove", "state").returncode == 0

    assert filled.run("fav", "add", "/Legal/notes.txt").returncode == 0
    assert said(filled, "find", "is:favourite") == "/Legal/notes.txt\n"
    assert "/Legal/notes.txt" in said(filled, "fav", "list")
    assert filled.run("fav", "remove", "/Legal/notes.txt").returncode == 0

    assert said(filled, "sum", "--blake3", "/Legal/notes.txt") == f"{blake3(b'y').hexdigest()}  /Legal/notes.txt\n"
    assert filled.run("sum", "/Legal").returncode == 2
    assert filled.run("touch", "/Legal/notes.txt", "--modified", "2020-02-03").returncode == 0
    assert filled.json("stat", "/Legal/notes.txt")["modified"] == "2020-02-03T00:00:00.000000000Z"
    assert said(filled, "find", "modified:2020-02") == "/Legal/notes.txt\n"
