"""The pages: rendered on the server, complete without JavaScript, better with it."""

from cloudconnect_web.pages import apps, auth, docs, downloads, files, moving, past, sessions, settings, spaces
from cloudconnect_web.pages.page import Page

PAGES: list[Page] = [
    *auth.PAGES,
    *files.PAGES,
    *downloads.PAGES,
    *moving.PAGES,
    *past.PAGES,
    *spaces.PAGES,
    *sessions.PAGES,
    *apps.PAGES,
    *settings.PAGES,
    *docs.PAGES,
]

__all__ = ["PAGES", "Page"]
