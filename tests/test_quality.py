"""Rules on what comes in: loaded strictly, outcomes told apart, failing records named."""

from __future__ import annotations

import json
import subprocess
import sys
from decimal import Decimal

import pandas as pd
import pytest

from navcrm_recon.errors import ConfigError, NotFoundError
from navcrm_recon.frames import DECIMAL, TEXT
from navcrm_recon.quality import QUALITY, suite_for, suite_names, validate
from navcrm_recon.quality.suites import load_suite, parse_suite
from navcrm_recon.quality.validation import failing


def customers(**columns: list[object]) -> pd.DataFrame:
    """Three customers, good unless said otherwise."""
    good: dict[str, list[object]] = {
        "No.": ["10000", "20000", "30000"],
        "Name": ["The Cannon Group PLC", "Selangorian Ltd.", "John Haddock Insurance Co."],
        "Salesperson Code": ["PS", "PS", "JR"],
        "E-Mail": ["office@cannon.example", "", "a@b.example; c@d.example"],
        "Phone No.": ["+44 20 1234", "", "555-0100"],
        "Home Page": ["www.cannon.example", "", ""],
        "Country/Region Code": ["GB", "", "DE"],
        "Currency Code": ["", "EUR", ""],
    } | columns
    limits = good.pop("Credit Limit (LCY)", [Decimal("1000.5"), Decimal(0), None])
    frame = pd.DataFrame(good, dtype=TEXT)
    frame["Credit Limit (LCY)"] = pd.Series(limits, dtype=DECIMAL)
    return frame.set_index(pd.Index(frame["No."], name="nav_key"))


def outcomes(frame: pd.DataFrame) -> dict[str, str]:
    return dict(zip(frame["rule"], frame["outcome"], strict=True))


@pytest.mark.parametrize("name", suite_names())
def test_every_suite_loads_counts_rows_first_and_survives_an_empty_frame(name: str) -> None:
    rules = load_suite(name)
    assert rules[0].type == "expect_table_row_count_to_be_between"
    kinds = [rule.type == "expect_column_values_to_not_be_null" for rule in rules[1:]]
    assert kinds == sorted(kinds, reverse=True), "not-null rules come before those they guard"
    assert len({rule.name for rule in rules}) == len(rules)
    assert all(rule.description.endswith(".") for rule in rules)


def test_good_records_meet_every_rule() -> None:
    found = validate(customers(), "nav/customer")
    assert set(found["outcome"]) == {"passed"}
    assert (
        found.dtypes.to_dict()
        == pd.DataFrame(columns=list(QUALITY)).astype(QUALITY).dtypes.to_dict()
    )


def test_bad_records_are_counted_and_named() -> None:
    bad = customers(
        **{
            "No.": ["10000", "ab", "ab"],
            "Name": ["", "x", " y"],
            "E-Mail": ["not an address", "", ""],
            "Phone No.": ["call me", "", ""],
            "Home Page": ["no dots", "", ""],
            "Country/Region Code": ["GREAT", "", ""],
            "Currency Code": ["Euro", "", ""],
            "Credit Limit (LCY)": [Decimal("-0.01"), None, None],
        }
    )
    found = validate(bad, "nav/customer").set_index("rule")
    broken = found[found["outcome"].eq("violated")]
    assert broken["failing"].to_dict() == {
        "customer.name-present": 1,
        "customer.key-unique": 2,
        "customer.key-form": 2,
        "customer.name-trimmed": 1,
        "customer.e-mail-form": 1,
        "customer.phone-form": 1,
        "customer.home-page-form": 1,
        "customer.country-code-length": 1,
        "customer.currency-code-form": 1,
        "customer.credit-limit-not-negative": 1,
    }
    assert found.loc["customer.name-present", "sample_keys"] == "10000"
    assert found.loc["customer.key-unique", "sample_keys"] == "ab; ab"


def test_what_cannot_be_checked_is_not_called_met_or_broken() -> None:
    found = validate(customers().drop(columns="E-Mail"), "nav/customer").set_index("rule")
    assert found.loc["customer.e-mail-form", "outcome"] == "not_checked"
    assert "E-Mail" in found.loc["customer.e-mail-form", "reason"]
    assert found["failing"].isna().sum() == 1


def test_an_expectation_that_crashes_is_not_checked() -> None:
    texts = customers()
    texts["Credit Limit (LCY)"] = pd.Series(["a lot", "", ""], dtype=TEXT, index=texts.index)
    found = validate(texts, "nav/customer").set_index("rule")
    assert found.loc["customer.credit-limit-not-negative", "outcome"] == "not_checked"
    assert found.loc["customer.credit-limit-not-negative", "reason"]


def test_an_empty_frame_meets_no_rule_about_columns() -> None:
    found = outcomes(validate(customers().iloc[:0], "nav/customer"))
    assert found.pop("customer.rows") == "violated"
    assert set(found.values()) == {"not_checked"}


def test_couplings_that_pair_a_record_twice_break_a_rule() -> None:
    crm = "11111111-1111-1111-1111-111111111111"
    frame = pd.DataFrame(
        {
            "mapping": "CUSTOMER",
            "nav_key": ["1", "2"],
            "crm_id": [crm, crm],
            "skipped": [False, True],
            "last_synch_result": ["failure", ""],
            "last_synch_crm_result": ["success", ""],
        },
        index=["1", "2"],
    ).astype(dict.fromkeys(("mapping", "nav_key", "crm_id"), TEXT))
    found = outcomes(validate(frame, "findings/couplings"))
    assert found["couplings.nav-key-unique"] == "passed"
    for rule in ("crm-id-unique", "not-skipped", "result-to-nav"):
        assert found[f"couplings.{rule}"] == "violated", rule


def test_masks_agree_with_great_expectations_on_every_kind_of_rule() -> None:
    frame = pd.DataFrame(
        {
            "a": pd.Series([1, 5, None], dtype="Int64"),
            "b": pd.Series([Decimal("1.0"), Decimal("6.1"), Decimal(3)], dtype=DECIMAL),
            "c": pd.Series([Decimal(1), Decimal(5), None], dtype=DECIMAL),
            "t": pd.Series(["x", "x", ""], dtype=TEXT),
            "m": pd.Series(["M", "M", "M"], dtype=TEXT),
        }
    )
    kinds = {
        "expect_column_values_to_not_be_null": {"column": "t"},
        "expect_column_values_to_be_unique": {"column": "t"},
        "expect_column_values_to_match_regex": {"column": "t", "regex": "^y$"},
        "expect_column_values_to_be_between": {"column": "b", "min_value": 2, "max_value": 5},
        "expect_column_values_to_be_in_set": {"column": "a", "value_set": [1]},
        "expect_column_value_lengths_to_be_between": {"column": "t", "min_value": 2},
        "expect_compound_columns_to_be_unique": {"column_list": ["t", "m"]},
        "expect_column_pair_values_a_to_be_greater_than_b": {
            "column_A": "c",
            "column_B": "b",
            "or_equal": True,
            "ignore_row_if": "either_value_is_missing",
        },
    }
    from navcrm_recon.quality.validation import _digestible, _results

    rules = parse_suite(
        "nav/x",
        {
            "name": "nav/x",
            "expectations": [
                {
                    "type": kind,
                    "kwargs": given,
                    "severity": "info",
                    "meta": {"rule": kind},
                    "description": "",
                }
                for kind, given in kinds.items()
            ],
        },
    )
    results = _results(_digestible(frame, list(rules)), "nav/x", list(rules))
    theirs = {name: each["result"]["unexpected_count"] for name, each in results.items()}
    assert {rule.name: int(failing(frame, rule).sum()) for rule in rules} == theirs


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"type": "expect_column_values_to_be_uniqe"}, "Did you mean 'expect_column_values_to_be_"),
        ({"kwargs": {"colum": "No."}}, "lacks 'column'"),
        ({"kwargs": {"column": "No.", "mostly": 0.9}}, "takes no 'mostly'"),
        ({"severity": "fatal"}, "severity is 'fatal'"),
        ({"note": "x"}, "has the keys"),
        ({"meta": {}}, "hold the 'rule' alone"),
    ],
)
def test_a_mistake_in_a_suite_is_refused(change: dict[str, object], says: str) -> None:
    entry = {
        "type": "expect_column_values_to_be_unique",
        "kwargs": {"column": "No."},
        "severity": "critical",
        "meta": {"rule": "x.key-unique"},
        "description": "No two share a key.",
    }
    with pytest.raises(ConfigError, match=says.replace("(", r"\(")):
        parse_suite("nav/x", {"name": "nav/x", "expectations": [entry | change]})
    assert parse_suite("nav/x", json.loads(json.dumps({"name": "nav/x", "expectations": [entry]})))


def test_an_unknown_suite_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(NotFoundError, match="Did you mean 'nav/customer'"):
        validate(customers(), "nav/custmer")


def test_tables_without_a_suite_have_none() -> None:
    assert suite_for("nav", "Customer") == "nav/customer"
    assert suite_for("crm", "new_device") is None


def test_importing_the_rules_does_not_import_great_expectations() -> None:
    code = "import sys, navcrm_recon.quality; sys.exit('great_expectations' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
