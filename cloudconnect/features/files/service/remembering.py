"""Writing down what a setting was and is, in the unit that changes it, so that the change can be taken back."""

import msgspec

from cloudconnect.bus import Unit
from cloudconnect.features.files.models import Setting, Space
from cloudconnect.features.files.store import settings


def remember(unit: Unit, space: Space, setting: Setting, before: object, after: object, seq: int) -> None:
    """Keep that *setting* was *before* until *seq* and is *after* from then on; None is not set."""
    settings.keep(unit.sql, space.id, setting, _told(before), _told(after), seq)


def _told(value: object) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
