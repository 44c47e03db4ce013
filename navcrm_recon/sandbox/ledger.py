"""The customer ledger: invoices, payments, credit memos, and how they are applied."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.sandbox.company import EDITS_FROM, Company, amounts
from navcrm_recon.sandbox.draw import numbers
from navcrm_recon.sandbox.lines import buyers
from navcrm_recon.sandbox.money import half_up, in_cents, in_lcy, rates
from navcrm_recon.sandbox.payments import OPEN, events

#: Payments and credit memos that are applied to nothing.
ON_ACCOUNT, CREDITS = 30, 12
_PAYMENT, _INVOICE, _CREDIT_MEMO = 1, 2, 3
_INITIAL, _APPLICATION = 1, 2
_TYPES = {"pay": _PAYMENT, "credit": _CREDIT_MEMO}
#: Where the numbers of payments and credit memos begin.
_FIRST = {_PAYMENT: ("PAY", 201801), _CREDIT_MEMO: ("SC", 104001)}
#: The day the edits began: what is late happened after it, all else before.
FIRST_LATE_DAY = EDITS_FROM.tz_localize(None).normalize()
_DAY = pd.Timedelta(days=1)


def add_ledger(company: Company) -> None:
    """Add the customer ledger of the posted invoices; entries are numbered by their days."""
    invoices = _invoices(company)
    happened = events(invoices["kind"])
    before = pd.Series(0, index=invoices.index)
    entries, details = [invoices], []
    for place, name in enumerate(("first", "second"), start=1):
        made, applied, before = _happens(invoices, happened[name], place, before)
        entries.append(made)
        details.append(applied)
    entries.append(_on_account(company, 3 * len(invoices)))
    every = _numbered(pd.concat(entries, ignore_index=True))
    every = every.assign(type=every["type"].astype("int64"))
    initial = every.assign(entry_type=_INITIAL, order=0)
    parts = pd.concat([initial, *details], ignore_index=True)
    parts = parts.sort_values(["day", "order", "ref"], ignore_index=True)
    known = every.set_index("ref")
    for name in ("entry", "customer", "currency", "type", "due"):
        parts[name] = known[name].reindex(parts["ref"]).to_numpy()
    _add_entries(company, every, parts)
    _add_details(company, parts)
    header = company.nav["Sales Invoice Header"]
    own = pd.Series(known["entry"].reindex(invoices["ref"]).to_numpy(), index=invoices["key"])
    header["Cust. Ledger Entry No."] = own.reindex(header.index).astype("Int64")


def _invoices(company: Company) -> pd.DataFrame:
    """Return the entries of the posted invoices there are."""
    header = company.nav["Sales Invoice Header"].reset_index()
    gross, net = (in_cents(header[name]) for name in ("Amount Including VAT", "Amount"))
    rate = rates(header["Currency Code"])
    kinds = company.payments.reindex(header["nav_key"]).fillna(OPEN)
    return pd.DataFrame(
        {
            "key": header["nav_key"],
            "kind": kinds.to_numpy(),
            "ref": np.arange(len(header)),
            "type": _INVOICE,
            "document": header["No."],
            "day": header["Posting Date"],
            "due": header["Due Date"],
            "customer": header["Bill-to Customer No."],
            "sell_to": header["Sell-to Customer No."],
            "currency": header["Currency Code"],
            "amount": gross,
            "lcy": in_lcy(gross, rate),
            "sales": in_lcy(net, rate),
        }
    )


def _happens(
    invoices: pd.DataFrame, happened: pd.Series, place: int, before: pd.Series
) -> tuple[pd.DataFrame, pd.DataFrame, pd.Series]:
    """Return entries, applications and the percent settled after one event of each invoice.

    Entries are referred to by numbers: invoices from 0, what is applied to them first after these,
    what second after those.
    """
    late = happened.str.startswith("late")
    words = happened.str.removeprefix("late ").str.split()
    action, count = words.str[0].fillna(""), len(invoices)
    percent = pd.to_numeric(words.str[1]).fillna(0).astype("int64")
    undone = action == "unapply"
    after = (before + percent).mask(undone, 0)
    shares = {
        name: half_up(invoices[name] * after, 100) - half_up(invoices[name] * before, 100)
        for name in ("amount", "lcy", "sales")
    }
    row = np.arange(count)
    day = invoices["day"] + pd.to_timedelta(4 + 4 * place + row * 7 % 20, unit="D")
    day = day.where(day < FIRST_LATE_DAY, FIRST_LATE_DAY - _DAY)
    day = day.mask(late, FIRST_LATE_DAY + pd.to_timedelta(1 + row % 4, unit="D"))
    settled = invoices.assign(day=day, **shares)
    made = settled.assign(
        ref=invoices["ref"] + place * count, type=action.map(_TYPES), due=day,
        amount=-shares["amount"], lcy=-shares["lcy"],
        sales=np.where(action == "credit", -shares["sales"], 0),
    )[percent > 0]  # fmt: skip
    other = invoices["ref"] + np.where(undone, 1, place) * count
    sides = [
        settled.assign(amount=-settled["amount"], lcy=-settled["lcy"]),
        settled.assign(ref=other),
    ]
    applied = pd.concat([each[action != ""] for each in sides], ignore_index=True)
    return made, applied.assign(entry_type=_APPLICATION, order=place), after


def _on_account(company: Company, first: int) -> pd.DataFrame:
    """Return payments and credit memos that are applied to nothing."""
    chance = company.chance("on account")
    payments, credits = ON_ACCOUNT * company.scale, CREDITS * company.scale
    who = buyers(company, chance, payments + credits)
    amount = chance.integers(10, 900, len(who)) * 100
    days = pd.to_timedelta(chance.integers(0, 200, len(who)), unit="D")
    kind = np.repeat([_PAYMENT, _CREDIT_MEMO], [payments, credits])
    day = pd.Series(pd.Timestamp("2018-02-01") + days)
    lcy = in_lcy(amount, who["rate"])
    return pd.DataFrame(
        {
            "ref": first + np.arange(len(who)),
            "type": kind,
            "day": day,
            "due": day,
            "customer": who["payer"],
            "sell_to": who["No."],
            "currency": who["currency"],
            "amount": -amount,
            "lcy": -lcy,
            "sales": np.where(kind == _CREDIT_MEMO, -lcy, 0),
        }
    )


def _numbered(entries: pd.DataFrame) -> pd.DataFrame:
    """Give entries numbers by their days, and documents that have none."""
    entries = entries.sort_values(["day", "ref"], ignore_index=True)
    entries["entry"] = np.arange(1, len(entries) + 1)
    for kind, (start, first) in _FIRST.items():
        own = entries["type"] == kind
        entries.loc[own, "document"] = numbers(start, first, int(own.sum())).to_numpy()
    return entries


def _add_entries(company: Company, every: pd.DataFrame, parts: pd.DataFrame) -> None:
    left = parts.groupby("ref")["amount"].sum().reindex(every["ref"])
    company.add_nav(
        "Cust. Ledger Entry",
        {
            "Entry No.": every["entry"],
            "Customer No.": every["customer"],
            "Sell-to Customer No.": every["sell_to"],
            "Posting Date": every["day"],
            "Document Type": every["type"],
            "Document No.": every["document"],
            "Description": every["document"],
            "Currency Code": every["currency"],
            "Sales (LCY)": amounts(every["sales"]),
            "Open": left.to_numpy() != 0,
            "Due Date": every["due"],
        },
    )


def _add_details(company: Company, parts: pd.DataFrame) -> None:
    company.add_nav(
        "Detailed Cust. Ledg. Entry",
        {
            "Entry No.": np.arange(1, len(parts) + 1),
            "Cust. Ledger Entry No.": parts["entry"],
            "Entry Type": parts["entry_type"],
            "Posting Date": parts["day"],
            "Document Type": parts["type"],
            "Document No.": parts["document"].fillna(""),
            "Amount": amounts(parts["amount"]),
            "Amount (LCY)": amounts(parts["lcy"]),
            "Customer No.": parts["customer"],
            "Currency Code": parts["currency"],
            "Initial Entry Due Date": parts["due"],
            "Ledger Entry Amount": parts["entry_type"] == _INITIAL,
        },
    )
