"""Uses an appliance's engine under the recorder, again and again, each time in a process of its own.

    LD_PRELOAD=shim.so python driver.py        with one Run as JSON in each line of its input

For each line it forks, since starting Python takes longer than the run, and answers with the exit code. The run writes
what it begins and what it acknowledges into a journal, which the recorder puts in order with everything else.
"""

import asyncio
import ctypes
import hashlib
import json
import os
import sys
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import NoReturn

import bugs
import structlog
from assembled import LARGEST_BYTES, SMALLEST_BYTES, Assembled
from history import Deed, content, find

from cloudconnect.bus import Unit
from cloudconnect.events.files import EntryTrashed, FileWritten
from cloudconnect.kernel.errors import CloudConnectError
from cloudconnect.kernel.ids import SpaceId, id_bytes
from cloudconnect.kernel.principal import APPLIANCE
from cloudconnect.ports.vault import Content
from cloudconnect.storage import chunker
from cloudconnect.storage.disk import make_directory

EXIT_FAILED = 70
NODES = 7
SPACES = 3


@dataclass(frozen=True, slots=True)
class Run:
    """One run: what to do, with which bug, and which calls fail: kind, from the nth on, error, and how many."""

    seed: int = 1
    deeds: int = 16
    """How many; none means to make the store and to record nothing."""
    bug: str = ""
    fault: tuple[str, int, int, int] | None = None
    fault_path: str = ""
    """How the path ends that the calls are on; any without."""
    is_new: bool = False
    """Whether the store is made in the run."""
    after: tuple[int, int, int] | None = None
    """How many deeds, contents and spaces an earlier run begun that left what is there."""
    root: str = ""
    trace: str = ""

    def to_json(self) -> str:
        """Return it as a line of the driver's input."""
        return json.dumps(asdict(self))


class Driver:
    """Does deeds, some of them at the same time."""

    def __init__(self, run: Run, house: Assembled, tell: Callable[[dict], None]) -> None:
        self._run = run
        self._house = house
        self._tell = tell
        self._random = Random(run.seed)
        self._deeds, self._contents, spaces = run.after or (0, 0, not run.is_new)
        self._spaces = [_space(number) for number in range(spaces)]
        self._nodes: set[str] = set()

    async def work(self) -> None:
        """Do everything, or stop at the first error that ends a daemon."""
        for space in self._spaces:
            self._tell({"space": space})
        if self._run.after:
            self._look()
        last = self._deeds + self._run.deeds
        while self._deeds < last and not self._house.has_failed:
            if not self._spaces or (self._random.random() < 0.08 and len(self._spaces) < SPACES):
                await self._add_space()
                self._deeds += not self._spaces
                continue
            taken: set[str] = set()
            planned = [self._plan(taken) for _ in range(self._random.choice([1, 1, 2, 3]))]
            collecting = [self._collect()] if self._random.random() < 0.5 else []
            await asyncio.gather(*(self._do(deed) for deed in planned), *collecting)
            await asyncio.gather(*(hook(self._house) for hook in bugs.between_deeds))
        if not self._house.has_failed:
            await self._collect()
        if self._house.has_failed:
            self._tell({"ended": ""})

    async def _add_space(self) -> None:
        try:
            await self._house.vault.add_domain(_space(len(self._spaces)))
        except CloudConnectError as refusal:
            self._tell({"no_space": refusal.code})
            return
        except Exception as error:  # noqa: BLE001 - whatever it is, the rig must hear of it
            self._tell({"stranger": "".join(traceback.format_exception(error))})
            return
        self._spaces.append(_space(len(self._spaces)))
        self._tell({"space": self._spaces[-1]})

    def _look(self) -> None:
        nodes, facts = self._house.database.read_now(find)
        self._nodes.update(nodes)
        self._tell({"found": nodes, "facts": facts})

    def _plan(self, taken: set[str]) -> Deed:
        random, self._deeds = self._random, self._deeds + 1
        names = [f"{space}/{number}" for space in range(len(self._spaces)) for number in range(NODES)]
        free = [name for name in names if name not in taken]
        chosen = random.sample(free, min(random.choice([1, 1, 2, 3]), len(free)))
        taken.update(chosen)
        if random.random() < 0.2:
            gone = tuple(name for name in chosen if name in self._nodes)
            return Deed(self._deeds, {}, gone)
        puts = {}
        for name in chosen:
            is_repeat = self._contents and random.random() < 0.2
            puts[name] = random.randrange(self._contents) if is_repeat else self._contents
            self._contents += not is_repeat
        return Deed(self._deeds, puts, keeps_old=random.random() < 0.2)

    async def _do(self, deed: Deed) -> None:
        self._tell(deed.to_json())
        try:
            stored = await self._store(deed)
            await self._house.log.commit(lambda unit: self._settle(unit, deed, stored), actor=APPLIANCE)
        except CloudConnectError as refusal:
            # What the engine refuses, it refuses before the commit; so does the database when it is full.
            is_sure = refusal.code.startswith("storage.") or refusal.code == "database.full"
            self._tell({"refused": deed.number, "code": refusal.code, "is_sure": is_sure})
        except Exception as error:  # noqa: BLE001 - whatever it is, the rig must hear of it
            self._tell({"stranger": "".join(traceback.format_exception(error))})
        else:
            self._tell({"done": deed.number})
            self._nodes |= deed.puts.keys()
            self._nodes.difference_update(deed.removes)

    async def _collect(self) -> None:
        try:
            found = await asyncio.to_thread(self._house.gc.run, {}, _Unhurried())
        except CloudConnectError as refusal:
            self._tell({"no_gc": refusal.code})
        except Exception as error:  # noqa: BLE001 - as above
            self._tell({"stranger": "".join(traceback.format_exception(error))})
        else:
            self._tell({"gc": found})

    async def _store(self, deed: Deed) -> dict[str, Content]:
        contents = await asyncio.gather(
            *(
                self._house.vault.write(self._space(node), _stream(content(self._run.seed, number)))
                for node, number in deed.puts.items()
            ),
            return_exceptions=True,
        )
        for each in contents:
            if isinstance(each, BaseException):
                raise each
        return dict(zip(deed.puts, contents, strict=True))

    def _settle(self, unit: Unit, deed: Deed, stored: dict[str, Content]) -> None:
        for node in deed.removes:
            unit.sql.execute("DELETE FROM version WHERE node = ?", (node,))
            unit.record(EntryTrashed(subject=node, space=self._space(node)))
        for node, number in deed.puts.items():
            each = stored[node]
            self._house.vault.settle(unit.sql, self._space(node), each)
            if not deed.keeps_old:
                unit.sql.execute("DELETE FROM version WHERE node = ?", (node,))
            unit.record(FileWritten(subject=node, space=self._space(node), size=each.size))
            unit.sql.execute(
                "INSERT INTO version (node, seq, size, sha256, media_type, manifest, content, author, created_ms)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(node, deed.number, each.size, hashlib.sha256(content(self._run.seed, number)).digest()),
                    *(str(number), each.manifest, each.key, self._space(node), unit.now_ms),
                ),
            )

    def _space(self, node: str) -> SpaceId:
        return self._spaces[int(node.partition("/")[0])]


class _Unhurried:
    """Nobody watches or interrupts this."""

    def report(self, done: int, total: int, note: str = "") -> None:
        pass

    def check(self) -> None:
        pass


def _space(number: int) -> SpaceId:
    return SpaceId(f"spc_{number:026d}")


async def _stream(data: bytes) -> AsyncIterator[bytes]:
    yield data


def drive(run: Run, recorder: ctypes.CDLL) -> int:
    """Do *run* in this process; return its exit code."""
    root = Path(run.root)
    journal = root / "journal"
    if not run.deeds:
        _make(root)
        return 0
    recorder.rig_begin(*(str(path).encode() for path in (root, run.trace, journal)))
    if run.fault is not None:
        kind, nth, error, times = run.fault
        recorder.rig_fault(
            ctypes.c_char(kind.encode()), ctypes.c_long(nth), error, ctypes.c_long(times), run.fault_path.encode()
        )
    descriptor = os.open(journal, os.O_WRONLY | os.O_CREAT, 0o600)

    def tell(entry: dict) -> None:
        os.write(descriptor, json.dumps(entry).encode())

    if run.bug:
        bugs.plant(run.bug)
    return asyncio.run(_drive(run, root, tell))


def _make(root: Path) -> None:
    house = Assembled(root)
    house.keyring.add_domain(id_bytes(_space(0)))
    house.close()
    # As in a store in use; making it would make the names of the database's files durable, too.
    make_directory(root / "home" / "packs")


async def _drive(run: Run, root: Path, tell: Callable[[dict], None]) -> int:
    try:
        house = Assembled(root)
        report = house.recover()
    except CloudConnectError as refusal:
        tell({"ended": refusal.code})
        return EXIT_FAILED
    tell({"made": True})
    try:
        await house.start(report)
    except CloudConnectError as refusal:
        tell({"ended": refusal.code})
        await house.stop()
        return EXIT_FAILED
    try:
        await Driver(run, house, tell).work()
    finally:
        await house.stop()
    return EXIT_FAILED if house.has_failed else 0


def _drop(*_: object) -> NoReturn:
    raise structlog.DropEvent  # the errors were ordered


def main() -> None:
    """Answer each line of the input with an exit code."""
    chunker.MINIMUM_BYTES, chunker.MAXIMUM_BYTES = SMALLEST_BYTES, LARGEST_BYTES
    structlog.configure(processors=[_drop])
    recorder = ctypes.CDLL(None)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 1
            try:
                code = drive(Run(**json.loads(line)), recorder)
            except BaseException:  # noqa: BLE001 - the child must end here, whatever happened
                traceback.print_exc()
            finally:
                sys.stderr.flush()
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
