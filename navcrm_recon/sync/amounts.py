"""Exact sums and differences of amounts, column by column."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.recon.align import arrow

_EXACT = pa.decimal128(38, 20)
#: Room for the digits that adding takes on the way.
_WIDE = pa.decimal256(60, 20)


def added(first: pa.Array, *others: pa.Array) -> pa.Array:
    """Return the sums of amounts row by row; nothing counts as zero.

    >>> from decimal import Decimal
    >>> one = pa.array([Decimal("0.1"), None], pa.decimal128(38, 20))
    >>> [str(each.normalize()) for each in added(one, one).to_pylist()]
    ['0.2', '0']
    """
    total = _wide(first)
    for each in others:
        total = pc.add(total, _wide(each)).cast(_WIDE)
    return total.cast(_EXACT)


def taken_off(first: pa.Array, second: pa.Array) -> pa.Array:
    """Return the differences of amounts row by row; nothing counts as zero."""
    return pc.subtract(_wide(first), _wide(second)).cast(_EXACT)


def sums(keys: pd.Series, amounts: pd.Series, wanted: pd.Series) -> pa.Array:
    """Return the sum of the amounts of each wanted key, zero where there are none."""
    rows = pa.table({"key": arrow(keys).cast(pa.large_string()), "amount": arrow(amounts)})
    found = rows.group_by("key").aggregate([("amount", "sum")])
    places = pc.index_in(arrow(wanted).cast(pa.large_string()), value_set=found["key"])
    return _wide(found["amount_sum"].combine_chunks().take(places)).cast(_EXACT)


def _wide(values: pa.Array) -> pa.Array:
    return pc.fill_null(values.cast(_EXACT), 0).cast(_WIDE)
