"""The state: couplings and option mappings of the integration, in one database."""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from sqlalchemy import (
    Connection,
    Engine,
    Table,
    bindparam,
    create_engine,
    delete,
    event,
    insert,
    inspect,
    select,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError

from navcrm_recon.errors import SideError
from navcrm_recon.frames import UTC, conform, empty
from navcrm_recon.state.schema import VERSION, coupling, metadata, option_mapping, state_version

_TIMES = ["last_synch_modified_on", "last_synch_crm_modified_on"]


class Store:
    """The state behind an SQLAlchemy URL (SQLite or PostgreSQL).

    Reading never creates anything: a state that is not there yet is empty. The first write
    creates the tables.

    Raises
    ------
    SideError
        The database cannot be opened, or was written by a newer version.
    """

    def __init__(self, url: str) -> None:
        try:
            self._url = make_url(url)
        except (ArgumentError, ValueError):
            # Without its cause, which may show the address and with it a password.
            raise SideError("state.url is not a database address SQLAlchemy can read.") from None
        # Without the query, which may hold a password.
        self.address = self._url.set(query={}).render_as_string(hide_password=True)
        self._opened: Engine | None = None

    def coupling_records(self, mapping: str | None = None) -> pd.DataFrame:
        """Return the couplings of one or all mappings (frame ``coupling_records``), sorted."""
        return self._read(coupling, "coupling_records", mapping, ["mapping", "nav_key", "crm_id"])

    def option_mapping(self, mapping: str | None = None) -> pd.DataFrame:
        """Return the rows of the option mapping (frame ``option_mapping``), sorted."""
        return self._read(option_mapping, "option_mapping", mapping, ["mapping", "nav_key"])

    def save_couplings(self, records: pd.DataFrame) -> None:
        """Write couplings (frame ``coupling_records``); a pair that is there is replaced."""
        naive = {name: records[name].dt.tz_convert(None) for name in _TIMES}
        self._replace(coupling, records.assign(**naive))

    def save_option_mapping(self, rows: pd.DataFrame) -> None:
        """Write rows of the option mapping (frame ``option_mapping``), replacing by record."""
        self._replace(option_mapping, rows)

    def _read(
        self, table: Table, schema: str, mapping: str | None, order: list[str]
    ) -> pd.DataFrame:
        query = select(table)
        if mapping is not None:
            query = query.where(table.c.mapping == mapping)
        with self._reporting():
            if not self._there():
                return empty(schema)
            with self._engine().connect() as connection:
                rows = connection.execute(query).all()
        frame = pd.DataFrame(rows, columns=[column.name for column in table.columns])
        for name in frame.columns.intersection(_TIMES):
            frame[name] = pd.to_datetime(frame[name], utc=True).astype(UTC)
        return conform(frame, schema).sort_values(order, ignore_index=True)

    def _replace(self, table: Table, frame: pd.DataFrame) -> None:
        if frame.empty:
            return
        columns = [column.name for column in table.columns]
        values = frame[columns].astype(object).where(frame[columns].notna(), None)
        rows: list[dict[str, object]] = [
            dict(zip(columns, row, strict=True)) for row in values.itertuples(index=False)
        ]
        with self._reporting():
            there = self._there()
            with self._engine().begin() as connection:
                if not there:
                    metadata.create_all(connection)
                    connection.execute(insert(state_version), {"version": VERSION})
                _delete(connection, table, rows)
                connection.execute(insert(table), rows)

    def _there(self) -> bool:
        """Say whether there is a state, without making one."""
        path = self._url.database if self._url.get_backend_name() == "sqlite" else None
        if path and not Path(path).exists():
            if not Path(path).parent.is_dir():
                raise SideError(
                    f"There is no folder {Path(path).parent} for the state. Correct state.url in "
                    "the workspace file; relative paths are relative to it."
                )
            return False
        if not inspect(self._engine()).has_table(state_version.name):
            return False
        with self._engine().connect() as connection:
            version = connection.execute(select(state_version.c.version)).scalar()
        if version is None or version > VERSION:
            raise SideError(
                f"The state {self.address} has version {version}; this package reads {VERSION}. "
                "Install the version of navcrm_recon that wrote it, or a newer one."
            )
        return True

    def _engine(self) -> Engine:
        if self._opened is None:
            self._opened = create_engine(self._url)
            weakref.finalize(self, self._opened.dispose)
            if self._opened.dialect.name == "sqlite":
                event.listen(self._opened, "connect", _wait_for_locks)
        return self._opened

    @contextmanager
    def _reporting(self) -> Iterator[None]:
        """Say what is wrong with the state when its database does not answer."""
        try:
            yield
        except (SQLAlchemyError, ImportError) as exc:
            raise self._unreadable(exc) from exc

    def _unreadable(self, exc: Exception) -> SideError:
        cause = str(getattr(exc, "orig", None) or exc).splitlines()[0]
        return SideError(
            f"The state {self.address} cannot be used: {cause}. "
            "Check state.url in the workspace file."
        )


def _wait_for_locks(connection: object, _record: object) -> None:
    connection.execute("PRAGMA busy_timeout = 30000")  # type: ignore[attr-defined]


def _delete(connection: Connection, table: Table, rows: list[dict[str, object]]) -> None:
    keys = [column.name for column in table.primary_key.columns]
    condition = [table.c[name] == bindparam(f"key_{name}") for name in keys]
    connection.execute(
        delete(table).where(*condition),
        [{f"key_{name}": row[name] for name in keys} for row in rows],
    )
