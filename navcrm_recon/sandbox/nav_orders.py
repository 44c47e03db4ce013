"""NAV's open sales documents and shipments: what is left to ship and to invoice of each line."""

from __future__ import annotations

from typing import Any

import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts
from navcrm_recon.sandbox.lines import nav_line, of_lines, parties, totals
from navcrm_recon.sandbox.money import half_up, in_lcy

ORDER, INVOICE = 1, 2
_OPEN, _RELEASED = 0, 1
_TERMS = [
    "Payment Terms Code", "Shipment Method Code", "Shipping Agent Code", "Salesperson Code",
    "Customer Posting Group", "Gen. Bus. Posting Group", "VAT Bus. Posting Group",
    "Customer Price Group",
]  # fmt: skip


def add_nav_documents(company: Company, who: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Add sales documents that are not wholly posted.

    Parameters
    ----------
    who
        Buyers with ``type`` (1 order, 2 invoice), ``number``, ``day``, ``reference`` (of the CRM
        order), ``name`` (its name), ``released`` (bool).
    lines
        Priced lines with ``shipped`` and ``invoiced`` (quantities), and for those that come from a
        shipment ``Shipment No.`` and ``Shipment Line No.``; ``prepaid`` (cents).
    """
    company.add_nav("Sales Header", {**header(company, who), **totals(lines)})
    of = of_lines(who, lines)
    company.add_nav(
        "Sales Line",
        {
            "Document Type": of["type"],
            "Document No.": of["number"],
            "Sell-to Customer No.": of["No."],
            "Bill-to Customer No.": of["payer"],
            "Currency Code": of["currency"],
            "Gen. Bus. Posting Group": of["Gen. Bus. Posting Group"],
            "Shipment Date": of["day"],
            **nav_line(lines),
            **_left(lines),
            "Shipment No.": lines["Shipment No."],
            "Shipment Line No.": lines["Shipment Line No."],
        },
    )


def header(company: Company, who: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of sales headers."""
    day = who["day"]
    factor = who["rate"].where(who["currency"] != "", 0)  # per hundred, to four decimals
    return {
        "Document Type": who["type"],
        "No.": who["number"],
        "Sell-to Customer No.": who["No."],
        "Bill-to Customer No.": who["payer"],
        "Invoice Disc. Code": who["discount_code"],
        **parties(who, company, "Sell-to", "Ship-to", "Bill-to"),
        **who[_TERMS],
        "Currency Code": who["currency"],
        "Currency Factor": amounts(factor, 6),
        "Order Date": day,
        "Posting Date": day,
        "Document Date": day,
        "Shipment Date": day,
        "Due Date": day + pd.Timedelta(days=30),
        "Your Reference": who["reference"].str.slice(0, 35),
        "External Document No.": who["name"].str.slice(0, 35).str.upper(),
        "Status": who["released"].map({True: _RELEASED, False: _OPEN}),
    }


def _left(lines: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what is left to ship and to invoice, in quantities and amounts."""
    quantity, including = lines["quantity"], lines["including"]
    outstanding = quantity - lines["shipped"]
    waiting = lines["shipped"] - lines["invoiced"]
    left, waits = (half_up(including * each, quantity) for each in (outstanding, waiting))
    whole: dict[str, pd.Series] = {
        "Outstanding Quantity": outstanding,
        "Outstanding Qty. (Base)": outstanding,
        "Qty. to Ship": outstanding,
        "Qty. to Invoice": quantity - lines["invoiced"],
        "Quantity Shipped": lines["shipped"],
        "Quantity Invoiced": lines["invoiced"],
        "Qty. Shipped Not Invoiced": waiting,
    }
    worth: dict[str, Any] = {
        "Outstanding Amount": left,
        "Outstanding Amount (LCY)": in_lcy(left, lines["rate"]),
        "Shipped Not Invoiced": waits,
        "Shipped Not Invoiced (LCY)": in_lcy(waits, lines["rate"]),
        "Prepmt. Amount Inv. (LCY)": lines["prepaid"],
        "Prepmt. VAT Amount Inv. (LCY)": half_up(lines["prepaid"] * lines["permille"], 1000),
    }
    return {
        **{name: amounts(values, 0) for name, values in whole.items()},
        **{name: amounts(values) for name, values in worth.items()},
    }


def add_shipments(company: Company, who: pd.DataFrame, lines: pd.DataFrame) -> None:
    """Add a posted shipment of each document, of the quantities that are ``shipped``.

    ``who`` has ``shipment`` (its number), ``number`` (of the order) and ``shipped_on``.
    """
    company.add_nav(
        "Sales Shipment Header",
        {
            "No.": who["shipment"],
            "Sell-to Customer No.": who["No."],
            "Order No.": who["number"],
            "Posting Date": who["shipped_on"],
            "Shipment Date": who["shipped_on"],
        },
    )
    of = of_lines(who, lines)
    company.add_nav(
        "Sales Shipment Line",
        {
            "Document No.": of["shipment"].astype(TEXT),
            "Line No.": lines["Line No."],
            "Sell-to Customer No.": of["No."],
            "Type": lines["Type"],
            "No.": lines["No."],
            "Description": lines["Description"],
            "Quantity": amounts(lines["shipped"], 0),
            "Qty. Shipped Not Invoiced": amounts(lines["shipped"] - lines["invoiced"], 0),
            "Quantity Invoiced": amounts(lines["invoiced"], 0),
            "Order No.": of["number"].astype(TEXT),
            "Order Line No.": lines["Line No."],
        },
    )
