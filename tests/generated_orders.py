"""CRM orders of every kind, drawn by chance, and a company in whose databases they are.

Whatever is drawn comes from one ``random.Random``: of a seed, or Hypothesis's.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from itertools import product
from random import Random
from typing import Any

import pandas as pd
import sqlalchemy as sa

from navcrm_recon.catalog import load_catalog
from navcrm_recon.sandbox.databases import declare_tables, insert_rows
from navcrm_recon.scenarios.databases import COMPANY, fresh_databases
from navcrm_recon.scenarios.handles import guid
from navcrm_recon.scenarios.world import World
from navcrm_recon.workspace import Workspace
from tests.reference_orders import Books

NOW, TODAY = "2018-10-01T08:00:00Z", date(2018, 10, 1)
LOCAL = "GBP"
#: Currency -> rounding precision of its amounts; nothing means two decimals.
CURRENCIES = {"EUR": "0.01", "JPY": "1", "KWD": "0.001", "CHF": "0.05", "USD": "0"}
BUSINESS = ("DOMESTIC", "EU", "EXPORT", "")
#: VAT product group -> its rate where it is taxed.
RATES = {"VAT25": "25", "VAT10": "10", "VAT7": "7.7", "VAT0": "0", "": "3", "UNKNOWN": None}
WORDS = ["mahogany", "chair,", "Straße;", "crème", "'brûlée'", "<b>100", "%</b>", "&", "of"]


@dataclass(frozen=True)
class Order:
    """One CRM order: its row and those of its lines."""

    row: dict[str, Any]
    details: list[dict[str, Any]]


# --- what there is beside the orders ------------------------------------------------------------


def draw_books(chance: Random, write_in: str = "Item") -> Books:
    """Return a company; ``write_in``: what write-in products are sold as, Item or Resource."""
    items, resources, customers = _items(chance), _resources(chance), _customers()
    accounts = [
        {"accountid": guid(f"account {each['No.']}"), "name": each["Name"], "customertypecode": 3}
        for each in customers
    ]
    contacts = [
        {"contactid": guid(f"contact {place}"), "fullname": f"Ann {place}", "lastname": f"{place}",
         "parentcustomerid": account["accountid"], "parentcustomeridtype": "account"}
        for place, account in enumerate(accounts)
    ]  # fmt: skip
    products = [_product(row, 1) for row in items if row["No."] != "WRITE-IN"]
    products += [_product(row, 3) for row in resources if row["No."] != "WRITE-IN"]
    couplings = {
        ("CUSTOMER", a["accountid"]): c["No."] for a, c in zip(accounts, customers, strict=True)
    }
    kinds = {1: "ITEM-PRODUCT", 3: "RESOURCE-PRODUCT"}
    for each in products:
        couplings[kinds[each["producttypecode"]], each["productid"]] = each["productnumber"]
    nav = {
        **_setup(chance, write_in),
        **_money(chance),
        "Customer": customers,
        "Item": items,
        "Item Unit of Measure": [
            {"Item No.": row["No."], "Code": code, "Qty. per Unit of Measure": per}
            for row in items
            for code, per in (("PCS", "1"), ("PACK", "0.2"), ("BOX", "12"))
        ],
        "Resource": resources,
        "Resource Unit of Measure": [
            {"Resource No.": row["No."], "Code": "HOUR", "Qty. per Unit of Measure": "1"}
            for row in resources
        ],
    }
    crm = {
        "transactioncurrency": [
            {"transactioncurrencyid": guid(f"currency {code}"), "isocurrencycode": code,
             "currencyname": code, "exchangerate": "1", "currencyprecision": 2}
            for code in (LOCAL, *CURRENCIES)
        ],
        "account": accounts,
        "contact": contacts,
        "product": products,
    }  # fmt: skip
    return Books(nav, crm, couplings, TODAY)


def _setup(chance: Random, write_in: str) -> dict[str, list[dict[str, Any]]]:
    vat = [
        {"VAT Bus. Posting Group": business, "VAT Prod. Posting Group": goods, "VAT %": rate,
         "VAT Calculation Type": "Reverse Charge VAT" if (business, goods) == ("EU", "VAT25")
         else "Normal VAT",
         "VAT Identifier": goods}
        for business, (goods, rate) in product(BUSINESS, RATES.items())
        if rate is not None and (business, goods) != ("", "VAT10")
    ]  # fmt: skip
    return {
        "General Ledger Setup": [
            {"LCY Code": LOCAL, "Amount Rounding Precision": chance.choice(["0", "0.01", "0.001"]),
             "VAT Tolerance %": chance.choice(["0", "2", "4.5", "100"])}
        ],
        "Sales & Receivables Setup": [
            {"Order Nos.": "ORDER", "Write-in Product Type": write_in,
             "Write-in Product No.": "WRITE-IN", "Freight G/L Acc. No.": "6710"}
        ],
        "G/L Account": [
            {"No.": "6710", "Name": "Freight income", "Gen. Prod. Posting Group": "RETAIL",
             "VAT Prod. Posting Group": chance.choice([*RATES])}
        ],
        "VAT Posting Setup": vat,
        "Unit of Measure": [
            {"Code": code, "Description": code.title()} for code in ("PCS", "PACK", "BOX", "HOUR")
        ],
    }  # fmt: skip


def _money(chance: Random) -> dict[str, list[dict[str, Any]]]:
    days = ("2017-01-01", "2018-06-30", "2018-10-01", "2018-10-02")
    return {
        "Currency": [
            {"Code": code, "Description": code, "Amount Rounding Precision": precision}
            for code, precision in CURRENCIES.items()
        ],
        "Currency Exchange Rate": [
            {"Currency Code": code, "Starting Date": day,
             "Exchange Rate Amount": chance.choice(["100", "1", "0.5"]),
             "Relational Exch. Rate Amount": _amount(chance, "0.0007", "180", 4)}
            for code, day in product(CURRENCIES, days)
            if chance.random() < 0.7 or day == days[0]
        ],
    }  # fmt: skip


def _customers() -> list[dict[str, Any]]:
    """Return a customer of each VAT group, with VAT in its prices or not; two have payers."""
    rows = [
        {"No.": f"C{place:02}", "Name": f"Customer {place}", "VAT Bus. Posting Group": group,
         "Prices Including VAT": including, "Customer Posting Group": "ANY",
         "Gen. Bus. Posting Group": "ANY", "Currency Code": ("", "EUR", "JPY")[place % 3]}
        for place, (group, including) in enumerate(product(BUSINESS, (False, True)))
    ]  # fmt: skip
    return [
        *rows,
        {**rows[0], "No.": "C98", "Name": "Daughter of 1", "Bill-to Customer No.": "C01"},
        {**rows[5], "No.": "C99", "Name": "Daughter of 0", "Bill-to Customer No.": "C00"},
    ]


def _items(chance: Random) -> list[dict[str, Any]]:
    rows = [
        {"No.": f"I{place:02}", "Description": f"Item {place}", "Base Unit of Measure": "PCS",
         "Sales Unit of Measure": chance.choice(["", "PCS", "PACK", "BOX"]),
         "Allow Invoice Disc.": allowed, "VAT Prod. Posting Group": group,
         "Gen. Prod. Posting Group": "RETAIL", "Inventory Posting Group": "RESALE"}
        for place, (group, allowed) in enumerate(product(RATES, (True, True, False)))
    ]  # fmt: skip
    written = {**rows[0], "No.": "WRITE-IN", "Description": "Whatever", "Type": "Service",
               "VAT Prod. Posting Group": chance.choice([*RATES]),
               "Allow Invoice Disc.": True}  # fmt: skip
    return [*rows, written]


def _resources(chance: Random) -> list[dict[str, Any]]:
    return [
        {"No.": number, "Name": f"Resource {number}", "Base Unit of Measure": "HOUR",
         "Gen. Prod. Posting Group": "SERVICES", "VAT Prod. Posting Group": chance.choice([*RATES])}
        for number in ("R1", "R2", "R3", "WRITE-IN")
    ]  # fmt: skip


def _product(row: dict[str, Any], kind: int) -> dict[str, Any]:
    return {
        "productid": guid(f"product {row['No.']}"),
        "productnumber": row["No."],
        "name": row.get("Description") or row.get("Name"),
        "producttypecode": kind,
        "statecode": 0,
        "statuscode": 1,
    }


# --- orders -------------------------------------------------------------------------------------


def draw_orders(chance: Random, books: Books, count: int, lines: int | None = None) -> list[Order]:
    """Return orders numbered from 0; ``lines``: how many each has, None = as chance has it."""
    return [draw_order(chance, books, number, lines) for number in range(count)]


def draw_order(chance: Random, books: Books, number: int, lines: int | None = None) -> Order:
    """Return one order, with the totals CRM works out."""
    key = guid(f"order {number}")
    many = chance.choice([0, 1, 1, 2, 3, 4, 6, 10]) if lines is None else lines
    details = [_detail(chance, books, key, place) for place in range(many)]
    contact = chance.random() < 0.2
    customer = chance.choice(books.crm["contact" if contact else "account"])
    currency = chance.choice([None, *books.crm["transactioncurrency"]])
    row = {
        "salesorderid": key,
        "ordernumber": f"ORD-{number:06}",
        "name": f"Order {number}",
        "statecode": 1,
        "statuscode": 3,
        "customerid": customer["contactid" if contact else "accountid"],
        "customeridtype": "contact" if contact else "account",
        "transactioncurrencyid": currency and currency["transactioncurrencyid"],
        "freightamount": _freight(chance),
    }
    # CRM numbers lines, but shows them in any order.
    chance.shuffle(details)
    return Order(row | _totals(chance, details), details)


def _detail(chance: Random, books: Books, order: str, place: int) -> dict[str, Any]:
    sold = chance.choice([None, None, *books.crm["product"]])
    quantity = _quantity(chance)
    price = _price(chance)
    volume = _amount(chance, "0", str(price / 4), 4) if chance.random() < 0.3 else Decimal(0)
    most = abs(quantity) * price / 4
    manual = _amount(chance, "0", str(most), 4) if chance.random() < 0.4 else Decimal(0)
    return {
        "salesorderdetailid": guid(f"{order} {place}"),
        "salesorderid": order,
        "productid": sold and sold["productid"],
        "isproductoverridden": sold is None,
        "productdescription": _text(chance),
        "sequencenumber": chance.choice([None, 1, place + 1]),
        "lineitemnumber": chance.choice([None, place + 1]),
        "quantity": quantity,
        "priceperunit": price,
        "volumediscountamount": volume or chance.choice([None, volume]),
        "manualdiscountamount": manual or chance.choice([None, manual]),
        "tax": _amount(chance, "0", "9", 2),
    }


def _totals(chance: Random, details: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return discounts and totals; CRM has a precision of its own."""
    decimals = chance.choice([0, 2, 2, 2, 4])
    whole = Decimal(0)
    for each in details:
        price = each["priceperunit"] - (each["volumediscountamount"] or 0)
        whole += _places(each["quantity"] * price - (each["manualdiscountamount"] or 0), decimals)
    kind = chance.choice(["none", "none", "amount", "percentage", "both"])
    by_amount = kind in ("amount", "both") and details
    amount = _amount(chance, "0.01", str(max(whole / 3, Decimal(1))), 2) if by_amount else None
    percentage = None
    if kind in ("percentage", "both"):
        percentage = chance.choice([Decimal("2"), Decimal("12.5"), _amount(chance, "0", "40", 3)])
    off = _places(whole * (percentage or 0) / 100, decimals) + (amount or 0)
    return {
        "discountamount": amount if amount is not None else chance.choice([None, Decimal(0)]),
        "discountpercentage": percentage,
        "totallineitemamount": whole,
        "totalamountlessfreight": whole - off,
    }


def _quantity(chance: Random) -> Decimal:
    kind = chance.random()
    if kind < 0.003:
        return Decimal(0)
    if kind < 0.08:
        return -Decimal(chance.randint(1, 20))
    if kind < 0.7:
        return Decimal(chance.randint(1, 100))
    return _amount(chance, "0.00001", "50", chance.choice([1, 2, 3, 5]))


def _price(chance: Random) -> Decimal:
    most, decimals = chance.choice(
        [("0", 0), ("10", 5), ("100", 2), ("1000", 2), ("1000", 5), ("5000000", 2)]
    )
    return _amount(chance, "0", most, decimals)


def _freight(chance: Random) -> Decimal | None:
    return chance.choice(
        [None, Decimal(0), Decimal("-5"), Decimal(15), _amount(chance, "0.0001", "99", 4)]
    )


def _text(chance: Random) -> str | None:
    """Return no description, one that fits a line, or one that takes up to five."""
    length = chance.choice([0, 0, 0, 20, 50, 51, 100, 101, 170, 250])
    text = ""
    while len(text) < length:
        text += chance.choice(WORDS) + " "
    return text[: length - 1] + "." if length else chance.choice([None, ""])


def _amount(chance: Random, least: str, most: str, decimals: int) -> Decimal:
    """Return an amount, at least the smallest one above nothing where nothing is not allowed."""
    step = Decimal(1).scaleb(-decimals)
    low, high = (int(Decimal(each) / step) for each in (least, most))
    low = max(low, 1 if Decimal(least) > 0 else 0)
    return chance.randint(low, max(low, high)) * step


def _places(amount: Decimal, decimals: int) -> Decimal:
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


# --- the databases ------------------------------------------------------------------------------


@contextmanager
def company_with(
    books: Books, orders: Sequence[Order], sides: str = "sqlite"
) -> Iterator[Workspace]:
    """Give the workspace of a company that has these books and orders."""
    given = {
        "now": NOW,
        "setup": {"integration_user": "robot", "sales_order_integration": True},
        "nav": books.nav,
        "crm": books.crm,
        "couplings": [
            {"mapping": mapping, "nav_key": nav_key, "crm_id": crm_id}
            for (mapping, crm_id), nav_key in books.couplings.items()
        ],
    }
    with fresh_databases(sides) as urls:
        workspace = World(given, urls).workspace
        _insert(urls["crm"], "salesorder", [order.row for order in orders])
        details = [detail for order in orders for detail in order.details]
        _insert(urls["crm"], "salesorderdetail", details)
        yield workspace


def _insert(url: str, entity: str, rows: Sequence[dict[str, Any]]) -> None:
    """Insert CRM records made by someone now."""
    frame = pd.DataFrame(rows, dtype=object)
    frame["createdon"] = frame["modifiedon"] = pd.Timestamp(NOW)
    table = declare_tables("crm", load_catalog(), COMPANY, [entity])[entity]
    insert_rows(sa.create_engine(url, poolclass=sa.NullPool), table, frame)
