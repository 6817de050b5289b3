"""Work that misbehaves ends alone; the standard library is what it works with here."""

import asyncio
import os
import socket
import time

import pytest
from structlog.testing import capture_logs

from cloudconnect.adapters.worker import ProcessWorker
from cloudconnect.kernel.units import KIB, MIB
from cloudconnect.ports.worker import Limits, WorkFailed, WorkTooLarge, WorkTooLong

pytestmark = pytest.mark.slow

USUAL = Limits(seconds=20)


@pytest.fixture
def worker():
    return ProcessWorker(
        {
            "echo": "copy:copy",
            "hoard": "builtins:bytearray",
            "reckon": "math:factorial",
            "sleep": "time:sleep",
            "end": "os:_exit",
            "print": "builtins:print",
            "shell": "subprocess:getoutput",
            "call": "socket:create_connection",
            "interfaces": "socket:if_nameindex",
            "repeat": "operator:methodcaller",
            "missing": "no_such_module:work",
        }
    )


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize(
    "value",
    [None, True, 2**53, "grüße\0\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"), [1, {"a": []}]],
)
async def test_the_answer_comes_back(worker, value):
    assert await worker.run("echo", value, USUAL) == value


async def test_what_the_work_prints_is_no_answer(worker):
    assert await worker.run("print", '{"answer": 1}', USUAL) is None


async def test_a_memory_hog_is_refused_its_memory(worker):
    with pytest.raises(WorkTooLarge, match="memory"):
        await worker.run("hoard", 1024 * MIB, USUAL)


async def test_a_cpu_hog_is_ended_by_its_own_time(worker):
    with pytest.raises(WorkTooLong, match="1 seconds of work"):
        await worker.run("reckon", 50_000_000, Limits(cpu_seconds=1, seconds=30))


async def test_a_sleeper_is_ended_by_the_clock_on_the_wall(worker):
    started = time.monotonic()

    with pytest.raises(WorkTooLong):
        await worker.run("sleep", 60, Limits(seconds=0.3))

    assert time.monotonic() - started < 5


async def test_what_the_work_started_ends_with_it(worker, tmp_path):
    note = tmp_path / "pid"

    with pytest.raises(WorkTooLong):
        await worker.run("shell", f"echo $$ > {note}; sleep 60; true", Limits(seconds=1))

    pid = int(note.read_text())
    assert not is_alive(pid) or "Z" in (await worker.run("shell", f"ps -o stat= -p {pid}", USUAL))


async def test_a_large_file_is_refused(worker, tmp_path):
    written = tmp_path / "large"

    await worker.run("shell", f"head -c {MIB} /dev/zero > {written}", Limits(file_bytes=64 * KIB, seconds=20))

    assert written.stat().st_size == 64 * KIB


async def test_limits_are_those_that_were_asked_for(worker):
    limits = Limits(memory_bytes=300 * MIB, cpu_seconds=7, file_bytes=MIB, open_files=32, seconds=20)

    answer = await worker.run("shell", "ulimit -v; ulimit -t; ulimit -n; ulimit -c", limits)

    assert answer.split() == ["307200", "7", "32", "0"]


async def test_a_process_that_ends_without_a_word_is_a_failure(worker):
    with pytest.raises(WorkFailed, match="without an answer"):
        await worker.run("end", 3, USUAL)


@pytest.mark.parametrize(("name", "request_"), [("missing", None), ("repeat", "x"), ("sleep", "long"), ("hoard", -1)])
async def test_an_error_of_the_work_is_told_in_the_log_alone(worker, name, request_):
    with capture_logs() as lines, pytest.raises(WorkFailed, match="which is in the log"):
        await worker.run(name, request_, USUAL)

    assert [line["event"] for line in lines if line["event"] == "worker.failed"] == ["worker.failed"]


async def test_an_endless_answer_is_cut(worker):
    with pytest.raises(WorkTooLarge, match="answer"):
        await worker.run("echo", "x" * 100_000, Limits(answer_bytes=10_000, seconds=20))


async def test_the_network_is_out_of_reach_or_the_log_says_that_it_is_not(worker):
    with socket.create_server(("127.0.0.1", 0)) as server, capture_logs() as lines:
        with pytest.raises(WorkFailed):
            # A connection is no JSON, so that this fails in any case; the server knows whether anybody called.
            await worker.run("call", ["127.0.0.1", server.getsockname()[1]], USUAL)
        server.setblocking(False)
        try:
            server.accept()[0].close()
            has_called = True
        except BlockingIOError:
            has_called = False

    assert has_called == ("worker.network_reachable" in [line["event"] for line in lines])


async def test_a_caller_that_goes_away_ends_the_work(worker, tmp_path):
    note = tmp_path / "pid"
    os.mkfifo(note)
    asking = asyncio.create_task(worker.run("shell", f"echo $$ > {note}; sleep 60; true", USUAL))
    pid = int(await asyncio.to_thread(note.read_text))

    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    assert not is_alive(pid) or "Z" in (await worker.run("shell", f"ps -o stat= -p {pid}", USUAL))


async def test_only_so_many_run_at_once(worker):
    started = time.monotonic()

    await asyncio.gather(*(worker.run("sleep", 0.4, USUAL) for _ in range(4)))

    assert time.monotonic() - started >= 0.8
