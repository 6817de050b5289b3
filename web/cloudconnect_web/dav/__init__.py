"""WebDAV (RFC 4918, classes 1, 2 and 3) over the files room."""

from cloudconnect_web.dav.routes import ROUTES

__all__ = ["ROUTES"]
