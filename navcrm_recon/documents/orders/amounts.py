"""The amounts of sales lines, in exact decimals: discounts, VAT, LCY (documents 1.7, 1.9).

What is rounded in parts is rounded cumulatively: a line gets the rounded sum up to it less what the
lines before it got, so that the parts add up to the rounded whole, as in NAV.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal, localcontext
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from navcrm_recon.recon.align import arrow

#: Python decimals, one for each row.
Decimals = npt.NDArray[Any]
ZERO, ONE, HUNDRED = Decimal(0), Decimal(1), Decimal(100)
#: NAV rounds amounts to this where no currency says otherwise, and other figures to these.
CENT, PERCENTAGE_PRECISION, QUANTITY_PRECISION = (
    Decimal(each) for each in ("0.01", "0.00001", "0.00001")
)
#: Digits of intermediate results: nothing is lost before it is rounded.
_DIGITS = 80


@contextmanager
def exactly() -> Iterator[None]:
    """Calculate with so many digits that only ``rounded`` rounds."""
    with localcontext() as context:
        context.prec = _DIGITS
        yield


def decimals(values: pd.Series) -> Decimals:
    """Return a column of decimals as Python ones; blank is zero."""
    found = arrow(values).cast(pa.decimal128(38, 20)).to_pylist()
    return np.array([ZERO if each is None else each for each in found], dtype=object)


def rounded(values: Decimals, precision: Decimals) -> Decimals:
    """Round to a multiple of the precision, half away from zero (documents L16).

    >>> rounded(np.array([Decimal("2.345"), Decimal("-2.345")]), np.array([CENT, CENT])).tolist()
    [Decimal('2.35'), Decimal('-2.35')]
    """
    return np.asarray(_round(values, precision), dtype=object)


def _rounded_one(value: Decimal, precision: Decimal) -> Decimal:
    return (value / precision).quantize(ONE, ROUND_HALF_UP) * precision


_round = np.frompyfunc(_rounded_one, 2, 1)


def either(condition: Any, there: Decimals | Decimal, other: Decimals | Decimal) -> Decimals:
    """Return the one where a condition holds, else the other."""
    chosen = np.where(condition, np.asarray(there, object), np.asarray(other, object))
    return np.asarray(chosen, dtype=object)


def divided(values: Decimals, by: Decimals) -> Decimals:
    """Divide; by zero gives zero."""
    zero = by == ZERO
    return either(zero, ZERO, values / either(zero, ONE, by))


def cumulated(values: Decimals, groups: Decimals) -> Decimals:
    """Return running sums within groups; rows of a group stand together.

    >>> values = np.array([Decimal("1"), Decimal("2"), Decimal("5")], dtype=object)
    >>> [str(each) for each in cumulated(values, np.array(["a", "a", "b"]))]
    ['1', '3', '5']
    """
    if not len(values):
        return values
    sums = np.add.accumulate(values)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]])
    before = np.r_[np.array([ZERO], dtype=object), sums[starts[1:] - 1]]
    return np.asarray(sums - np.repeat(before, np.diff(np.r_[starts, len(values)])), dtype=object)


def parts(sums: Decimals, groups: Decimals) -> Decimals:
    """Return what each row adds to running sums within groups."""
    if not len(sums):
        return sums
    first = np.r_[True, groups[1:] != groups[:-1]]
    before = np.r_[np.array([ZERO], dtype=object), sums[:-1]]
    return np.asarray(sums - either(first, ZERO, before), dtype=object)


def totals(values: Decimals, groups: Decimals) -> Decimals:
    """Return the sum of its group beside every row; rows of a group stand together."""
    if not len(values):
        return values
    sums = cumulated(values, groups)
    ends = np.flatnonzero(np.r_[groups[1:] != groups[:-1], True])
    return np.repeat(sums[ends], np.diff(np.r_[-1, ends]))


def line_amounts(lines: pd.DataFrame) -> pd.DataFrame:
    """Calculate the amounts of lines, which stand by order and line number.

    Parameters
    ----------
    lines
        ``order`` (str), and as Python decimals: ``quantity, price, volume`` (discount per unit),
        ``manual`` (discount of the line), ``precision``, ``lcy_precision``, ``vat`` (%, with
        ``vat_kind``, VAT Calculation Type: one or the other, so VAT is rounded on its own),
        ``base_discount`` (VAT Base Discount %), ``factor`` (Currency Factor), ``invoice_discount``
        (of the whole order); ``allows`` (bool, Allow Invoice Disc.), ``including`` (bool, Prices
        Including VAT).

    Returns
    -------
    DataFrame
        The columns of Sales Line by NAV's names, as Python decimals, in the same order.
    """
    with exactly():
        precision = _of(lines, "precision")
        gross = rounded(_of(lines, "quantity") * _of(lines, "price"), precision)
        discount = _of(lines, "quantity") * _of(lines, "volume") + _of(lines, "manual")
        discount = rounded(discount, precision)
        percentage = divided(discount * HUNDRED, gross)
        line_amount = gross - discount
        invoice = _invoice_discounts(lines, line_amount)
        amount, including, base = _with_vat(lines, line_amount - invoice)
        factor = either(_of(lines, "factor") == ZERO, ONE, _of(lines, "factor"))
        local = rounded(including / factor, _of(lines, "lcy_precision"))
        places = np.full(len(lines), PERCENTAGE_PRECISION, dtype=object)
        return pd.DataFrame(
            {
                "Line Discount %": rounded(percentage, places),
                "Line Discount Amount": discount,
                "Line Amount": line_amount,
                "Inv. Discount Amount": invoice,
                "Amount": amount,
                "Amount Including VAT": including,
                "VAT Base Amount": base,
                "Outstanding Amount": including,
                "Outstanding Amount (LCY)": local,
            },
            index=lines.index,
            dtype=object,
        )


def in_base_units(quantity: pd.Series, per_unit: pd.Series) -> Decimals:
    """Return quantities in base units, which NAV rounds to five decimals."""
    with exactly():
        found = quantity.to_numpy(dtype=object) * per_unit.to_numpy(dtype=object)
        return rounded(found, np.full(len(found), QUANTITY_PRECISION, dtype=object))


def _of(lines: pd.DataFrame, name: str) -> Decimals:
    return lines[name].to_numpy(dtype=object)


def invoice_discount_base(lines: pd.DataFrame, line_amount: Decimals) -> Decimals:
    """Return what the lines bring to the base of the invoice discount (documents DI2)."""
    return either(lines["allows"].to_numpy(dtype=bool), line_amount, ZERO)


def _invoice_discounts(lines: pd.DataFrame, line_amount: Decimals) -> Decimals:
    """Distribute the invoice discount of each order over its lines (documents DI2)."""
    order = _of(lines, "order")
    base = invoice_discount_base(lines, line_amount)
    cumulative = divided(
        _of(lines, "invoice_discount") * cumulated(base, order), totals(base, order)
    )
    return parts(rounded(cumulative, _of(lines, "precision")), order)


def _with_vat(lines: pd.DataFrame, net: Decimals) -> tuple[Decimals, Decimals, Decimals]:
    """Return Amount, Amount Including VAT and VAT Base Amount of net line amounts (DI5)."""
    vat, order = _of(lines, "vat"), _of(lines, "order")
    # Lines of the same VAT stand together while their VAT is cumulated.
    kinds = {"order": order, "vat": vat, "kind": _of(lines, "vat_kind")}
    codes = pd.DataFrame({name: pd.factorize(each)[0] for name, each in kinds.items()})
    group = codes.groupby(list(kinds)).ngroup().to_numpy()
    place = np.argsort(group, kind="stable")
    group = group[place]
    precision, vat = _of(lines, "precision")[place], vat[place] / HUNDRED
    discounted = _of(lines, "base_discount")[place] / HUNDRED
    including = lines["including"].to_numpy(dtype=bool)[place]
    sums = cumulated(net[place], group)
    amounts = either(including, rounded(sums / (ONE + vat), precision), sums)
    more = rounded(amounts * (ONE - discounted) * vat, precision)
    less = rounded(amounts * discounted * vat, precision)
    gross = either(including, sums - less, amounts + more)
    bases = rounded(amounts * (ONE - discounted), precision)
    back = np.empty(len(place), dtype=np.int64)
    back[place] = np.arange(len(place))
    amount, gross, base = (parts(each, group)[back] for each in (amounts, gross, bases))
    return amount, gross, base
