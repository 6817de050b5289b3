"""Sentences in the language of the terminal."""

import functools
import gettext
from importlib import resources

from cloudconnect.kernel.text import Text


@functools.cache
def _catalogue() -> gettext.NullTranslations:
    return gettext.translation("cloudconnect", str(resources.files("cloudconnect") / "locale"), fallback=True)


def _(message: str) -> str:
    """Return *message* in the language that LC_MESSAGES or LANG names."""
    return _catalogue().gettext(message) if message else ""


def counted(one: str, many: str, count: int) -> str:
    """Return *one* or *many*, as the language counts, with *count* in the place of ``{count}``."""
    return _catalogue().ngettext(one, many, count).format(count=count)


def say(text: Text) -> str:
    """Return *text* in that language, filled."""
    message = _(text.message)
    return message.format(**text.facts) if text.facts else message
