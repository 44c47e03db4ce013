"""NAV orders as they would be: headers and lines with their amounts, and what stands in the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.documents.orders.amounts import (
    HUNDRED,
    ZERO,
    Decimals,
    decimals,
    either,
    exactly,
    in_base_units,
    invoice_discount_base,
    line_amounts,
    rounded,
    totals,
)
from navcrm_recon.documents.orders.customers import customers
from navcrm_recon.documents.orders.header import currency, headers, precisions
from navcrm_recon.documents.orders.lines import COMMENT, GL_ACCOUNT, lines
from navcrm_recon.documents.orders.lookup import columns, said
from navcrm_recon.documents.orders.problems import Problems, labels
from navcrm_recon.documents.orders.reading import Facts
from navcrm_recon.frames import TEXT, join_key

SUBMITTED = 1
_STATES = {0: "Active", 1: "Submitted", 2: "Canceled", 3: "Fulfilled", 4: "Invoiced"}
_REVERSE_CHARGE = 1
_KNOWN_VAT = (0, _REVERSE_CHARGE)


@dataclass(frozen=True)
class Built:
    """NAV orders as they would be.

    ``headers``: index = CRM id, columns of Sales Header. ``lines``: column ``order`` (CRM id) and
    those of Sales Line. ``problems``: frame ``order_problems``; an order that has any cannot be
    made. By CRM id: ``labels``, how people know the order; ``remarks``, what an analyst should know
    of it, blank for nothing.
    """

    headers: pd.DataFrame
    lines: pd.DataFrame
    problems: pd.DataFrame
    remarks: pd.Series
    labels: pd.Series


def build(facts: Facts, today: date) -> Built:
    """Return the NAV orders that CRM orders become (documents 1.3 to 1.9).

    Parameters
    ----------
    today
        NAV's work date.
    """
    problems = Problems(labels(facts.orders))
    if not _check_state(facts, problems):
        none = pd.DataFrame(columns=["order"], dtype=object)
        blank = pd.Series("", index=facts.orders.index, dtype=TEXT)
        return Built(none[[]], none, problems.frame(), blank, problems.labels)
    who = customers(facts, problems)
    sold = lines(facts, problems)
    code = currency(facts, Problems(problems.labels))
    discount = _invoice_discount(facts, sold, precisions(facts, code))
    head = headers(facts, who, discount, today, problems)
    sold = _with_amounts(facts, head, sold, discount, problems)
    _check_discounts(facts, head, sold, discount, problems)
    return Built(head, sold, problems.frame(), _remarks(facts, sold), problems.labels)


def _check_state(facts: Facts, problems: Problems) -> bool:
    """Note orders that are not submitted (SO-1); say whether any is."""
    state = facts.orders["statecode"].fillna(0)
    rows = pd.DataFrame({"crm_id": state.index, "value": state.map(_STATES)})
    problems.add(
        "SO-1 NotSubmitted", rows, state.ne(SUBMITTED), "statecode",
        "its state is {value}; only a Submitted order becomes a NAV order. Submit it in CRM.",
    )  # fmt: skip
    return bool(state.eq(SUBMITTED).any())


def _invoice_discount(facts: Facts, sold: pd.DataFrame, precision: Decimals) -> pd.Series:
    """Return the invoice discount of each order: both discounts of CRM together (DI1, DI2)."""
    orders = facts.orders
    amount, percentage = (decimals(orders[f"discount{part}"]) for part in ("amount", "percentage"))
    total, less = (
        decimals(orders[name]) for name in ("totallineitemamount", "totalamountlessfreight")
    )
    given = orders["totallineitemamount"].notna() & orders["totalamountlessfreight"].notna()
    with exactly():
        # Where CRM's totals are not there, as CRM calculates them (ORD-020).
        own = _gross(orders, sold, precision)
        calculated = rounded(own * percentage / HUNDRED, precision) + amount
        found = either(given.to_numpy(), total - less, calculated)
    found = either((amount == ZERO) & (percentage == ZERO), ZERO, found)
    return pd.Series(found, index=orders.index, dtype=object)


def _gross(orders: pd.DataFrame, sold: pd.DataFrame, precision: Decimals) -> Decimals:
    """Return the line total of each order, as CRM has it: without freight and tax."""
    goods = sold[~sold["Type"].isin([COMMENT, GL_ACCOUNT])]
    of = pd.Series(precision, index=orders.index, dtype=object).reindex(goods["order"]).to_numpy()
    net = rounded(
        goods["quantity"].to_numpy() * (goods["price"].to_numpy() - goods["volume"].to_numpy())
        - goods["manual"].to_numpy(), of,
    )  # fmt: skip
    order = goods["order"].to_numpy()
    summed = pd.Series(totals(net, order), index=order, dtype=object)
    found = summed[~summed.index.duplicated()].reindex(orders.index)
    return np.array([ZERO if each is None or each != each else each for each in found], object)


def _with_amounts(
    facts: Facts, head: pd.DataFrame, sold: pd.DataFrame, discount: pd.Series, problems: Problems
) -> pd.DataFrame:
    """Return lines with their amounts, and with what they take from the header (L9 to L16)."""
    of = head.reindex(sold["order"].to_numpy()).reset_index(drop=True)
    key = join_key([
        of["VAT Bus. Posting Group"].astype(TEXT).fillna(""),
        sold["VAT Prod. Posting Group"].astype(TEXT).fillna(""),
    ])  # fmt: skip
    setup = columns(facts.goods.vat, ["VAT Calculation Type", "VAT %"], key)
    kind = setup["VAT Calculation Type"].fillna(0).astype("int64")
    priced = sold["Type"].ne(COMMENT)
    rows = pd.DataFrame({"crm_id": sold["order"], "line": sold["Line No."], "value": key})
    problems.add(
        "VATCalculationType", rows, priced & ~kind.isin(_KNOWN_VAT),
        "VAT Calculation Type", "the VAT posting setup {value} is neither Normal VAT nor Reverse "
        "Charge VAT; its orders cannot be calculated here. Enter the order in NAV.",
    )  # fmt: skip
    taxed = priced & kind.ne(_REVERSE_CHARGE)
    percentage = either(taxed, decimals(setup["VAT %"]), ZERO)
    places = precisions(facts, of["Currency Code"].fillna(""))
    figures = pd.DataFrame({
        "order": sold["order"], "quantity": sold["quantity"], "price": sold["price"],
        "volume": sold["volume"], "manual": sold["manual"], "allows": sold["allows"],
        "precision": places, "lcy_precision": precisions(facts, pd.Series([""] * len(sold))),
        "vat": percentage, "vat_kind": kind, "base_discount": of["VAT Base Discount %"],
        "factor": of["Currency Factor"], "including": of["Prices Including VAT"].fillna(False),
        "invoice_discount": discount.reindex(sold["order"].to_numpy()).to_numpy(),
    })  # fmt: skip
    known = ["Location Code", "Shipment Date", "Requested Delivery Date", "Sell-to Customer No.",
             "Bill-to Customer No.", "Currency Code", "VAT Bus. Posting Group",
             "Gen. Bus. Posting Group"]  # fmt: skip
    out = sold.assign(**{name: of[name].where(priced) for name in known})
    out[["Sell-to Customer No.", "Bill-to Customer No."]] = of[known[3:5]].to_numpy()
    in_base = in_base_units(sold["quantity"], sold["Qty. per Unit of Measure"])
    more: dict[str, Any] = {
        **dict.fromkeys(_QUANTITIES, sold["quantity"]), **dict.fromkeys(_IN_BASE_UNITS, in_base),
        "Unit Price": sold["price"], "VAT %": percentage,
        "VAT Calculation Type": kind.where(priced, 0),
        "Allow Invoice Disc.": sold["allows"] | ~priced,
    }  # fmt: skip
    return pd.concat([out.assign(**more), line_amounts(figures)], axis=1)


_QUANTITIES = ("Quantity", "Outstanding Quantity", "Qty. to Ship", "Qty. to Invoice")
_IN_BASE_UNITS = ("Quantity (Base)", "Outstanding Qty. (Base)")


def _check_discounts(
    facts: Facts, head: pd.DataFrame, sold: pd.DataFrame, discount: pd.Series, problems: Problems
) -> None:
    """Note invoice discounts NAV does not take (DI3)."""
    rows = pd.DataFrame({"crm_id": discount.index, "value": discount.to_numpy()})
    has, code = discount.map(bool), head["Invoice Disc. Code"].fillna("")
    calculates = said(facts.setup["Calc. Inv. Discount"])
    refused = has & calculates & code.ne("") & code.isin(list(facts.discounted))
    problems.add(
        "DI3 ManualDiscountNotAllowed", rows.assign(code=code.to_numpy()), refused,
        "discountamount", "a manual invoice discount ({value}) is not allowed: NAV calculates the "
        "invoice discount of the code {code}. Remove the discount in CRM, or switch off Calc. Inv. "
        "Discount in NAV.",
    )  # fmt: skip
    base = invoice_discount_base(sold, sold["Line Amount"].to_numpy(dtype=object))
    with exactly():
        summed = pd.Series(
            totals(base, sold["order"].to_numpy()), index=sold["order"], dtype=object
        )
    most = summed[~summed.index.duplicated()].reindex(discount.index)
    most = most.map(lambda each: ZERO if each is None or each != each else each)
    above, below = (discount > most) & (most > ZERO), (discount < most) & (most < ZERO)
    beyond = has & ((most == ZERO) | above | below)
    problems.add(
        "DI3 DiscountWithoutBase", rows.assign(most=most.to_numpy()), beyond, "discountamount",
        "the discount of {value} is more than the lines that allow an invoice discount come to "
        "({most}). Correct it in CRM.",
    )  # fmt: skip


def _remarks(facts: Facts, sold: pd.DataFrame) -> pd.Series:
    """Return what an analyst should know of orders that are made (G9, G10)."""
    percentage = decimals(facts.orders["discountpercentage"])
    twice = [
        f"discount of {each.normalize():f} % is also a payment discount" if each else ""
        for each in percentage
    ]
    out = pd.Series(twice, index=facts.orders.index, dtype=TEXT)
    named = sold[sold["remark"].ne("")]
    units = named.groupby("order")["remark"].agg("; ".join).reindex(out.index).fillna("")
    both = out.ne("") & units.ne("")
    return out + pd.Series("; ", index=out.index).where(both, "") + units
