"""How a database finds the stamps of some records, or of those changed since a time.

Both by an index, where there is one; what a database might compare in its own way is compared
again after reading (``stamps``).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd
import sqlalchemy as sa

from navcrm_recon.catalog.model import Table
from navcrm_recon.sides.record_id import encodings
from navcrm_recon.sides.sql_read import Narrow
from navcrm_recon.sides.sql_schema import Physical

#: Longer than the coarsest step of a database's times, 1/300 s.
_STEP = timedelta(milliseconds=10)
#: What SQLite keeps as text is compared by day: its form may be any, its zone as well.
_SQLITE_STEP = timedelta(days=1)
#: Times written without the year in front, blanks included, are below this; ISO times are above.
_OTHER_FORMS = "2000-"
_FIRST = datetime(2000, 1, 3, tzinfo=UTC)


def of_records(table: Table, keys: Sequence[str]) -> Narrow:
    """Narrow Integration Records to those of some records."""
    ids = list(dict.fromkeys(each for key in keys for each in encodings(table, key)))

    def narrow(physical: Physical) -> list[sa.ColumnElement[bool]]:
        number: sa.ColumnElement[bool] = physical.column("Table ID") == table.id
        return [number, physical.column("Record ID").in_(ids)]

    return narrow


def changed_since(column: str, since: datetime) -> Narrow:
    """Narrow rows to those whose time is after ``since``, and perhaps a few more."""

    def narrow(physical: Physical) -> list[sa.ColumnElement[bool]]:
        if physical.dialect == "sqlite":
            return _as_text(physical.column(column), since)
        moment: datetime = (since - _STEP).astimezone(UTC)
        if not getattr(physical.types[column], "timezone", False):
            moment = moment.replace(tzinfo=None)
        whole_days = isinstance(physical.types[column], sa.Date)
        return [physical.column(column) >= (moment.date() if whole_days else moment)]

    return narrow


def _as_text(column: sa.ColumnElement[Any], since: datetime) -> list[sa.ColumnElement[bool]]:
    """Compare the way SQLite sorts text: ISO times sort by day, other forms start below them."""
    if since < _FIRST:
        return []
    day = (since.astimezone(UTC) - _SQLITE_STEP).strftime("%Y-%m-%d")
    text = sa.type_coerce(column, sa.String())
    return [sa.or_(text >= day, text < _OTHER_FORMS)]


def together(*narrows: Narrow | None) -> Narrow:
    """Narrow rows in several ways at once."""

    def narrow(physical: Physical) -> list[sa.ColumnElement[bool]]:
        return [clause for each in narrows if each for clause in each(physical)]

    return narrow


def in_portions(
    read: Callable[[Sequence[str] | None], pd.DataFrame],
    keys: Sequence[str] | None,
    *,
    at_once: int,
    many: int,
) -> pd.DataFrame:
    """Read by so many keys at once; beyond ``many`` everything in one go."""
    if keys is None or len(keys) > many:
        return read(None)
    starts = range(0, max(len(keys), 1), at_once)
    return pd.concat([read(keys[start : start + at_once]) for start in starts])
