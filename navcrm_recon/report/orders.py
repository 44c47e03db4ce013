"""Sales orders for people: what waits, what NAV would get, and from order to invoice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER
from navcrm_recon.frames import DECIMAL, TEXT
from navcrm_recon.report.charts import bars
from navcrm_recon.report.links import linked
from navcrm_recon.report.markup import Fragment
from navcrm_recon.report.words import word

if TYPE_CHECKING:
    from navcrm_recon import Workspace
    from navcrm_recon.sync.plan import Plan

#: Those of them that are numbers.
_NUMBERS = ("Quantity", "Unit Price", "Line Discount Amount", "Inv. Discount Amount", "Amount",
            "Amount Including VAT", "Invoice Discount Value")  # fmt: skip
#: Columns of a planned NAV line a page shows, by NAV's names.
_LINE = (
    "Type", "No.", "Description", "Quantity", "Unit of Measure Code", "Unit Price",
    "Line Discount Amount", "Inv. Discount Amount", "Amount", "Amount Including VAT",
)  # fmt: skip
_HEADER = (
    "Sell-to Customer No.", "Sell-to Customer Name", "Bill-to Customer No.", "Currency Code",
    "Payment Terms Code", "Due Date", "Invoice Discount Value",
)  # fmt: skip


def order_chart(orders: pd.DataFrame) -> Fragment:
    """Show how many CRM orders are how far (frame ``sales_orders``)."""
    return bars(orders["stage"].map(word).value_counts(), "How far the orders are", "orders")


def waiting_orders(orders: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the orders that wait to be made in NAV, with links.

    Returns
    -------
    DataFrame
        ``order_number, name, customer`` (str), ``submitted_on`` (day), ``currency`` (str),
        ``total`` (decimal), ``message`` (why it failed last, str), ``crm_url`` (str).
    """
    waiting = orders[orders["stage"].eq("waiting")].reset_index(drop=True)
    shown = ["order_number", "name", "customer", "submitted_on", "currency", "total"]
    out = waiting[[*shown, "crm_id"]].assign(message=waiting["last_error"])
    return _linked(out, ws)[[*shown, "message", "crm_url"]]


def planned_orders(plan: Plan, orders: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the NAV orders as they would be, one row each, with the number of their lines.

    Returns
    -------
    DataFrame
        ``order_number`` (str), columns of the header by NAV's names (str, decimal), ``lines``
        (int64),
        ``crm_url`` (str).
    """
    header, lines = _split(plan)
    wide = _wide(header, ["crm_id"], "field")
    counts = lines.groupby("crm_id")["line"].nunique()
    out = _read(wide, _HEADER).assign(lines=counts).fillna({"lines": 0})
    out = _numbered(out.astype({"lines": "int64"}).reset_index(), orders)
    shown = _linked(out, ws)[["order_number", *_HEADER, "lines", "crm_url"]]
    return shown.sort_values("order_number", ignore_index=True)


def planned_lines(plan: Plan, orders: pd.DataFrame) -> pd.DataFrame:
    """Return the lines of the NAV orders as they would be.

    Returns
    -------
    DataFrame
        ``order_number, line`` (str), the line's columns by NAV's names (amounts and quantities
        decimal, others str).
    """
    _, lines = _split(plan)
    wide = _wide(lines, ["crm_id", "line"], "name")
    out = _numbered(_read(wide, _LINE).reset_index(), orders)
    place = out["line"].astype("int64")
    out = out.assign(place=place).sort_values(["order_number", "place"], ignore_index=True)
    return out[["order_number", "line", *_LINE]]


def _wide(changes: pd.DataFrame, keys: list[str], name: str) -> pd.DataFrame:
    """Return what is written, one row per record and one column per field."""
    return changes.pivot_table(index=keys, columns=name, values="new", aggfunc="last")


def _read(wide: pd.DataFrame, names: Sequence[str]) -> pd.DataFrame:
    """Return texts of changes as columns: numbers as decimals, blank where nothing is written."""
    texts = wide.reindex(columns=list(names)).astype(TEXT).fillna("")
    numbers = {n: texts[n].mask(texts[n].eq("")).astype(DECIMAL) for n in names if n in _NUMBERS}
    return texts.assign(**numbers)


def refused_orders(plan: Plan, orders: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the orders that cannot be made, and why, with links.

    Returns
    -------
    DataFrame
        ``order_number, fields`` (what is wrong), ``reason, crm_url`` (str).
    """
    actions = plan.actions
    refused = actions[actions["action"].eq("fail")].reset_index(drop=True)
    out = _numbered(refused, orders)
    return _linked(out, ws)[["order_number", "fields", "reason", "crm_url"]]


def order_to_invoice(orders: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the orders NAV has, or had: both sides beside each other, with links.

    Returns
    -------
    DataFrame
        ``order_number, customer, stage, state, status`` (str), ``sent_on`` (day), ``total``
        (decimal), ``nav_key, nav_status, shipped, invoiced, invoices, nav_url, crm_url``
        (str).
    """
    made = orders[orders["nav_key"].ne("")].reset_index(drop=True)
    shown = [
        "order_number", "customer", "stage", "state", "status", "sent_on", "total", "nav_key",
        "nav_status", "shipped", "invoiced", "invoices", "crm_id",
    ]  # fmt: skip
    return _linked(made[shown], ws)[[*shown[:-1], "nav_url", "crm_url"]]


def _split(plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return what is written to headers, and to lines: ``line`` and ``name`` of their fields."""
    changes = plan.changes[plan.changes["side"].eq("nav")]
    parts = changes["field"].str.extract(r"^(\d+) (.+)$")
    of_line = parts[0].notna()
    lines = changes[of_line].assign(line=parts[0][of_line], name=parts[1][of_line])
    return changes[~of_line], lines


def _numbered(frame: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    numbers = orders.set_index("crm_id")["order_number"]
    return frame.assign(order_number=frame["crm_id"].map(numbers).astype(TEXT).fillna(""))


def _linked(frame: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    keys = frame["nav_key"] if "nav_key" in frame else pd.Series("", index=frame.index, dtype=TEXT)
    return linked(frame.assign(mapping=SALES_ORDER, nav_key=keys), ws)
