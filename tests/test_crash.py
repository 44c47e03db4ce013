"""A process that synchronises is killed at any moment: the next run finishes its work (line 4)."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import navcrm_recon as nr
from tests.engine_company import (
    SIDES,
    Company,
    Rows,
    Synchronizer,
    busy,
    company,
    contents,
    copied,
    differing,
    loose_ends,
)

SOAK = bool(os.environ.get("NAVCRM_SOAK"))
MOMENTS = 100 if SOAK else 5
RECORDS = 12 if SOAK else 6
#: Records of a batch: so small that every pass has several.
BATCH = 3


@dataclass
class Bench:
    """A company with work to do, what becomes of it when nobody disturbs, and at what cost."""

    base: Company
    wanted: Rows
    statements: int
    seconds: float
    folder: Path
    processes: Synchronizer

    def task(self, made: Company, **more: float) -> dict[str, object]:
        return {"workspace": str(made.file), "batch": BATCH, **more}


@pytest.fixture(scope="module", params=SIDES)
def bench(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Bench]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")  # skips where there is no server
    folder = tmp_path_factory.mktemp("crash")
    processes = Synchronizer()
    with company(request.param, folder / "base", *busy(RECORDS)) as base:
        made = Bench(base, {}, 0, 0, folder, processes)
        with copied(base, folder / "undisturbed") as one:
            done = processes.run(made.task(one))[0]
            assert done["status"] == 0
            made.wanted = contents(base, one)
            made.statements, made.seconds = done["statements"], done["seconds"]
        yield made
    processes.close()


def finished_after(bench: Bench, **kill: float) -> str:
    """Kill a run, run again to the end, and say what is not as it should be."""
    with copied(bench.base, bench.folder / "killed") as one:
        first = bench.processes.run(bench.task(one, **kill))[0]
        assert first["status"] in (0, -9)
        if "kill_at" in kill:
            assert first["status"] == -9
        assert bench.processes.run(bench.task(one))[0]["status"] == 0
        assert loose_ends(one) == []
        return differing(bench.wanted, contents(bench.base, one))


def moments(bench: Bench) -> list[int]:
    """Draw statements to be killed at, one from each part of the work."""
    draw = random.Random(4)  # noqa: S311 - which moments does not have to be a secret
    part = bench.statements / MOMENTS
    return [1 + int(part * (n + draw.random())) for n in range(MOMENTS)]


@pytest.mark.slow
@pytest.mark.parametrize("number", range(MOMENTS))
def test_killed_before_a_statement_then_run_again(bench: Bench, number: int) -> None:
    moment = moments(bench)[number]
    assert finished_after(bench, kill_at=moment) == "", f"killed before statement {moment}"


@pytest.mark.slow
@pytest.mark.parametrize("number", range(10 if SOAK else 1))
def test_killed_by_the_clock_then_run_again(bench: Bench, number: int) -> None:
    draw = random.Random(number)  # noqa: S311
    moment = draw.uniform(0.1, 0.9) * bench.seconds
    assert finished_after(bench, kill_after=moment) == "", f"killed after {moment} seconds"


# --- what else may come first after a crash -------------------------------------------------------


@pytest.fixture
def halfway(bench: Bench) -> Iterator[Company]:
    """A company whose new accounts were made, while nothing says whose they are."""
    with copied(bench.base, bench.folder / "halfway") as one:
        task = {"workspace": str(one.file), "mapping": "CUSTOMER", "kill_before": "INTO coupling"}
        assert bench.processes.run(task)[0]["status"] == -9
        assert loose_ends(one) != []
        yield one


def accounts_of(one: Company, name: str) -> list[str]:
    return [str(row["accountid"]) for row in one.tables()["account"] if row["name"] == name]


def test_a_contact_finds_the_account_that_was_made_for_its_customer(halfway: Company) -> None:
    halfway.open().synchronize("CONTACT")
    assert len(accounts_of(halfway, "New in NAV 0")) == 1


def test_who_uncouples_uncouples_what_was_made_as_well(halfway: Company) -> None:
    workspace = halfway.open()
    workspace.uncouple("CUSTOMER", nav_keys=["N0"])
    workspace.synchronize("CUSTOMER", "to_nav")
    found = workspace.couplings("CUSTOMER")
    assert found.loc[found["nav_key"].eq("N0"), "state"].tolist() == ["nav_only"]


def test_who_couples_finds_the_partner_that_was_made(halfway: Company) -> None:
    account = accounts_of(halfway, "New in NAV 0")[0]
    with pytest.raises(nr.CouplingError, match="N0"):
        halfway.open().couple("CUSTOMER", "N1", account)


def test_a_plan_after_a_crash_says_what_is_left_to_do(bench: Bench, halfway: Company) -> None:
    before = halfway.tables()
    plan = halfway.open().plan()
    assert halfway.tables() == before
    assert "N0" not in plan.actions.loc[plan.actions["action"] == "insert", "nav_key"].tolist()
    assert bench.processes.run(bench.task(halfway))[0]["status"] == 0
    assert differing(bench.wanted, contents(bench.base, halfway)) == ""
