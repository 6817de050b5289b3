"""The trash through HTTP: what comes back from it is whole, what it may hold, and what a refusal says of it."""

import asyncio
from types import SimpleNamespace

import pytest

SPACE = "/api/v1/spaces/personal"


async def ask(site, method, path, status=200, **options):
    async with site.ask(method, f"{SPACE}{path}", **options) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json() if answer.status != 204 else None


@pytest.fixture
def quiet():
    """An operation that nobody follows."""
    return SimpleNamespace(report=lambda *_: None, check=lambda: None, keep=lambda _: None, checkpoint="")


async def test_a_folder_from_the_trash_has_its_tree_versions_and_tags_again(site):
    await site.put("/folder/deep/plan.txt?parents=true", b"first")
    await site.put("/folder/deep/plan.txt", b"second", headers={"If-Match": "*"})
    await site.put("/folder/other.txt", b"other")
    old = (await ask(site, "GET", "/versions/folder/deep/plan.txt"))["data"][1]
    pin = {"path": "/folder/deep/plan.txt", "version": old["seq"], "note": "signed"}
    await ask(site, "POST", "/version-pins", json=pin)
    for path, name in (("/folder", "project"), ("/folder/deep/plan.txt", "state")):
        await ask(site, "POST", f"/tags{path}", json={"add": [{"name": name, "value": "x"}]})
    paths = ("/folder", "/folder/deep", "/folder/deep/plan.txt", "/folder/other.txt")
    before = [await ask(site, "GET", f"/entries{path}") for path in paths]
    versions = await ask(site, "GET", "/versions/folder/deep/plan.txt")

    await ask(site, "DELETE", "/entries/folder", headers={"If-Match": "*"})
    await ask(site, "GET", "/entries/folder", 404)
    (trashed,) = (await ask(site, "GET", "/trash"))["data"]
    await ask(site, "POST", f"/trash/{trashed['id']}/restore", json={})

    after = [await ask(site, "GET", f"/entries{path}") for path in paths]
    facts = ("path", "id", "size", "sha256", "modified", "tags")
    assert [[each.get(fact) for fact in facts] for each in after] == [
        [each.get(fact) for fact in facts] for each in before
    ]
    assert await ask(site, "GET", "/versions/folder/deep/plan.txt") == versions
    async with site.ask("GET", f"{SPACE}/content/folder/deep/plan.txt?version={old['seq']}") as answer:
        assert await answer.read() == b"first"


async def test_a_policy_of_the_trash_is_tried_set_and_refused_with_its_reason(site):
    await site.put("/a.txt", b"12345")
    await ask(site, "DELETE", "/entries/a.txt", headers={"If-Match": "*"})
    tried = await ask(site, "POST", "/retention/preview", json={"trash": "at most 0 % of the space; at least 0h"})
    assert (tried["trashed"], tried["trash_bytes"]) == (1, 5)
    assert (await ask(site, "POST", "/retention/preview", json={}))["trashed"] == 0
    wanted = {"versions": None, "trash_days": None, "trash": "in /Tmp/**: keep 3d\nkeep 30d; at most 20 % of the space"}
    assert (await ask(site, "PUT", "/retention", json=wanted)).items() >= wanted.items()
    assert await ask(site, "GET", "/retention") == wanted
    both = await ask(site, "PUT", "/retention", 422, json=wanted | {"trash_days": 7})
    assert (both["code"], "7d" in both["fix"]) == ("files.bad-policy", True)
    short = await ask(site, "PUT", "/retention", 422, json={"trash": "keep 1d; at least 1w"})
    assert "at least 1w" in short["detail"]


async def test_a_change_of_tags_answers_with_what_undoes_it(site):
    await site.put("/a.txt", b"x")
    change = await ask(site, "POST", "/tags/a.txt", json={"add": [{"name": "invoice"}]})
    undone = await ask(site, "POST", "/undo", json={"token": change["undo"]})
    assert undone["retagged"] == 1
    assert (await ask(site, "GET", "/tags/a.txt"))["tags"] == []


async def test_a_full_disk_of_the_appliance_takes_what_the_policy_does_not_keep_at_least(
    appliance, site, monkeypatch, quiet
):
    for name, words in (("a", b"12345"), ("b", b"67890")):
        await site.put(f"/{name}", words)
        await ask(site, "DELETE", f"/entries/{name}", headers={"If-Match": "*"})
    await ask(site, "PUT", "/retention", json={"trash": "at least 0h"})
    nearly_full = SimpleNamespace(total=1_000, used=954, free=46)
    monkeypatch.setattr("cloudconnect.assembly.filing.shutil.disk_usage", lambda _: nearly_full)
    done = await asyncio.to_thread(appliance.purging.purge_old, {}, quiet)
    assert done["purged"] == 1
    assert [each["name"] for each in (await ask(site, "GET", "/trash"))["data"]] == ["b"]
