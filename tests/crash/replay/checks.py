"""Starts on what a crash left and says what is wrong with it."""

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path

from assembled import Assembled
from history import History, Versions, content

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import SpaceId, id_bytes

_VERSIONS = "SELECT node, seq, media_type, author, sha256, manifest FROM version ORDER BY node, seq"
_LOG = "SELECT count(*), coalesce(max(position), 0) FROM event"
_SPACE_LOGS = "SELECT (SELECT count(*) FROM event WHERE event.space = space_log.space), seq FROM space_log"


def violations(root: Path, history: History, seed: int, *, in_short: bool = False) -> list[str]:
    """Start on the directory *root*, for whose contents *seed* stands, and return what goes against *history*.

    What takes long and hardly ever depends on the state can be left out: the schema, and recovering once more.
    """
    if not history.is_made and not (root / "home" / "keyring.db").exists():
        return []  # the store was not finished being made, and can be made again
    try:
        house = Assembled(root, is_migrated=in_short)
    except CloudConnectError as refusal:
        return [f"it does not start: {refusal.code}"]
    with contextlib.closing(house):
        try:
            return list(_violations(house, history, seed, in_short=in_short))
        except CloudConnectError as refusal:
            return [f"it starts and refuses: {refusal.code}"]


def _violations(house: Assembled, history: History, seed: int, *, in_short: bool) -> Iterator[str]:
    report = house.recover()
    if report.damaged:
        yield "the index names a pack that is not there as written"
    if not in_short and ((again := house.recover()).removed_spools or again.orphans):
        yield "recovery left something to do"
    for space in history.spaces:
        house.keyring.domain(id_bytes(space))
    read = house.database.read_now
    if read(lambda sql: sql.rows("PRAGMA integrity_check")) != [("ok",)]:
        yield "the database is not whole"
    nodes: dict[str, Versions] = {}
    for node, deed, number, space, digest, manifest in read(lambda sql: sql.rows(_VERSIONS)):
        nodes[node] = (*nodes.get(node, ()), (deed, int(number)))
        wanted = content(seed, int(number))
        try:
            found = b"".join(house.repository.read(id_bytes(SpaceId(space)), manifest))
        except CloudConnectError:
            yield "a version cannot be read"
            continue
        if found != wanted or digest != hashlib.sha256(wanted).digest():
            yield "a version is not what was written"
    facts, position = read(lambda sql: sql.row(_LOG))
    yield from history.compare(nodes, facts)
    if position != facts or any(count != seq for count, seq in read(lambda sql: sql.rows(_SPACE_LOGS))):
        yield "the log has gaps"
