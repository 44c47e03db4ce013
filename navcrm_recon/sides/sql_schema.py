"""What a database has of the catalogue's tables: found, checked, named when missing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.engine import Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn

from navcrm_recon.catalog.model import Column, Kind, Table
from navcrm_recon.errors import DataError, SideError, examples, nearest
from navcrm_recon.sides.sql_tables import column_name, sql_table, table_name

_FAMILIES: dict[Kind, tuple[type, ...]] = {
    "text": (sa.String,),
    "code": (sa.String, sa.Integer, mssql.SQL_VARIANT),
    "blob": (sa.LargeBinary, sa.String),
    "guid": (sa.Uuid, sa.String),
    "lookup": (sa.Uuid, sa.String),
    "option": (sa.Integer, sa.Numeric),
    "integer": (sa.Integer, sa.Numeric),
    "boolean": (sa.Boolean, sa.Integer),
    "decimal": (sa.Numeric, sa.Integer, mssql.MONEY),
    "date": (sa.DateTime, sa.Date),
    "datetime": (sa.DateTime, sa.Date),
    "record_id": (sa.LargeBinary,),
    "rowversion": (sa.Integer, sa.Numeric, sa.LargeBinary, mssql.TIMESTAMP),
}
#: SQLite keeps these as text, and gives a type it does not know the affinity NUMERIC.
_SQLITE_TEXT: tuple[Kind, ...] = ("decimal", "date", "datetime")


@dataclass(frozen=True)
class Physical:
    """A table as a database has it; ``columns`` by the catalogue's names, those that are there.

    ``reflected`` is what the database says of every column, by its own names.
    """

    table: Table
    name: str
    source: sa.TableClause
    columns: Mapping[str, sa.ColumnElement[Any]]
    types: Mapping[str, sa.types.TypeEngine[Any]]
    dialect: str
    keyed: bool = True
    reflected: Mapping[str, ReflectedColumn] = field(default_factory=dict)

    def column(self, name: str) -> sa.ColumnElement[Any]:
        """Return a column.

        Raises
        ------
        SideError
            The database does not have it, or keeps it in a type that cannot be read.
        """
        column = self.table.columns[name]
        if name not in self.columns:
            have = [str(each.name) for each in self.source.columns]
            raise SideError(
                f"The table '{self.name}' has no column for {self.table.name}, '{name}'."
                f"{nearest(name, have)} Add it, or switch off the field mappings that use it.",
                field=name,
            )
        if not _fits(column, self.types[name], self.dialect):
            raise DataError(
                f"The column '{name}' of the table '{self.name}' is {self.types[name]!r}; a "
                f"{column.kind} was expected. Correct its type, or declare the column as it is.",
                field=name,
            )
        return self.columns[name]


def declared(table: Table, *, company: str, invalid_characters: str, dialect: str) -> Physical:
    """Return a table as the catalogue declares it, without asking a database."""
    source = sql_table(
        table, company=company, invalid_characters=invalid_characters, metadata=sa.MetaData()
    )
    columns = {str(column.key): column for column in source.columns}
    types = {name: _declared_type(column.type, dialect) for name, column in columns.items()}
    return Physical(table, source.name, source, columns, types, dialect)


def _declared_type(kind: sa.types.TypeEngine[Any], dialect: str) -> sa.types.TypeEngine[Any]:
    if not isinstance(kind, sa.types.TypeDecorator):
        return kind
    return kind.load_dialect_impl(sa.dialects.registry.load(dialect)())


def reflected(
    inspector: Inspector, table: Table, *, company: str, invalid_characters: str
) -> Physical:
    """Return a table as the database has it.

    Raises
    ------
    SideError
        The database does not have it.
    """
    name = table_name(table, company=company, invalid_characters=invalid_characters)
    if not inspector.has_table(name):
        raise _missing(inspector, table, name)
    found = inspector.get_columns(name)
    exact = {each["name"]: each for each in found}
    folded = {each["name"].casefold(): each for each in found}
    source = sa.table(name, *(sa.column(each["name"], _bound(each["type"])) for each in found))
    columns, types = {}, {}
    for each in table.columns:
        written = column_name(table, each, invalid_characters=invalid_characters)
        if have := exact.get(written) or folded.get(written.casefold()):
            columns[each] = source.c[have["name"]]
            types[each] = have["type"]
    key = [columns[each].name for each in table.key if each in columns]
    constrained = inspector.get_pk_constraint(name)["constrained_columns"]
    keyed = bool(constrained) and set(constrained) <= set(key)
    dialect = inspector.dialect.name
    return Physical(table, name, source, columns, types, dialect, keyed, exact)


def _bound(kind: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """Return the type values are bound with: GUIDs as text."""
    return sa.Uuid(as_uuid=False) if isinstance(kind, sa.Uuid) else kind


def _fits(column: Column, found: sa.types.TypeEngine[Any], dialect: str) -> bool:
    if isinstance(found, (sa.types.NullType, *_FAMILIES[column.kind])):
        return not (dialect == "sqlite" and column.kind == "code") or not isinstance(
            found, sa.Integer
        )
    if dialect != "sqlite":
        return False
    if isinstance(found, sa.Numeric):
        return column.kind not in ("text", "code")
    return isinstance(found, sa.String) and column.kind in _SQLITE_TEXT


def _missing(inspector: Inspector, table: Table, name: str) -> SideError:
    have = [*inspector.get_table_names(), *inspector.get_view_names()]
    if table.side == "nav":
        ending = "$" + name.rpartition("$")[2]
        companies = [each.removesuffix(ending) for each in have if each.endswith(ending)]
        if companies:
            return SideError(
                f"The database has no table '{name}', but one of the companies "
                f"{examples(companies)}. Correct 'company' in the workspace file."
            )
    return SideError(
        f"The database has no table '{name}' ({table.name}).{nearest(name, have)} "
        f"It has {_count(have)}."
    )


def _count(names: Iterable[str]) -> str:
    listed = sorted(names)
    return f"{len(listed):,} tables: {examples(listed)}" if listed else "no table at all"
