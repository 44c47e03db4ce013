"""Killed while invoices are made: each is there once, with all its lines, totals and its state."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine_company import (
    SIDES,
    Company,
    Rows,
    Synchronizer,
    company,
    contents,
    copied,
    differing,
    loose_ends,
)

SOAK = bool(os.environ.get("NAVCRM_SOAK"))
MOMENTS = 100 if SOAK else 3
INVOICES = 12 if SOAK else 4
BATCH = 3
MADE = ("CUSTOMER", "UNIT OF MEASURE", "ITEM-PRODUCT", "POSTEDSALESINV-INV")


def given() -> dict[str, Any]:
    """Return a company with posted invoices, nothing of which is in CRM."""
    numbers = [f"SI{n:03}" for n in range(INVOICES)]
    return {
        "now": "2018-10-01T08:00:00Z",
        "setup": {"integration_user": "robot"},
        "mappings": {name: {"synch_only_coupled": False} for name in MADE},
        "nav": {
            "General Ledger Setup": [{"LCY Code": "GBP"}],
            "Sales & Receivables Setup": [{"Customer Nos.": "CUST"}],
            "Salesperson/Purchaser": [{"Code": "JR", "Name": "John Roberts"}],
            "Customer": [
                {"No.": "10000", "Name": "The Cannon Group PLC", "Salesperson Code": "JR"}
            ],
            "Unit of Measure": [{"Code": "PCS"}],
            "Item": [
                {"No.": f"I{n}", "Description": f"Item {n}", "Base Unit of Measure": "PCS"}
                for n in range(2)
            ],
            "Sales Invoice Header": [
                {"No.": number, "Sell-to Customer No.": "10000", "Your Reference": f"ORD-{n % 2}"}
                for n, number in enumerate(numbers)
            ],
            "Sales Invoice Line": [
                {"Document No.": number, "Line No.": 10000 * line, "Type": kind, "No.": no,
                 "Description": "Thing", "Quantity": 2, "Unit Price": 50, "Inv. Discount Amount": 5,
                 "Line Discount Amount": line, "Amount": 95 - line, "Amount Including VAT": 120}
                for number in numbers
                for line, kind, no in ((1, 2, "I0"), (2, 2, "I1"), (3, 1, "6710"))
            ],
            "Cust. Ledger Entry": [
                {"Entry No.": n, "Document Type": "Invoice", "Document No.": number}
                for n, number in enumerate(numbers, start=1)
            ],
            "Detailed Cust. Ledg. Entry": [
                row
                for n in range(1, INVOICES + 1)
                for row in (
                    {"Entry No.": 2 * n, "Cust. Ledger Entry No.": n, "Amount": 100,
                     "Ledger Entry Amount": True},
                    {"Entry No.": 2 * n + 1, "Cust. Ledger Entry No.": n, "Amount": -50 * (n % 3)},
                )
            ],
        },
        "crm": {
            "systemuser": [
                {"systemuserid": "u-jr", "fullname": "John Roberts",
                 "isdisabled": False, "islicensed": True, "isintegrationuser": False}
            ],
            "transactioncurrency": [
                {"transactioncurrencyid": "cur-gbp", "isocurrencycode": "GBP", "exchangerate": 1}
            ],
        },
        "couplings": [
            {"mapping": "SALESPEOPLE", "nav_key": "JR", "crm_id": "u-jr", "synchronized": True}
        ],
    }  # fmt: skip


@dataclass
class Bench:
    """A company with invoices to send, what becomes of it undisturbed, and at what cost."""

    base: Company
    wanted: Rows
    statements: int
    folder: Path
    processes: Synchronizer

    def run(self, one: Company, **kill: float) -> dict[str, Any]:
        return self.processes.run({"workspace": str(one.file), "batch": BATCH, **kill})[0]


@pytest.fixture(scope="module", params=SIDES)
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")  # skips where there is no server
    folder = tmp_path_factory.mktemp("invoices")
    processes = Synchronizer()
    with company(request.param, folder / "base", given(), []) as base:
        made = Bench(base, {}, 0, folder, processes)
        with copied(base, folder / "undisturbed") as one:
            done = made.run(one)
            assert done["status"] == 0
            made.wanted, made.statements = contents(base, one), done["statements"]
        yield made
    processes.close()


def test_undisturbed_all_invoices_are_in_crm(bench: Bench) -> None:
    states = [dict(row)["statecode"] for row in bench.wanted["invoice"]]
    assert len(states) == INVOICES
    assert {"0", "2"} <= set(states)
    assert len(bench.wanted["invoicedetail"]) == 3 * INVOICES
    assert {dict(row)["extendedamount"][:3] for row in bench.wanted["invoicedetail"]} == {"125"}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
def test_killed_then_run_again_each_invoice_is_whole_and_there_once(
    bench: Bench, number: int
) -> None:
    draw = random.Random(number)  # noqa: S311 - which moment does not have to be a secret
    part = bench.statements / MOMENTS
    moment = 1 + int(part * (number + draw.random()))
    with copied(bench.base, bench.folder / "killed") as one:
        assert bench.run(one, kill_at=moment)["status"] == -9
        assert bench.run(one)["status"] == 0
        assert loose_ends(one) == []
        found = differing(bench.wanted, contents(bench.base, one))
    assert found == "", f"killed before statement {moment}"
