"""Frames as rows of a table, and statements for many rows at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import islice
from typing import Any

import pandas as pd
from sqlalchemy import Column, Table
from sqlalchemy.dialects import postgresql, sqlite

#: As many values as stand in one list of a statement.
_CHUNK = 1000


def chunks(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield values in lists short enough for one statement.

    >>> [len(part) for part in chunks(str(n) for n in range(1001))]
    [1000, 1]
    """
    rest = iter(values)
    while part := list(islice(rest, _CHUNK)):
        yield part


def rows_of(frame: pd.DataFrame, table: Table) -> list[dict[str, Any]]:
    """Return the rows of a frame as a table takes them: plain values, times in UTC without zone.

    A column that numbers rows (``no``) is left to the database.
    """
    names = [
        column.name for column in table.columns if column.name in frame and column.name != "no"
    ]
    values = zip(*(_plain(frame[name]) for name in names), strict=True)
    return [dict(zip(names, row, strict=True)) for row in values]


def _plain(series: pd.Series) -> list[Any]:
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        naive: list[Any] = series.dt.tz_convert(None).to_numpy("datetime64[us]").tolist()
        return naive
    # NaN, NaT and NA are the values that do not equal themselves.
    return [None if each is pd.NA or each != each else each for each in series.tolist()]


def naive(at: datetime | None) -> datetime | None:
    """Return a time in UTC without its zone, as the tables keep it; without one it is UTC.

    >>> naive(pd.Timestamp("2018-10-01T10:00:00+02:00"))
    datetime.datetime(2018, 10, 1, 8, 0)
    """
    if at is None or pd.isna(at):
        return None
    stamp = pd.Timestamp(at)
    stamp = stamp.tz_convert(None) if stamp.tz is not None else stamp
    return stamp.floor("us").as_unit("us").to_pydatetime()


def replacing(table: Table, dialect: str, rising: Column[Any] | None = None) -> Any:
    """Return the statement that inserts rows, or replaces those with the same key.

    Where ``rising`` is given, only rows with a lower value in that column are replaced.
    """
    keys = table.info.get("key") or [column.name for column in table.primary_key.columns]
    insert = postgresql.insert(table) if dialect == "postgresql" else sqlite.insert(table)
    new = {
        column.name: insert.excluded[column.name]
        for column in table.columns
        if column.name not in keys and not column.primary_key
    }
    lower = None if rising is None else rising < insert.excluded[rising.name]
    return insert.on_conflict_do_update(index_elements=list(keys), set_=new, where=lower)
