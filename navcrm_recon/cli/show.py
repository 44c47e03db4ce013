"""Frames as tables on a terminal, or as files in the format their name says."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.errors import ConfigError

if TYPE_CHECKING:
    from navcrm_recon.state.jobs import Job

#: Characters of a record's text that would steer a terminal.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

FORMATS = (".csv", ".parquet", ".xlsx", ".json")


def plain(text: str) -> str:
    r"""Return text with a mark for each character that would steer a terminal; lines stay.

    >>> plain("a\x07b") == "a\ufffdb"
    True
    """
    return "\n".join(_CONTROL.sub("\ufffd", line) for line in text.split("\n"))


def as_table(frame: pd.DataFrame) -> str:
    """Return a frame as a plain table; control characters in record text are shown as ``�``."""
    if frame.empty:
        return "no rows"
    columns = [_column(frame[name]) for name in frame.columns]
    return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


def _column(series: pd.Series) -> list[str]:
    """Return the heading and the cells of a column, all of one width; times are UTC."""
    number = pd.api.types.is_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series)
    if pd.api.types.is_datetime64_any_dtype(series):
        series = series.dt.strftime("%Y-%m-%d %H:%M:%S")
    cells = ["" if pd.isna(value) else _CONTROL.sub("\ufffd", str(value)) for value in series]
    width = max(map(len, [str(series.name), *cells]))
    pad = str.rjust if number else str.ljust
    return [pad(cell, width) for cell in [str(series.name), *cells]]


def show(frame: pd.DataFrame, output: Path | None) -> int:
    """Print a frame as a table, or write it to a file; return exit status 0."""
    if output is None:
        print(as_table(frame))
    else:
        write_frame(frame, output)
    return 0


def show_jobs(jobs: Sequence[Job]) -> int:
    """Print the jobs; return 1 and say where to read on when records failed."""
    from navcrm_recon.report import job_rows

    rows = job_rows(jobs)
    print(as_table(rows))
    failed = rows["failed"].sum()
    if not failed:
        return 0
    print(
        f"navcrm-recon: {failed:,} failed. The verb 'errors' says why, the verb 'skipped' which "
        "records are left out from now on.",
        file=sys.stderr,
    )
    return 1


def output_file(text: str) -> Path:
    """Return the path of ``--output``; refuse a format that is none of the four."""
    path = Path(text)
    if path.suffix.lower() not in FORMATS:
        raise argparse.ArgumentTypeError(f"{text}: the format must be one of {', '.join(FORMATS)}.")
    return path


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame in the format its file name says.

    Raises
    ------
    ConfigError
        The file cannot be written.
    """
    write_frames({path.stem: frame}, path)


def write_frames(frames: Mapping[str, pd.DataFrame], path: Path) -> None:
    """Write several frames: sheets of one workbook, or a file each.

    The first frame goes to the file that is named, the others to files beside it with their name
    before the suffix: ``plan.csv``, ``plan.changes.csv``.

    Raises
    ------
    ConfigError
        A file cannot be written.
    """
    from navcrm_recon.report.workbook import write_workbook

    suffix = path.suffix.lower()
    names = list(frames)
    try:
        if suffix == ".xlsx":
            write_workbook(path, frames)
            return
        for name, frame in frames.items():
            target = path if name == names[0] else path.with_suffix(f".{name}{path.suffix}")
            _WRITERS[suffix](frame, target)
    except OSError as exc:
        raise ConfigError(f"--output {path}: cannot be written: {exc.strerror or exc}.") from exc


_WRITERS: dict[str, Callable[[pd.DataFrame, Path], object]] = {
    ".csv": lambda frame, path: frame.to_csv(path, index=False, encoding="utf-8"),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    ".json": lambda frame, path: frame.to_json(
        path, orient="records", date_format="iso", force_ascii=False
    ),
}
