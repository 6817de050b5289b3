"""A large upload through a proxy with limits, over connections that are reset, with the daemon killed in the middle.

    python benchmarks/proxied.py [--place DIR] [--mib 5120] [--mib-per-second 50] [--reset-seconds 20]

The way is: `cloudconnect put` → a relay that bounds the rate and resets every connection → nginx with a body limit of
100 MB and timeouts of 60 s → the daemon. It ends with an error unless the file arrives whole.
"""

import argparse
import asyncio
import contextlib
import hashlib
import json
import os
import socket
import struct
import subprocess
import tempfile
import time
from pathlib import Path

from appliance import CLOUDCONNECT, Appliance, free_port

NGINX = "/usr/sbin/nginx"
CONFIGURATION = """
{user}
daemon off;
error_log stderr crit;
pid {place}/nginx.pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {place}/body;
    proxy_temp_path {place}/proxy;
    fastcgi_temp_path {place}/fastcgi;
    uwsgi_temp_path {place}/uwsgi;
    scgi_temp_path {place}/scgi;
    server {{
        listen 127.0.0.1:{port};
        client_max_body_size 100m;
        client_body_timeout 60s;
        location / {{
            proxy_pass {url};
            proxy_http_version 1.1;
            proxy_request_buffering {buffering};
            proxy_read_timeout 60s;
            proxy_send_timeout 60s;
            proxy_set_header Host $host;
        }}
    }}
}}
"""
_READ_BYTES = 1 << 18
_RESET = struct.pack("ii", 1, 0)


class Relay:
    """Passes connections on at a bounded rate, and resets all of them when it is told to."""

    def __init__(self, port: int, bytes_per_second: float) -> None:
        self.passed_bytes = 0
        self.resets = 0
        self._port = port
        self._rate = bytes_per_second
        self._free_at = 0.0
        self._open: set[asyncio.StreamWriter] = set()

    async def listen(self) -> int:
        """Listen on a free port and return it."""
        server = await asyncio.start_server(self._pass, "127.0.0.1", 0)
        return int(server.sockets[0].getsockname()[1])

    def reset(self) -> None:
        """Reset every connection that is open."""
        for writer in list(self._open):
            self.resets += 1
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, onward = await asyncio.open_connection("127.0.0.1", self._port)
        self._open.add(writer)
        try:
            await asyncio.wait(
                [
                    asyncio.create_task(self._copy(reader, onward, is_bounded=True)),
                    asyncio.create_task(self._copy(there, writer, is_bounded=False)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._open.discard(writer)
            writer.close()
            onward.close()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, is_bounded: bool) -> None:
        with contextlib.suppress(OSError):
            while piece := await reader.read(_READ_BYTES):
                if is_bounded:
                    self.passed_bytes += len(piece)
                    now = time.monotonic()
                    self._free_at = max(self._free_at, now) + len(piece) / self._rate
                    await asyncio.sleep(self._free_at - now)
                writer.write(piece)
                await writer.drain()


def make_file(path: Path, mib: int) -> str:
    """Write a file that does not compress; return its SHA-256."""
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for _ in range(mib):
            piece = os.urandom(1 << 20)
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


async def trouble(relay: Relay, appliance: Appliance, seconds: float, half: int) -> None:
    """Reset connections each so many *seconds*, and kill the daemon once *half* of the bytes have passed."""
    is_killed = False
    reset_at = time.monotonic() + seconds
    while True:
        await asyncio.sleep(0.05)
        if not is_killed and relay.passed_bytes > half:
            is_killed = True
            appliance.kill()
            await asyncio.to_thread(appliance.start)
        if time.monotonic() > reset_at:
            reset_at += seconds
            relay.reset()


async def run(place: Path, arguments: argparse.Namespace) -> dict[str, float]:
    """Send one file through all of it, and return what was seen."""
    size = arguments.mib << 20
    sha256 = make_file(place / "large", arguments.mib)
    appliance = Appliance(place / "home")
    appliance.start()
    (place / "token").write_text(appliance.token())
    port = free_port()
    buffering = "off" if arguments.streams else "on"
    user = "user root;" if os.geteuid() == 0 else ""
    text = CONFIGURATION.format(user=user, place=place, port=port, url=appliance.url, buffering=buffering)
    (place / "nginx.conf").write_text(text)
    nginx = await asyncio.create_subprocess_exec(
        NGINX, "-c", str(place / "nginx.conf"), "-p", str(place), stderr=subprocess.DEVNULL
    )
    relay = Relay(port, arguments.mib_per_second * 2**20)
    url = f"http://127.0.0.1:{await relay.listen()}"
    troubles = asyncio.create_task(trouble(relay, appliance, arguments.reset_seconds, size // 2))
    try:
        started = time.perf_counter()
        environment = os.environ | {
            "HOME": str(place),
            "CLOUDCONNECT_URL": url,
            "CLOUDCONNECT_TOKEN_FILE": str(place / "token"),
        }
        put = await asyncio.create_subprocess_exec(
            CLOUDCONNECT, "put", str(place / "large"), "/", "--json", env=environment, stdout=subprocess.PIPE
        )
        output, _ = await put.communicate()
        seconds = time.perf_counter() - started
        told = json.loads(output.splitlines()[-1])
        if put.returncode or told["status"] != "success":
            raise SystemExit(f"it did not arrive: {told}")
        entry = json.loads(appliance.run("ls", "/large", "--json").stdout)[0]
        if entry["sha256"] != sha256:
            raise SystemExit("something else arrived")
    finally:
        troubles.cancel()
        nginx.terminate()
        await nginx.wait()
        appliance.stop()
    return {"seconds": seconds, "resets": relay.resets, "sent": told["sent_bytes"] / size, "mib": arguments.mib}


def main() -> None:
    """Run it and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--place", type=Path, default=None, help="where to work, on a disk with room for two files")
    parser.add_argument("--mib", type=int, default=5 * 1024)
    parser.add_argument("--mib-per-second", type=float, default=50)
    parser.add_argument("--reset-seconds", type=float, default=20)
    parser.add_argument("--streams", action="store_true", help="let nginx pass bodies on as they come")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=arguments.place) as place:
        seen = asyncio.run(run(Path(place), arguments))
    print(
        f"{seen['mib']} MiB in {seen['seconds']:.1f} s, {seen['resets']} resets, one kill -9;"
        f" sent {seen['sent']:.3f} times its size"
    )


if __name__ == "__main__":
    main()
