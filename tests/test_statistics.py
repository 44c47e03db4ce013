"""Figures out of NAV's books, and what becomes of them in CRM beyond what scenarios can say."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml
from hypothesis import given
from hypothesis import strategies as st

import navcrm_recon as nr
from benchmarks import company
from benchmarks.counting import counting
from navcrm_recon import report
from navcrm_recon.catalog import load_catalog
from navcrm_recon.cli import main
from navcrm_recon.documents.figures import AMOUNTS, Sum, Year, added_up, figures, fiscal_year, sums
from navcrm_recon.errors import NotFoundError, ReadOnlyError, SideError
from navcrm_recon.frames import DAY, DECIMAL, TEXT, conform
from navcrm_recon.scenarios.world import World
from navcrm_recon.state.store import Store
from navcrm_recon.workspace import Workspace

CATALOG = load_catalog()
TABLE = CATALOG.crm["nav_accountstatistics"]
TODAY = dt.date(2018, 10, 1)
AMOUNT = st.decimals(-(10**9), 10**9, places=5)
GUID, ACCOUNT = "6e0b4f6e-0000-4000-8000-000000000001", "6e0b4f6e-0000-4000-8000-000000000002"
COUPLED = [{"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1"}]


def cannon(**more: Any) -> dict[str, Any]:
    """Give a customer that is coupled."""
    return {
        "nav": {"Customer": [{"No.": "10000", "Name": "Cannon"}]},
        "crm": {"account": [{"accountid": "acc-1", "name": "Cannon", "customertypecode": 3}]},
        "couplings": COUPLED,
        **more,
    }


def invoiced(count: int) -> dict[str, Any]:
    """Give invoices of 100 each of two customers, whose CRM invoices are Active / Billed."""
    numbers = range(1, count + 1)
    entries = [
        {"Entry No.": n, "Customer No.": "20000" if n % 2 else "10000", "Document Type": "Invoice",
         "Document No.": f"I{n}"}
        for n in numbers
    ]  # fmt: skip
    details = [
        {"Entry No.": n, "Cust. Ledger Entry No.": n, "Customer No.": entry["Customer No."],
         "Amount": 100, "Ledger Entry Amount": True}
        for n, entry in zip(numbers, entries, strict=True)
    ]  # fmt: skip
    return {
        "nav": {
            "Customer": [{"No.": "10000", "Name": "Cannon"}, {"No.": "20000", "Name": "Sel"}],
            "Cust. Ledger Entry": entries,
            "Detailed Cust. Ledg. Entry": details,
        },
        "crm": {"invoice": [{"invoiceid": f"inv-{n}", "statuscode": 4} for n in numbers]},
        "couplings": [
            {"mapping": "POSTEDSALESINV-INV", "nav_key": f"I{n}", "crm_id": f"inv-{n}"}
            for n in numbers
        ],
    }


def pay(world: World, entry: int, amount: str = "-100") -> None:
    """Enter a payment of an invoice."""
    row = {
        "Entry No.": 1000 + entry,
        "Cust. Ledger Entry No.": entry,
        "Customer No.": "20000" if entry % 2 else "10000",
        "Amount": amount,
    }
    world.take("insert_nav", {"table": "Detailed Cust. Ledg. Entry", "row": row})


def states(world: World) -> list[int]:
    table = CATALOG.crm["invoice"]
    found = world.workspace.side("crm").read(table, ["statuscode"])
    ids = [world.handles.id(f"inv-{n}") for n in range(1, len(found) + 1)]
    return found["statuscode"].reindex(ids).tolist()


@contextmanager
def refusing(world: World, change: str) -> Iterator[None]:
    """Let CRM's database refuse a change, as a trigger says it."""
    engine = sa.create_engine(world.workspace.config.crm["url"], poolclass=sa.NullPool)
    with engine.begin() as crm:
        crm.execute(
            sa.text(f"CREATE TRIGGER no BEFORE {change} BEGIN SELECT RAISE(ABORT, 'no'); END")
        )
    yield
    with engine.begin() as crm:
        crm.execute(sa.text("DROP TRIGGER no"))


# --- the formulas ---------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from(["A", "B", "C"]), AMOUNT, AMOUNT)))
def test_a_figure_is_the_exact_sum_of_its_rows(rows: list[tuple[str, Decimal, Decimal]]) -> None:
    columns = dict(zip(("customer", "one", "other"), zip(*rows, strict=True), strict=False))
    frame = pd.DataFrame(
        {
            "customer": pd.Series(columns.get("customer", ()), dtype=TEXT),
            "one": pd.Series(columns.get("one", ()), dtype=DECIMAL),
            "other": pd.Series(columns.get("other", ()), dtype=DECIMAL),
        }
    )
    before = frame.copy()
    found = added_up(frame, Sum("T", "customer", ("one", "other"), ()))
    wanted: dict[str, Decimal] = {}
    for customer, one, other in rows:
        wanted[customer] = wanted.get(customer, Decimal(0)) + one + other
    assert found.to_dict() == wanted
    assert found.dtype == DECIMAL
    pd.testing.assert_frame_equal(frame, before)


@given(st.lists(AMOUNT, min_size=11, max_size=11), AMOUNT, AMOUNT)
def test_the_total_is_seven_amounts_less_what_was_counted_twice(
    amounts: list[Decimal], balance: Decimal, limit: Decimal
) -> None:
    names = list(sums(TODAY, Year(None, None)))
    added = {
        name: pd.Series([amount], index=pd.Index(["A"], dtype=TEXT), dtype=DECIMAL)
        for name, amount in zip(names, amounts, strict=True)
    }
    customers = pd.DataFrame({"No.": ["A", "B"], "Name": ["One", "Two"]}, dtype=TEXT)
    customers["Balance (LCY)"] = pd.Series([balance, None], dtype=DECIMAL)
    customers["Credit Limit (LCY)"] = pd.Series([limit, None], dtype=DECIMAL)
    found = figures(TABLE, customers, added, TODAY)
    known = dict(zip(names, amounts, strict=True))
    added_on = balance + sum(known[f"nav_{each}lcy"] for each in (
        "outstandingorders", "shippednotinvoiced", "outstandinginvoices",
        "outstandingserviceorders", "servshippednotinvoiced", "outstandingservinvoices",
    ))  # fmt: skip
    twice = known["overlap"] + known["service overlap"] + known["nav_invoicedprepaymentamountlcy"]
    assert found["nav_totallcy"].iloc[0] == _four(added_on - twice)
    assert found["nav_creditlimitlcy"].iloc[0] == _four(limit)
    assert found.loc[1, list(AMOUNTS)].tolist() == [0] * len(AMOUNTS)
    assert not found.isna().any().any()
    assert found["nav_overdueamountsasof"].dt.date.tolist() == [TODAY] * 2


def _four(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.0001"), ROUND_HALF_UP)


def periods(*starts: str, new: tuple[str, ...]) -> pd.DataFrame:
    days = pd.Series(pd.to_datetime(list(starts)), dtype=DAY)
    first = pd.Series([each in new for each in starts], dtype="boolean")
    return pd.DataFrame({"Starting Date": days, "New Fiscal Year": first})


@pytest.mark.parametrize(
    ("day", "start", "end"),
    [
        ("2018-06-30", None, "2018-07-01"),
        ("2018-07-01", "2018-07-01", "2019-07-01"),
        ("2019-06-30", "2018-07-01", "2019-07-01"),
        ("2019-07-01", "2019-07-01", None),
    ],
)
def test_a_fiscal_year_ends_before_the_next_begins(
    day: str, start: str | None, end: str | None
) -> None:
    known = periods("2018-07-01", "2019-01-01", "2019-07-01", new=("2018-07-01", "2019-07-01"))
    year = fiscal_year(known, dt.date.fromisoformat(day))
    assert [each and each.isoformat() for each in (year.start, year.end)] == [start, end]


def test_without_accounting_periods_the_year_is_the_calendars() -> None:
    year = fiscal_year(periods(new=()), TODAY)
    assert year == Year(dt.date(2018, 1, 1), dt.date(2019, 1, 1))


# --- where and when -------------------------------------------------------------------------------


def test_the_day_is_that_of_the_workspace(build: Callable[..., World]) -> None:
    world = build(**cannon(now="2018-10-01T23:30:00Z"))
    config = dataclasses.replace(world.workspace.config, timezone="Europe/Copenhagen")
    ws = Workspace(config, world.workspace.catalog, clock=lambda: world.now)
    ws.update_statistics()
    assert ws.statistics()["as_of"].dt.date.unique().tolist() == [dt.date(2018, 10, 2)]


def test_tables_a_database_does_not_have_count_as_nothing(build: Callable[..., World]) -> None:
    world = build(**cannon())
    with sa.create_engine(world.workspace.config.nav["url"]).begin() as nav:
        for name in ("Service Line", "Accounting Period", "Value Entry"):
            nav.execute(sa.text(f'DROP TABLE "CRONUS International Ltd_${name}"'))
    world.workspace.update_statistics()
    found = world.workspace.statistics()
    assert found["crm_value"].tolist() == [0] * len(AMOUNTS)
    (job,) = world.workspace.post_updates()
    assert job.failed == 0


def test_without_the_solution_nothing_is_written_and_nothing_shown(
    build: Callable[..., World],
) -> None:
    world = build(**cannon())
    with sa.create_engine(world.workspace.config.crm["url"]).begin() as crm:
        crm.execute(sa.text("DROP TABLE nav_accountstatistics"))
    with pytest.raises(SideError, match="import that into CRM"):
        world.workspace.update_statistics()
    assert not len(world.workspace.jobs())
    assert report.customer_figures(world.workspace)["crm_value"].isna().all()


def test_exports_are_compared_too(tmp_path: Path) -> None:
    """What they lack counts as nothing."""
    for side, files in {
        "nav": {
            "Customer": "No.,Name\n10000,Cannon\n",
            "Sales Line": "Document Type,Document No.,Line No.,Bill-to Customer No.,"
            "Outstanding Amount (LCY)\nOrder,1,10000,10000,12.50\n",
            "Integration Record": "Integration ID,Table ID,Record ID,Modified On,Deleted On\n"
            f"{GUID},18,0x12000000027BFF3100300030003000300000000000,2018-10-01,\n",
            "CRM Integration Record": f"CRM ID,Integration ID,Table ID\n{ACCOUNT},{GUID},18\n",
        },
        "crm": {"account": f"accountid,name\n{ACCOUNT},Cannon\n"},
    }.items():
        for name, content in files.items():
            (tmp_path / side).mkdir(exist_ok=True)
            (tmp_path / side / f"{name}.csv").write_text(content)
    file = tmp_path / "workspace.yaml"
    sides = {side: {"kind": "files", "url": side} for side in ("nav", "crm")}
    file.write_text(yaml.safe_dump({"company": "C", "couplings": "nav", **sides}))
    ws = nr.open_workspace(file)
    figures = report.customer_figures(ws).set_index("figure")
    assert figures.loc["nav_totallcy", "nav_value"] == Decimal("12.5")
    assert figures["crm_value"].isna().all()
    assert ws.activity_counts()[["opportunities", "quotes", "cases"]].to_numpy().tolist() == [
        [0, 0, 0]
    ]
    assert len(report.without_statistics(figures.reset_index(), ws)) == 1
    with pytest.raises(ReadOnlyError):
        ws.update_statistics()


def test_only_customers_that_are_named(build: Callable[..., World]) -> None:
    """Documents 6.4; one that is not coupled is passed over."""
    given = invoiced(4)
    given["nav"]["Customer"].append({"No.": "30000", "Name": "Alone"})
    given["crm"]["account"] = [{"accountid": "acc-1"}, {"accountid": "acc-2"}]
    given["couplings"] += [*COUPLED, {"mapping": "CUSTOMER", "nav_key": "20000", "crm_id": "acc-2"}]
    world = build(**given)
    world.workspace.update_invoice_states()
    for entry in (1, 2):
        pay(world, entry)
    jobs = world.workspace.update_statistics(["20000", "30000"])
    assert [(job.mapping, job.inserted, job.modified) for job in jobs] == [
        ("ACCOUNT STATISTICS", 1, 0),
        ("INVOICE STATES", 0, 1),
    ]
    assert states(world) == [100001, 4, 4, 4]
    shown = world.workspace.statistics().dropna(subset="crm_value")
    assert shown["nav_key"].unique().tolist() == ["20000"]
    assert len(world.workspace.statistics("10000")) == len(AMOUNTS)
    (job,) = world.workspace.update_invoice_states()  # which did not move the marker (PS5)
    assert (job.modified, job.unchanged) == (1, 1)
    with pytest.raises(NotFoundError, match="10001"):
        world.workspace.update_statistics("10001")


def test_the_figures_and_what_crm_shows_stand_side_by_side(build: Callable[..., World]) -> None:
    entry = {"Entry No.": 1, "Customer No.": "10000", "Amount (LCY)": "12.5"}
    nav = {**cannon()["nav"], "Detailed Cust. Ledg. Entry": [entry]}
    world = build(**cannon(nav=nav))
    before = world.workspace.statistics()
    assert before["figure"].tolist() == list(AMOUNTS)
    assert before["crm_value"].isna().all()
    assert before.loc[0, ["nav_key", "name", "nav_value"]].tolist() == [
        "10000", "Cannon", Decimal("12.5"),
    ]  # fmt: skip
    world.workspace.update_statistics()
    after = world.workspace.statistics()
    assert after["crm_value"].equals(after["nav_value"])
    pd.testing.assert_frame_equal(after, conform(after, "statistics"))


def test_a_crm_that_is_only_read_is_refused_and_a_nav_that_is_only_read_is_not(
    build: Callable[..., World],
) -> None:
    world = build(**cannon())
    world.workspace.side("nav").writable = False
    world.workspace.update_statistics()
    world.workspace.side("crm").writable = False
    for call in ("update_statistics", "update_invoice_states", "post_updates"):
        with pytest.raises(ReadOnlyError, match="crm side"):
            getattr(world.workspace, call)()


def test_the_verb_does_the_same_and_says_whether_all_went_well(
    build: Callable[..., World], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = {"mapping": "CUSTOMER", "nav_key": "20000", "crm_id": "acc-2"}
    shipment = {"No.": "S1", "Order No.": "1", "Sell-to Customer No.": "10000"}
    nav = {**cannon()["nav"], "Sales Shipment Header": [shipment]}
    config = build(**cannon(nav=nav, couplings=[*COUPLED, lost])).workspace.config
    file = tmp_path / "workspace.yaml"
    sides: dict[str, Any] = {"nav": dict(config.nav), "crm": dict(config.crm)}
    content = {"company": config.company, **sides, "state": {"url": config.state}}
    file.write_text(yaml.safe_dump(content))
    assert main(["statistics", "--posts", "--workspace", str(file)]) == 1
    told = capsys.readouterr()
    assert [line.split()[:5] for line in told.out.splitlines()[1:]] == [
        ["ACCOUNT", "STATISTICS", "to_crm", "synchronization", "1"],
        ["INVOICE", "STATES", "to_crm", "synchronization", "0"],
        ["ACCOUNT", "POSTS", "to_crm", "synchronization", "1"],
    ]
    assert "1 failed" in told.err
    assert main(["statistics", "--customer", "10000", "--workspace", str(file)]) == 0
    assert main(["statistics", "--customer", "10001", "--workspace", str(file)]) == 2


# --- failures and stopped runs --------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        "INSERT ON nav_accountstatistics",
        "UPDATE ON nav_accountstatistics",
        "UPDATE OF nav_accountstatisticsid ON account",
    ],
)
def test_what_crm_refuses_fails_alone_and_is_made_good_by_the_next_run(
    build: Callable[..., World], change: str
) -> None:
    world = build(**cannon())
    with refusing(world, change):
        job = world.workspace.update_statistics()[0]
        assert (job.inserted, job.modified, job.unchanged, job.failed) == (0, 0, 0, 1)
        (error,) = world.workspace.errors()["message"]
        assert "those of customer 10000 failed: The database refused the record" in error
    world.workspace.update_statistics()
    found = world.workspace.statistics()
    assert found["crm_value"].equals(found["nav_value"])
    rows = world.rows("crm", "nav_accountstatistics")
    assert len(rows) == 1
    assert world.rows("crm", "account")[0]["nav_accountstatisticsid"] == rows[0][""]


def test_an_invoice_that_failed_is_looked_at_again(build: Callable[..., World]) -> None:
    world = build(**invoiced(3))
    world.workspace.update_invoice_states()
    for entry in (1, 2, 3):
        pay(world, entry)
    with refusing(world, f"UPDATE ON invoice WHEN NEW.invoiceid = '{world.handles.id('inv-2')}'"):
        (job,) = world.workspace.update_invoice_states()
    assert (job.modified, job.failed) == (2, 1)
    assert states(world) == [100001, 4, 100001]
    (job,) = world.workspace.update_invoice_states()
    assert (job.modified, job.unchanged, job.failed) == (1, 2, 0)
    (job,) = world.workspace.update_invoice_states()
    assert (job.modified, job.unchanged, job.failed) == (0, 0, 0)


def test_each_change_of_a_paid_invoice_passes_billed(build: Callable[..., World]) -> None:
    """T16, documents PS2."""
    world = build(**invoiced(1))
    jobs = []
    for amount in ("-40", "-60", "60", "40"):
        pay(world, 1, amount)
        with sa.create_engine(world.workspace.config.nav["url"]).begin() as nav:
            nav.execute(
                sa.text(
                    'UPDATE "CRONUS International Ltd_$Detailed Cust_ Ledg_ Entry" SET "Entry No_"'
                    ' = "Entry No_" + (SELECT max("Entry No_") FROM '
                    '"CRONUS International Ltd_$Detailed Cust_ Ledg_ Entry") WHERE "Entry No_" > 1'
                )
            )
        jobs += world.workspace.update_invoice_states()
    steps = []
    for job in jobs:
        writes = world.workspace.writes(job.id)
        steps.append(writes.loc[writes["field"].eq("statuscode"), "new"].tolist())
    assert steps == [["Partial"], ["Billed", "Complete"], ["Billed", "Partial"], ["Billed"]]


def test_a_stopped_run_leaves_no_account_looking_changed(build: Callable[..., World]) -> None:
    """CS2: the account was named its statistics, and the run stopped before it said so."""
    stamps = dict.fromkeys(
        ("last_synch_modified_on", "last_synch_crm_modified_on"), "2018-10-01T08:00:00Z"
    )
    world = build(**cannon(couplings=[{**COUPLED[0], **stamps}]))
    world.take("advance", "1h")
    account = world.handles.id("acc-1")
    change = json.dumps([["crm", "nav_accountstatisticsid", "", "x"]])
    about = {"id": "e", "job_id": "j", "mapping": "CUSTOMER", "direction": "to_crm"}
    entry = {**about, "action": "link", "nav_key": "10000", "crm_id": account, "changes": change}
    entry |= {"at": world.now, "source_stamp": pd.Timestamp("2018-10-01T08:00:00Z")}
    Store(world.workspace.config.state).open_entries(conform(pd.DataFrame([entry]), "journal"))
    world.take("edit_crm", {"entity": "account", "key": "acc-1", "set": {"description": "x"}})
    world.take("advance", "1h")
    world.workspace.synchronize("CUSTOMER")
    coupling = world.workspace.couplings("CUSTOMER").iloc[0]
    assert coupling["last_synch_crm_modified_on"].isoformat() == "2018-10-01T09:00:00+00:00"


def test_every_write_is_in_the_log(build: Callable[..., World]) -> None:
    world = build(**cannon())
    job = world.workspace.update_statistics()[0]
    writes = world.workspace.writes(job.id)
    assert writes.groupby("field").size().loc["nav_accountstatisticsid"] == 1
    told = writes[writes["field"].eq("nav_balancelcy")]
    assert told[["old", "new"]].to_numpy().tolist() == [["", "1"], ["1", "0"]]
    assert set(writes["side"]) == {"crm"}
    assert not len(Store(world.workspace.config.state).unfinished())


# --- cost -----------------------------------------------------------------------------------------


def statements(folder: Path, count: int) -> tuple[int, int]:
    """Return how many statements it takes to make all statistics, and to find none changed."""
    folder.mkdir()
    urls = {name: f"sqlite:///{folder / name}.db" for name in ("nav", "crm", "state")}
    file = company.make(folder, urls, count)
    found = []
    for counter in ("inserted", "unchanged"):
        ws = nr.open_workspace(file)
        with counting(urls["nav"]) as cost:
            (job,) = [j for j in ws.update_statistics() if j.mapping == "ACCOUNT STATISTICS"]
        assert getattr(job, counter) == count
        found.append(cost.statements)
    return found[0], found[1]


@pytest.mark.slow
def test_customers_are_read_and_written_together(tmp_path: Path) -> None:
    """The number of statements grows by batches of 500 alone."""
    few, many, more = (statements(tmp_path / str(n), n) for n in (50, 500, 1000))
    assert many == few
    assert more[0] - many[0] <= 60
    assert more[1] - many[1] <= 10
