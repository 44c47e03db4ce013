"""Records of another entity that stand beside a record and are written with it (DP2, U7).

Their fields are called ``entity.field`` where fields are named. They are written before the record
they stand beside, so that it is decided anew when a run stops in between.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, Table
from navcrm_recon.recon.align import Mask, arrow
from navcrm_recon.recon.fields import FieldWrite, any_of, extra_field
from navcrm_recon.recon.transfer import ARROW

_TEXT = pa.large_string()


def stand_beside(
    table: Table, keys: pa.Array, old: pd.DataFrame, there: Mask, new: Mapping[str, Any]
) -> list[FieldWrite]:
    """Return the writes of records of another entity, one beside each record at hand.

    Parameters
    ----------
    keys
        The id of each, whether it is there or is to be made.
    old
        What they hold, their rows in the order of the records; blank where there is none.
    there
        Which of them exist.
    new
        By column: values in the same order, or one for all; written where they differ.
    """
    fields = [_field(table.columns[name], value, old, there) for name, value in new.items()]
    touched = any_of([each.writes for each in fields], len(there)) | ~there
    key = table.columns[table.key[0]]
    ids = keys.cast(_TEXT)
    before = pc.if_else(pa.array(there), ids, pa.scalar(None, _TEXT))
    named = extra_field(_named(table, key), before, ids)
    beside = [replace(each, column=_named(table, each.column)) for each in fields]
    return [replace(named, writes=touched), *beside]


def _field(column: Column, value: Any, old: pd.DataFrame, there: Mask) -> FieldWrite:
    kind = ARROW.get(column.kind, _TEXT)
    values = value if isinstance(value, pa.Array) else pa.array([value] * len(there), kind)
    before = arrow(old[column.name]).cast(kind)
    taken = np.where(there, column.access in ("full", "modify"),
                     column.access in ("full", "insert"))  # fmt: skip
    return extra_field(column, before, values, given=taken)


def _named(table: Table, column: Column) -> Column:
    return replace(column, name=f"{table.name}.{column.name}")


def rows_beside(found: pd.DataFrame, by: str, wanted: pd.Index[str]) -> tuple[pd.DataFrame, Mask]:
    """Return the first record that names each of some records in a column, and where there is one.

    Returns
    -------
    (rows, there)
        Index of ``rows``: its id, blank where there is none.
    """
    first = found.sort_index().drop_duplicates(by)
    rows = first.assign(id=first.index).set_index(by, drop=False).reindex(wanted)
    there = rows["id"].notna().to_numpy(dtype=bool)
    return rows.set_index(rows["id"].fillna("")).drop(columns="id"), there
