"""The two products as people use them: records come, change and go, and each product stamps."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from navcrm_recon.catalog import Catalog, Column, SideName, Table
from navcrm_recon.errors import ConfigError, NotFoundError, nearest, shorten
from navcrm_recon.frames import dtype_of, join_key, key_text, split_key, typed
from navcrm_recon.sandbox.databases import insert_rows, next_version, value_of
from navcrm_recon.scenarios.databases import SIDES, company_tables
from navcrm_recon.scenarios.handles import Handles, guid
from navcrm_recon.sides.record_id import decodable, encode_key
from navcrm_recon.sides.sql_types import NAV_BLANKS

_STAMPS = "Integration Record"
#: NAV stamps these when one of their lines changes (engine R1.8a): line -> record, the line's
#: column that names it, what the line must be.
_PARENTS: dict[str, tuple[str, str, dict[str, str]]] = {
    "Currency Exchange Rate": ("Currency", "Currency Code", {}),
    "Sales Price": ("Customer Price Group", "Sales Code", {"Sales Type": "Customer Price Group"}),
    "Sales Invoice Line": ("Sales Invoice Header", "Document No.", {}),
}

#: NAV document -> its lines, whose key begins with the document's.
_LINES = {"Sales Header": "Sales Line"}


class Products:
    """NAV and CRM of one scenario, to be worked in by hand.

    Attributes
    ----------
    catalog
        Tables and mappings; the world puts another one in when mappings change.
    """

    def __init__(
        self,
        urls: Mapping[str, str],
        catalog: Catalog,
        handles: Handles,
        clock: Callable[[], datetime],
        wanted: Mapping[str, Any],
    ) -> None:
        self.catalog = catalog
        self._handles = handles
        self._clock = clock
        self._births = 0
        self._engines: dict[SideName, sa.Engine] = {
            side: sa.create_engine(urls[side], poolclass=sa.NullPool) for side in SIDES
        }
        self._tables = company_tables(self._engines, catalog, wanted)
        self._integrated = {
            mapping.nav.name
            for mapping in catalog.coupled.values()
            if mapping.option_attribute is None and decodable(mapping.nav)
        }

    def table(self, side: SideName, name: str) -> Table:
        """Return a table of the catalogue.

        Raises
        ------
        NotFoundError
            There is none of that name.
        """
        tables = self.catalog.tables(side)
        if name not in tables:
            raise NotFoundError(f"There is no {side} table '{name}'.{nearest(name, tables)}")
        return tables[name]

    def insert_nav(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert NAV records, with their Integration Records where NAV keeps them."""
        known = self.table("nav", table)
        insert_rows(self._engines["nav"], self._tables["nav"][table], rows)
        for key in [self._key(known, row) for row in rows]:
            self._stamp_new(known, key)
            self._stamp_parent(known, key)

    def edit_nav(self, table: str, key: Any, values: Mapping[str, Any]) -> None:
        """Change a NAV record; NAV stamps it, and moves its stamp along when it is renamed."""
        known = self.table("nav", table)
        old = self._canonical(known, key)
        self._update("nav", known, self._parts(known, old), values)
        row = dict(zip(known.key, split_key(old), strict=True)) | dict(values)
        new = self._key(known, {name: row[name] for name in known.key})
        changed: dict[str, Any] = {"Modified On": self._clock()}
        if new != old:
            changed["Record ID"] = encode_key(known, new) if table in self._integrated else b""
            self._stamp_parent(known, old)
        if not self._stamp(known, old, changed):
            self._stamp_new(known, new)
        self._stamp_parent(known, new)

    def finish_nav(self, table: str, key: Any) -> None:
        """Delete a NAV document with its lines, as posting does: no Integration Record says so."""
        known = self.table("nav", table)
        parts = self._parts(known, self._canonical(known, key))
        self._delete("nav", known, parts)
        if table in _LINES:
            lines = self._tables["nav"][_LINES[table]]
            own = zip(self.table("nav", _LINES[table]).key, parts, strict=False)
            with self._engines["nav"].begin() as connection:
                connection.execute(sa.delete(lines).where(*[lines.c[n] == p for n, p in own]))

    def delete_nav(self, table: str, key: Any) -> None:
        """Delete a NAV record, a document with its lines; its Integration Record says when."""
        known = self.table("nav", table)
        old = self._canonical(known, key)
        self.finish_nav(table, key)
        now = self._clock()
        self._stamp(known, old, {"Deleted On": now, "Modified On": now, "Record ID": b""})
        self._stamp_parent(known, old)

    def _stamp_new(self, table: Table, key: str) -> None:
        """Give a record an Integration Record, with another id than any record before it."""
        if table.name not in self._integrated:
            return
        self._births += 1
        stamp = {
            "Integration ID": guid(f"{table.name} {key} {self._births}"),
            "Table ID": table.id,
            "Record ID": f"{table.id} {key}",
            "Modified On": self._clock().isoformat(),
        }
        insert_rows(self._engines["nav"], self._tables["nav"][_STAMPS], [stamp])

    def _stamp(self, table: Table, key: str, changed: Mapping[str, Any]) -> bool:
        """Change the Integration Record of a record; say whether it has one."""
        if table.name not in self._integrated:
            return False
        record = self._tables["nav"][_STAMPS]
        own = sa.and_(
            record.c["Table ID"] == table.id, record.c["Record ID"] == encode_key(table, key)
        )
        values = {record.c[name]: value for name, value in changed.items()}
        with self._engines["nav"].begin() as connection:
            return connection.execute(sa.update(record).where(own).values(values)).rowcount > 0

    def _stamp_parent(self, table: Table, key: str) -> None:
        if table.name not in _PARENTS:
            return
        parent, column, conditions = _PARENTS[table.name]
        row = dict(zip(table.key, split_key(key), strict=True))
        if all(row[name] == wanted for name, wanted in conditions.items()):
            self._stamp(self.table("nav", parent), row[column], {"Modified On": self._clock()})

    def _key(self, table: Table, row: Mapping[str, Any]) -> str:
        """Return the ``nav_key`` of a row written by hand."""
        parts = []
        for name in table.key:
            column = table.columns[name]
            value = value_of(table, column, row.get(name))
            if value is None and column.kind in ("option", "integer", "decimal"):
                value = 0  # NAV's blank number
            values = typed(pd.Series([value], dtype=object), dtype_of(table, name))
            parts.append(key_text(values, column.options or None))
        return str(join_key(parts).iloc[0])

    def _canonical(self, table: Table, key: Any) -> str:
        """Return a NAV key the way the product writes it."""
        self._parts(table, str(key))
        return self._key(table, dict(zip(table.key, split_key(str(key)), strict=True)))

    def _parts(self, table: Table, key: str) -> list[Any]:
        """Return the parts of a NAV key as the database holds them."""
        parts = split_key(key)
        if len(parts) != len(table.key):
            listed = ", ".join(table.key)
            raise ConfigError(
                f"The key of {table.name} is {listed}; '{shorten(key)}' has {len(parts)} parts."
            )
        return [
            _stored(table, table.columns[name], part)
            for name, part in zip(table.key, parts, strict=True)
        ]

    def insert_crm(self, entity: str, rows: Sequence[Mapping[str, Any]], by: str) -> None:
        """Insert CRM records: handles become GUIDs, CRM stamps who and when.

        CRM says itself which unit is the base of its group: one that is given no other.
        """
        known = self.table("crm", entity)
        for row in rows:  # one by one: a record may name one before it
            if entity == "uom" and not row.get("baseuom"):
                row = {"isschedulebaseuom": True, **row}
            stamped = self._stamped(known, self._ids(known, self._born(known, row)), by)
            insert_rows(self._engines["crm"], self._tables["crm"][entity], [stamped])

    def edit_crm(self, entity: str, key: Any, values: Mapping[str, Any], by: str) -> None:
        """Change a CRM record; CRM stamps who and when."""
        known = self.table("crm", entity)
        stamps = {"modifiedon": self._clock().isoformat(), "modifiedby": self._handles.id(by)}
        stamps = {name: value for name, value in stamps.items() if name in known.columns}
        changed = stamps | self._ids(known, values)
        self._update("crm", known, [self._handles.id(key)], changed)

    def delete_crm(self, entity: str, key: Any) -> None:
        """Delete a CRM record."""
        self._delete("crm", self.table("crm", entity), [self._handles.id(key)])

    def _born(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record with its id: CRM gives one to a record that brings none."""
        key = table.key[0]
        if row.get(key):
            self._handles.give(row[key])
            return dict(row)
        self._births += 1
        return {**row, key: guid(f"born {table.name} {self._births}")}

    def _ids(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(row)
        for name, value in row.items():
            column = table.columns.get(name)
            if column is not None and column.kind in ("guid", "lookup") and value:
                out[name] = self._handles.id(value)
                target = f"{name}type"
                if target in table.columns and target not in row:
                    out[target] = self._entity_of(out[name], column.targets)
        return out

    def _entity_of(self, record: str, targets: Sequence[str]) -> str:
        """Return which entity holds a record, as CRM knows; the first possible one if none does."""
        for entity in targets:
            table = self._tables["crm"].get(entity)
            if table is not None:
                key = self.catalog.crm[entity].key[0]
                with self._engines["crm"].connect() as connection:
                    if connection.execute(
                        sa.select(table.c[key]).where(table.c[key] == record)
                    ).first():
                        return entity
        return targets[0] if targets else ""

    def _stamped(self, table: Table, row: Mapping[str, Any], by: str) -> dict[str, Any]:
        stamps = {
            "createdon": self._clock().isoformat(),
            "modifiedon": self._clock().isoformat(),
            "modifiedby": self._handles.id(by),
            "owneridtype": "systemuser",
        }
        return {name: value for name, value in stamps.items() if name in table.columns} | dict(row)

    def _where(self, side: SideName, table: Table, parts: Sequence[Any]) -> list[Any]:
        sql = self._tables[side][table.name]
        return [sql.c[name] == part for name, part in zip(table.key, parts, strict=True)]

    def _update(
        self, side: SideName, table: Table, parts: Sequence[Any], values: Mapping[str, Any]
    ) -> None:
        sql = self._tables[side][table.name]
        unknown = [name for name in values if name not in sql.c]
        if unknown:
            raise ConfigError(
                f"{table.name} has no {unknown[0]}.{nearest(unknown[0], table.columns)}"
            )
        changed = {
            sql.c[name]: _stored(table, table.columns[name], value)
            for name, value in values.items()
        }
        for name, column in table.columns.items():
            if column.kind == "rowversion":
                # Above what the engine has written to the table, too.
                newest = sa.select(sa.func.max(sql.c[name])).scalar_subquery()
                ours = next_version(sql)
                changed[sql.c[name]] = sa.case((newest < ours, ours), else_=newest + 1)
        with self._engines[side].begin() as connection:
            done = connection.execute(
                sa.update(sql).where(*self._where(side, table, parts)).values(changed)
            )
        _only_one(done.rowcount, table, parts)

    def _delete(self, side: SideName, table: Table, parts: Sequence[Any]) -> None:
        sql = self._tables[side][table.name]
        with self._engines[side].begin() as connection:
            done = connection.execute(sa.delete(sql).where(*self._where(side, table, parts)))
        _only_one(done.rowcount, table, parts)


def _stored(table: Table, column: Column, value: Any) -> Any:
    """Return a value as the database holds it; NAV has blanks, never NULL."""
    found = value_of(table, column, value)
    return NAV_BLANKS.get(column.kind) if found is None and table.side == "nav" else found


def _only_one(rows: int, table: Table, parts: Sequence[Any]) -> None:
    if rows != 1:
        raise NotFoundError(f"There is no {table.name} {', '.join(map(str, parts))}.")
