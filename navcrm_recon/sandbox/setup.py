"""NAV's setup tables: series of numbers, posting groups, VAT, accounting periods, places."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import LCY, NAME, Company, amounts, cents
from navcrm_recon.sandbox.resources import words

#: The code of invoice discounts that NAV calculates by itself.
KEY_ACCOUNT = "KEYACCOUNT"
_FIRST_YEAR, _YEARS = 2017, 14
#: What a series counts: table, column, and what its numbers begin with.
_SERIES = {
    "CUST": ("Customer", "No.", "C", 10),
    "CONT": ("Contact", "No.", "CT", 10),
    "OPP": ("Opportunity", "No.", "OP", 1),
    "S-ORD": ("Sales Header", "No.", "SO", 1),
    "S-INV": ("Sales Header", "No.", "SV", 1),
}


def add_setup(company: Company) -> None:
    """Add the setup tables, countries and post codes."""
    cent = amounts([1])
    company.add_nav(
        "General Ledger Setup",
        {
            "Primary Key": [""],
            "LCY Code": LCY,
            "Amount Rounding Precision": cent,
            "Unit-Amount Rounding Precision": amounts([1], 5),
            "Inv. Rounding Precision (LCY)": cent,
            "VAT Tolerance %": amounts([2], 0),
        },
    )
    company.add_nav("Company Information", {"Primary Key": [""], "Name": NAME})
    company.add_nav(
        "Marketing Setup",
        {
            "Primary Key": [""],
            "Bus. Rel. Code for Customers": "CUST",
            "Bus. Rel. Code for Vendors": "VEND",
            "Contact Nos.": "CONT",
            "Opportunity Nos.": "OPP",
        },
    )
    company.add_nav(
        "Business Relation", {"Code": ["CUST", "VEND"], "Description": ["Customer", "Vendor"]}
    )
    _add_sales_setup(company)
    _add_posting_setup(company)
    _add_periods(company)
    _add_places(company)


def _add_sales_setup(company: Company) -> None:
    """Let NAV calculate invoice discounts, and say what stands for write-ins and freight."""
    resources = words("resources")
    write_in = resources.loc[resources["spare"] == "write-in", "number"]
    company.add_nav(
        "Sales & Receivables Setup",
        {
            "Primary Key": [""],
            "Customer Nos.": "CUST",
            "Order Nos.": "S-ORD",
            "Calc. Inv. Discount": True,
            "Write-in Product Type": 1,
            "Write-in Product No.": write_in,
            "Freight G/L Acc. No.": "6710",
        },
    )
    steps = [0, 5000]
    company.add_nav(
        "Cust. Invoice Disc.",
        {
            "Code": [KEY_ACCOUNT] * len(steps),
            "Currency Code": "",
            "Minimum Amount": amounts(steps, 0),
            "Discount %": amounts([2, 4], 0),
        },
    )


def _add_posting_setup(company: Company) -> None:
    vat, accounts = words("vat"), words("gl_accounts")
    company.add_nav(
        "VAT Posting Setup",
        {
            "VAT Bus. Posting Group": vat["bus_group"],
            "VAT Prod. Posting Group": vat["prod_group"],
            "VAT Calculation Type": vat["type"].astype("Int64"),
            "VAT %": amounts(cents(vat["percent"])),
            "VAT Identifier": "VAT" + vat["percent"],
        },
    )
    company.add_nav(
        "G/L Account",
        {
            "No.": accounts["number"],
            "Name": accounts["name"],
            "Direct Posting": accounts["vat_group"] != "",
            "Gen. Prod. Posting Group": accounts["gen_group"],
            "VAT Prod. Posting Group": accounts["vat_group"],
        },
    )


def _add_periods(company: Company) -> None:
    """Add the months of some calendar years, which are the fiscal years."""
    first = pd.Timestamp(year=_FIRST_YEAR, month=1, day=1)
    starts = pd.date_range(first, periods=12 * _YEARS, freq="MS")
    company.add_nav(
        "Accounting Period",
        {
            "Starting Date": pd.Series(starts),
            "Name": pd.Series(starts.month_name(), dtype=TEXT),
            "New Fiscal Year": np.asarray(starts.month == 1),
            "Closed": np.asarray(starts.year == _FIRST_YEAR),
        },
    )


def _add_places(company: Company) -> None:
    towns, countries = words("towns"), words("countries")
    code = countries["code"]
    company.add_nav("Country/Region", {"Code": code, "Name": countries["name"], "ISO Code": code})
    company.add_nav(
        "Post Code",
        {
            "Code": towns["post_code"],
            "City": towns["city"],
            "Search City": towns["city"].str.upper(),
            "Country/Region Code": towns["country"],
            "County": towns["county"],
        },
    )


def add_number_series(company: Company) -> None:
    """Add the series of numbers, each counted up to the last number that is in use."""
    rows = []
    for code, (table, column, start, step) in _SERIES.items():
        used = company.nav[table][column]
        used = used[used.str.fullmatch(start + r"\d+")]
        last = used.str.removeprefix(start).astype(int).max()
        rows.append((code, f"{start}{last}", step))
    codes, last_used, steps = (list(each) for each in zip(*rows, strict=True))
    company.add_nav("No. Series", {"Code": codes, "Description": codes, "Default Nos.": True})
    company.add_nav(
        "No. Series Line",
        {
            "Series Code": codes,
            "Line No.": 10000,
            "Starting No.": last_used,
            "Increment-by No.": steps,
            "Last No. Used": last_used,
            "Open": True,
        },
    )
