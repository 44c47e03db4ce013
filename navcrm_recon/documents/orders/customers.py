"""Whom an order is for: the coupled customer of its account (documents 1.4)."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.documents.orders.lookup import beside
from navcrm_recon.documents.orders.problems import Problems
from navcrm_recon.documents.orders.reading import Facts
from navcrm_recon.frames import join_key

_BLOCKED = {1: "Ship", 2: "Invoice", 3: "All"}


def customers(facts: Facts, problems: Problems) -> pd.DataFrame:
    """Return the customers of orders.

    Returns
    -------
    DataFrame
        Index = CRM id of the order: ``sell_to`` and ``bill_to`` (str), the NAV keys; blank where
        a problem was noted.
    """
    orders, parties = facts.orders, facts.parties
    party, by_contact = orders["customerid"], orders["customeridtype"].eq("contact")
    parent = beside(parties.contacts["parentcustomerid"], party)
    account = party.where(~by_contact, parent)
    name = beside(parties.accounts["name"], account)
    sell_to = beside(parties.customers_of, account)
    there = sell_to.isin(list(parties.customers.index))
    bill_to = _bill_to(facts, sell_to)
    rows = pd.DataFrame({
        "crm_id": orders.index, "value": party, "account": account, "name": name,
        "description": orders["description"].where(orders["description"].ne(""), orders["name"]),
        "sell_to": sell_to, "bill_to": bill_to,
    })  # fmt: skip
    _check_accounts(facts, problems, rows)
    gone = sell_to.ne("") & ~there
    problems.add(
        "C6 CustomerGone", rows.assign(value=sell_to), gone, "customerid",
        "the customer {value}, to which the account {name} is coupled, is not in NAV any more. "
        "Remove the coupling and couple the account anew.",
    )  # fmt: skip
    lost_bill_to = there & ~bill_to.isin(list(parties.customers.index))
    problems.add(
        "C6 BillToGone", rows.assign(value=bill_to), lost_bill_to, "Bill-to Customer No.",
        "the customer {value}, whom {sell_to} lets pay, is not in NAV. Correct the customer.",
    )  # fmt: skip
    _blocked(facts, problems, rows, sell_to, there)
    _blocked(facts, problems, rows, bill_to, bill_to.ne(sell_to))
    known = there & ~lost_bill_to
    return pd.DataFrame({"sell_to": sell_to.where(known, ""), "bill_to": bill_to.where(known, "")})


def _check_accounts(facts: Facts, problems: Problems, rows: pd.DataFrame) -> None:
    """Note orders whose account is not given, not there, or not coupled (C1 to C5)."""
    blank = rows["value"].eq("")
    problems.add(
        "C1 NoCustomer", rows, blank, "customerid",
        "it has no customer ({description}). Choose an account or a contact in CRM.",
    )  # fmt: skip
    lost = ~blank & ~rows["account"].isin(list(facts.parties.accounts.index))
    problems.add(
        "C4 CannotFindAccountForOrder", rows, lost, "customerid",
        "its customer is no account of CRM, nor a contact of one ({value}). Give the order, or its "
        "contact, an account.",
    )  # fmt: skip
    uncoupled = ~blank & ~lost & rows["sell_to"].eq("")
    problems.add(
        "C5 NotCoupledCustomer", rows.assign(value=rows["name"]), uncoupled, "customerid",
        "the account {value} is not coupled to a customer. Couple it, or create a customer from "
        "it.",
    )  # fmt: skip


def _blocked(
    facts: Facts, problems: Problems, rows: pd.DataFrame, customer: pd.Series, asked: pd.Series
) -> None:
    """Note customers NAV takes no orders for (documents 1.4)."""
    state = facts.parties.customers["Blocked"].reindex(customer.to_numpy()).fillna(0)
    about = rows.assign(value=state.map(_BLOCKED).to_numpy(), customer=customer)
    problems.add(
        "CustomerBlocked", about, asked & state.ne(0).to_numpy(), "Blocked",
        "the customer {customer} is blocked ({value}). Unblock it in NAV, or cancel the order.",
    )  # fmt: skip


def _bill_to(facts: Facts, sell_to: pd.Series) -> pd.Series:
    """Return the key of who pays: the customer's bill-to customer, else the customer."""
    found = facts.parties.customers
    other = beside(join_key([found["Bill-to Customer No."]]), sell_to)
    return other.where(other.ne(""), sell_to)
