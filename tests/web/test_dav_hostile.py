"""What is sent on purpose to break WebDAV."""

import contextlib
import gc
import io
import random
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect_web.dav.conditions import Claim, Claims, parse_if
from cloudconnect_web.dav.reading import DEPTH_MOST, ELEMENTS_MOST, parse_xml
from cloudconnect_web.dav.writing import DECLARED, to_xml
from cloudconnect_web.problems import BadRequest

PROPFIND = b"""<?xml version="1.0" encoding="utf-8"?><d:propfind xmlns:d="DAV:" xmlns:x="urn:x">
<d:prop><d:getetag/><d:resourcetype/><x:colour xml:lang="de"/></d:prop></d:propfind>"""
PROPPATCH = b"""<?xml version="1.0"?><D:propertyupdate xmlns:D="DAV:" xmlns:x="urn:x"><D:set><D:prop>
<x:colour xml:lang="en"><x:deep a="1" x:b="2">blue &amp; green</x:deep></x:colour></D:prop></D:set>
<D:remove><D:prop><x:other/></D:prop></D:remove></D:propertyupdate>"""
LOCK = b"""<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:shared/></D:lockscope>
<D:locktype><D:write/></D:locktype><D:owner>ada</D:owner></D:lockinfo>"""
BODIES = {"PROPFIND": PROPFIND, "PROPPATCH": PROPPATCH, "LOCK": LOCK}
LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b'<!ELEMENT d ANY>]><d:propfind xmlns:d="DAV:"><d:prop>&j;</d:prop></d:propfind>'
)
FETCHES = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'
MUTATIONS = 1_200
GROWTH_MOST = 4 << 20


def mutated(body, chance):
    """Return *body* with some of its bytes changed, doubled, cut out or torn off."""
    damaged = bytearray(body)
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(max(len(damaged), 1))
        match chance.randrange(5):
            case 0:
                damaged[place : place + 1] = bytes([chance.randrange(256)])
            case 1:
                damaged[place:place] = damaged[place : place + chance.randrange(40)]
            case 2:
                del damaged[place : place + chance.randrange(20)]
            case 3:
                damaged[place:place] = chance.choice((b"<a>", b"]]>", b"<!--", b"&#0;", b"\xff\xfe", b"<![CDATA["))
            case _:
                del damaged[place:]
    return bytes(damaged)


@pytest.mark.slow
async def test_nothing_that_is_sent_breaks_it(site):
    chance = random.Random(1)
    await site.put("/a.txt")
    fields = {
        "Depth": ("0", "1", "infinity", "2", "", "0, 1"),
        "If": ("(<urn:x>)", "(", "<http://x/> ([])", "(Not <DAV:no-lock>)", '(["e"])', "()" * 90, "\x7f"),
        "Destination": (
            "/dav/personal/b",
            "http://[",
            "//",
            "/dav/%00",
            "/dav/personal/../x",
            "%zz",
            "/dav/personal/\ufffd",
        ),
        "Overwrite": ("T", "F", "X"),
        "Timeout": ("Second-1", "Infinite", "Second-99999999999999", "Second-x"),
        "Lock-Token": ("<urn:x>", "urn:x", "<>"),
        "X-OC-MTime": ("1", "-1", "1e9", "99999999999999999"),
        "OC-Checksum": ("SHA1:0", "x", "MD5:" + "0" * 32),
        "Content-Type": ("text/xml", "application/xml; charset=utf-7", "\x01"),
    }
    methods = ("PROPFIND", "PROPPATCH", "LOCK", "UNLOCK", "MKCOL", "COPY", "MOVE", "PUT", "GET", "DELETE")
    paths = (
        "",
        "/",
        "/personal",
        "/personal/a.txt",
        "/personal/a.txt/b",
        "/personal/%00",
        "/nobody/x",
        "/personal/%2e%2e",
    )
    gc.collect()
    tracemalloc.start()
    before = None
    for number in range(MUTATIONS):
        method = chance.choice(methods)
        body = mutated(BODIES.get(method, chance.choice(list(BODIES.values()))), chance)
        headers = {name: chance.choice(known) for name, known in fields.items() if chance.random() < 0.4}
        headers = {name: value for name, value in headers.items() if value.isprintable() and value.isascii()}
        data = None if method in {"GET", "DELETE"} or chance.random() < 0.1 else body
        async with site.ask(method, "/dav" + chance.choice(paths), headers=headers, data=data) as answer:
            content = await answer.read()
            assert answer.status < 500, (method, headers, body, content)
        if number == MUTATIONS // 4:
            gc.collect()
            before, _ = tracemalloc.get_traced_memory()
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < GROWTH_MOST


@pytest.mark.parametrize("body", [LAUGHS, FETCHES, b"<!DOCTYPE x><x/>"], ids=["laughs", "fetches", "plain"])
async def test_a_document_type_is_refused(site, body):
    async with site.ask("PROPFIND", "/dav/personal/", headers={"Depth": "0"}, data=body) as answer:
        assert answer.status == 400
        assert "DOCTYPE" in await answer.text()


async def test_bodies_have_limits(site):
    deep = b"<a>" * (DEPTH_MOST + 1) + b"</a>" * (DEPTH_MOST + 1)
    wide = b"<a>" + b"<b/>" * ELEMENTS_MOST + b"</a>"
    many = b"<a " + b" ".join(b'b%d=""' % number for number in range(101)) + b"/>"
    long = b"<a>" + b"x" * (1 << 20) + b"</a>"

    async def pieces():
        yield long

    for body, expected in ((deep, 400), (wide, 400), (many, 400), (io.BytesIO(long), 413), (pieces(), 413)):
        async with site.ask("PROPFIND", "/dav/personal/", headers={"Depth": "0"}, data=body) as answer:
            assert answer.status == expected


async def test_questions_have_limits(site):
    many = b"".join(b"<p%d/>" % number for number in range(257))
    long = b"".join(b"<%s/>" % (b"abcdefgh"[n : n + 1] * 4_000) for n in range(5))
    for names in (many, long):
        body = b'<propfind xmlns="DAV:"><prop xmlns="urn:x">'.replace(b"<prop ", b'<D:prop xmlns:D="DAV:" ')
        body += names + b"</D:prop></propfind>"
        async with site.ask("PROPFIND", "/dav/personal/", headers={"Depth": "1"}, data=body) as answer:
            assert answer.status == 400
            assert "properties are asked for" in await answer.text()
    headers = {"Depth": "1", "If": "(<a:b>)" * 101}
    async with site.ask("PROPFIND", "/dav/personal/", headers=headers) as answer:
        assert answer.status == 400


@given(st.binary(max_size=400))
def test_any_bytes_are_xml_or_refused(body):
    with contextlib.suppress(BadRequest):
        parse_xml(body)


NAMES = st.from_regex(r"[a-z][a-z0-9.-]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(min_codepoint=32, exclude_categories=["Cs"], exclude_characters="\ufffe\uffff"))


@given(NAMES, TEXTS, TEXTS, st.sampled_from(["", "DAV:", "urn:x", "http://owncloud.org/ns", 'a"b<c']))
def test_what_is_kept_reads_as_it_was_sent(name, text, value, namespace):
    from xml.sax.saxutils import escape, quoteattr

    sent = parse_xml(
        f"<e {'xmlns=' + quoteattr(namespace) if namespace else ''} xmlns:y='urn:y' y:a={quoteattr(value)} b='1'>"
        f"{escape(text)}<{name}/></e>".encode()
    )
    kept = to_xml(sent)

    assert parse_xml(f"<outer {DECLARED}>{kept}</outer>".encode()).children[0] == sent


@pytest.mark.parametrize(
    "sent",
    [
        b'<x:p xmlns:x="urn:x" xml:space="preserve" xml:lang="de">a</x:p>',
        b"<xml:p>a</xml:p>",
        b'<x:p xmlns:x="a}b">a</x:p>',
        b'<p q:z="1" xmlns:q="a}b"/>',
        b'<x:p xmlns:x="a&#10;b" t="c&#10;d&#9;e&#13;"/>',
    ],
)
def test_no_property_makes_a_listing_unreadable(sent):
    kept = to_xml(parse_xml(sent))

    assert parse_xml(f"<outer {DECLARED}>{kept}</outer>".encode()).children[0] == parse_xml(sent)


TOKENS = st.from_regex(r"[a-z]{1,5}:[a-zA-Z0-9/._-]{1,20}", fullmatch=True)
CLAIMS = st.one_of(
    st.builds(Claim, TOKENS, st.none(), st.booleans()),
    st.builds(Claim, st.none(), st.from_regex(r'(W/)?"[a-zA-Z0-9.]{0,12}"', fullmatch=True), st.booleans()),
)


def written(lists):
    parts = []
    for each in lists:
        claims = " ".join(
            ("Not " if claim.is_negated else "") + (f"<{claim.token}>" if claim.token else f"[{claim.etag}]")
            for claim in each.claims
        )
        parts.append((f"<{each.url}> " if each.url else "") + f"({claims})")
    return " ".join(parts)


@pytest.mark.slow
@given(
    st.one_of(
        st.lists(st.builds(Claims, st.none(), st.lists(CLAIMS, min_size=1).map(tuple)), min_size=1, max_size=4),
        st.lists(st.builds(Claims, TOKENS, st.lists(CLAIMS, min_size=1).map(tuple)), min_size=1, max_size=4),
    )
)
def test_what_an_if_field_says_is_what_is_read(lists):
    assert parse_if(written(lists)) == lists


@given(st.text(max_size=100))
def test_any_if_field_is_read_or_refused(text):
    with contextlib.suppress(CloudConnectError):
        parse_if(text)


@pytest.mark.parametrize("year", ["9999", "2263", "1600"])
async def test_a_moment_that_no_file_can_have_is_refused_and_changes_nothing(site, year):
    await site.put("/a", b"content")
    body = f'<d:propertyupdate xmlns:d="DAV:"><d:set><d:prop><d:getlastmodified>Fri, 31 Dec {year} 23:59:59 GMT'
    body += "</d:getlastmodified></d:prop></d:set></d:propertyupdate>"
    async with site.ask("PROPPATCH", "/dav/personal/a", data=body) as answer:
        assert (answer.status, "403 Forbidden" in await answer.text()) == (207, True)
