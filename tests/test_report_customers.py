"""What people read of customers: figures CRM is behind with, limits, debts, activities."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from navcrm_recon import report
from navcrm_recon.errors import DataError
from navcrm_recon.scenarios.world import World
from navcrm_recon.workspace import Workspace

SERVERS = {"server_address": "https://crm.example", "nav_web_client": "https://nav.example/NAV"}


def customer(number: str, limit: int = 0) -> dict[str, Any]:
    return {"No.": number, "Name": f"<b>{number}</b>", "Credit Limit (LCY)": limit}


def owing(entry: int, number: str, amount: str, due: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give an open ledger entry of a customer, and its detail."""
    ledger = {"Entry No.": entry, "Customer No.": number, "Open": True, "Due Date": due}
    detail = {"Entry No.": entry, "Cust. Ledger Entry No.": entry, "Customer No.": number}
    return ledger, {**detail, "Amount (LCY)": amount}


@pytest.fixture
def ws(build: Callable[..., World]) -> Workspace:
    """Give four customers: A is right in CRM, B behind and over its limit, C not there, D alone."""
    entries = [
        owing(1, "A", "100.50", "2018-10-01"),
        owing(2, "B", "900", "2018-09-01"),
        owing(3, "C", "7", "2018-09-01"),
    ]
    world = build(
        now="2018-10-01T08:00:00Z",
        setup=SERVERS,
        nav={
            "Customer": [customer("A", 100), customer("B", 500), customer("C"), customer("D")],
            "Cust. Ledger Entry": [ledger for ledger, _ in entries],
            "Detailed Cust. Ledg. Entry": [detail for _, detail in entries],
        },
        crm={
            "account": [{"accountid": f"acc-{n}"} for n in "ABC"],
            "opportunity": [{"opportunityid": "o-1", "parentaccountid": "acc-B"}],
            "quote": [
                {"quoteid": f"q-{n}", "customerid": f"acc-{n}", "statecode": 1} for n in "BC"
            ],
        },
        couplings=[
            {"mapping": "CUSTOMER", "nav_key": n, "crm_id": f"acc-{n}"} for n in ("A", "B", "C")
        ],
    )
    world.workspace.update_statistics(["A", "B"])
    (record,) = [
        row[""]
        for row in world.rows("crm", "nav_accountstatistics")
        if row["nav_customerno"] == "B"
    ]
    wrong = {"nav_balancelcy": "1000.25", "nav_overdueamountslcy": 0}
    world.take("edit_crm", {"entity": "nav_accountstatistics", "key": record, "set": wrong})
    return world.workspace


def test_the_cards_count_customers_and_what_they_owe(ws: Workspace) -> None:
    page = report.statistics_cards(report.customer_figures(ws)).html
    for name, value in {
        "Coupled customers": "3",
        "CRM is right": "1",
        "CRM is behind": "1",
        "CRM shows nothing": "1",
        "Over their limit": "2",
        "Overdue": "907",
    }.items():
        assert f"<dt>{name}</dt><dd>{value}</dd>" in page
    assert "newest of 2018-10-01" in page


def test_what_crm_shows_otherwise_largest_first(ws: Workspace) -> None:
    figures = report.customer_figures(ws)
    found = report.differing_figures(figures, ws)
    columns = ["nav_key", "figure", "nav_value", "crm_value", "difference"]
    assert found[columns].to_numpy().tolist() == [
        ["B", "nav_overdueamountslcy", Decimal(900), Decimal(0), Decimal(900)],
        ["B", "nav_balancelcy", Decimal(900), Decimal("1000.25"), Decimal("-100.25")],
    ]  # fmt: skip
    page = report.show_table(found, "Figures").html
    assert "&lt;b&gt;B&lt;/b&gt;" in page
    assert "<b>" not in page
    assert ">Balance<" in page
    assert "1,000.25" in page
    assert "https://nav.example/NAV/?page=21" in page
    assert "2 figures" in report.figure_chart(figures).html


def test_who_has_no_statistics_is_listed_apart(ws: Workspace) -> None:
    found = report.without_statistics(report.customer_figures(ws), ws)
    assert found[["nav_key", "total", "overdue"]].to_numpy().tolist() == [
        ["C", Decimal(7), Decimal(7)]
    ]


def test_limits_overdue_amounts_and_activities_stand_together(ws: Workspace) -> None:
    figures, counts = report.customer_figures(ws), ws.activity_counts()
    over = report.over_limit(figures, counts, ws)
    columns = ["nav_key", "credit_limit", "total", "over_by", "overdue", "opportunities", "quotes"]
    assert over[columns].to_numpy().tolist() == [
        ["B", 500, 900, 400, 900, 1, 1],
        ["A", 100, Decimal("100.5"), Decimal("0.5"), 0, 0, 0],
    ]
    late = report.overdue_customers(figures, counts, ws)
    assert late[["nav_key", "overdue", "balance"]].to_numpy().tolist() == [
        ["B", 900, 900],
        ["C", 7, 7],
    ]
    busy = report.busiest_customers(figures, counts, ws)
    assert busy[["nav_key", "opportunities", "quotes", "cases"]].to_numpy().tolist() == [
        ["B", 1, 1, 0],
        ["C", 0, 1, 0],
    ]
    assert "907 overdue" in report.overdue_chart(figures).html


def test_figures_of_another_day(ws: Workspace) -> None:
    figures = report.customer_figures(ws, "2018-10-02")
    late = report.overdue_customers(figures, ws.activity_counts(), ws)
    assert late["nav_key"].tolist() == ["B", "A", "C"]
    with pytest.raises(DataError, match="no day"):
        report.customer_figures(ws, "soon")


def test_a_company_without_couplings_shows_nothing(build: Callable[..., World]) -> None:
    ws = build().workspace
    figures, counts = report.customer_figures(ws), ws.activity_counts()
    assert "<dt>Coupled customers</dt><dd>0</dd>" in report.statistics_cards(figures).html
    tables: list[pd.DataFrame] = [
        report.differing_figures(figures, ws),
        report.without_statistics(figures, ws),
        report.over_limit(figures, counts, ws),
        report.overdue_customers(figures, counts, ws),
        report.busiest_customers(figures, counts, ws),
    ]
    assert [len(each) for each in tables] == [0] * 5
    for chart in (report.figure_chart(figures), report.overdue_chart(figures)):
        assert "<img" not in chart.html
