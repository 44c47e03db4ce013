"""The demo company's documents: calls about them find what is planted and nothing else."""

from __future__ import annotations

import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

import navcrm_recon as nr
from navcrm_recon.documents.orders.building import build
from navcrm_recon.documents.orders.deciding import waiting
from navcrm_recon.documents.orders.reading import read_facts
from navcrm_recon.sandbox.demo import write_demo
from navcrm_recon.workspace_file import read_workspace_file

TODAY = datetime(2018, 9, 24, 10, tzinfo=UTC)
SALES_ORDER = "SALES ORDER"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo"), seed=3)


@pytest.fixture
def own(demo: Path, tmp_path: Path) -> nr.Workspace:
    """Return a demo company that may be changed, on the day it is of."""
    shutil.copytree(demo.parent, tmp_path / "own")
    return on_its_day(tmp_path / "own" / demo.name)


@pytest.fixture(scope="module")
def ws(demo: Path) -> nr.Workspace:
    return on_its_day(demo)


def on_its_day(file: Path) -> nr.Workspace:
    return nr.Workspace(read_workspace_file(file), clock=lambda: TODAY)


def planted(ws: nr.Workspace, frame: str) -> pd.DataFrame:
    every = pd.read_csv(ws.config.path.with_name("planted.csv"), dtype=str, keep_default_na=False)
    found = every[every["frame"] == frame]
    assert len(found), frame
    return found


def pairs(frame: pd.DataFrame, *columns: str) -> list[tuple[str, ...]]:
    return sorted(frame[list(columns)].itertuples(index=False, name=None))


def crm(ws: nr.Workspace, entity: str, *columns: str) -> pd.DataFrame:
    return ws.side("crm").read(ws.catalog.crm[entity], list(columns))


# --- records --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "pair"),
    [
        ("price_collisions", ("nav_key",)),
        ("unit_groups", ("nav_key",)),
        ("currency_rates", ("nav_key",)),
        ("product_states", ("mapping", "nav_key", "crm_id")),
    ],
)
def test_what_is_odd_of_records_is_what_is_planted(
    ws: nr.Workspace, frame: str, pair: tuple[str, ...]
) -> None:
    found = getattr(ws, frame)()
    odd = found[found["finding"] != ""]
    assert pairs(odd, *pair, "finding") == pairs(planted(ws, frame), *pair, "expected")


def test_records_fail_a_check_where_it_is_planted(ws: nr.Workspace) -> None:
    expected, differ = planted(ws, "failures"), planted(ws, "diff")
    blocked = differ.loc[differ["resolution"] == "blocked", "nav_key"]
    for name in ("UNIT OF MEASURE", "ITEM-PRODUCT", "CUSTPRCGRP-PRICE"):
        actions = ws.plan(name).actions
        failed = actions[(actions["action"] == "fail") & actions["reason"].str.startswith("D11")]
        reasons = failed.set_index("nav_key")["reason"]
        mine = expected[expected["mapping"] == name]
        assert all(row.value in reasons[row.nav_key] for row in mine.itertuples())
        assert set(reasons.index) <= {*mine["nav_key"], *blocked}


# --- sales orders ---------------------------------------------------------------------------------


def test_orders_fail_for_the_planted_reasons_and_no_others(ws: nr.Workspace) -> None:
    actions = ws.plan(SALES_ORDER).actions
    stopped = actions[actions["action"].isin(["fail", "skip"])]
    stopped = stopped.assign(expected=stopped["reason"].str.split(":").str[0])
    expected = planted(ws, "order_problems")
    assert pairs(stopped, "crm_id", "expected") == pairs(expected, "crm_id", "expected")
    assert (actions["action"] == "insert").sum() > 90


def test_orders_are_remarked_on_for_the_planted_reasons(ws: nr.Workspace) -> None:
    scene = ws._scene.fresh()
    remarks = build(read_facts(scene, waiting(scene)), TODAY.date()).remarks
    said = remarks[remarks.fillna("") != ""]
    rules = {"G9": "is also a payment discount", "G10": "not its base unit"}
    expected = planted(ws, "order_remarks").set_index("crm_id")["expected"].map(rules)
    problems = set(planted(ws, "order_problems")["crm_id"])
    said = said[~said.index.isin(problems)]
    assert sorted(said.index) == sorted(expected.index)
    assert all(expected[key] in text for key, text in said.items())


def test_every_waiting_order_that_nothing_is_wrong_with_is_made_once(own: nr.Workspace) -> None:
    expected = own.plan(SALES_ORDER).actions["action"].value_counts()
    job = own.create_sales_orders()
    assert (job.inserted, job.failed) == (expected["insert"], expected["fail"])
    assert job.skipped == expected["skip"]
    errors = own.errors()
    numbers = planted(own, "order_problems").set_index("crm_id")["value"]
    assert all(numbers[row.crm_id] in row.message for row in errors.itertuples())
    again = own.create_sales_orders()
    assert (again.inserted, again.failed) == (0, job.failed)


def test_orders_to_look_at_are_those_planted(ws: nr.Workspace) -> None:
    listed = ws.sales_orders()
    odd = listed[listed["stage"].isin(["invoiced_in_nav", "gone_from_nav", "sent_elsewhere"])]
    expected = planted(ws, "sales_orders")
    assert pairs(odd, "crm_id", "stage") == pairs(expected, "crm_id", "expected")
    assert {"waiting", "in_nav", "partly_shipped", "shipped", "partly_invoiced", "invoiced"} <= set(
        listed["stage"]
    )


def test_order_states_follow_what_is_planted(own: nr.Workspace) -> None:
    expected = planted(own, "order_states").groupby("expected")["crm_id"].agg(set)
    before = crm(own, "salesorder", "statecode", "lastbackofficesubmit")
    job = own.update_order_states()
    after = crm(own, "salesorder", "statecode", "lastbackofficesubmit").loc[before.index]
    changed = set(before.index[before["statecode"] != after["statecode"]])
    assert changed == expected["PO-3"] | expected["PO-6"]
    assert after.loc[list(changed), "statecode"].eq(4).all()
    offered = before["lastbackofficesubmit"].notna() & after["lastbackofficesubmit"].isna()
    assert set(before.index[offered]) == expected["P3"] | expected["PO-3"]
    assert (job.modified, job.uncoupled) == (len(changed), len(expected["P3"]))
    assert (job.skipped, job.failed) == (len(expected["PO-4"]), 0)


# --- what follows NAV's books ---------------------------------------------------------------------


def test_statistics_change_where_it_is_planted_and_nowhere_else(own: nr.Workspace) -> None:
    expected = planted(own, "statistics")["expected"].value_counts()
    job = next(each for each in own.update_statistics() if each.mapping == "ACCOUNT STATISTICS")
    counts = (job.inserted, job.modified, job.failed)
    assert counts == tuple(expected[["inserted", "modified", "failed"]])
    assert job.unchanged > 1500
    written = own.writes()
    written = written[written["mapping"] == "ACCOUNT STATISTICS"]
    changed = planted(own, "statistics").query("expected != 'failed'")
    assert set(written["nav_key"]) == set(changed["nav_key"])
    again = own.update_statistics()[0]
    assert (again.inserted, again.modified) == (0, 0)


def test_invoice_states_become_the_planted_ones(own: nr.Workspace) -> None:
    expected = planted(own, "invoice_states")
    before = crm(own, "invoice", "statecode", "statuscode")
    (job,) = own.update_invoice_states()
    after = crm(own, "invoice", "statecode", "statuscode").loc[before.index]
    changed = after[(before != after).any(axis=1)]
    captions = {4: "Active / Billed", 100001: "Paid / Complete", 100002: "Paid / Partial"}
    found = changed.assign(state=changed["statuscode"].map(captions)).reset_index()
    assert pairs(found, "crm_id", "state") == pairs(expected, "crm_id", "expected")
    assert (job.modified, job.failed) == (len(expected), 0)


def test_all_invoice_states_agree_with_the_ledger(own: nr.Workspace) -> None:
    """The run that looks at everything changes no more than the one that looks at what is new."""
    with sqlite3.connect(own.config.path.with_name("state.db")) as state:
        state.execute("delete from marker")
    (job,) = own.update_invoice_states()
    assert job.modified == len(planted(own, "invoice_states"))
    assert job.unchanged > 500


def test_posts_tell_of_the_planted_postings(own: nr.Workspace) -> None:
    expected = planted(own, "posts")
    (job,) = own.post_updates()
    posts = crm(own, "post", "regardingobjectid", "text")
    told = [
        (row.crm_id, next(p.regardingobjectid for p in posts.itertuples() if row.value in p.text))
        for row in expected.itertuples()
    ]
    assert all(account == about for account, about in told)
    assert (job.inserted, job.failed, len(posts)) == (len(expected), 0, len(expected))
    assert own.post_updates()[0].inserted == 0


def test_the_setup_is_in_order_but_for_what_is_planted(ws: nr.Workspace) -> None:
    checks = ws.setup_checks()
    wrong = checks[checks["verdict"] != "ok"]
    expected = planted(ws, "setup_checks")
    found = pairs(wrong, "check", "subject", "verdict")
    assert found == pairs(expected, "expected", "value", "resolution")


def test_customers_have_cases_quotes_and_opportunities(ws: nr.Workspace) -> None:
    counts = ws.activity_counts()
    assert (counts[["opportunities", "quotes", "cases"]].sum() > 20).all()
    for kind in ("opportunities", "quotes", "cases"):
        customer = counts.sort_values(kind).iloc[-1]
        assert len(getattr(ws, kind)(customer["nav_key"])) == customer[kind] > 0
