"""Writing the XML answers of WebDAV, piece by piece, so that a folder of any size takes no memory."""

import re

from cloudconnect_web.dav.reading import LANGUAGE, Element

HEAD = b'<?xml version="1.0" encoding="utf-8"?>\n'
NAMESPACES = {"DAV:": "d", "http://owncloud.org/ns": "oc", "http://nextcloud.org/ns": "nc"}
DECLARED = " ".join(f'xmlns:{prefix}="{namespace}"' for namespace, prefix in NAMESPACES.items())

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
    namespace, _, local = name[1:].partition("}")
    prefix = NAMESPACES.get(namespace)
    if prefix is not None:
        return f"<{prefix}:{local}>", f"</{prefix}:{local}>", f"<{prefix}:{local}/>"
    if not namespace:
        return f'<{local} xmlns="">', f"</{local}>", f'<{local} xmlns=""/>'
    declared = f'x:{local} xmlns:x="{escape(namespace)}"'
    return f"<{declared}>", f"</x:{local}>", f"<{declared}/>"


def to_xml(element: Element, language: str = "") -> str:
    """Return *element* with all it holds as a fragment that can stand wherever the namespaces of ``DECLARED`` hold.

    *language* becomes its xml:lang unless it has one.
    """
    opening, closing, _ = tags(element.name)
    attributes = [_attribute(number, *each) for number, each in enumerate(element.attributes.items())]
    if language and LANGUAGE not in element.attributes:
        attributes.append(f' xml:lang="{escape(language)}"')
    inside = "".join(escape(each) if isinstance(each, str) else to_xml(each) for each in element.content)
    return f"{opening[:-1]}{''.join(attributes)}>{inside}{closing}"


def _attribute(number: int, name: str, value: str) -> str:
    namespace, _, local = name[1:].partition("}")
    if not namespace:
        return f' {local}="{escape(value)}"'
    if name == LANGUAGE:
        return f' xml:lang="{escape(value)}"'
    return f' a{number}:{local}="{escape(value)}" xmlns:a{number}="{escape(namespace)}"'
