"""Starts and stops an assembled appliance: signals, readiness, the word to the service manager."""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import sys
from collections.abc import Awaitable, Callable

import orjson
import structlog

from cloudconnect.assembly import Appliance
from cloudconnect.storage.key_service import KeyServiceAway

log = structlog.get_logger()

StopFaces = Callable[[], Awaitable[None]]
StartFaces = Callable[[Appliance], Awaitable[StopFaces]]

_COLLECTED_OBJECTS = 50_000
_LONGEST_WAIT_SECONDS = 60.0

EXIT_STORAGE_FAILED = 70
"""The exit code after an input/output error that makes it unsafe to go on (EX_SOFTWARE of sysexits.h)."""


async def run(appliance: Appliance, start_faces: StartFaces) -> int:
    """Run *appliance* with its faces until a signal ends it; return the exit code.

    SIGTERM and SIGINT end it in order: faces first, so that nothing new comes in, then loops, then the database. An
    error of the disk that leaves it unknown what is durable ends it with 70; starting again verifies what is there.
    """
    loop = asyncio.get_running_loop()
    ended: asyncio.Future[int] = loop.create_future()

    def end(code: int) -> None:
        if not ended.done():
            ended.set_result(code)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, end, 0)

    def fail() -> None:
        loop.call_soon_threadsafe(end, EXIT_STORAGE_FAILED)

    appliance.on_fatal(fail)
    await appliance.start()
    collect_rarely()
    try:
        stop_faces = await start_faces(appliance)
        try:
            notify_service_manager("READY=1", appliance.notify_socket)
            log.info("daemon.ready", version=appliance.version)
            code = await ended
            notify_service_manager("STOPPING=1", appliance.notify_socket)
            log.info("daemon.stopping", code=code)
        finally:
            await stop_faces()
    finally:
        await appliance.stop()
    return code


async def wait_for_keys(
    try_keys: Callable[[], None], start_sealed: Callable[[], Awaitable[StopFaces]], notify_socket: str
) -> bool:
    """Return True once *try_keys* opens the store, False if a signal ends the wait before.

    While the key service is away the faces of *start_sealed* answer that, and it is asked again after growing waits of
    up to a minute.

    Raises:
        WrongKey: the service answers and refuses; no wait mends that.
    """
    if await _opens(try_keys):
        return True
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    stop = await start_sealed()
    try:
        notify_service_manager("READY=1\nSTATUS=sealed: the key service cannot be reached", notify_socket)
        wait = 1.0
        while not ended.is_set():
            log.warning("daemon.sealed", retry_seconds=wait)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), wait)
            if not ended.is_set() and await _opens(try_keys) and not ended.is_set():
                notify_service_manager("STATUS=", notify_socket)
                return True
            wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
        return False
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().remove_signal_handler(number)
        await stop()


async def _opens(try_keys: Callable[[], None]) -> bool:
    try:
        await asyncio.to_thread(try_keys)
    except KeyServiceAway:
        return False
    return True


def notify_service_manager(message: str, address: str | None) -> None:
    """Tell systemd *message* over the datagram socket at *address* (sd_notify(3)); None means that nobody listens."""
    if not address:
        return
    if address.startswith("@"):
        address = "\0" + address[1:]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        channel.connect(address)
        channel.sendall(message.encode())


def harden_process() -> None:
    """Take what the process never needs: access of others to its files, and core dumps, which would hold keys."""
    os.umask(0o077)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def collect_rarely() -> None:
    """Have Python look for cycles of objects rarely: there are next to none, and many objects while files come in."""
    gc.freeze()
    gc.set_threshold(_COLLECTED_OBJECTS, 10, 10)


def set_up_logging(level: str, form: str) -> None:
    """Log to standard error from *level* on, as JSON lines or for people; ``auto`` asks whether a terminal reads."""
    is_human = form == "human" or (form == "auto" and sys.stderr.isatty())
    renderer: structlog.typing.Processor = (
        structlog.dev.ConsoleRenderer() if is_human else structlog.processors.JSONRenderer(serializer=_to_json)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(getattr(logging, level.upper())),
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def _to_json(event: object, **_: object) -> str:
    return orjson.dumps(event, default=str).decode()
