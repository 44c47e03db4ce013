"""Posted invoices with their lines, and what CRM got of them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts
from navcrm_recon.sandbox.documents import Documents
from navcrm_recon.sandbox.draw import guids, numbers
from navcrm_recon.sandbox.lines import (
    buyers,
    crm_line,
    draw_lines,
    nav_line,
    parties,
    priced,
    totals,
)
from navcrm_recon.sandbox.mirror import mirror
from navcrm_recon.sandbox.payments import BILLED, OPEN, came_late, states
from navcrm_recon.sandbox.resources import words

_HEADER, _LINE = "POSTEDSALESINV-INV", "POSTEDSALESLINE-INV"
_TERMS = ["Payment Terms Code", "Shipment Method Code", "Shipping Agent Code", "Salesperson Code"]
_FIRST_DAY = pd.Timestamp("2018-01-15")
#: What an invoice line has of its invoice in CRM (documents 2.4).
_PLACE = [
    "shipto_name", "shipto_line1", "shipto_line2", "shipto_city", "shipto_stateorprovince",
    "shipto_country", "shipto_postalcode",
]  # fmt: skip


def add_invoices(company: Company, posted: Documents) -> None:
    """Add posted invoices of orders and others, all of them in CRM too.

    What a CRM invoice says of payments is what was paid before the last synchronisation.
    """
    drawn = _draw(company).followed_by(posted).by("posted")
    who, lines = drawn.who, drawn.lines
    number = numbers("SI", 103001, len(who))
    paid = who["paid"].fillna(OPEN)
    nav = _add_header(company, who, lines, number)
    company.payments = pd.Series(paid.to_numpy(), index=nav.index, dtype=TEXT)
    ids = pd.Index(guids(company.seed, "invoice", len(who)))
    _add_crm_header(company, who, nav, ids)
    company.couple(_HEADER, nav.index, ids)
    keys = _add_lines(company, lines, number, ids)
    document = lines["document"].to_numpy()
    # Orders lead to these invoices, and nothing is to happen to them by chance.
    from_orders = who["order"].fillna("").ne("").to_numpy()
    late = came_late(paid).to_numpy(dtype=bool)
    closed = np.asarray(states(paid)["statecode"] != BILLED)
    company.spare[_HEADER] = nav.index[~from_orders & ~late]
    company.spare[_LINE] = keys[~(from_orders | late)[document]]
    # Every other invoice is left to its first line, so that no change of one meets the other's.
    held, odd = from_orders | late | closed, np.arange(len(who)) % 2 == 1
    first = (lines["Line No."] == 10000).to_numpy(dtype=bool)
    company.kept[_HEADER] = nav.index[held | odd]
    company.kept[_LINE] = keys[(held | ~odd)[document] | ~first]


def _draw(company: Company) -> Documents:
    """Draw invoices that no CRM order asked for, with what becomes of them in the ledger."""
    rows = words("payments")
    repeated = np.repeat(np.arange(len(rows)), rows["count"].astype(int) * company.scale)
    chance = company.chance("invoices")
    kinds = rows["kind"].take(chance.permutation(repeated)).reset_index(drop=True)
    who = buyers(company, chance, len(kinds))
    days = pd.to_timedelta(chance.integers(0, 240, len(kinds)), unit="D")
    who = who.assign(
        paid=kinds, posted=pd.Series(_FIRST_DAY + days), reference="", order_no="", order=""
    )
    lines = draw_lines(company, chance, who, 4)
    percent = chance.choice([0, 0, 0, 2], len(who))[lines["document"]]
    return Documents(who, priced(lines, who, percent).assign(**{"Order No.": ""}))


def _add_header(
    company: Company, who: pd.DataFrame, lines: pd.DataFrame, number: pd.Series
) -> pd.DataFrame:
    posted = who["posted"]
    return company.add_nav(
        "Sales Invoice Header",
        {
            "No.": number,
            "Sell-to Customer No.": who["No."],
            "Bill-to Customer No.": who["payer"],
            **parties(who, company, "Ship-to", "Bill-to"),
            **who[_TERMS],
            "Currency Code": who["currency"],
            "Currency Factor": amounts(who["rate"].where(who["currency"] != "", 0), 6),
            "VAT Bus. Posting Group": who["VAT Bus. Posting Group"],
            "Your Reference": who["reference"],
            "Order No.": who["order_no"],
            "External Document No.": who["Name"].str.slice(0, 35).where(who["order_no"] != "", ""),
            "Posting Date": posted,
            "Document Date": posted,
            "Shipment Date": posted + pd.Timedelta(days=2),
            "Due Date": posted + pd.Timedelta(days=30),
            **totals(lines),
            "Coupled to CRM": True,
        },
    )


def _add_crm_header(
    company: Company, who: pd.DataFrame, nav: pd.DataFrame, ids: pd.Index[str]
) -> None:
    """Add CRM's invoices, with what they have of their orders, payments and sums (documents 2)."""
    sent = mirror(company, _HEADER, nav)
    owner = company.pairs["SALESPEOPLE"]["crm_id"][0]
    sent["ownerid"] = sent["ownerid"].where(sent["ownerid"] != "", owner)
    orders = company.crm["salesorder"].reset_index().set_index("ordernumber")
    of = orders.reindex(who["reference"].where(who["reference"] != "", "none"))
    of = of.reset_index(drop=True)
    there = of["name"].notna()
    account = who["No."].map(company.crm_id_of("CUSTOMER"))
    methods = company.nav["Shipment Method"]["Description"]
    order_id = company.catalog.crm["salesorder"].key[0]
    header: dict[str, Any] = {
        "name": of["name"].where(there, nav["No."].reset_index(drop=True)),
        "customerid": of["customerid"].where(there, account),
        "customeridtype": of["customeridtype"].where(there, "account"),
        "salesorderid": of[order_id].fillna(""),
        "description": who["Shipment Method Code"].map(methods).fillna(""),
        "freightamount": amounts(np.zeros(len(who)), 0),
        "discountpercentage": amounts(np.zeros(len(who)), 0),
        **states(company.payments),
    }
    company.add_crm("invoice", {**header, **sent}, ids)


def _add_lines(
    company: Company, lines: pd.DataFrame, number: pd.Series, invoices: pd.Index[str]
) -> pd.Index[str]:
    """Add the lines on both sides, and their sums to CRM's invoices; returns their keys."""
    document = lines["document"].to_numpy()
    columns = company.catalog.nav["Sales Invoice Line"].columns
    nav = company.add_nav(
        "Sales Invoice Line",
        {
            **{name: values for name, values in nav_line(lines).items() if name in columns},
            "Document No.": number.take(document).reset_index(drop=True),
            "Order No.": lines["Order No."],
            "Order Line No.": lines["Order Line No."].fillna(0).astype("int64"),
        },
    )
    header = company.crm["invoice"].loc[invoices.take(document)].reset_index(drop=True)
    detail = {
        **crm_line(company, lines),
        **{name: header[name] for name in _PLACE},
        "actualdeliveryon": header["datedelivered"],
        "invoiceid": invoices.take(document),
        "isproductoverridden": False,
        "lineitemnumber": lines["Line No."],
        "tax": amounts(lines["tax"]),
        **mirror(company, _LINE, nav),
    }
    ids = pd.Index(guids(company.seed, "invoicedetail", len(nav)))
    company.add_crm("invoicedetail", detail, ids)
    company.couple(_LINE, nav.index, ids)
    sums = lines.groupby("document")[["discount", "tax", "invoice_discount"]].sum()
    table = company.crm["invoice"]
    for name, values in (
        ("totallineitemdiscountamount", sums["discount"]),
        ("totaldiscountamount", sums["discount"] + sums["invoice_discount"]),
        ("totaltax", sums["tax"]),
    ):
        table[name] = amounts(values).astype(table["totalamount"].dtype).to_numpy()
    return nav.index
