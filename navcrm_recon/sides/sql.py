"""A side in a SQL database: SQLite, PostgreSQL, and SQL Server for reading."""

from __future__ import annotations

import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa

from navcrm_recon.catalog.model import Catalog, Condition, Option, SideName, Table
from navcrm_recon.errors import ConfigError, DataError, ReadOnlyError, SideError, examples, shorten
from navcrm_recon.frames import empty
from navcrm_recon.sides import option_sets, records
from navcrm_recon.sides.columns import ARROW, from_python, typed
from navcrm_recon.sides.record_id import decode
from navcrm_recon.sides.sql_read import ExactSum, Find, Narrow, duplicates, pushed, select_rows
from navcrm_recon.sides.sql_schema import Physical, reflected
from navcrm_recon.sides.sql_stamps import changed_since, in_portions, of_records, together
from navcrm_recon.sides.sql_tables import (
    DEFAULT_INVALID_CHARACTERS,
    PROPERTY_COLUMN,
    PROPERTY_TABLE,
)
from navcrm_recon.sides.sql_transaction import Transaction
from navcrm_recon.sides.sql_write import write_records
from navcrm_recon.sides.stamps import crm_stamps, nav_stamps
from navcrm_recon.sides.writing import Write, Written

_ROWS_AT_ONCE = 50_000
_KEYS_AT_ONCE = 500
#: Beyond so many keys the table is read as a whole.
_MANY_KEYS = 20_000
_WRITABLE = ("sqlite", "postgresql")
_SECONDS_TO_WAIT = 60

Columns = dict[str, pa.Array]


class SqlSide:
    """A side in a SQL database (``side.Side``).

    ``engine`` is for those who write; reading opens a connection per call.
    """

    def __init__(self, name: SideName, url: str, *, company: str, catalog: Catalog) -> None:
        self.name = name
        self.company = company
        self.engine = _engine(name, url)
        weakref.finalize(self, self.engine.dispose)
        self.dialect = self.engine.dialect.name
        self.writable = self.dialect in _WRITABLE
        # Without the query, which may hold a password or a whole connection string.
        self.address = self.engine.url.set(query={}).render_as_string(hide_password=True)
        self._catalog = catalog
        self._numbered = {table.id: table for table in catalog.nav.values() if table.id}
        self._physical: dict[str, Physical] = {}
        self._invalid_characters: str | None = None

    def describe(self) -> dict[str, str]:
        """Say what this is: ``kind``, ``address``, ``version``."""
        with self._connection() as connection:
            sa.inspect(connection).get_table_names()  # a file may be something else
            version = self.engine.dialect.server_version_info or ()
        numbers = ".".join(str(part) for part in version)
        return {"kind": "sql", "address": self.address, "version": f"{self.dialect} {numbers}"}

    def read(
        self,
        table: Table,
        columns: Sequence[str],
        where: Sequence[Condition] = (),
        keys: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Read rows as a record frame, sorted by key (``side.Side.read``)."""
        return self._read(table, columns, where, keys)

    def _read(
        self,
        table: Table,
        columns: Sequence[str],
        where: Sequence[Condition] = (),
        keys: Sequence[str] | None = None,
        narrow: Narrow | None = None,
    ) -> pd.DataFrame:
        records.check_columns(table, [*columns, *(condition.field for condition in where)])
        with self._connection(table) as connection:
            find = self._finder(connection)
            late = [each for each in where if not pushed(find(table), each)]
            names = list(dict.fromkeys([*table.key, *columns, *(each.field for each in late)]))
            parts = []
            for some in _portions(keys):
                found = self._rows(connection, table, names, where, some, narrow)
                found[""] = records.keys(table, found)
                found = records.with_keys(found, keys if some is None else some)
                parts.append(records.meets(table, found, late))
        rows = {name: pa.concat_arrays([part[name] for part in parts]) for name in [*names, ""]}
        rows = records.in_order(rows)
        _check_keys(table, rows[""])
        return records.frame(table, rows, columns)

    def available(self, table: Table) -> frozenset[str]:
        """Return the columns of a table that are there (``side.Side.available``)."""
        flows = [name for name, column in table.columns.items() if column.flow]
        with self._connection(table) as connection:
            try:
                return frozenset([*self._finder(connection)(table).columns, *flows])
            except SideError:
                return frozenset()

    def stamps(
        self, table: Table, keys: Sequence[str] | None = None, since: datetime | None = None
    ) -> pd.DataFrame:
        """Say when the records last changed: frame ``stamps`` (``side.Side.stamps``)."""

        def later(column: str) -> Narrow | None:
            return None if since is None else changed_since(column, since)

        def of_entity(
            entity: Table, names: Sequence[str], where: Sequence[Condition]
        ) -> pd.DataFrame:
            return self._read(entity, names, where, keys, later(entity.modified_on or ""))

        def of_nav(stamps: Table, names: Sequence[str], where: Sequence[Condition]) -> pd.DataFrame:
            def some(wanted: Sequence[str] | None) -> pd.DataFrame:
                own = None if wanted is None else of_records(table, wanted)
                narrow = together(own, later("Modified On"))
                return self._read(stamps, names, where, narrow=narrow)

            return in_portions(some, keys, at_once=_KEYS_AT_ONCE, many=_MANY_KEYS)

        if self.name == "nav":
            return nav_stamps(of_nav, self._catalog, table, keys, since)
        return crm_stamps(of_entity, table, keys, since)

    def write(
        self, table: Table, writes: Sequence[Write], *, now: datetime, by: str
    ) -> list[Written]:
        """Write records in one transaction (``side.Side.write``)."""
        if not self.writable:
            raise ReadOnlyError(
                f"The {self.name} side, {self.address}, is only read: nothing of {table.name} was "
                "written. SQLite and PostgreSQL can be written."
            )
        if not writes:
            return []
        with self._connection(table, "written") as connection:
            if self.dialect == "sqlite":
                # Waits for other writers here, where nothing was read yet that could change.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            tx = Transaction(
                self.name,
                self._catalog,
                connection,
                self._finder(connection),
                self._typed,
                now.astimezone(UTC),
                by,
            )
            done = write_records(tx, table, writes)
            connection.commit()
        return done

    def option_set(self, entity: str, attribute: str) -> tuple[Option, ...] | None:
        """Return the options ``stringmap`` has for an attribute, None where there is none."""
        if self.name == "nav":
            return None
        where = option_sets.of_attribute(entity, attribute)
        table = self._catalog.crm[option_sets.STRINGMAP]
        with self._connection(table) as connection:
            if not sa.inspect(connection).has_table(table.name):
                return None
            rows = self._rows(connection, table, option_sets.COLUMNS, where, None)
        return option_sets.options(rows, entity, attribute, self._catalog)

    def left_out(self, table: Table) -> frozenset[str]:
        """Return nothing: a database with a key that is blank or there twice is an error."""
        return frozenset()

    def not_checked(self) -> pd.DataFrame:
        """Return no rows: what a database lacks is an error (contract 3)."""
        return empty("not_checked")

    @contextmanager
    def _connection(
        self, table: Table | None = None, done: str = "read"
    ) -> Iterator[sa.Connection]:
        try:
            with self.engine.connect() as connection:
                yield connection
        except (sa.exc.DBAPIError, sa.exc.NoSuchTableError, UnicodeDecodeError) as exc:
            reason = str(getattr(exc, "orig", None) or exc).strip().split("\n")[0]
            what = f" ({table.name})" if table else ""
            raise SideError(
                f"The {self.name} side, {self.address}, cannot be {done}{what}: {shorten(reason)}. "
                "Check the address in the workspace file, and that the database is up."
            ) from exc

    def _finder(self, connection: sa.Connection) -> Find:
        inspector = sa.inspect(connection)

        def find(table: Table) -> Physical:
            if table.name not in self._physical:
                found = reflected(
                    inspector,
                    table,
                    company=self.company,
                    invalid_characters=self._invalid(connection, inspector),
                )
                if not found.keyed:
                    _check_unique(connection, found)
                self._physical[table.name] = found
            return self._physical[table.name]

        return find

    def _invalid(self, connection: sa.Connection, inspector: sa.Inspector) -> str:
        """Return the characters this NAV database writes as ``_`` in names (connectors C.1)."""
        if self._invalid_characters is None:
            found = None
            if self.name == "nav" and inspector.has_table(PROPERTY_TABLE):
                column: sa.ColumnClause[str] = sa.column(PROPERTY_COLUMN)
                found = connection.scalar(sa.select(column).select_from(sa.table(PROPERTY_TABLE)))
            self._invalid_characters = DEFAULT_INVALID_CHARACTERS if found is None else found
        return self._invalid_characters

    def _rows(
        self,
        connection: sa.Connection,
        table: Table,
        names: Sequence[str],
        where: Sequence[Condition],
        keys: Sequence[str] | None,
        narrow: Narrow | None = None,
    ) -> Columns:
        statement = select_rows(
            table,
            names,
            where,
            keys,
            find=self._finder(connection),
            tables=self._catalog.tables(self.name),
            narrow=narrow,
        )
        result = connection.execution_options(stream_results=True).execute(statement)
        chunks = [self._typed(table, names, rows) for rows in result.partitions(_ROWS_AT_ONCE)]
        return {
            name: pa.concat_arrays([chunk[name] for chunk in chunks])
            if chunks
            else pa.array([], ARROW[table.columns[name].kind])
            for name in names
        }

    def _typed(self, table: Table, names: Sequence[str], rows: Sequence[Any]) -> Columns:
        raw = dict(zip(names, zip(*rows, strict=True), strict=True))
        found: Columns = {}
        for name, values in raw.items():
            array = from_python(values)
            column = table.columns[name]
            found[name], bad = typed(array, column, nav=self.name == "nav", tables=self._numbered)
            if bad is not None:
                raise self._wrong(table, name, raw, pc.index(bad, True).as_py())
        return found

    def _wrong(
        self, table: Table, name: str, raw: Mapping[str, Sequence[Any]], row: int
    ) -> DataError:
        value, column = raw[name][row], table.columns[name]
        record = ", ".join(_shown(raw[part][row]) for part in table.key if part in raw)
        reason = ""
        if column.kind == "record_id":
            try:
                decode(value, self._numbered)
            except DataError as exc:
                reason = f" {exc}"
        return DataError(
            f"{table.name} {record}, '{name}': found {_shown(value)}, which is no {column.kind}."
            f"{reason or ' Correct the value, or the type of the column.'}",
            record=record,
            field=name,
            value=value,
        )


def _shown(value: object) -> str:
    text = f"0x{value.hex().upper()}" if isinstance(value, bytes) else str(value)
    return shorten(text) if not isinstance(value, str) else f"'{shorten(text)}'"


def _engine(side: SideName, url: str) -> sa.Engine:
    try:
        engine = sa.create_engine(url, connect_args=_connect_args(sa.make_url(url)))
    except (sa.exc.NoSuchModuleError, ImportError) as exc:
        raise ConfigError(
            f"{side}.url: the driver for the database is not installed ({shorten(exc)}). Install "
            "the package with the extra 'postgres' or 'sqlserver'."
        ) from exc
    except (sa.exc.ArgumentError, ValueError):
        # Without its cause, which may show the address and with it a password.
        raise ConfigError(
            f"{side}.url: this is no SQLAlchemy URL, such as sqlite:///nav.db or "
            "postgresql+psycopg://user@host/database."
        ) from None
    if engine.dialect.name == "sqlite":
        _check_file(engine.url.database)
        sa.event.listen(engine, "connect", _add_exact_sum)
    return engine


def _connect_args(url: sa.URL) -> dict[str, Any]:
    """Let SQLite wait for another writer as long as a database server would."""
    patient = url.get_backend_name() == "sqlite" and "timeout" not in url.query
    return {"timeout": _SECONDS_TO_WAIT} if patient else {}


def _check_file(path: str | None) -> None:
    """Refuse a file that is not there: SQLite would make an empty one."""
    if not path or not (path.startswith("file:") or Path(path).is_file()):
        raise SideError(
            f"There is no database file '{shorten(path or '')}'. Correct the address in the "
            "workspace file; relative paths are relative to it."
        )


def _add_exact_sum(connection: Any, _: object) -> None:
    connection.create_aggregate("exact_sum", 1, ExactSum)


def _portions(keys: Sequence[str] | None) -> list[list[str] | None]:
    if keys is None or len(keys) > _MANY_KEYS:
        return [None]
    distinct = list(dict.fromkeys(keys))
    steps = range(0, max(len(distinct), 1), _KEYS_AT_ONCE)
    return [distinct[start : start + _KEYS_AT_ONCE] for start in steps]


def _check_keys(table: Table, key: pa.Array) -> None:
    blank = records.blank_keys(table, key)
    if count := pc.sum(blank).as_py():
        raise DataError(
            f"{table.name}: {count:,} records have a blank key ({', '.join(table.key)}). Give them "
            "one, or delete them.",
            field=table.key[0],
        )
    double = key.filter(records.repeated(key)).to_pylist()
    if double:
        raise _double(table, list(dict.fromkeys(double)))


def _check_unique(connection: sa.Connection, physical: Physical) -> None:
    if not all(name in physical.columns for name in physical.table.key):
        return  # said when the table is read
    found = connection.execute(duplicates(physical, limit=6)).all()
    if found:
        raise _double(physical.table, [", ".join(str(part) for part in row) for row in found])


def _double(table: Table, keys: Sequence[str]) -> DataError:
    return DataError(
        f"{table.name}: the key ({', '.join(table.key)}) occurs more than once: "
        f"{examples(keys)}. Keep one record of each.",
        record=keys[0],
        field=table.key[0],
    )
