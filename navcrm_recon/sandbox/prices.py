"""Customer price groups with their prices, price lists with their lines, some of them odd."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import TODAY, Company, amounts, cents, columns_of
from navcrm_recon.sandbox.draw import guids
from navcrm_recon.sandbox.goods import LONE, on_reels, units_by_group
from navcrm_recon.sandbox.mirror import local_currency_id, mirror
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sync.price_lists import DEFAULT_NAME

PRICES, MIXED, FOREIGN = 110, 6, 3
_GROUPS, _PRICES = "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE"
_GROUP, _EVERYBODY = 1, 2
_FIRST_DAY, _SECOND_DAY = pd.Timestamp("2018-01-01"), pd.Timestamp("2018-07-01")
_ENDED, _LATER = pd.Timestamp("2018-06-30"), pd.Timestamp("2019-01-01")
#: Of fifty prices of a group, which one ended, comes later, needs a quantity, is of a variant, was
#: followed by another one.
_EXPIRED, _FUTURE, _LEAST, _VARIANT, _FOLLOWED = 7, 13, 21, 29, 37


def add_prices(company: Company) -> None:
    """Add price groups and sales prices, with their price lists and lines."""
    add_price_groups(company)
    add_sales_prices(company)


def add_price_groups(company: Company) -> None:
    """Add customer price groups and their price lists."""
    rows = words("price_groups")
    nav = company.add_nav(
        "Customer Price Group",
        {"Code": rows["code"], "Description": rows["description"], "Coupled to CRM": True},
    )
    ids = pd.Index(guids(company.seed, "pricelevel", len(rows)))
    currency = rows["currency"].map(company.crm_id_of("CURRENCY"))
    columns = {
        **mirror(company, _GROUPS, nav),
        "transactioncurrencyid": currency.fillna(local_currency_id(company)),
        "description": rows["description"],
        "statecode": 0,
        "statuscode": 100001,
    }
    company.add_crm("pricelevel", columns, ids)
    company.couple(_GROUPS, nav.index, ids)
    company.spare[_GROUPS] = nav.index[(rows["spare"] == "yes").to_numpy()]
    company.kept[_GROUPS] = nav.index[(rows["spare"] == "mixed").to_numpy()]


def add_sales_prices(company: Company) -> None:
    """Add sales prices of the groups with their price list lines, and prices of other kinds."""
    chance = company.chance("sales prices")
    groups = words("price_groups")
    plain = groups[groups["spare"] == ""]
    items = company.nav["Item"]
    place = np.arange(len(items))
    sold = np.flatnonzero((place % LONE != 0) & ~on_reels(len(items)))
    count = PRICES * company.scale
    item = np.concatenate([np.sort(chance.choice(sold, count, replace=False)) for _ in plain.index])
    group = plain.take(np.repeat(np.arange(len(plain)), count)).reset_index(drop=True)
    rows = _with_oddities(_prices(items.take(item), group), count)
    everybody = rows[rows["follower"] == ""].iloc[:: len(plain) * 2].copy()
    everybody["Sales Type"], everybody["Sales Code"], everybody["alone"] = _EVERYBODY, "", True
    keys = ["Item No.", "Currency Code", "Starting Date", "Minimum Quantity", "Variant Code"]
    mixed = groups[groups["spare"] == "mixed"].iloc[0]
    others = items.take(chance.choice(sold, (MIXED + FOREIGN) * company.scale, replace=False))
    parts = [rows, _in_two_currencies(others, mixed), everybody.drop_duplicates(keys)]
    every = pd.concat(parts, ignore_index=True)
    _add_with_lines(company, every)


def _in_two_currencies(items: pd.DataFrame, group: pd.Series) -> pd.DataFrame:
    """Return the prices of a group, some in a currency its price list does not have."""
    foreign = np.arange(len(items)) % (MIXED + FOREIGN) >= MIXED
    groups = pd.DataFrame([group] * len(items)).reset_index(drop=True)
    groups["currency"] = groups["currency"].mask(foreign, "GBP")
    return _prices(items, groups).assign(follower="mixed", alone=foreign)


def _prices(items: pd.DataFrame, group: pd.DataFrame) -> pd.DataFrame:
    """Return sales prices of items for groups."""
    items = items.reset_index(drop=True)
    base = np.rint(items["Unit Price"].astype(float).abs().to_numpy() * 100).astype(np.int64)
    return pd.DataFrame(
        {
            "Item No.": items["No."],
            "Sales Type": _GROUP,
            "Sales Code": group["code"],
            "Starting Date": _FIRST_DAY,
            "Ending Date": pd.NaT,
            "Currency Code": group["currency"],
            "Variant Code": "",
            "Unit of Measure Code": items["Base Unit of Measure"],
            "Minimum Quantity": 0,
            "price": base * cents(group["share"]) // 100,
            "follower": "",
            "alone": False,
        }
    )


def _with_oddities(rows: pd.DataFrame, count: int) -> pd.DataFrame:
    """Let some prices end, start late, be for a quantity or a variant, or be followed by another.

    Of two prices on one line of a price list the later one has it (documents PG10).
    """
    turn = pd.Series(np.arange(len(rows)) % count % 50)
    rows["Ending Date"] = rows["Ending Date"].mask(turn == _EXPIRED, _ENDED)
    rows["Starting Date"] = rows["Starting Date"].mask(turn == _FUTURE, _LATER)
    rows["Minimum Quantity"] = rows["Minimum Quantity"].mask(turn == _LEAST, 10)
    rows["Variant Code"] = rows["Variant Code"].mask(turn == _VARIANT, "RED")
    followed = turn == _FOLLOWED
    later = rows[followed].assign(follower="later", **{"Starting Date": _SECOND_DAY})
    later["price"] = later["price"] * 95 // 100
    return pd.concat([rows.assign(alone=followed), later], ignore_index=True)


def _add_with_lines(company: Company, every: pd.DataFrame) -> None:
    """Add prices, and price list lines of those that are not alone."""
    alone, follower = every["alone"].to_numpy(dtype=bool), every["follower"] != ""
    columns: dict[str, Any] = columns_of(every.drop(columns=["price", "follower", "alone"]))
    columns["Minimum Quantity"] = amounts(every["Minimum Quantity"], 0)
    nav = company.add_nav("Sales Price", {**columns, "Unit Price": amounts(every["price"])})
    ours = nav["Sales Type"].eq(_GROUP).to_numpy(dtype=bool)
    company.uncoupled[_PRICES] = nav.index[ours & alone]
    company.kept[_PRICES] = nav.index[follower.to_numpy(dtype=bool)]
    sent = nav[ours & ~alone]
    ids = pd.Index(guids(company.seed, "productpricelevel", len(sent)))
    unit_groups = sent["Unit of Measure Code"].map(company.crm_id_of("UNIT OF MEASURE"))
    line = {
        "uomscheduleid": unit_groups,
        "uomid": unit_groups.map(units_by_group(company)),
        "productidname": sent["Item No."].map(company.nav["Item"]["Description"]),
    }
    company.add_crm("productpricelevel", {**line, **mirror(company, _PRICES, sent)}, ids)
    company.couple(_PRICES, sent.index, ids)
    company.spare[_PRICES] = sent.index[~sent.index.isin(company.kept[_PRICES])]


def add_default_price_list(company: Company) -> None:
    """Add the list that every product has its own price in (documents 4.8), as products now are."""
    local = local_currency_id(company)
    ids = pd.Index(guids(company.seed, "default price list", 1))
    about = {"transactioncurrencyid": local, "statecode": 0, "statuscode": 100001}
    company.add_crm("pricelevel", {"name": [DEFAULT_NAME], **about}, ids)
    products = company.crm["product"]
    known = [company.pairs[name]["crm_id"] for name in ("ITEM-PRODUCT", "RESOURCE-PRODUCT")]
    own = products.index.isin(pd.concat(known))
    priced = products[own].reset_index()
    company.add_crm(
        "productpricelevel",
        {
            "pricelevelid": ids[0],
            "productid": priced["crm_id"],
            "productnumber": priced["productnumber"],
            "productidname": priced["name"],
            "uomid": priced["defaultuomid"],
            "uomscheduleid": priced["defaultuomscheduleid"],
            "amount": priced["price"],
            "transactioncurrencyid": local,
            "pricingmethodcode": 1,
        },
        pd.Index(guids(company.seed, "default prices", len(priced)), dtype=TEXT),
    )
    products["pricelevelid"] = pd.Series(np.where(own, ids[0], ""), products.index, dtype=TEXT)


def expected_prices(company: Company) -> pd.DataFrame:
    """Return what must be found of sales prices: a row per price and finding (documents 4.9)."""
    prices = company.nav["Sales Price"]
    ours = prices["Sales Type"].eq(_GROUP) & prices["Sales Code"].ne("")
    line = ["Item No.", "Sales Code", "Unit of Measure Code"]
    currencies = prices[ours].groupby("Sales Code")["Currency Code"].nunique()
    mixed = currencies.index[currencies > 1]
    found = {
        "collision": ours & prices.where(ours).duplicated(line, keep=False),
        "mixed_currencies": ours & prices["Sales Code"].isin(mixed),
        "expired": ours & prices["Ending Date"].lt(TODAY),
        "future": ours & prices["Starting Date"].gt(TODAY),
        "minimum_quantity": ours & prices["Minimum Quantity"].gt(0),
        "variant": ours & prices["Variant Code"].ne(""),
        "ignored_sales_type": ~ours,
    }
    parts = [
        pd.DataFrame({"nav_key": prices.index[holds.to_numpy(dtype=bool)], "expected": name})
        for name, holds in found.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(frame="price_collisions")
