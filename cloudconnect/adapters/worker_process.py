"""The other end of a worker: a process that bounds itself, does one piece of work and ends.

It is started as ``python -I -m cloudconnect.adapters.worker_process MODULE:FUNCTION`` by ``adapters.worker``. Standard
input holds one JSON document: ``{"limits": …, "request": …}``. Standard output gets one: ``{"answer": …}`` or
``{"failure": "memory" | "file" | "error", "error": …}``, with ``"has_network"`` beside it. It imports the standard
library alone, to start soon, and the module it works for only when it is bounded already.
"""

import ctypes
import errno
import importlib
import json
import os
import resource
import signal
import sys
from typing import Any

_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_ERROR_LENGTH = 500


def bound(limits: dict[str, int]) -> bool:
    """Bound this process, for good; return whether it can still reach the network.

    Limits are those of setrlimit(2). The network goes with a namespace of its own (unshare(2)), which an
    administrator may have forbidden. The process dies with its parent and gains no privilege (prctl(2)).

    Raises:
        OSError: a limit could not be set; no work must be done then.
    """
    library = ctypes.CDLL(None, use_errno=True)
    library.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    library.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    has_network = bool(library.unshare(_CLONE_NEWNET) and library.unshare(_CLONE_NEWUSER | _CLONE_NEWNET))
    cpu = limits["cpu_seconds"]
    for what, soft, hard in (
        (resource.RLIMIT_CORE, 0, 0),
        (resource.RLIMIT_NOFILE, limits["open_files"], limits["open_files"]),
        (resource.RLIMIT_FSIZE, limits["file_bytes"], limits["file_bytes"]),
        (resource.RLIMIT_CPU, cpu, cpu + 1),
        (resource.RLIMIT_AS, limits["memory_bytes"], limits["memory_bytes"]),
    ):
        resource.setrlimit(what, (soft, hard))
    return has_network


def work(entry_point: str, request: Any) -> dict[str, Any]:
    """Return what ``MODULE:FUNCTION`` answers to *request*, or how it failed."""
    module, _, function = entry_point.partition(":")
    try:
        answer = getattr(importlib.import_module(module), function)(request)
        json.dumps(answer)
    except MemoryError:
        return {"failure": "memory", "error": "MemoryError"}
    except Exception as error:  # noqa: BLE001 - it works on a stranger's bytes and may fail in any way
        is_too_large = isinstance(error, OSError) and error.errno == errno.EFBIG
        return {"failure": "file" if is_too_large else "error", "error": repr(error)[:_ERROR_LENGTH]}
    return {"answer": answer}


def main() -> None:
    """Read the request, do the work and write the answer."""
    # What the work prints must not mix with the answer.
    answers = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asked = json.load(sys.stdin)
    has_network = bound(asked["limits"])
    outcome = work(sys.argv[1], asked["request"]) | {"has_network": has_network}
    with os.fdopen(answers, "w", encoding="utf-8") as file:
        json.dump(outcome, file)


if __name__ == "__main__":
    main()
