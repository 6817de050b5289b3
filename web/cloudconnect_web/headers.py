"""The header fields that every answer has."""

from aiohttp import web

from cloudconnect_web.keys import REQUEST_ID, SCHEME

SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self';"
        " font-src 'self'; media-src 'self'; manifest-src 'self'; frame-ancestors 'none'; base-uri 'none';"
        " form-action 'self';"
        " require-trusted-types-for 'script'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "strict-origin-when-cross-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
"""On every answer (SECURITY G02, G18, G23); a route that knows better sets its own first."""

_STRICT_TRANSPORT = "max-age=63072000; includeSubDomains"


def add_headers(request: web.BaseRequest, answer: web.StreamResponse) -> None:
    """Give *answer* the header fields that every answer has; a stream does so before it begins."""
    for name, value in SECURITY_HEADERS.items():
        answer.headers.setdefault(name, value)
    if request.get(SCHEME, request.scheme) == "https":
        answer.headers.setdefault("Strict-Transport-Security", _STRICT_TRANSPORT)
    answer.headers["X-Request-Id"] = request.get(REQUEST_ID, "")
    answer.headers["Server"] = "CloudConnect"
