"""What NAV makes of the lines of a sales order when it is posted: pure, rows in and rows out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

Row = dict[str, Any]

_COMMENT = 0
#: What a line is worth; the part that is invoiced is worth its share.
_AMOUNTS = (
    "Amount", "Amount Including VAT", "Line Amount", "Line Discount Amount", "Inv. Discount Amount",
)  # fmt: skip
_NOT_COPIED = ("timestamp", "Work Description", "Coupled to CRM", "No.")
_CENT = Decimal("0.01")


@dataclass
class OrderLine:
    """A line of a sales order, with what is shipped and invoiced of it now."""

    row: Row
    ship: Decimal
    invoice: Decimal

    @property
    def quantity(self) -> Decimal:
        """How many were ordered."""
        return Decimal(self.row["Quantity"])

    @property
    def shipped(self) -> Decimal:
        """What is shipped once this is posted."""
        return Decimal(self.row["Quantity Shipped"]) + self.ship

    @property
    def invoiced(self) -> Decimal:
        """What is invoiced once this is posted."""
        return Decimal(self.row["Quantity Invoiced"]) + self.invoice

    def worth(self, name: str, quantity: Decimal) -> Decimal:
        """Return what so many of the line are worth."""
        amount = Decimal(self.row[name])
        return amount if quantity == self.quantity else _rounded(amount * quantity / self.quantity)


@dataclass
class Order:
    """A sales order in NAV, with what is posted of each line now."""

    number: str
    header: Row
    lines: list[OrderLine]

    def lcy(self, amount: Decimal) -> Decimal:
        """Return an amount of the order's currency in the local one."""
        factor = Decimal(self.header["Currency Factor"])
        foreign = self.header["Currency Code"] and factor
        return _rounded(amount / factor) if foreign else amount

    @property
    def finished(self) -> bool:
        """Whether all is shipped and invoiced once this is posted."""
        return all(each.quantity == each.shipped == each.invoiced for each in self.lines)


def copied(row: Row) -> Row:
    """Return what posted documents take over of an order or a line; its number is given anew."""
    return {name: value for name, value in row.items() if name not in _NOT_COPIED}


def shipment_lines(order: Order, shipment: str) -> list[Row]:
    """Return the lines of a shipment; texts go with it."""
    return [
        copied(each.row)
        | {
            "Document No.": shipment,
            "No.": each.row["No."],
            "Quantity": each.ship,
            "Qty. Shipped Not Invoiced": each.ship,
            "Quantity Invoiced": 0,
            "Order No.": order.number,
            "Order Line No.": each.row["Line No."],
        }
        for each in order.lines
        if each.ship or _is_text(each)
    ]


def invoice_lines(order: Order, number: str) -> list[Row]:
    """Return the lines of an order's invoice; texts go with it."""
    return [
        _invoice_line(order, each, number, each.invoiced - each.invoice, each.invoice)
        for each in order.lines
        if each.invoice or _is_text(each)
    ]


def lines_of_shipments(
    order: Order, number: str, shipped: Sequence[tuple[Row, Decimal]]
) -> list[Row]:
    """Return the lines Get Shipment Lines makes: of each shipment a text and what was shipped."""
    out: list[Row] = []
    lines = {int(each.row["Line No."]): each for each in order.lines}
    before = {line: each.invoiced - each.invoice for line, each in lines.items()}
    last = ""
    for row, quantity in shipped:
        line, shipment = int(row["Order Line No."]), str(row["Document No."])
        if shipment != last:
            out.append({"Document No.": number, "Description": f"Shipment No. {shipment}:"})
        own = {"Shipment No.": shipment, "Shipment Line No.": row["Line No."]}
        out.append(_invoice_line(order, lines[line], number, before[line], quantity) | own)
        before[line] += quantity
        last = shipment
    return out


def _invoice_line(
    order: Order, line: OrderLine, number: str, before: Decimal, quantity: Decimal
) -> Row:
    """Return the line of an invoice for so many of a line, so many of which were before."""
    own = {
        "Document No.": number,
        "No.": line.row["No."],
        "Quantity": quantity,
        "Order No.": order.number,
        "Order Line No.": line.row["Line No."],
    }
    return copied(line.row) | own | _share(line, before, before + quantity)


def _share(line: OrderLine, start: Decimal, end: Decimal) -> Row:
    """Return what a part of a line is worth; all parts together are worth the line."""
    if not line.quantity:
        return {}
    return {name: line.worth(name, end) - line.worth(name, start) for name in _AMOUNTS}


def left_of(order: Order, line: OrderLine) -> Row:
    """Return the columns of a line that say what is left of it."""
    outstanding, open_ = line.quantity - line.shipped, line.shipped - line.invoiced
    amounts = [line.worth("Amount Including VAT", each) for each in (outstanding, open_)]
    return {
        "Quantity Shipped": line.shipped,
        "Quantity Invoiced": line.invoiced,
        "Outstanding Quantity": outstanding,
        "Outstanding Qty. (Base)": outstanding * _per_unit(line),
        "Outstanding Amount": amounts[0],
        "Outstanding Amount (LCY)": order.lcy(amounts[0]),
        "Qty. Shipped Not Invoiced": open_,
        "Shipped Not Invoiced": amounts[1],
        "Shipped Not Invoiced (LCY)": order.lcy(amounts[1]),
        "Qty. to Ship": outstanding,
        "Qty. to Invoice": line.quantity - line.invoiced,
    }


def in_base_units(line: OrderLine) -> Decimal:
    """Return how many base units of the item are shipped now."""
    return line.ship * _per_unit(line)


def _per_unit(line: OrderLine) -> Decimal:
    return Decimal(line.row["Qty. per Unit of Measure"]) or Decimal(1)


def _is_text(line: OrderLine) -> bool:
    return bool(line.row["Type"] == _COMMENT)


def _rounded(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
