"""Killed while statistics, invoice states and posts are written: each is there once, and right."""

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
MOMENTS = 100 if SOAK else 2
CUSTOMERS = 200 if SOAK else 8
#: So small that there are several batches.
BATCH = 40 if SOAK else 3
CALLS = ["update_statistics", "post_updates"]


def given() -> dict[str, Any]:
    """Return coupled customers with invoices: some new to CRM, some shown there as they were."""
    numbers = range(1, CUSTOMERS + 1)
    old = [n for n in numbers if n % 2]
    return {
        "now": "2018-10-01T08:00:00Z",
        "setup": {"integration_user": "robot"},
        "mappings": {},
        "nav": {
            "General Ledger Setup": [{"LCY Code": "GBP"}],
            "Customer": [{"No.": f"C{n}", "Name": f"Name {n}"} for n in numbers],
            "Sales Shipment Header": [
                {"No.": f"S{n}", "Order No.": f"O{n}", "Sell-to Customer No.": f"C{n}"}
                for n in numbers
            ],
            "Sales Invoice Header": [
                {"No.": f"I{n}", "Sell-to Customer No.": f"C{n}"} for n in numbers
            ],
            "Cust. Ledger Entry": [
                {"Entry No.": n, "Customer No.": f"C{n}", "Document Type": "Invoice",
                 "Document No.": f"I{n}", "Open": True, "Due Date": "2018-09-01"}
                for n in numbers
            ],
            "Detailed Cust. Ledg. Entry": [
                {"Entry No.": 2 * n + paid, "Cust. Ledger Entry No.": n, "Customer No.": f"C{n}",
                 "Amount": amount, "Amount (LCY)": amount, "Ledger Entry Amount": not paid}
                for n in numbers for paid, amount in enumerate((100, -50 * (n % 3)))
            ],
        },
        "crm": {
            "nav_accountstatistics": [
                {"nav_accountstatisticsid": f"sta-{n}", "nav_customerno": f"C{n}",
                 "nav_balancelcy": 1}
                for n in old
            ],
            "account": [
                {"accountid": f"acc-{n}", "name": f"Name {n}", "customertypecode": 3,
                 "nav_accountstatisticsid": f"sta-{n}" if n in old else None}
                for n in numbers
            ],
            "invoice": [
                {"invoiceid": f"inv-{n}", "statecode": "Paid", "statuscode": "Complete"}
                for n in numbers
            ],
        },
        "couplings": [
            *(
                {"mapping": "CUSTOMER", "nav_key": f"C{n}", "crm_id": f"acc-{n}",
                 "synchronized": True}
                for n in numbers
            ),
            *(
                {"mapping": "POSTEDSALESINV-INV", "nav_key": f"I{n}", "crm_id": f"inv-{n}",
                 "synchronized": True}
                for n in numbers
            ),
        ],
    }  # fmt: skip


@dataclass
class Bench:
    """The company, and what becomes of it when nobody disturbs."""

    base: Company
    folder: Path
    processes: Synchronizer
    wanted: Rows
    statements: int = 0

    def task(self, made: Company, **more: float) -> dict[str, object]:
        return {"workspace": str(made.file), "batch": BATCH, "calls": CALLS, **more}


@pytest.fixture(scope="module", params=SIDES)
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")  # skips where there is no server
    folder = tmp_path_factory.mktemp("statistics")
    with company(request.param, folder / "base", given(), []) as base:
        made = Bench(base, folder, Synchronizer(), {})
        with copied(base, folder / "undisturbed") as one:
            done = made.processes.run(made.task(one))[0]
            assert done["status"] == 0
            made.wanted, made.statements = compared(base, one), done["statements"]
        yield made
    made.processes.close()


def compared(before: Company, after: Company) -> Rows:
    """Return what a company came to, but for how far two runs looked instead of one."""
    found = contents(before, after)
    found.pop("marker")
    return found


def test_an_undisturbed_run_writes_everything(bench: Bench) -> None:
    assert len(bench.wanted["nav_accountstatistics"]) == CUSTOMERS
    assert len(bench.wanted["post"]) == 2 * CUSTOMERS
    reasons = {dict(row)["statuscode"] for row in bench.wanted["invoice"]}
    assert reasons == {"4", "100001", "100002"}  # nothing, all, or some is paid


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
def test_killed_before_a_statement_then_run_again(bench: Bench, number: int) -> None:
    draw = random.Random(number)  # noqa: S311 - which moments does not have to be a secret
    moment = 1 + int(bench.statements * (number + draw.random()) / MOMENTS)
    with copied(bench.base, bench.folder / "killed") as one:
        assert bench.processes.run(bench.task(one, kill_at=moment))[0]["status"] == -9
        assert bench.processes.run(bench.task(one))[0]["status"] == 0
        assert loose_ends(one) == []
        differs = differing(bench.wanted, compared(bench.base, one))
    assert differs == "", f"killed before statement {moment}"


def test_two_at_once_write_everything_once(bench: Bench) -> None:
    with copied(bench.base, bench.folder / "two") as one:
        done = bench.processes.run(bench.task(one), bench.task(one))
        assert [each["status"] for each in done] == [0, 0]
        assert differing(bench.wanted, compared(bench.base, one)) == ""
