"""Tags, selections and edits in bulk through HTTP."""

import pytest
from blake3 import blake3

SPACE = "/api/v1/spaces/personal"


async def ask(site, method, path, status=200, **options):
    async with site.ask(method, f"{SPACE}{path}", **options) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json() if answer.status != 204 else None


@pytest.fixture
async def filled(site):
    await site.put("/Legal/contract.pdf?parents=true", b"x" * 2_000)
    await site.put("/Legal/invoice.pdf", b"x")
    await site.put("/notes.txt", b"x")
    return site


async def test_tags_are_put_on_shown_where_files_are_and_taken_off(filled):
    added = {
        "add": [{"name": "invoice"}, {"name": "amount", "value": "12.5"}, {"name": "zip", "value": "7", "kind": "text"}]
    }
    answer = await ask(filled, "POST", "/tags/Legal/invoice.pdf", json=added)
    assert answer["tags"] == [
        {"name": "amount", "kind": "number", "value": "12.5"},
        {"name": "invoice", "kind": "label", "value": ""},
        {"name": "zip", "kind": "text", "value": "7"},
    ]
    assert (await ask(filled, "GET", "/entries/Legal/invoice.pdf"))["tags"] == answer["tags"]
    listed = (await ask(filled, "GET", "/children/Legal"))["data"]
    assert [len(each["tags"]) for each in listed] == [0, 3]
    assert (await ask(filled, "GET", "/tags"))["data"][0] == {"name": "amount", "entries": 1}

    left = await ask(filled, "POST", "/tags/Legal/invoice.pdf", json={"remove": ["amount", "zip"]})
    assert [each["name"] for each in left["tags"]] == ["invoice"]


async def test_fields_are_set_kept_to_and_removed(filled):
    await ask(filled, "PUT", "/fields/state", json={"kind": "choice", "choices": ["open", "paid"]})
    lost = {"add": [{"name": "state", "value": "lost"}]}
    problem = await ask(filled, "POST", "/tags/notes.txt", 422, json=lost)
    assert (problem["code"], "open, paid" in problem["fix"]) == ("files.bad-tag", True)
    assert (await ask(filled, "GET", "/fields"))["fields"][0]["choices"] == ["open", "paid"]
    assert (await ask(filled, "DELETE", "/fields/state"))["fields"] == []
    await ask(filled, "POST", "/tags/notes.txt", json=lost)


async def test_a_selection_finds_and_a_mistake_is_told_with_its_place(filled):
    found = await ask(filled, "GET", "/find", params={"where": "type:pdf size:>1K"})
    assert [each["path"] for each in found["data"]] == ["/Legal/contract.pdf"]
    problem = await ask(filled, "GET", "/find", 422, params={"where": "type:pdf size:huge"})
    assert (problem["code"], "character 10" in problem["fix"]) == ("selection.bad", True)


async def test_an_edit_in_bulk_is_planned_and_then_done(filled):
    edit = {"where": "type:pdf path:/Legal/**", "action": "trash"}
    plan = await ask(filled, "POST", "/bulk-edits", json=edit | {"dry_run": True})
    assert (plan["items"], plan["files"], plan["logical_bytes"], plan["done"]) == (2, 2, 2_001, None)
    refused = await ask(filled, "POST", "/bulk-edits", 428, json=edit)
    assert refused["code"] == "files.plan-required"

    done = await ask(filled, "POST", "/bulk-edits", json=edit | {"plan": plan["plan"], "expect": 2})
    assert (done["done"], done["seq"]) == (2, plan["seq"] + 2)
    again = await ask(filled, "POST", "/bulk-edits", 412, json=edit | {"plan": plan["plan"]})
    assert again["code"] == "files.plan-drifted"


async def test_a_file_is_touched_hashed_and_marked(filled):
    modified = "2020-02-03T04:05:06.123456789Z"
    changed = await ask(filled, "PATCH", "/entries/notes.txt", json={"modified": modified})
    assert changed["entry"]["modified"] == modified
    await ask(filled, "PATCH", "/entries/notes.txt", 400, json={"modified": "yesterday"})
    entry = await ask(filled, "GET", "/entries/notes.txt", params={"checksum": "blake3"})
    assert entry["blake3"] == blake3(b"x").hexdigest()

    await ask(filled, "PUT", "/favourites/notes.txt")
    async with filled.ask("GET", "/api/v1/favourites") as answer:
        assert [each["entry"]["path"] for each in (await answer.json())["data"]] == ["/notes.txt"]
    await ask(filled, "DELETE", "/favourites/notes.txt", 204)
