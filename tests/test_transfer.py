"""What happens to a value on its way to the other side, and when two values are the same."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.catalog.model import Column, FieldMapping
from navcrm_recon.recon.compare import FieldFindings, compare_field
from navcrm_recon.recon.references import Reference
from navcrm_recon.recon.values import as_code, at_least, cut, rounded, units

texts = st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=30), max_size=20)
lengths = st.integers(0, 25)
DECIMALS = pa.decimal128(38, 20)


def arrow(values):
    return pa.array(values, type=pa.large_string())


def row(nav=None, crm=None, direction="both", transfer="text", **settings):
    return FieldMapping(nav, crm, direction, transfer, **settings)


def text_row(nav_length=50, crm_length=100, kind="text", direction="both"):
    nav, crm = Column("Name", kind, nav_length), Column("name", "text", crm_length)
    return row(nav, crm, direction)


def compare(mapped, nav, crm, reference=None) -> FieldFindings:
    return compare_field(mapped, nav, crm, reference)


def differs(mapped, nav, crm, reference=None):
    found = compare(mapped, nav, crm, reference)
    return found.rows[~found.truncated].tolist()


@given(texts, lengths)
def test_cutting_keeps_a_prefix_that_fits_and_is_done_once(values, length):
    out = cut(arrow(values), length).to_pylist()
    for before, after in zip(values, out, strict=True):
        assert before.startswith(after)
        assert len(after.encode("utf-16-le")) <= 2 * length
    assert cut(arrow(out), length).to_pylist() == out


@given(texts)
def test_a_length_counts_what_sql_server_counts(values):
    expected = [len(value.encode("utf-16-le")) // 2 for value in values]
    assert units(arrow(values)).to_pylist() == expected


@given(texts)
def test_a_code_is_a_code_again(values):
    once = as_code(arrow(values))
    assert as_code(once).to_pylist() == once.to_pylist()


@pytest.mark.parametrize(
    ("text", "code"),
    [(" de ", "DE"), ("straße", "STRAßE"), ("København", "KØBENHAVN"), ("", ""), ("ﬁ", "ﬁ")],
)
def test_a_code_is_upper_case_without_blanks_around(text, code):
    assert as_code(arrow([text])).to_pylist() == [code]


@given(st.lists(st.decimals(-(10**12), 10**12, places=12), max_size=20))
def test_rounding_to_crm_is_half_away_from_zero_and_done_once(amounts):
    once = rounded(pa.array(amounts, type=DECIMALS), 4)
    expected = [amount.quantize(Decimal("0.0001"), "ROUND_HALF_UP") for amount in amounts]
    assert once.to_pylist() == expected
    assert rounded(once, 4).to_pylist() == expected


def test_a_negative_price_becomes_zero_and_a_blank_stays_blank():
    amounts = pa.array([Decimal(-1), Decimal(2), None], type=DECIMALS)
    assert at_least(amounts, 0).to_pylist() == [0, 2, None]


@given(texts, st.integers(1, 20), st.integers(1, 20))
def test_a_text_that_travelled_is_no_difference(values, nav_length, crm_length):
    nav = cut(arrow(values), nav_length)
    there = cut(nav, crm_length)
    assert differs(text_row(nav_length, crm_length), nav, there) == []
    back = cut(there, nav_length)
    assert differs(text_row(nav_length, crm_length), back, there) == []


@given(texts, st.integers(1, 20), st.integers(1, 20))
def test_a_code_that_came_from_crm_is_no_difference(values, nav_length, crm_length):
    crm = cut(arrow(values), crm_length)
    nav = as_code(cut(crm, nav_length))
    assert differs(text_row(nav_length, crm_length, "code"), nav, crm) == []


@given(texts)
def test_a_text_with_another_end_is_a_difference(values):
    nav = arrow(values)
    crm = arrow([value + "x" for value in values])
    assert differs(text_row(100, 100), nav, crm) == list(range(len(values)))


def test_only_the_shorter_declared_length_counts_and_the_rest_is_reported_as_cut():
    found = compare(
        text_row(5, 10), arrow(["abcde", "abcde", "ab"]), arrow(["abcdefg", "abcde", "abc"])
    )
    assert found.rows.tolist() == [0, 2]
    assert found.truncated.tolist() == [True, False]
    assert found.to_crm.tolist() == [False, True]


def test_a_code_in_lower_case_in_crm_is_no_difference_unless_nav_alone_decides():
    nav, crm = arrow(["DE"]), arrow(["de"])
    assert differs(text_row(10, 80, "code"), nav, crm) == []
    assert differs(text_row(10, 80, "code", "to_crm"), nav, crm) == [0]


def test_a_longer_country_name_is_cut_to_the_code():
    found = compare(text_row(10, 80, "code"), arrow(["UNITED KIN"]), arrow(["United Kingdom"]))
    assert found.truncated.tolist() == [True]


def test_an_amount_is_compared_as_crm_stores_it():
    price = row(
        Column("Price", "decimal", scale=20),
        Column("price", "decimal", scale=4),
        "to_crm",
        "number",
        minimum=0,
    )
    nav = pa.array([Decimal("1.00004"), Decimal("1.00005"), Decimal(-3), Decimal(0)], type=DECIMALS)
    crm = pa.array([Decimal(1), Decimal(1), Decimal(0), None], type=DECIMALS)
    assert differs(price, nav, crm) == [1]


def test_amounts_beyond_a_float_still_differ():
    price = row(
        Column("Price", "decimal", scale=20),
        Column("price", "decimal", scale=4),
        "to_crm",
        "number",
    )
    nav = pa.array([Decimal("10000000000000000.01")], type=DECIMALS)
    crm = pa.array([Decimal("10000000000000000.02")], type=DECIMALS)
    assert differs(price, nav, crm) == [0]


def test_a_date_is_the_day_whatever_the_time_and_a_closing_date_is_its_day():
    due = row(Column("Due Date", "date"), Column("duedate", "datetime"), "to_crm", "date")
    nav = pa.array(
        np.array(["2019-12-31T23:59:59", "2019-01-01", "NaT", "2019-01-01"], "datetime64[us]")
    )
    crm = pa.array(
        pd.to_datetime(["2019-12-31T00:00Z", "2019-01-01T22:00Z", None, None]),
        type=pa.timestamp("us", "UTC"),
    )
    assert differs(due, nav, crm) == [3]


def reference_row(direction="both", **settings):
    nav, crm = Column("Contact", "code", 20), Column("contactid", "lookup")
    return row(nav, crm, direction, "coupled_lookup", via="CONTACT", **settings)


PEOPLE = Reference(arrow(["A", "B"]), arrow(["id-a", "id-b"]))


def test_a_reference_is_the_same_when_its_records_are_coupled():
    assert (
        differs(reference_row(), arrow(["A", "B", ""]), arrow(["id-a", "id-b", ""]), PEOPLE) == []
    )
    assert differs(reference_row(), arrow(["A"]), arrow(["id-b"]), PEOPLE) == [0]


def test_a_reference_to_an_uncoupled_record_fails_the_record():
    found = compare(reference_row(), arrow(["X"]), arrow(["id-a"]), PEOPLE)
    assert found.uncoupled.tolist() == [True]
    assert found.fails_to_crm.tolist() == [True]
    assert found.fails_to_nav.tolist() == [False]
    assert found.to_crm.tolist() == [False]


def test_clear_on_failed_sync_empties_the_destination_instead():
    found = compare(reference_row(clear_on_failed_sync=True), arrow(["X"]), arrow(["id-a"]), PEOPLE)
    assert found.uncoupled.tolist() == [True]
    assert found.fails_to_crm.tolist() == [False]
    assert found.to_crm.tolist() == [True]


def test_an_uncoupled_nav_reference_is_not_cleared_by_an_empty_crm_value():
    found = compare(reference_row(clear_on_failed_sync=True), arrow(["X"]), arrow([""]), PEOPLE)
    assert found.uncoupled.tolist() == [True]
    assert (found.to_crm | found.to_nav).tolist() == [False]


def test_a_blank_salesperson_leaves_the_owner():
    owner = reference_row("to_crm", blank="leave_unchanged")
    assert differs(owner, arrow([""]), arrow(["id-a"]), PEOPLE) == []


def test_a_blank_currency_is_the_local_currency():
    money = Reference(arrow(["EUR"]), arrow(["id-eur"]), lcy_code="GBP", lcy_id="id-gbp")
    currency = reference_row(blank="local_currency")
    nav, crm = (
        arrow(["", "EUR", "GBP", "", ""]),
        arrow(["id-gbp", "id-eur", "id-gbp", "", "id-eur"]),
    )
    assert differs(currency, nav, crm, money) == [4]


def test_nothing_is_said_about_a_blank_currency_when_the_local_one_is_not_known():
    money = Reference(arrow(["EUR"]), arrow(["id-eur"]))
    currency = reference_row(blank="local_currency")
    assert differs(currency, arrow(["", "EUR"]), arrow(["id-gbp", "id-gbp"]), money) == [1]


def option_row(direction="both"):
    nav, crm = Column("Terms", "code", 10), Column("terms", "option")
    return row(nav, crm, direction, "option_via_coupling", via="PAYMENT TERMS")


TERMS = Reference(arrow(["NET30", "NET45"]), arrow(["1", "3"]))


def test_an_option_is_translated_and_zero_is_blank():
    nav = arrow(["NET30", "", "", "NET45"])
    crm = pa.array([1, 0, None, 1])
    assert differs(option_row(), nav, crm, TERMS) == [3]


def test_an_unmapped_option_is_reported_and_never_written():
    found = compare(option_row(), arrow(["COD", "NET30"]), pa.array([1, 99]), TERMS)
    assert found.missing_option.tolist() == [True, True]
    assert found.to_crm.tolist() == [False, True]
    assert found.to_nav.tolist() == [True, False]
    assert not (found.fails_to_crm | found.fails_to_nav).any()


def test_a_constant_is_compared_with_its_destination():
    kind = Column("Type", "option", options={0: "Company", 1: "Person"})
    person = row(kind, None, "to_nav", "constant", constant="Person")
    assert differs(person, pa.array([1, 0]), pa.nulls(2)) == [1]
    owner = row(None, Column("owneridtype", "text"), "to_crm", "constant", constant="systemuser")
    assert differs(owner, pa.nulls(2), arrow(["systemuser", "team"])) == [1]


def test_different_types_are_compared_as_text():
    status = Column("Status", "option", options={0: "Open", 1: "Released"})
    assert differs(
        row(status, Column("state", "text", 50)), pa.array([0, 1]), arrow(["open", "x"])
    ) == [1]
    number = row(Column("Floor", "integer"), Column("floor", "text", 10))
    assert differs(number, pa.array([3, 4]), arrow(["3", "5"])) == [1]
