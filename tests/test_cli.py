"""The command line shows what the calls return."""

import json

import openpyxl
import pandas as pd
import pytest

import navcrm_recon as nr
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
