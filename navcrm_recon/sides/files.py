"""A side that is a folder of CSV and Parquet files, one per table or entity; it is only read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Catalog, Column, Condition, Flow, Option, SideName, Table
from navcrm_recon.errors import ReadOnlyError, SideError, examples
from navcrm_recon.frames import conform
from navcrm_recon.sides import flows, option_sets, records
from navcrm_recon.sides.columns import ARROW, typed
from navcrm_recon.sides.file_tables import SUFFIXES, FileTable, open_file
from navcrm_recon.sides.stamps import crm_stamps, nav_stamps
from navcrm_recon.sides.writing import Write, Written


class FilesSide:
    """A side in a folder of files (``side.Side``).

    A file is named as the table or entity, ``/`` written ``_``; subfolders are ignored. What is
    not there or cannot be understood is listed by ``not_checked`` and the reading goes on
    (contract 3). Files and columns are read once.
    """

    def __init__(self, name: SideName, folder: str | Path, *, catalog: Catalog) -> None:
        self.name = name
        self.writable = False
        self.folder = Path(folder)
        self._catalog = catalog
        self._numbered = {table.id: table for table in catalog.nav.values() if table.id}
        self._paths = _paths(self.folder)
        self._files: dict[Path, FileTable] = {}
        self._columns: dict[tuple[str, str], pa.Array] = {}
        self._orders: dict[str, tuple[pa.Array, pa.Array | None]] = {}
        self._left_out: dict[str, frozenset[str]] = {}
        self._notes: dict[tuple[str, str, str], None] = {}

    def describe(self) -> dict[str, str]:
        """Say what this is: ``kind``, ``address``, ``version``."""
        files = [path.suffix.lower() for paths in self._paths.values() for path in paths]
        counts = [f"{files.count(each)} {each[1:]}" for each in SUFFIXES if each in files]
        version = ", ".join(counts) or "no files"
        return {"kind": "files", "address": str(self.folder), "version": version}

    def read(
        self,
        table: Table,
        columns: Sequence[str],
        where: Sequence[Condition] = (),
        keys: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Read rows as a record frame, sorted by key (``side.Side.read``)."""
        records.check_columns(table, [*columns, *(condition.field for condition in where)])
        if not self._has_key(table):
            nothing = {name: pa.array([], ARROW[table.columns[name].kind]) for name in columns}
            nothing[""] = pa.array([], pa.large_string())
            return records.frame(table, nothing, columns)
        key, order = self._order(table)
        found = {"": key}
        conditions = [each for each in where if self._can_filter(table, each)]
        for name in dict.fromkeys([*columns, *(each.field for each in conditions)]):
            if self._available(table, name):
                values = self._column(table, name)
                found[name] = values if order is None else values.take(order)
        found = records.with_keys(records.meets(table, found, conditions), keys)
        return records.frame(table, found, [name for name in columns if name in found])

    def available(self, table: Table) -> frozenset[str]:
        """Return every column: what the files lack is listed as not checked."""
        return frozenset(table.columns)

    def stamps(
        self, table: Table, keys: Sequence[str] | None = None, since: datetime | None = None
    ) -> pd.DataFrame:
        """Say when the records last changed: frame ``stamps`` (``side.Side.stamps``)."""
        if self.name == "nav":
            return nav_stamps(self.read, self._catalog, table, keys, since)
        return crm_stamps(self.read, table, keys, since)

    def write(
        self, table: Table, writes: Sequence[Write], *, now: datetime, by: str
    ) -> list[Written]:
        """Refuse to write: exports are only read (contract 3)."""
        raise ReadOnlyError(
            f"The {self.name} side, {self.folder}, is a folder of exports and only read; nothing "
            f"of {table.name} was written. To synchronise, let the workspace file name a database."
        )

    def option_set(self, entity: str, attribute: str) -> tuple[Option, ...] | None:
        """Return the options ``stringmap`` has for an attribute, None where there is none."""
        table, names = self._catalog.crm[option_sets.STRINGMAP], option_sets.COLUMNS
        if self.name == "nav" or table.name not in self._paths:
            return None
        lacking = [name for name in names if not self._available(table, name)]
        if lacking:
            return None
        rows = {name: self._column(table, name) for name in names}
        rows = records.meets(table, rows, option_sets.of_attribute(entity, attribute))
        return option_sets.options(rows, entity, attribute, self._catalog)

    def left_out(self, table: Table) -> frozenset[str] | None:
        """Return the keys that are there twice; None without a file of the table or its key."""
        if not self._has_key(table):
            return None
        self._order(table)
        return self._left_out.get(table.name, frozenset())

    def not_checked(self) -> pd.DataFrame:
        """List what was not there or not understood so far: frame ``not_checked``."""
        rows = pd.DataFrame(list(self._notes), columns=["table", "subject", "reason"])
        return conform(rows.assign(side=self.name), "not_checked")

    def _note(self, table: Table, subject: str, reason: str) -> None:
        self._notes[table.name, subject, reason] = None

    def _file(self, table: Table) -> FileTable | None:
        paths = self._paths.get(_stem(table.name), [])
        if not paths:
            self._note(table, table.name, "there is no file of this table")
            return None
        if len(paths) > 1:
            raise SideError(
                f"{self.folder} has more than one file of {table.name}: "
                f"{examples(path.name for path in paths)}. Keep one."
            )
        if paths[0] not in self._files:
            self._files[paths[0]] = open_file(paths[0])
        return self._files[paths[0]]

    def _has_key(self, table: Table) -> bool:
        """Say whether rows can be told apart; of a composite key the parts not there are blank."""
        file = self._file(table)
        if file is None:
            return False
        missing = [name for name in table.key if file.find(name) is None]
        if table.key == records.SETUP_KEY:
            return True  # blank in the one record there is
        for name in missing:
            alone = len(missing) == len(table.key)
            taken = "no record can be read" if alone else "it is taken as blank"
            self._note(table, name, f"the file has no column of this part of the key; {taken}")
        return len(missing) < len(table.key)

    def _order(self, table: Table) -> tuple[pa.Array, pa.Array | None]:
        """Return the sorted keys, and the rows in that order (None: as they are).

        Rows whose key is blank or there twice are left out and listed.
        """
        if table.name not in self._orders:
            file = self._file(table)
            parts = {
                name: self._column(table, name)
                if file and file.find(name)
                else self._blanks(table.columns[name], file.rows if file else 0)
                for name in table.key
            }
            key = records.keys(table, parts)
            order = pc.array_sort_indices(key)
            key = key.take(order)
            keep = pc.invert(pc.or_(self._blank_keys(table, key), self._doubles(table, key)))
            if not pc.all(keep, min_count=0).as_py():
                key, order = key.filter(keep), order.filter(keep)
            in_place = (
                len(order) == (file.rows if file else 0)
                and pc.all(
                    pc.equal(order, pa.array(range(len(order)), order.type)), min_count=0
                ).as_py()
            )
            self._orders[table.name] = (key, None if in_place else order)
        return self._orders[table.name]

    def _blanks(self, column: Column, rows: int) -> pa.Array:
        nulls = pa.nulls(rows, pa.large_string())
        return typed(nulls, column, nav=self.name == "nav", tables={})[0]

    def _blank_keys(self, table: Table, key: pa.Array) -> pa.Array:
        blank = records.blank_keys(table, key)
        if count := pc.sum(blank).as_py():
            subject = ", ".join(table.key)
            self._note(table, subject, f"{count:,} records have a blank key and are left out")
        return blank

    def _doubles(self, table: Table, key: pa.Array) -> pa.Array:
        double = pc.unique(key.filter(records.repeated(key)))
        if table.key != records.SETUP_KEY:
            double = double.filter(pc.not_equal(double, ""))
        if not len(double):
            return pc.and_(pc.equal(key, ""), False)
        self._left_out[table.name] = frozenset(double.to_pylist())
        all_of_them = pc.is_in(key, double)
        count = pc.sum(all_of_them).as_py()
        self._note(
            table,
            ", ".join(table.key),
            f"{len(double):,} keys occur more than once; their {count:,} records are left out: "
            f"{examples(double.to_pylist())}",
        )
        return all_of_them

    def _can_filter(self, table: Table, condition: Condition) -> bool:
        if self._available(table, condition.field, quiet=True):
            return True
        self._note(table, condition.field, "the file has no such column; its filter is not applied")
        return False

    def _available(self, table: Table, name: str, *, quiet: bool = False) -> bool:
        """Say whether a column is in the file or can be calculated; list it when not."""
        file = self._file(table)
        if file is None:
            return False
        if file.find(name) is not None:
            return True
        flow = table.columns[name].flow
        lacking = "the file has no such column" if flow is None else self._flow_lacks(table, flow)
        if lacking and not quiet:
            self._note(table, name, lacking)
        return not lacking

    def _flow_lacks(self, table: Table, flow: Flow) -> str:
        """Say what is missing to calculate a flow field; nothing when it can be."""
        other = self._catalog.nav[flow.table]
        file, own = self._file(other), self._file(table)
        if file is None or own is None:
            return f"it is not in the file, and there is no file of {other.name} to calculate it"
        names = [*flow.match, *flow.where, *([] if flow.method == "exist" else [flow.column])]
        lacking = [name for name in names if file.find(name) is None]
        lacking += [name for name in flow.match.values() if own.find(name) is None]
        if lacking:
            return f"it is not in the file, and to calculate it there is no {examples(lacking)}"
        return ""

    def _column(self, table: Table, name: str) -> pa.Array:
        """Return a column of the file in the catalogue's type; list what is not understood."""
        if (table.name, name) not in self._columns:
            file = self._file(table)
            spelled = file.find(name) if file else None
            flow = table.columns[name].flow
            if file and spelled is not None:
                raw = file.column(spelled)
            elif flow is not None:
                raw = self._calculated(table, flow)
            else:
                raise SideError(f"There is no column '{name}' of {table.name}.", field=name)
            self._columns[table.name, name] = self._typed(table, table.columns[name], raw)
        return self._columns[table.name, name]

    def _typed(self, table: Table, column: Column, raw: pa.Array | pa.ChunkedArray) -> pa.Array:
        values, bad = typed(raw, column, nav=self.name == "nav", tables=self._numbered)
        if bad is not None:
            found = raw.filter(bad).to_pylist()
            self._note(
                table,
                column.name,
                f"{len(found):,} values are no {column.kind}: {examples(dict.fromkeys(found))}",
            )
        return values

    def _calculated(self, table: Table, flow: Flow) -> pa.Array:
        other = self._catalog.nav[flow.table]
        names = [*flow.match, *flow.where, *([] if flow.method == "exist" else [flow.column])]
        rows = {name: self._column(other, name) for name in dict.fromkeys(names)}
        where = [Condition(name, "eq", value) for name, value in flow.where.items()]
        rows = records.meets(other, rows, where)
        return flows.calculate(
            flow,
            [rows[name] for name in flow.match],
            None if flow.method == "exist" else rows[flow.column],
            [self._column(table, name) for name in flow.match.values()],
        )


def _stem(name: str) -> str:
    return name.replace("/", "_").casefold()


def _paths(folder: Path) -> dict[str, list[Path]]:
    if not folder.is_dir():
        raise SideError(
            f"There is no folder {folder}. Correct the address in the workspace file; relative "
            "paths are relative to it."
        )
    found: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix.lower() in SUFFIXES:
            found.setdefault(path.stem.casefold(), []).append(path)
    return found
