"""When a record last changed, as both products say it (engine 1.2)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Catalog, Condition, Table
from navcrm_recon.errors import DataError, examples
from navcrm_recon.frames import INDEX_NAMES, TEXT, blanks, conform, dtype_of, empty
from navcrm_recon.sides.record_id import decodable

INTEGRATION_RECORD = "Integration Record"

#: Reads columns of the rows of a table that meet conditions, as ``side.Side.read``.
Read = Callable[[Table, Sequence[str], Sequence[Condition]], pd.DataFrame]


def nav_stamps(
    read: Read,
    catalog: Catalog,
    table: Table,
    keys: Sequence[str] | None = None,
    since: datetime | None = None,
) -> pd.DataFrame:
    """Return frame ``stamps`` of a NAV table: Modified On and id of its Integration Records.

    Deleted records and those without a Record ID are left out; the latest row of a record counts.
    A table whose key a Record ID is not known to hold (a date, an amount) has no stamps. ``read``
    may leave out what ``keys`` and ``since`` leave out.

    Raises
    ------
    DataError
        A Record ID names another table than the row's Table ID.
    """
    if table.id is None or not decodable(table):
        return _none(table)
    rows = integration_records(read, catalog, [table.id])
    rows = rows[rows["Deleted On"].isna() & rows["Record ID"].ne("")]
    number, key = split_record_ids(rows["Record ID"])
    other = number.ne(str(table.id))
    if other.any():
        raise DataError(
            f"{INTEGRATION_RECORD}: {examples(rows.index[other])} have the Table ID {table.id}, "
            f"but Record IDs of the tables {examples(sorted(set(number[other])))}. Correct them.",
            field="Record ID",
        )
    more = {"identity": rows.index.array}
    return _stamps(table, key, rows["Modified On"], more, keys, since)


def crm_stamps(
    read: Read, table: Table, keys: Sequence[str] | None = None, since: datetime | None = None
) -> pd.DataFrame:
    """Return frame ``stamps`` of a CRM entity: its modified-on and modified-by.

    ``read`` may leave out what ``keys`` and ``since`` leave out.
    """
    if table.modified_on is None:
        return _none(table)
    names = [name for name in (table.modified_on, "modifiedby") if name in table.columns]
    rows = read(table, names, ())
    if table.modified_on not in rows:
        return _none(table)
    more = {"modified_by": rows["modifiedby"].array} if "modifiedby" in rows else {}
    return _stamps(table, rows.index.to_series(), rows[table.modified_on], more, keys, since)


def integration_records(read: Read, catalog: Catalog, tables: Sequence[int]) -> pd.DataFrame:
    """Return NAV's Integration Records of some tables, index = Integration ID.

    Columns ``Table ID``, ``Record ID`` (``"<table number> <nav_key>"``), ``Modified On``,
    ``Deleted On``; on a side of files those not there are blank.
    """
    source = catalog.nav[INTEGRATION_RECORD]
    names = ["Table ID", "Record ID", "Modified On", "Deleted On"]
    rows = read(source, names, (Condition("Table ID", "in", list(tables)),))
    for name in names:
        if name not in rows:
            rows[name] = blanks(len(rows), dtype_of(source, name), rows.index)
    return rows


def keys_by_identity(
    read: Callable[[Table, Sequence[str], Sequence[Condition], Sequence[str]], pd.DataFrame],
    catalog: Catalog,
    identities: Sequence[str],
    table: Table,
) -> pd.Series:
    """Return the ``nav_key`` of records of a table by their Integration IDs.

    Index = Integration ID; those whose record is not there are left out.
    """
    source = catalog.nav[INTEGRATION_RECORD]
    wanted = [each.lower() for each in dict.fromkeys(identities)]
    rows = read(source, ["Record ID", "Deleted On"], (), wanted) if wanted else pd.DataFrame()
    if "Record ID" not in rows:  # files may lack it
        return pd.Series(dtype=TEXT)
    number, key = split_record_ids(rows["Record ID"])
    there = number.eq(str(table.id))
    if "Deleted On" in rows:
        there &= rows["Deleted On"].isna()
    return key[there]


def split_record_ids(record_ids: pd.Series) -> tuple[pd.Series, pd.Series]:
    """Return table numbers (as text) and ``nav_key`` of Record IDs, both blank for a blank one."""
    texts = pa.array(record_ids.astype(TEXT)).cast(pa.large_string())
    if isinstance(texts, pa.ChunkedArray):  # read in portions
        texts = texts.combine_chunks()
    found = pc.extract_regex(texts, r"(?s)^(?P<number>-?\d+) (?P<key>.*)$")
    number, key = (
        pd.Series(pc.fill_null(found.field(i), ""), index=record_ids.index, dtype=TEXT)
        for i in range(2)
    )
    return number, key


def _stamps(
    table: Table,
    key: pd.Series,
    modified_on: pd.Series,
    more: Mapping[str, Any],
    keys: Sequence[str] | None,
    since: datetime | None,
) -> pd.DataFrame:
    frame = pd.DataFrame({"modified_on": modified_on.array, "key": key.array, **more})
    frame = frame[frame["modified_on"].notna()]
    if keys is not None:
        wanted = pc.is_in(
            pa.array(frame["key"]).cast(pa.large_string()), pa.array(keys, pa.large_string())
        )
        frame = frame[wanted.to_numpy(zero_copy_only=False)]
    if since is not None:
        frame = frame[frame["modified_on"] > since]
    frame = frame.sort_values(["key", "modified_on"]).drop_duplicates("key", keep="last")
    frame = frame.set_index(pd.Index(frame["key"], dtype=TEXT, name=INDEX_NAMES[table.side]))
    return conform(frame.drop(columns="key"), "stamps") if len(frame) else _none(table)


def _none(table: Table) -> pd.DataFrame:
    nothing = empty("stamps")
    nothing.index = pd.Index([], dtype=TEXT, name=INDEX_NAMES[table.side])
    return nothing
