"""Values on their way into a database: in the type its column has, blank as its product is blank.

A database made from an export may keep a column in another type than the product does; what is
written fits the column that is there.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from sqlalchemy.types import TypeEngine

from navcrm_recon.catalog.model import Column, Kind
from navcrm_recon.errors import shorten
from navcrm_recon.sides.columns import nav_blank
from navcrm_recon.sides.sql_types import NAV_BLANK_DAY, NAV_BLANKS, ZERO_GUID
from navcrm_recon.sides.writing import Refused

_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_ROW_VERSION_BYTES = 8

Type = TypeEngine[Any]
_TEXTS = (sa.String, sa.Integer, sa.types.NullType)


def upper(text: str) -> str:
    """Return a text in capitals as NAV writes it: a letter stays one letter.

    >>> upper("Straße")
    'STRAßE'
    """
    return "".join(up if len(up := each.upper()) == 1 else each for each in text)


def code(text: str) -> str:
    """Return a text as NAV keeps a Code: in capitals, without blanks around it (connectors C.2)."""
    return upper(text.strip(" "))


def bound_type(column: Column, found: Type, dialect: str) -> Type:
    """Return the type a value of a column is bound with."""
    if isinstance(found, sa.Uuid):
        return sa.Uuid(as_uuid=False)
    if dialect != "sqlite":
        return found
    if column.kind == "decimal":
        return sa.String()  # SQLite would make a float of it
    if column.kind in ("date", "datetime") and not isinstance(found, sa.Date):
        return sa.DateTime()
    return found


def stored(column: Column, found: Type, value: Any, *, nav: bool, dialect: str) -> Any:
    """Return a value as its column takes it.

    Raises
    ------
    Refused
        The value is no value of its column, or a text is longer than it.
    """
    if value is None or value == "":
        value = _blank(column, nav=nav)
        if value is None:
            return None
        if value == "" and not isinstance(found, _TEXTS):
            return blank_of(found)  # NAV's Time, which the catalogue has as a text
    try:
        made = _CONVERT[column.kind](value)
    except (ValueError, TypeError, InvalidOperation, AttributeError) as exc:
        raise Refused(
            f"'{shorten(value)}' is no {column.kind}, as '{column.name}' needs.",
            field=column.name,
            value=shorten(value),
        ) from exc
    if isinstance(made, str) and column.kind in ("text", "code"):
        made = code(made) if nav and column.kind == "code" else made
        _check_length(column, found, made)
    return _fitted(column, found, made, nav=nav, dialect=dialect)


def blank_of(found: Type) -> Any:
    """Return NAV's blank for a column the catalogue does not know."""
    for family, blank in _BLANKS.items():
        if isinstance(found, family):
            return blank
    return ""


def _blank(column: Column, *, nav: bool) -> Any:
    if not nav or column.kind == "blob":
        return None
    return nav_blank(column) if column.kind == "option" else NAV_BLANKS[column.kind]


def _check_length(column: Column, found: Type, text: str) -> None:
    limits = (column.length, getattr(found, "length", None))
    limit = min((each for each in limits if each), default=None)
    # As SQL Server counts: a character beyond the basic ones is two.
    if limit is not None and len(text.encode("utf-16-le", "surrogatepass")) // 2 > limit:
        raise Refused(
            f"The text is longer than the {limit} characters '{column.name}' holds. Shorten it.",
            field=column.name,
            value=shorten(text),
        )


def _fitted(column: Column, found: Type, value: Any, *, nav: bool, dialect: str) -> Any:
    """Return a value in the form of the column that is there."""
    match column.kind:
        case "code" if isinstance(found, sa.Integer):
            return int(value or 0)
        case "boolean":
            return value if isinstance(found, sa.Boolean) else int(value)
        case "decimal" if dialect == "sqlite":
            return format(value, "f")
        case "date" | "datetime" if isinstance(found, sa.Date):
            return value.date()
        case "datetime" if getattr(found, "timezone", False):
            return value.replace(tzinfo=dt.UTC)
        case "blob" if isinstance(found, sa.LargeBinary):
            return value.encode("utf-8")
        case "rowversion" if isinstance(found, sa.LargeBinary):
            return value.to_bytes(_ROW_VERSION_BYTES, "big")
        case _:
            return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _guid(value: Any) -> str:
    text = str(value).lower()
    if not _GUID.fullmatch(text):
        raise ValueError
    return text


def _whole(value: Any) -> int:
    if value != int(value):
        raise ValueError
    return int(value)


def _truth(value: Any) -> bool:
    if value not in (0, 1):
        raise ValueError
    return bool(value)


def exact(value: Any) -> Decimal:
    """Return an amount as an exact number."""
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError
    return number


def _moment(value: Any) -> dt.datetime:
    """Return a naive time in UTC; NAV and CRM keep no other."""
    if not isinstance(value, dt.datetime):
        return dt.datetime(value.year, value.month, value.day)
    return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value


def _bytes(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError
    return value


_CONVERT: Mapping[Kind, Callable[[Any], Any]] = {
    "text": _text,
    "code": _text,
    "blob": _text,
    "guid": _guid,
    "lookup": _guid,
    "option": _whole,
    "integer": _whole,
    "rowversion": _whole,
    "boolean": _truth,
    "decimal": exact,
    "date": _moment,
    "datetime": _moment,
    "record_id": _bytes,
}
#: In this order: a date-time before the date it may be.
_BLANKS: Mapping[type[Type], Any] = {
    sa.Boolean: False,
    sa.Integer: 0,
    sa.Numeric: 0,
    sa.Uuid: ZERO_GUID,
    sa.LargeBinary: b"",
    sa.DateTime: NAV_BLANK_DAY,
    sa.Date: NAV_BLANK_DAY.date(),
    sa.Time: NAV_BLANK_DAY.time(),
}
