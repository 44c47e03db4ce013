"""Notebooks that plan, synchronise and couple: what they leave behind, and what they show."""

from __future__ import annotations

import re
import shutil
import sqlite3
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
import yaml

import navcrm_recon as nr
from navcrm_recon.catalog import load_catalog
from navcrm_recon.report.notebooks import find_notebooks, run_notebook
from navcrm_recon.sandbox.demo import write_demo

pytestmark = [pytest.mark.notebook, pytest.mark.slow]

GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: Runs a notebook by its name.
Told = Callable[[str], Any]
#: Columns of times, and of what a database counts by itself.
TIMES = {
    "timestamp", "Modified On", "createdon", "modifiedon", "versionnumber",
    "last_synch_modified_on", "last_synch_crm_modified_on",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(write_demo(tmp_path_factory.mktemp("demo")))


def copied(demo: Path, folder: Path, *kept: str) -> Path:
    """Return the workspace file of a copy, with only some mappings enabled when they are named."""
    shutil.copytree(demo.parent, folder)
    file = folder / demo.name
    if kept:
        off = {name: {"enabled": False} for name in load_catalog().mappings if name not in kept}
        content = yaml.safe_load(file.read_text())
        file.write_text(yaml.safe_dump({**content, "mappings": off}))
    return file


def papermill(name: str, out: Path, *parameters: str) -> Any:
    """Run a notebook as people do, on the command line; return it executed."""
    (notebook,) = find_notebooks([name])
    done = subprocess.run(
        [sys.executable, "-m", "papermill", str(notebook.path), str(out), *parameters],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return nbformat.read(out, 4)


def html(notebook: Any, cell: str) -> str:
    """Return what a cell shows."""
    (found,) = [each for each in notebook.cells if each.id == cell]
    return "".join(output.data.get("text/html", "") for output in found.outputs)


def rows(file: Path, known: set[str]) -> Counter[tuple[object, ...]]:
    """Return the rows of a database without times, and without the ids of what is new in it."""
    found: Counter[tuple[object, ...]] = Counter()
    with sqlite3.connect(file) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            read = db.execute(f'SELECT * FROM "{name}"')
            kept = [at for at, each in enumerate(read.description) if each[0] not in TIMES]
            for row in read:
                values = [anonymous(row[at], known) for at in kept]
                found[name, *values] += 1
    return found


def anonymous(value: object, known: set[str]) -> object:
    if not isinstance(value, str):
        return value
    return GUID.sub(lambda at: at[0] if at[0] in known else "new", value.lower())


def known_ids(folder: Path) -> set[str]:
    """Return every id the databases of a company hold."""
    ids: set[str] = set()
    for file in folder.glob("*.db"):
        with sqlite3.connect(file) as db:
            for line in db.iterdump():
                ids.update(GUID.findall(line.lower()))
    return ids


def couplings(file: Path, known: set[str]) -> list[tuple[object, ...]]:
    ws = nr.open_workspace(file)
    every = pd.concat(
        [ws.couplings(name) for name, mapping in ws.mappings.items() if mapping.enabled]
    )
    columns = [name for name in every.columns if name not in TIMES]
    found = every[columns].itertuples(index=False, name=None)
    return sorted(tuple(anonymous(value, known) for value in row) for row in found)


class TestSynchronize:
    def test_applying_leaves_what_the_command_line_leaves(self, demo: Path, tmp_path: Path) -> None:
        by_hand, by_command = (copied(demo, tmp_path / name) for name in ("notebook", "command"))
        known = known_ids(demo.parent)
        told = papermill(
            "synchronize", tmp_path / "out.ipynb", "-p", "workspace", str(by_hand),
            "-p", "apply", "True",
        )  # fmt: skip
        command = [sys.executable, "-m", "navcrm_recon.cli", "sync", "--workspace"]
        done = subprocess.run(
            [*command, str(by_command)], check=False, capture_output=True, text=True
        )
        assert done.returncode == 1, done.stderr
        before = rows(demo.parent / "crm.db", known)
        for side in ("nav", "crm"):
            one, two = (rows(file.with_name(f"{side}.db"), known) for file in (by_hand, by_command))
            assert (one - two, two - one) == (Counter(), Counter()), side
        assert one != before
        assert couplings(by_hand, known) == couplings(by_command, known)
        jobs = [nr.open_workspace(file).jobs() for file in (by_hand, by_command)]
        counted = ["mapping", "direction", "inserted", "modified", "failed", "skipped"]
        # A pass that follows or leads others and has nothing to do may have a job of its own.
        busy = [each.loc[each[counted[2:5]].any(axis=1), counted] for each in jobs]
        pd.testing.assert_frame_equal(*(each.reset_index(drop=True) for each in busy))
        assert f"{jobs[0]['failed'].sum():,} records failed" in html(told, "apply")

    def test_without_apply_nothing_is_written(self, demo: Path, tmp_path: Path) -> None:
        file = copied(demo, tmp_path / "own", "CURRENCY", "UNIT OF MEASURE")
        before = {each: each.read_bytes() for each in file.parent.glob("*.db")}
        told = papermill("synchronize", tmp_path / "out.ipynb", "-p", "workspace", str(file))
        assert {each: each.read_bytes() for each in file.parent.glob("*.db")} == before
        assert "Nothing was written" in html(told, "apply")
        plan = nr.open_workspace(file).plan()
        assert f"{len(plan.changes)} fields of " in html(told, "plan")
        for key in plan.changes["nav_key"]:
            assert f">{key}</a>" in html(told, "changes")
        assert html(told, "chart").count("<img") == 1


@pytest.fixture(scope="module")
def synced(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a company of customers that was synchronised twice."""
    file = copied(demo, tmp_path_factory.mktemp("synced") / "own", "CUSTOMER")
    for _ in range(2):
        nr.open_workspace(file).synchronize()
    return file


def test_jobs_and_errors_shows_every_log(synced: Path, tmp_path: Path) -> None:
    told = papermill("jobs_and_errors", tmp_path / "o.ipynb", "-p", "workspace", str(synced))
    ws = nr.open_workspace(synced)
    assert html(told, "job-log").count("<tr>") == len(ws.jobs()) + 1
    assert "<img" in html(told, "jobs")
    assert "<img" in html(told, "errors")
    for key in ws.skipped()["nav_key"]:
        assert f">{key}</a>" in html(told, "skipped")
    assert f"of {len(ws.errors()):,}." in html(told, "error-log")
    last = ws.writes().iloc[-1]
    assert f">{last['nav_key']}</a>" in html(told, "writes")


def test_conflicts_stand_side_by_side(demo: Path, tmp_path: Path) -> None:
    file = copied(demo, tmp_path / "own", "CUSTOMER", "SALESPEOPLE", "CURRENCY")
    told = papermill("conflicts", tmp_path / "o.ipynb", "-p", "workspace", str(file))
    diff = nr.open_workspace(file).diff("CUSTOMER")
    for resolution, cell in (("conflict", "conflicts"), ("blocked", "blocked")):
        found = diff[diff["resolution"].eq(resolution)]
        assert len(found)
        assert html(told, cell).count("<tr>") == len(found) + 1
        for key in found["nav_key"]:
            assert f">{key}</a>" in html(told, cell)
    assert "update_conflict" in html(told, "settings")
    assert "D8" in html(told, "plan")


class TestCouple:
    def test_pairs_that_are_named_are_coupled(self, demo: Path, tmp_path: Path) -> None:
        file = copied(demo, tmp_path / "own", "CUSTOMER")
        ws = nr.open_workspace(file)
        alone = ws.couplings("CUSTOMER")
        nav = alone[alone["state"].eq("nav_only")]["nav_key"].iloc[0]
        crm = alone[alone["state"].eq("crm_only")]["crm_id"].iloc[0]
        pairs = yaml.safe_dump({"pairs": [[nav, crm], [nav, "no-such-account"]]})
        told = papermill("couple", tmp_path / "o.ipynb", "-p", "workspace", str(file), "-y", pairs)
        after = nr.open_workspace(file).couplings("CUSTOMER")
        assert after[after["nav_key"].eq(nav)][["crm_id", "state"]].to_numpy().tolist() == [
            [crm, "coupled"]
        ]
        assert "Coupled." in html(told, "couple")
        assert "there is no account" in html(told, "couple")

    def test_by_default_nothing_is_and_record_text_is_no_markup(
        self, demo: Path, tmp_path: Path
    ) -> None:
        file = copied(demo, tmp_path / "own", "CUSTOMER")
        before = (file.parent / "state.db").read_bytes()
        (notebook,) = find_notebooks(["couple"])
        run = run_notebook(notebook, tmp_path, {"workspace": str(file)})
        assert (run.status, run.error) == ("ok", "")
        assert (file.parent / "state.db").read_bytes() == before
        names = nr.open_workspace(file).couplings("CUSTOMER").query("state == 'nav_only'")
        assert names["nav_name"].str.contains("<").any()
        page = (tmp_path / run.html).read_text(encoding="utf-8")
        assert "&lt;Freewheel&gt;" in page
        assert "<Freewheel" not in page


def test_customer_statistics_say_what_crm_is_behind_with(demo: Path, tmp_path: Path) -> None:
    file = copied(demo, tmp_path / "own", "CUSTOMER")
    before = {each: each.read_bytes() for each in file.parent.glob("*.db")}
    told = papermill("customer_statistics", tmp_path / "o.ipynb", "-p", "workspace", str(file))
    assert {each: each.read_bytes() for each in file.parent.glob("*.db")} == before
    planted = pd.read_csv(file.parent / "planted.csv", dtype=str).query("frame == 'statistics'")
    keys = planted.groupby("expected")["nav_key"].agg(list)
    cards = html(told, "found")
    assert f"<dt>CRM shows nothing</dt><dd>{len(keys['inserted'])}</dd>" in cards
    for key in keys["inserted"]:
        assert f">{key}</a>" in html(told, "without")
    behind = set(re.findall(r">(\w+)</a>", html(told, "differing")))
    assert behind
    assert behind <= set(keys["modified"])
    for cell in ("limit", "overdue", "activities"):
        assert "<table" in html(told, cell)
    assert html(told, "overdue-chart").count("<img") == 1
    for cell in told.cells:
        assert "<Freewheel" not in str(cell.get("outputs"))


@pytest.mark.parametrize(
    ("notebook", "frame", "shown"),
    [
        ("price_lists", "price_collisions", ["prices-08", "prices-10", "prices-12"]),
        ("products_and_units", "unit_groups", ["products-05"]),
        ("products_and_units", "product_states", ["products-10"]),
        ("currencies", "currency_rates", ["currencies-05"]),
    ],
)
def test_what_is_found_is_shown(
    told: Told, demo: Path, notebook: str, frame: str, shown: list[str]
) -> None:
    found = getattr(nr.open_workspace(demo), frame)()
    found = found[~found["finding"].isin(["", "ignored_sales_type"])]
    assert len(found)
    run = told(notebook)
    pages = "".join(html(run, cell) for cell in shown)
    for key in found["item" if "item" in found else "nav_key"]:
        assert f">{key}<" in pages
    assert any("<img" in html(run, each.id) for each in run.cells if each.cell_type == "code")


def test_orders_that_wait_and_those_in_nav_are_shown(told: Told, demo: Path) -> None:
    orders = nr.open_workspace(demo).sales_orders()
    waiting, rest = orders["stage"].eq("waiting"), orders["nav_key"].ne("")
    assert waiting.any()
    run = told("sales_orders")
    for number in orders.loc[waiting, "order_number"]:
        assert f">{number}<" in html(run, "orders-05") + html(run, "orders-10")
    for number in orders.loc[rest, "order_number"]:
        assert f">{number}<" in html(run, "orders-14")


@pytest.fixture(scope="module")
def told(demo: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    """Run each of the notebooks that only read once, on one company, which they leave as it is."""
    file = copied(demo, tmp_path_factory.mktemp("told") / "own")
    before = {each: each.read_bytes() for each in file.parent.glob("*.db")}
    runs: dict[str, Any] = {}

    def run(name: str) -> Any:
        if name not in runs:
            out = file.parent / f"{name}.ipynb"
            runs[name] = papermill(name, out, "-p", "workspace", str(file), "-p", "top", "1000")
        return runs[name]

    yield run
    assert {each: each.read_bytes() for each in file.parent.glob("*.db")} == before
