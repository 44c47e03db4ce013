"""Sides and a state that only imagine being written, so that a plan runs the very same passes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Column, Condition, Option, SideName, Table
from navcrm_recon.frames import INDEX_NAMES, TEXT, as_rows, conform, dtype_of, typed
from navcrm_recon.recon.align import arrow
from navcrm_recon.sides import records as side_records
from navcrm_recon.sides.side import Side
from navcrm_recon.sides.sql_types import NAV_BLANKS
from navcrm_recon.sides.writing import Write, Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.scene import new_id as real_id

_PAIR = ["mapping", "nav_key", "crm_id"]
#: How the key of a record begins that is not yet born.
UNBORN = "<new "
_RELATION_CODE = "Bus. Rel. Code for Customers"
_NUMBERS = ("option", "integer", "decimal", "boolean")


def imagined(scene: Scene) -> Scene:
    """Return a scene on which passes write nothing, though later ones see what earlier ones did.

    A record not yet born has the key ``<new CUSTOMER 10000>`` (contract 4).
    """
    store = None if scene.store is None else ImaginedStore(scene.store)
    return replace(
        scene.fresh(),
        nav=ImaginedSide(scene.nav, scene.catalog.nav),
        crm=ImaginedSide(scene.crm, scene.catalog.crm),
        store=store,
        new_id=placeholder,
        notes=[],
    )


def placeholder(mapping: str, source: str) -> str:
    """Return the name of a record that is not yet born."""
    return real_id(mapping, source) if mapping == "journal" else f"{UNBORN}{mapping} {source}>"


class ImaginedSide:
    """A side whose writes stay in memory (``side.Side``)."""

    def __init__(self, base: Side, tables: Mapping[str, Table]) -> None:
        self.name: SideName = base.name
        self._tables = tables
        self.writable = True  # a plan can be made of a side that is only read
        self._base = base
        self._rows: dict[str, dict[str, dict[str, Any]]] = {}
        self._new: dict[str, set[str]] = {}
        self._gone: dict[str, set[str]] = {}
        self._stamps: dict[str, dict[str, tuple[datetime, str]]] = {}

    def describe(self) -> dict[str, str]:
        """Say what this is, as the real side does."""
        return self._base.describe()

    def available(self, table: Table) -> frozenset[str]:
        """Return the columns the real side has."""
        return self._base.available(table)

    def option_set(self, entity: str, attribute: str) -> tuple[Option, ...] | None:
        """Return the options of the real side."""
        return self._base.option_set(entity, attribute)

    def left_out(self, table: Table) -> frozenset[str] | None:
        """Return what the real side could not read."""
        return self._base.left_out(table)

    def not_checked(self) -> pd.DataFrame:
        """List what the real side could not read."""
        return self._base.not_checked()

    def write(
        self, table: Table, writes: Sequence[Write], *, now: datetime, by: str
    ) -> list[Written]:
        """Remember writes instead of making them."""
        rows = self._rows.setdefault(table.name, {})
        stamps = self._stamps.setdefault(table.name, {})
        out = []
        for write in writes:
            key = write.key or write.identity
            if write.action == "delete":
                self._gone.setdefault(table.name, set()).add(key)
                rows.pop(key, None)
            else:
                if write.action == "insert":
                    self._new.setdefault(table.name, set()).add(key)
                    if table.name == "Customer":
                        self._make_company(key, write.values)
                    if table.name == "uomschedule":
                        self._make_unit(key, dict(write.values).get("baseuomname"))
                rows[key] = rows.get(key, {}) | dict(write.values)
                stamps[key] = (now, by)
            out.append(Written(key, now))
        return out

    def _make_unit(self, group: str, name: Any) -> None:
        """Imagine the unit CRM makes for a new unit group (``sides.crm_rules``)."""
        key = f"{UNBORN}uom of {group}>"
        values = {"uomid": key, "name": name, "uomscheduleid": group, "quantity": Decimal(1)}
        self._new.setdefault("uom", set()).add(key)
        self._rows.setdefault("uom", {})[key] = {**values, "isschedulebaseuom": True}

    def _make_company(self, customer: str, values: Mapping[str, Any]) -> None:
        """Imagine the company contact NAV makes for a new customer (``sides.product_rules``)."""
        setup = self._base.read(self._tables["Marketing Setup"], [_RELATION_CODE, "Contact Nos."])
        if not len(setup) or not setup.iloc[0].astype(bool).all():
            return
        relation, contact = str(setup[_RELATION_CODE].iloc[0]), f"{UNBORN}Contact of {customer}>"
        made: list[tuple[str, str, dict[str, Any]]] = [
            ("Contact", contact, {"No.": contact, "Type": 0, "Name": values.get("Name")}),
            ("Contact Business Relation", f"{contact}, {relation}", {
                "Contact No.": contact, "Business Relation Code": relation, "Link to Table": 1,
                "No.": customer}),
        ]  # fmt: skip
        for table, key, row in made:
            self._new.setdefault(table, set()).add(key)
            self._rows.setdefault(table, {})[key] = row

    def read(
        self,
        table: Table,
        columns: Sequence[str],
        where: Sequence[Condition] = (),
        keys: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Read the real records as the imagined writes left them."""
        rows, gone = self._rows.get(table.name, {}), self._gone.get(table.name, set())
        if not rows and not gone:
            return self._base.read(table, columns, _real(table, where), keys)
        new = self._new.get(table.name, set())
        asked = None if keys is None else [key for key in keys if key not in new]
        base = self._base.read(table, columns, _real(table, where), asked)
        base = base[~base.index.isin([*rows, *gone])]
        wanted = [key for key in rows if keys is None or key in set(keys)]
        names = list(dict.fromkeys([*columns, *(each.field for each in where)]))
        touched = self._touched(table, names, wanted, new)
        touched = _meeting(table, touched, where)[list(columns)]
        both = pd.concat([base, touched]) if len(touched) else base
        return both.sort_index().rename_axis(INDEX_NAMES[self.name])

    def _touched(
        self, table: Table, names: list[str], keys: list[str], new: set[str]
    ) -> pd.DataFrame:
        """Return the records that were written, with their imagined values."""
        old = self._base.read(table, names, (), [key for key in keys if key not in new])
        there = {
            str(key): {str(name): value for name, value in row.items()}
            for key, row in zip(old.index, old.to_dict("records"), strict=True)
        }
        kept = [key for key in keys if key in new or key in there]
        columns = {}
        for name in names:
            column = table.columns[name]
            values = [self._value(table, column, key, there.get(key, {})) for key in kept]
            series = pd.Series(values, index=kept, dtype=object)
            columns[name] = typed(series, dtype_of(table, name))
        return pd.DataFrame(columns, index=pd.Index(kept, dtype=TEXT))

    def _value(self, table: Table, column: Column, key: str, old: dict[str, Any]) -> Any:
        row = self._rows[table.name][key]
        if column.name in row:
            value = row[column.name]
        elif column.name in old:
            return old[column.name]
        elif table.key == (column.name,):
            return key
        else:
            value = column.default
        if value is None and self.name == "nav" and column.kind in _NUMBERS:
            return NAV_BLANKS[column.kind]
        return value

    def stamps(
        self, table: Table, keys: Sequence[str] | None = None, since: datetime | None = None
    ) -> pd.DataFrame:
        """Return the real stamps, and those of imagined writes."""
        gone = self._gone.get(table.name, set())
        mine = {
            key: stamp
            for key, stamp in self._stamps.get(table.name, {}).items()
            if (keys is None or key in set(keys)) and (since is None or stamp[0] > since)
        }
        asked = None if keys is None else [k for k in keys if k not in mine]
        base = self._base.stamps(table, keys=asked, since=since)
        base = base[~base.index.isin([*self._stamps.get(table.name, {}), *gone])]
        if not mine:
            return base
        times, users = zip(*mine.values(), strict=True)
        own = pd.DataFrame(
            {"modified_on": times, "modified_by": users},
            index=pd.Index(list(mine), dtype=TEXT, name=INDEX_NAMES[self.name]),
        )
        return pd.concat([base, conform(own, "stamps")]).sort_index()


def _real(table: Table, where: Sequence[Condition]) -> list[Condition]:
    """Return conditions a real side understands: no real record names one not yet born."""
    out = []
    for each in where:
        values = each.value if isinstance(each.value, list) else [each.value]
        unborn = [value for value in values if str(value).startswith(UNBORN)]
        if unborn and table.columns[each.field].kind in ("guid", "lookup"):
            kept = [value for value in values if value not in unborn]
            out.append(Condition(each.field, "in" if each.op == "eq" else each.op, kept))
        else:
            out.append(each)
    return out


def _meeting(table: Table, frame: pd.DataFrame, where: Sequence[Condition]) -> pd.DataFrame:
    """Return the records that meet the conditions, as a side would."""
    if not where or not len(frame):
        return frame
    columns = {str(name): arrow(frame[name]) for name in frame}
    columns[""] = pa.array(frame.index.tolist(), pa.large_string())
    kept = set(side_records.meets(table, columns, where)[""].to_pylist())
    return frame[frame.index.isin(list(kept))]


class ImaginedStore(Store):
    """A state whose writes stay in memory; nothing of it is logged."""

    def __init__(self, base: Store) -> None:
        super().__init__(base.url)
        self._couplings: dict[tuple[str, str, str], dict[str, Any] | None] = {}
        self._options: dict[tuple[str, str], dict[str, Any] | None] = {}

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Keep nothing together: there is nothing to keep."""
        yield

    def lock(self, mapping: str, timeout: float = 600) -> AbstractContextManager[None]:
        """Lock nothing: a plan disturbs nobody."""
        return nullcontext()

    def coupling_records(
        self,
        mapping: str | None = None,
        *,
        nav_keys: Iterable[str] | None = None,
        crm_ids: Iterable[str] | None = None,
        integration_ids: Iterable[str] | None = None,
        failed: str | None = None,
    ) -> pd.DataFrame:
        """Return the real couplings as the imagined writes left them."""
        nav = None if nav_keys is None else list(nav_keys)
        crm = None if crm_ids is None else list(crm_ids)
        ids = None if integration_ids is None else list(integration_ids)
        base = super().coupling_records(
            mapping, nav_keys=nav, crm_ids=crm, integration_ids=ids, failed=failed
        )
        if not self._couplings:
            return base
        pairs = pd.MultiIndex.from_frame(base[_PAIR])
        base = base[~pairs.isin(list(self._couplings))]
        result = "last_synch_crm_result" if failed == "to_crm" else "last_synch_result"
        own = [
            row
            for row in self._couplings.values()
            if row is not None
            and (mapping is None or row["mapping"] == mapping)
            and (nav is None or row["nav_key"] in nav)
            and (crm is None or row["crm_id"] in crm)
            and (ids is None or row["integration_id"] in ids)
            and (failed is None or (row[result] == "failure" and not row["skipped"]))
        ]
        if not own:
            return base.reset_index(drop=True)
        both = pd.concat([base, conform(pd.DataFrame(own), "coupling_records")])
        return both.sort_values(_PAIR, ignore_index=True)

    def save_couplings(self, records: pd.DataFrame) -> None:
        """Remember couplings."""
        for row in as_rows(conform(records, "coupling_records")):
            self._couplings[row["mapping"], row["nav_key"], row["crm_id"]] = row

    def remove_couplings(self, records: pd.DataFrame) -> None:
        """Forget couplings."""
        for row in records[_PAIR].itertuples(index=False):
            self._couplings[tuple(row)] = None

    def option_mapping(self, mapping: str | None = None) -> pd.DataFrame:
        """Return the real option mapping as the imagined writes left it."""
        base = super().option_mapping(mapping)
        if not self._options:
            return base
        pairs = pd.MultiIndex.from_frame(base[["mapping", "nav_key"]])
        base = base[~pairs.isin(list(self._options))]
        own = [
            row
            for row in self._options.values()
            if row is not None and (mapping is None or row["mapping"] == mapping)
        ]
        both = pd.concat([base, conform(pd.DataFrame(own), "option_mapping")]) if own else base
        return both.sort_values(["mapping", "nav_key"], ignore_index=True)

    def save_option_mapping(self, rows: pd.DataFrame) -> None:
        """Remember rows of the option mapping."""
        for row in as_rows(conform(rows, "option_mapping")):
            self._options[row["mapping"], row["nav_key"]] = row

    def remove_option_mapping(self, rows: pd.DataFrame) -> None:
        """Forget rows of the option mapping."""
        for row in rows[["mapping", "nav_key"]].itertuples(index=False):
            self._options[tuple(row)] = None

    def start_job(self, started: Job) -> None:
        """Log nothing."""

    def finish_job(self, finished: Job) -> None:
        """Log nothing."""

    def unfinished_jobs(self, mapping: str) -> list[Job]:
        """Leave interrupted jobs to a real run."""
        return []

    def save_errors(self, errors: pd.DataFrame) -> None:
        """Log nothing."""

    def open_entries(self, entries: pd.DataFrame) -> None:
        """Log nothing."""

    def close_entries(self, ids: Iterable[str], outcome: str) -> None:
        """Log nothing."""

    def advance_watermark(self, mapping: str, direction: str, to: datetime) -> None:
        """Leave the watermark where it is."""

    def advance_marker(self, name: str, to: int) -> None:
        """Leave the marker where it is."""

    def clear_watermarks(self, mapping: str) -> None:
        """Leave the watermarks where they are."""
