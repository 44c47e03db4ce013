"""One holder per mapping among all processes that use a state.

The lock is one the operating system or the server lets go of when its holder dies: an exclusive
transaction on a file of its own beside an SQLite state, an advisory lock of a session of its own
in PostgreSQL.
"""

from __future__ import annotations

import hashlib
import os
import re
import socket
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from sqlalchemy import URL, Connection, NullPool, create_engine, text
from sqlalchemy.exc import SQLAlchemyError

from navcrm_recon.errors import BusyError, SideError

#: Seconds between two attempts.
_PAUSE = 0.1


class _Lock(Protocol):
    def acquire(self) -> bool:
        """Try once to take the lock."""

    def release(self) -> None: ...

    def holder(self) -> str:
        """Say who holds it; blank where that is not known."""

    def check(self) -> None:
        """Raise an SQLAlchemyError when the lock was lost."""


@dataclass
class _Held:
    lock: _Lock
    thread: threading.RLock = field(default_factory=threading.RLock)
    depth: int = 0


class Locks:
    """The locks of one state."""

    def __init__(self, url: URL, address: str) -> None:
        self._url = url
        self._address = address
        self._known: dict[str, _Held] = {}
        self._guard = threading.Lock()

    @contextmanager
    def hold(self, mapping: str, timeout: float) -> Iterator[None]:
        """Hold the lock of a mapping (``Database.lock``)."""
        end = time.monotonic() + timeout
        with self._guard:
            if mapping not in self._known:
                self._known[mapping] = _Held(_lock(self._url, mapping))
            held = self._known[mapping]
        if not held.thread.acquire(timeout=max(timeout, 0)):
            raise self._busy(mapping, timeout, "another thread of this process")
        try:
            while not held.depth and not self._tried(held.lock):
                if time.monotonic() >= end:
                    raise self._busy(mapping, timeout, held.lock.holder())
                time.sleep(_PAUSE)
            held.depth += 1
            try:
                yield
            finally:
                held.depth -= 1
        finally:
            if not held.depth:
                held.lock.release()
            held.thread.release()

    def check(self) -> None:
        """Refuse to go on when a lock was lost, as others may hold it by now.

        Raises
        ------
        SideError
            The server ended the session that held it.
        """
        for mapping, held in list(self._known.items()):
            try:
                if held.depth:
                    held.lock.check()
            except SQLAlchemyError as exc:
                raise SideError(
                    f"The lock of the mapping '{mapping}' in the state {self._address} was lost: "
                    "the server ended its session. Nothing more was written; run again.",
                    mapping=mapping,
                ) from exc

    def _tried(self, lock: _Lock) -> bool:
        try:
            return lock.acquire()
        except (SQLAlchemyError, ImportError, sqlite3.Error, OSError) as exc:
            cause = str(getattr(exc, "orig", None) or exc).splitlines()[0]
            raise SideError(
                f"The state {self._address} cannot be locked: {cause}. "
                "Check state.url in the workspace file, and the rights on its folder."
            ) from exc

    def _busy(self, mapping: str, timeout: float, holder: str) -> BusyError:
        by = f" by {holder}" if holder else ""
        return BusyError(
            f"The mapping '{mapping}' is being synchronised{by}, and still was after "
            f"{timeout:g} seconds. Run again when that has ended.",
            mapping=mapping,
        )


def database_file(url: URL) -> Path | None:
    """Return the file of an SQLite state; None for a server and for a database in memory."""
    name = url.database if url.get_backend_name() == "sqlite" else None
    return Path(name) if name and name != ":memory:" else None


def _lock(url: URL, mapping: str) -> _Lock:
    if url.get_backend_name() == "postgresql":
        return _SessionLock(url, mapping)
    path = database_file(url)
    return _FileLock(path, mapping) if path else _NoLock()


def _digest(*parts: str) -> bytes:
    return hashlib.sha256("\0".join(parts).encode()).digest()


def _me() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


class _NoLock:
    """A database in memory has no other users; its threads wait for each other in ``Locks``."""

    def acquire(self) -> bool:
        return True

    def release(self) -> None:
        pass

    def holder(self) -> str:
        return ""

    def check(self) -> None:
        pass


class _FileLock:
    """An exclusive transaction on a file in ``<state>.locks``; who holds it stands beside it."""

    def __init__(self, state: Path, mapping: str) -> None:
        # Readable, and different for names that differ in other characters or in case only.
        name = re.sub(r"[^A-Za-z0-9]+", "_", mapping)[:40] + "-" + _digest(mapping).hex()[:8]
        state = state.resolve()
        self._path = state.with_name(f"{state.name}.locks") / f"{name}.lock"
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> bool:
        self._path.parent.mkdir(exist_ok=True)
        connection = sqlite3.connect(
            self._path, timeout=0, isolation_level=None, check_same_thread=False
        )
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as exc:
            connection.close()
            if exc.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                return False
            raise
        self._connection = connection
        self._path.with_suffix(".holder").write_text(_me(), encoding="utf-8")
        return True

    def release(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def holder(self) -> str:
        try:
            return self._path.with_suffix(".holder").read_text(encoding="utf-8")
        except OSError:
            return ""

    def check(self) -> None:
        pass


class _SessionLock:
    """An advisory lock of a session of its own, whose application name says who it is."""

    def __init__(self, url: URL, mapping: str) -> None:
        self._engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
        self._mapping = mapping
        self._connection: Connection | None = None
        self._key = 0

    def acquire(self) -> bool:
        if self._connection is None:
            self._connection = self._session()
        query = text("SELECT pg_try_advisory_lock(:key)")
        return bool(self._connection.execute(query, {"key": self._key}).scalar())

    def _session(self) -> Connection:
        connection = self._engine.connect()
        name = text("SELECT set_config('application_name', :name, false)")
        connection.execute(name, {"name": _me()[:63]})
        # A database may hold several states, each in a schema of its own.
        schema = connection.execute(text("SELECT current_schema()")).scalar() or ""
        self._key = int.from_bytes(_digest(schema, self._mapping)[:8], "big", signed=True)
        return connection

    def release(self) -> None:
        if self._connection is not None:
            # The session ends, and the lock with it.
            self._connection.close()
            self._connection = None

    def holder(self) -> str:
        if self._connection is None:
            return ""
        query = text(
            "SELECT application_name FROM pg_locks JOIN pg_stat_activity USING (pid) "
            "WHERE locktype = 'advisory' AND granted AND objsubid = 1 "
            "AND classid::bigint = :high AND objid::bigint = :low "
            "AND pg_locks.database = "
            "(SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        key = {"high": self._key >> 32 & 0xFFFFFFFF, "low": self._key & 0xFFFFFFFF}
        return self._connection.execute(query, key).scalar() or ""

    def check(self) -> None:
        if self._connection is not None:
            self._connection.execute(text("SELECT 1"))
