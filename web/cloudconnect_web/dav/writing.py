"""Writing the XML answers of WebDAV, piece by piece, so that a folder of any size takes no memory."""

import re

from cloudconnect_web.dav.reading import LANGUAGE, XML, Element

HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n'
NAMESPACES = {"DAV:": "d", "http://owncloud.org/ns": "oc", "http://nextcloud.org/ns": "nc"}
DECLARED = " ".join(f'xmlns:{prefix}="{namespace}"' for namespace, prefix in NAMESPACES.items())

_PREFIXES = NAMESPACES | {XML: "xml"}
# A parser makes blanks of these in an attribute unless they are written so.
_BLANKS = str.maketrans({"\n": "&#10;", "\t": "&#9;"})
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')


def escape(text: str) -> str:
    """Return *text* for use between tags or in an attribute; what XML cannot hold becomes a replacement character."""
    if _SPECIAL.search(text) is None:
        return text
    cleaned = _UNSEEN.sub("\ufffd", text)
    return (
        cleaned.replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace('"', "&quot;")
        .replace("\r", "&#13;")
    )


def tags(name: str) -> tuple[str, str, str]:
    """Return the opening, closing and empty tag of an element that is called ``{namespace}local``.

    The namespaces of ``DECLARED`` are taken as declared; any other is declared on the tag.
    """
    # A namespace may have any letters, a brace too; a local name has none.
    namespace, _, local = name[1:].rpartition("}")
    prefix = _PREFIXES.get(namespace)
    if prefix is not None:
        return f"<{prefix}:{local}>", f"</{prefix}:{local}>", f"<{prefix}:{local}/>"
    if not namespace:
        return f'<{local} xmlns="">', f"</{local}>", f'<{local} xmlns=""/>'
    declared = f'x:{local} xmlns:x="{_quote(namespace)}"'
    return f"<{declared}>", f"</x:{local}>", f"<{declared}/>"


def to_xml(element: Element, language: str = "") -> str:
    """Return *element* with all it holds as a fragment that can stand wherever the namespaces of ``DECLARED`` hold.

    *language* becomes its xml:lang unless it has one.
    """
    opening, closing, _ = tags(element.name)
    attributes = [_attribute(number, *each) for number, each in enumerate(element.attributes.items())]
    if language and LANGUAGE not in element.attributes:
        attributes.append(f' xml:lang="{_quote(language)}"')
    inside = "".join(escape(each) if isinstance(each, str) else to_xml(each) for each in element.content)
    return f"{opening[:-1]}{''.join(attributes)}>{inside}{closing}"


def _attribute(number: int, name: str, value: str) -> str:
    namespace, _, local = name[1:].rpartition("}")
    if not namespace:
        return f' {local}="{_quote(value)}"'
    if namespace == XML:
        # No other prefix may stand for it.
        return f' xml:{local}="{_quote(value)}"'
    return f' a{number}:{local}="{_quote(value)}" xmlns:a{number}="{_quote(namespace)}"'


def _quote(text: str) -> str:
    """Return *text* for use in an attribute, from which it is read as it is."""
    return escape(text).translate(_BLANKS)
