"""Exchange rates as CRM has them: units of a currency for one of the base currency (CU4, CU5).

NAV keeps them by the local currency: so many units of a currency (Exchange Rate Amount) are so
many of the local one (Relational Exch. Rate Amount). The relational currency code is left aside.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd

COLUMNS = (
    "Currency Code", "Starting Date", "Exchange Rate Amount", "Relational Exch. Rate Amount",
)  # fmt: skip
_PLACES = Decimal("1e-10")


def per_local(rates: pd.DataFrame, on: pd.Timestamp | None = None) -> dict[str, Decimal]:
    """Return units of each currency for one of the local currency, by code, unrounded.

    Parameters
    ----------
    rates
        NAV's exchange rates, ``COLUMNS``.
    on
        Only rates that have started by this day; None = the last one, though it lie in the future.

    Returns
    -------
    Only currencies with a rate whose amounts are not zero.
    """
    if on is not None:
        rates = rates[~rates["Starting Date"].gt(on)]
    ordered = rates.sort_values("Starting Date", na_position="first", kind="stable")
    last = ordered.drop_duplicates("Currency Code", keep="last")
    amounts = last["Exchange Rate Amount"], last["Relational Exch. Rate Amount"]
    rows = zip(last["Currency Code"], *amounts, strict=True)
    return {code: _exact(one) / _exact(other) for code, one, other in rows
            if _exact(one) and _exact(other)}  # fmt: skip


def _exact(amount: Any) -> Decimal:
    return Decimal(0) if pd.isna(amount) else Decimal(str(amount))


def per_base(code: str, base: str, local: str, rates: dict[str, Decimal]) -> Decimal | None:
    """Return units of a currency for one of the base currency, to ten places (CU4, CUR-007).

    Parameters
    ----------
    base, local
        Codes of CRM's base currency and of NAV's local one.
    rates
        Units for one of the local currency, as ``per_local`` gives them.

    Returns
    -------
    None where a rate is missing.

    >>> twelve, three = Decimal(12), Decimal(3)
    >>> per_base("FCY1", "FCY2", "LCY", {"FCY1": twelve, "FCY2": three})
    Decimal('4.0000000000')
    """
    if code == base:
        return Decimal(1)
    own = Decimal(1) if code == local else rates.get(code)
    other = Decimal(1) if base == local else rates.get(base)
    if own is None or other is None:
        return None
    return (own / other).quantize(_PLACES, ROUND_HALF_UP)
