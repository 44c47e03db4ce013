"""Amounts of the demo company as whole cents: exact, rounded half away from zero as NAV does."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.sandbox.company import cents
from navcrm_recon.sandbox.resources import words

Cents = npt.NDArray[np.int64]
#: Rates are whole ten-thousandths of a foreign unit per hundred of the local currency.
PER_HUNDRED = 1_000_000


def half_up(number: npt.ArrayLike, divisor: npt.ArrayLike) -> Cents:
    """Divide whole numbers and round half away from zero.

    >>> half_up([25, -25, 24], 10).tolist()
    [3, -3, 2]
    """
    value, by = np.asarray(number, dtype=np.int64), np.asarray(divisor, dtype=np.int64)
    return np.asarray(np.sign(value) * ((2 * np.abs(value) + by) // (2 * by)), dtype=np.int64)


def in_cents(amounts: pd.Series, scale: int = 2) -> Cents:
    """Return exact amounts as whole numbers of the smallest unit; blank is 0.

    >>> in_cents(pd.Series([Decimal("12.50"), None])).tolist()
    [1250, 0]
    """
    exact = pa.array(amounts, from_pandas=True).cast(pa.decimal128(19, scale))
    unit = pa.scalar(Decimal(10**scale)).cast(pa.decimal128(9, 0))
    whole = pc.multiply(pc.fill_null(exact, pa.scalar(Decimal(0)).cast(exact.type)), unit)
    return np.asarray(whole.cast(pa.int64()), dtype=np.int64)


def rates(codes: pd.Series) -> Cents:
    """Return the rate of each currency code; blank is the local currency."""
    rows = words("currencies")
    known = dict(zip(rows["code"], cents(rows["per_100_eur"], 4), strict=True))
    return codes.map({**known, "": PER_HUNDRED}).to_numpy(dtype=np.int64)


def in_lcy(amount: npt.ArrayLike, rate: npt.ArrayLike) -> Cents:
    """Return cents of a currency as cents of the local one.

    >>> in_lcy([745_80], [7_458_000]).tolist()
    [10000]
    """
    return half_up(np.asarray(amount, dtype=np.int64) * PER_HUNDRED, rate)


def in_currency(amount: npt.ArrayLike, rate: npt.ArrayLike) -> Cents:
    """Return cents of the local currency as cents of another one."""
    return half_up(np.asarray(amount, dtype=np.int64) * np.asarray(rate), PER_HUNDRED)
