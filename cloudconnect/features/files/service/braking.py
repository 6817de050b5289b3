"""Counting what a session removes and overwrites, in the unit that does it, and stopping it when that is too much.

The unit that reaches the limit is the last one that passes: it pulls the brake, and whatever the session wants to write
after it is refused. A person who removes a folder means that folder, so it counts once; a program's removal counts the
files below it. What was announced is not counted, nor is what was made only minutes ago: programs make and remove
files for a moment's use, and nobody loses those.
"""

from typing import Final

from cloudconnect.bus import Unit
from cloudconnect.events.files import BrakePulled
from cloudconnect.features.files.errors import Braked
from cloudconnect.features.files.models import Brake, Entry, Space
from cloudconnect.features.files.store import brakes, tree
from cloudconnect.kernel.ids import SpaceId, born_ms, new_id
from cloudconnect.kernel.principal import Principal, PrincipalKind
from cloudconnect.kernel.text import N_
from cloudconnect.ports.sql import Sql
from cloudconnect.ports.vault import Named

CHANGES: Final = 200
"""How many files one session may remove or overwrite in a minute, where a space does not say otherwise."""

_WINDOW_SECONDS: Final = 60
_LEAST: Final = 50
_PART: Final = 5  # one in five of all the files
_SCRAMBLED: Final = 20
_YOUNG_MS: Final = 600_000
_TOLD_BYTES: Final = 512
_EXPECTED_MS: Final = 3_600_000

MASS = "mass-change"
PART = "part-of-space"
RANSOM = "scrambled"


def session_of(principal: Principal) -> str:
    """Return by what the changes of *principal* are counted: its session or token, or itself where it has neither."""
    return principal.credential or principal.id


def check_free(sql: Sql, principal: Principal, space: SpaceId) -> None:
    """Return if nothing stops the session of *principal* from writing to *space*.

    Raises:
        Braked: it is stopped.
    """
    if principal.kind is PrincipalKind.APPLIANCE:
        return
    pulled = brakes.find_pulled(sql, space, session_of(principal))
    if pulled is not None:
        raise Braked(
            N_("So much was removed or overwritten that this session may not write here any more: {changes} files."),
            fix=N_("The owner looks at it with cloudconnect brake list, and lifts it or takes it back."),
            changes=pulled.changes,
            brake=pulled.id,
        )


def count_removed(unit: Unit, space: Space, entry: Entry) -> None:
    """Count that *entry* was removed, with all that lies below it."""
    if _is_young(unit, entry):
        return
    changes = 1
    if entry.is_folder and unit.actor.kind is not PrincipalKind.PERSON and _is_on(unit, space):
        changes = max(1, tree.count_files(unit.sql, entry.node, (space.brake_changes or CHANGES) + 1))
    found = _count(unit, space, changes)
    limit = space.brake_changes or CHANGES
    if _LEAST <= found < limit and brakes.count_files(unit.sql, space.id, _PART * limit) < found * (_PART - 1):
        # What was removed is not there any more: a fifth of all is a quarter of what is left.
        _pull(unit, space, PART, found)


def count_overwritten(unit: Unit, space: Space, entry: Entry, content: Named) -> None:
    """Count that another content took the place of what *entry* held."""
    if _is_young(unit, entry):
        return
    _count(unit, space, 1)
    stored = getattr(content, "stored_bytes", 0)
    if content.size >= _TOLD_BYTES and stored >= content.size:
        _note(unit, space, entry, "scrambled")


def note_renamed(unit: Unit, space: Space, entry: Entry, name: str) -> None:
    """Note that a file got another extension: together with a new content that does not compress, that is a sign."""
    if not entry.is_folder and _suffix(entry.name) != _suffix(name):
        _note(unit, space, entry, "renamed")


def announce(unit: Unit, space: Space, changes: int) -> None:
    """Let the actor's session make *changes* more: it was asked for with this number."""
    brakes.announce(unit.sql, space.id, session_of(unit.actor), changes, unit.now_ms + _EXPECTED_MS)


def _count(unit: Unit, space: Space, changes: int) -> int:
    """Count *changes* of the actor's session, stop it if that makes too many, and return how many they are now."""
    if not _is_on(unit, space):
        return 0
    session = session_of(unit.actor)
    if brakes.use_expected(unit.sql, space.id, session, changes, unit.now_ms):
        return 0
    second = unit.now_ms // 1000
    found = brakes.count(unit.sql, space.id, session, second, changes, second - _WINDOW_SECONDS + 1)
    if found >= (space.brake_changes or CHANGES):
        _pull(unit, space, MASS, found)
    return found


def _note(unit: Unit, space: Space, entry: Entry, kind: str) -> None:
    if not _is_on(unit, space):
        return
    second = unit.now_ms // 1000
    session = session_of(unit.actor)
    found = brakes.sign(unit.sql, space.id, session, entry.node, kind, second, second - _WINDOW_SECONDS + 1)
    if found >= _SCRAMBLED:
        _pull(unit, space, RANSOM, found)


def _pull(unit: Unit, space: Space, reason: str, changes: int) -> None:
    session = session_of(unit.actor)
    if brakes.find_pulled(unit.sql, space.id, session) is not None:
        return
    identifier = new_id("brk", unit.now_ms)
    recorded = unit.record(
        BrakePulled(subject=identifier, space=space.id, stopped=session, reason=reason, changes=changes)
    )
    brake = Brake(
        id=identifier,
        space=space.id,
        session=session,
        actor=unit.actor.id,
        actor_name=unit.actor.name,
        reason=reason,
        changes=changes,
        seq=recorded.seq or 0,
        pulled=unit.now,
        lifted=None,
    )
    brakes.add(unit.sql, brake, unit.now_ms)


def _is_on(unit: Unit, space: Space) -> bool:
    return unit.actor.kind is not PrincipalKind.APPLIANCE and space.brake_changes != 0


def _is_young(unit: Unit, entry: Entry) -> bool:
    return unit.now_ms - born_ms(entry.node) < _YOUNG_MS


def _suffix(name: str) -> str:
    stem, dot, suffix = name.rpartition(".")
    return suffix.lower() if dot and stem else ""
