"""NAV's flow fields calculated from another table's columns."""

from __future__ import annotations

from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Flow
from navcrm_recon.sides.columns import TEXT

_SEPARATOR = "\x1f"


def calculate(
    flow: Flow, groups: Sequence[pa.Array], values: pa.Array | None, own: Sequence[pa.Array]
) -> pa.Array:
    """Return the figure of each own record: sum, greatest value, or whether there is any row.

    ``groups`` are the columns of the other table that must equal ``own``, ``values`` its column
    (None for ``exist``). Null where no row matches.
    """
    figures = pa.table(
        {"key": _joined(groups), "value": _marks(groups) if values is None else values}
    )
    method = "sum" if flow.method == "sum" else "max"
    found = figures.group_by("key").aggregate([("value", method)]).combine_chunks()
    keys, results = (found.column(name).combine_chunks() for name in ("key", f"value_{method}"))
    if isinstance(keys, pa.ChunkedArray):  # no rows at all
        return pa.nulls(len(own[0]), figures.schema.field("value").type)
    return results.take(pc.index_in(_joined(own), value_set=keys))


def _joined(columns: Sequence[pa.Array]) -> pa.Array:
    texts = [column.cast(TEXT) for column in columns]
    return pc.binary_join_element_wise(*texts, pa.scalar(_SEPARATOR, TEXT))


def _marks(groups: Sequence[pa.Array]) -> pa.Array:
    return pa.array([True] * len(groups[0]), pa.bool_())
