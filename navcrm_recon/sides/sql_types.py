"""SQL column types: how both products keep a value, and what SQLite and PostgreSQL make of it.

Values go in as Python values of their kind and come out as such; a blank goes in as None (or the
empty text) and is kept as the product keeps it: NAV never NULL (connectors C.2), CRM always NULL.
"""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeDecorator, TypeEngine

from navcrm_recon.catalog.model import Column, Kind

#: NAV's blank date, time and date-time.
NAV_BLANK_DAY = dt.datetime(1753, 1, 1)
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
#: What a NAV column holds when it is blank.
NAV_BLANKS: dict[Kind, object] = {
    "text": "",
    "code": "",
    "guid": ZERO_GUID,
    "lookup": ZERO_GUID,
    "option": 0,
    "integer": 0,
    "rowversion": 0,
    "boolean": False,
    "decimal": Decimal(0),
    "date": NAV_BLANK_DAY,
    "datetime": NAV_BLANK_DAY,
    "record_id": b"",
}


class _Product(TypeDecorator[Any]):
    """Base of the types below; ``nav`` says whose blanks apply."""

    cache_ok = True

    def __init__(self, *, nav: bool, length: int | None = None) -> None:
        self.nav = nav
        self.length = length
        super().__init__(*((length,) if length else ()))


class Text(_Product):
    """Text and Code: ``nvarchar(n)``; blank is ``''`` in NAV and NULL in CRM."""

    impl = sa.Unicode
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the text, or the product's blank."""
        if self.nav:
            return "" if value is None else value
        return value or None

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return unlimited text where there is no length."""
        return dialect.type_descriptor(sa.Unicode(self.length) if self.length else sa.UnicodeText())


class Guid(_Product):
    """A GUID as lower-case text: ``uniqueidentifier``, PostgreSQL ``uuid``, SQLite text."""

    impl = sa.String
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the native type where there is one."""
        native = dialect.name in ("postgresql", "mssql")
        return dialect.type_descriptor(sa.Uuid(as_uuid=False) if native else sa.CHAR(36))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the lower-case text, or the product's blank."""
        if not value:
            return ZERO_GUID if self.nav else None
        return str(value).lower()

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return the lower-case text; NAV's zeros are blank."""
        text = "" if value is None else str(value).lower()
        return "" if text == ZERO_GUID else text


class Flag(_Product):
    """A truth value: NAV ``tinyint`` 0/1, CRM ``bit``."""

    impl = sa.Boolean
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return the small integer NAV uses."""
        if not self.nav:
            return dialect.type_descriptor(sa.Boolean())
        small = mssql.TINYINT() if dialect.name == "mssql" else sa.SmallInteger()
        return dialect.type_descriptor(small)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return 0/1 for NAV."""
        return int(bool(value)) if self.nav else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a truth value, None where CRM has none."""
        return None if value is None else bool(value)


class Number(_Product):
    """An exact amount: ``decimal(38,20)``; text in SQLite, which would keep a float."""

    impl = sa.Numeric
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return text for SQLite."""
        exact = sa.Text() if dialect.name == "sqlite" else sa.Numeric(38, 20)
        return dialect.type_descriptor(exact)

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the amount, in SQLite written without exponent."""
        if value is None:
            value = Decimal(0) if self.nav else None
        if value is None or dialect.name != "sqlite":
            return value
        return format(Decimal(str(value)), "f")

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a Decimal."""
        return None if value is None else Decimal(str(value))


class Moment(_Product):
    """A date or a time in UTC: ``datetime``; CRM times carry their zone in PostgreSQL."""

    impl = sa.DateTime
    cache_ok = True

    def __init__(self, *, nav: bool, day: bool = False) -> None:
        self.day = day
        super().__init__(nav=nav)

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return a type with zone for CRM times on PostgreSQL."""
        zoned = dialect.name == "postgresql" and not self.nav and not self.day
        if dialect.name == "mssql":
            return dialect.type_descriptor(mssql.DATETIME())
        return dialect.type_descriptor(sa.DateTime(timezone=zoned))

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return the moment in UTC, or the product's blank."""
        if value is None or value != value:
            return NAV_BLANK_DAY if self.nav else None
        if isinstance(value, str):
            value = dt.datetime.fromisoformat(value)
        if not isinstance(value, dt.datetime):
            return dt.datetime(value.year, value.month, value.day)
        if value.tzinfo is not None:
            value = value.astimezone(dt.UTC).replace(tzinfo=None)
        zoned = dialect.name == "postgresql" and not self.nav and not self.day
        return value.replace(tzinfo=dt.UTC) if zoned else value

    def process_result_value(self, value: Any, dialect: Dialect) -> Any:
        """Return a naive day or a time in UTC; NAV's 1753-01-01 is None."""
        if value is None or (self.nav and value == NAV_BLANK_DAY):
            return None
        if self.day:
            return value
        return value.replace(tzinfo=dt.UTC) if value.tzinfo is None else value.astimezone(dt.UTC)


class Bytes(_Product):
    """Bytes: NAV Record IDs (``varbinary(n)``, blank ``0x``) and BLOBs (NULL when blank)."""

    impl = sa.LargeBinary
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return SQL Server's type of limited length."""
        sized = self.length and dialect.name == "mssql"
        return dialect.type_descriptor(sa.VARBINARY(self.length) if sized else sa.LargeBinary())

    def process_bind_param(self, value: Any, dialect: Dialect) -> Any:
        """Return bytes; a text (of a BLOB) as UTF-8."""
        if isinstance(value, str):
            return value.encode("utf-8")
        return b"" if value is None and self.length and self.nav else value


class RowVersion(_Product):
    """A row version: SQL Server ``timestamp``, elsewhere its big-endian integer."""

    impl = sa.BigInteger
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Return SQL Server's own type."""
        own = mssql.TIMESTAMP if dialect.name == "mssql" else sa.BigInteger
        return dialect.type_descriptor(own())


RECORD_ID_BYTES = 448


def sql_type(column: Column, *, nav: bool) -> TypeEngine[Any]:
    """Return the SQL type of a column of the catalogue (connectors C.2)."""
    match column.kind:
        case "text" | "code":
            return Text(nav=nav, length=column.length)
        case "guid" | "lookup":
            return Guid(nav=nav)
        case "boolean":
            return Flag(nav=nav)
        case "decimal":
            return Number(nav=nav)
        case "date" | "datetime":
            return Moment(nav=nav, day=column.kind == "date")
        case "record_id":
            return Bytes(nav=nav, length=RECORD_ID_BYTES)
        case "blob":
            return Bytes(nav=True) if nav else Text(nav=False)
        case "rowversion":
            return RowVersion(nav=nav)
        case "integer":
            return sa.Integer().with_variant(sa.BigInteger(), "postgresql")
        case _:
            return sa.Integer()
