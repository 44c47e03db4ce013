"""Making the tables of the state, and bringing those of an older version up to date."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, Connection, Table, insert, inspect, select, text, update
from sqlalchemy.schema import CreateColumn, CreateTable

from navcrm_recon.state.schema import VERSION, metadata, state_version

#: Any number, the same for all who may make the tables at once.
_MAKING = 5331_5334


def since(part: Table | Column[Any]) -> int:
    """Return the version of the state that brought a table or column."""
    return int(part.info.get("since", 1))


def version_of(connection: Connection) -> int:
    """Return the version of the state, 0 where there is none."""
    if not inspect(connection).has_table(state_version.name):
        return 0
    return connection.execute(select(state_version.c.version)).scalar() or 0


def upgrade(connection: Connection) -> None:
    """Make the tables that are missing, and add what newer versions brought, in one transaction.

    What a version brings is what ``schema.py`` says it does (``since``): new tables, columns with
    a default, indexes.
    """
    if connection.dialect.name == "postgresql":
        # Who comes second waits here, and then finds everything made.
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MAKING})
    version = version_of(connection)
    if version >= VERSION:
        return
    for table in metadata.sorted_tables:
        if since(table) > version:
            connection.execute(CreateTable(table))
        for column in table.columns:
            if since(table) <= version < since(column):
                _add(connection, table, column)
        for index in sorted(table.indexes, key=lambda each: str(each.name)):
            index.create(connection, checkfirst=True)
    if version:
        connection.execute(update(state_version), {"version": VERSION})
    else:
        connection.execute(insert(state_version), {"version": VERSION})


def _add(connection: Connection, table: Table, column: Column[Any]) -> None:
    name = connection.dialect.identifier_preparer.format_table(table)
    definition = CreateColumn(column).compile(dialect=connection.dialect)
    connection.execute(text(f"ALTER TABLE {name} ADD COLUMN {definition}"))
