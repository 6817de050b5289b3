"""Reading a selection, with the place of every mistake."""

import re
import unicodedata
from collections.abc import Callable
from datetime import UTC, datetime

from cloudconnect.kernel.errors import Invalid
from cloudconnect.kernel.selection.terms import (
    All,
    AnyOf,
    By,
    Contrary,
    Is,
    Modified,
    Name,
    Operator,
    Owner,
    Path,
    Query,
    Selection,
    Size,
    Tagged,
    Term,
    Type,
    Words,
)
from cloudconnect.kernel.selection.times import bounds
from cloudconnect.kernel.text import N_
from cloudconnect.kernel.units import parse_bytes
from cloudconnect.kernel.values import ValueKind, normalise_name, read_value

LENGTH_MAX = 4_000
TERMS_MAX = 100
DEPTH_MAX = 20
IS_WORDS = ("favourite", "pinned")

_INT_MAX = (1 << 63) - 1
_KEY = re.compile(r"([a-zA-Z]+):")
_COMPARED = re.compile(r"([^<>=]*)(<=|>=|<|>|=)(.*)", re.DOTALL)
_LEADING = re.compile(r"(<=|>=|<|>|=|)(.*)", re.DOTALL)
_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+*-]*(/[a-z0-9!#$&^_.+*-]+)?")
_ENDS = frozenset(" \t\r\n\v\f()")


class BadSelection(Invalid):
    """Not a selection; ``position`` is the place of the mistake, the first character being 1."""

    code = "selection.bad"
    title = N_("The selection cannot be read")


def read(text: str) -> Query:
    """Return the selection that *text* is; nothing but blanks selects everything.

    Raises:
        BadSelection: it cannot be read, or is longer than 4,000 characters, 100 terms or 20 levels.
    """
    return _Reader(text).read()


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._place = 0
        self._level = 0
        self._count = 0
        self._is_in_trash = False
        self._at: str | None = None
        self._scope_place: int | None = None
        self._top_or_place: int | None = None

    def read(self) -> Query:
        if len(self._text) > LENGTH_MAX:
            raise self._mistake(LENGTH_MAX, N_("It is longer than {most} characters."), most=LENGTH_MAX)
        for place, letter in enumerate(self._text):
            if letter == "\0" or unicodedata.category(letter) == "Cs":
                raise self._mistake(place, N_("This character cannot be in a name."))
        where = self._any_of()
        if self._place < len(self._text):
            raise self._mistake(self._place, N_("This parenthesis closes nothing."))
        if self._scope_place is not None and self._top_or_place is not None:
            raise self._mistake(self._top_or_place, N_("Where and when to look cannot be one of two: use parentheses."))
        return Query(where or All(()), self._is_in_trash, self._at)

    def _any_of(self) -> Selection | None:
        parts: list[Selection] = []
        while True:
            start = self._place
            part = self._all()
            is_more = self._take_word("OR")
            if part is None and (is_more or parts) and self._scope_place is None:
                raise self._mistake(start, N_("OR needs something on both sides."))
            if part is not None:
                parts += part.parts if isinstance(part, AnyOf) else (part,)
            if not is_more:
                break
            if self._level == 0:
                self._top_or_place = self._place - 2
        return AnyOf(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)

    def _all(self) -> Selection | None:
        parts: list[Selection] = []
        while self._is_more():
            if self._peek_word("OR"):
                break
            if self._take_word("AND"):
                continue
            part = self._one()
            if part is not None:
                parts += part.parts if isinstance(part, All) else (part,)
        return All(tuple(parts)) if len(parts) > 1 else next(iter(parts), None)

    def _one(self) -> Selection | None:
        letter = self._text[self._place]
        if letter not in "-(":
            return self._term()
        start = self._place
        self._place += 1
        self._level += 1
        if self._level > DEPTH_MAX:
            raise self._mistake(start, N_("It is nested deeper than {most} levels."), most=DEPTH_MAX)
        part = self._contrary(start) if letter == "-" else self._group(start)
        self._level -= 1
        return part

    def _contrary(self, start: int) -> Selection:
        if self._place == len(self._text) or self._text[self._place] in _ENDS - {"("}:
            raise self._mistake(start, N_("Put what you do not want right behind the minus."))
        return Contrary(self._certain(self._one(), start))

    def _group(self, start: int) -> Selection:
        part = self._certain(self._any_of(), start)
        if self._place == len(self._text):
            raise self._mistake(start, N_("This parenthesis is never closed."))
        self._place += 1
        if self._place < len(self._text) and self._text[self._place] not in _ENDS - {"("}:
            raise self._mistake(self._place, N_("Put a blank behind the parenthesis."))
        return part

    def _certain(self, part: Selection | None, start: int) -> Selection:
        if part is None:
            raise self._mistake(start, N_("There is nothing in these parentheses."))
        return part

    def _term(self) -> Selection | None:
        start = self._place
        self._count += 1
        if self._count > TERMS_MAX:
            raise self._mistake(start, N_("It has more than {most} terms."), most=TERMS_MAX)
        match = _KEY.match(self._text, start)
        if match is not None:
            self._place = match.end()
        value = unicodedata.normalize("NFC", self._value())
        if match is None:
            is_pattern = self._text[start] != '"' and ("*" in value or "?" in value)
            return Name(value) if is_pattern else self._words(start, value)
        key = match[1].lower()
        if not value:
            raise self._mistake(start, N_("There is nothing behind “{key}:”."), key=key)
        if key in {"in", "at"}:
            self._scope(start, key, value)
            return None
        if key not in _TERMS:
            raise self._mistake(start, N_("There is no “{key}:”; there are: {known}."), key=key, known=_KNOWN)
        return self._read_value(start, key, value)

    def _read_value(self, start: int, key: str, value: str) -> Term:
        try:
            return _TERMS[key](value)
        except (ValueError, Invalid) as error:
            raise self._mistake(
                start,
                N_("“{value}” does not fit “{key}:”, which is written like {like}."),
                key=key,
                value=value[:100],
                like=_LIKE[key],
            ) from error

    def _words(self, start: int, value: str) -> Words:
        if not value:
            raise self._mistake(start, N_("There is nothing between these quotes."))
        return Words(value)

    def _scope(self, start: int, key: str, value: str) -> None:
        if self._level > 0:
            raise self._mistake(start, N_("“{key}:” stands by itself, not in parentheses or behind a minus."), key=key)
        if key == "in" and value != "trash":
            raise self._mistake(start, N_("“{value}” does not fit “in:”: only the trash does."), value=value[:100])
        if key == "at" and self._at is not None:
            raise self._mistake(start, N_("There can be one moment only."))
        self._scope_place = start
        if key == "in":
            self._is_in_trash = True
        else:
            self._at = value

    def _value(self) -> str:
        """Return the text up to the next blank or parenthesis, without its quotes; in quotes, ``""`` is one quote."""
        letters: list[str] = []
        while self._place < len(self._text) and self._text[self._place] not in _ENDS:
            if self._text[self._place] == '"':
                letters.append(self._quoted())
            else:
                letters.append(self._text[self._place])
                self._place += 1
        if self._place < len(self._text) and self._text[self._place] == "(":
            raise self._mistake(self._place, N_("Put quotes around what has parentheses, or a blank before them."))
        return "".join(letters)

    def _quoted(self) -> str:
        start = self._place
        match = re.compile(r'"((?:[^"]|"")*)"').match(self._text, start)
        if match is None:
            raise self._mistake(start, N_("This quote is never closed."))
        self._place = match.end()
        return match[1].replace('""', '"')

    def _is_more(self) -> bool:
        while self._place < len(self._text) and self._text[self._place].isspace():
            self._place += 1
        return self._place < len(self._text) and self._text[self._place] != ")"

    def _peek_word(self, word: str) -> bool:
        end = self._place + len(word)
        return self._text.startswith(word, self._place) and (end == len(self._text) or self._text[end] in _ENDS)

    def _take_word(self, word: str) -> bool:
        if self._is_more() and self._peek_word(word):
            self._place += len(word)
            return True
        return False

    def _mistake(self, place: int, detail: str, **facts: str | int) -> BadSelection:
        word = self._text[place : place + 40].split(maxsplit=1)
        return BadSelection(
            detail,
            fix=N_("Look at character {position}: {word}"),
            position=place + 1,
            word=word[0] if word else "…",
            **facts,  # type: ignore[arg-type]  # no fact is called like a parameter
        )


def _read_size(value: str) -> Size:
    operator, text = _split(_LEADING, value)
    return Size(Operator(operator or "="), min(parse_bytes(text), _INT_MAX))


def _read_modified(value: str) -> Modified:
    operator, text = _split(_LEADING, value.lower())
    term = Modified(Operator(operator or "="), text)
    # Any moment of the clock will do: whether the words mean something does not depend on it.
    bounds(term, datetime(2000, 1, 1, tzinfo=UTC))
    return term


def _read_tagged(value: str) -> Tagged:
    match = _COMPARED.fullmatch(value)
    name = normalise_name(value if match is None else match[1])
    if name is None:
        raise ValueError("not the name of a tag")
    if match is None:
        return Tagged(name)
    operator, text = Operator(match[2]), match[3]
    compared = read_value(text, ValueKind.TEXT) if operator is Operator.IS else read_value(text)
    if compared is None or (operator is not Operator.IS and compared.number is None):
        raise ValueError("not a value to compare with")
    return Tagged(name, operator, compared.text)


def _read_field(value: str) -> Tagged:
    term = _read_tagged(value)
    if term.operator is None:
        raise ValueError("a field is compared with something")
    return term


def _read_type(value: str) -> Type:
    word = value.lower().removeprefix(".")
    if not _TYPE.fullmatch(word):
        raise ValueError("not a type")
    return Type(word)


def _read_is(value: str) -> Is:
    if value not in IS_WORDS:
        raise ValueError("nothing that a file can be")
    return Is(value)


def _read_path(value: str) -> Path:
    if not value.strip("/"):
        raise ValueError("the root is never selected")
    return Path(value)


def _split(pattern: re.Pattern[str], value: str) -> tuple[str, str]:
    match = pattern.fullmatch(value)
    if match is None:
        raise ValueError("not an operator and a value")
    return match[1], match[2]


_TERMS: dict[str, Callable[[str], Term]] = {
    "path": _read_path,
    "name": Name,
    "type": _read_type,
    "size": _read_size,
    "modified": _read_modified,
    "tag": _read_tagged,
    "field": _read_field,
    "by": By,
    "owner": Owner,
    "is": _read_is,
}
_LIKE = {
    "path": "path:/Legal/**",
    "type": "type:pdf, type:folder, type:image/*",
    "size": "size:>10M",
    "modified": "modified:>90d, modified:<2026-01-01, modified:last-week",
    "tag": "tag:invoice, tag:state=paid, tag:amount>100",
    "field": "field:amount>100",
    "is": "is:favourite, is:pinned",
}
_KNOWN = ", ".join(f"{key}:" for key in (*_TERMS, "in", "at"))
