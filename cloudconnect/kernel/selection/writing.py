"""Writing a selection down so that reading it gives the same one."""

import re
from typing import assert_never

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

_KEYS: dict[type[Term], str] = {Path: "path", Name: "name", Type: "type", By: "by", Owner: "owner", Is: "is"}
_PLAIN = re.compile(r'[^\s"()]+')


def write(query: Query) -> str:
    """Return the words that *query* is read from; times relative to now stay so."""
    words = [_write(query.where, is_inner=False)] if query.where != All(()) else []
    if isinstance(query.where, AnyOf) and (query.is_in_trash or query.at is not None):
        words = [f"({words[0]})"]
    if query.is_in_trash:
        words.append("in:trash")
    if query.at is not None:
        words.append(f"at:{_quote(query.at)}")
    return " ".join(words)


def _write(selection: Selection, *, is_inner: bool) -> str:
    match selection:
        case All(parts):
            text = " ".join(_write(part, is_inner=isinstance(part, AnyOf | All)) for part in parts)
            return f"({text})" if is_inner else text
        case AnyOf(parts):
            text = " OR ".join(_write(part, is_inner=isinstance(part, AnyOf)) for part in parts)
            return f"({text})" if is_inner else text
        case Contrary(part):
            return f"-{_write(part, is_inner=True)}"
        case _:
            return _write_term(selection)


def _write_term(term: Term) -> str:
    match term:
        case Words(text):
            return _quoted(text)
        case Path(text) | Name(text) | Type(text) | By(text) | Owner(text) | Is(text):
            return f"{_KEYS[type(term)]}:{_quote(text)}"
        case Size(operator, size):
            return f"size:{_sign(operator)}{size}"
        case Modified(operator, when):
            return f"modified:{_sign(operator)}{when}"
        case Tagged(name, operator, value):
            return f"tag:{name}" if operator is None else f"tag:{name}{operator.value}{_quote(value)}"
        case _:
            assert_never(term)


def _sign(operator: Operator) -> str:
    return "" if operator is Operator.IS else operator.value


def _quote(text: str) -> str:
    return text if _PLAIN.fullmatch(text) else _quoted(text)


def _quoted(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'
