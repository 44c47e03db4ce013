"""The database of the state: opening it, transactions, frames in and out."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pandas as pd
from sqlalchemy import (
    URL,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    select,
    text,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from navcrm_recon.errors import SideError
from navcrm_recon.frames import SCHEMAS, conform, empty
from navcrm_recon.state.locks import Locks, database_file
from navcrm_recon.state.migrations import since, upgrade, version_of
from navcrm_recon.state.rows import chunks, replacing, rows_of
from navcrm_recon.state.schema import VERSION

#: Marks a connection that is opened for writing.
_WRITING = "navcrm_recon_writing"
#: Rows of a frame that are written at once.
_PART = 20_000


class Database:
    """The state behind an SQLAlchemy URL (SQLite or PostgreSQL).

    Reading never creates or changes anything: a state that is not there yet is empty, and what an
    older version did not have is blank. The first write makes the tables, or brings them up to
    date.

    Raises
    ------
    SideError
        The database cannot be opened, or was written by a newer version.
    """

    def __init__(self, url: str | URL) -> None:
        try:
            self._url = make_url(url)
            backend = self._url.get_backend_name()
        except (ArgumentError, ValueError):
            # Without its cause, which may show the address and with it a password.
            raise SideError("state.url is not a database address SQLAlchemy can read.") from None
        if backend not in ("sqlite", "postgresql"):
            raise SideError(
                f"state.url is a database of the kind {backend}; the state is kept in SQLite or "
                "PostgreSQL."
            )
        # Without the query, which may hold a password.
        self.address = self._url.set(query={}).render_as_string(hide_password=True)
        self._opened: Engine | None = None
        self._open = threading.local()
        self._locks = Locks(self._url, self.address)

    @property
    def url(self) -> URL:
        """The address, with its password: for another store of the same state."""
        return self._url

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Make all calls inside one transaction: they are kept together, or none of them is.

        A transaction inside another joins it. In SQLite others who write wait until it ends, so
        nothing slow belongs inside. What is read and then written needs the mapping's lock: in
        PostgreSQL others may write in between.
        """
        with self._writing():
            yield

    def lock(self, mapping: str, timeout: float = 600) -> AbstractContextManager[None]:
        """Hold the lock of a mapping while the context lasts; wait for another who holds it.

        Among all processes that use this state there is one holder per mapping. The lock ends
        with its process, however that ends. It may be taken again by the thread that has it.

        Raises
        ------
        SideError
            Someone else still holds it after ``timeout`` seconds; the message says who.
        """
        return self._locks.hold(mapping, timeout)

    def _fetch(
        self,
        table: Table,
        *conditions: ColumnElement[bool],
        order: Sequence[ColumnElement[Any]] = (),
    ) -> pd.DataFrame:
        """Return rows of a table as the frame its ``info`` names."""
        frame = table.info["frame"]
        with self._reporting(), self._reading() as (connection, version):
            columns = [
                column
                for column in table.columns
                if column.name in SCHEMAS[frame] and since(table) <= version >= since(column)
            ]
            rows: Sequence[Any] = []
            if connection is not None and columns:
                query = select(*columns).where(*conditions).order_by(*order)
                rows = connection.execute(query).all()
        if not rows:
            return empty(frame)
        # As plain tuples: pandas looks long at every row of another kind.
        found = pd.DataFrame(map(tuple, rows), columns=[column.name for column in columns])
        return conform(found, frame)

    def _fetch_among(
        self,
        table: Table,
        column: Column[str],
        values: Iterable[str],
        *conditions: ColumnElement[bool],
    ) -> pd.DataFrame:
        """Return the rows whose column has one of some values, reading no others."""
        with self._reporting(), self._reading() as (_, version):
            if version < since(column):
                return empty(table.info["frame"])
            parts = [
                self._fetch(table, column.in_(part), *conditions)
                for part in chunks(dict.fromkeys(values))
            ]
        return pd.concat(parts, ignore_index=True) if parts else empty(table.info["frame"])

    def _save(self, table: Table, frame: pd.DataFrame) -> None:
        """Write a frame; a row that is there (by primary key or ``key``) is replaced."""
        frame = conform(frame, table.info["frame"])
        if len(frame):
            with self._writing() as connection, self._reporting():
                statement = replacing(table, connection.dialect.name)
                # In parts, as rows take many times the room of a frame.
                for start in range(0, len(frame), _PART):
                    part = frame.iloc[start : start + _PART]
                    connection.execute(statement, rows_of(part, table))

    def _count(self, table: Table) -> None:
        """Let PostgreSQL count a table that grew; else it reads all of it to find a few rows."""
        if self._url.get_backend_name() == "postgresql":
            with self._writing() as connection, self._reporting():
                name = connection.dialect.identifier_preparer.format_table(table)
                connection.execute(text(f"ANALYZE {name}"))

    def _remove(self, table: Table, frame: pd.DataFrame) -> None:
        """Delete the rows that a frame names by their primary key."""
        keys = [column.name for column in table.primary_key.columns]
        condition = [table.c[name] == bindparam(f"key_{name}") for name in keys]
        rows = [
            {f"key_{name}": value for name, value in zip(keys, row, strict=True)}
            for row in frame[keys].itertuples(index=False)
        ]
        if rows:
            with self._writing() as connection, self._reporting():
                connection.execute(delete(table).where(*condition), rows)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """Give the connection of the transaction that is open, or of one of its own."""
        inside: Connection | None = getattr(self._open, "writer", None)
        if inside is not None:
            yield inside
            return
        self._exists()
        self._locks.check()
        with self._reporting():
            connection = self._engine().connect().execution_options(**{_WRITING: True})
        try:
            with self._reporting():
                if self._version(connection) < VERSION:
                    upgrade(connection)
            self._open.writer = connection
            yield connection
            with self._reporting():
                connection.commit()
        finally:
            self._open.writer = None
            # What was not committed is undone.
            connection.close()

    @contextmanager
    def _reading(self) -> Iterator[tuple[Connection | None, int]]:
        """Give a connection and the version of the state; None and 0 where there is no state."""
        writer: Connection | None = getattr(self._open, "writer", None)
        reader: tuple[Connection | None, int] | None = getattr(self._open, "reader", None)
        if writer is not None:
            yield writer, VERSION
        elif reader is not None:
            yield reader
        elif not self._exists():
            yield None, 0
        else:
            with self._engine().connect() as connection:
                version = self._version(connection)
                self._open.reader = (connection, version)
                try:
                    yield connection, version
                finally:
                    self._open.reader = None

    def _exists(self) -> bool:
        """Say whether there may be a state, without making a file."""
        path = database_file(self._url)
        if path is not None and not path.parent.is_dir():
            raise SideError(
                f"There is no folder {path.parent} for the state. Correct state.url in "
                "the workspace file; relative paths are relative to it."
            )
        return path is None or path.exists()

    def _version(self, connection: Connection) -> int:
        """Return the version of the state, 0 where there is none; refuse a newer one."""
        version = version_of(connection)
        if version > VERSION:
            raise SideError(
                f"The state {self.address} has version {version}; this package reads {VERSION}. "
                "Install the version of navcrm_recon that wrote it, or a newer one."
            )
        return version

    def _engine(self) -> Engine:
        if self._opened is None:
            self._opened = create_engine(self._url)
            weakref.finalize(self, self._opened.dispose)
            if self._opened.dialect.name == "sqlite":
                event.listen(self._opened, "connect", _prepare)
                event.listen(self._opened, "begin", _begin)
        return self._opened

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Say what is wrong with the state when its database does not answer."""
        try:
            yield
        except (SQLAlchemyError, ImportError) as exc:
            cause = str(getattr(exc, "orig", None) or exc).splitlines()[0]
            raise SideError(
                f"The state {self.address} cannot be used: {cause}. "
                "Check state.url in the workspace file."
            ) from exc


def _prepare(connection: Any, _record: object) -> None:
    """Wait for others who write, and leave beginning a transaction to ``_begin``."""
    connection.isolation_level = None
    connection.execute("PRAGMA busy_timeout = 60000")


def _begin(connection: Connection) -> None:
    """Begin; a transaction that will write takes its turn now, not after it has read.

    Two that have read and then want to write would wait for each other for ever.
    """
    writing = connection.get_execution_options().get(_WRITING, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")
