"""NAV posting sales orders, as far as the catalogue knows what it writes (documents 1.11, 2.6, 7).

One posting writes the shipment header, the invoice header, the shipment lines and then the rest, in
this order: NAV's row version tells by it what was posted together.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from decimal import Decimal
from itertools import count
from typing import Any

import pandas as pd

from navcrm_recon.catalog import Condition
from navcrm_recon.errors import DataError, NotFoundError
from navcrm_recon.frames import as_rows
from navcrm_recon.scenarios.posted_lines import (
    Order,
    OrderLine,
    Row,
    copied,
    in_base_units,
    invoice_lines,
    left_of,
    lines_of_shipments,
    shipment_lines,
)
from navcrm_recon.scenarios.products import Products
from navcrm_recon.sides import Side

_ORDER, _INVOICE, _INITIAL_ENTRY, _RELEASED = "Order", "Invoice", "Initial Entry", "Released"
_OF_SHIPMENT, _OF_INVOICE = "Sales Shipment", "Sales Invoice"
_ITEM = 2
#: Where the numbers of posted documents begin.
_FIRST = {"Sales Shipment Header": 102001, "Sales Invoice Header": 103001}


class Posting:
    """NAV's posting of sales documents in the products of a scenario."""

    def __init__(self, products: Products, nav: Side, today: date) -> None:
        self._products = products
        self._nav = nav
        self._today = today.isoformat()

    def post_order(
        self, number: str, *, ship: bool = True, invoice: bool = True, quantity: Any = None
    ) -> None:
        """Post a sales order; when all of it is shipped and invoiced, NAV deletes it.

        Parameters
        ----------
        quantity
            So many of every line, or by line number; None = all that is left.

        Raises
        ------
        NotFoundError
            There is no such order.
        DataError
            There is nothing to post.
        """
        order = self._order(number, _wanted(quantity), ship=ship, invoice=invoice)
        shipped = [each for each in order.lines if each.ship]
        invoiced = [each for each in order.lines if each.invoice]
        if not shipped and not invoiced:
            raise DataError(f"Order {number}: there is nothing to post.", record=number)
        shipment = self._free("Sales Shipment Header") if shipped else ""
        posted = self._free("Sales Invoice Header") if invoiced else ""
        entry = self._next("Cust. Ledger Entry")
        if shipment:
            self._insert("Sales Shipment Header", [self._shipment_header(order, shipment)])
        if posted:
            about = {"Order No.": number, "Cust. Ledger Entry No.": entry}
            self._insert("Sales Invoice Header", [self._invoice_header(order, posted, about)])
        if shipment:
            self._insert("Sales Shipment Line", shipment_lines(order, shipment))
            self._leave_stock(shipped, shipment, posted)
        if posted:
            lines = invoice_lines(order, posted)
            self._insert("Sales Invoice Line", lines)
            self._invoice_shipments(order)
            self._enter_ledger([order], lines, posted, entry)
        self._keep(order, shipment)

    def post_shipments(self, numbers: Sequence[str]) -> None:
        """Invoice what was shipped of several orders together (Get Shipment Lines); they stay.

        Raises
        ------
        NotFoundError
            There is no such order.
        DataError
            Nothing of one of them is shipped and not invoiced.
        """
        orders = [self._order(each, _wanted(None), ship=False, invoice=True) for each in numbers]
        for order in orders:
            if not any(each.invoice for each in order.lines):
                raise DataError(f"Order {order.number}: nothing shipped is left to invoice.")
        posted, entry = self._free("Sales Invoice Header"), self._next("Cust. Ledger Entry")
        own = {"Your Reference": "", "External Document No.": "", "Order No.": ""}
        about = own | {"Pre-Assigned No.": f"I{posted}", "Cust. Ledger Entry No.": entry}
        self._insert("Sales Invoice Header", [self._invoice_header(orders[0], posted, about)])
        lines: list[Row] = []
        for order in orders:
            lines += lines_of_shipments(order, posted, self._invoice_shipments(order))
        numbered = [row | {"Line No.": 10000 * at} for at, row in enumerate(lines, start=1)]
        self._insert("Sales Invoice Line", numbered)
        self._enter_ledger(orders, numbered, posted, entry)
        for order in orders:
            self._keep(order, "", deletes=False)

    def _order(
        self, number: str, wanted: Callable[[Row, Decimal], Decimal], *, ship: bool, invoice: bool
    ) -> Order:
        """Return an order with what is to be posted of it."""
        of_order = Condition("Document Type", "eq", _ORDER)
        headers = self._rows("Sales Header", [of_order, Condition("No.", "eq", number)])
        if not headers:
            raise NotFoundError(f"There is no sales order {number} in NAV.", record=number)
        lines = []
        for row in self._rows("Sales Line", [of_order, Condition("Document No.", "eq", number)]):
            quantity, shipped = Decimal(row["Quantity"]), Decimal(row["Quantity Shipped"])
            now = wanted(row, quantity - shipped) if ship else Decimal(0)
            left = shipped + now - Decimal(row["Quantity Invoiced"])
            lines.append(OrderLine(row, now, wanted(row, left) if invoice else Decimal(0)))
        return Order(number, headers[0], lines)

    def _rows(
        self, table: str, where: Sequence[Condition] = (), columns: Sequence[str] = ()
    ) -> list[Row]:
        known = self._products.table("nav", table)
        rows = as_rows(self._nav.read(known, list(columns or known.columns), where))
        return [{name: _plain(value) for name, value in row.items()} for row in rows]

    def _insert(self, table: str, rows: Sequence[Row]) -> None:
        known = self._products.table("nav", table).columns
        stored = {n for n, column in known.items() if column.flow is None}
        own = [{n: v for n, v in row.items() if n in stored} for row in rows]
        self._products.insert_nav(table, own)

    def _free(self, table: str) -> str:
        taken = {str(row["No."]) for row in self._rows(table, columns=["No."])}
        return next(str(number) for number in count(_FIRST[table]) if str(number) not in taken)

    def _next(self, table: str) -> int:
        rows = self._rows(table, columns=["Entry No."])
        return max((int(row["Entry No."]) for row in rows), default=0) + 1

    def _shipment_header(self, order: Order, number: str) -> Row:
        own = {"No.": number, "Order No.": order.number, "Posting Date": self._day(order)}
        return copied(order.header) | own

    def _invoice_header(self, order: Order, number: str, about: Mapping[str, Any]) -> Row:
        days = {"Posting Date": self._day(order), "Document Date": self._day(order)}
        return copied(order.header) | {"No.": number} | days | dict(about)

    def _day(self, order: Order) -> str:
        return str(order.header["Posting Date"] or self._today)

    def _leave_stock(self, lines: Sequence[OrderLine], shipment: str, posted: str) -> None:
        """Enter into the item ledger what left the stock, and its value.

        The value of what is invoiced in the same posting goes by the number of the invoice.
        """
        entry, value = self._next("Item Ledger Entry"), self._next("Value Entry")
        moved: list[Row] = []
        values: list[Row] = []
        for place, each in enumerate(each for each in lines if each.row["Type"] == _ITEM):
            quantity, invoiced = -in_base_units(each), bool(posted and each.invoice)
            common = {"Item No.": each.row["No."], "Posting Date": self._today}
            moved.append(common | {"Entry No.": entry + place, "Quantity": quantity})
            own: Row = {
                "Entry No.": value + place,
                "Item Ledger Entry No.": entry + place,
                "Document Type": _OF_INVOICE if invoiced else _OF_SHIPMENT,
                "Document No.": posted if invoiced else shipment,
                "Item Ledger Entry Quantity": quantity,
            }
            values.append(common | own)
        self._insert("Item Ledger Entry", moved)
        self._insert("Value Entry", values)

    def _invoice_shipments(self, order: Order) -> list[tuple[Row, Decimal]]:
        """Say in an order's shipment lines what is invoiced of them, the oldest first.

        Returns
        -------
        The shipment lines, and how many of each.
        """
        out: list[tuple[Row, Decimal]] = []
        left = {int(each.row["Line No."]): each.invoice for each in order.lines if each.invoice}
        for row in self._rows("Sales Shipment Line", [Condition("Order No.", "eq", order.number)]):
            line, open_ = int(row["Order Line No."]), Decimal(row["Qty. Shipped Not Invoiced"])
            now = min(open_, left.get(line, Decimal(0)))
            if not now:
                continue
            left[line] -= now
            changed = {
                "Qty. Shipped Not Invoiced": open_ - now,
                "Quantity Invoiced": Decimal(row["Quantity Invoiced"]) + now,
            }
            key = f"{row['Document No.']}, {row['Line No.']}"
            self._products.edit_nav("Sales Shipment Line", key, changed)
            out.append((row, now))
        return out

    def _enter_ledger(
        self, orders: Sequence[Order], lines: Sequence[Row], number: str, entry: int
    ) -> None:
        """Enter an invoice into the customer ledger."""
        order, header = orders[0], orders[0].header
        total = sum((row.get("Amount Including VAT", Decimal(0)) for row in lines), Decimal(0))
        sales = sum((row.get("Amount", Decimal(0)) for row in lines), Decimal(0))
        customer = header["Bill-to Customer No."] or header["Sell-to Customer No."]
        about = {
            "Customer No.": customer,
            "Posting Date": self._day(order),
            "Document Type": _INVOICE,
            "Document No.": number,
            "Currency Code": header["Currency Code"],
        }
        own = {
            "Entry No.": entry,
            "Description": header["Posting Description"] or f"Invoice {number}",
            "Sell-to Customer No.": header["Sell-to Customer No."],
            "Sales (LCY)": order.lcy(sales),
            "Open": bool(total),
            "Due Date": header["Due Date"],
        }
        detail = {
            "Entry No.": self._next("Detailed Cust. Ledg. Entry"),
            "Cust. Ledger Entry No.": entry,
            "Entry Type": _INITIAL_ENTRY,
            "Amount": total,
            "Amount (LCY)": order.lcy(total),
            "Initial Entry Due Date": header["Due Date"],
            "Ledger Entry Amount": True,
        }
        self._insert("Cust. Ledger Entry", [about | own])
        self._insert("Detailed Cust. Ledg. Entry", [about | detail])

    def _keep(self, order: Order, shipment: str, *, deletes: bool = True) -> None:
        """Keep what is left of an order, which is nothing once all of it is invoiced."""
        products = self._products
        if deletes and order.finished:
            products.finish_nav("Sales Header", f"{_ORDER}, {order.number}")
            return
        for each in order.lines:
            if each.ship or each.invoice:
                key = f"{_ORDER}, {order.number}, {each.row['Line No.']}"
                products.edit_nav("Sales Line", key, left_of(order, each))
        changed = {"Status": _RELEASED} | ({"Last Shipping No.": shipment} if shipment else {})
        products.edit_nav("Sales Header", f"{_ORDER}, {order.number}", changed)


def _wanted(quantity: Any) -> Callable[[Row, Decimal], Decimal]:
    """Return how many of a line are posted, of so many that could be."""
    if quantity is None:
        return lambda _, left: left
    if isinstance(quantity, Mapping):
        by_line = {int(line): Decimal(str(each)) for line, each in quantity.items()}
        return lambda row, left: min(left, by_line.get(int(row["Line No."]), Decimal(0)))
    return lambda _, left: min(left, Decimal(str(quantity)))


def _plain(value: Any) -> Any:
    if value is None or value is pd.NaT or value is pd.NA:
        return None
    return value.isoformat() if isinstance(value, pd.Timestamp) else value
