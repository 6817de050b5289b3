"""Settings: what can be set, and what is."""

from cloudconnect.settings.loading import ENVIRONMENT, BadSettings, Loaded, Origin, describe, load, render_example
from cloudconnect.settings.sections import SECTIONS, Settings

__all__ = [
    "ENVIRONMENT",
    "SECTIONS",
    "BadSettings",
    "Loaded",
    "Origin",
    "Settings",
    "describe",
    "load",
    "render_example",
]
