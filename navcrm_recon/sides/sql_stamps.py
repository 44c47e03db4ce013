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
#: No zone is further from UTC.
_ZONES = timedelta(days=1)
#: SQLite keeps times as text. Those without the year in front, and blanks, are below this.
_OTHER_FORMS = "2000-"
_FIRST = datetime(2000, 1, 3, tzinfo=UTC)
#: Where the zone of an ISO time begins at the earliest, and what it begins with.
_ZONE_AT, _ZONE = 17, "*[+-]*"


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
    """Compare times kept as text: ISO forms sort by time, those with a zone within a day of it."""
    if since < _FIRST:
        return []
    moment = (since - _STEP).astimezone(UTC)
    text = sa.type_coerce(column, sa.String())
    first, second = f"{moment:%Y-%m-%d %H:%M:%S}", f"{moment + _ZONES:%Y-%m-%d}"
    later = sa.and_(text >= first, sa.func.replace(text, "T", " ") >= first)
    zoned = sa.and_(
        text >= f"{moment - _ZONES:%Y-%m-%d}",
        text < second,
        sa.func.substr(text, _ZONE_AT).op("GLOB")(_ZONE),
    )
    return [sa.or_(later, zoned, text < _OTHER_FORMS)]


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
