"""Databases in the shape of the two products, filled from frames or from rows written by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from navcrm_recon.catalog.model import Catalog, Column, SideName, Table
from navcrm_recon.errors import DataError, nearest, shorten
from navcrm_recon.frames import dtype_of, typed
from navcrm_recon.sides.record_id import encode_key
from navcrm_recon.sides.sql_tables import (
    DEFAULT_INVALID_CHARACTERS,
    PROPERTY_COLUMN,
    ndo_property_table,
    sql_table,
)
from navcrm_recon.sides.sql_types import NAV_BLANKS

Row = Mapping[str, object]
_CATALOGUE, _TABLES, _COUNTER = "catalogue", "tables", "row version"
#: NAV table -> what it is looked up by other than its key.
_NAV_INDEXES: Mapping[str, Sequence[tuple[str, ...]]] = {
    "Integration Record": [("Table ID", "Modified On"), ("Record ID",)],
    "Contact Business Relation": [("Link to Table", "No.")],
}


def create_tables(
    engine: sa.Engine,
    side: SideName,
    catalog: Catalog,
    company: str,
    names: Iterable[str] | None = None,
) -> dict[str, sa.Table]:
    """Create the tables of one side and return them by the catalogue's names.

    NAV also gets ``$ndo$dbproperty`` and the list of companies.

    Parameters
    ----------
    names
        Only these tables; None = every table of the catalogue.
    """
    made = declare_tables(side, catalog, company, names)
    metadata = next(iter(made.values())).metadata
    if side == "crm":
        metadata.create_all(engine)
        return made
    properties = ndo_property_table(metadata)
    companies = sa.Table("Company", metadata, sa.Column("Name", sa.Unicode(30), primary_key=True))
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(sa.insert(properties), {PROPERTY_COLUMN: DEFAULT_INVALID_CHARACTERS})
        connection.execute(sa.insert(companies), {"Name": company})
    return made


def declare_tables(
    side: SideName, catalog: Catalog, company: str, names: Iterable[str] | None = None
) -> dict[str, sa.Table]:
    """Return the tables of one side by the catalogue's names, without making them anywhere.

    They are indexed by what a synchronisation looks up: times of change and NAV's row version.
    """
    known = catalog.tables(side)
    metadata = sa.MetaData()
    declared = {}
    for name in known if names is None else names:
        declared[name] = sql_table(known[name], company=company, metadata=metadata)
        if _CATALOGUE not in declared[name].info:
            _add_indexes(declared[name], known[name])
        declared[name].info.update({_CATALOGUE: known[name], _TABLES: known})
    return declared


def _add_indexes(table: sa.Table, catalogue: Table) -> None:
    wanted = [*_NAV_INDEXES.get(catalogue.name, ())] if catalogue.side == "nav" else []
    versions = [name for name, each in catalogue.columns.items() if each.kind == "rowversion"]
    wanted += [(name,) for name in [*versions, catalogue.modified_on] if name]
    for number, names in enumerate(wanted, start=1):
        # As NAV names them (connectors C.1).
        sa.Index(f"{table.name}${number}", *(table.c[name] for name in names))


def insert_rows(engine: sa.Engine, table: sa.Table, rows: pd.DataFrame | Sequence[Row]) -> None:
    """Insert records into a table made by ``create_tables``; what is not given is blank.

    Parameters
    ----------
    rows
        A record frame, or rows by the catalogue's names: options by integer or caption, amounts
        as number or text, dates and times in ISO form, a record ID as ``<table number> <key>``.

    Raises
    ------
    DataError
        A column or an option does not exist, or a value is not one of its column.
    """
    catalogue: Table = table.info[_CATALOGUE]
    if isinstance(rows, pd.DataFrame):
        columns = _columns(catalogue, rows)
    else:
        columns = _by_hand(catalogue, rows)
    if not columns or not next(iter(columns.values())):
        return
    for name in columns:
        columns[name] = _stored(table, catalogue.columns[name], columns[name])
    count = len(next(iter(columns.values())))
    fixed = {name: [value] for name, value in _fixed(catalogue, set(columns)).items()}
    versions = [name for name, each in catalogue.columns.items() if each.kind == "rowversion"]
    for name in versions:
        columns[name] = [next_version(table) for _ in range(count)]
        fixed.pop(name, None)
    with engine.begin() as connection:
        _insert(connection, table, columns, fixed, count)


def _insert(
    connection: sa.Connection,
    table: sa.Table,
    columns: Mapping[str, list[Any]],
    fixed: Mapping[str, list[Any]],
    count: int,
) -> None:
    """Insert rows; where the database takes them by position, values are bound by column."""
    names, dialect = [*columns, *fixed], connection.dialect
    statement = sa.insert(table).compile(dialect=dialect, column_keys=names)
    places = statement.positiontup
    if places is None:
        values = [*columns.values(), *(each * count for each in fixed.values())]
        rows = [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]
        connection.execute(sa.insert(table), rows)
        return
    bound = {}
    for name, values in {**columns, **fixed}.items():
        bind = table.c[name].type.dialect_impl(dialect).bind_processor(dialect)
        bound[name] = values if bind is None else [bind(each) for each in values]
        if name in fixed:
            bound[name] = bound[name] * count
    connection.exec_driver_sql(str(statement), list(zip(*(bound[n] for n in places), strict=True)))


def _stored(table: sa.Table, column: Column, values: list[Any]) -> list[Any]:
    """Return values as the database takes them: record IDs in binary, NAV's numbers never NULL."""
    if column.kind == "record_id":
        return [_record_id(table.info[_TABLES], each) for each in values]
    blank = NAV_BLANKS.get(column.kind) if table.info[_CATALOGUE].side == "nav" else None
    return values if blank is None else [blank if each is None else each for each in values]


def _fixed(table: Table, given: set[str]) -> dict[str, Any]:
    """Return what the columns that are not given hold: the product's defaults, else blank."""
    return {
        name: NAV_BLANKS.get(column.kind)
        if column.default is None and table.side == "nav"
        else column.default
        for name, column in table.columns.items()
        if name not in given and column.flow is None
    }


def next_version(table: sa.Table) -> int:
    """Return the next row version of the database a table is in."""
    last: int = table.metadata.info.get(_COUNTER, 2000) + 1
    table.metadata.info[_COUNTER] = last
    return last


def _columns(table: Table, frame: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the stored columns of a record frame as Python values, blanks as None."""
    out = {}
    for name, column in table.columns.items():
        if column.flow is not None or name not in frame:
            continue
        values = frame[name]
        if isinstance(values.dtype, pd.DatetimeTZDtype) or values.dtype.kind == "M":
            out[name] = [None if value is pd.NaT else value for value in values.dt.to_pydatetime()]
        else:
            out[name] = pa.array(values).to_pylist()
    return out


def _by_hand(table: Table, rows: Sequence[Row]) -> dict[str, list[Any]]:
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = {}
    for name in names:
        column = table.columns.get(name)
        if column is None or column.flow is not None:
            what = "is calculated" if column else "does not exist"
            hint = "" if column else nearest(name, table.columns)
            raise DataError(f"{table.name} cannot be given '{name}': it {what}.{hint}", field=name)
        out[name] = [
            value_of(table, column, row[name]) if name in row else column.default for row in rows
        ]
    return out


def value_of(table: Table, column: Column, value: object) -> Any:
    """Return a value written by hand as a value of its column; None and ``""`` are blank.

    Raises
    ------
    DataError
        It is no value of such a column.
    """
    if value is None or (value == "" and column.kind != "text"):
        return None
    try:
        if column.kind == "option":
            return _option(column, value)
        if column.kind == "decimal":
            return Decimal(str(value))
        if column.kind in ("integer", "rowversion"):
            return int(str(value))
        if column.kind == "boolean":
            return (
                value if isinstance(value, bool) else str(value).casefold() in ("1", "yes", "true")
            )
        if column.kind in ("date", "datetime"):
            moments = typed(pd.Series([value]), dtype_of(table, column.name))
            return moments.iloc[0].to_pydatetime()
    except (ValueError, InvalidOperation) as exc:
        shown = shorten(value)
        raise DataError(
            f"{table.name}, '{column.name}': '{shown}' is no {column.kind}. {exc}",
            field=column.name,
        ) from exc
    text = str(value)
    length = len(text.encode("utf-16-le")) // 2
    if column.length is not None and length > column.length:
        raise DataError(
            f"{table.name}, '{column.name}': '{shorten(text)}' has {length} characters, "
            f"it holds {column.length}.",
            field=column.name,
            value=text,
        )
    return text


def _option(column: Column, value: object) -> int:
    if isinstance(value, int):
        return value
    wanted = str(value).strip().casefold()
    for number, caption in column.options.items():
        if caption.strip().casefold() == wanted:
            return number
    if str(value).lstrip("-").isdigit():
        return int(str(value))
    raise ValueError(f"The options are: {', '.join(column.options.values())}.")


def _record_id(tables: Mapping[str, Table], text: str | None) -> bytes:
    """Return NAV's binary form of ``<table number> <nav_key>``, nothing for a blank."""
    if not text:
        return b""
    number, _, key = text.partition(" ")
    table = next(each for each in tables.values() if each.id == int(number))
    return encode_key(table, key)
