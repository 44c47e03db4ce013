"""Every scenario file passes on every database, and the runner itself keeps its word."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from navcrm_recon.scenarios.__main__ import main
from navcrm_recon.scenarios.grammar import load, parse
from navcrm_recon.scenarios.run import run_scenario
from navcrm_recon.scenarios.world import World

FOLDER = Path(__file__).parent / "scenarios"
#: With NAVCRM_SOAK every scenario runs on PostgreSQL too, else one in ten.
SOAK = bool(os.environ.get("NAVCRM_SOAK"))
SCENARIOS = {
    name: raw for path in sorted(FOLDER.glob("*.yaml")) for name, raw in load(path).items()
}


@pytest.mark.parametrize("name", SCENARIOS)
def test_sqlite(name):
    assert run_scenario(parse(name, SCENARIOS[name]), "sqlite") == ""


@pytest.mark.postgres
@pytest.mark.parametrize("name", list(SCENARIOS)[:: 1 if SOAK else 10])
def test_postgresql(name, postgres_url):
    assert run_scenario(parse(name, SCENARIOS[name]), "postgresql") == ""


def scenario(tmp_path, text):
    path = tmp_path / "one.yaml"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_the_runner_says_ok_or_what_differed_and_counts(tmp_path, capsys):
    path = scenario(
        tmp_path,
        """
- id: right
  given: {nav: {Customer: [{No.: "1", Name: A}]}}
  then: {nav: {Customer: [{No.: "1", Name: {contains: a}}]}}
- id: wrong
  given: {nav: {Customer: [{No.: "1", Name: A}]}}
  then: {nav: {Customer: [{No.: "1", Name: B}]}}
""",
    )
    assert main([path]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "ok right"
    assert lines[1].startswith("FAIL wrong: no row of Customer is {No.: 1, Name: B}")
    assert "Name: A" in lines[1]
    assert lines[2] == "1 passed, 1 failed"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- {id: x, givn: {}}", "unknown key 'givn'. Did you mean 'given'?"),
        ("- {id: x, given: {nva: {}}}", "unknown key 'nva'"),
        (
            "- {id: x, given: {nav: {Custmer: []}}}",
            "no nav table 'Custmer'. Did you mean 'Customer'?",
        ),
        ("- {id: x, given: {nav: {Customer: [{Nam: A}]}}}", "Nam"),
        ("- {id: x, given: {nav: {Customer: [{No.: '123456789012345678901'}]}}}", "it holds 20"),
        ("- {id: x, when: [{edit_nav: {table: Customer, kee: 1, set: {}}}]}", "unknown key 'kee'"),
        ("- {id: x, when: [{edit_nav: {table: Customer, set: {}}}]}", "needs key"),
        ("- {id: x, when: [{dance: {}}]}", "unknown key 'dance'"),
        ("- {id: x, when: [{advance: soon}]}", "no duration"),
        ("- {id: x, then: {coupligs: []}}", "unknown key 'coupligs'"),
        ("- {id: x, then: {couplings: [{nav_ky: '1'}]}}", "nav_ky"),
        ("- {id: x, then: {diff: [{nav_key: {is: 1}}]}}", "is"),
        ("- {id: x, given: {mappings: {CUSTOMR: {enabled: false}}}}", "CUSTOMR"),
        ("- {id: x, given: {setup: {integration_usr: a}}}", "integration_usr"),
        ("- {id: x, given: {options: [{mapping: PAYMENT TERMS, nav_key: a, valu: 1}]}}", "valu"),
        ("- {id: x, given: {couplings: [{mapping: CUSTOMER}]}}", "needs nav_key, crm_id"),
        (
            "- {id: x, given: {couplings: [{mapping: CUSTOMR, nav_key: a, crm_id: b}]}}",
            "Did you mean 'CUSTOMER'?",
        ),
        ("- {id: x, given: [1]}", "given: must be a table of keys"),
        ("- {id: x, given: {nav: {Customer: {No.: '1'}}}}", "given.nav.Customer: must be a list"),
        ("- {id: x, when: {advance: 1h}}", "when: must be a list"),
        ("- {id: x, when: [{synchronize: {maping: CUSTOMER}}]}", "unknown key 'maping'"),
        ("- {id: x, when: [{synchronize: {records: acc-1}}]}", "records: must be a list"),
        ("- {id: x, when: [{couple: {mapping: CUSTOMER, nav_key: 1}}]}", "needs crm_id"),
        ("- {id: x, when: [{uncouple: {nav_keys: ['1']}}]}", "needs mapping"),
        ("- {id: x, when: [{restore: }]}", "must be a table of keys"),
        ("- {id: x, when: [{run_due: {mapping: CUSTOMER}}]}", "unknown key 'mapping'"),
        ("- {id: x, when: [{apply: {plan: 1}}]}", "unknown key 'plan'"),
        ("- {id: x, when: [{apply: }]}", "There is no plan yet"),
        ("- {id: x, then: {plan: [{mapping: CUSTOMER}]}}", "There is no plan yet"),
        ("- {id: x, then: {plan: [{actions: insert}]}}", "Did you mean 'action'?"),
        ("- {id: x, then: {jobs: [{insert: 1}]}}", "Did you mean 'inserted'?"),
        ("- {id: x, then: {errors: [{text: a}]}}", "unknown key 'text'"),
        ("- {id: x, then: {match: [{nav_key: '1'}]}}", "needs mapping"),
        ("- {id: x, then: {absent: {nva: {}}}}", "unknown key 'nva'"),
        ("- {id: x, then: {count: {crm: {account: two}}}}", "must be a number of rows"),
        ("- {id: x, then: {couplings: [{crm_id: {matches: '('}}]}}", "no regular expression"),
        ("- {id: x, then: {couplings: [{crm_id: {between: 3}}]}}", "must be two values"),
        ("- {id: x, given: {nav: {Customer: [{No.: '1'}, {No.: '1'}]}}}", "IntegrityError"),
        (
            "- {id: x, given: {couplings: [{mapping: CUSTOMER, nav_key: a, skiped: true}]}}",
            "skiped",
        ),
    ],
)
def test_what_the_grammar_does_not_know_fails_the_scenario(tmp_path, capsys, text, found):
    assert main([scenario(tmp_path, text)]) == 1
    line = capsys.readouterr().out.splitlines()[0]
    assert line.startswith("FAIL x: ")
    assert found in line


def test_an_error_that_was_announced_but_stayed_away_fails(tmp_path, capsys):
    step = "{advance: 1h, raises: {error: NotFoundError}}"
    assert main([scenario(tmp_path, f"- {{id: x, when: [{step}]}}")]) == 1
    assert "should have raised NotFoundError" in capsys.readouterr().out


@pytest.mark.parametrize(
    "then",
    [
        "{absent: {nav: {Customer: ['1']}}}",
        "{absent: {nav: {Customer: [{Name: A}]}}}",
        "{absent: {crm: {account: [acc-1]}}}",
        "{crm: {account: [{accountid: {new: acc-1}}]}}",
        "{nav: {Customer: [{No.: '1', Blocked: Ship}]}}",
        "{nav: {Customer: [{No.: '1', Name: {blank: true}}]}}",
        "{couplings: [{mapping: CUSTOMER, nav_key: '1'}]}",
    ],
)
def test_what_is_not_so_fails(tmp_path, capsys, then):
    text = f"""
- id: x
  given:
    nav: {{Customer: [{{No.: "1", Name: A, Blocked: All}}]}}
    crm: {{account: [{{accountid: acc-1, customertypecode: 3}}]}}
  then: {then}
- id: y
"""
    assert main([scenario(tmp_path, text)]) == 1
    assert capsys.readouterr().out.splitlines()[1:] == ["ok y", "1 passed, 1 failed"]


def test_an_expectation_needs_a_row_of_its_own(tmp_path, capsys):
    text = """
- id: twice
  given: {nav: {Customer: [{No.: "1", Name: A}]}}
  then: {nav: {Customer: [{Name: A}, {Name: A}]}}
"""
    assert main([scenario(tmp_path, text)]) == 1
    assert "FAIL twice" in capsys.readouterr().out


def test_it_runs_as_a_module(tmp_path):
    path = scenario(tmp_path, "- {id: x}")
    command = [sys.executable, "-m", "navcrm_recon.scenarios", "--sides", "sqlite", path]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (out.returncode, out.stdout) == (0, "ok x\n1 passed, 0 failed\n")


def test_a_file_that_is_not_there_is_a_clear_error(capsys):
    assert main(["nowhere.yaml"]) == 2
    assert "nowhere.yaml" in capsys.readouterr().err


#: A record and the line that belongs to it; NAV stamps both (engine R1.8a).
LINES = {
    "Currency": (
        "{Code: EUR}",
        "Currency Exchange Rate",
        "{Currency Code: EUR, Starting Date: 2018-01-01}",
        "EUR, 2018-01-01",
        "{Exchange Rate Amount: 2}",
    ),
    "Customer Price Group": (
        "{Code: GOLD}",
        "Sales Price",
        "{Item No.: A, Sales Type: Customer Price Group, Sales Code: GOLD}",
        "A, Customer Price Group, GOLD, , , , , ",
        "{Unit Price: 2}",
    ),
    "Sales Invoice Header": (
        "{No.: I1}",
        "Sales Invoice Line",
        "{Document No.: I1, Line No.: 10000}",
        "I1, 10000",
        "{Quantity: 2}",
    ),
}


@pytest.mark.parametrize("parent", LINES)
def test_a_record_is_stamped_when_its_line_comes_changes_and_goes(tmp_path, capsys, parent):
    record, table, row, key, values = LINES[parent]
    text = f"""
- id: x
  given: {{now: "2018-10-01T08:00:00Z", nav: {{{parent}: [{record}]}}}}
  when:
    - advance: 1h
    - insert_nav: {{table: {table}, row: {row}}}
      then: {{nav: {{Integration Record: [{{Modified On: "2018-10-01T09:00:00Z"}}]}}}}
    - advance: 1h
    - edit_nav: {{table: {table}, key: "{key}", set: {values}}}
      then: {{nav: {{Integration Record: [{{Modified On: "2018-10-01T10:00:00Z"}}]}}}}
    - advance: 1h
    - delete_nav: {{table: {table}, key: "{key}"}}
  then: {{nav: {{Integration Record: [{{Modified On: "2018-10-01T11:00:00Z", Deleted On: null}}]}}}}
"""
    assert main([scenario(tmp_path, text)]) == 0, capsys.readouterr().out


def test_skipped_records_are_listed_newest_failure_first():
    """SKP-010: table, name, latest error and time; no row for a record that only failed once."""
    scenario = parse("SKP-010", SCENARIOS["SKP-010"])
    with World.build(scenario.given, "sqlite") as world:
        hours = {"CUSTOMER": 1, "ITEM-PRODUCT": 2}
        for hour in range(1, 4):
            world.take("advance", "1h")
            for mapping, first in hours.items():
                if hour in (first, first + 1):
                    world.take("synchronize", {"mapping": mapping, "direction": "to_crm"})
            if hour == 1:
                assert world.workspace.skipped().empty
        found = world.workspace.skipped()
    assert list(found["mapping"]) == ["ITEM-PRODUCT", "CUSTOMER"]
    assert list(found["nav_name"]) == ["1000", "A"]
    assert [f"{at:%H}" for at in found["failed_at"]] == ["11", "10"]
    assert "PCS" in found["message"][0]
    assert "RS" in found["message"][1]
