"""Currencies, products, units and prices for people: what to look at first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.report.charts import bars
from navcrm_recon.report.links import linked
from navcrm_recon.report.markup import Fragment
from navcrm_recon.report.words import word

if TYPE_CHECKING:
    from navcrm_recon import Workspace


def finding_chart(found: pd.DataFrame, caption: str, unit: str = "records") -> Fragment:
    """Show how many rows of a frame have each ``finding``; blank is none."""
    findings = found["finding"]
    return bars(findings[findings.ne("")].map(word).value_counts(), caption, unit)


def prices_found(prices: pd.DataFrame, ws: Workspace, *findings: str) -> pd.DataFrame:
    """Return the sales prices with some findings (frame ``price_collisions``), with links.

    Returns
    -------
    DataFrame
        ``price_group, item, unit`` (str), ``starting_date, ending_date`` (days),
        ``minimum_quantity, unit_price`` (decimal), ``variant, currency`` (str), ``wins`` (bool),
        ``finding, crm_id, crm_url`` (str).
    """
    chosen = prices[prices["finding"].isin(findings)].reset_index(drop=True)
    shown = [
        "price_group", "item", "unit", "starting_date", "ending_date", "minimum_quantity",
        "variant", "currency", "unit_price", "wins", "finding", "crm_id",
    ]  # fmt: skip
    return linked(chosen.assign(mapping="SALESPRC-PRODPRICE"), ws)[[*shown, "crm_url"]]


def groups_and_lists(ws: Workspace, prices: pd.DataFrame) -> pd.DataFrame:
    """Return the customer price groups beside the price lists that stand for them, with links.

    Returns
    -------
    DataFrame
        ``nav_key, crm_id, nav_name, crm_name, state`` (str), ``to_look_at`` (int64, findings about
        its prices), ``nav_url, crm_url`` (str).
    """
    groups = ws.couplings("CUSTPRCGRP-PRICE")
    counts = prices.loc[prices["price_group"].ne(""), "price_group"].value_counts()
    found = groups.assign(to_look_at=groups["nav_key"].map(counts).fillna(0).astype("int64"))
    names = ["nav_key", "crm_id", "nav_name", "crm_name", "state", "to_look_at"]
    return found[[*names, "nav_url", "crm_url"]]
