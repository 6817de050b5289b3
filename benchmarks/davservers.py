"""WebDAV servers for the benchmark, each over a fresh place, and a connection that does as little as a client can."""

import asyncio
import base64
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import msgspec
from appliance import Appliance, free_port

START_SECONDS = 30
PIECE = 1 << 20
BULK = 2_000


class Server:
    """A WebDAV server of a benchmark's own, over a fresh place."""

    name = ""

    def __init__(self, place: Path, peers: Path) -> None:
        self.place = place
        self.port = free_port()
        self.prefix = ""
        self.headers: dict[str, str] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self.root = place / "root"
        self.peers = peers

    def command(self) -> list[str]:
        """Return what starts it."""
        raise NotImplementedError

    def program(self) -> str | None:
        """Return the program, None if it is not there."""
        return shutil.which(self.command()[0])

    def start(self) -> None:
        """Start it and wait until it answers."""
        self.root.mkdir(parents=True)
        log = (self.place / "log").open("wb")
        environment = os.environ | {"HOME": str(self.place)}
        self.process = subprocess.Popen(self.command(), cwd=self.place, stdout=log, stderr=log, env=environment)
        started = time.perf_counter()
        while time.perf_counter() - started < START_SECONDS:
            try:
                asyncio.run(Connection.look(self))
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise SystemExit(f"{self.name} did not start: {(self.place / 'log').read_text()}")

    def stop(self) -> None:
        """End it."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait()

    def pid(self) -> int:
        """Return its process."""
        if self.process is None:
            raise SystemExit("it is not running")
        return self.process.pid

    def cpu(self) -> float:
        """Return the processor seconds that it has used."""
        fields = Path(f"/proc/{self.pid()}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def rss_mib(self) -> float:
        """Return its resident memory."""
        status = Path(f"/proc/{self.pid()}/status").read_text()
        return next(int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmRSS"))

    def fill(self, folder: str, count: int) -> None:
        """Put *count* small files into *folder*, in whatever way is quickest."""
        place = self.root / folder
        place.mkdir(parents=True)
        for number in range(count):
            (place / f"entry {number:06}.txt").write_text(f"content {number}")


class Ours(Server):
    """CloudConnect."""

    name = "cloudconnect"

    def program(self) -> str | None:
        """Return the program, which is always there."""
        return "cloudconnect"

    def start(self) -> None:
        """Start a daemon and make a token."""
        self.place.mkdir(parents=True)
        self.appliance = Appliance(self.place / "home")
        self.appliance.start()
        self.port, self.process = self.appliance.port, self.appliance.process
        self.prefix = "/dav/personal"
        self.token = self.appliance.token()
        credential = base64.b64encode(f"admin:{self.token}".encode()).decode()
        self.headers = {"Authorization": f"Basic {credential}"}

    def fill(self, folder: str, count: int) -> None:
        """Put *count* small files into *folder*, many at once."""
        asyncio.run(self._fill(folder, count))

    async def _fill(self, folder: str, count: int) -> None:
        connection = await Connection.open(self)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/msgpack"}
        for start in range(0, count, BULK):
            numbers = range(start, min(start + BULK, count))
            items = [(f"/{folder}/entry {n:06}.txt", b"content %d" % n, None, None) for n in numbers]
            body = msgspec.msgpack.encode(items)
            await connection.send("POST", "/api/v1/spaces/personal/bulk", body, headers)
        connection.close()


class WsgiDav(Server):
    """wsgidav with cheroot, its own recommendation."""

    name = "wsgidav"

    def command(self) -> list[str]:
        """Return what starts it."""
        options = ["--host=127.0.0.1", f"--port={self.port}", f"--root={self.root}", "--auth=anonymous"]
        return [str(self.peers / "wsgidav"), *options, "--server=cheroot", "--quiet"]


class CopyParty(Server):
    """copyparty with full write access over WebDAV."""

    name = "copyparty"

    def command(self) -> list[str]:
        """Return what starts it."""
        volume = f"{self.root}::rwmd"
        return [str(self.peers / "copyparty"), "-i", "127.0.0.1", "-p", str(self.port), "-v", volume, "--daw", "-q"]


class Rclone(Server):
    """rclone serve webdav over a directory."""

    name = "rclone"

    def command(self) -> list[str]:
        """Return what starts it."""
        return [
            "rclone",
            "serve",
            "webdav",
            str(self.root),
            "--addr",
            f"127.0.0.1:{self.port}",
            "--dir-cache-time",
            "0s",
        ]

    def fill(self, folder: str, count: int) -> None:
        """Put *count* small files into *folder*, and have the listings that it remembers forgotten."""
        super().fill(folder, count)
        os.kill(self.pid(), signal.SIGHUP)
        time.sleep(1)


class Connection:
    """One kept-alive HTTP connection that does as little as a client can."""

    def __init__(self, server: Server, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._server = server
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, server: Server) -> "Connection":
        """Connect."""
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port, limit=4 << 20)
        return cls(server, reader, writer)

    @classmethod
    async def look(cls, server: Server) -> None:
        """Ask for the root once."""
        connection = await cls.open(server)
        await connection.ask("PROPFIND", "/", headers={"Depth": "0"})
        connection.close()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()

    async def ask(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None, *, times: int = 1
    ) -> int:
        """Send a request below the server's prefix, the body *times* times; return how many bytes were answered."""
        fields = self._server.headers | (headers or {})
        if "Destination" in fields:
            fields["Destination"] = f"http://127.0.0.1:{self._server.port}{self._server.prefix}{fields['Destination']}"
        return await self.send(method, self._server.prefix + path, body, fields, times=times)

    async def send(self, method: str, path: str, body: bytes, fields: dict[str, str], *, times: int = 1) -> int:
        """Send a request as it is; return how many bytes were answered."""
        lines = [f"{method} {path} HTTP/1.1", f"Host: 127.0.0.1:{self._server.port}"]
        lines += [f"{name}: {value}" for name, value in fields.items()]
        if body or method in {"PUT", "POST"}:
            lines.append(f"Content-Length: {len(body) * times}")
        head = "\r\n".join(lines).encode() + b"\r\n\r\n"
        if times == 1:
            self._writer.write(head + body)
        else:
            self._writer.write(head)
            for _ in range(times):
                self._writer.write(body)
                await self._writer.drain()
        return await self._read(f"{method} {path}")

    async def _read(self, what: str) -> int:
        top = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status, *lines = top.rstrip().split("\r\n")
        fields = {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}
        if int(status.split()[1]) >= 300:
            raise SystemExit(f"{self._server.name}: {what}: {status}")
        if fields.get("transfer-encoding", "").lower() == "chunked":
            return await self._read_chunks()
        return await self._skip(int(fields.get("content-length", "0")))

    async def _read_chunks(self) -> int:
        count = 0
        while size := int(await self._reader.readuntil(b"\r\n"), 16):
            count += await self._skip(size)
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return count

    async def _skip(self, size: int) -> int:
        left = size
        while left:
            left -= len(await self._reader.read(min(left, PIECE)))
        return size
