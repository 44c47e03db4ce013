"""One transaction on a SQL side: rows found with their raw values, inserted, updated, deleted.

A row is found by its key first and then changed by the values the driver gave, so that every way
a database may hold a key or a time is met.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa
import sqlalchemy as sa

from navcrm_recon.catalog.model import Catalog, SideName, Table
from navcrm_recon.errors import SideError, nearest
from navcrm_recon.sides import records
from navcrm_recon.sides.sql_read import Find, Narrow, select_rows
from navcrm_recon.sides.sql_schema import Physical
from navcrm_recon.sides.sql_values import blank_of, bound_type, stored
from navcrm_recon.sides.writing import Refused

KEYS_AT_ONCE = 500
Values = Mapping[str, Any]


@dataclass(frozen=True)
class Transaction:
    """A transaction on one side; ``now`` (UTC) and ``by`` are what records are stamped with.

    ``versions`` are the last row versions given, by table.
    """

    side: SideName
    catalog: Catalog
    connection: sa.Connection
    find: Find
    typed: Callable[[Table, Sequence[str], Sequence[Any]], dict[str, pa.Array]]
    now: datetime
    by: str
    versions: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Row:
    """A row of a table: as the driver gives it, and typed."""

    raw: Values
    values: Values


def find_rows(
    tx: Transaction,
    table: Table,
    names: Sequence[str],
    keys: Sequence[str] | None = None,
    narrow: Narrow | None = None,
) -> dict[str, Row]:
    """Return rows by key, with those of the columns that are there."""
    physical = tx.find(table)
    there = [name for name in dict.fromkeys([*table.key, *names]) if name in physical.columns]
    found: dict[str, Row] = {}
    for some in _portions(keys):
        statement = select_rows(
            table, there, (), some, find=tx.find, tables=tx.catalog.tables(tx.side), narrow=narrow
        )
        raw = tx.connection.execute(statement).all()
        if not raw:
            continue
        typed = tx.typed(table, there, raw)
        lists = [typed[name].to_pylist() for name in there]
        for row, key, *values in zip(
            raw, records.keys(table, typed).to_pylist(), *lists, strict=True
        ):
            raw_row = dict(zip(there, row, strict=True))
            found[key] = Row(raw_row, dict(zip(there, values, strict=True)))
    return found if keys is None else {key: found[key] for key in keys if key in found}


def setup_value(tx: Transaction, name: str, column: str) -> Any:
    """Return a column of NAV's one row of a setup table; None where there is none."""
    table = tx.catalog.nav[name]
    if not has_table(tx, table):
        return None
    rows = find_rows(tx, table, [column])
    return next((row.values.get(column) for row in rows.values()), None)


def has_table(tx: Transaction, table: Table) -> bool:
    """Say whether the database has a table."""
    try:
        tx.find(table)
    except SideError:
        return False
    return True


def insert_rows(tx: Transaction, table: Table, rows: Sequence[Values]) -> None:
    """Insert rows by the catalogue's names; what is not given has its default, else is blank.

    Raises
    ------
    Refused
        A column is not there, or a value does not fit it.
    """
    physical = tx.find(table)
    names = list(dict.fromkeys(name for row in rows for name in row))
    _check_columns(physical, names)
    rows = _numbered(tx, physical, rows)
    filled = _filled(physical, {name for row in rows for name in row})
    columns = [*dict.fromkeys(name for row in rows for name in row), *filled]
    bound = {name: _bind(physical, name) for name in columns}
    targets = {str(_target(physical, name)): bound[name] for name in columns}
    parameters = [
        {
            bound[name].key: _stored(physical, name, row.get(name, table.columns[name].default))
            for name in columns
        }
        for row in rows
    ]
    blanks = _unknown_blanks(physical)
    tx.connection.execute(sa.insert(physical.source).values({**targets, **blanks}), parameters)


def update_rows(tx: Transaction, table: Table, changes: Sequence[tuple[Values, Values]]) -> int:
    """Change rows, given as raw values they must still have and new values; return how many.

    All changes must be of the same columns.

    Raises
    ------
    Refused
        A column is not there, or a value does not fit it.
    """
    physical = tx.find(table)
    _check_columns(physical, list(changes[0][1]))
    news = _numbered(tx, physical, [new for _, new in changes])
    if not news[0]:
        return len(news)
    where, old = _conditions(physical, [old for old, _ in changes])
    bound = {name: _bind(physical, name) for name in news[0]}
    statement = (
        sa.update(physical.source)
        .where(*where)
        .values({str(_target(physical, name)): each for name, each in bound.items()})
    )
    parameters = [
        {**raw, **{bound[name].key: _stored(physical, name, new[name]) for name in new}}
        for raw, new in zip(old, news, strict=True)
    ]
    return tx.connection.execute(statement, parameters).rowcount


def delete_rows(tx: Transaction, table: Table, rows: Sequence[Values]) -> int:
    """Delete rows, given as raw values they must still have; return how many."""
    physical = tx.find(table)
    where, old = _conditions(physical, rows)
    return tx.connection.execute(sa.delete(physical.source).where(*where), old).rowcount


def _portions(keys: Sequence[str] | None) -> list[Sequence[str] | None]:
    if keys is None:
        return [None]
    return [keys[start : start + KEYS_AT_ONCE] for start in range(0, len(keys), KEYS_AT_ONCE)]


def _check_columns(physical: Physical, names: Sequence[str]) -> None:
    table = physical.table
    for name in names:
        column = table.columns.get(name)
        if column is None or column.flow is not None or name not in physical.columns:
            what = "is calculated" if column and column.flow else "is not there"
            hint = "" if column else nearest(name, table.columns)
            raise Refused(
                f"The column '{name}' of {table.name} {what}.{hint} Add it, or switch off the "
                "field mappings that write it.",
                field=name,
            )


def _target(physical: Physical, name: str) -> str:
    return str(physical.columns[name].name)


def _bind(physical: Physical, name: str) -> sa.BindParameter[Any]:
    column, found = physical.table.columns[name], physical.types[name]
    position = list(physical.columns).index(name)
    return sa.bindparam(f"new_{position}", type_=bound_type(column, found, physical.dialect))


def _stored(physical: Physical, name: str, value: Any) -> Any:
    column, found = physical.table.columns[name], physical.types[name]
    nav = physical.table.side == "nav"
    return stored(column, found, value, nav=nav, dialect=physical.dialect)


def _conditions(
    physical: Physical, rows: Sequence[Values]
) -> tuple[list[sa.ColumnElement[bool]], list[dict[str, Any]]]:
    """Return the conditions on raw values and their parameters; only a key is never NULL."""
    where: list[sa.ColumnElement[bool]] = []
    names = list(rows[0])
    for position, name in enumerate(names):
        column = sa.type_coerce(physical.columns[name], sa.types.NullType())
        old = sa.bindparam(f"old_{position}", type_=sa.types.NullType())
        keyed = name in physical.table.key
        where.append(column == old if keyed else column.is_not_distinct_from(old))
    parameters = [{f"old_{i}": row[name] for i, name in enumerate(names)} for row in rows]
    return where, parameters


def _filled(physical: Physical, given: set[str]) -> dict[str, Any]:
    """Return what the columns that are not given hold: the product's defaults, in NAV blanks."""
    nav = physical.table.side == "nav"
    return {
        name: physical.table.columns[name].default
        for name in physical.columns
        if name not in given
        and physical.table.columns[name].flow is None
        and not _generated(physical, name)
        and (nav or physical.table.columns[name].default is not None)
    }


def _unknown_blanks(physical: Physical) -> dict[str, Any]:
    """Return NAV's blanks for the columns the catalogue does not know and that need a value."""
    known = {_target(physical, name) for name in physical.columns}
    if physical.table.side == "crm":
        return {}
    return {
        name: blank_of(each["type"])
        for name, each in physical.reflected.items()
        if name not in known
        and not each["nullable"]
        and each.get("default") is None
        and not each.get("computed")
        and not each.get("identity")
    }


def _generated(physical: Physical, name: str) -> bool:
    """Say whether the database makes the values of a column."""
    each = physical.reflected.get(_target(physical, name))
    return bool(each and (each.get("computed") or each.get("identity")))


def _numbered(tx: Transaction, physical: Physical, rows: Sequence[Values]) -> list[Values]:
    """Give every row of NAV a row version above all of its table, unless the database does."""
    name = next((n for n, c in physical.table.columns.items() if c.kind == "rowversion"), "")
    if name not in physical.columns or _generated(physical, name):
        return list(rows)
    if physical.name not in tx.versions:
        tx.versions[physical.name] = _newest(tx, physical, name)
    last = tx.versions[physical.name]
    tx.versions[physical.name] = last + len(rows)
    return [{**row, name: last + place} for place, row in enumerate(rows, start=1)]


def _newest(tx: Transaction, physical: Physical, name: str) -> int:
    """Return the highest row version of a table; an index finds it, where there is one."""
    column = physical.columns[name]
    newest = (
        sa.select(sa.type_coerce(column, sa.types.NullType()).label("c0"))
        .where(column.is_not(None))
        .order_by(column.desc())
        .limit(1)
    )
    found = tx.connection.execute(newest).all()
    return int(tx.typed(physical.table, [name], found)[name][0].as_py()) if found else 0
