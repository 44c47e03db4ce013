"""The workbook: nothing in it is a formula, nothing in it is rounded, nothing is lost."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from navcrm_recon.frames import DAY, DECIMAL, TEXT, UTC
from navcrm_recon.report.workbook import MAX_TEXT, write_workbook


def cells(path: Path, sheet: str) -> list[tuple[Any, ...]]:
    book = openpyxl.load_workbook(path)
    return [tuple(row) for row in book[sheet].iter_rows(values_only=True)]


def written(tmp_path: Path, frame: pd.DataFrame) -> list[tuple[Any, ...]]:
    write_workbook(tmp_path / "x.xlsx", {"sheet": frame})
    return cells(tmp_path / "x.xlsx", "sheet")


@pytest.mark.parametrize(
    "value", ["=1+1", "+1", "-1", "@SUM(A1)", "=cmd|' /C calc'!A0", "http://a.example", "{=1}"]
)
def test_text_is_never_a_formula_or_a_link(tmp_path: Path, value: str) -> None:
    frame = pd.DataFrame({value: pd.Series([value], dtype=TEXT)})
    write_workbook(tmp_path / "x.xlsx", {"sheet": frame})
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx")["sheet"]
    for cell in (sheet["A1"], sheet["A2"]):
        assert (cell.value, cell.data_type, cell.hyperlink) == (value, "s", None)


def test_amounts_keep_every_digit(tmp_path: Path) -> None:
    amounts = [Decimal("1.50"), Decimal("12345678901234567.89"), Decimal("-0.00001"), None]
    rows = written(tmp_path, pd.DataFrame({"amount": pd.Series(amounts, dtype=DECIMAL)}))
    assert [row[0] for row in rows[1:]] == [1.5, "12345678901234567.89", -0.00001]
    whole = written(tmp_path, pd.DataFrame({"n": pd.Series([10**15, 123456789012345678])}))
    assert [row[0] for row in whole[1:]] == [10**15, "123456789012345678"]


def test_days_and_times_are_excels_own_in_utc(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "day": pd.Series(["2026-01-31", "1753-01-01", None]).astype(DAY),
            "time": pd.to_datetime(
                pd.Series(["2026-01-31T10:00:00+02:00", None, None]), utc=True
            ).astype(UTC),
        }
    )
    rows = written(tmp_path, frame)
    assert rows[1] == (datetime(2026, 1, 31), datetime(2026, 1, 31, 8))
    assert rows[2][0] == "1753-01-01T00:00:00"


def test_blanks_and_truth_values(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"b": pd.Series([True, None], dtype="boolean"), "n": pd.Series([None, 2], dtype="Int64")}
    )
    assert written(tmp_path, frame)[1:] == [(True, None), (None, 2)]


def test_a_column_of_blanks_alone_is_written(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": pd.Series([None], dtype="Int64"), "t": pd.Series([""], dtype=TEXT)})
    assert written(tmp_path, frame) == [("n", "t"), (None, "")]


def test_a_long_frame_goes_on_in_the_next_sheet(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": range(10)})
    write_workbook(tmp_path / "x.xlsx", {"rows": frame}, rows_per_sheet=5)
    book = openpyxl.load_workbook(tmp_path / "x.xlsx")
    assert book.sheetnames == ["rows", "rows (2)", "rows (3)"]
    found = [row[0] for name in book.sheetnames for row in cells(tmp_path / "x.xlsx", name)[1:]]
    assert found == list(range(10))


def test_sheet_names_are_made_fit_and_distinct(tmp_path: Path) -> None:
    frame = pd.DataFrame({"n": [1]})
    write_workbook(tmp_path / "x.xlsx", {"a/b:c": frame, "x" * 40: frame, "x" * 41: frame})
    names = openpyxl.load_workbook(tmp_path / "x.xlsx").sheetnames
    assert names == ["a_b_c", "x" * 31, "x" * 27 + " (2)"]


def test_text_too_long_for_a_cell_is_cut_and_says_so(tmp_path: Path) -> None:
    rows = written(tmp_path, pd.DataFrame({"t": ["x" * 40_000]}))
    assert len(rows[1][0]) == MAX_TEXT
    assert rows[1][0].endswith("Parquet file)")


def test_control_characters_do_not_break_the_file(tmp_path: Path) -> None:
    assert written(tmp_path, pd.DataFrame({"t": ["a\x01b"]}))[1][0] == "a_x0001_b"


def test_an_empty_frame_has_its_headings(tmp_path: Path) -> None:
    assert written(tmp_path, pd.DataFrame({"a": [], "b": []})) == [("a", "b")]


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.xlsx", "b.xlsx"):
        write_workbook(tmp_path / name, {"s": pd.DataFrame({"n": [1]})}, facts={"Run": "1"})
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "b.xlsx").read_bytes()


def test_facts_stand_first(tmp_path: Path) -> None:
    write_workbook(tmp_path / "x.xlsx", {"s": pd.DataFrame({"n": [1]})}, facts={"Run": "=1"})
    assert cells(tmp_path / "x.xlsx", "Read me") == [("Run", "=1")]
