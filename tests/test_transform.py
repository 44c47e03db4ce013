"""Transformation rules: what each does to a text, and what a mapping file is refused for."""

import pyarrow as pa
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.catalog import load_catalog
from navcrm_recon.catalog.model import Column, FieldMapping
from navcrm_recon.catalog.transformations import CODES, rules_of
from navcrm_recon.errors import ConfigError
from navcrm_recon.recon.compare import compare_field
from navcrm_recon.recon.transfer import transfer
from navcrm_recon.recon.transform import transformed

TEXT = Column("name", "text", 50)


def row(rules, nav=None, crm=TEXT, direction="to_crm", way="to_crm"):
    nav = nav or Column("Name", "text", 50)
    return FieldMapping(nav, crm, direction, "text", transformation=rules_of({way: rules}))


def arrow(values):
    return pa.array(values, type=pa.large_string())


def after(rules, *values, crm=TEXT):
    return transformed(row(rules, crm=crm), "to_crm", arrow(values)).to_pylist()


@pytest.mark.parametrize(
    ("rule", "text", "expected"),
    [
        ("UPPERCASE", "Straße 1 é", "STRAßE 1 É"),
        ("LOWERCASE", "ÉCOLE", "école"),
        ("TITLECASE", "the NAV o'neill société générale", "The NAV O'neill Société Générale"),
        ("TRIM", "\t Adatum \u00a0", "Adatum"),
        ("ALPHANUMERIC_ONLY", "+45 (0) 12-34 æøå_²", "4501234æøå"),
        ("FOURTH_TO_SIXTH_CHAR", "ABCDEFGH", "DEF"),
        ("FOURTH_TO_SIXTH_CHAR", "AB", ""),
        ("DELETE_NOTPROVIDED", "NOTPROVIDED notprovided", " notprovided"),
        ("YYYYMMDD_DATE", "20181001", "2018-10-01"),
        ("YYYYMMDD_DATE", "2018101", "2018101"),
        ("YYYYMMDD_DATE", "20181301", "20181301"),
        ("YYYYMMDDHHMMSS_FMT", "20181001083000", "2018-10-01T08:30:00Z"),
        ("DK_DECIMAL_FORMAT", "1.234.567,50", "1234567.5"),
        ("DK_DECIMAL_FORMAT", "-1234,5", "-1234.5"),
        ("DK_DECIMAL_FORMAT", "100", "100"),
        ("DK_DECIMAL_FORMAT", "1.2", "1.2"),
        ("DK_DECIMAL_FORMAT", "+", "+"),
        ("DK_DECIMAL_FORMAT", "twelve", "twelve"),
        ("US_DATE_FORMAT", "10/1/2018", "2018-10-01"),
        ("US_DATE_FORMAT", "2018-10-01", "2018-10-01"),
        ("US_DATETIME_FORMAT", "10/1/2018 12:05 AM", "2018-10-01T00:05:00Z"),
        ("US_DATETIME_FORMAT", "10/1/2018 1:05:09 pm", "2018-10-01T13:05:09Z"),
        ("US_DATETIME_FORMAT", "10/1/2018 13:05 pm", "10/1/2018 13:05 pm"),
        ({"substring": {"start": 2}}, "ABC", "BC"),
        ({"substring": {"length": 2}}, "ABC", "AB"),
        ({"substring": {"starting_text": "(", "ending_text": ")"}}, "Adatum (DK) A/S", "DK"),
        ({"substring": {"starting_text": "("}}, "Adatum", ""),
        ({"substring": {"ending_text": ")"}}, "Adatum", ""),
        ({"substring": {"starting_text": "(", "length": 1}}, "Adatum (DK)", "D"),
        ({"replace": {"find": ".", "with": "-"}}, "1.2.3", "1-2-3"),
        ({"replace": {"find": "a", "with": "b"}}, "Aa", "Ab"),
        ({"replace": {"find": "a"}}, "banana", "bnn"),
        ({"regex_replace": {"find": "[A-C]+", "with": "<"}}, "xabc", "x<"),
        ({"regex_replace": {"find": r"(\w+) (\w+)", "with": "$2, $1"}}, "Ann Lee", "Lee, Ann"),
        ({"regex_replace": {"find": "a", "with": r"\n$$"}}, "A", r"\n$"),
        ({"regex_match": {"find": r"no (\d+)-(\d+)"}}, "Order No 12-34", "1234"),
        ({"regex_match": {"find": r"no (\d+)(x)?"}}, "No 12", "12"),
        ({"regex_match": {"find": r"no (\d+)"}}, "none", ""),
        ({"date_format": {"format": "dd.MM.yyyy"}}, "01.10.2018", "2018-10-01"),
        ({"date_format": {"format": "d/M yy"}}, "1/10 29", "2029-10-01"),
        ({"date_format": {"format": "d/M yy"}}, "1/10 30", "1930-10-01"),
        ({"date_format": {"culture": "sv-SE"}}, "2018-10-01", "2018-10-01"),
        ({"date_format": {"culture": "de-DE"}}, "1.10.2018", "2018-10-01"),
        ({"datetime_format": {"format": "yyyy-MM-dd hh:mm tt"}}, "2018-10-01 12:00 PM",
         "2018-10-01T12:00:00Z"),
        ({"decimal_format": {"culture": "fr-FR"}}, "1\u202f234,50", "1234.5"),
        ({"decimal_format": {"culture": "de-CH"}}, "1'234.50", "1234.5"),
    ],
)  # fmt: skip
def test_a_rule_does_what_it_says(rule, text, expected):
    assert after([rule], text) == [expected]


def test_every_shipped_code_has_an_example():
    codes = {mark.args[1][i][0] for mark in test_a_rule_does_what_it_says.pytestmark
             for i in range(len(mark.args[1])) if isinstance(mark.args[1][i][0], str)}  # fmt: skip
    assert codes == set(CODES)


def test_rules_run_in_their_order_and_nothing_is_blank():
    chain = ["TRIM", {"replace": {"find": " ", "with": "_"}}, "UPPERCASE"]
    assert after(chain, " a b ", None, "") == ["A_B", "", ""]
    assert after(list(reversed(chain)), " a b ") == ["_A_B_"]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), max_size=6))
def test_rules_give_a_text_for_every_text(values):
    own = [{"regex_match": {"find": "(.)(b)?"}}, {"decimal_format": {"culture": "nb-NO"}}]
    for rules in (list(CODES), own):
        out = after(rules, *values)
        assert len(out) == len(values)
        assert all(isinstance(each, str) for each in out)


def test_without_rules_for_the_direction_values_are_untouched():
    values = arrow(["a"])
    assert transformed(row(["UPPERCASE"]), "to_nav", values) is values


DAY = Column("new_day", "date")
TIME = Column("new_at", "datetime")
AMOUNT = Column("new_amount", "decimal", scale=2)


@pytest.mark.parametrize(
    ("crm", "rules", "text", "there"),
    [
        (DAY, ["YYYYMMDD_DATE"], "20181001", "2018-10-01"),
        (TIME, ["YYYYMMDD_DATE"], "20181001", "2018-10-01T00:00:00Z"),
        (TIME, ["TRIM"], " 2018-10-01T10:00:00+02:00 ", "2018-10-01T08:00:00Z"),
        (DAY, ["TRIM"], "2018-10-01T23:30:00-02:00", "2018-10-02"),
        (AMOUNT, ["DK_DECIMAL_FORMAT"], "1.234,50", "1234.5"),
        (AMOUNT, ["TRIM"], " 1234.500 ", "1234.5"),
    ],
)
def test_what_was_transferred_is_no_difference_afterwards(crm, rules, text, there):
    mapped = row(rules, crm=crm)
    moved = transfer(mapped, "to_crm", arrow([text]))
    assert not moved.leaves.any()
    assert not moved.fails.any()
    assert transformed(mapped, "to_crm", arrow([text])).to_pylist() == [there]
    assert compare_field(mapped, arrow([text]), moved.new).rows.tolist() == []


@pytest.mark.parametrize("crm", [DAY, TIME])
def test_a_text_that_is_no_date_fails_the_record_r4_12(crm):
    mapped = row(["YYYYMMDD_DATE"], crm=crm)
    values = arrow(["20181001", "soon", "", "20181001"])
    moved = transfer(mapped, "to_crm", values)
    assert moved.fails.tolist() == [False, True, False, False]
    assert not moved.leaves.any()
    blank = pa.nulls(4, pa.timestamp("us", "UTC" if crm is TIME else None))
    found = compare_field(mapped, values, blank)
    assert found.rows.tolist() == [0, 1, 3]
    assert found.fails_to_crm.tolist() == [False, True, False]
    assert found.to_crm.tolist() == [True, False, True]


def test_without_rules_a_text_that_is_no_date_leaves_the_field_alone():
    moved = transfer(row([], crm=DAY), "to_crm", arrow(["soon", "now", "2018-10-01"]))
    assert moved.leaves.tolist() == [True, True, False]
    assert not moved.fails.any()


@pytest.mark.parametrize("text", ["NaN", "Infinity", "1e400", "9" * 30, "x"])
def test_a_text_that_is_no_amount_a_column_can_hold_leaves_the_field_alone(text):
    for crm in (AMOUNT, Column("new_count", "integer")):
        moved = transfer(row([], crm=crm), "to_crm", arrow([text, "12"]))
        assert moved.leaves.tolist() == [True, False]


def test_rules_of_one_direction_leave_the_other_alone():
    mapped = row(["UPPERCASE"], direction="both")
    found = compare_field(mapped, arrow(["a", "a", "b"]), arrow(["A", "a", "x"]))
    assert found.rows.tolist() == [2]  # the others are right for one of the passes
    assert transfer(mapped, "to_nav", arrow(["x"])).new.to_pylist() == ["x"]
    assert transfer(mapped, "to_crm", arrow(["x"])).new.to_pylist() == ["X"]


def test_what_a_rule_makes_longer_is_cut_to_the_destination_only():
    short = Column("Code", "code", 3)
    mapped = row([{"replace": {"find": "A", "with": "ABCDE"}}], nav=short)
    assert transfer(mapped, "to_crm", arrow(["A"])).new.to_pylist() == ["ABCDE"]
    assert compare_field(mapped, arrow(["A"]), arrow(["ABCDE"])).rows.tolist() == []
    assert compare_field(mapped, arrow(["A"]), arrow(["ABC"])).to_crm.tolist() == [True]


def problems_of(transformation, pair="nav: Name, crm: name", mapping="CUSTOMER"):
    text = f"{mapping}: {{fields: [{{{pair}, transformation: {transformation}}}]}}"
    with pytest.raises(ConfigError) as caught:
        load_catalog(yaml.safe_load(text), source="m.yaml")
    return caught.value.problems


PATH = "m.yaml: CUSTOMER.fields[0].transformation"


@pytest.mark.parametrize(
    ("rule", "path", "said"),
    [
        ("UPERCASE", "", "no rule 'UPERCASE'. Did you mean 'UPPERCASE'"),
        ("{replce: {find: a}}", "", "Did you mean 'replace'"),
        ("{replace: {find: a}, substring: {start: 1}}", "", "one rule with its settings"),
        ("3", "", "found '3'"),
        ("{replace: {with: a}}", ".replace.find", "is missing"),
        ("{replace: {fnd: a}}", ".replace.fnd", "unknown key. Did you mean 'find'"),
        ("{replace: {find: ''}}", ".replace.find", "must be a text, found nothing"),
        ("{substring: {start: 0}}", ".substring.start", "must be 1 or more, found '0'"),
        ("{substring: {start: one}}", ".substring.start", "must be a whole number"),
        ("{substring: {start: 1, starting_text: a}}", ".substring.starting_text", "cannot go with"),
        ("{substring: {}}", ".substring", "needs start"),
        ("{regex_replace: {find: '('}}", ".regex_replace.find", "no regular expression"),
        ("{regex_replace: {find: a, with: $1}}", ".regex_replace.with", "cannot replace"),
        ("{regex_match: {find: a}}", ".regex_match.find", "needs a group"),
        ("{date_format: {}}", ".date_format", "needs a format"),
        ("{date_format: {format: yyyyMM}}", ".date_format.format", "does not say the day"),
        ("{date_format: {format: yyyyMMdd dd}}", ".date_format.format", "twice"),
        ("{date_format: {format: yyyyMMMdd}}", ".date_format.format", "'MMM' is no part"),
        ("{decimal_format: {}}", ".decimal_format.culture", "is missing"),
        ("{decimal_format: {culture: da-DA}}", ".decimal_format.culture", "'da-DK'"),
    ],
)
def test_a_wrong_rule_is_refused_with_its_path_what_was_found_and_what_is_allowed(rule, path, said):
    [problem] = problems_of(f"{{to_crm: [TRIM, {rule}]}}")
    assert problem.startswith(f"{PATH}.to_crm[1]{path}: ")
    assert said in problem


@pytest.mark.parametrize(
    ("transformation", "pair", "said"),
    [
        ("[TRIM]", "nav: Name, crm: name", "transformation: must be a table of keys"),
        ("{to_rcm: [TRIM]}", "nav: Name, crm: name", "Did you mean 'to_crm'"),
        ("{to_crm: TRIM}", "nav: Name, crm: name", "to_crm: must be a list, found 'TRIM'"),
        ("{to_nav: [TRIM]}", "nav: Name, crm: name, direction: to_crm", "the field goes to_crm"),
        ("{to_crm: [TRIM]}", "nav: Credit Limit (LCY), crm: creditlimit", "is a decimal"),
        (
            "{to_nav: [TRIM]}",
            "nav: Salesperson Code, crm: ownerid, direction: both",
            "ownerid is a lookup",
        ),
        ("{to_crm: [TRIM]}", "crm: fax, constant: '1'", "a constant has no source"),
    ],
)
def test_rules_stand_only_where_a_text_travels(transformation, pair, said):
    [problem] = problems_of(transformation, pair)
    assert problem.startswith("m.yaml: CUSTOMER.fields[0].transformation")
    assert said in problem
