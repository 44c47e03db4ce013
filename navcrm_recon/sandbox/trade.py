"""Orders, posted invoices and opportunities on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts, columns_of
from navcrm_recon.sandbox.draw import guids, numbers, take
from navcrm_recon.sandbox.goods import LONE as LONE_ITEM
from navcrm_recon.sandbox.mirror import local_currency_id, mirror
from navcrm_recon.sandbox.parties import LONE as LONE_CUSTOMER

INVOICES, ORDERS, OPPORTUNITIES = 600, 200, 40
VAT = 23
_PLACE = ["Address", "Address 2", "City", "Post Code", "County", "Country/Region Code"]
_TERMS = ["Payment Terms Code", "Shipping Agent Code", "Salesperson Code", "Currency Code"]


def add_trade(company: Company) -> None:
    """Add posted invoices, orders and opportunities."""
    add_invoices(company)
    add_orders(company)
    add_opportunities(company)


def _customers(company: Company, chance: np.random.Generator, count: int) -> pd.DataFrame:
    """Return customers that documents may name, drawn with repetition."""
    customers = company.nav["Customer"]
    busy = np.flatnonzero(np.arange(len(customers)) % LONE_CUSTOMER != 0)
    return customers.take(chance.choice(busy, count)).reset_index(drop=True)


def _lines(
    company: Company, chance: np.random.Generator, documents: int, most: int
) -> pd.DataFrame:
    """Return document lines: ``document`` (a position), what is sold, and amounts in cents."""
    per = chance.integers(1, most + 1, documents)
    document = np.repeat(np.arange(documents), per)
    items = company.nav["Item"]
    sold = np.flatnonzero(np.arange(len(items)) % LONE_ITEM != 0)
    item = items.take(chance.choice(sold, len(document))).reset_index(drop=True)
    quantity = chance.integers(1, 25, len(document))
    price = np.rint(item["Unit Price"].astype(float).abs().to_numpy() * 100).astype(np.int64)
    gross = quantity * price
    line_discount = gross * chance.choice([0, 0, 5, 10], len(document)) // 100
    invoice_discount = (gross - line_discount) * chance.choice([0, 0, 0, 2], len(document)) // 100
    amount = gross - line_discount - invoice_discount
    return pd.DataFrame(
        {
            "document": document,
            "Line No.": (np.arange(len(document)) - np.repeat(np.cumsum(per) - per, per) + 1)
            * 10000,
            "Type": 2,
            "No.": item["No."],
            "Description": item["Description"],
            "Unit of Measure Code": item["Base Unit of Measure"],
            "Quantity": amounts(quantity, 0),
            "Unit Price": amounts(price),
            "VAT %": amounts(np.full(len(document), VAT), 0),
            "Line Discount Amount": amounts(line_discount),
            "Inv. Discount Amount": amounts(invoice_discount),
            "Line Amount": amounts(gross - line_discount),
            "Amount": amounts(amount),
            "Amount Including VAT": amounts(amount + amount * VAT // 100),
            "discount_cents": invoice_discount,
            "cents": amount,
            "gross_cents": amount + amount * VAT // 100,
        }
    )


def _totals(lines: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the flow fields of document headers."""
    sums = lines.groupby("document")[["cents", "gross_cents", "discount_cents"]].sum()
    names = ("Amount", "Amount Including VAT", "Invoice Discount Amount")
    return {name: amounts(sums[each]) for name, each in zip(names, sums, strict=True)}


def _plain_lines(lines: pd.DataFrame) -> dict[str, pd.Series]:
    return columns_of(lines.drop(columns=["document", "cents", "gross_cents", "discount_cents"]))


def _parties(customers: pd.DataFrame, *roles: str) -> dict[str, pd.Series]:
    """Return the address blocks of a document."""
    names = {role: "Customer Name" if role == "Sell-to" else "Name" for role in roles}
    blocks = {f"{role} {name}": customers["Name"] for role, name in names.items()}
    return {**blocks, **{f"{role} {name}": customers[name] for role in roles for name in _PLACE}}


def add_invoices(company: Company) -> None:
    """Add posted invoices with their lines, and what CRM got of them."""
    count = INVOICES * company.scale
    chance = company.chance("invoices")
    customers = _customers(company, chance, count)
    posted = pd.Series(
        pd.Timestamp("2018-01-15") + pd.to_timedelta(chance.integers(0, 200, count), "D")
    )
    lines = _lines(company, chance, count, 4)
    number = numbers("SI", 103001, count)
    nav = company.add_nav(
        "Sales Invoice Header",
        {
            "No.": number,
            "Sell-to Customer No.": customers["No."],
            "Bill-to Customer No.": customers["No."],
            **_parties(customers, "Ship-to", "Bill-to"),
            **customers[_TERMS],
            "Posting Date": posted,
            "Document Date": posted,
            "Shipment Date": posted + pd.Timedelta(days=2),
            "Due Date": posted + pd.Timedelta(days=30),
            **_totals(lines),
            "Coupled to CRM": True,
        },
    )
    ids = pd.Index(guids(company.seed, "invoice", count))
    accounts = customers["No."].map(company.crm_id_of("CUSTOMER"))
    sent = mirror(company, "POSTEDSALESINV-INV", nav)
    sent["ownerid"] = sent["ownerid"].where(
        sent["ownerid"] != "", company.pairs["SALESPEOPLE"]["crm_id"][0]
    )
    header = {
        "name": number,
        "customerid": accounts,
        "customeridtype": "account",
        "statecode": 0,
        "statuscode": 4,
    }
    company.add_crm("invoice", {**header, **sent}, ids)
    company.couple("POSTEDSALESINV-INV", nav.index, ids)
    company.spare["POSTEDSALESINV-INV"] = nav.index
    _add_invoice_lines(company, lines, number, ids)


def _add_invoice_lines(
    company: Company, lines: pd.DataFrame, number: pd.Series, invoices: pd.Index[str]
) -> None:
    document = lines["document"].to_numpy()
    columns = {"Document No.": take(number, document), **_plain_lines(lines)}
    nav = company.add_nav("Sales Invoice Line", columns)
    detail = {**mirror(company, "POSTEDSALESLINE-INV", nav), **_crm_line(company, lines)}
    detail["invoiceid"] = invoices.take(document)
    ids = pd.Index(guids(company.seed, "invoicedetail", len(nav)))
    company.add_crm("invoicedetail", detail, ids)
    company.couple("POSTEDSALESLINE-INV", nav.index, ids)
    company.spare["POSTEDSALESLINE-INV"] = nav.index


def _crm_line(company: Company, lines: pd.DataFrame) -> dict[str, Any]:
    return {
        "productid": lines["No."].map(company.crm_id_of("ITEM-PRODUCT")),
        "productdescription": lines["Description"],
        "producttypecode": 1,
        "lineitemnumber": lines["Line No."] // 10000,
    }


def add_orders(company: Company) -> None:
    """Add submitted CRM orders, half of them with their NAV order."""
    count = ORDERS * company.scale
    chance = company.chance("orders")
    customers = _customers(company, chance, count)
    lines = _lines(company, chance, count, 3)
    ids = pd.Index(guids(company.seed, "salesorder", count))
    totals = _totals(lines)
    number = numbers("ORD-", 10001, count)
    days = pd.to_timedelta(chance.integers(0, 40, count), unit="D")
    order = {
        "name": customers["Name"],
        "ordernumber": number,
        "statecode": 1,
        "statuscode": 3,
        "submitdate": pd.Series(pd.Timestamp("2018-08-01") + days),
        "customerid": customers["No."].map(company.crm_id_of("CUSTOMER")),
        "customeridtype": "account",
        "transactioncurrencyid": customers["Currency Code"]
        .map(company.crm_id_of("CURRENCY"))
        .fillna(local_currency_id(company)),
        "totalamount": totals["Amount Including VAT"],
        "totalamountlessfreight": totals["Amount"],
        "ownerid": company.pairs["SALESPEOPLE"]["crm_id"][0],
        "owneridtype": "systemuser",
    }
    company.add_crm("salesorder", order, ids)
    document = lines["document"].to_numpy()
    detail = {
        **_crm_line(company, lines),
        "salesorderid": ids.take(document),
        "quantity": lines["Quantity"],
        "priceperunit": lines["Unit Price"],
        "baseamount": lines["Amount"],
        "extendedamount": lines["Amount Including VAT"],
    }
    company.add_crm(
        "salesorderdetail", detail, pd.Index(guids(company.seed, "salesorderdetail", len(lines)))
    )
    _add_nav_orders(company, customers, lines, ids, number)


def _add_nav_orders(
    company: Company,
    customers: pd.DataFrame,
    lines: pd.DataFrame,
    ids: pd.Index[str],
    references: pd.Series,
) -> None:
    made = len(customers) // 2
    customers, lines = customers.iloc[:made], lines[lines["document"] < made]
    number = numbers("SO", 101001, made)
    dates = pd.Series([pd.Timestamp("2018-09-10")] * made)
    nav = company.add_nav(
        "Sales Header",
        {
            "Document Type": 1,
            "No.": number,
            "Sell-to Customer No.": customers["No."],
            "Bill-to Customer No.": customers["No."],
            **_parties(customers, "Sell-to", "Ship-to", "Bill-to"),
            **customers[_TERMS],
            "Order Date": dates,
            "Posting Date": dates,
            "Document Date": dates,
            "External Document No.": references.iloc[:made],
            **_totals(lines),
        },
    )
    document = lines["document"].to_numpy()
    columns = {
        "Document Type": 1,
        "Document No.": take(number, document),
        "Sell-to Customer No.": take(customers["No."].reset_index(drop=True), document),
        "Outstanding Quantity": lines["Quantity"],
        **_plain_lines(lines),
    }
    company.add_nav("Sales Line", columns)
    company.couple("SALES ORDER", nav.index, ids[:made])


def add_opportunities(company: Company) -> None:
    """Add open opportunities that agree on both sides."""
    count = OPPORTUNITIES * company.scale
    chance = company.chance("opportunities")
    people = company.nav["Contact"]
    primary = company.nav["Customer"]["Primary Contact No."]
    people = people.loc[primary[primary != ""].to_numpy()]
    person = people.take(chance.integers(0, len(people), count)).reset_index(drop=True)
    number = numbers("OP", 1001, count)
    value = amounts(chance.integers(10, 900, count) * 10_000)
    closing = pd.Series(
        pd.Timestamp("2018-10-01") + pd.to_timedelta(chance.integers(0, 120, count), "D")
    )
    nav = company.add_nav(
        "Opportunity",
        {
            "No.": number,
            "Description": "Fleet for " + person["Company Name"].str.slice(0, 38),
            "Salesperson Code": person["Salesperson Code"],
            "Contact No.": person["No."],
            "Contact Company No.": person["Company No."],
            "Creation Date": pd.Series([pd.Timestamp("2018-06-01")] * count),
            "Status": chance.integers(0, 2, count),
            "Estimated Value (LCY)": value,
            "Estimated Closing Date": closing,
        },
    )
    company.add_nav(
        "Opportunity Entry",
        {
            "Entry No.": np.arange(1, count + 1),
            "Opportunity No.": number,
            "Active": True,
            "Estimated Value (LCY)": value,
            "Estimated Close Date": closing,
        },
    )
    relation = company.nav["Contact Business Relation"].set_index("Contact No.")["No."]
    customers = person["Company No."].map(relation)
    sent = mirror(company, "OPPORTUNITY", nav)
    owner = company.pairs["SALESPEOPLE"]["crm_id"][0]
    sent["ownerid"] = sent["ownerid"].where(sent["ownerid"] != "", owner)
    sent["parentaccountid"] = customers.map(company.crm_id_of("CUSTOMER")).astype(TEXT)
    ids = pd.Index(guids(company.seed, "opportunity", count))
    company.add_crm("opportunity", {**sent, "statecode": 0, "statuscode": 1}, ids)
    company.couple("OPPORTUNITY", nav.index, ids)
    company.spare["OPPORTUNITY"] = nav.index
