"""Where packs rest."""

from typing import Annotated

import msgspec

from cloudconnect.wire.shape import Answer, Request

_Text = Annotated[str, msgspec.Meta(max_length=1_000)]


class NewBackend(Request, frozen=True):
    """A backend to add: a directory of the server, or a bucket with a file of the server that has its credentials."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=32, examples=["archive"])]
    kind: Annotated[str, msgspec.Meta(pattern="^(local|s3|azure)$", examples=["local"])]
    directory: _Text = ""
    endpoint: _Text = ""
    bucket: _Text = ""
    region: _Text = ""
    prefix: _Text = ""
    credentials_file: _Text = ""
    path_style: bool = True


class Backend(Answer, frozen=True):
    """A backend as it stands; new packs go to the one that is the target. ``size`` counts bytes."""

    name: str
    kind: str
    where: str
    is_target: bool
    packs: int
    size: int
