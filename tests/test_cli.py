"""The command line shows what the calls return."""

import json
import re
import shutil
import subprocess
import sys

import openpyxl
import pandas as pd
import pytest
import yaml

import navcrm_recon as nr
from navcrm_recon.catalog import load_catalog
from navcrm_recon.cli import as_table, main
from navcrm_recon.sandbox.demo import write_demo


@pytest.fixture(scope="module")
def workspace(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo"), seed=4)


@pytest.fixture(scope="module")
def ws(workspace):
    return nr.open_workspace(workspace)


def run(workspace, *arguments):
    return main([*arguments, "--workspace", str(workspace)])


def test_demo_says_where_the_workspace_is(tmp_path, capsys):
    assert main(["demo", str(tmp_path / "d"), "--seed", "3"]) == 0
    assert capsys.readouterr().out.strip() == str(tmp_path / "d" / "workspace.yaml")
    assert (tmp_path / "d" / "planted.csv").is_file()


def test_check_says_what_both_sides_are_and_counts(workspace, ws, capsys):
    assert run(workspace, "check") == 0
    out = capsys.readouterr().out
    assert "nav: kind sql" in out
    assert "sqlite" in out
    line = next(line for line in out.splitlines() if "CUSTOMER" in line)
    records = [str(len(ws.read("CUSTOMER", side))) for side in ("nav", "crm")]
    coupled = ~ws.couplings("CUSTOMER")["state"].isin(["nav_only", "crm_only"])
    assert line.split()[1:] == [*records, str(coupled.sum())]
    assert f"couplings: sqlite:///{workspace.parent}" in out


@pytest.mark.parametrize(
    ("verb", "frame"),
    [
        (("couplings", "SALESPEOPLE"), lambda ws: ws.couplings("SALESPEOPLE")),
        (("diff", "CUSTOMER"), lambda ws: ws.diff("CUSTOMER")),
        (("options",), lambda ws: ws.missing_options()),
    ],
)
def test_a_frame_is_shown_or_written_in_four_formats(workspace, ws, tmp_path, capsys, verb, frame):
    expected = frame(ws)
    assert run(workspace, *verb) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(expected) + 1
    for suffix in ("csv", "parquet", "json", "xlsx"):
        assert run(workspace, *verb, "--output", str(tmp_path / f"x.{suffix}")) == 0
        assert capsys.readouterr().out == ""
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "x.parquet"), expected)
    assert len(pd.read_csv(tmp_path / "x.csv")) == len(expected)
    rows = json.loads((tmp_path / "x.json").read_text(encoding="utf-8"))
    assert [list(row) for row in rows[:1]] == [list(expected.columns)]
    sheet = openpyxl.load_workbook(tmp_path / "x.xlsx").worksheets[0]
    assert sheet.max_row == len(expected) + 1


def test_another_format_is_refused(workspace, capsys):
    assert run(workspace, "options", "--output", "x.doc") == 2
    assert ".xlsx" in capsys.readouterr().err


def test_a_file_that_cannot_be_written_is_a_clear_error(workspace, tmp_path, capsys):
    assert run(workspace, "options", "--output", str(tmp_path / "no" / "x.csv")) == 2
    assert "cannot be written" in capsys.readouterr().err


def test_the_workspace_may_come_before_the_verb(workspace, capsys):
    assert main(["--workspace", str(workspace), "options"]) == 0
    assert "PAYMENT TERMS" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [[], ["dance"], ["diff"], ["demo", "x", "--scale", "0"]])
def test_bad_usage_is_status_2(arguments, capsys):
    assert main(arguments) == 2
    assert "usage:" in capsys.readouterr().err


def test_record_text_cannot_steer_a_terminal():
    frame = pd.DataFrame({"nav_name": ["\x1b[31mred\x07", "\u202eevil"]}, dtype="str")
    shown = as_table(frame)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "red" in shown


def test_no_rows_are_said_to_be_none():
    assert as_table(pd.DataFrame({"x": []})) == "no rows"


@pytest.fixture(scope="module")
def few(workspace):
    """Return a workspace file with three small mappings of records enabled."""
    content = yaml.safe_load(workspace.read_text())
    kept = {"SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE"}
    off = {name: {"enabled": False} for name in load_catalog().mappings if name not in kept}
    file = workspace.with_name("few.yaml")
    file.write_text(yaml.safe_dump({**content, "mappings": off}))
    return file


@pytest.fixture
def own(few, tmp_path):
    """Return the same in a copy of the company that a test may change."""
    shutil.copytree(few.parent, tmp_path / "own")
    return tmp_path / "own" / few.name


@pytest.fixture(scope="module")
def synced(few, tmp_path_factory):
    """Return the same in a copy that was synchronised twice: what fails twice is skipped."""
    folder = tmp_path_factory.mktemp("synced") / "own"
    shutil.copytree(few.parent, folder)
    for _ in range(2):
        nr.open_workspace(folder / few.name).synchronize()
    return folder / few.name


def state_of(file):
    return {path.name: path.read_bytes() for path in sorted(file.parent.glob("*.db"))}


def table(out):
    """The cells of the first table shown, as a list of rows with its heading."""
    lines = out.split("\n\n")[0].splitlines()
    return [re.split(r"\s{2,}", line) for line in lines]


class TestPlan:
    def test_counts_and_records_are_shown_and_nothing_is_written(self, own, capsys):
        before = state_of(own)
        plan = nr.open_workspace(own).plan()
        assert run(own, "plan") == 0
        counts, records, end = capsys.readouterr().out.split("\n\n")
        assert [line.split()[0] for line in counts.splitlines()] == [
            "mapping", "SALESPEOPLE", "CURRENCY", "UNIT"
        ]  # fmt: skip
        treated = plan.actions[plan.actions["action"].ne("unchanged")]
        assert len(records.splitlines()) == len(treated) + 1
        for key in [*treated["nav_key"], *treated["crm_id"]]:
            assert key in records
        assert f"{len(plan.changes)} fields would be" in end
        assert "--output" in end
        assert state_of(own) == before

    def test_one_mapping_and_direction(self, own, capsys):
        assert run(own, "plan", "UNIT OF MEASURE", "--direction", "to_crm") == 0
        assert "SALESPEOPLE" not in capsys.readouterr().out
        assert run(own, "plan", "UNIT OF MEASURE", "--direction", "to_nav") == 0
        assert capsys.readouterr().out.startswith("no rows")

    @pytest.mark.parametrize("suffix", ["csv", "parquet", "json"])
    def test_actions_and_changes_are_written_to_two_files(self, few, tmp_path, capsys, suffix):
        expected = nr.open_workspace(few).plan("SALESPEOPLE")
        assert run(few, "plan", "SALESPEOPLE", "--output", str(tmp_path / f"x.{suffix}")) == 0
        assert capsys.readouterr().out == ""
        readers = {"csv": pd.read_csv, "parquet": pd.read_parquet, "json": pd.read_json}
        for name, frame in (("x", expected.actions), ("x.changes", expected.changes)):
            found = readers[suffix](tmp_path / f"{name}.{suffix}")
            assert found.columns.tolist() == frame.columns.tolist()
            assert found["nav_key"].tolist() == frame["nav_key"].tolist()

    def test_a_workbook_has_two_sheets(self, few, tmp_path):
        plan = nr.open_workspace(few).plan("SALESPEOPLE")
        assert run(few, "plan", "SALESPEOPLE", "--output", str(tmp_path / "x.xlsx")) == 0
        book = openpyxl.load_workbook(tmp_path / "x.xlsx")
        assert {sheet.title: sheet.max_row - 1 for sheet in book} == {
            "actions": len(plan.actions),
            "changes": len(plan.changes),
        }


class TestSync:
    def test_jobs_are_shown_and_failed_records_make_status_1(self, own, capsys):
        assert run(own, "sync") == 1
        told = capsys.readouterr()
        rows = table(told.out)
        assert [row[0] for row in rows[1:]] == ["SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE"]
        failed = nr.open_workspace(own).jobs()["failed"].sum()
        assert sum(int(row[rows[0].index("failed")]) for row in rows[1:]) == failed
        assert told.err.startswith(f"navcrm-recon: {failed} failed. ")
        assert len(told.err.splitlines()) == 1

    def test_without_failures_the_status_is_0(self, own, capsys):
        plan = nr.open_workspace(own).plan("CURRENCY")
        broken = plan.actions[plan.actions["action"].eq("fail")]["nav_key"].tolist()
        assert broken
        keys = [part for key in broken for part in ("--nav-key", key)]
        assert run(own, "uncouple", "CURRENCY", *keys) == 0
        assert run(own, "sync", "CURRENCY", "--direction", "to_crm") == 0
        assert capsys.readouterr().err == ""
        (job,) = nr.open_workspace(own).jobs().query("type == 'synchronization'").itertuples()
        assert (job.modified > 0, job.failed) == (True, 0)

    def test_full_with_a_mapping_examines_every_record(self, own, capsys):
        run(own, "sync", "CURRENCY")
        run(own, "sync", "CURRENCY")
        run(own, "sync", "CURRENCY", "--full")
        jobs = nr.open_workspace(own).jobs()
        full, second, first = (row.unchanged + row.modified for row in jobs.itertuples())
        assert (full, second) == (first, 0)

    def test_full_without_a_mapping_is_the_full_synchronisation(self, own, capsys):
        ws = nr.open_workspace(own)
        assert run(own, "sync", "--full") == 1
        rows = table(capsys.readouterr().out)
        assert {row[0] for row in rows[1:]} == {"SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE"}
        assert ws.jobs()["message"].str.contains("No records were created").any()

    def test_run_due_runs_once(self, own, capsys):
        assert run(own, "run", "--due") == 1
        assert len(table(capsys.readouterr().out)) > 2
        assert run(own, "run", "--due") == 0
        assert capsys.readouterr().out == "Nothing is due.\n"

    def test_sides_that_are_only_observed_are_refused(self, few, tmp_path, capsys):
        content = yaml.safe_load(few.read_text())
        file = few.with_name("observed.yaml")
        file.write_text(yaml.safe_dump({**content, "couplings": "nav"}))
        for verb in (["sync"], ["plan"], ["run", "--due"], ["jobs"], ["restore", "CUSTOMER"]):
            assert run(file, *verb) == 2, verb
            told = capsys.readouterr()
            assert (told.out, "couplings" in told.err) == ("", True)
            assert "Traceback" not in told.err


class TestCouple:
    def pair(self, ws, mapping="CURRENCY"):
        alone = ws.couplings(mapping)
        nav, crm = (alone[alone["state"].eq(f"{side}_only")] for side in ("nav", "crm"))
        return nav["nav_key"].iloc[0], crm["crm_id"].iloc[0]

    def state(self, file, key, mapping="CURRENCY"):
        rows = nr.open_workspace(file).couplings(mapping)
        return rows[rows["nav_key"].eq(key)]["state"].item()

    def test_a_pair_is_coupled_and_uncoupled(self, own, capsys):
        nav, crm = self.pair(nr.open_workspace(own))
        assert run(own, "couple", "CURRENCY", nav, crm) == 0
        assert capsys.readouterr().out == f"CURRENCY: {nav} is coupled with {crm}.\n"
        assert self.state(own, nav) == "coupled"
        assert run(own, "uncouple", "CURRENCY", "--crm-id", crm) == 0
        assert self.state(own, nav) == "nav_only"

    def test_a_pair_is_synchronised_when_asked(self, own, capsys):
        ws = nr.open_workspace(own)
        nav, crm = self.pair(ws)
        assert run(own, "couple", "CURRENCY", nav, crm, "--synchronize", "to_crm") == 0
        assert "to_crm" in capsys.readouterr().out
        name = ws.read("CURRENCY", "nav")["Description"][nav]
        assert ws.read("CURRENCY", "crm")["currencyname"][crm] == name

    def test_a_partner_of_another_is_one_message(self, own, capsys):
        ws = nr.open_workspace(own)
        taken = ws.couplings("CURRENCY").query("state == 'coupled'")["crm_id"].iloc[0]
        assert run(own, "couple", "CURRENCY", self.pair(ws)[0], taken) == 2
        told = capsys.readouterr()
        assert (told.out, len(told.err.splitlines())) == ("", 1)
        assert "already coupled" in told.err

    def test_matches_are_coupled(self, own, capsys):
        assert run(own, "couple", "CURRENCY", "--matches") in (0, 1)
        assert table(capsys.readouterr().out)[1][:2] == ["CURRENCY", "coupling"]

    def test_uncoupling_everything_wants_to_be_said(self, own, capsys):
        before = state_of(own)
        assert run(own, "uncouple", "CURRENCY") == 2
        assert "--all" in capsys.readouterr().err
        assert state_of(own) == before
        assert run(own, "uncouple", "CURRENCY", "--all") == 0
        assert set(nr.open_workspace(own).couplings("CURRENCY")["state"]) == {
            "nav_only",
            "crm_only",
        }


class TestLogs:
    @pytest.mark.parametrize("verb", ["jobs", "errors", "skipped"])
    def test_a_log_is_shown_or_written_whole_or_for_one_mapping(
        self, synced, verb, tmp_path, capsys
    ):
        expected = getattr(nr.open_workspace(synced), verb)()
        assert run(synced, verb) == 0
        assert len(capsys.readouterr().out.splitlines()) == len(expected) + 1
        assert run(synced, verb, "CURRENCY", "--output", str(tmp_path / "x.parquet")) == 0
        rows = expected[expected["mapping"].eq("CURRENCY")].reset_index(drop=True)
        assert len(rows)
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "x.parquet"), rows)

    def test_an_unknown_mapping_is_refused(self, synced, capsys):
        assert run(synced, "jobs", "CURENCY") == 2
        assert "Did you mean 'CURRENCY'" in capsys.readouterr().err

    def test_skipped_records_are_restored(self, synced, capsys):
        ws = nr.open_workspace(synced)
        skipped = ws.skipped().query("mapping == 'CURRENCY' and nav_exists")["nav_key"]
        assert len(skipped)
        assert run(synced, "restore", "CURRENCY", "--nav-key", skipped.iloc[0]) == 0
        assert capsys.readouterr().out == "CURRENCY: 1 skipped records take part again.\n"
        assert skipped.iloc[0] not in set(ws.skipped().query("mapping == 'CURRENCY'")["nav_key"])

    def test_old_entries_are_deleted_and_new_ones_stay(self, own, capsys):
        nr.open_workspace(own).synchronize("CURRENCY")
        jobs, errors = (len(log()) for log in logs_of(own))
        assert run(own, "jobs", "--delete-older-than", "1") == 0
        assert run(own, "errors", "--delete-older-than", "1") == 0
        assert capsys.readouterr().out == "0 jobs deleted.\n0 errors deleted.\n"
        assert run(own, "errors", "--delete-older-than", "0") == 0
        assert run(own, "jobs", "--delete-older-than", "0") == 0
        assert capsys.readouterr().out == f"{errors} errors deleted.\n{jobs} jobs deleted.\n"
        assert [len(log()) for log in logs_of(own)] == [0, 0]


def logs_of(file):
    ws = nr.open_workspace(file)
    return ws.jobs, ws.errors


class TestSchedule:
    def test_what_is_held_is_not_due_until_it_is_released(self, own, tmp_path, capsys):
        def schedule():
            assert run(own, "schedule", "--output", str(tmp_path / "x.parquet")) == 0
            frame = pd.read_parquet(tmp_path / "x.parquet").set_index("mapping")
            return frame.loc["CURRENCY", ["status", "due"]].tolist()

        assert schedule() == ["ready", True]
        assert run(own, "hold", "CURRENCY") == 0
        assert schedule() == ["on_hold", False]
        run(own, "run", "--due")
        assert "CURRENCY" not in capsys.readouterr().out.replace("CURRENCY is on hold", "")
        assert run(own, "release", "CURRENCY") == 0
        assert schedule() == ["ready", True]
        run(own, "run", "--due")
        assert schedule() == ["ready", False]

    def test_a_mapping_that_is_not_scheduled_cannot_be_held(self, own, capsys):
        assert run(own, "hold", "PAYMENT TERMS") == 2
        assert "has no interval" in capsys.readouterr().err
        assert run(own, "release", "CURENCY") == 2
        assert "Did you mean 'CURRENCY'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["jobs", "CURRENCY", "--delete-older-than", "1"], "without MAPPING"),
        (["errors", "--delete-older-than", "-1"], "--delete-older-than"),
        (["errors", "--delete-older-than", "soon"], "'soon' is no number of days"),
        (["plan", "--direction", "up"], "to_crm"),
        (["plan", "NOPE"], "There is no mapping 'NOPE'"),
        (["run"], "--due"),
        (["sync", "--full", "--direction", "to_crm"], "both directions"),
        (["couple", "CURRENCY"], "--matches"),
        (["couple", "CURRENCY", "EUR"], "NAV_KEY and CRM_ID"),
        (["couple", "CURRENCY", "EUR", "x", "--matches"], "--matches"),
        (["couple", "CURRENCY", "--matches", "--synchronize", "to_crm"], "match_based_coupling"),
        (["couple", "CURRENCY", "EUR", "x", "--synchronize", "both"], "to_nav"),
        (["uncouple", "CURRENCY", "--all", "--nav-key", "EUR"], "--all"),
    ],
)
def test_what_makes_no_sense_is_refused(few, capsys, arguments, said):
    assert run(few, *arguments) == 2
    told = capsys.readouterr()
    assert said in told.err
    assert (told.out, "Traceback" in told.err) == ("", False)


def test_a_run_into_a_pipe_shows_no_progress(own):
    command = [sys.executable, "-m", "navcrm_recon.cli", "sync", "UNIT OF MEASURE"]
    done = subprocess.run(
        [*command, "--workspace", str(own)], check=False, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert done.stdout.startswith("mapping ")
    assert len(done.stderr.splitlines()) == 1
    assert "\r" not in done.stderr


def test_record_text_in_a_message_cannot_steer_a_terminal(few, capsys):
    assert run(few, "diff", "\x1b[31mCUSTOMER") == 2
    told = capsys.readouterr().err
    assert "\x1b" not in told
    assert "CUSTOMER" in told


def test_times_are_shown_to_the_second_and_numbers_to_the_right():
    times = pd.to_datetime(["2018-10-01T08:00:00.25Z", None], utc=True)
    frame = pd.DataFrame({"name": ["a", "bcd"], "failed": [12345, 7], "at": times})
    assert as_table(frame).splitlines() == [
        "name  failed  at",
        "a      12345  2018-10-01 08:00:00",
        "bcd        7",
    ]
