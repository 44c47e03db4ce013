"""Units, currencies, products and price groups that do not stand as they must, and what says so."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import TODAY, Company
from navcrm_recon.sandbox.edits import touch
from navcrm_recon.sandbox.goods import BLOCKED_NOW, REEL, RETIRED_NOW
from navcrm_recon.sandbox.resources import words

_GROUPS, _ITEMS, _UNITS = "CUSTPRCGRP-PRICE", "ITEM-PRODUCT", "UNIT OF MEASURE"
_PRODUCTS = {_ITEMS: "Item", "RESOURCE-PRODUCT": "Resource"}
_ACTIVE, _RETIRED = 0, 1


def change_records(company: Company) -> None:
    """Change what somebody changed since the last synchronisation, so that a check meets it.

    Exchange rates were entered, items blocked and products retired; a unit, its items and price
    groups, which all fail a check, were only touched.
    """
    items = company.kept[_ITEMS]
    number = items.str.extract(r"(\d+)$", expand=False).astype(int)
    turn = (number - 10010) // 10 % 500
    products = company.crm_id_of(_ITEMS)
    blocked, retired = (pd.Series(items[turn == each]) for each in (BLOCKED_NOW, RETIRED_NOW))
    company.nav["Item"].loc[pd.Index(blocked), "Blocked"] = True
    crm = company.crm["product"]
    crm.loc[pd.Index(products.loc[retired]), ["statecode", "statuscode"]] = [1, 2]
    touch(company, _ITEMS, "crm", products.loc[retired])
    rates = words("currencies")
    entered = rates.loc[(rates["later"] != "") & (rates["later_sent"] == ""), "code"]
    reels = company.nav["Item"]["Base Unit of Measure"].loc[items].eq(REEL).to_numpy(dtype=bool)
    for mapping, keys in (
        ("CURRENCY", entered),
        (_UNITS, company.kept[_UNITS]),
        (_ITEMS, items[reels]),
        (_GROUPS, company.kept[_GROUPS].union(_incomplete_groups(company))),
    ):
        touch(company, mapping, "nav", pd.Series(keys, dtype=TEXT))


def _incomplete_groups(company: Company) -> pd.Index[str]:
    """Return the price groups with a price of an item that has no product."""
    prices = company.nav["Sales Price"]
    ours = prices["Sales Type"].eq(1) & prices["Sales Code"].ne("")
    lost = ours & ~prices["Item No."].isin(company.pairs[_ITEMS]["nav_key"])
    found: pd.Index[str] = pd.Index(prices.loc[lost, "Sales Code"].unique(), dtype=TEXT)
    return found


def expected_of_records(company: Company) -> pd.DataFrame:
    """Return what must be found of units, currencies and products, and which records must fail."""
    parts = [_units(company), _currencies(company), *_states(company), _failures(company)]
    return pd.concat(parts, ignore_index=True)


def _units(company: Company) -> pd.DataFrame:
    """Return the units whose unit group is not there, or has a second unit."""
    keys = company.nav["Unit of Measure"].index
    there = ("NAV " + keys.to_series()).isin(company.crm["uomschedule"]["name"])
    finding = np.select(
        [~there, keys.isin(company.kept[_UNITS])], ["no_group", "several_units"], ""
    )
    found = pd.DataFrame({"mapping": _UNITS, "nav_key": keys, "expected": finding})
    return found[found["expected"] != ""].assign(frame="unit_groups")


def _currencies(company: Company) -> pd.DataFrame:
    """Return the currencies whose rates do not agree, or that CRM does not have."""
    keys = company.nav["Currency"].index
    partner = keys.to_series().map(company.crm_id_of("CURRENCY"))
    rates = words("currencies").set_index("code").reindex(keys)
    later = rates["later"].ne("")
    finding = np.select(
        [
            partner.isna(),
            ~partner.isin(company.crm["transactioncurrency"].index),
            later & rates["later_sent"].eq(""),
            later & (pd.to_datetime(rates["later_from"]) > TODAY),
        ],
        ["not_coupled", "gone_from_crm", "other_rate", "future_rate"],
        "",
    )
    found = pd.DataFrame({"mapping": "CURRENCY", "nav_key": keys, "expected": finding})
    return found[found["expected"] != ""].assign(frame="currency_rates")


def _states(company: Company) -> list[pd.DataFrame]:
    """Return the products whose state is not what NAV's Blocked says."""
    parts = []
    for mapping, table in _PRODUCTS.items():
        pairs = company.pairs[mapping][["nav_key", "crm_id"]]
        cards, products = company.nav[table]["Blocked"], company.crm["product"]["statecode"]
        both = pairs["nav_key"].isin(cards.index) & pairs["crm_id"].isin(products.index)
        found = pairs[both].reset_index(drop=True)
        blocked = cards.loc[found["nav_key"]].to_numpy(dtype=bool)
        state = products.loc[found["crm_id"]].to_numpy(dtype="int64")
        holds = [blocked & (state != _RETIRED), ~blocked & (state != _ACTIVE)]
        finding = np.select(holds, ["not_retired", "not_active"], "")
        found = found.assign(mapping=mapping, frame="product_states", expected=finding)
        parts.append(found[finding != ""])
    return parts


def _failures(company: Company) -> pd.DataFrame:
    """Return the records that fail a check when they are sent; ``value`` is a part of the error."""
    items = company.nav["Item"]["Base Unit of Measure"]
    parts = [
        pd.DataFrame({"mapping": mapping, "nav_key": keys, "value": problem})
        for mapping, keys, problem in (
            (_UNITS, company.kept[_UNITS], "has 2 units"),
            (_ITEMS, items.index[items.eq(REEL)], "has 2 units"),
            (_GROUPS, company.kept[_GROUPS], "in several currencies"),
            (_GROUPS, _incomplete_groups(company), "must be coupled to a product"),
        )
    ]
    return pd.concat(parts, ignore_index=True).assign(frame="failures", expected="fail")
