"""Count what a program asks of its databases: statements, rows fetched and written, work done."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

#: SQLite calls back after so many instructions of its virtual machine.
_INSTRUCTIONS = 100


@dataclass
class Cost:
    """What was asked of the databases.

    ``work``: what they did for it, so that reading a whole table to find a few rows shows:
    SQLite's instructions in thousands, the rows PostgreSQL went through.
    """

    statements: int = 0
    fetched: int = 0
    written: int = 0
    work: float = 0


@contextmanager
def counting(url: str) -> Iterator[Cost]:
    """Count what every connection opened meanwhile is used for.

    Parameters
    ----------
    url
        A database; where it is PostgreSQL, all that is done must be done in its schema.
    """
    cost = Cost()
    listeners: list[tuple[str, Callable[..., None]]] = [
        ("connect", lambda connection, _: _listen(connection, cost)),
        ("after_cursor_execute", lambda *sent: _executed(cost, sent)),
    ]
    server = sa.create_engine(url, poolclass=sa.NullPool) if url.startswith("postgresql") else None
    before = _rows_gone_through(server)
    for name, listener in listeners:
        sa.event.listen(sa.Engine, name, listener)
    try:
        yield cost
    finally:
        for name, listener in listeners:
            sa.event.remove(sa.Engine, name, listener)
    cost.work += _rows_gone_through(server) - before


def _listen(connection: Any, cost: Cost) -> None:
    """Let a connection of either driver count the rows it gives."""

    def fetched() -> None:
        cost.fetched += 1

    if hasattr(connection, "set_progress_handler"):

        def row_of_sqlite(_: Any, row: Sequence[Any]) -> Sequence[Any]:
            fetched()
            return row

        def worked() -> None:
            cost.work += _INSTRUCTIONS / 1000

        connection.row_factory = row_of_sqlite
        connection.set_progress_handler(worked, _INSTRUCTIONS)
        return
    usual = connection.row_factory

    def row_of_postgresql(cursor: Any) -> Callable[[Sequence[Any]], Any]:
        make = usual(cursor)

        def counted(values: Sequence[Any]) -> Any:
            fetched()
            return make(values)

        return counted

    connection.row_factory = row_of_postgresql


def _executed(cost: Cost, sent: Sequence[Any]) -> None:
    cursor, statement = sent[1], sent[2]
    cost.statements += 1
    if statement.lstrip()[:6].upper() in ("INSERT", "UPDATE", "DELETE"):
        cost.written += max(cursor.rowcount, 0)


def _rows_gone_through(server: sa.Engine | None) -> int:
    """Return how many rows of the schema PostgreSQL has gone through so far; 0 elsewhere."""
    if server is None:
        return 0
    gc.collect()  # closes what nobody uses: a session counts for all when it ends
    others = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    read = sa.text(
        "SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0) "
        "FROM pg_stat_user_tables WHERE schemaname = current_schema()"
    )
    end = time.monotonic() + 10
    while time.monotonic() < end:
        with server.connect() as connection:
            if not connection.execute(others).scalar():
                return int(connection.execute(read).scalar() or 0)
        time.sleep(0.05)
    raise TimeoutError("Someone is still at work in the database.")
