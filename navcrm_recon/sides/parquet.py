"""A Parquet file handed over a column at a time: large tables need not be whole frames."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from navcrm_recon.catalog.model import Table
from navcrm_recon.frames import DTYPES, INDEX_NAMES, TEXT, UTC


class ParquetRecords:
    """Records of one table in a Parquet file, in the file's order (``recon.align.Records``).

    Columns may be asked for by several threads at once.
    """

    def __init__(self, path: Path, table: Table, key: str) -> None:
        self._path = path
        self._names = frozenset(pq.read_schema(path).names)
        self._table = table
        self.index = pd.Index(self._text(key), dtype=TEXT, name=INDEX_NAMES[table.side])

    def __contains__(self, column: object) -> bool:
        return column in self._names

    def __getitem__(self, column: str) -> pd.Series:
        dtype = DTYPES[self._table.columns[column].kind]
        if dtype == TEXT:
            return pd.Series(self._text(column), dtype=TEXT)
        values = self._column(column)
        if pa.types.is_date(values.type):
            values = values.cast(pa.timestamp("us", "UTC" if dtype == UTC else None))
        if isinstance(dtype, pd.ArrowDtype):
            return pd.Series(pd.arrays.ArrowExtensionArray(values.cast(dtype.pyarrow_dtype)))
        found: pd.Series = values.to_pandas().astype(dtype)
        return found

    def _text(self, column: str) -> pa.Array:
        values = self._column(column).cast(pa.large_string())
        return pc.fill_null(values, "") if values.null_count else values

    def _column(self, column: str) -> pa.Array:
        # Opened anew each time: one open file must not be read by two threads.
        with pq.ParquetFile(self._path, memory_map=True) as file:
            return file.read([column], use_threads=False).column(0).combine_chunks()
