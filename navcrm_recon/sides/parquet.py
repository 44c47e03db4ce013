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
    """Records of one table in a Parquet file, in the file's order (``recon.align.Records``)."""

    def __init__(self, path: Path, table: Table, key: str) -> None:
        self._file = pq.ParquetFile(path, memory_map=True)
        self._table = table
        self.index = pd.Index(self._text(key), dtype=TEXT, name=INDEX_NAMES[table.side])

    def __contains__(self, column: object) -> bool:
        return column in self._file.schema_arrow.names

    def __getitem__(self, column: str) -> pd.Series:
        dtype = DTYPES[self._table.columns[column].kind]
        if dtype == TEXT:
            return pd.Series(self._text(column), dtype=TEXT)
        values = self._file.read([column]).column(0).combine_chunks()
        if pa.types.is_date(values.type):
            values = values.cast(pa.timestamp("us", "UTC" if dtype == UTC else None))
        if isinstance(dtype, pd.ArrowDtype):
            return pd.Series(pd.arrays.ArrowExtensionArray(values.cast(dtype.pyarrow_dtype)))
        found: pd.Series = values.to_pandas().astype(dtype)
        return found

    def _text(self, column: str) -> pa.Array:
        values = self._file.read([column]).column(0).combine_chunks().cast(pa.large_string())
        return pc.fill_null(values, "") if values.null_count else values
