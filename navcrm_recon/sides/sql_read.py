"""The statements that read a table: only the columns and rows asked for, flow fields included."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from typing import Any

import sqlalchemy as sa

from navcrm_recon.catalog.model import Condition, Flow, Table
from navcrm_recon.errors import DataError
from navcrm_recon.frames import split_key
from navcrm_recon.sides.record_id import option_number
from navcrm_recon.sides.records import condition_values
from navcrm_recon.sides.sql_schema import Physical
from navcrm_recon.sides.sql_types import ZERO_GUID

#: Kinds whose conditions every database answers alike; the others are answered here, after reading.
_PUSHED = ("option", "integer", "boolean", "guid", "lookup", "text", "code")
#: Those whose order every database knows; days are compared here, as each keeps its blank.
_ORDERED = ("integer", "rowversion")
_ROW_VERSION_BYTES = 8
#: Parts of a key by which rows are looked up.
_KEY_PARTS = ("text", "code", "guid", "lookup", "option", "integer")

_WIDE = Context(prec=76)
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")

Find = Callable[[Table], Physical]
#: Further conditions on the rows of a table, in terms of its columns.
Narrow = Callable[[Physical], Sequence[sa.ColumnElement[bool]]]


def select_rows(
    table: Table,
    names: Sequence[str],
    where: Sequence[Condition],
    keys: Sequence[str] | None,
    *,
    find: Find,
    tables: Mapping[str, Table],
    narrow: Narrow | None = None,
) -> sa.Select[*tuple[Any, ...]]:
    """Return the statement that reads ``names`` of the rows that may meet ``where`` and ``keys``.

    Conditions and keys a database would answer in its own way are left to the caller
    (``records.meets``, ``records.with_keys``): more rows may come than asked for, never fewer.
    Values come as the driver gives them. ``narrow`` gives further conditions.
    """
    physical = find(table)
    source: sa.FromClause = physical.source
    selected = []
    for position, name in enumerate(names):
        flow = table.columns[name].flow
        if flow is None:
            value: sa.ColumnElement[Any] = physical.column(name)
        else:
            source, value = _flow(source, physical, flow, find(tables[flow.table]), f"f{position}")
        selected.append(sa.type_coerce(value, sa.types.NullType()).label(f"c{position}"))
    clauses = [
        clause for condition in where if (clause := _clause(physical, condition)) is not None
    ]
    if keys is not None:
        clauses += _key_clauses(physical, keys)
    if narrow is not None:
        clauses += narrow(physical)
    return sa.select(*selected).select_from(source).where(*clauses)


def pushed(physical: Physical, condition: Condition) -> bool:
    """Say whether the database answers a condition in full."""
    table, name = physical.table, condition.field
    column = table.columns[name]
    if condition.op in ("ge", "lt"):
        return column.flow is None and column.kind in _ORDERED
    if column.flow is not None or column.kind not in _PUSHED:
        return False
    if column.kind not in ("text", "code") or condition.op == "not_null":
        return True
    given = condition_values(table, column, condition)
    # SQLite knows the capitals of ASCII only.
    plain = table.side == "nav" or all(each is None or each.isascii() for each in given)
    return plain and isinstance(physical.types.get(name), sa.String)


def duplicates(physical: Physical, limit: int) -> sa.Select[*tuple[Any, ...]]:
    """Return the statement that finds keys which are there more than once."""
    key = [physical.column(name) for name in physical.table.key]
    labels = [
        sa.type_coerce(each, sa.types.NullType()).label(f"c{i}") for i, each in enumerate(key)
    ]
    many = sa.func.count() > 1
    return sa.select(*labels).select_from(physical.source).group_by(*key).having(many).limit(limit)


def _flow(
    source: sa.FromClause, physical: Physical, flow: Flow, other: Physical, name: str
) -> tuple[sa.FromClause, sa.ColumnElement[Any]]:
    """Join the figures of a flow field, one per group of matching rows."""
    groups = [other.column(each).label(f"k{i}") for i, each in enumerate(flow.match)]
    given = [_clause(other, Condition(each, "eq", value)) for each, value in flow.where.items()]
    value = _aggregate(flow, other).label("value")
    figures = (
        sa.select(*groups, value)
        .where(*(clause for clause in given if clause is not None))
        .group_by(*(other.column(each) for each in flow.match))
        .subquery(name)
    )
    on = [figures.c[f"k{i}"] == physical.column(own) for i, own in enumerate(flow.match.values())]
    return source.outerjoin(figures, sa.and_(sa.true(), *on)), figures.c.value


def _aggregate(flow: Flow, other: Physical) -> sa.ColumnElement[Any]:
    if flow.method == "exist":
        return sa.func.max(sa.literal_column("1"))
    column = other.column(flow.column)
    if flow.method == "sum":
        # SQLite adds floats; its connection has a function that adds exactly.
        return (sa.func.exact_sum if other.dialect == "sqlite" else sa.func.sum)(column)
    if other.dialect == "postgresql" and isinstance(other.types[flow.column], sa.String):
        column = sa.collate(column, "C")
    return sa.func.max(column)


class ExactSum:
    """An aggregate of SQLite that adds amounts kept as text."""

    def __init__(self) -> None:
        self.total = Decimal(0)

    def step(self, value: object) -> None:
        """Take the next amount."""
        if value is not None:
            self.total = _WIDE.add(self.total, Decimal(str(value)))

    def finalize(self) -> str:
        """Return the sum as text."""
        return format(self.total, "f")


def _clause(physical: Physical, condition: Condition) -> sa.ColumnElement[bool] | None:
    table, name = physical.table, condition.field
    if not pushed(physical, condition):
        return None
    column = physical.column(name)
    if condition.op in ("ge", "lt"):
        return _ordered(physical, condition, column)
    value, blank = _comparable(physical, name, column)
    if condition.op == "not_null":
        return sa.not_(blank)
    given = condition_values(table, table.columns[name], condition)
    listed = _bound(physical, name, [each for each in given if each is not None and each != ""])
    clauses: list[sa.ColumnElement[bool]] = [value.in_(listed)] if listed else []
    for_blank = None in given or "" in given
    if for_blank:
        clauses.append(blank)
    met = sa.or_(sa.false(), *clauses)
    if condition.op != "ne":
        return met
    # A NULL of CRM differs from every value given, but not from a blank.
    never_null = table.side == "nav" or for_blank
    return sa.not_(met) if never_null else sa.or_(column.is_(None), sa.not_(met))


def _ordered(
    physical: Physical, condition: Condition, column: sa.ColumnElement[Any]
) -> sa.ColumnElement[bool]:
    """Compare with a limit as the column's own type wants it: SQL Server's row version is bytes."""
    table, name = physical.table, condition.field
    (limit,) = condition_values(table, table.columns[name], condition)
    whole = isinstance(physical.types[name], sa.Integer | sa.Numeric)
    if table.columns[name].kind == "rowversion" and not whole:
        limit = limit.to_bytes(_ROW_VERSION_BYTES, "big")
    least: sa.ColumnElement[bool] = column >= limit
    return least if condition.op == "ge" else sa.not_(least)


def _comparable(
    physical: Physical, name: str, column: sa.ColumnElement[Any]
) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[bool]]:
    """Return what is compared, and when it is blank."""
    kind, nav = physical.table.columns[name].kind, physical.table.side == "nav"
    if kind in ("text", "code") and isinstance(physical.types[name], sa.String):
        text: sa.ColumnElement[Any] = sa.func.rtrim(column)
        if nav and kind == "code":
            return column, column == ""  # NAV keeps codes trimmed; as it is, an index serves it
        if nav:
            return text, text == ""
        return sa.func.lower(text), sa.func.coalesce(text, "") == ""
    if not nav:
        return column, column.is_(None)
    zero: Any = ZERO_GUID if kind in ("guid", "lookup") else 0
    return column, column == _bound(physical, name, [zero])[0]


def _bound(physical: Physical, name: str, values: Sequence[Any]) -> list[Any]:
    """Return values as the column's own type wants them."""
    kind, found = physical.table.columns[name].kind, physical.types[name]
    if kind == "boolean":
        return [bool(each) if isinstance(found, sa.Boolean) else int(each) for each in values]
    if kind in ("guid", "lookup") and not isinstance(found, sa.Uuid):
        return [written for each in values for written in (each, each.upper())]
    return list(values)


def _key_clauses(physical: Physical, keys: Sequence[str]) -> list[sa.ColumnElement[bool]]:
    """Return a condition on each part of the key that databases compare alike."""
    table = physical.table
    parts = [[key] if table.side == "crm" else split_key(key) for key in keys]
    parts = [each for each in parts if len(each) == len(table.key)]
    clauses: list[sa.ColumnElement[bool]] = []
    for position, name in enumerate(table.key):
        kind = table.columns[name].kind
        if kind not in _KEY_PARTS:
            continue
        values = {_key_part(table, name, each[position]) for each in parts}
        listed = _bound(physical, name, sorted(value for value in values if value is not None))
        if kind == "code" and isinstance(physical.types[name], sa.Integer):
            listed = [int(value) for value in listed if value.isdecimal()]
        clauses.append(physical.column(name).in_(listed))
    return clauses


def _key_part(table: Table, name: str, text: str) -> Any:
    column = table.columns[name]
    if column.kind in ("guid", "lookup"):
        return text.lower() if _GUID.fullmatch(text.lower()) else None
    if column.kind not in ("option", "integer"):
        return text
    try:
        return option_number(column, text) if column.kind == "option" else int(text)
    except (DataError, ValueError):
        return None  # no record has such a key
