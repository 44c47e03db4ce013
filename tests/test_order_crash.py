"""Killed while orders are made and followed: each exists once, is coupled once, in a right state.

People post and delete NAV orders between two runs; NAV does that in transactions of its own.
"""

from __future__ import annotations

import os
import random
from collections import Counter
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
ORDERS = 200 if SOAK else 8
#: So small that there are several batches.
BATCH = 40 if SOAK else 3
ACTIVE, SUBMITTED, INVOICED = 0, 1, 4
SENT = "lastbackofficesubmit"
CREATE, FOLLOW = ["create_sales_orders"], ["update_order_states", "create_sales_orders"]


def given() -> dict[str, Any]:
    """Return a company whose CRM orders all wait."""
    numbers = range(1, ORDERS + 1)
    return {
        "now": "2018-10-01T08:00:00Z",
        "setup": {"integration_user": "robot"},
        "mappings": {},
        "nav": {
            "General Ledger Setup": [{"LCY Code": "GBP"}],
            "Sales & Receivables Setup": [{"Order Nos.": "S-ORD"}],
            "Customer": [{"No.": "10000", "Name": "The Cannon Group PLC"}],
            "Unit of Measure": [{"Code": "PCS"}],
            "Item": [{"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS"}],
            "Item Unit of Measure": [
                {"Item No.": "1000", "Code": "PCS", "Qty. per Unit of Measure": 1}
            ],
        },
        "crm": {
            "account": [{"accountid": "acc-1", "name": "Cannon", "customertypecode": 3}],
            "product": [
                {"productid": "p-1", "productnumber": "1000", "name": "Bicycle",
                 "producttypecode": 1, "statecode": "Active"}
            ],
            "transactioncurrency": [
                {"transactioncurrencyid": "cur-gbp", "isocurrencycode": "GBP", "exchangerate": 1}
            ],
            "salesorder": [order(n) for n in numbers],
            "salesorderdetail": [
                {"salesorderdetailid": f"l-{n}-{i}", "salesorderid": f"so-{n}", "productid": "p-1",
                 "quantity": 3, "priceperunit": 100}
                for n in numbers for i in range(1 + n % 2)
            ],
        },
        "couplings": [
            {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1", "synchronized": True},
            {"mapping": "ITEM-PRODUCT", "nav_key": "1000", "crm_id": "p-1", "synchronized": True},
        ],
    }  # fmt: skip


def order(number: int) -> dict[str, Any]:
    return {
        "salesorderid": f"so-{number}", "ordernumber": f"ORD-{number:04}", "customerid": "acc-1",
        "statecode": SUBMITTED, "statuscode": 3,
    }  # fmt: skip


def days_work() -> list[dict[str, Any]]:
    """Return what people do once all orders are in NAV: of each kind of end a part."""
    done: list[dict[str, Any]] = [{"create_sales_orders": {}}, {"advance": "1d"}]
    for n in range(1, ORDERS + 1):
        key, ship = f"so-{n}", {"order": f"so-{n}", "invoice": False}
        done += [
            [],
            [{"post_sales_order": {"order": key}}],
            [{"post_sales_order": {"order": key, "quantity": 1}}],
            [{"delete_nav": {"table": "Sales Header", "key": f"Order, S-ORD{n:05}"}}],
            [{"post_sales_order": ship}, {"post_sales_order": {"order": [key], "ship": False}}],
            [{"delete_crm": {"entity": "salesorder", "key": key}},
             {"post_sales_order": {"order": f"S-ORD{n:05}"}}],
            [{"post_sales_order": ship}],
        ][n % 7]  # fmt: skip
    return [
        *done,
        *({"insert_crm": {"entity": "salesorder", "row": order(9000 + n)}} for n in range(3)),
    ]


@dataclass
class Work:
    """A company with work for some calls, and what becomes of it when nobody disturbs."""

    base: Company
    calls: list[str]
    wanted: Rows
    statements: int
    seconds: float


@dataclass
class Bench:
    """Orders to be made, and made ones to be followed."""

    works: list[Work]
    folder: Path
    processes: Synchronizer

    def task(self, work: Work, made: Company, **more: float) -> dict[str, object]:
        return {"workspace": str(made.file), "batch": BATCH, "calls": work.calls, **more}

    def undisturbed(self, base: Company, calls: list[str]) -> Work:
        work = Work(base, calls, {}, 0, 0)
        with copied(base, self.folder / "undisturbed") as one:
            done = self.processes.run(self.task(work, one))[0]
            assert done["status"] == 0
            assert wrong(one) == []
            work.wanted = contents(base, one)
            work.statements, work.seconds = done["statements"], done["seconds"]
        return work


@pytest.fixture(scope="module", params=SIDES)
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")  # skips where there is no server
    folder = tmp_path_factory.mktemp("orders")
    made = Bench([], folder, Synchronizer())
    with (
        company(request.param, folder / "waiting", given(), []) as waiting,
        company(request.param, folder / "posted", given(), days_work()) as posted,
    ):
        made.works = [made.undisturbed(waiting, CREATE), made.undisturbed(posted, FOLLOW)]
        yield made
    made.processes.close()


# --- what must hold -------------------------------------------------------------------------------


def doubled(after: Company) -> list[str]:
    """List the orders that are in NAV or coupled more than once, or that have not all lines."""
    tables = after.tables()
    headers, lines = rows_of(tables, "Sales Header"), rows_of(tables, "Sales Line")
    made = Counter(row["Your Reference"] for row in headers)
    coupled = Counter(row["crm_id"] for row in order_couplings(tables))
    wanted = Counter(row["salesorderid"] for row in tables["salesorderdetail"])
    there = Counter(row["Document No_"] for row in lines)
    ids = {row["ordernumber"]: row["salesorderid"] for row in tables["salesorder"]}
    return [
        *(f"{number} is in NAV {times} times" for number, times in made.items() if times > 1),
        *(f"{order} is coupled {times} times" for order, times in coupled.items() if times > 1),
        *(
            f"{row['No_']} has {there[row['No_']]} lines"
            for row in headers
            if (own := ids.get(row["Your Reference"])) and there[row["No_"]] != wanted[own]
        ),
    ]


def wrong(after: Company) -> list[str]:
    """List what the rules do not allow once a run came to its end."""
    tables = after.tables()
    in_nav = {row["Your Reference"] for row in rows_of(tables, "Sales Header")}
    coupled = {row["crm_id"] for row in order_couplings(tables)}
    posted = {row["Your Reference"] for row in rows_of(tables, "Sales Invoice Header")}
    out = doubled(after)
    for row in tables["salesorder"]:
        number, state, sent = row["ordernumber"], row["statecode"], row[SENT]
        together = number in posted or number not in {f"ORD-{n:04}" for n in combined()}
        made = str(row["salesorderid"]) in coupled
        right = {
            SUBMITTED: made and number in in_nav and sent is not None,
            INVOICED: made and ((number in posted and sent is None) or not together),
        }
        if not right.get(state, False):
            out.append(f"{number}: state {state}, sent {sent}, coupled {made}")
    return out


def combined() -> list[int]:
    """Return the orders that were invoiced through shipment lines."""
    return [n for n in range(1, ORDERS + 1) if n % 7 == 4]


def rows_of(tables: dict[str, list[dict[str, Any]]], name: str) -> list[dict[str, Any]]:
    (found,) = (rows for table, rows in tables.items() if table.endswith(f"${name}"))
    return found


def order_couplings(tables: dict[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    return [row for row in tables.get("coupling", []) if row["mapping"] == "SALES ORDER"]


def finished_after(bench: Bench, work: Work, **kill: float) -> str:
    """Kill a run, run again to the end, and say what is not as it should be."""
    with copied(work.base, bench.folder / "killed") as one:
        first = bench.processes.run(bench.task(work, one, **kill))[0]
        assert first["status"] in (0, -9)
        if "kill_at" in kill:
            assert first["status"] == -9
        assert doubled(one) == []
        assert bench.processes.run(bench.task(work, one))[0]["status"] == 0
        assert wrong(one) == []
        assert loose_ends(one) == []
        return differing(work.wanted, contents(work.base, one))


def moments(bench: Bench) -> list[tuple[Work, int]]:
    """Draw statements to be killed at, one from each part of all the work."""
    draw = random.Random(5)  # noqa: S311 - which moments does not have to be a secret
    part = sum(work.statements for work in bench.works) / MOMENTS
    drawn = [1 + int(part * (n + draw.random())) for n in range(MOMENTS)]
    first, second = bench.works
    before = first.statements
    return [(first, at) if at <= before else (second, at - before) for at in drawn]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
def test_killed_before_a_statement_then_run_again(bench: Bench, number: int) -> None:
    work, moment = moments(bench)[number]
    assert finished_after(bench, work, kill_at=moment) == "", f"killed before statement {moment}"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10 if SOAK else 1))
def test_killed_by_the_clock_then_run_again(bench: Bench, number: int) -> None:
    draw = random.Random(number)  # noqa: S311
    work = bench.works[1 - number % 2]
    moment = draw.uniform(0.1, 0.9) * work.seconds
    assert finished_after(bench, work, kill_after=moment) == "", f"killed after {moment} seconds"


def test_two_who_make_orders_at_once_make_each_once(bench: Bench) -> None:
    work = bench.works[0]
    with copied(work.base, bench.folder / "two") as one:
        task = bench.task(work, one)
        assert [each["status"] for each in bench.processes.run(task, task)] == [0, 0]
        assert wrong(one) == []
        assert differing(work.wanted, contents(work.base, one)) == ""


def test_an_order_left_active_is_brought_to_its_end(bench: Bench) -> None:
    """Killed between the updates that give it its day: the next run goes on."""
    work = bench.works[0]
    with copied(work.base, bench.folder / "active") as one:
        kill = {"kill_before": f"SET {SENT}"}
        assert bench.processes.run(bench.task(work, one) | kill)[0]["status"] == -9
        assert ACTIVE in {row["statecode"] for row in one.tables()["salesorder"]}
        assert doubled(one) == []
        assert bench.processes.run(bench.task(work, one))[0]["status"] == 0
        assert wrong(one) == []
