"""The demo company in memory: record frames of both sides that agree, and how they are coupled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Catalog, SideName, Table
from navcrm_recon.frames import (
    INDEX_NAMES,
    TEXT,
    UTC,
    blanks,
    dtype_of,
    join_key,
    key_text,
    typed,
)
from navcrm_recon.sandbox.draw import guids, stream

NAME = "Larkmoor Bicycles Ltd."
LCY = "EUR"
#: Where the three meet: CRM, NAV's web client, and the user that the integration signs in with.
CRM_ADDRESS = "https://larkmoor.crm.example"
NAV_ADDRESS = "https://nav.larkmoor.example/larkmoor"
ROBOT_MAIL = "navintegration@larkmoor.example"
#: The last synchronisation of everything ended before this day; what is planted came later.
EDITS_FROM = pd.Timestamp("2018-09-17T06:00:00", tz="UTC")
#: The day the demo company is looked at; its statistics are of this day.
TODAY = pd.Timestamp("2018-09-24")
_FIRST = pd.Timestamp("2018-01-08T06:00:00", tz="UTC")
_BASE_SECONDS = 200 * 24 * 3600

Columns = Mapping[str, Any]


@dataclass
class Company:
    """Both sides of the demo company while it is made.

    ``nav`` / ``crm``: record frames by table, flow fields included; ``pairs``: per mapping which
    ``nav_key`` is coupled with which ``crm_id``; ``spare``: per mapping the NAV keys that nothing
    else refers to; ``kept``: those to which nothing happens by chance;
    ``uncoupled``: those that never had a partner; ``busy``: customers that documents may name;
    ``goods``: what they may sell; ``orders``: the sales orders and their
    stages; ``payments``: what becomes of each invoice in the ledger; ``modified``: NAV's
    modified-on by table; ``options``: rows of the option mapping; ``retired``: keys of NAV records
    that are gone, with the time, by table.
    """

    catalog: Catalog
    seed: int
    scale: int
    nav: dict[str, pd.DataFrame] = field(default_factory=dict)
    crm: dict[str, pd.DataFrame] = field(default_factory=dict)
    pairs: dict[str, pd.DataFrame] = field(default_factory=dict)
    spare: dict[str, pd.Index[str]] = field(default_factory=dict)
    kept: dict[str, pd.Index[str]] = field(default_factory=dict)
    uncoupled: dict[str, pd.Index[str]] = field(default_factory=dict)
    busy: pd.Index[str] = field(default_factory=lambda: pd.Index([], dtype=TEXT))
    goods: pd.DataFrame = field(default_factory=pd.DataFrame)
    orders: pd.DataFrame = field(default_factory=pd.DataFrame)
    payments: pd.Series = field(default_factory=lambda: pd.Series(dtype=TEXT))
    modified: dict[str, pd.Series] = field(default_factory=dict)
    retired: dict[str, pd.Series] = field(default_factory=dict)
    options: pd.DataFrame = field(default_factory=pd.DataFrame)

    @property
    def robot(self) -> str:
        """The CRM user that the integration signs in with."""
        return str(guids(self.seed, "integration user", 1)[0])

    def chance(self, purpose: str) -> np.random.Generator:
        """Return a source of chance for one purpose."""
        return stream(self.seed, purpose)

    def frames(self, side: SideName) -> dict[str, pd.DataFrame]:
        """Return the record frames of one side by table."""
        return self.nav if side == "nav" else self.crm

    def add_nav(self, table: str, columns: Columns) -> pd.DataFrame:
        """Add the records of a NAV table, with the times they were last changed."""
        frame = record_frame(self.catalog.nav[table], columns)
        self.nav[table] = frame
        self.modified[table] = times(self.chance(f"modified {table}"), frame.index)
        return frame

    def add_crm(self, entity: str, columns: Columns, index: pd.Index[str]) -> pd.DataFrame:
        """Add records to a CRM entity; created and last changed by the integration user."""
        table = self.catalog.crm[entity]
        when = times(self.chance(f"modified {entity} {len(self.crm.get(entity, ()))}"), index)
        stamps = {"createdon": when, "modifiedon": when}
        who = {"createdby": self.robot, "modifiedby": self.robot}
        known = {
            name: pd.Series(value, index=index)
            for name, value in {**stamps, **who}.items()
            if name in table.columns
        }
        frame = record_frame(table, {table.key[0]: index, **known, **columns})
        before = self.crm.get(entity)
        self.crm[entity] = frame if before is None else pd.concat([before, frame])
        return frame

    def couple(self, mapping: str, nav_keys: pd.Index[str], crm_ids: pd.Index[str]) -> None:
        """Couple records pair by pair."""
        pairs = {"nav_key": np.asarray(nav_keys), "crm_id": np.asarray(crm_ids)}
        self.pairs[mapping] = pd.DataFrame(pairs, dtype=TEXT)

    def crm_id_of(self, mapping: str) -> pd.Series:
        """Return the CRM id per NAV key of a mapping."""
        pairs = self.pairs[mapping]
        return pd.Series(pairs["crm_id"].to_numpy(), index=pairs["nav_key"], dtype=TEXT)


def record_frame(table: Table, columns: Columns) -> pd.DataFrame:
    """Return typed records of a table; columns may be arrays, series or one value for all."""
    length = max(len(each) for each in columns.values() if _is_column(each))
    index = pd.RangeIndex(length)
    series = {}
    for name, values in columns.items():
        dtype = dtype_of(table, name)
        if not _is_column(values):
            column = pd.Series([values] * length, index=index, dtype=object)
            series[name] = blanks(length, dtype) if values is None else typed(column, dtype)
        else:
            series[name] = typed(pd.Series(values).set_axis(index), dtype)
    frame = pd.DataFrame(series)
    parts = [key_text(frame[key], table.columns[key].options or None) for key in table.key]
    return frame.set_axis(
        pd.Index(join_key(parts), dtype=TEXT, name=INDEX_NAMES[table.side]), axis=0
    )


def columns_of(frame: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the columns of a frame by name."""
    return {str(name): frame[name] for name in frame}


def _is_column(values: object) -> bool:
    return isinstance(values, (pd.Series, pd.Index, np.ndarray, list, pa.Array))


def times(chance: np.random.Generator, index: pd.Index[str]) -> pd.Series:
    """Return when records were last changed: a whole second some weeks before the edits."""
    seconds = chance.integers(0, _BASE_SECONDS, len(index))
    return pd.Series(_FIRST + pd.to_timedelta(seconds, unit="s"), index=index, dtype=UTC)


def amounts(units: npt.ArrayLike, scale: int = 2) -> pd.Series:
    """Return exact decimals from whole numbers of the smallest unit.

    >>> amounts([1250], 2)[0]
    Decimal('12.50000000000000000000')
    """
    whole = pa.array(np.asarray(units, dtype=np.int64)).cast(pa.decimal128(19, 0))
    unit = pa.scalar(Decimal(1).scaleb(-scale))
    exact = pc.multiply(whole, unit).cast(pa.decimal128(38, 20))
    return pd.Series(pd.arrays.ArrowExtensionArray(exact))


def cents(texts: pd.Series, scale: int = 2) -> npt.NDArray[np.int64]:
    """Return the whole number of smallest units of decimal texts from the small tables."""
    return np.asarray(np.rint(texts.astype(float) * 10**scale), dtype=np.int64)


def coupled_table(company: Company, name: str) -> Table:
    """Return the NAV table of a set of couplings: of a mapping, or of sales orders."""
    return company.catalog.coupled[name].nav


def has_record_ids(table: Table) -> bool:
    """Say whether the records have a Record ID, and so an Integration Record and times.

    Sales prices have neither: NAV counts them as part of their price group (engine 1.2, 3.12).
    """
    return all(table.columns[name].kind in ("code", "option", "integer") for name in table.key)
