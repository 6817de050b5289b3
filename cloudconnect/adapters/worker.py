"""Work in processes of their own, bounded and killable (``ports.worker.Worker``)."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import Mapping
from typing import Any

import msgspec
import structlog

from cloudconnect.kernel.text import N_
from cloudconnect.ports.worker import Limits, WorkFailed, WorkTooLarge, WorkTooLong

log = structlog.get_logger()

_PROGRAM = "cloudconnect.adapters.worker_process"
_ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"}


class ProcessWorker:
    """Starts a Python process for each piece of work, with limits of memory, time, files and no network.

    A process keeps nothing for the next, so a stranger's file can spoil no other's work. It runs as the daemon's own
    user: the limits keep it from starving or crashing the daemon, not from reading the daemon's files. Where the
    kernel forbids a namespace for the network, it is said once in the log and work is done all the same.
    """

    def __init__(self, entry_points: Mapping[str, str], *, at_once: int = 2) -> None:
        """Offer *entry_points*, names of work and the ``module:function`` each stands for, *at_once* at a time."""
        self._entry_points = dict(entry_points)
        self._places = asyncio.Semaphore(at_once)
        self._has_warned = False

    async def run(self, name: str, request: Any, limits: Limits) -> Any:
        """Return the answer of the work *name* to *request*; see ``ports.worker.Worker``.

        The limit of time begins when the process does, not while the work waits for its place. A caller that is
        cancelled ends the process.
        """
        asked = msgspec.json.encode({"request": request, "limits": limits})
        command = (sys.executable, "-I", "-m", _PROGRAM, self._entry_points[name])
        async with self._places:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=PIPE, stdout=PIPE, stderr=DEVNULL, env=_ENVIRONMENT, cwd="/", start_new_session=True
            )
            try:
                async with asyncio.timeout(limits.seconds):
                    answer = await _converse(process, asked, limits.answer_bytes)
                    code = await process.wait()
            except TimeoutError:
                raise WorkTooLong(N_("It took longer than {seconds} seconds."), seconds=round(limits.seconds)) from None
            finally:
                await _end(process)
        return self._judge(name, answer, code, limits)

    def _judge(self, name: str, answer: bytes, code: int, limits: Limits) -> Any:
        if code == -signal.SIGXCPU:
            raise WorkTooLong(N_("It took more than {seconds} seconds of work."), seconds=limits.cpu_seconds)
        try:
            outcome = msgspec.json.decode(answer, type=dict[str, Any])
            has_network = outcome.pop("has_network")
        except (msgspec.DecodeError, KeyError) as error:
            log.warning("worker.no_answer", work=name, code=code)
            raise WorkFailed(N_("It ended without an answer.")) from error
        if has_network and not self._has_warned:
            self._has_warned = True
            log.warning("worker.network_reachable", work=name)
        if "answer" in outcome:
            return outcome["answer"]
        log.warning("worker.failed", work=name, failure=outcome["failure"], error=outcome["error"])
        match outcome["failure"]:
            case "memory":
                raise WorkTooLarge(N_("It took more than {bytes} bytes of memory."), bytes=limits.memory_bytes)
            case "file":
                raise WorkTooLarge(N_("It wrote a file of more than {bytes} bytes."), bytes=limits.file_bytes)
            case _:
                raise WorkFailed(N_("It ended with an error, which is in the log."))


async def _converse(process: Process, asked: bytes, answer_bytes: int) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise TypeError("a worker speaks over pipes")
    # A process that ends before it has read everything is judged by how it ended.
    with contextlib.suppress(ConnectionError):
        process.stdin.write(asked)
        await process.stdin.drain()
    process.stdin.close()
    answer = bytearray()
    while part := await process.stdout.read(65_536):
        answer += part
        if len(answer) > answer_bytes:
            raise WorkTooLarge(N_("Its answer is longer than {bytes} bytes."), bytes=answer_bytes)
    return bytes(answer)


async def _end(process: Process) -> None:
    # The group, so that what the work started ends as well; it may all be gone already.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    await asyncio.shield(process.wait())
