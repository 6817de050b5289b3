"""Accounts and signing in."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request

UserName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["ada"])]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Marks = Annotated[str, msgspec.Meta(max_length=300)]
"""What an earlier answer gave the device to keep; it lets nobody in."""
DisplayName = Annotated[str, msgspec.Meta(max_length=128, examples=["Ada Lovelace"])]


class SignIn(Request, frozen=True):
    """A name and a password; ``device`` is what the session list shows.

    ``marks`` are those of the last answer to this device: the wrong guesses of others do not keep it waiting then.
    """

    name: UserName
    password: Password
    device: Annotated[str, msgspec.Meta(max_length=200)] = ""
    marks: Marks = ""


class SignInByLink(Request, frozen=True):
    """The token of a one-time sign-in link."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    device: Annotated[str, msgspec.Meta(max_length=200)] = ""
    marks: Marks = ""


class SignedIn(Answer, frozen=True):
    """A new session; ``token`` is shown here and never again, ``marks`` are for the device to keep and show again."""

    token: str
    session: str
    user: "User"
    expires: datetime
    marks: str = ""


class User(Answer, frozen=True):
    """An account."""

    id: str
    name: str
    display_name: str
    is_admin: bool
    is_disabled: bool
    has_password: bool
    created: datetime


class Me(Answer, frozen=True):
    """Who is asking, and with what power."""

    user: User
    credential: str
    scopes: list[str]
    personal_space: str


class NewUser(Request, frozen=True):
    """An account to make; without a password it is entered by a sign-in link."""

    name: UserName
    display_name: DisplayName = ""
    password: Password | None = None
    is_admin: bool = False


class UserChange(Request, frozen=True):
    """What to change of an account; absent members stay as they are."""

    display_name: DisplayName | msgspec.UnsetType = msgspec.UNSET
    is_admin: bool | msgspec.UnsetType = msgspec.UNSET
    is_disabled: bool | msgspec.UnsetType = msgspec.UNSET


class PasswordChange(Request, frozen=True):
    """A new password and, unless none was set so far or an administrator asks for somebody else, the current one."""

    new: Password
    current: Password | None = None


class SignInLink(Answer, frozen=True):
    """A one-time way in."""

    url: str
    expires: datetime
