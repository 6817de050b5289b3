"""What tests of uploads in progress do again and again."""

import os

import pytest

from cloudconnect.features.files import UploadPlan
from cloudconnect.kernel.errors import CloudConnectError

LENGTH = 5_432
DATA = os.urandom(LENGTH)
NO_TIME = 10


async def stream(*pieces, breaks=False):
    for piece in pieces:
        yield piece
    if breaks:
        raise ConnectionResetError


async def begin(rooms, who, path="/f", length=LENGTH, **plan):
    return (await rooms.uploads.begin(who, "personal", UploadPlan(path=path, **plan), length=length)).id


async def append(rooms, who, upload, offset, data, **options):
    return (await rooms.uploads.append(who, upload, offset, stream(data), **options)).received


async def complete(rooms, who, upload):
    return await rooms.uploads.complete(who, upload, NO_TIME)


async def read(rooms, who, path="/f"):
    opened = await rooms.files.open_file(who, "personal", path)
    return b"".join([piece async for piece in opened.read(0, None)])


async def refused(work):
    with pytest.raises(CloudConnectError) as caught:
        await work
    return caught.value.code


async def put(rooms, who, path="/f", data=b"before"):
    return (await rooms.files.put_file(who, "personal", path, stream(data))).entry
