"""The reader's language, and sentences in it."""

import functools
import gettext
import re
from importlib import resources

from cloudconnect.kernel.text import N_, Text
from cloudconnect.kernel.units import format_bytes

_DOMAIN = "cloudconnect"
_WISH = re.compile(r"([a-zA-Z]{2,3})(?:-[a-zA-Z0-9]{2,8})*\s*(?:;\s*q=([01](?:\.\d{1,3})?))?")
_SOURCE = "en"


@functools.cache
def languages() -> frozenset[str]:
    """Return the languages that there are catalogues for, English included."""
    place = resources.files("cloudconnect") / "locale"
    found = {each.name for each in place.iterdir() if each.is_dir()} if place.is_dir() else set()
    return frozenset(found | {_SOURCE})


def choose_language(accepted: str) -> str:
    """Return the best of our languages for an ``Accept-Language`` header (RFC 9110, section 12.5.4)."""
    return _choose(accepted[:500])


@functools.lru_cache(maxsize=256)
def _choose(accepted: str) -> str:
    wishes = []
    for part in accepted.split(","):
        match = _WISH.fullmatch(part.strip())
        if match is not None and match[1].lower() in languages():
            wishes.append((float(match[2] or 1), match[1].lower()))
    best = max(wishes, key=lambda wish: wish[0], default=(0.0, _SOURCE))
    return best[1] if best[0] > 0 else _SOURCE


@functools.cache
def catalogue(language: str) -> gettext.NullTranslations:
    """Return the catalogue of *language*; English is what the code says."""
    place = resources.files("cloudconnect") / "locale"
    return gettext.translation(_DOMAIN, str(place), [language], fallback=True)


def say(text: Text | str, language: str) -> str:
    """Return *text* in *language*: translated first, filled afterwards."""
    if isinstance(text, str):
        return catalogue(language).gettext(text) if text else ""
    message = catalogue(language).gettext(text.message)
    return message.format(**text.facts) if text.facts else message


def say_bytes(count: int, language: str) -> str:
    """Return *count* bytes as one writes it in *language*, in powers of 1024: ``1.5 MiB``, in German ``1,5 MiB``."""
    whole, point, rest = format_bytes(count).partition(".")
    if not point:
        return whole
    tenth, _, unit = rest.partition(" ")
    # Translators: a size, such as 1.5 MiB.
    return say(Text(N_("{whole}.{tenth} {unit}"), {"whole": whole, "tenth": tenth, "unit": unit}), language)
