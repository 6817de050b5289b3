"""What tests of tus send, and how."""

import base64
import io
import os

TUS = "/api/v1/tus/"
DATA = os.urandom(300_000)


def metadata(**said):
    return ",".join(f"{name} {base64.b64encode(value.encode()).decode()}" for name, value in said.items())


async def ask(site, method, path=TUS, data=None, token=None, **fields):
    headers = {"Tus-Resumable": "1.0.0"} | {name.replace("_", "-"): str(value) for name, value in fields.items()}
    if data is not None:
        headers.setdefault("Content-Type", "application/offset+octet-stream")
        data = io.BytesIO(data) if isinstance(data, bytes) else data
    async with site.ask(method, path, token=token, data=data, headers=headers) as answer:
        await answer.read()
        return answer


async def create(site, length=len(DATA), data=None, path="/f", token=None, **fields):  # noqa: B008 - the length of a constant
    said = {"Upload_Metadata": metadata(path=path), "Upload_Length": length} | fields
    answer = await ask(site, "POST", data=data, token=token, **{k: v for k, v in said.items() if v is not None})
    assert answer.status == 201, answer.status
    return answer.headers["Location"]


async def append(site, upload, offset, data, **fields):
    return await ask(site, "PATCH", upload, data=data, Upload_Offset=offset, **fields)


async def offset_of(site, upload):
    return int((await ask(site, "HEAD", upload)).headers["Upload-Offset"])


async def read(site, path="/f"):
    async with site.ask("GET", f"/api/v1/spaces/personal/content{path}") as answer:
        return answer.status, await answer.read()
