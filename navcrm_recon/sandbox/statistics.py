"""CRM's statistics of accounts: most of them right, some old, some not there (documents 6)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import TODAY, Company, amounts
from navcrm_recon.sandbox.draw import guids
from navcrm_recon.sandbox.ledger import FIRST_LATE_DAY
from navcrm_recon.sandbox.mirror import local_currency_id
from navcrm_recon.sandbox.money import in_cents

#: Accounts without statistics, and accounts whose statistics are gone.
WITHOUT, LOST = 12, 3
_LINK = "nav_accountstatisticsid"
_YEAR = (pd.Timestamp("2018-01-01"), pd.Timestamp("2019-01-01"))
#: What is added up of document lines: column of CRM, type of document, amounts.
_LINES = (
    ("nav_outstandingorderslcy", 1, ("Outstanding Amount (LCY)",)),
    ("nav_shippednotinvoicedlcy", 1, ("Shipped Not Invoiced (LCY)",)),
    ("nav_outstandinginvoiceslcy", 2, ("Outstanding Amount (LCY)",)),
    (
        "nav_invoicedprepaymentamountlcy",
        1,
        ("Prepmt. Amount Inv. (LCY)", "Prepmt. VAT Amount Inv. (LCY)"),
    ),
)
_SERVICE_LINES = (
    ("nav_outstandingserviceorderslcy", 1, ("Outstanding Amount (LCY)",)),
    ("nav_servshippednotinvoicedlcy", 1, ("Shipped Not Invoiced (LCY)",)),
    ("nav_outstandingservinvoiceslcy", 2, ("Outstanding Amount (LCY)",)),
)


def add_statistics(company: Company) -> pd.DataFrame:
    """Add the statistics of accounts; returns which must change: a plant per account.

    Those of customers whose ledger moved after the last synchronisation are as they were then.
    """
    pairs = company.pairs["CUSTOMER"][["nav_key", "crm_id"]]
    customers, accounts = company.nav["Customer"], company.crm["account"]
    in_nav, in_crm = pairs["nav_key"].isin(customers.index), pairs["crm_id"].isin(accounts.index)
    known = pairs[in_nav & in_crm].reset_index(drop=True)
    late = known["nav_key"].isin(_late_customers(company))
    order = company.chance("statistics").permutation(np.flatnonzero(~late))
    without, lost = WITHOUT * company.scale, LOST * company.scale
    state = pd.Series("", index=known.index).mask(late, "modify")
    state.iloc[order[:without]], state.iloc[order[without : without + lost]] = "none", "lost"
    ids = guids(company.seed, "statistics", len(known))
    rows = customers.loc[known["nav_key"]]
    now, then = (_figures(company, rows["No."], late=each) for each in (True, False))
    now[late] = then[late]
    shown = ~state.isin(["none", "lost"]).to_numpy()
    company.add_crm(
        "nav_accountstatistics",
        {
            "nav_name": rows["Name"][shown],
            "nav_customerno": rows["No."][shown],
            "nav_creditlimitlcy": rows["Credit Limit (LCY)"][shown],
            "transactioncurrencyid": local_currency_id(company),
            "nav_overdueamountsasof": pd.Series(TODAY, index=known.index).mask(
                late, FIRST_LATE_DAY
            )[shown],
            **{str(name): amounts(now[name][shown]) for name in now},
        },
        pd.Index(ids[shown], dtype=TEXT),
    )
    link = pd.Series(ids.where(state != "none", "").to_numpy(), index=known["crm_id"], dtype=TEXT)
    accounts[_LINK] = link.reindex(accounts.index).fillna("")
    fails = pairs[~(in_nav & in_crm)].assign(expected="failed")
    changes = {"modify": "modified", "none": "inserted", "lost": "inserted"}
    changed = known.assign(expected=state.map(changes))
    return pd.concat([changed[state != ""], fails], ignore_index=True)


def _late_customers(company: Company) -> pd.Series:
    detail = company.nav["Detailed Cust. Ledg. Entry"]
    return detail.loc[detail["Posting Date"] >= FIRST_LATE_DAY, "Customer No."]


def _figures(company: Company, numbers: pd.Series, *, late: bool) -> pd.DataFrame:
    """Return the amounts of customers in cents (documents 6.1), with or without what came late."""
    found = pd.DataFrame(index=pd.Index(numbers))
    _add_ledger(company, found, late=late)
    for table, sums in (("Sales Line", _LINES), ("Service Line", _SERVICE_LINES)):
        lines = company.nav[table]
        for name, kind, columns in sums:
            own = lines[lines["Document Type"] == kind]
            found[name] = _summed(own, "Bill-to Customer No.", columns, found.index)
        invoiced = lines[(lines["Document Type"] == 2) & (lines["Shipment No."] != "")]
        who = "Sell-to Customer No." if table == "Sales Line" else "Customer No."
        found[table] = _summed(invoiced, who, ("Outstanding Amount (LCY)",), found.index)
    taken = ["Sales Line", "Service Line", "nav_invoicedprepaymentamountlcy"]
    not_added = [*taken, "nav_overdueamountslcy", "nav_totalsaleslcy"]
    added = found.drop(columns=not_added).sum(axis=1)
    found["nav_totallcy"] = added - found[taken].sum(axis=1)
    return found.drop(columns=taken[:2]).reset_index(drop=True)


def _add_ledger(company: Company, found: pd.DataFrame, *, late: bool) -> None:
    """Add balance, overdue amounts and sales of the year."""
    detail, entries = company.nav["Detailed Cust. Ledg. Entry"], company.nav["Cust. Ledger Entry"]
    day = TODAY if late else FIRST_LATE_DAY
    detail = detail[detail["Posting Date"] < day]
    entries = entries[entries["Posting Date"] < day]
    found["nav_balancelcy"] = _summed(detail, "Customer No.", ("Amount (LCY)",), found.index)
    open_ = detail.assign(
        left=in_cents(detail["Amount"]), left_lcy=in_cents(detail["Amount (LCY)"])
    ).groupby("Cust. Ledger Entry No.")[["left", "left_lcy"]].sum()  # fmt: skip
    left = open_.reindex(entries["Entry No."]).fillna(0).set_axis(entries.index, axis=0)
    due = (left["left"] != 0) & (entries["Due Date"] < day)
    overdue = left["left_lcy"].where(due, 0).groupby(entries["Customer No."]).sum()
    found["nav_overdueamountslcy"] = overdue.reindex(found.index).fillna(0).astype("int64")
    sold = entries[entries["Posting Date"].between(*_YEAR, inclusive="left")]
    found["nav_totalsaleslcy"] = _summed(sold, "Customer No.", ("Sales (LCY)",), found.index)


def _summed(
    rows: pd.DataFrame, who: str, columns: tuple[str, ...], numbers: pd.Index[str]
) -> pd.Series:
    cents = sum(in_cents(rows[name]) for name in columns)
    summed = pd.Series(cents, index=rows[who].to_numpy()).groupby(level=0).sum()
    return summed.reindex(numbers).fillna(0).astype("int64")
