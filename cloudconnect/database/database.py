"""The database of an appliance: who may read, who writes, and which schema it has."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import peewee

from cloudconnect.database import engines
from cloudconnect.database.check import OK, FileCheck
from cloudconnect.database.connection import Connection
from cloudconnect.database.errors import corrupt, refusal_for
from cloudconnect.database.writer import Ledger, Writer
from cloudconnect.ports.sql import Sql

Result = TypeVar("Result")


class Database:
    """One writer and a pool of readers over SQLite or PostgreSQL."""

    def __init__(self, writer: peewee.Database, reader: peewee.Database, home: Path | None, readers: int) -> None:
        self._writer_engine = writer
        self._reader_engine = reader
        self._home = home
        self._readers = ThreadPoolExecutor(readers, thread_name_prefix="reader")
        self._reading = Connection(reader)
        self._open: list[Any] = []
        self._schema = ""
        self._checked = ""
        self._check = None if home is None else FileCheck(home)

    @property
    def name(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return "sqlite" if self._home is not None else "postgresql"

    @property
    def file(self) -> Path | None:
        """The file of an SQLite database, None for a server."""
        return None if self._home is None else self._home / engines.FILE_NAME

    def migrate(self, target: str | None = None) -> None:
        """Bring the schema forward to the one this release was written for, or only to the migration *target*.

        Raises:
            NewerSchema: the data was written by a newer release.
            Unavailable: the database cannot be opened.
        """
        from cloudconnect.database.schema import migrate  # noqa: PLC0415 - most programs find the schema as it should be

        try:
            self._schema = migrate(self._writer_engine, target)
        except UnicodeDecodeError as error:
            raise corrupt() from error
        except Exception as error:
            refusal = refusal_for(error)
            if refusal is None:
                raise
            raise refusal from error
        finally:
            self._writer_engine.close()

    def schema_version(self) -> str:
        """Return the number of the newest migration."""
        return self._schema

    @property
    def checked(self) -> str:
        """What the last check found: ``ok``, what is wrong, or empty as long as none has ended."""
        return self._checked

    async def check(self, *, is_full: bool = False) -> str:
        """Verify the file of an SQLite database in a thread of its own, and return what was found.

        A server looks after its files itself, so ``ok`` is the answer there.
        """
        self._checked = OK if self._check is None else await asyncio.to_thread(self._check.run, is_full=is_full)
        return self._checked

    def memory_bytes(self) -> int:
        """Return what SQLite holds in this process, 0 where a server keeps the database."""
        return 0 if self._home is None else engines.sqlite_memory_bytes()

    def stop_check(self) -> None:
        """Have a check that is under way end at once, without a finding."""
        if self._check is not None:
            self._check.stop()

    async def read(self, ask: Callable[[Sql], Result]) -> Result:
        """Return what *ask* finds in one consistent snapshot, on a reader's thread.

        Raises:
            Unavailable: the database does not answer.
        """
        return await asyncio.get_running_loop().run_in_executor(self._readers, self.read_now, ask)

    async def look(self, ask: Callable[[Sql], Result]) -> Result:
        """Return what *ask* finds by looking up a few rows.

        Where the database is a file this happens at once, on the calling thread: handing it to a reader's thread and
        back would take longer than the look-up. What may read many rows belongs into ``read``.

        Raises:
            Unavailable: the database does not answer.
        """
        return await self.read(ask) if self._home is None else self.read_now(ask)

    def read_now(self, ask: Callable[[Sql], Result]) -> Result:
        """Return what *ask* finds in one consistent snapshot, on the calling thread.

        Raises:
            Unavailable: the database does not answer.
        """
        engine = self._reader_engine
        try:
            self._begin_reading()
            try:
                return ask(self._reading)
            finally:
                engine.rollback()
        except peewee.PeeweeException as error:
            engine.close()
            refusal = refusal_for(error)
            if refusal is None:
                raise
            raise refusal from error

    def _begin_reading(self) -> None:
        engine = self._reader_engine
        if not engine.is_closed():
            try:
                self._reading.control("BEGIN")
            except peewee.PeeweeException:
                # The server was started again since this connection was last used.
                engine.close()
            else:
                return
        engine.connect()
        self._open.append(engine.connection())  # type: ignore[no-untyped-call]  # peewee's stubs leave it open
        self._reading.control("BEGIN")

    def fill(self, change: Callable[[Sql], None]) -> None:
        """Run *change*, which brings rows with their numbers, in one transaction while nothing else writes."""
        engine = self._writer_engine
        engine.connect()
        try:
            with engine.atomic():
                change(Connection(engine))
                if self._home is None:
                    engines.renumber(engine)
        finally:
            engine.close()

    def open_writer(self, ledger: Ledger, on_fatal: Callable[[], None], on_full: Callable[[], bool]) -> Writer:
        """Return the writer, not started yet; there is one for each database.

        *on_full* is called when its disk is full, and returns whether it has made room for another try.
        """
        home = self._home

        def settle() -> None:
            if home is not None:
                engines.settle_directory(home)

        return Writer(self._writer_engine, ledger, after_first_commit=settle, on_fatal=on_fatal, on_full=on_full)

    def close(self) -> None:
        """End the readers and close their connections; the writer is stopped by its owner before."""
        self._readers.shutdown(wait=True)
        for connection in self._open:
            connection.close()
        self._open.clear()


def open_database(url: str, home: Path, *, readers: int = 4) -> Database:
    """Return the database at *url*: ``sqlite:`` for a file in *home*, or ``postgresql://…``.

    Raises:
        Unavailable: the library of the engine is missing or unsafe.
    """
    if url.startswith("sqlite:"):
        writer = engines.open_sqlite(home, is_writer=True)
        return Database(writer, engines.open_sqlite(home, is_writer=False), home, readers)
    return Database(
        engines.open_postgresql(url, is_writer=True), engines.open_postgresql(url, is_writer=False), None, readers
    )
