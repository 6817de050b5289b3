"""What the auth room refuses."""

from cloudconnect.kernel.errors import Conflict, Denied, Exhausted, Invalid, NotFound, Unauthenticated
from cloudconnect.kernel.text import N_


class BadCredentials(Unauthenticated):
    """The name, the password or both are wrong; it never says which."""

    code = "auth.bad-credentials"
    title = N_("The name or the password is wrong")


class LinkInvalid(Unauthenticated):
    """The one-time link was used, has ended, or never was."""

    code = "auth.link-invalid"
    title = N_("This sign-in link no longer works")


class TokenInvalid(Unauthenticated):
    """What was shown is no token of ours."""

    code = "auth.token-invalid"
    title = N_("This is not a valid token")


class TooManyAttempts(Exhausted):
    """Too many wrong passwords; waiting helps, nobody is locked out for good."""

    code = "auth.too-many-attempts"
    title = N_("Too many attempts")


class NoSuchAccount(NotFound):
    """No account has this id or name."""

    code = "auth.account-not-found"
    title = N_("There is no such account")


class NameTaken(Conflict):
    """Another account has this name."""

    code = "auth.name-taken"
    title = N_("This name is taken")


class BadName(Invalid):
    """Not a name that an account can have."""

    code = "auth.bad-name"
    title = N_("This name cannot be used")


class WeakPassword(Invalid):
    """Too short, too long, or soon guessed."""

    code = "auth.weak-password"
    title = N_("This password is too weak")


class LastAdministrator(Denied):
    """The appliance would be left without an administrator."""

    code = "auth.last-administrator"
    title = N_("This is the last administrator")
