"""Bring the two sides of couplings beside each other without ever building a wide frame."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.frames import TEXT

Positions: TypeAlias = npt.NDArray[np.int64]
Mask: TypeAlias = npt.NDArray[np.bool_]


class Records(Protocol):
    """Records of one side: a record frame, or anything that hands over a column at a time."""

    @property
    def index(self) -> pd.Index[str]:
        """The keys of the records."""

    def __getitem__(self, column: str, /) -> pd.Series:
        """Return one column, in the order of the keys."""

    def __contains__(self, column: object, /) -> bool:
        """Say whether the column is there."""


def arrow(values: pd.Series | pd.Index[str]) -> pa.Array:
    """Return the values as one Arrow array, without a copy where they are Arrow already."""
    array = pa.array(values.array)
    if isinstance(array, pa.ChunkedArray):
        return array.chunk(0) if array.num_chunks == 1 else array.combine_chunks()
    return array


def positions(wanted: pd.Series | pd.Index[str], keys: pd.Index[str]) -> Positions:
    """Say where each wanted key stands in ``keys``: its first position, -1 where it is not.

    >>> positions(pd.Index(["b", "x"], dtype="str"), pd.Index(["a", "b"], dtype="str")).tolist()
    [1, -1]
    """
    looked_up, value_set = arrow(wanted), arrow(keys)
    if looked_up.type != value_set.type:
        looked_up, value_set = looked_up.cast(pa.large_string()), value_set.cast(pa.large_string())
    found = pc.index_in(looked_up, value_set=value_set)
    return np.asarray(pc.fill_null(found, -1).to_numpy(zero_copy_only=False), dtype=np.int64)


def looked_up(keys: pd.Series, found: pd.Series | Mapping[str, str]) -> pd.Series:
    """Return the text found for each key, blank where there is none.

    >>> looked_up(pd.Series(["a", "x"], dtype=TEXT), {"a": "A"}).tolist()
    ['A', '']
    """
    return keys.map(found).astype(TEXT).fillna("")


@dataclass(frozen=True)
class Pairs:
    """Coupled records by their positions in the two sides; ``nav[i]`` goes with ``crm[i]``."""

    nav: Positions
    crm: Positions

    def __len__(self) -> int:
        return len(self.nav)

    def take(self, rows: Positions) -> Pairs:
        """Return some of the pairs."""
        return Pairs(self.nav[rows], self.crm[rows])


def pair_up(
    records: pd.DataFrame, nav: pd.Index[str], crm: pd.Index[str]
) -> tuple[Pairs, Positions]:
    """Find the couplings both of whose records are there.

    Parameters
    ----------
    records
        Couplings with ``nav_key`` and ``crm_id``.
    nav, crm
        The keys of the records of each side.

    Returns
    -------
    The pairs, and the rows of ``records`` they come from.
    """
    with ThreadPoolExecutor(2) as pool:
        nav_at = pool.submit(positions, records["nav_key"], nav)
        crm_at = pool.submit(positions, records["crm_id"], crm)
    there = np.flatnonzero((nav_at.result() >= 0) & (crm_at.result() >= 0))
    return Pairs(nav_at.result()[there], crm_at.result()[there]), there


def gather(column: pd.Series | pd.Index[str], rows: Positions) -> pa.Array:
    """Return the values at ``rows`` (null at -1); the column itself if already in that order."""
    values = arrow(column)
    if len(rows) == len(values) and bool((rows == np.arange(len(rows))).all()):
        return values
    return values.take(pa.array(rows, mask=rows < 0))


def duplicated(codes: Positions) -> Mask:
    """Say which positions occur more than once; -1 (not there) never counts."""
    known = codes >= 0
    counts = np.bincount(codes[known]) if known.any() else np.zeros(0, dtype=np.int64)
    out = np.zeros(len(codes), dtype=bool)
    out[known] = counts[codes[known]] > 1
    return out
