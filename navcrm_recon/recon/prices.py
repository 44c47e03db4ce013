"""NAV's sales prices as CRM sees them: one price per price list, product and unit (PG6 to PG10)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT

#: Sales Price: what tells prices of one item and group apart, in the order of NAV's key.
_ORDER = ["Starting Date", "Currency Code", "Variant Code", "Unit of Measure Code",
          "Minimum Quantity"]  # fmt: skip
COLUMNS = ("Item No.", "Sales Type", "Sales Code", *_ORDER, "Ending Date", "Unit Price")
PRICE_GROUP = 1


def units_of_prices(prices: pd.DataFrame, base_units: pd.Series) -> pd.Series:
    """Return the unit each price is for: its own, else the item's base unit (PG11).

    Parameters
    ----------
    base_units
        Base unit of measure by item number.
    """
    own = prices["Unit of Measure Code"]
    base = prices["Item No."].map(base_units).astype(TEXT).fillna("")
    return own.where(own.ne(""), base)


def winners(prices: pd.DataFrame, units: pd.Series) -> pd.Series:
    """Return which price each price leaves its CRM line to: the last one in NAV's order (PG10).

    Prices of one group, item and unit fall on one line of a price list, whatever their dates,
    minimum quantities and variants are.

    Parameters
    ----------
    prices
        Sales prices of customer price groups, index ``nav_key``.
    units
        The unit each is for, as ``units_of_prices`` gives it.

    Returns
    -------
    Series
        ``nav_key`` of the price that is processed last, index as ``prices``; most win themselves.
    """
    sortable = prices[["Item No.", "Sales Code", *_ORDER]].assign(unit=units, nav_key=prices.index)
    ordered = sortable.sort_values(_ORDER, na_position="first", kind="stable")
    line = ordered.groupby(["Item No.", "Sales Code", "unit"], sort=False)["nav_key"]
    return line.transform("last").reindex(prices.index).astype(TEXT)


def mixed_groups(prices: pd.DataFrame) -> pd.Series:
    """Return the currency codes of groups whose prices are in several, by group (PG7).

    Codes are joined by commas, the local currency is blank.
    """
    pairs = prices[["Sales Code", "Currency Code"]].drop_duplicates()
    pairs = pairs.sort_values(["Sales Code", "Currency Code"])
    several = pairs[pairs["Sales Code"].duplicated(keep=False)]
    return several.groupby("Sales Code")["Currency Code"].agg(", ".join).astype(TEXT)


def price_findings(
    prices: pd.DataFrame, units: pd.Series, lines: pd.Series, today: pd.Timestamp
) -> pd.DataFrame:
    """Return what a person ought to know of the sales prices (documents 4.9).

    Parameters
    ----------
    prices
        Sales prices of every type with ``COLUMNS``, index ``nav_key``.
    units
        The unit each is for.
    lines
        The CRM line each is coupled to, by ``nav_key``.
    today
        NAV's work date.

    Returns
    -------
    DataFrame
        Frame ``price_collisions`` without its order: one row per price and finding. ``wins``: the
        price is the one whose line CRM has.
    """
    ours = prices["Sales Type"].eq(PRICE_GROUP).fillna(False) & prices["Sales Code"].ne("")
    sent = prices[ours]
    last = winners(sent, units[ours]).reindex(prices.index).astype(TEXT).fillna("")
    mixed = prices["Sales Code"].isin(mixed_groups(sent).index) & ours
    found = {
        "collision": ours & last.map(last[ours].value_counts()).gt(1).fillna(False),
        "mixed_currencies": mixed,
        "expired": ours & prices["Ending Date"].lt(today),
        "future": ours & prices["Starting Date"].gt(today),
        "minimum_quantity": ours & prices["Minimum Quantity"].gt(0).fillna(False),
        "variant": ours & prices["Variant Code"].ne(""),
        "ignored_sales_type": ~ours,
    }
    described = _described(prices, units, lines, last)
    rows = [
        described[np.asarray(holds, dtype=bool)].assign(finding=name)
        for name, holds in found.items()
    ]
    return pd.concat(rows, ignore_index=True)


def _described(
    prices: pd.DataFrame, units: pd.Series, lines: pd.Series, last: pd.Series
) -> pd.DataFrame:
    """Return what a page shows of each price; ``last``: the price its CRM line is left to."""
    return pd.DataFrame(
        {
            "price_group": prices["Sales Code"],
            "item": prices["Item No."],
            "unit": units,
            "nav_key": prices.index,
            "starting_date": prices["Starting Date"],
            "ending_date": prices["Ending Date"],
            "minimum_quantity": prices["Minimum Quantity"],
            "variant": prices["Variant Code"],
            "currency": prices["Currency Code"],
            "unit_price": prices["Unit Price"],
            "crm_id": lines.reindex(last).fillna("").to_numpy(),
            "wins": last.eq(prices.index.to_series()).to_numpy(),
        }
    )
