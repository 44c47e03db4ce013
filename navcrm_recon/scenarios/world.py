"""The world a scenario lives in: two databases, a state, a clock, handles that stand for GUIDs."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pandas as pd
import sqlalchemy as sa

from navcrm_recon.catalog import Catalog, SideName, Table, load_catalog
from navcrm_recon.errors import ConfigError, NotFoundError, nearest
from navcrm_recon.frames import UTC, conform, dtype_of, join_key, key_text, split_key, typed
from navcrm_recon.recon.baseline import baseline
from navcrm_recon.sandbox.databases import insert_rows, value_of
from navcrm_recon.scenarios.databases import COMPANY, SIDES, company_tables, fresh_databases
from navcrm_recon.scenarios.grammar import START, duration, moment
from navcrm_recon.sides.record_id import decodable, encode_key
from navcrm_recon.state.store import Store
from navcrm_recon.workspace import Workspace
from navcrm_recon.workspace_file import WorkspaceFile

_HANDLES = uuid.UUID("5c0a1e2f-7d64-4a53-9a43-1f0b6f3f2e11")
_HUMAN = "a human"
_STAMPS = ("last_synch_modified_on", "last_synch_crm_modified_on")
_COUPLING = (
    "mapping", "nav_key", "crm_id", "synchronized", "skipped", "last_synch_modified_on",
    "last_synch_crm_modified_on", "last_synch_result", "last_synch_crm_result",
)  # fmt: skip


def guid(handle: str) -> str:
    """Return the GUID a handle stands for; a GUID stands for itself.

    >>> guid("0F8FAD5B-D9CB-469F-A165-70867728950E")
    '0f8fad5b-d9cb-469f-a165-70867728950e'
    """
    try:
        return str(uuid.UUID(handle))
    except ValueError:
        return str(uuid.uuid5(_HANDLES, handle))


def _by(step: Mapping[str, Any]) -> str:
    """Return who changes CRM: where nobody is named, a human who is not the integration user."""
    return str(step.get("by", _HUMAN))


class World:
    """Both sides, the state and the clock of one scenario."""

    def __init__(self, given: Mapping[str, Any], urls: Mapping[str, str]) -> None:
        self.now = moment(given["now"]) if "now" in given else START
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
        self._keep(given.get("options") or [], given.get("couplings") or [])

    @classmethod
    @contextmanager
    def build(cls, given: Mapping[str, Any], sides: str) -> Iterator[World]:
        """Make fresh databases, fill them with what is given, and remove them at the end."""
        with fresh_databases(sides) as urls:
            yield cls(given, urls)

    def resolve(self, handle: str) -> str:
        """Return the GUID a handle stands for."""
        return guid(handle)

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
            "delete_crm": lambda it: self._delete("crm", it["entity"], [guid(str(it["key"]))]),
            "set_mapping": self._set_mapping,
            "set_setup": self._set_setup,
        }
        steps[name](arguments)

    def _advance(self, by: Any) -> None:
        self.now += duration(by)

    def _set_mapping(self, changes: Mapping[str, Any]) -> None:
        for mapping, settings in changes.items():
            self._changes[mapping] = {**self._changes.get(mapping, {}), **settings}
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
        return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]

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
            setup["integration_user"] = guid(str(setup["integration_user"]))
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
                    "Integration ID": guid(f"{table} {key}"),
                    "Table ID": known.id,
                    "Record ID": f"{known.id} {key}",
                    "Modified On": self.now.isoformat(),
                }
                for key in (self._key(known, row) for row in rows)
            ]
            insert_rows(self._engines["nav"], self._tables["nav"]["Integration Record"], stamps)

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
            stamped = self._stamped(known, self._ids(known, row), by)
            insert_rows(self._engines["crm"], self._tables["crm"][entity], [stamped])

    def _ids(self, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
        out = dict(row)
        for name, value in row.items():
            column = table.columns.get(name)
            if column is not None and column.kind in ("guid", "lookup") and value:
                out[name] = guid(str(value))
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
            "modifiedby": guid(by),
            "owneridtype": "systemuser",
        }
        return {name: value for name, value in stamps.items() if name in table.columns} | dict(row)

    def _edit_nav(self, table: str, key: Any, values: Mapping[str, Any]) -> None:
        known = self._table("nav", table)
        old = str(key)
        self._update("nav", known, self._parts(known, old), values)
        renamed = any(name in known.key for name in values)
        if table not in self._integrated:
            return
        record = self._tables["nav"]["Integration Record"]
        changed: dict[str, Any] = {"Modified On": self.now}
        if renamed:
            row = dict(zip(known.key, split_key(old), strict=True)) | dict(values)
            changed["Record ID"] = encode_key(known, self._key(known, row))
        self._touch(record, table, old, changed)

    def _touch(self, record: sa.Table, table: str, key: str, changed: Mapping[str, Any]) -> None:
        statement = sa.update(record).where(record.c["Integration ID"] == guid(f"{table} {key}"))
        values = {record.c[name]: value for name, value in changed.items()}
        with self._engines["nav"].begin() as connection:
            connection.execute(statement.values(values))

    def _edit_crm(self, entity: str, key: Any, values: Mapping[str, Any], by: str) -> None:
        known = self._table("crm", entity)
        stamps = {"modifiedon": self.now.isoformat(), "modifiedby": guid(by)}
        stamps = {name: value for name, value in stamps.items() if name in known.columns}
        self._update("crm", known, [guid(str(key))], stamps | self._ids(known, values))

    def _parts(self, table: Table, key: str) -> list[Any]:
        return [
            value_of(table, table.columns[name], part)
            for name, part in zip(table.key, split_key(key), strict=True)
        ]

    def _where(self, side: SideName, table: Table, parts: Sequence[Any]) -> list[Any]:
        sql = self._tables[side][table.name]
        return [sql.c[name] == part for name, part in zip(table.key, parts, strict=True)]

    def _update(
        self, side: SideName, table: Table, parts: Sequence[Any], values: Mapping[str, Any]
    ) -> None:
        sql = self._tables[side][table.name]
        unknown = [name for name in values if name not in table.columns]
        if unknown:
            raise ConfigError(
                f"{table.name} has no {unknown[0]}.{nearest(unknown[0], table.columns)}"
            )
        changed = {
            sql.c[name]: value_of(table, table.columns[name], value)
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
            self._touch(record, table, str(key), gone)

    def _delete(self, side: SideName, table: str, parts: Sequence[Any]) -> None:
        known = self._table(side, table)
        sql = self._tables[side][table]
        with self._engines[side].begin() as connection:
            done = connection.execute(sa.delete(sql).where(*self._where(side, known, parts)))
        self._only_one(done.rowcount, known, parts)

    def _only_one(self, rows: int, table: Table, parts: Sequence[Any]) -> None:
        if rows != 1:
            raise NotFoundError(f"There is no {table.name} {', '.join(map(str, parts))}.")

    def _keep(
        self, options: Sequence[Mapping[str, Any]], couplings: Sequence[Mapping[str, Any]]
    ) -> None:
        """Write the given option mapping and couplings to the state."""
        store = Store(self._urls["state"])
        store.save_option_mapping(conform(pd.DataFrame(options), "option_mapping"))
        if not couplings:
            return
        for each in couplings:
            unknown = [name for name in each if name not in _COUPLING]
            if unknown:
                raise ConfigError(
                    f"given.couplings: unknown key '{unknown[0]}'.{nearest(unknown[0], _COUPLING)}"
                )
        records = pd.DataFrame([self._coupling(each) for each in couplings])
        store.save_couplings(conform(records, "coupling_records"))

    def _coupling(self, given: Mapping[str, Any]) -> dict[str, Any]:
        out = {name: value for name, value in given.items() if name != "synchronized"}
        out["nav_key"], out["crm_id"] = str(given["nav_key"]), guid(str(given["crm_id"]))
        for name in _STAMPS:
            if out.get(name):
                out[name] = pd.Timestamp(moment(out[name])).as_unit("us")
        if given.get("synchronized"):
            out = self._synchronized(str(given["mapping"]), out)
        return out

    def _synchronized(self, name: str, record: dict[str, Any]) -> dict[str, Any]:
        """Add what a success leaves: both stamps, both results, the baseline."""
        stamped = {"last_synch_result": "success", "last_synch_crm_result": "success"} | record
        mapping = self._catalog.mappings.get(name)
        if mapping is None:
            return stamped
        keys: dict[SideName, str] = {"nav": record["nav_key"], "crm": record["crm_id"]}
        frames: dict[SideName, pd.DataFrame] = {}
        for side, stamp in zip(SIDES, _STAMPS, strict=True):
            table, at = mapping.table(side), self._ws.side(side)
            times = at.stamps(table, [keys[side]])["modified_on"].astype(UTC)
            if stamp not in stamped:
                stamped[stamp] = times.iloc[0] if len(times) else pd.NaT
            frames[side] = at.read(table, mapping.columns(side), (), [keys[side]])
        if len(frames["nav"]) and len(frames["crm"]):
            stamped["baseline"] = baseline(mapping, frames["nav"], frames["crm"]).iloc[0]
        return stamped
