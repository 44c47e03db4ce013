"""Items and resources with their CRM products."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts, cents
from navcrm_recon.sandbox.draw import guids, numbers, take
from navcrm_recon.sandbox.mirror import local_currency_id, mirror
from navcrm_recon.sandbox.resources import words

ITEMS = 1500
#: Every so many items one has neither prices nor documents.
LONE = 5
#: A unit whose unit group has a second unit.
REEL = "REEL"
#: Of five hundred items, which one has that unit, which one was blocked and which one's product
#: retired since the last synchronisation.
REELS, BLOCKED_NOW, RETIRED_NOW = 3, 8, 12
#: How the small table marks the resource that stands for write-ins.
WRITE_IN = "write-in"
#: Which of sixty items is sold in boxes; its unit is another one.
BOXED = 22
GOODS = {"Gen. Prod. Posting Group": "GOODS", "VAT Prod. Posting Group": "STANDARD"}
SERVICES = {"Gen. Prod. Posting Group": "SERVICES", "VAT Prod. Posting Group": "REDUCED"}


def add_goods(company: Company) -> None:
    """Add items, resources and their products."""
    add_items(company)
    add_resources(company)


def add_items(company: Company) -> None:
    """Add items with their ledger, some negative in price or stock, and their products."""
    count = ITEMS * company.scale
    chance = company.chance("items")
    goods, series = words("goods"), words("series")["series"]
    good = goods.take(chance.integers(0, len(goods), count)).reset_index(drop=True)
    unit = good["unit"].where(~on_reels(count), REEL)
    size = pd.Series(chance.integers(14, 64, count).astype(str), dtype=TEXT)
    number = numbers("B-", 10010, count, 10)
    stock = _stock(company, chance, number)
    vendors = pd.Series(company.nav["Vendor"].index, dtype=TEXT)
    factor = chance.integers(700, 1500, count)
    price = cents(good["price"]) * factor // 1000 * 1000 + chance.integers(0, 1000, count) % 4 * 250
    price[7::500] = -1000
    nav = company.add_nav(
        "Item",
        {
            "No.": number,
            "Description": good["noun"]
            + " "
            + take(series, chance.integers(0, len(series), count))
            + " "
            + size,
            "Description 2": good["category"].str.capitalize(),
            "Base Unit of Measure": unit,
            "Sales Unit of Measure": np.where(in_boxes(count), "BOX", ""),
            "Inventory Posting Group": good["category"],
            **GOODS,
            "Item Category Code": good["category"],
            "Unit Price": amounts(price, 5),
            # More decimals than CRM keeps.
            "Unit Cost": amounts(cents(good["cost"], 5) * factor // 1000, 5),
            "Unit Volume": amounts(cents(good["volume"], 3), 3),
            "Gross Weight": amounts(cents(good["weight"], 3), 3),
            "Vendor No.": take(vendors, chance.integers(0, len(vendors), count)),
            "Vendor Item No.": "S" + size + number.str.slice(2),
            "Blocked": np.arange(count) % 37 == 11,
            "Inventory": amounts(stock),
            "Coupled to CRM": True,
        },
    )
    _add_products(company, "ITEM-PRODUCT", nav, 1)
    company.spare["ITEM-PRODUCT"] = nav.index[::LONE]
    kept = np.isin(np.arange(count) % 500, [REELS, BLOCKED_NOW, RETIRED_NOW])
    company.kept["ITEM-PRODUCT"] = nav.index[kept]


def in_boxes(count: int) -> npt.NDArray[np.bool_]:
    """Say which items are sold in boxes of a dozen, though kept in another unit."""
    return np.asarray(np.arange(count) % 60 == BOXED)


def on_reels(count: int) -> npt.NDArray[np.bool_]:
    """Say which items have a unit whose unit group CRM's users have broken (documents 4.5)."""
    return np.asarray(np.arange(count) % 500 == REELS)


def add_item_units(company: Company) -> None:
    """Add the units of the items: the base unit each one has now, and boxes."""
    items = company.nav["Item"]
    boxed = items[items["Sales Unit of Measure"] != ""]
    boxed = boxed[boxed["Base Unit of Measure"] != boxed["Sales Unit of Measure"]]
    ones = amounts(np.ones(len(items)), 0)
    company.add_nav(
        "Item Unit of Measure",
        {
            "Item No.": pd.concat([items["No."], boxed["No."]]),
            "Code": pd.concat([items["Base Unit of Measure"], boxed["Sales Unit of Measure"]]),
            "Qty. per Unit of Measure": pd.concat([ones, amounts(np.full(len(boxed), 12), 0)]),
        },
    )


def _stock(
    company: Company, chance: np.random.Generator, number: pd.Series
) -> npt.NDArray[np.int64]:
    """Add the item ledger; returns the sum per item in hundredths."""
    entries = 2 * len(number)
    item = np.concatenate([np.arange(len(number)), chance.integers(0, len(number), len(number))])
    quantity = chance.integers(-4000, 20000, entries) // 25 * 25
    days = pd.to_timedelta(chance.integers(0, 240, entries), unit="D")
    company.add_nav(
        "Item Ledger Entry",
        {
            "Entry No.": np.arange(1, entries + 1),
            "Item No.": take(number, item),
            "Posting Date": pd.Series(pd.Timestamp("2018-01-02") + days),
            "Quantity": amounts(quantity),
        },
    )
    return np.bincount(item, weights=quantity, minlength=len(number)).astype(np.int64)


def _add_products(company: Company, mapping: str, nav: pd.DataFrame, type_code: int) -> None:
    ids = pd.Index(guids(company.seed, mapping, len(nav)))
    blocked = nav["Blocked"].to_numpy(dtype=bool)
    groups = nav["Base Unit of Measure"].map(company.crm_id_of("UNIT OF MEASURE"))
    columns: dict[str, Any] = {
        "producttypecode": type_code,
        "productstructure": 1,
        "quantitydecimal": 2,
        "vendorname": nav["Vendor No."].map(company.nav["Vendor"]["Name"]).fillna(""),
        "statecode": np.where(blocked, 1, 0),
        "statuscode": np.where(blocked, 2, 1),
        "transactioncurrencyid": local_currency_id(company),
        "defaultuomscheduleid": groups,
        "defaultuomid": groups.map(units_by_group(company)),
    }
    company.add_crm("product", {**columns, **mirror(company, mapping, nav)}, ids)
    company.couple(mapping, nav.index, ids)


def units_by_group(company: Company) -> pd.Series:
    """Return the id of a unit group's base unit by the id of the group."""
    units = company.crm["uom"]
    units = units[units["isschedulebaseuom"]]
    return pd.Series(units.index, index=pd.Index(units["uomscheduleid"]), dtype=TEXT)


def add_resources(company: Company) -> None:
    """Add resources with their capacity, and their products."""
    rows = words("resources")
    count = len(rows)
    hours = company.chance("resources").integers(100, 1800, 2 * count)
    company.add_nav(
        "Res. Capacity Entry",
        {
            "Entry No.": np.arange(1, 2 * count + 1),
            "Resource No.": pd.concat([rows["number"]] * 2),
            "Date": pd.to_datetime(["2018-01-01"] * count + ["2018-07-01"] * count),
            "Capacity": amounts(hours, 0),
        },
    )
    nav = company.add_nav(
        "Resource",
        {
            "No.": rows["number"],
            "Name": rows["name"],
            "Type": rows["type"].astype("Int64"),
            "Base Unit of Measure": rows["unit"],
            "Unit Price": amounts(cents(rows["price"])),
            "Unit Cost": amounts(cents(rows["cost"], 3), 3),
            "Direct Unit Cost": amounts(cents(rows["cost"], 3), 3),
            "Capacity": amounts(hours[:count] + hours[count:], 0),
            "Blocked": False,
            "Coupled to CRM": rows["spare"] != WRITE_IN,
            "Vendor No.": "",
            **SERVICES,
        },
    )
    company.add_nav(
        "Resource Unit of Measure",
        {
            "Resource No.": rows["number"],
            "Code": rows["unit"],
            "Qty. per Unit of Measure": amounts(np.ones(count), 0),
        },
    )
    # What stands for write-ins is no product (documents W4).
    write_in = (rows["spare"] == WRITE_IN).to_numpy(dtype=bool)
    company.uncoupled["RESOURCE-PRODUCT"] = nav.index[write_in]
    _add_products(company, "RESOURCE-PRODUCT", nav[~write_in], 3)
    company.spare["RESOURCE-PRODUCT"] = nav.index[(rows["spare"] == "yes").to_numpy()]
