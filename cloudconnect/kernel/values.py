"""What people say about things in a word: names of tags, and the values they carry."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

TEXT_MAX_BYTES = 1_000
_NAME = re.compile(r"\w[\w./+-]{0,63}")
_NUMBER = re.compile(r"[+-]?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")


class ValueKind(StrEnum):
    """What a value is; a label has none."""

    LABEL = "label"
    TEXT = "text"
    NUMBER = "number"
    DATE = "date"


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it was written, and the number it counts as: itself, or the day of a date since 0001-01-01."""

    kind: ValueKind
    text: str
    number: float | None = None


LABEL = Value(ValueKind.LABEL, "")


def normalise_name(name: str) -> str | None:
    """Return *name* as tags are called: in lower case and form NFC; None where it cannot be one.

    A name has up to 64 letters, digits and ``_ . / + -`` and begins with a letter, a digit or ``_``.
    """
    cleaned = unicodedata.normalize("NFC", name.lower())
    return cleaned if _NAME.fullmatch(cleaned) else None


def read_value(text: str, kind: ValueKind | None = None) -> Value | None:
    """Return the value that *text* is, of *kind* or of what it looks like; None where it is not of that kind.

    Numbers have no leading zeros, so that a postal code stays the text it is; dates are written 2026-03-01.
    """
    if kind is ValueKind.LABEL:
        return LABEL if not text else None
    if kind in {None, ValueKind.NUMBER} and _NUMBER.fullmatch(text):
        return Value(ValueKind.NUMBER, text, float(text))
    if kind in {None, ValueKind.DATE} and (day := _day(text)) is not None:
        return Value(ValueKind.DATE, text, float(day))
    if kind in {None, ValueKind.TEXT} and text and _can_stand(text):
        return Value(ValueKind.TEXT, unicodedata.normalize("NFC", text))
    return None


def fold(text: str) -> str:
    """Return *text* with A to Z in lower case, which both databases do alike; other letters keep their case."""
    return text.translate(_LOWER)


def _day(text: str) -> int | None:
    try:
        return date.fromisoformat(text).toordinal() if _DATE.fullmatch(text) else None
    except ValueError:
        return None


def _can_stand(text: str) -> bool:
    """Tell whether *text* is short enough, can be encoded, and has no control characters, which no line can show."""
    if any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in text):
        return False
    return len(text.encode()) <= TEXT_MAX_BYTES


_LOWER = {code: code + 32 for code in range(ord("A"), ord("Z") + 1)}
