"""Frames as an Excel workbook for people: nothing in it is ever a formula."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd

from navcrm_recon.frames import DECIMAL

#: What a sheet and a cell of Excel hold.
MAX_ROWS, MAX_TEXT, MAX_DIGITS = 1_048_576, 32_767, 15

#: The workbook of a run, beside its frames.
WORKBOOK = "reconciliation.xlsx"

_CUT = "… (cut: a cell holds no more; all of it is in the Parquet file)"
_CREATED = datetime(2000, 1, 1)


def write_workbook(
    path: str | Path,
    frames: Mapping[str, pd.DataFrame],
    *,
    facts: Mapping[str, str] | None = None,
    rows_per_sheet: int = MAX_ROWS,
) -> None:
    """Write frames as the sheets of a workbook, without their index.

    Text is written as text, so ``=1+1`` stays what it is. Numbers of more than 15 digits are
    written as text too, since Excel would round them. Times are UTC. A frame too long for a sheet
    goes on in the next one, ``name (2)``.

    Parameters
    ----------
    frames
        Name of a sheet -> frame.
    facts
        Lines of a first sheet, ``Read me``.
    rows_per_sheet
        Rows of a sheet, its heading included.
    """
    import xlsxwriter

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    with xlsxwriter.Workbook(str(path), options) as book:
        book.set_properties({"created": _CREATED})  # the same frames give the same file
        formats = {
            "head": book.add_format({"bold": True, "bg_color": "#E9EEF2", "bottom": 1}),
            "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
            "day": book.add_format({"num_format": "yyyy-mm-dd"}),
            "wrap": book.add_format({"text_wrap": True, "valign": "top"}),
        }
        if facts:
            _write_facts(book.add_worksheet("Read me"), facts, formats)
        taken: set[str] = {"read me"}
        for name, frame in frames.items():
            size = rows_per_sheet - 1
            for number, start in enumerate(range(0, max(1, len(frame)), size)):
                sheet = book.add_worksheet(_sheet_name(name, number, taken))
                _write_frame(sheet, frame.iloc[start : start + size], formats)


def _write_facts(sheet: Any, facts: Mapping[str, str], formats: Mapping[str, Any]) -> None:
    sheet.set_column(0, 0, 22)
    sheet.set_column(1, 1, 90)
    for row, (name, value) in enumerate(facts.items()):
        sheet.write_string(row, 0, _text(name), formats["head"])
        sheet.write_string(row, 1, _text(value), formats["wrap"])


def _write_frame(sheet: Any, frame: pd.DataFrame, formats: Mapping[str, Any]) -> None:
    """Write one row after the other: a workbook of constant memory takes them in order only."""
    for column, name in enumerate(frame.columns):
        sample = max((len(str(value)) for value in frame[name].head(200)), default=0)
        sheet.set_column(column, column, min(60, max(len(str(name)), sample) + 2))
    for column, name in enumerate(frame.columns):
        sheet.write_string(0, column, _text(name), formats["head"])
    sheet.freeze_panes(1, 0)
    if len(frame):
        sheet.autofilter(0, 0, len(frame), len(frame.columns) - 1)
    writers = [_writer(sheet, frame[name].dtype, formats) for name in frame.columns]
    for row, values in enumerate(frame.itertuples(index=False, name=None), start=1):
        for column, value in enumerate(values):
            if not pd.isna(value):
                writers[column](row, column, value)


_Write = Callable[[int, int, Any], object]


def _writer(sheet: Any, dtype: Any, formats: Mapping[str, Any]) -> _Write:
    """Return how the cells of a column are written."""
    if pd.api.types.is_bool_dtype(dtype):
        return lambda row, column, value: sheet.write_boolean(row, column, bool(value))
    if dtype == DECIMAL or pd.api.types.is_numeric_dtype(dtype):
        return lambda row, column, value: _write_number(sheet, row, column, value)
    if pd.api.types.is_datetime64_any_dtype(dtype):
        style = formats["time" if isinstance(dtype, pd.DatetimeTZDtype) else "day"]
        return lambda row, column, value: _write_time(sheet, row, column, value, style)
    return lambda row, column, value: sheet.write_string(row, column, _text(value))


def _write_number(sheet: Any, row: int, column: int, value: Any) -> None:
    """Write a number, as text when Excel's 15 digits would change it."""
    exact = Decimal(str(value)).normalize()
    if len(exact.as_tuple().digits) > MAX_DIGITS or not exact.is_finite():
        sheet.write_string(row, column, format(exact, "f"))
    else:
        sheet.write_number(row, column, float(exact))


def _write_time(sheet: Any, row: int, column: int, value: Any, style: Any) -> None:
    """Write a day or a time in UTC, as text where Excel's calendar does not reach."""
    plain = value.tz_localize(None) if value.tzinfo else value
    if plain.year < 1900:
        sheet.write_string(row, column, plain.isoformat())
    else:
        sheet.write_datetime(row, column, plain.to_pydatetime(warn=False), style)


def _text(value: object) -> str:
    plain = str(value)
    return plain if len(plain) <= MAX_TEXT else plain[: MAX_TEXT - len(_CUT)] + _CUT


def _sheet_name(name: str, number: int, taken: set[str]) -> str:
    """Return a name Excel takes: no forbidden characters, 31 at most, each once."""
    plain = re.sub(r"[\[\]:*?/\\]", "_", name).strip("'") or "sheet"
    while True:
        suffix = f" ({number + 1})" if number else ""
        found = plain[: 31 - len(suffix)] + suffix
        if found.casefold() not in taken:
            taken.add(found.casefold())
            return found
        number += 1
