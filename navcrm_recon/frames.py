"""The language between rooms: one dtype per catalogue type, one schema per kind of frame.

A *record frame* has the side's key as its index (``nav_key`` or ``crm_id``) and the catalogue's
names as columns. Blank is one value per type: the empty text, ``NaT``, ``<NA>``.
A *finding frame* has one row per thing a person may act on; its columns stand in ``SCHEMAS``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Kind, Table

TEXT = pd.StringDtype("pyarrow", na_value=np.nan)
#: Amounts, quantities and rates, at NAV's scale.
DECIMAL = pd.ArrowDtype(pa.decimal128(38, 20))
UTC = pd.DatetimeTZDtype("us", "UTC")
DAY = np.dtype("datetime64[us]")

#: Catalogue kind -> dtype of a column of a record frame. A blob is its text; a record ID is
#: ``"<table number> <nav_key>"``; a row version is its big-endian integer.
DTYPES: dict[Kind, Any] = {
    "text": TEXT,
    "code": TEXT,
    "guid": TEXT,
    "lookup": TEXT,
    "blob": TEXT,
    "record_id": TEXT,
    "option": pd.Int64Dtype(),
    "integer": pd.Int64Dtype(),
    "rowversion": pd.Int64Dtype(),
    "boolean": pd.BooleanDtype(),
    "decimal": DECIMAL,
    "date": DAY,
    "datetime": UTC,
}

INDEX_NAMES = {"nav": "nav_key", "crm": "crm_id"}

#: Kind of finding frame -> its columns, in order, with their dtypes.
SCHEMAS: dict[str, dict[str, Any]] = {
    "couplings": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "state": TEXT,
        "nav_name": TEXT,
        "crm_name": TEXT,
        "skipped": np.dtype(bool),
        "last_synch_modified_on": UTC,
        "last_synch_crm_modified_on": UTC,
        "last_synch_result": TEXT,
        "last_synch_crm_result": TEXT,
        "nav_url": TEXT,
        "crm_url": TEXT,
    },
    "diff": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "nav_field": TEXT,
        "crm_field": TEXT,
        "nav_value": TEXT,
        "crm_value": TEXT,
        "cause": TEXT,
        "resolution": TEXT,
    },
    "missing_options": {
        "mapping": TEXT,
        "nav_table": TEXT,
        "crm_attribute": TEXT,
        "value": pd.Int64Dtype(),
        "caption": TEXT,
        "nav_code": TEXT,
        "missing_in": TEXT,
        "records_affected": np.dtype("int64"),
        "finding": TEXT,
        "remedy": TEXT,
    },
    # What a plan does with each record it examined, and the fields it writes.
    "actions": {
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "action": TEXT,
        "reason": TEXT,
        "fields": TEXT,
    },
    "changes": {
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "side": TEXT,
        "field": TEXT,
        "old": TEXT,
        "new": TEXT,
    },
    "not_checked": {
        "mapping": TEXT,
        "side": TEXT,
        "table": TEXT,
        "subject": TEXT,
        "reason": TEXT,
    },
    # What the state (or NAV's table 5331) knows of a coupling; ``integration_id`` is that of
    # the NAV record, blank where it is not known; ``baseline`` are the bytes of
    # ``recon.baseline``, None without one.
    "coupling_records": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "skipped": np.dtype(bool),
        "last_synch_modified_on": UTC,
        "last_synch_crm_modified_on": UTC,
        "last_synch_result": TEXT,
        "last_synch_crm_result": TEXT,
        "last_synch_job_id": TEXT,
        "last_synch_crm_job_id": TEXT,
        "integration_id": TEXT,
        "baseline": np.dtype(object),
    },
    # Rows of the option mapping (table 5334).
    "option_mapping": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "value": np.dtype("int64"),
        "caption": TEXT,
    },
    # The job log (engine 1.6): one pass of one mapping is one job, the jobs of a run share its id.
    "jobs": {
        "job_id": TEXT,
        "run_id": TEXT,
        "mapping": TEXT,
        "direction": TEXT,
        "type": TEXT,
        "started_at": UTC,
        "finished_at": UTC,
        "message": TEXT,
        "inserted": np.dtype("int64"),
        "modified": np.dtype("int64"),
        "deleted": np.dtype("int64"),
        "unchanged": np.dtype("int64"),
        "skipped": np.dtype("int64"),
        "failed": np.dtype("int64"),
        "uncoupled": np.dtype("int64"),
        "coupled": np.dtype("int64"),
    },
    # The error log (engine 1.6); ``no`` is drawn by the state.
    "errors": {
        "no": np.dtype("int64"),
        "job_id": TEXT,
        "at": UTC,
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "field": TEXT,
        "value": TEXT,
        "message": TEXT,
    },
    # The latest error of a record in a job, as the repeat test compares it (engine 6.1).
    "error_texts": {"job_id": TEXT, "nav_key": TEXT, "crm_id": TEXT, "message": TEXT},
    # Writes, noted before they are made: ``changes`` is a JSON list of [side, field, old, new];
    # ``at`` is what the write stamps the destination with; ``identity`` is what a new record is
    # found by, ``integration_id`` that of the NAV record; ``outcome`` is blank while open.
    "journal": {
        "id": TEXT,
        "job_id": TEXT,
        "mapping": TEXT,
        "direction": TEXT,
        "action": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "identity": TEXT,
        "integration_id": TEXT,
        "at": UTC,
        "source_stamp": UTC,
        "baseline": np.dtype(object),
        "changes": TEXT,
        "outcome": TEXT,
    },
    # Every write that was made: one row per field.
    "writes": {
        "at": UTC,
        "job_id": TEXT,
        "mapping": TEXT,
        "direction": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "side": TEXT,
        "field": TEXT,
        "old": TEXT,
        "new": TEXT,
    },
    # When each mapping runs next (engine 8.1).
    "schedule": {
        "mapping": TEXT,
        "status": TEXT,
        "earliest_start": UTC,
        "attempts": np.dtype("int64"),
        "last_run": UTC,
        "message": TEXT,
    },
    # The same with what is due now (``ws.schedule()``).
    "timetable": {
        "mapping": TEXT,
        "status": TEXT,
        "due": np.dtype("bool"),
        "earliest_start": UTC,
        "attempts": np.dtype("int64"),
        "last_run": UTC,
        "message": TEXT,
    },
    # How far a full synchronisation is (engine 7.6).
    "full_lines": {
        "mapping": TEXT,
        "status": TEXT,
        "recommendation": TEXT,
        "to_crm_job_id": TEXT,
        "to_nav_job_id": TEXT,
        "to_crm_status": TEXT,
        "to_nav_status": TEXT,
        "started_at": UTC,
        "owner": TEXT,
    },
    # The worklist of skipped couplings (engine 6.3).
    "skipped": {
        "mapping": TEXT,
        "nav_key": TEXT,
        "crm_id": TEXT,
        "nav_name": TEXT,
        "crm_name": TEXT,
        "direction": TEXT,
        "failed_at": UTC,
        "message": TEXT,
        "nav_exists": np.dtype(bool),
        "crm_exists": np.dtype(bool),
    },
    # When a record last changed and who did it, and the Integration ID NAV knows it by; index =
    # the side's key.
    "stamps": {"modified_on": UTC, "modified_by": TEXT, "identity": TEXT},
}


def empty(schema: str) -> pd.DataFrame:
    """Return a frame of a declared schema with no rows.

    >>> list(empty("not_checked"))
    ['mapping', 'side', 'table', 'subject', 'reason']
    """
    return _empty(schema).copy()


@cache
def _empty(schema: str) -> pd.DataFrame:
    return conform(pd.DataFrame(), schema)


def conform(frame: pd.DataFrame, schema: str) -> pd.DataFrame:
    """Give a frame exactly the columns, order and dtypes of its schema; missing ones are blank.

    Raises
    ------
    KeyError
        A column of the frame is not in the schema.
    """
    columns = SCHEMAS[schema]
    unknown = [name for name in frame.columns if name not in columns]
    if unknown:
        raise KeyError(f"{unknown} not in the schema '{schema}'")
    series = {
        name: typed(frame[name], dtype) if name in frame else blanks(len(frame), dtype, frame.index)
        for name, dtype in columns.items()
    }
    return pd.DataFrame(series, index=frame.index, columns=list(columns))


def as_rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return a frame's rows, each by the names of its columns.

    >>> as_rows(pd.DataFrame({"a": [1, 2]}))
    [{'a': 1}, {'a': 2}]
    """
    names = [str(name) for name in frame.columns]
    columns = [frame[name].tolist() for name in frame.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def typed(series: pd.Series, dtype: Any) -> pd.Series:
    """Cast to a schema's dtype, keeping blank one value: no missing text or truth value."""
    if series.dtype == dtype and dtype != TEXT:
        return series
    if dtype == TEXT:
        text = series.astype(TEXT)
        return text.fillna("") if text.hasnans else text
    if dtype == np.dtype(bool):
        return series.astype("boolean").fillna(False).astype(bool)
    if dtype in (UTC, DAY):
        return pd.to_datetime(series, utc=dtype == UTC).astype(dtype)
    return series.astype(dtype)


def blanks(length: int, dtype: Any, index: pd.Index[Any] | None = None) -> pd.Series:
    """Return a column of blanks of one dtype."""
    index = pd.RangeIndex(length) if index is None else index
    if dtype == TEXT:
        return pd.Series("", index=index, dtype=TEXT)
    if isinstance(dtype, np.dtype) and dtype.kind in "bi":
        return pd.Series(np.zeros(length, dtype=dtype), index=index)
    return pd.Series([None] * length, index=index, dtype=dtype)


def dtype_of(table: Table, column: str) -> Any:
    """Return the dtype of a column of a record frame."""
    return DTYPES[table.columns[column].kind]


def join_key(parts: Sequence[pd.Series]) -> pd.Series:
    r"""Write composite keys as texts: parts joined by ``, ``, commas inside escaped (contract 2).

    >>> join_key([pd.Series(["Order"], dtype=TEXT), pd.Series(["10,1"], dtype=TEXT)]).iloc[0]
    'Order, 10\\,1'
    """
    escaped = [
        part.astype(TEXT)
        .str.replace("\\", "\\\\", regex=False)
        .str.replace(",", "\\,", regex=False)
        for part in parts
    ]
    key = escaped[0]
    for part in escaped[1:]:
        key = key + ", " + part
    return key


def split_key(key: str) -> list[str]:
    r"""Take a composite key apart again.

    >>> split_key("Order, 10\\,1")
    ['Order', '10,1']
    """
    parts, current, characters = [], "", iter(key)
    for character in characters:
        if character == "\\":
            current += next(characters, "")
        elif character == ",":
            parts.append(current)
            current = ""
            next(characters, "")
        else:
            current += character
    return [*parts, current]


def key_text(series: pd.Series, captions: Mapping[int, str] | None = None) -> pd.Series:
    """Write values as text the way keys and findings show them (contract 2).

    Decimals without trailing zeros, dates ISO, options by caption where ``captions`` are given,
    truth values as ``true``/``false``, blanks empty.

    >>> import decimal
    >>> key_text(pd.Series([decimal.Decimal("1.50")], dtype=DECIMAL)).iloc[0]
    '1.5'
    """
    dtype = series.dtype
    if captions:
        known = {value: caption.strip() for value, caption in captions.items()}
        numbers = series.astype("Int64")
        shown = numbers.map(known).astype(TEXT)
        return shown.where(shown.notna(), numbers.astype(TEXT)).fillna("")
    if dtype == DECIMAL:
        return _plain_decimals(series.astype(TEXT)).fillna("")
    if dtype == DAY:
        day: pd.Series = series.dt.strftime("%Y-%m-%d").astype(TEXT)
        closing = series.dt.time.astype(str).eq("23:59:59")
        return day.where(~closing, "C" + day).fillna("")
    if isinstance(dtype, pd.DatetimeTZDtype):
        time: pd.Series = series.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").astype(TEXT)
        return (time.str.replace(r"\.?0+$", "", regex=True) + "Z").fillna("")
    if dtype == pd.BooleanDtype():
        return series.map({True: "true", False: "false"}).astype(TEXT).fillna("")
    return series.astype(TEXT).fillna("")


def _plain_decimals(text: pd.Series) -> pd.Series:
    """Write decimals without exponent and without trailing zeros."""
    small = text.str.contains("E", regex=False, na=False)
    if small.any():
        text = text.where(~small, text[small].map(lambda each: format(Decimal(each), "f")))
    return text.str.replace(r"\.0*$|(\.\d*?)0+$", r"\1", regex=True)
