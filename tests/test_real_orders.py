"""Real NAV orders, turned back into orders of CRM, come out of it as the same NAV orders.

Where a value differs, a rule says why and what it must be; nothing else differs. All are made on
the day on which most of them are dated; in ``make soak`` each on its own day, with its own dates.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from navcrm_recon.catalog import Column, load_catalog
from navcrm_recon.scenarios.handles import guid
from navcrm_recon.scenarios.world import World

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "cronus"
CATALOG = load_catalog()
ORDERS, LINES = 54, 119
OWN_DAYS, DAY = bool(os.environ.get("NAVCRM_SOAK")), "2019-01-16"
#: CRM's options for codes of NAV: field of an order -> option mapping, table, NAV's field.
OPTIONS = {
    "shippingmethodcode": ("SHIPPING AGENT", "Shipping Agent", "Shipping Agent Code"),
    "paymenttermscode": ("PAYMENT TERMS", "Payment Terms", "Payment Terms Code"),
    "freighttermscode": ("SHIPMENT METHOD", "Shipment Method", "Shipment Method Code"),
}
Row = Mapping[str, str]
Rules = Mapping[str, tuple[str, Callable[[Row], str]]]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not DATA.is_dir(), reason=f"no sample data at {DATA}"),
]


@cache
def rows(table: str) -> list[Row]:
    path = DATA / f"{table.replace('/', '_')}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@cache
def by(table: str, column: str = "No.") -> dict[str, Row]:
    return {row[column]: row for row in rows(table)}


def headers() -> list[Row]:
    return [row for row in rows("Sales Header") if row["Document Type"] == "Order"]


def lines() -> list[Row]:
    return [row for row in rows("Sales Line") if row["Document Type"] == "Order"]


def customer(header: Row) -> Row:
    return by("Customer")[header["Sell-to Customer No."]]


# --- what is different, and why -----------------------------------------------------------------


def cents(amount: Decimal, places: str = "0.01") -> Decimal:
    return amount.quantize(Decimal(places), ROUND_HALF_UP)


def percentage(line: Row) -> str:
    base = cents(Decimal(line["Quantity"]) * Decimal(line["Unit Price"]))
    off = Decimal(line["Line Discount Amount"])
    return plain(cents(off / base * 100, "0.00001")) if base else "0"


def agent(header: Row) -> str:
    return header["Shipping Agent Code"] or customer(header)["Shipping Agent Code"]


def service(header: Row) -> str:
    return customer(header)["Shipping Agent Service Code"]


def due(column: str) -> Callable[[Row], str]:
    """Return what a date is in the real order of this day that has the same terms."""
    return lambda row: next(
        each[column] or each["Document Date"]
        for each in headers()
        if each["Order Date"] == DAY and each["Payment Terms Code"] == row["Payment Terms Code"]
    )


def rules(table: str) -> Rules:
    """Return why columns may differ, and what they must be then."""
    found = OF_HEADERS if table == "Sales Header" else OF_LINES
    if OWN_DAYS:
        return found
    dates = ("Order Date", "Posting Date", "Document Date", "Shipment Date")
    made = {
        name: ("H2: the day of its making", lambda _: DAY)
        for name in dates
        if name in rows(table)[0]
    }
    reckoned = {
        name: ("H2: reckoned from the day of its making", due(name))
        for name in ("Due Date", "Pmt. Discount Date")
        if table == "Sales Header"
    }
    return {**found, **made, **reckoned}


#: Column of the header -> the rule by which it may differ, and what it must be then.
OF_HEADERS: Rules = {
    "Your Reference": ("H4: the number of CRM's order", lambda row: row["No."]),
    "Payment Discount %": ("H10: CRM's order has no percentage, so that of the payment terms goes",
                           lambda _: "0"),
    "Pmt. Discount Date": ("O2: terms without a formula count no days from the document date",
                           lambda row: row["Pmt. Discount Date"] or row["Document Date"]),
    "Currency Factor": ("H5: NAV has a factor of currencies only, kept to twenty decimals",
                        lambda row: plain(cents(Decimal(row["Currency Factor"]), "1e-20"))
                        if row["Currency Code"] else "0"),
    "Shipping Agent Code": ("O1: an order cannot be without an agent where its customer has one",
                            agent),
    "Shipping Agent Service Code": ("H3: that of the customer", service),
}  # fmt: skip
OF_LINES: Rules = {
    "Location Code": ("H3: CRM's lines have no location, so they have the customer's",
                      lambda row: by("Customer")[row["Sell-to Customer No."]]["Location Code"]),
    "Line Discount %": ("L10: recalculated from the rounded amount", percentage),
    "Description": ("L5: NAV's own, not translated into the customer's language",
                    lambda row: by("Item")[row["No."]]["Description"]),
    "Allow Invoice Disc.": ("L5: as the item says",
                            lambda row: by("Item")[row["No."]]["Allow Invoice Disc."]),
    "Unit of Measure": ("L12: that of the unit, not translated into the customer's language",
                        lambda row: by("Unit of Measure", "Code")[row["Unit of Measure Code"]]
                        ["Description"]),
}  # fmt: skip
#: Columns of the files that no rule fills, and that the catalogue does not have.
UNKNOWN = {
    "Sales Header": {"Package Tracking No.", "Campaign No."},
    "Sales Line": {
        "Work Type Code", "Allow Item Charge Assignment", "Allow Line Disc.",
        "Customer Disc. Group",
    },
}  # fmt: skip


# --- there and back -----------------------------------------------------------------------------


def given_nav() -> dict[str, list[dict[str, str]]]:
    """Return what NAV has beside the orders: the records they name, and all code tables."""
    sold = {line["No."] for line in lines()}
    numbers = {header["Sell-to Customer No."] for header in headers()}
    customers = [row for row in rows("Customer") if row["No."] in numbers]
    contacts = {row["Primary Contact No."] for row in customers}
    picked = {
        "Customer": customers,
        "Contact": [row for row in rows("Contact") if row["No."] in contacts],
        "Item": [row for row in rows("Item") if row["No."] in sold],
        "Item Unit of Measure": [r for r in rows("Item Unit of Measure") if r["Item No."] in sold],
    }
    codes = (
        "Unit of Measure", "Currency", "Currency Exchange Rate", "Payment Terms",
        "Shipment Method", "Shipping Agent", "Country/Region",
    )  # fmt: skip
    setup = {
        "General Ledger Setup": [{"LCY Code": "GBP"}],
        "Sales & Receivables Setup": [{"Order Nos.": "S-ORD"}],
    }
    tables = picked | {name: rows(name) for name in codes} | setup
    return {name: [known(name, row) for row in found] for name, found in tables.items()}


def known(table: str, row: Row) -> dict[str, str]:
    columns = CATALOG.nav[table].columns
    return {name: value for name, value in row.items() if value and name in columns}


def given() -> dict[str, Any]:
    nav = given_nav()
    customers = [row["No."] for row in nav["Customer"]]
    items = [row["No."] for row in nav["Item"]]
    used = sorted({header["Currency Code"] for header in headers()} - {""})
    return {
        "now": "2018-12-01T08:00:00Z",
        "setup": {"integration_user": "robot", "sales_order_integration": True},
        "nav": nav,
        "crm": {
            "account": [
                {"accountid": f"account {n}", "name": by("Customer")[n]["Name"],
                 "customertypecode": 3} for n in customers
            ],
            "product": [
                {"productid": f"product {n}", "productnumber": n, "producttypecode": 1,
                 "name": by("Item")[n]["Description"]} for n in items
            ],
            "transactioncurrency": [
                {"transactioncurrencyid": f"currency {code}", "isocurrencycode": code}
                for code in [*used, "GBP"]
            ],
        },
        "options": [
            {"mapping": mapping, "nav_key": row["Code"], "value": value, "caption": row["Code"]}
            for mapping, table, _ in OPTIONS.values()
            for value, row in enumerate(rows(table), start=1)
        ],
        "couplings": [
            *({"mapping": "CUSTOMER", "nav_key": n, "crm_id": f"account {n}"} for n in customers),
            *({"mapping": "ITEM-PRODUCT", "nav_key": n, "crm_id": f"product {n}"} for n in items),
        ],
    }  # fmt: skip


def as_in_crm(header: Row) -> dict[str, Any]:
    """Return the CRM order that a NAV order would have come from."""
    codes = {
        name: [row["Code"] for row in rows(table)].index(header[field]) + 1
        for name, (_, table, field) in OPTIONS.items()
        if header[field]
    }
    return codes | {
        "salesorderid": f"order {header['No.']}",
        "ordernumber": header["No."],
        "statecode": "Submitted",
        "statuscode": 3,
        "customerid": f"account {header['Sell-to Customer No.']}",
        "transactioncurrencyid": f"currency {header['Currency Code'] or 'GBP'}",
        "requestdeliveryby": header["Requested Delivery Date"] or None,
    }


def line_as_in_crm(line: Row) -> dict[str, Any]:
    return {
        "salesorderdetailid": f"line {line['Document No.']} {line['Line No.']}",
        "salesorderid": f"order {line['Document No.']}",
        "sequencenumber": int(line["Line No."]) // 10000,
        "productid": f"product {line['No.']}",
        "quantity": line["Quantity"],
        "priceperunit": line["Unit Price"],
        "manualdiscountamount": line["Line Discount Amount"],
    }


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """Give a company in which the orders were made."""
    of_day = defaultdict(list)
    for header in headers():
        of_day[header["Order Date"] if OWN_DAYS else DAY].append(header)
    with World.build(given(), "sqlite") as found:
        for day in sorted(of_day):
            found.now = datetime.fromisoformat(f"{day}T09:00:00+00:00")
            for header in of_day[day]:
                insert(found, "salesorder", as_in_crm(header))
                for line in lines():
                    if line["Document No."] == header["No."]:
                        insert(found, "salesorderdetail", line_as_in_crm(line))
            job = found.workspace.create_sales_orders()
            assert (job.inserted, job.failed) == (len(of_day[day]), 0), found.errors()["message"]
        yield found


def insert(world: World, entity: str, row: dict[str, Any]) -> None:
    world.take("insert_crm", {"entity": entity, "row": row})


def plain(amount: Decimal) -> str:
    text = f"{amount:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def written(column: Column, value: Any) -> str:
    """Return a value of NAV as the files have it."""
    if value is None or value is pd.NA or value is pd.NaT:
        return ""
    if column.options:
        return column.options[int(value)].strip()
    if column.kind == "boolean":
        return "Yes" if value else "No"
    if column.kind == "date":
        return f"{value:%Y-%m-%d}"
    return plain(value) if isinstance(value, Decimal) else str(value)


def in_nav(world: World, table: str) -> list[dict[str, str]]:
    """Return the rows NAV has of what the files have columns for."""
    known_table = CATALOG.nav[table]
    names = [name for name in rows(table)[0] if name in known_table.columns]
    frame = world.workspace.side("nav").read(known_table, names)
    return [
        {name: written(known_table.columns[name], value) for name, value in row.items()}
        for row in frame.to_dict("records")
    ]


def check(table: str, wanted: list[Row], found: list[dict[str, str]]) -> None:
    """Fail where a value differs and no rule says why, and where a rule explains nothing."""
    told, used = rules(table), set()
    for one, other in zip(wanted, found, strict=True):
        for name, value in other.items():
            if number(one[name]) == number(value):
                continue
            used.add(name)
            assert name in told, f"{name} is {value} in {dict(one)}"
            rule, must = told[name]
            assert value == must(one), f"{name} is {value} ({rule}) in {dict(one)}"
    assert used == set(told)


def number(text: str) -> str:
    """Return a number without its trailing zeros, any other text as it is."""
    return plain(Decimal(text)) if text.replace(".", "", 1).isdigit() else text


@pytest.mark.parametrize("table", UNKNOWN)
def test_every_column_of_the_files_is_compared(table: str) -> None:
    assert set(rows(table)[0]) - set(CATALOG.nav[table].columns) == UNKNOWN[table]


def test_headers_are_the_same(world: World) -> None:
    wanted = sorted(headers(), key=lambda row: row["No."])
    found = sorted(in_nav(world, "Sales Header"), key=lambda row: row["Your Reference"])
    assert len(found) == len(wanted) == ORDERS
    for one, other in zip(wanted, found, strict=True):
        assert other.pop("No.") != one["No."]
    check("Sales Header", wanted, found)


def test_lines_are_the_same(world: World) -> None:
    numbers = {row["No."]: row["Your Reference"] for row in in_nav(world, "Sales Header")}
    found = [
        row | {"Document No.": numbers[row["Document No."]]} for row in in_nav(world, "Sales Line")
    ]

    def place(row: Row) -> tuple[str, int]:
        return row["Document No."], int(row["Line No."])

    wanted = sorted(lines(), key=place)
    assert len(found) == len(wanted) == LINES
    check("Sales Line", wanted, sorted(found, key=place))


def test_orders_are_coupled(world: World) -> None:
    found = world.couplings({"SALES ORDER"})
    assert (found["state"] == "coupled").all()
    assert set(found["crm_id"]) == {guid(f"order {row['No.']}") for row in headers()}
