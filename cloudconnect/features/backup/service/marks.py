"""Marks of places that an earlier release made, which it did not sign."""

import contextlib

from cloudconnect.bus import EventLog, Unit
from cloudconnect.database import Database
from cloudconnect.features.backup import store
from cloudconnect.features.backup.models import PlaceFacts
from cloudconnect.features.backup.service.places import Places
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.storage.keyring import Keyring


def sign_marks(log: EventLog, database: Database, places: Places, keyring: Keyring) -> None:
    """Sign the mark of each known place of ours that is not signed yet; one that is out of reach is so later."""
    for facts in database.read_now(store.find_places):
        if facts.signed is None:
            with contextlib.suppress(CloudConnectError):
                _sign(log, places, keyring, facts)


def _sign(log: EventLog, places: Places, keyring: Keyring, facts: PlaceFacts) -> None:
    places.open(facts).claim(keyring)

    def note(unit: Unit) -> None:
        store.note_signed(unit.sql, facts.name, unit.now_ms)

    log.commit_now(note, actor=APPLIANCE)
