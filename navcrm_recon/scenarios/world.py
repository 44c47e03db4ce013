"""The world a scenario lives in: two databases, a state, a clock, handles that stand for GUIDs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from navcrm_recon.catalog import Catalog, Column, SideName, Table, load_catalog
from navcrm_recon.errors import ConfigError, NotFoundError, nearest, shorten
from navcrm_recon.frames import dtype_of, join_key, key_text, split_key, typed
from navcrm_recon.sandbox.databases import insert_rows, value_of
from navcrm_recon.scenarios.couplings import keep
from navcrm_recon.scenarios.databases import COMPANY, SIDES, company_tables, fresh_databases
from navcrm_recon.scenarios.expect import Choice
from navcrm_recon.scenarios.grammar import START, duration, moment
from navcrm_recon.scenarios.handles import Handles, guid
from navcrm_recon.scenarios.settings import merged
from navcrm_recon.sides.record_id import decodable, encode_key
from navcrm_recon.sides.sql_types import NAV_BLANKS
from navcrm_recon.workspace import Workspace
from navcrm_recon.workspace_file import WorkspaceFile

_HUMAN = "a human"


def _by(step: Mapping[str, Any]) -> str:
    """Return who changes CRM: where nobody is named, a human who is not the integration user."""
    return str(step.get("by", _HUMAN))


def _value(side: SideName, column: Column | None, value: Any) -> Any:
    """Return a value as an expectation may name it: an option by caption, NAV's zero as blank."""
    if column is None or value is None or value is pd.NA:
        return value
    if column.kind == "option":
        return Choice(value, column.options.get(value, "" if side == "nav" else str(value)))
    if side == "nav" and column.kind in ("integer", "decimal") and not value:
        return Choice(value, "")
    return value


def _stored(table: Table, column: Column, value: Any) -> Any:
    """Return a value as the database holds it; NAV has blanks, never NULL."""
    found = value_of(table, column, value)
    return NAV_BLANKS.get(column.kind) if found is None and table.side == "nav" else found


class World:
    """Both sides, the state and the clock of one scenario."""

    def __init__(self, given: Mapping[str, Any], urls: Mapping[str, str]) -> None:
        self.now = moment(given["now"]) if "now" in given else START
        self.handles = Handles()
        self._births = 0
        self._integration_ids: dict[tuple[str, str], str] = {}
        self._urls = urls
        self._changes: dict[str, Any] = dict(given.get("mappings") or {})
        self._option_sets = given.get("option_sets") or {}
        self._setup: dict[str, Any] = dict(given.get("setup") or {})
        self._catalog = self._load()
        self._engines: dict[SideName, sa.Engine] = {
            side: sa.create_engine(urls[side], poolclass=sa.NullPool) for side in SIDES
        }
        self._tables = company_tables(self._engines, self._catalog, given.get("crm") or {})
        self._integrated = {
            mapping.nav.name
            for mapping in self._catalog.mappings.values()
            if mapping.option_attribute is None and decodable(mapping.nav)
        }
        for table, rows in (given.get("nav") or {}).items():
            self.insert_nav(table, rows)
        for entity, rows in (given.get("crm") or {}).items():
            self.insert_crm(entity, rows, _HUMAN)
        self._open()
        keep(self._ws, self._urls["state"], self.handles, given)

    @classmethod
    @contextmanager
    def build(cls, given: Mapping[str, Any], sides: str) -> Iterator[World]:
        """Make fresh databases, fill them with what is given, and remove them at the end."""
        with fresh_databases(sides) as urls:
            yield cls(given, urls)

    def key(self, side: SideName, table: str) -> tuple[str, ...]:
        """Return the names of a table's primary key."""
        return self._table(side, table).key

    def take(self, name: str, arguments: Any) -> None:
        """Take one step.

        Raises
        ------
        navcrm_recon.Error
            What the step was refused for.
        """
        steps: dict[str, Callable[[Any], None]] = {
            "advance": self._advance,
            "insert_nav": lambda it: self.insert_nav(it["table"], [it["row"]]),
            "insert_crm": lambda it: self.insert_crm(it["entity"], [it["row"]], _by(it)),
            "edit_nav": lambda it: self._edit_nav(it["table"], it["key"], it["set"]),
            "edit_crm": lambda it: self._edit_crm(it["entity"], it["key"], it["set"], _by(it)),
            "delete_nav": lambda it: self._delete_nav(it["table"], it["key"]),
            "delete_crm": lambda it: self._delete(
                "crm", it["entity"], [self.handles.id(it["key"])]
            ),
            "set_mapping": self._set_mapping,
            "set_setup": self._set_setup,
        }
        steps[name](arguments)

    def _advance(self, by: Any) -> None:
        self.now += duration(by)

    def _set_mapping(self, changes: Mapping[str, Any]) -> None:
        self._changes = merged(self._changes, changes)
        self._catalog = self._load()
        self._open()

    def _set_setup(self, setup: Mapping[str, Any]) -> None:
        self._setup.update(setup)
        self._open()

    def rows(self, side: SideName, table: str) -> list[dict[str, Any]]:
        """Return all rows of a table by the catalogue's names; the key as text under ``""``."""
        known = self._table(side, table)
        frame = self._ws.side(side).read(known, list(known.columns))
        frame[""] = frame.index
        rows = [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
        return [
            {name: _value(side, known.columns.get(name), each) for name, each in row.items()}
            for row in rows
        ]

    def captioned(self, row: dict[str, Any]) -> dict[str, Any]:
        """Return a row of frame ``diff`` whose options may be named by caption as well."""
        mapping = self._catalog.mappings[row["mapping"]]
        out = dict(row)
        for side in SIDES:
            column = mapping.table(side).columns.get(row[f"{side}_field"])
            value = row[f"{side}_value"]
            if column is not None and column.kind == "option" and value.lstrip("-").isdigit():
                out[f"{side}_value"] = _value(side, column, int(value))
        return out

    def couplings(self, mappings: set[str] | None) -> pd.DataFrame:
        """Return frame ``couplings`` of some or all enabled mappings."""
        return pd.concat([self._ws.couplings(name) for name in self._chosen(mappings)])

    def diff(self, mappings: set[str] | None) -> pd.DataFrame:
        """Return frame ``diff`` of some or all enabled mappings."""
        return pd.concat([self._ws.diff(name) for name in self._chosen(mappings)])

    def missing_options(self) -> pd.DataFrame:
        """Return frame ``missing_options``."""
        return self._ws.missing_options()

    def _chosen(self, mappings: set[str] | None) -> list[str]:
        return (
            sorted(mappings)
            if mappings
            else [n for n, m in self._catalog.mappings.items() if m.enabled]
        )

    def _load(self) -> Catalog:
        return load_catalog(self._changes, source="given.mappings", option_sets=self._option_sets)

    def _open(self) -> None:
        setup = dict(self._setup)
        if "integration_user" in setup:
            setup["integration_user"] = self.handles.id(setup["integration_user"])
        config = WorkspaceFile(
            path=Path("scenario.yaml"),
            company=COMPANY,
            nav={"kind": "sql", "url": self._urls["nav"]},
            crm={"kind": "sql", "url": self._urls["crm"]},
            state=self._urls["state"],
            couplings="state",
            setup=setup,
            timezone="UTC",
            mappings=self._changes,
            mappings_source="given.mappings",
            thresholds={},
            report={},
        )
        self._ws = Workspace(config, self._catalog)

    def _table(self, side: SideName, name: str) -> Table:
        tables = self._catalog.tables(side)
        if name not in tables:
            raise NotFoundError(f"There is no {side} table '{name}'.{nearest(name, tables)}")
        return tables[name]

    def insert_nav(self, table: str, rows: Sequence[Mapping[str, Any]]) -> None:
        """Insert NAV records, with their Integration Records where NAV keeps them."""
        known = self._table("nav", table)
        insert_rows(self._engines["nav"], self._tables["nav"][table], rows)
        if table in self._integrated:
            stamps = [
                {
                    "Integration ID": self._integration_id(table, key),
                    "Table ID": known.id,
                    "Record ID": f"{known.id} {key}",
                    "Modified On": self.now.isoformat(),
                }
                for key in (self._key(known, row) for row in rows)
            ]
            insert_rows(self._engines["nav"], self._tables["nav"]["Integration Record"], stamps)

    def _integration_id(self, table: str, key: str) -> str:
        """Return the id NAV gives a new record: another one when the key was used before."""
        self._births += 1
        self._integration_ids[table, key] = guid(f"{table} {key} {self._births}")
        return self._integration_ids[table, key]

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

    def insert_crm(self, entity: str, rows: Sequence[Mapping[str, Any]], by: str) -> None:
        """Insert CRM records: handles become GUIDs, CRM stamps who and when."""
        known = self._table("crm", entity)
        for row in rows:  # one by one: a record may name one before it
            stamped = self._stamped(known, self._ids(known, self._born(known, row)), by)
            insert_rows(self._engines["crm"], self._tables["crm"][entity], [stamped])

    def _born(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return a record with its id: CRM gives one to a record that brings none."""
        key = table.key[0]
        if row.get(key):
            self.handles.give(row[key])
            return dict(row)
        self._births += 1
        return {**row, key: guid(f"born {table.name} {self._births}")}

    def _ids(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(row)
        for name, value in row.items():
            column = table.columns.get(name)
            if column is not None and column.kind in ("guid", "lookup") and value:
                out[name] = self.handles.id(value)
                target = f"{name}type"
                if target in table.columns and target not in row:
                    out[target] = self._entity_of(out[name], column.targets)
        return out

    def _entity_of(self, record: str, targets: Sequence[str]) -> str:
        """Return which entity holds a record, as CRM knows; the first possible one if none does."""
        for entity in targets:
            table = self._tables["crm"].get(entity)
            if table is not None:
                key = self._catalog.crm[entity].key[0]
                with self._engines["crm"].connect() as connection:
                    if connection.execute(
                        sa.select(table.c[key]).where(table.c[key] == record)
                    ).first():
                        return entity
        return targets[0] if targets else ""

    def _stamped(self, table: Table, row: Mapping[str, Any], by: str) -> dict[str, Any]:
        stamps = {
            "createdon": self.now.isoformat(),
            "modifiedon": self.now.isoformat(),
            "modifiedby": self.handles.id(by),
            "owneridtype": "systemuser",
        }
        return {name: value for name, value in stamps.items() if name in table.columns} | dict(row)

    def _edit_nav(self, table: str, key: Any, values: Mapping[str, Any]) -> None:
        known = self._table("nav", table)
        old = self._canonical(known, key)
        self._update("nav", known, self._parts(known, old), values)
        renamed = any(name in known.key for name in values)
        if table not in self._integrated:
            return
        record = self._tables["nav"]["Integration Record"]
        changed: dict[str, Any] = {"Modified On": self.now}
        if renamed:
            row = dict(zip(known.key, split_key(old), strict=True)) | dict(values)
            new = self._key(known, row)
            changed["Record ID"] = encode_key(known, new)
            self._integration_ids[table, new] = self._integration_ids[table, old]
        self._touch(record, table, old, changed)

    def _touch(self, record: sa.Table, table: str, key: str, changed: Mapping[str, Any]) -> None:
        own = record.c["Integration ID"] == self._integration_ids[table, key]
        statement = sa.update(record).where(own)
        values = {record.c[name]: value for name, value in changed.items()}
        with self._engines["nav"].begin() as connection:
            connection.execute(statement.values(values))

    def _edit_crm(self, entity: str, key: Any, values: Mapping[str, Any], by: str) -> None:
        known = self._table("crm", entity)
        stamps = {"modifiedon": self.now.isoformat(), "modifiedby": self.handles.id(by)}
        stamps = {name: value for name, value in stamps.items() if name in known.columns}
        self._update("crm", known, [self.handles.id(key)], stamps | self._ids(known, values))

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
        with self._engines[side].begin() as connection:
            done = connection.execute(
                sa.update(sql).where(*self._where(side, table, parts)).values(changed)
            )
        self._only_one(done.rowcount, table, parts)

    def _delete_nav(self, table: str, key: Any) -> None:
        known = self._table("nav", table)
        self._delete("nav", table, self._parts(known, str(key)))
        if table in self._integrated:
            record = self._tables["nav"]["Integration Record"]
            gone = {"Deleted On": self.now, "Modified On": self.now, "Record ID": b""}
            self._touch(record, table, self._canonical(known, key), gone)

    def _delete(self, side: SideName, table: str, parts: Sequence[Any]) -> None:
        known = self._table(side, table)
        sql = self._tables[side][table]
        with self._engines[side].begin() as connection:
            done = connection.execute(sa.delete(sql).where(*self._where(side, known, parts)))
        self._only_one(done.rowcount, known, parts)

    def _only_one(self, rows: int, table: Table, parts: Sequence[Any]) -> None:
        if rows != 1:
            raise NotFoundError(f"There is no {table.name} {', '.join(map(str, parts))}.")
