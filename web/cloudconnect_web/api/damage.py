"""Which files are damaged."""

from cloudconnect.features.files import DamagedFile
from cloudconnect.wire import damage as wire
from cloudconnect.wire.shape import PageAnswer
from cloudconnect_web.api.lists import Cursor, Limit, to_page
from cloudconnect_web.operations import Call, Guard, Operation


async def find_damaged(call: Call, limit: Limit = 100, cursor: Cursor | None = None) -> PageAnswer[wire.DamagedFile]:
    """List damaged versions of files: all to administrators, to others those of the spaces they own."""
    return to_page(await call.appliance.damage.find_damaged(call.principal, limit, cursor), _to_file)


def _to_file(file: DamagedFile) -> wire.DamagedFile:
    return wire.DamagedFile(
        space=file.space,
        path=file.path,
        version=file.version,
        size=file.size,
        chunks=file.chunks,
        found=file.found,
        is_present=file.is_present,
    )


OPERATIONS = [Operation(method="GET", path="/damaged", guard=Guard.READ, handler=find_damaged)]
