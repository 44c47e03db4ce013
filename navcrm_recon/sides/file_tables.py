"""CSV and Parquet files as tables whose columns are read when asked for."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from navcrm_recon.errors import DataError, SideError, shorten

SUFFIXES = (".csv", ".parquet")


@dataclass(frozen=True)
class FileTable:
    """A file: the names of its columns, the number of its rows, and its columns one by one."""

    path: Path
    names: tuple[str, ...]
    rows: int
    column: Callable[[str], pa.ChunkedArray]

    def find(self, name: str) -> str | None:
        """Return the file's spelling of a column, None when it is not there."""
        if name in self.names:
            return name
        folded = {each.strip().casefold(): each for each in self.names}
        return folded.get(name.casefold())


def open_file(path: Path) -> FileTable:
    """Open a CSV or Parquet file.

    Raises
    ------
    DataError
        The file is no valid UTF-8, CSV or Parquet; the line is named where known.
    SideError
        The file may not be read.
    """
    try:
        return _parquet(path) if path.suffix.lower() == ".parquet" else _csv(path)
    except (pa.ArrowException, UnicodeDecodeError, csv.Error) as exc:
        raise _unreadable(path, exc) from exc
    except OSError as exc:
        raise SideError(f"The file {path} cannot be read: {shorten(exc)}.") from exc


def _parquet(path: Path) -> FileTable:
    file = pq.ParquetFile(path, memory_map=True)

    def column(name: str) -> pa.ChunkedArray:
        try:
            return file.read([name]).column(name)
        except (pa.ArrowException, OSError) as exc:
            raise _unreadable(path, exc) from exc

    names = tuple(file.schema_arrow.names)
    return FileTable(path, names, file.metadata.num_rows, column)


def _csv(path: Path) -> FileTable:
    """Read every column as text, ``NA`` included: nothing is guessed."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(csv.reader(file), [])
    if doubles := sorted({name for name in header if header.count(name) > 1}):
        raise DataError(
            f"The file {path} has the column '{shorten(doubles[0])}' more than once. Rename one."
        )
    if not header:
        raise DataError(f"The file {path} is empty: it has no line with column names.")
    table = _read_csv(path, header)
    return FileTable(path, tuple(header), table.num_rows, table.column)


def _read_csv(path: Path, header: list[str], *, threads: bool = True) -> pa.Table:
    return pa_csv.read_csv(
        path,
        read_options=pa_csv.ReadOptions(use_threads=threads),
        parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        convert_options=pa_csv.ConvertOptions(
            column_types={name: pa.large_string() for name in header},
            strings_can_be_null=False,
            null_values=[],
        ),
    )


def _unreadable(path: Path, exc: Exception) -> DataError:
    if path.suffix.lower() == ".csv":
        line = _undecodable_line(path)
        if line is not None:
            return DataError(
                f"The file {path} is not UTF-8: line {line:,} cannot be read. Save it as UTF-8."
            )
        exc = _with_row(path, exc)
        return DataError(f"The file {path} is no readable CSV: {shorten(exc)}. Correct the line.")
    return DataError(f"The file {path} is no readable Parquet file: {shorten(exc)}. Write it anew.")


def _undecodable_line(path: Path) -> int | None:
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as exc:
        return content.count(b"\n", 0, exc.start) + 1
    return None


def _with_row(path: Path, exc: Exception) -> Exception:
    """Read again on one thread, for then Arrow says which row it is."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
        _read_csv(path, header, threads=False)
    except (pa.ArrowException, csv.Error) as again:
        return again
    return exc
