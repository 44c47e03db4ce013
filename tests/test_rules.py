"""The page of rules is whole: what it names exists, and no rule is missing or there twice."""

import contextlib
import importlib
import inspect
import re
from pathlib import Path

import pytest

from navcrm_recon.scenarios.grammar import load

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "rules.md"
ENGINE = ROOT.parent / "shared" / "spec" / "engine.md"
NAMES = re.compile(r"`([^`]+)`")
REASON = re.compile(r"^- \*\*([\w ]+)\*\*", re.MULTILINE)
#: How engine.md numbers what it says: rules, rows of the decision table, errors, vectors.
NUMBERED = re.compile(r"^(?:- (R\d+\.\d+[a-z]?) |\| ((?:D|A)\d+[a-z]?|9\.\d) \|)", re.MULTILINE)
SCENARIOS = {
    name for path in sorted((ROOT / "tests" / "scenarios").glob("*.yaml")) for name in load(path)
}


def rows():
    """The cells of every row: rule, what it says, where, shown by."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line[:2] == "| "]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0] != "Rule"]


ROWS = rows()


def test_there_are_rows_of_four_cells():
    assert len(ROWS) > 200
    assert [row for row in ROWS if len(row) != 4 or not all(row)] == []


def test_no_rule_is_there_twice():
    rules = [row[0] for row in ROWS]
    assert sorted({rule for rule in rules if rules.count(rule) > 1}) == []


@pytest.mark.parametrize("name", sorted({n for row in ROWS for n in NAMES.findall(row[2])}))
def test_what_is_named_exists(name):
    module, _, rest = ("navcrm_recon." + name).partition(".")
    found = importlib.import_module(module)
    for part in rest.split("."):
        with contextlib.suppress(ModuleNotFoundError):
            importlib.import_module(f"{found.__name__}.{part}")
        found = getattr(found, part)
    assert not inspect.ismodule(found)


def test_what_shows_a_rule_exists():
    known = set(SCENARIOS)
    for path in sorted((ROOT / "tests").glob("test_*.py")):
        text = path.read_text(encoding="utf-8")
        known |= {f"{path.name}::{name}" for name in re.findall(r"^def (test_\w+)", text, re.M)}
    shown = {name: row[0] for row in ROWS for name in NAMES.findall(row[3])}
    assert {name: rule for name, rule in shown.items() if name not in known} == {}


def test_a_rule_is_shown_or_it_is_said_why_not():
    reasons = REASON.findall(PAGE.read_text(encoding="utf-8"))
    assert len(reasons) == 6
    bare = [
        row[0]
        for row in ROWS
        if not NAMES.search(row[3]) and not any(row[3].startswith(reason) for reason in reasons)
    ]
    assert bare == []
    nowhere = [row[0] for row in ROWS if not NAMES.search(row[2]) and row[2] != "-"]
    assert nowhere == []


@pytest.mark.skipif(not ENGINE.exists(), reason="the rule book is not here")
def test_every_rule_of_the_book_has_a_row():
    text = ENGINE.read_text(encoding="utf-8")
    book = {"".join(found) for found in NUMBERED.findall(text)}
    assert len(book) > 200
    assert book - {row[0] for row in ROWS} == set()
