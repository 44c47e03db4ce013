"""The pages of features and documents name only what is there: calls, notebooks, scenarios."""

import re
from collections import Counter
from pathlib import Path

import pytest

import navcrm_recon as nr
from navcrm_recon.report.notebooks import find_notebooks
from navcrm_recon.scenarios.grammar import load

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "tests" / "scenarios").glob("*.yaml"))
IDS = [name for path in FILES for name in load(path)]
NAMES = re.compile(r"`([^`]+)`")


def rows(page):
    """The cells of every row of the tables of a page, headings aside."""
    lines = (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()
    cells = [[c.strip() for c in line.strip("|").split("|")] for line in lines if line[:2] == "| "]
    return [row for row in cells if row[0] not in ("What", "Gap")]


FEATURES, GAPS = rows("features.md"), rows("documents.md")
#: What shows that something is so: scenarios, and files of tests for what the grammar cannot say.
SHOWS = {*IDS, *(path.name for path in (ROOT / "tests").glob("test_*.py"))}


def test_no_two_scenarios_share_an_id():
    assert [name for name, times in Counter(IDS).items() if times > 1] == []


@pytest.mark.parametrize("row", FEATURES, ids=lambda row: row[0])
def test_every_feature_has_a_call_a_notebook_and_a_scenario(row):
    _, calls, notebooks, shown = (NAMES.findall(cell) for cell in row)
    assert calls
    assert notebooks
    assert shown
    assert [each for each in calls if not hasattr(nr.Workspace, each.removeprefix("ws."))] == []
    assert len(find_notebooks(notebooks)) == len(notebooks)
    assert [each for each in shown if each not in SHOWS] == []


@pytest.mark.parametrize("row", GAPS, ids=lambda row: row[0])
def test_every_contradiction_is_decided_and_shown(row):
    shown = NAMES.findall(row[-1])
    assert row[0]
    assert row[1]
    assert shown
    assert [each for each in shown if each.split("::")[0] not in SHOWS] == []


def test_all_fourteen_contradictions_are_there():
    assert [row[0] for row in GAPS] == [f"G{number}" for number in range(1, 15)]
