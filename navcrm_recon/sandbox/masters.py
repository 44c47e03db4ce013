"""The small tables of the demo company: options, people, currencies, units, vendors."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import LCY, NAME, ROBOT_MAIL, Company, amounts, cents
from navcrm_recon.sandbox.draw import guids
from navcrm_recon.sandbox.mirror import mirror
from navcrm_recon.sandbox.names import address_part
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sandbox.setup import add_setup

OPTION_ATTRIBUTES = {
    "PAYMENT TERMS": "paymenttermscode",
    "SHIPMENT METHOD": "address1_freighttermscode",
    "SHIPPING AGENT": "address1_shippingmethodcode",
}
#: How NAV stores the units of a date formula such as ``30D``.
_FORMULA_TOKENS = str.maketrans({"C": "\x01", "D": "\x02", "W": "\x04", "M": "\x05"})


def add_masters(company: Company) -> None:
    """Add everything that customers, items and documents refer to."""
    add_setup(company)
    add_options(company)
    add_salespeople(company)
    add_currencies(company)
    add_units(company)
    add_vendors(company)


def add_options(company: Company) -> None:
    """Add payment terms, shipment methods and agents, what CRM offers, and how they are joined."""
    rows = words("options")
    joined = rows[(rows["code"] != "") & (rows["value"] != "")]
    company.options = pd.DataFrame(
        {
            "mapping": joined["mapping"],
            "nav_key": joined["code"],
            "value": joined["value"].astype("int64"),
            "caption": joined["caption"],
        }
    ).reset_index(drop=True)
    for mapping in OPTION_ATTRIBUTES:
        records = rows[(rows["mapping"] == mapping) & (rows["record"] == "yes")]
        table = company.catalog.mappings[mapping].nav.name
        text = "Name" if table == "Shipping Agent" else "Description"
        columns = {"Code": records["code"], text: records["description"]}
        if table == "Payment Terms":
            days = records["description"].str.extract(r"(\d+) days", expand=False)
            columns["Due Date Calculation"] = (days + "D").fillna("").str.translate(_FORMULA_TOKENS)
        company.add_nav(table, columns)
    _add_stringmap(company, rows[rows["label"] != ""])


def _add_stringmap(company: Company, offered: pd.DataFrame) -> None:
    ids = guids(company.seed, "stringmap", len(offered))
    company.add_crm(
        "stringmap",
        {
            "objecttypecode": "account",
            "attributename": offered["mapping"].map(OPTION_ATTRIBUTES),
            "attributevalue": offered["value"].astype("Int64"),
            "value": offered["label"],
        },
        pd.Index(ids),
    )


def add_salespeople(company: Company) -> None:
    """Add salespeople and their users, and the users nobody sells for."""
    people = words("salespeople")
    names = people["given"] + " " + people["family"]
    mail = people["given"].map(address_part) + "." + people["family"].map(address_part)
    nav = company.add_nav(
        "Salesperson/Purchaser",
        {
            "Code": people["code"],
            "Name": names,
            "E-Mail": mail + "@larkmoor.example",
            "Phone No.": people["phone"],
            "Job Title": people["title"],
            "Commission %": amounts(np.full(len(people), 5), 0),
        },
    )
    ids = guids(company.seed, "systemuser", len(people))
    users = mirror(company, "SALESPEOPLE", nav)
    add_users(
        company,
        pd.Index(ids),
        {**users, "firstname": people["given"], "lastname": people["family"]},
    )
    company.couple("SALESPEOPLE", nav.index, pd.Index(ids))
    company.spare["SALESPEOPLE"] = nav.index[(people["spare"] == "yes").to_numpy()]
    others = pd.Index([company.robot, *guids(company.seed, "other users", 2)])
    add_users(
        company,
        others,
        {
            "fullname": ["NAV Integration", "Retired Trainee", "Report Reader"],
            "isdisabled": [False, True, False],
            "islicensed": [True, True, False],
            "isintegrationuser": [True, False, False],
            "internalemailaddress": [ROBOT_MAIL, "", ""],
            "accessmode": [4, 0, 0],
        },
    )


def add_users(company: Company, ids: pd.Index[str], columns: dict[str, object]) -> None:
    """Add CRM users: enabled, licensed humans unless told otherwise."""
    human = {"isdisabled": False, "islicensed": True, "isintegrationuser": False, "accessmode": 0}
    company.add_crm("systemuser", {**human, **columns}, ids)


def add_currencies(company: Company) -> None:
    """Add currencies with their rates, and the local one, which only CRM has as a record."""
    rows = words("currencies")
    nav = company.add_nav(
        "Currency",
        {
            "Code": rows["code"],
            "Description": rows["description"],
            "Symbol": rows["symbol"],
            "Amount Rounding Precision": amounts(np.full(len(rows), 1)),
            "Unit-Amount Rounding Precision": amounts(np.full(len(rows), 1), 5),
        },
    )
    _add_rates(company, rows)
    ids = pd.Index(guids(company.seed, "transactioncurrency", len(rows) + 1))
    rates = amounts(cents(rows["later"].where(rows["later_sent"] != "", rows["per_100_eur"]), 4), 6)
    state = {"statecode": 0, "statuscode": 1, "currencyprecision": 2}
    sent = {**mirror(company, "CURRENCY", nav), "exchangerate": rates, **state}
    company.add_crm("transactioncurrency", sent, ids[:-1])
    local = {"isocurrencycode": LCY, "currencyname": "Euro", "currencysymbol": "€"}
    company.add_crm(
        "transactioncurrency", {**local, "exchangerate": amounts([1], 0), **state}, ids[-1:]
    )
    organization = {
        "name": NAME,
        "currencysymbol": "€",
        "currencydecimalprecision": 2,
        "pricingdecimalprecision": 2,
        "basecurrencyid": ids[-1],
        "basecurrencyprecision": 2,
        "issopintegrationenabled": True,
    }
    company.add_crm("organization", organization, pd.Index(guids(company.seed, "organization", 1)))
    company.couple("CURRENCY", nav.index, ids[:-1])
    company.kept["CURRENCY"] = nav.index[(rows["later"] != "").to_numpy()]
    company.spare["CURRENCY"] = nav.index[(rows["spare"] == "yes").to_numpy()]


def _add_rates(company: Company, rows: pd.DataFrame) -> None:
    """Add an old rate per currency, the one of the year, and of some a later one."""
    old = rows.assign(rate=rows["per_100_eur"], since="2017-01-01")
    old["rate"] = old["rate"].astype(float).round(2).astype(str)
    present = rows.assign(rate=rows["per_100_eur"], since="2018-01-01")
    later = rows.assign(rate=rows["later"], since=rows["later_from"])[rows["later"] != ""]
    every = pd.concat([old, present, later], ignore_index=True)
    company.add_nav(
        "Currency Exchange Rate",
        {
            "Currency Code": every["code"],
            "Starting Date": pd.to_datetime(every["since"]),
            "Exchange Rate Amount": amounts(cents(every["rate"], 4), 4),
            "Relational Exch. Rate Amount": amounts(np.full(len(every), 100), 0),
        },
    )


def add_units(company: Company) -> None:
    """Add units of measure, a unit group each, and the group's one unit."""
    rows = words("units")
    nav = company.add_nav(
        "Unit of Measure",
        {
            "Code": rows["code"],
            "Description": rows["description"],
            "International Standard Code": rows["iso"],
        },
    )
    ids = pd.Index(guids(company.seed, "uomschedule", len(rows)))
    sent = mirror(company, "UNIT OF MEASURE", nav)
    company.add_crm(
        "uomschedule", {**sent, "name": "NAV " + rows["code"], "statecode": 0, "statuscode": 1}, ids
    )
    second = rows["spare"] == "broken"
    more = int(second.sum())
    units = {
        "name": pd.concat([rows["code"], rows["code"][second] + "-100"]),
        "uomscheduleid": [*ids, *ids[second]],
        "quantity": amounts([1] * len(rows) + [100] * more, 0),
        "isschedulebaseuom": [True] * len(rows) + [False] * more,
    }
    company.add_crm("uom", units, pd.Index(guids(company.seed, "uom", len(rows) + more)))
    company.couple("UNIT OF MEASURE", nav.index, ids)
    company.kept["UNIT OF MEASURE"] = nav.index[second]
    company.spare["UNIT OF MEASURE"] = nav.index[(rows["spare"] == "yes").to_numpy()]


def add_vendors(company: Company) -> None:
    """Add the suppliers that items name."""
    families = words("family")["family"]
    trades = words("trades")["trade"]
    count = 24
    company.add_nav(
        "Vendor",
        {
            "No.": pd.Series([f"V{2000 + 10 * row}" for row in range(count)], dtype=TEXT),
            "Name": families.iloc[:count] + " " + trades.iloc[:count] + " supply",
        },
    )
