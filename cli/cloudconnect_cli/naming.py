"""Which space an administrator means."""

from cloudconnect.client import Client
from cloudconnect.kernel.errors import Conflict, NotFound
from cloudconnect.kernel.ids import is_id
from cloudconnect.kernel.text import N_
from cloudconnect.wire import accounting, spaces

_OWN = "personal"


class NoSuchSpace(NotFound):
    """No space of the appliance has this name."""

    code = "cli.no-such-space"
    title = N_("There is no such space")


class SeveralSpaces(Conflict):
    """More than one space has this name."""

    code = "cli.several-spaces"
    title = N_("Several spaces have this name")


async def find_space_id(client: Client, named: str) -> str:
    """Return the id of the space *named* by an administrator: by id, by name, or ``personal`` for the own one.

    Raises:
        NoSuchSpace: none has this name.
        SeveralSpaces: more than one has it.
    """
    if is_id(named, "spc"):
        return named
    if named == _OWN:
        return (await client.ask("GET", f"/spaces/{_OWN}", spaces.Space)).id
    found = [each.space async for each in client.list("/quotas", accounting.Quota) if each.name == named]
    if not found:
        raise NoSuchSpace(
            N_("No space is called “{name}”."), fix=N_("See which there are: cloudconnect key spaces"), name=named
        )
    if len(found) > 1:
        raise SeveralSpaces(
            N_("{count} spaces are called “{name}”: {ids}."),
            fix=N_("Name the one you mean by its id."),
            count=len(found),
            name=named,
            ids=", ".join(found),
        )
    return found[0]
