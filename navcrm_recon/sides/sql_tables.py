"""The tables of both products in SQL: their names, columns, types and keys."""

from __future__ import annotations

import sqlalchemy as sa

from navcrm_recon.catalog.model import Column, Table
from navcrm_recon.sides.sql_types import NAV_BLANKS, sql_type

#: Characters NAV writes as ``_`` in SQL names, unless the database says otherwise (connectors C.1).
DEFAULT_INVALID_CHARACTERS = "." + '"' + "\\/'%]["
#: The table with the database properties, among them the characters above.
PROPERTY_TABLE = "$ndo$dbproperty"
PROPERTY_COLUMN = "invalididentifierchars"


def sql_name(name: str, invalid_characters: str = DEFAULT_INVALID_CHARACTERS) -> str:
    """Return a NAV name as SQL has it.

    >>> sql_name("Country/Region Code")
    'Country_Region Code'
    """
    return name.translate({ord(character): "_" for character in invalid_characters})


def table_name(
    table: Table, *, company: str, invalid_characters: str = DEFAULT_INVALID_CHARACTERS
) -> str:
    """Return the SQL name of a NAV table of one company, or of a CRM entity."""
    if table.side == "crm":
        return table.name
    return sql_name(f"{company}${table.name}", invalid_characters)


def column_name(
    table: Table, column: str, *, invalid_characters: str = DEFAULT_INVALID_CHARACTERS
) -> str:
    """Return the SQL name of a column."""
    return column if table.side == "crm" else sql_name(column, invalid_characters)


def sql_table(
    table: Table,
    *,
    company: str,
    invalid_characters: str = DEFAULT_INVALID_CHARACTERS,
    metadata: sa.MetaData,
) -> sa.Table:
    """Return the SQL table of a table of the catalogue.

    Each column's ``key`` is the catalogue's name, its ``name`` the SQL name, so rows may be
    inserted by the names of the catalogue. Flow fields are no columns. NAV columns are NOT NULL
    with NAV's blanks as defaults (but for BLOBs), CRM columns may be NULL (connectors C.2).
    """
    name = table_name(table, company=company, invalid_characters=invalid_characters)
    if name in metadata.tables:
        return metadata.tables[name]
    columns = [
        _sql_column(
            table, column, column_name(table, column.name, invalid_characters=invalid_characters)
        )
        for column in table.columns.values()
        if column.flow is None
    ]
    return sa.Table(name, metadata, *columns)


def _sql_column(table: Table, column: Column, name: str) -> sa.Column[object]:
    nav = table.side == "nav"
    in_key = column.name in table.key
    default = NAV_BLANKS.get(column.kind) if nav else None
    return sa.Column(
        name,
        sql_type(column, nav=nav),
        key=column.name,
        primary_key=in_key,
        nullable=not in_key and (not nav or column.kind == "blob"),
        autoincrement=False,
        default=default,
    )


def ndo_property_table(metadata: sa.MetaData) -> sa.Table:
    """Return the table of NAV's database properties."""
    if PROPERTY_TABLE in metadata.tables:
        return metadata.tables[PROPERTY_TABLE]
    return sa.Table(
        PROPERTY_TABLE,
        metadata,
        sa.Column("databaseversionno", sa.Integer, nullable=False, default=0),
        sa.Column(PROPERTY_COLUMN, sa.Unicode(250), nullable=False, default=""),
    )
