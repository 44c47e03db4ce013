"""The demo company: its shape, and that the reports find what is planted and nothing else."""

from __future__ import annotations

import datetime as dt
import os
import sqlite3
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa
import yaml

import navcrm_recon as nr
from navcrm_recon.catalog import load_catalog
from navcrm_recon.sandbox.databases import create_tables, insert_rows
from navcrm_recon.sandbox.demo import make_company, write_demo
from navcrm_recon.sandbox.resources import data_folder
from navcrm_recon.sides.record_id import decode

COMPANY = "Larkmoor Bicycles Ltd_"
EVERY_SEED = [(1, 1), (1, 2), (3, 3)]
LONG_RUNS = [*((10, seed) for seed in range(1, 4)), *((1, seed) for seed in range(3, 14)), (25, 1)]
PAIR = ["mapping", "nav_key", "crm_id"]
FIELD = [*PAIR, "nav_field", "crm_field", "expected", "resolution"]
OPTION = ["mapping", "expected", "value", "nav_code", "records_affected"]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_demo(tmp_path_factory.mktemp("demo"))


@pytest.fixture(scope="module")
def nav(demo: Path) -> sqlite3.Connection:
    return sqlite3.connect(demo.parent / "nav.db")


@pytest.fixture(scope="module")
def crm(demo: Path) -> sqlite3.Connection:
    return sqlite3.connect(demo.parent / "crm.db")


def planted_in(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "planted.csv", dtype=str, keep_default_na=False)


def count(side: sqlite3.Connection, table: str) -> int:
    return int(side.execute(f'select count(*) from "{table}"').fetchone()[0])


def found_in(ws: nr.Workspace) -> dict[str, pd.DataFrame]:
    """All three kinds of frames with the columns of planted.csv, without what is in order."""
    enabled = [name for name, mapping in ws.mappings.items() if mapping.enabled]
    couplings = pd.concat([ws.couplings(name) for name in enabled])
    differences = pd.concat([ws.diff(name) for name in enabled])
    options = ws.missing_options().rename(columns={"finding": "expected"})
    text = options[OPTION].astype({"value": "str", "records_affected": "str"})
    return {
        "couplings": couplings[couplings["state"] != "coupled"].rename(
            columns={"state": "expected"}
        )[[*PAIR, "expected"]],
        "diff": differences.rename(columns={"cause": "expected"})[FIELD],
        "missing_options": text.fillna(""),
    }


def rows_of(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(frame.itertuples(index=False, name=None))


# --- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "seed"), EVERY_SEED + (LONG_RUNS if os.environ.get("NAVCRM_SOAK") else [])
)
def test_everything_planted_is_found_and_nothing_else(
    scale: int, seed: int, tmp_path: Path
) -> None:
    ws = nr.open_workspace(write_demo(tmp_path, scale=scale, seed=seed))
    planted = planted_in(tmp_path)
    for kind, found in found_in(ws).items():
        expected = planted.loc[planted["frame"] == kind, list(found.columns)]
        assert rows_of(found) == rows_of(expected), kind


def test_navs_own_tables_give_the_same_couplings(demo: Path) -> None:
    settings = yaml.safe_load(demo.read_text(encoding="utf-8"))
    settings["couplings"] = "nav"
    del settings["state"]
    observing = demo.parent / "observing.yaml"
    observing.write_text(yaml.safe_dump(settings), encoding="utf-8")
    ours, theirs = nr.open_workspace(demo), nr.open_workspace(observing)
    for name, mapping in ours.mappings.items():
        if not mapping.enabled or name == "SALESPRC-PRODPRICE":
            continue  # the Record ID of a sales price is not known
        left, right = ours.couplings(name), theirs.couplings(name)
        # NAV forgets the key of a deleted record, our state does not.
        gone = left["state"].isin(["nav_deleted", "both_deleted"])
        if mapping.option_attribute is None:
            left["nav_key"] = left["nav_key"].mask(gone, "")
        order = ["nav_key", "crm_id"]
        left = left.sort_values(order, ignore_index=True)
        right = right.sort_values(order, ignore_index=True)
        pd.testing.assert_frame_equal(left, right, obj=name)


def test_every_state_cause_and_finding_is_planted_several_times(demo: Path) -> None:
    planted = planted_in(demo.parent)
    counts = planted.groupby("frame")["expected"].value_counts()
    states = {"nav_only", "crm_only", "nav_deleted", "crm_deleted", "both_deleted", "out_of_filter"}
    causes = {
        *("changed_in_nav", "changed_in_crm", "changed_in_both", "never_synchronized"),
        *("drifted", "missing_option", "uncoupled_reference", "truncated"),
    }
    findings = {
        *("unmapped_option", "gray_code", "incomplete_record", "label_drift"),
        *("code_collision", "stale_mapping", "in_use_unmapped", "comma_in_name"),
    }
    kinds = (("couplings", states), ("diff", causes), ("missing_options", findings))
    for frame, expected in kinds:
        assert set(counts[frame].index) == expected
        assert counts[frame].min() >= 3
    resolutions = set(planted.loc[planted["frame"] == "diff", "resolution"])
    assert resolutions == {"to_crm", "to_nav", "merge", "conflict", "blocked", "none"}


def test_what_is_planted_grows_with_the_scale() -> None:
    one, two = make_company(scale=1)[1], make_company(scale=2)[1]
    counts = [each.groupby("frame")["expected"].value_counts().sort_index() for each in (one, two)]
    for frame in ("couplings", "diff"):
        assert (counts[1][frame] > 1.5 * counts[0][frame]).all()


# --- the shape of the two products ---------------------------------------------------------------


def test_the_sizes_are_as_promised(nav: sqlite3.Connection, crm: sqlite3.Connection) -> None:
    assert count(nav, f"{COMPANY}$Customer") == pytest.approx(2000, rel=0.05)
    assert count(nav, f"{COMPANY}$Contact") == pytest.approx(5000, rel=0.05)
    assert count(nav, f"{COMPANY}$Item") == pytest.approx(1500, rel=0.05)
    assert count(nav, f"{COMPANY}$Sales Price") > 500
    assert count(nav, f"{COMPANY}$Sales Invoice Line") > 1000
    assert count(crm, "account") == pytest.approx(2000, rel=0.05)
    assert count(crm, "salesorder") > 220


def test_nav_tables_and_columns_have_navs_sql_names(nav: sqlite3.Connection) -> None:
    tables = {name for (name,) in nav.execute("select name from sqlite_master")}
    assert {"$ndo$dbproperty", "Company", f"{COMPANY}$Country_Region"} <= tables
    (characters,) = nav.execute('select invalididentifierchars from "$ndo$dbproperty"').fetchone()
    assert characters == "." + '"' + "\\/'%]["
    assert nav.execute("select Name from Company").fetchall() == [("Larkmoor Bicycles Ltd.",)]
    columns = {row[1] for row in nav.execute(f'pragma table_info("{COMPANY}$Item")')}
    assert {"No_", "Base Unit of Measure", "timestamp"} <= columns
    assert "Inventory" not in columns


def test_nav_is_never_null_and_blank_in_its_own_way(nav: sqlite3.Connection) -> None:
    customer = f'"{COMPANY}$Customer"'
    columns = [row[1] for row in nav.execute(f"pragma table_info({customer})")]
    anything_null = " or ".join(f'"{name}" is null' for name in columns)
    statement = f"select count(*) from {customer} where {anything_null}"
    assert nav.execute(statement).fetchone() == (0,)
    row = nav.execute(
        f'select "Name 2", "Last Date Modified", Blocked from {customer} where "Blocked" = 0'
    ).fetchone()
    assert row == ("", "1753-01-01 00:00:00.000000", 0)
    (job,) = nav.execute(
        f'select "Last Synch_ Job ID" from "{COMPANY}$CRM Integration Record"'
    ).fetchone()
    assert job == "00000000-0000-0000-0000-000000000000"


def test_crm_blanks_are_null_and_its_ids_lower_case(crm: sqlite3.Connection) -> None:
    assert crm.execute("select count(*) from account where fax = ''").fetchone() == (0,)
    assert crm.execute("select count(*) from account where fax is null").fetchone()[0] > 100
    ids = [each for (each,) in crm.execute("select accountid from account")]
    assert all(len(each) == 36 and each == each.lower() for each in ids)


def test_every_record_id_decodes_to_a_record(nav: sqlite3.Connection) -> None:
    tables = {table.id: table for table in load_catalog().nav.values() if table.id}
    statement = f'select "Record ID" from "{COMPANY}$Integration Record" where "Deleted On" < ?'
    decoded = [decode(raw, tables) for (raw,) in nav.execute(statement, ("1800-01-01",))]
    customers = {key for number, key in decoded if number == 18}
    numbers = {key for (key,) in nav.execute(f'select No_ from "{COMPANY}$Customer"')}
    assert customers == numbers
    assert {"Order, SO101001"} <= {key for number, key in decoded if number == 36}


def test_a_deleted_record_keeps_its_integration_record_without_its_key(
    nav: sqlite3.Connection,
) -> None:
    statement = f'select "Record ID" from "{COMPANY}$Integration Record" where "Deleted On" > ?'
    gone = nav.execute(statement, ("1800-01-01",)).fetchall()
    assert len(gone) > 20
    assert set(gone) == {(b"",)}


# --- repeatable ----------------------------------------------------------------------------------


def test_the_same_seed_and_scale_give_the_same_records() -> None:
    (first, planted), (second, again) = make_company(seed=5), make_company(seed=5)
    pd.testing.assert_frame_equal(planted, again)
    for side in ("nav", "crm"):
        for name, frame in first.frames(side).items():
            pd.testing.assert_frame_equal(frame, second.frames(side)[name])
    for name, pairs in first.pairs.items():
        pd.testing.assert_frame_equal(pairs, second.pairs[name])


def test_another_seed_gives_another_company() -> None:
    one, two = make_company(seed=1)[0], make_company(seed=2)[0]
    assert not set(one.crm["account"].index) & set(two.crm["account"].index)


def test_writing_again_replaces_what_was_there(tmp_path: Path) -> None:
    write_demo(tmp_path, seed=1)
    write_demo(tmp_path, seed=2)
    planted = make_company(seed=2)[1]
    pd.testing.assert_frame_equal(planted_in(tmp_path).astype(planted.dtypes), planted)


def test_a_folder_with_somebody_elses_workspace_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "state.db").write_text("ours", encoding="utf-8")
    with pytest.raises(nr.ConfigError, match="holds state.db, which no demo wrote"):
        write_demo(tmp_path)
    assert (tmp_path / "state.db").read_text(encoding="utf-8") == "ours"


def test_a_scale_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="scale must be 1 or more, not 0"):
        write_demo(tmp_path, scale=0)
    assert not list(tmp_path.iterdir())


def test_the_small_tables_stay_small() -> None:
    assert sum(path.stat().st_size for path in data_folder().glob("*.csv")) < 60_000


# --- rows written by hand ------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path) -> tuple[sa.Engine, dict[str, dict[str, sa.Table]]]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'shelf.db'}")
    catalog = load_catalog()
    return engine, {
        "nav": create_tables(engine, "nav", catalog, "Shelf Ltd.", ["Customer", "Sales Header"]),
        "crm": create_tables(engine, "crm", catalog, "Shelf Ltd.", ["account", "invoice"]),
    }


Shelf = tuple[sa.Engine, dict[str, dict[str, sa.Table]]]


def only_row(engine: sa.Engine, table: sa.Table) -> sa.Row[tuple[object, ...]]:
    with engine.connect() as connection:
        return connection.execute(sa.select(table)).one()


def test_rows_by_hand_take_captions_iso_dates_and_text_amounts(shelf: Shelf) -> None:
    engine, tables = shelf
    header = {"Document Type": "Order", "No.": 1001, "Order Date": "2018-10-01"}
    insert_rows(engine, tables["nav"]["Sales Header"], [header])
    row = only_row(engine, tables["nav"]["Sales Header"])._mapping
    assert row["Document Type"] == 1
    assert row["No_"] == "1001"
    assert row["Order Date"] == dt.datetime(2018, 10, 1)
    assert row["Due Date"] is None
    customer = {"No.": "1", "Credit Limit (LCY)": "12345678901234567.89", "Blocked": "All"}
    insert_rows(engine, tables["nav"]["Customer"], [customer])
    row = only_row(engine, tables["nav"]["Customer"])._mapping
    assert row["Credit Limit (LCY)"] == Decimal("12345678901234567.89")
    assert row["Blocked"] == 3


def test_crm_rows_by_hand_get_crms_defaults(shelf: Shelf) -> None:
    engine, tables = shelf
    insert_rows(engine, tables["crm"]["account"], [{"accountid": "A" * 8, "name": "One"}])
    row = only_row(engine, tables["crm"]["account"])._mapping
    assert (row["statecode"], row["statuscode"], row["creditlimit"]) == (0, 1, None)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"No.": "1", "Nmae": "x"}, "'Nmae': it does not exist. Did you mean 'Name'?"),
        ({"No.": "1", "Balance (LCY)": 1}, "it is calculated"),
        ({"No.": "1", "Blocked": "Perhaps"}, "'Perhaps' is no option. The options are:"),
        ({"No.": "1", "Credit Limit (LCY)": "much"}, "'much' is no decimal"),
    ],
)
def test_a_row_by_hand_that_cannot_be_is_refused(
    shelf: Shelf, row: dict[str, object], message: str
) -> None:
    engine, tables = shelf
    with pytest.raises(nr.DataError) as caught:
        insert_rows(engine, tables["nav"]["Customer"], [row])
    assert message in str(caught.value)
