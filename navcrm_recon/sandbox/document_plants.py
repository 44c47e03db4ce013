"""What calls about documents must find in the demo company, beside what is planted in records."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company
from navcrm_recon.sandbox.documents import Documents
from navcrm_recon.sandbox.ledger import FIRST_LATE_DAY, add_ledger
from navcrm_recon.sandbox.order_plants import add_planted_orders
from navcrm_recon.sandbox.payments import came_late, states
from navcrm_recon.sandbox.prices import add_default_price_list, expected_prices
from navcrm_recon.sandbox.record_plants import change_records, expected_of_records
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sandbox.statistics import add_statistics

#: Stages of orders that somebody is to look at.
_LISTED = ("invoiced_in_nav", "gone_from_nav", "sent_elsewhere")
_CAPTIONS = {4: "Active / Billed", 100001: "Paid / Complete", 100002: "Paid / Partial"}


def plant_documents(company: Company, waiting: Documents) -> pd.DataFrame:
    """Add what follows from all other records, and return what calls about documents must find.

    Parameters
    ----------
    waiting
        The orders that must fail, as they were drawn before anything was planted.
    """
    add_ledger(company)
    change_records(company)
    add_default_price_list(company)
    statistics = add_statistics(company).assign(frame="statistics")
    parts = [
        expected_of_records(company),
        add_planted_orders(company, waiting),
        expected_orders(company),
        expected_order_states(company),
        expected_invoice_states(company),
        expected_posts(company),
        expected_prices(company),
        statistics,
        words("setup_findings").assign(frame="setup_checks"),
    ]
    return pd.concat(parts, ignore_index=True)


def expected_orders(company: Company) -> pd.DataFrame:
    """Return the orders whose stage somebody is to look at, and those CRM offers twice."""
    orders = company.orders[company.orders["crm"] != ""]
    about = {"nav_key": ("Order, " + orders["number"]).where(orders["number"] != "", "")}
    rows = pd.DataFrame({**about, "crm_id": orders["crm_id"], "value": orders["order"]})
    listed = orders["listed"].isin(_LISTED)
    untold = rows[orders["stage"] == "untold"]
    return pd.concat(
        [
            rows.assign(frame="sales_orders", expected=orders["listed"])[listed],
            untold.assign(frame="order_problems", expected="SO-11"),
        ]
    )


def expected_order_states(company: Company) -> pd.DataFrame:
    """Return the coupled orders that NAV has finished or lost, by the rule that says what then.

    ``value`` is the number of the CRM order, blank where the order is gone.
    """
    orders = company.orders
    found = orders[orders["finding"] != ""]
    keys = pd.DataFrame({"nav_key": "Order, " + found["number"], "crm_id": found["crm_id"]})
    value = found["order"].where(found["crm"] != "", "")
    return keys.assign(frame="order_states", expected=found["finding"], value=value)


def expected_invoice_states(company: Company) -> pd.DataFrame:
    """Return the CRM invoices whose payment state is old, and the state they must get."""
    pairs = company.pairs["POSTEDSALESINV-INV"]
    kinds = company.payments.reindex(pairs["nav_key"])
    late = came_late(kinds).to_numpy(dtype=bool)
    reason = states(kinds[late], late=True)["statuscode"]
    found = pairs.loc[late, ["nav_key", "crm_id"]].reset_index(drop=True)
    return found.assign(frame="invoice_states", expected=reason.map(_CAPTIONS))


def expected_posts(company: Company) -> pd.DataFrame:
    """Return the posted documents that a post must tell of: one for every late posting."""
    accounts = company.crm_id_of("CUSTOMER")
    parts = []
    for table in ("Sales Shipment Header", "Sales Invoice Header"):
        rows = company.nav[table]
        late = rows[rows["Posting Date"] >= FIRST_LATE_DAY]
        number, order = late["No."], late["Order No."]
        told = ("Order '" + order + "'").where(order != "", "Invoice '" + number + "'")
        account = late["Sell-to Customer No."].map(accounts)
        parts.append(pd.DataFrame({"nav_key": number, "crm_id": account, "value": told}))
    return pd.concat(parts).assign(frame="posts", expected="inserted").astype(TEXT)
