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

from navcrm_recon.catalog.model import Table
from navcrm_recon.frames.schemas import DAY, DECIMAL, DTYPES, INDEX_NAMES, SCHEMAS, TEXT, UTC

__all__ = [
    "DAY", "DECIMAL", "DTYPES", "INDEX_NAMES", "SCHEMAS", "TEXT", "UTC", "as_rows", "blanks",
    "conform", "dtype_of", "empty", "join_key", "key_text", "split_key", "typed",
]  # fmt: skip


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
    if _conforms(frame, columns):
        return frame.copy(deep=False)
    unknown = [name for name in frame.columns if name not in columns]
    if unknown:
        raise KeyError(f"{unknown} not in the schema '{schema}'")
    series = {
        name: typed(frame[name], dtype) if name in frame else blanks(len(frame), dtype, frame.index)
        for name, dtype in columns.items()
    }
    return pd.DataFrame(series, index=frame.index, columns=list(columns))


def _conforms(frame: pd.DataFrame, columns: Mapping[str, Any]) -> bool:
    """Say whether a frame has all columns as declared, and no text is missing."""
    if list(frame.columns) != list(columns) or list(frame.dtypes) != list(columns.values()):
        return False
    return not any(series.hasnans for _, series in frame.items() if series.dtype == TEXT)


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
