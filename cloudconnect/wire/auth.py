"""Accounts and signing in."""

from datetime import datetime
from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request

UserName = Annotated[str, msgspec.Meta(min_length=1, max_length=64, examples=["ada"])]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
DisplayName = Annotated[str, msgspec.Meta(max_length=128, examples=["Ada Lovelace"])]


class SignIn(Request):
    """A name and a password; ``device`` is what the session list shows."""

    name: UserName
    password: Password
    device: Annotated[str, msgspec.Meta(max_length=200)] = ""


class SignInByLink(Request):
    """The token of a one-time sign-in link."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    device: Annotated[str, msgspec.Meta(max_length=200)] = ""


class SignedIn(Answer):
    """A new session; ``token`` is shown here and never again."""

    token: str
    session: str
    user: "User"
    expires: datetime


class User(Answer):
    """An account."""

    id: str
    name: str
    display_name: str
    is_admin: bool
    is_disabled: bool
    has_password: bool
    created: datetime


class Me(Answer):
    """Who is asking, and with what power."""

    user: User
    credential: str
    scopes: list[str]
    personal_space: str


class NewUser(Request):
    """An account to make; without a password it is entered by a sign-in link."""

    name: UserName
    display_name: DisplayName = ""
    password: Password | None = None
    is_admin: bool = False


class UserChange(Request):
    """What to change of an account; absent members stay as they are."""

    display_name: DisplayName | msgspec.UnsetType = msgspec.UNSET
    is_admin: bool | msgspec.UnsetType = msgspec.UNSET
    is_disabled: bool | msgspec.UnsetType = msgspec.UNSET


class PasswordChange(Request):
    """A new password and, unless none was set so far or an administrator asks for somebody else, the current one."""

    new: Password
    current: Password | None = None


class SignInLink(Answer):
    """A one-time way in."""

    url: str
    expires: datetime
