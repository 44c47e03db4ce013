"""What NAV's books say of customers: the figures of an account's statistics (documents 6.1).

The table of formulas stands in ``sums`` and ``TOTAL``; all else is reading and adding.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import reduce

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Condition, Table
from navcrm_recon.frames import DECIMAL, TEXT, dtype_of, typed
from navcrm_recon.recon.align import arrow
from navcrm_recon.recon.values import rounded
from navcrm_recon.sync.scene import Scene, read_available

ENTITY = "nav_accountstatistics"
#: CRM's columns that a customer's own columns give.
CARRIED: Mapping[str, str] = {
    "nav_name": "Name",
    "nav_customerno": "No.",
    "nav_balancelcy": "Balance (LCY)",
    "nav_creditlimitlcy": "Credit Limit (LCY)",
}
#: A customer's total: what is added to it, and what was counted twice (GetTotalAmountLCY, ST1).
TOTAL: Mapping[str, int] = {
    "nav_balancelcy": 1,
    "nav_outstandingorderslcy": 1,
    "nav_shippednotinvoicedlcy": 1,
    "nav_outstandinginvoiceslcy": 1,
    "nav_outstandingserviceorderslcy": 1,
    "nav_servshippednotinvoicedlcy": 1,
    "nav_outstandingservinvoiceslcy": 1,
    "overlap": -1,
    "service overlap": -1,
    "nav_invoicedprepaymentamountlcy": -1,
}
#: The amounts, as CRM orders them.
AMOUNTS = (
    "nav_balancelcy", "nav_outstandingorderslcy", "nav_shippednotinvoicedlcy",
    "nav_outstandinginvoiceslcy", "nav_outstandingserviceorderslcy",
    "nav_servshippednotinvoicedlcy", "nav_outstandingservinvoiceslcy", "nav_totallcy",
    "nav_creditlimitlcy", "nav_overdueamountslcy", "nav_totalsaleslcy",
    "nav_invoicedprepaymentamountlcy",
)  # fmt: skip
AS_OF = "nav_overdueamountsasof"

_LINES, _SERVICE_LINES, _ENTRIES = "Sales Line", "Service Line", "Cust. Ledger Entry"
_BILL_TO, _CUSTOMER = "Bill-to Customer No.", "Customer No."
_OUTSTANDING, _SHIPPED = ("Outstanding Amount (LCY)",), ("Shipped Not Invoiced (LCY)",)
_PREPAID = ("Prepmt. Amount Inv. (LCY)", "Prepmt. VAT Amount Inv. (LCY)")
_ORDER = Condition("Document Type", "eq", 1)
_INVOICE = Condition("Document Type", "eq", 2)
_FROM_SHIPMENT = Condition("Shipment No.", "ne", "")
_EXACT, _WIDE = pa.decimal128(38, 20), pa.decimal256(50, 20)
#: Beyond so many customers a table is read as a whole.
_FEW = 500


@dataclass(frozen=True)
class Sum:
    """A figure of a customer: the sum of amounts over the rows of a NAV table that name it."""

    table: str
    customer: str
    amounts: tuple[str, ...]
    where: tuple[Condition, ...]


@dataclass(frozen=True)
class Year:
    """A fiscal year: its first day, and the first day after it; None = without an end."""

    start: date | None
    end: date | None


def sums(work_date: date, year: Year) -> dict[str, Sum]:
    """Return how each figure is added up, by CRM's column (documents 6.1).

    The overlap (invoice lines that come from a shipment, counted as shipped as well) goes by the
    customer who ordered, all else by the one who pays (ST1). An entry without a due date is never
    overdue.
    """
    overdue = (Condition("Open", "eq", True), Condition("Due Date", "lt", work_date.isoformat()))
    limits = {"ge": year.start, "lt": year.end}
    in_year = tuple(
        Condition("Posting Date", "ge" if op == "ge" else "lt", day.isoformat())
        for op, day in limits.items()
        if day is not None
    )
    return {
        "nav_outstandingorderslcy": Sum(_LINES, _BILL_TO, _OUTSTANDING, (_ORDER,)),
        "nav_shippednotinvoicedlcy": Sum(_LINES, _BILL_TO, _SHIPPED, (_ORDER,)),
        "nav_outstandinginvoiceslcy": Sum(_LINES, _BILL_TO, _OUTSTANDING, (_INVOICE,)),
        "nav_invoicedprepaymentamountlcy": Sum(_LINES, _BILL_TO, _PREPAID, (_ORDER,)),
        "overlap": Sum(
            _LINES, "Sell-to Customer No.", _OUTSTANDING, (_INVOICE, _FROM_SHIPMENT)
        ),
        "nav_outstandingserviceorderslcy": Sum(_SERVICE_LINES, _BILL_TO, _OUTSTANDING, (_ORDER,)),
        "nav_servshippednotinvoicedlcy": Sum(_SERVICE_LINES, _BILL_TO, _SHIPPED, (_ORDER,)),
        "nav_outstandingservinvoiceslcy": Sum(_SERVICE_LINES, _BILL_TO, _OUTSTANDING, (_INVOICE,)),
        "service overlap": Sum(
            _SERVICE_LINES, _CUSTOMER, _OUTSTANDING, (_INVOICE, _FROM_SHIPMENT)
        ),
        "nav_overdueamountslcy": Sum(_ENTRIES, _CUSTOMER, ("Remaining Amt. (LCY)",), overdue),
        "nav_totalsaleslcy": Sum(_ENTRIES, _CUSTOMER, ("Sales (LCY)",), in_year),
    }  # fmt: skip


def fiscal_year(periods: pd.DataFrame, work_date: date) -> Year:
    """Return the fiscal year that holds a day; without accounting periods the calendar year.

    Parameters
    ----------
    periods
        Accounting periods with ``Starting Date`` and ``New Fiscal Year``.
    """
    if not len(periods):
        return Year(date(work_date.year, 1, 1), date(work_date.year + 1, 1, 1))
    first = periods["New Fiscal Year"].fillna(False).to_numpy(dtype=bool)
    starts = periods.loc[first, "Starting Date"]
    day = pd.Timestamp(work_date)
    before, after = starts[starts.le(day)], starts[starts.gt(day)]
    return Year(
        before.max().date() if len(before) else None, after.min().date() if len(after) else None
    )


def added_up(rows: pd.DataFrame, one: Sum) -> pd.Series:
    """Return the sum of each customer the rows name, index = its number (exact decimals)."""
    total = reduce(_plus, [_amounts(rows[each]) for each in one.amounts])
    table = pa.table({"customer": arrow(rows[one.customer]), "amount": total})
    found = table.group_by("customer").aggregate([("amount", "sum")]).combine_chunks()
    customers = pd.Index(found.column("customer").to_pandas(), dtype=TEXT)
    values = pd.arrays.ArrowExtensionArray(found.column("amount_sum").cast(_EXACT))
    return pd.Series(values, index=customers, dtype=DECIMAL)


def figures(
    table: Table, customers: pd.DataFrame, added: Mapping[str, pd.Series], work_date: date
) -> pd.DataFrame:
    """Return the statistics of customers as CRM is to have them, amounts to CRM's decimals.

    Parameters
    ----------
    table
        CRM's ``nav_accountstatistics``.
    customers
        Customers with the columns of ``CARRIED``.
    added
        The other figures by customer number; who has none has 0.

    Returns
    -------
    DataFrame
        ``nav_name``, ``nav_customerno`` (str), the columns of ``AMOUNTS`` (exact decimals) and
        ``nav_overdueamountsasof`` (a day), index as ``customers``. No amount is blank (CS1).
    """
    numbers = customers["No."]
    amounts = {name: _amounts(customers[own]) for name, own in CARRIED.items() if name in AMOUNTS}
    amounts |= {name: _amounts(each.reindex(numbers)) for name, each in added.items()}
    signed = [amounts[n] if sign > 0 else pc.negate(amounts[n]) for n, sign in TOTAL.items()]
    amounts["nav_totallcy"] = reduce(_plus, signed)
    columns: dict[str, object] = {
        name: customers[own] for name, own in CARRIED.items() if name not in AMOUNTS
    }
    for name in AMOUNTS:
        scale = table.columns[name].scale
        values = pd.arrays.ArrowExtensionArray(rounded(amounts[name], scale))
        columns[name] = pd.Series(values, index=customers.index, dtype=DECIMAL)
    days = pd.Series(pd.Timestamp(work_date), index=customers.index)
    columns[AS_OF] = typed(days, dtype_of(table, AS_OF))
    return pd.DataFrame(columns, index=customers.index)


def read_figures(scene: Scene, keys: Sequence[str], work_date: date | None = None) -> pd.DataFrame:
    """Return the statistics of the customers that are in NAV, of these keys (``figures``).

    ``work_date``: the day they are of, today where it is None.

    A table that the database does not have, such as those of the service module, counts as
    nothing (ST5).
    """
    table = scene.catalog.nav["Customer"]
    customers = read_available(scene.nav, table, list(CARRIED.values()), (), keys)
    day = scene.today() if work_date is None else work_date
    periods = read_available(
        scene.nav, scene.catalog.nav["Accounting Period"], ["Starting Date", "New Fiscal Year"]
    )
    numbers = customers["No."].tolist()
    added = {
        name: added_up(_rows(scene, one, numbers), one)
        for name, one in sums(day, fiscal_year(periods, day)).items()
    }
    return figures(scene.catalog.crm[ENTITY], customers, added, day)


def _rows(scene: Scene, one: Sum, numbers: Sequence[str]) -> pd.DataFrame:
    """Read the rows of a figure: of few customers only theirs."""
    few = (Condition(one.customer, "in", list(numbers)),) if len(numbers) <= _FEW else ()
    columns = [one.customer, *one.amounts]
    return read_available(scene.nav, scene.catalog.nav[one.table], columns, (*one.where, *few))


def _amounts(values: pd.Series) -> pa.Array:
    """Return amounts in the type of a record frame, 0 for blank ones."""
    return pc.fill_null(arrow(typed(values, DECIMAL)).cast(_EXACT), Decimal(0))


def _plus(one: pa.Array, other: pa.Array) -> pa.Array:
    return pc.add(one.cast(_WIDE), other.cast(_WIDE)).cast(_EXACT)
