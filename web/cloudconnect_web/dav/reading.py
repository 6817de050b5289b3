"""Reading the XML bodies of WebDAV, of which nothing is believed (SECURITY G08).

Expat is fed once, with at most 1 MiB, told the encoding, and stopped at the first document type declaration: without
one there are no entities beyond XML's own five, so nothing can be fetched and nothing can grow.
"""

from dataclasses import dataclass, field
from typing import Final
from xml.parsers.expat import ExpatError, ParserCreate

from aiohttp import web

from cloudconnect.kernel.text import N_
from cloudconnect_web.content import receive
from cloudconnect_web.problems import BadRequest

BODY_MAX_BYTES: Final = 1 << 20
DEPTH_MOST: Final = 64
ELEMENTS_MOST: Final = 10_000
ATTRIBUTES_MOST: Final = 100
XML: Final = "http://www.w3.org/XML/1998/namespace"
"""The namespace that the prefix xml stands for, which no other may."""

LANGUAGE: Final = f"{{{XML}}}lang"
"""The name of xml:lang."""

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")


@dataclass(slots=True)
class Element:
    """An element: its name as ``{namespace}local``, its attributes likewise, and what it holds in order."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    content: "list[Element | str]" = field(default_factory=list)

    @property
    def children(self) -> "list[Element]":
        """The elements in it."""
        return [each for each in self.content if isinstance(each, Element)]

    @property
    def text(self) -> str:
        """The text directly in it, without the blanks at its ends."""
        return "".join(each for each in self.content if isinstance(each, str)).strip()

    def child(self, name: str) -> "Element | None":
        """Return the first element in it that is called *name*."""
        return next((each for each in self.children if each.name == name), None)


async def read_xml(request: web.Request) -> Element | None:
    """Return the root element of the body of *request*, None if it has no body.

    Raises:
        web.HTTPRequestEntityTooLarge: it has more than 1 MiB.
        BadRequest: it is no XML, or has a document type, or is too deep or too wide.
    """
    if not request.can_read_body:
        return None
    if (request.content_length or 0) > BODY_MAX_BYTES:
        raise web.HTTPRequestEntityTooLarge(BODY_MAX_BYTES, request.content_length or 0)
    body = bytearray()
    async for piece in receive(request):
        body += piece
        if len(body) > BODY_MAX_BYTES:
            raise web.HTTPRequestEntityTooLarge(BODY_MAX_BYTES, len(body))
    return parse_xml(bytes(body)) if body else None


def parse_xml(body: bytes) -> Element:
    """Return the root element of *body*.

    Raises:
        BadRequest: it is no XML, or has a document type, or is too deep or too wide.
    """
    builder = _Builder()
    # The encoding is ours to say: UTF-16 shows itself by its first bytes, all else is UTF-8 or it is not XML for us.
    parser = ParserCreate("utf-16" if body[:2] in _UTF_16 else "utf-8", " ")
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = builder.refuse
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.add_text
    try:
        parser.Parse(body, True)
    except (ExpatError, UnicodeDecodeError) as error:
        raise BadRequest(N_("The body is not XML."), fix=N_("Check tags, namespaces and encoding.")) from error
    if builder.root is None:
        raise BadRequest(N_("The body is not XML."), fix=N_("Check tags, namespaces and encoding."))
    return builder.root


class _Builder:
    """Takes what expat sees and builds elements of it, up to the limits."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._count = 0

    def refuse(self, *declaration: object) -> None:
        """Refuse any document type."""
        del declaration
        raise BadRequest(N_("The body has a document type."), fix=N_("Leave out <!DOCTYPE."))

    def start(self, name: str, attributes: dict[str, str]) -> None:
        """Open an element."""
        self._count += 1
        if self._count > ELEMENTS_MOST or len(self._open) >= DEPTH_MOST or len(attributes) > ATTRIBUTES_MOST:
            raise BadRequest(
                N_("The body has more than {elements} elements or {depth} levels."),
                fix=N_("Ask for less at once."),
                elements=ELEMENTS_MOST,
                depth=DEPTH_MOST,
            )
        element = Element(_clark(name), {_clark(key): value for key, value in attributes.items()})
        if self._open:
            self._open[-1].content.append(element)
        else:
            self.root = element
        self._open.append(element)

    def end(self, name: str) -> None:
        """Close the element that was opened last."""
        del name
        self._open.pop()

    def add_text(self, text: str) -> None:
        """Add text to the element that is open."""
        self._open[-1].content.append(text)


def _clark(name: str) -> str:
    """Return the name that expat gives, namespace and local name with a blank between them, in braces."""
    namespace, _, local = name.rpartition(" ")
    return f"{{{namespace}}}{local}"
