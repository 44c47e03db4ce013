"""Amounts of sales orders are those of an independent calculation, to the last decimal."""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest

from benchmarks.counting import counting
from navcrm_recon.sides.side import Side
from navcrm_recon.workspace import Workspace
from tests.generated_orders import Order, company_with, draw_books, draw_orders
from tests.reference_orders import Books, NavOrder, RefusedError, nav_order

SOAK = bool(os.environ.get("NAVCRM_SOAK"))
ORDERS, COUNTED = (5_000, 1_000) if SOAK else (150, 12)


def rows(side: Side, workspace: Workspace, table: str, names: list[str]) -> list[dict[str, Any]]:
    """Return the rows of a NAV table, options by caption, blank texts and references as ``""``."""
    known = workspace.catalog.nav[table]
    frame = side.read(known, names)
    for name in names:
        if options := known.columns[name].options:
            frame[name] = frame[name].map(options).str.strip()
    return [dict(zip(names, row, strict=True)) for row in frame[names].itertuples(index=False)]


def in_nav(workspace: Workspace, wanted: dict[str, NavOrder]) -> dict[str, NavOrder]:
    """Return what is in NAV, as much of it as the reference tells: CRM's number -> order."""
    side = workspace.side("nav")
    told = next(iter(wanted.values()))
    headers = rows(side, workspace, "Sales Header", ["No.", *told.header])
    named = sorted({name for each in wanted.values() for line in each.lines for name in line})
    lines = rows(side, workspace, "Sales Line", ["Document No.", *named])
    found = {row.pop("No."): NavOrder(row) for row in headers}
    for line in sorted(lines, key=lambda row: (row["Document No."], row["Line No."])):
        found[line.pop("Document No.")].lines.append(line)
    return {order.header["Your Reference"]: order for order in found.values()}


def differences(wanted: NavOrder, found: NavOrder) -> Iterator[str]:
    """Say where an order in NAV is another one than the reference says."""
    pairs = [("header", wanted.header, found.header)]
    lines = zip(wanted.lines, found.lines, strict=False)
    pairs += [(f"line {one['Line No.']}", one, other) for one, other in lines]
    for place, one, other in pairs:
        for name, value in one.items():
            if value is not None and value != other[name]:
                yield f"{place}, {name}: {other[name]} in place of {value}"
    if len(wanted.lines) != len(found.lines):
        yield f"{len(found.lines)} lines in place of {len(wanted.lines)}"


def reckoned(books: Books, orders: list[Order]) -> dict[str, NavOrder]:
    """Return what the reference makes of orders, without those it refuses."""
    made = {}
    for order in orders:
        try:
            made[order.row["ordernumber"]] = nav_order(order.row, order.details, books)
        except RefusedError:
            continue
    return made


@pytest.mark.slow
@pytest.mark.parametrize("write_in", ["Item", "Resource"])
def test_every_amount_is_that_of_the_reference(write_in: str) -> None:
    chance = Random(f"sold as {write_in}")  # noqa: S311
    books = draw_books(chance, write_in)
    orders = draw_orders(chance, books, ORDERS)
    wanted = reckoned(books, orders)
    assert 0.8 * ORDERS < len(wanted) < ORDERS
    with company_with(books, orders) as workspace:
        job = workspace.create_sales_orders()
        found = in_nav(workspace, wanted)
        assert set(found) == set(wanted)
        assert (job.inserted, job.failed) == (len(wanted), ORDERS - len(wanted))
        refused = {o.row["salesorderid"] for o in orders if o.row["ordernumber"] not in wanted}
        assert set(workspace.errors()["crm_id"]) == refused
        assert len(workspace.couplings("SALES ORDER")) == ORDERS
    wrong = [f"{key}: {each}" for key in wanted for each in differences(wanted[key], found[key])]
    assert "\n".join(wrong[:20]) == "", f"{len(wrong)} differences in {ORDERS} orders"
    assert sum(len(order.lines) for order in found.values()) > 3 * len(found)


def statements(count: int, lines: int) -> int:
    """Return how many statements it takes to create orders of some lines each."""
    chance = Random(f"{count} of {lines}")  # noqa: S311
    books = draw_books(chance)
    orders = draw_orders(chance, books, count, lines)
    for order in orders:  # none of them is refused
        order.row.update(discountamount=None, discountpercentage=None, freightamount=15)
        for detail in order.details:
            detail.update(quantity=2, productdescription=None)
    with company_with(books, orders) as workspace, counting("sqlite:///") as cost:
        assert workspace.create_sales_orders().inserted == count
    return cost.statements


@pytest.mark.slow
def test_lines_cost_no_statements_of_their_own() -> None:
    short, long = statements(COUNTED, 1), statements(COUNTED, 10)
    assert long == short
    assert short < 300 + COUNTED / 5  # nor do orders, but in large portions
