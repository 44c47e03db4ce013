"""Which CRM record belongs to an uncoupled NAV record (engine 2.7)."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from navcrm_recon.catalog.model import Column, FieldMapping, Table, TableMapping
from navcrm_recon.frames import DECIMAL, TEXT, UTC
from navcrm_recon.recon.matching import criteria, match


def field(nav, crm, kinds=("text", "text"), priority=0, **settings):
    settings = {"transfer": "text", "match": True} | settings
    return FieldMapping(
        Column(nav, kinds[0], 50), Column(crm, kinds[1], 100), "both",
        match_priority=priority, **settings,
    )  # fmt: skip


def mapping(*rows):
    nav = Table("nav", "Customer", ("No.",), {row.nav.name: row.nav for row in rows if row.nav})
    crm = Table("crm", "account", ("accountid",), {row.crm.name: row.crm for row in rows})
    return TableMapping("CUSTOMER", nav, crm, "both", rows, {})


def frame(name, rows, **dtypes):
    """Make a record frame of ``key: (values)``."""
    index = pd.Index(list(rows), dtype=TEXT, name=name)
    columns = list(dtypes) or ["a", "b", "c"]
    return pd.DataFrame(
        {
            column: pd.Series(
                [values[place] for values in rows.values()],
                index=index,
                dtype=dtypes.get(column, TEXT),
            )
            for place, column in enumerate(columns)
            if all(len(values) > place for values in rows.values())
        },
        index=index,
    )


def outcome(what, nav, crm, taken=(), **dtypes):
    found = match(
        what,
        frame("nav_key", nav, **dtypes),
        frame("crm_id", crm, **dtypes),
        pd.Index(list(taken), dtype=TEXT),
    )
    assert list(found.columns) == ["crm_id", "priority", "reason"]
    assert [str(each) for each in found.dtypes] == ["str", "Int64", "str"]
    assert (found["crm_id"].ne("") == found["reason"].eq("matched")).all()
    assert (found["priority"].notna() == found["reason"].eq("matched")).all()
    return {
        key: row.crm_id if row.reason == "matched" else row.reason
        for key, row in zip(found.index, found.itertuples(), strict=True)
    }


A, B, C = field("a", "a"), field("b", "b"), field("c", "c")


def test_the_one_record_that_agrees_in_all_criteria_is_the_match():
    nav = {"1": ("Ann", "London"), "2": ("Bob", "London"), "3": ("Ann", "Paris")}
    crm = {"x": ("Ann", "London"), "y": ("Ann", "Bath"), "z": ("bob ", "LONDON")}
    assert outcome(mapping(A, B), nav, crm) == {"1": "x", "2": "z", "3": "no_match"}


def test_several_that_agree_are_none():
    crm = {"x": ("Ann",), "y": ("Ann",), "z": ("Bob",)}
    assert outcome(mapping(A), {"1": ("Ann",), "2": ("Bob",)}, crm) == {"1": "ambiguous", "2": "z"}


def test_a_coupled_record_is_taken_and_still_counts_as_a_candidate():
    crm = {"x": ("Ann",), "y": ("Bob",), "z": ("Bob",)}
    out = outcome(mapping(A), {"1": ("Ann",), "2": ("Bob",)}, crm, taken=["x", "y"])
    assert out == {"1": "taken", "2": "ambiguous"}


def test_the_first_by_primary_key_gets_the_record_two_ask_for():
    out = outcome(mapping(A), {"1": ("Ann",), "2": ("Ann",)}, {"x": ("Ann",)})
    assert out == {"1": "x", "2": "taken"}


def test_a_blank_nav_text_is_no_condition_and_a_blank_crm_text_no_wildcard():
    nav = {"1": ("Ann", ""), "2": ("Bob", "Bath"), "3": ("", "")}
    crm = {"x": ("Ann", "Bath"), "y": ("Bob", "")}
    assert outcome(mapping(A, B), nav, crm) == {"1": "x", "2": "no_match", "3": "no_criteria"}


def test_case_counts_where_the_row_says_so():
    exact = field("a", "a", case_sensitive=True)
    assert outcome(mapping(exact), {"1": ("Ann",)}, {"x": ("ANN",)}) == {"1": "no_match"}
    assert outcome(mapping(exact), {"1": ("Ann",)}, {"x": ("Ann",)}) == {"1": "x"}


def test_priorities_are_alternatives_and_the_lowest_number_is_first():
    what = mapping(field("b", "b", priority=2), field("a", "a", priority=1))
    nav = {"1": ("Ann", "Bath"), "2": ("Bob", "Kent"), "3": ("Eve", "Rome")}
    crm = {"x": ("Ann", "Kent"), "y": ("Zoe", "Bath"), "z": ("Zoe", "Rome")}
    found = match(
        what, frame("nav_key", nav), frame("crm_id", crm), pd.Index([], dtype=TEXT)
    )  # fmt: skip
    assert found["crm_id"].tolist() == ["x", "", "z"]
    assert found["priority"].tolist() == [1, pd.NA, 2]
    assert found["reason"].tolist() == ["matched", "taken", "matched"]


def test_a_taken_match_falls_back_to_the_next_priority():
    what = mapping(field("a", "a", priority=0), field("b", "b", priority=1))
    nav = {"1": ("Ann", ""), "2": ("Ann", "Kent"), "3": ("", "Kent")}
    crm = {"x": ("Ann", "Bath"), "y": ("Zoe", "Kent")}
    assert outcome(what, nav, crm) == {"1": "x", "2": "y", "3": "taken"}


def test_numbers_match_exactly_and_blank_is_zero():
    what = mapping(field("a", "a", ("decimal", "decimal"), transfer="number"))
    nav = {"1": (Decimal("1.50"),), "2": (Decimal(0),), "3": (Decimal("1.51"),)}
    crm = {"x": (Decimal("1.5"),), "y": (None,)}
    assert outcome(what, nav, crm, a=DECIMAL) == {"1": "x", "2": "y", "3": "no_match"}


def test_days_match_days_and_texts_numbers():
    what = mapping(field("a", "a", ("datetime", "datetime"), transfer="date"))
    moment = pd.Timestamp("2018-10-01T08:00:00.4Z")
    same = {"x": (moment.floor("s"),), "y": (pd.NaT,)}
    assert outcome(what, {"1": (moment,)}, same, a=UTC) == {"1": "x"}
    text = mapping(field("a", "a", ("code", "integer")))
    nav = frame("nav_key", {"1": ("007",), "2": ("8",)}, a=TEXT)
    crm = frame("crm_id", {"x": (7,), "y": (8,)}, a=pd.Int64Dtype())
    assert match(text, nav, crm, pd.Index([], dtype=TEXT))["crm_id"].tolist() == ["", "y"]


def test_what_is_no_criterion_is_left_out():
    rows = [
        field("a", "a", ("blob", "text")),
        field("b", "b", ("code", "lookup")),
        FieldMapping(None, Column("c", "text"), "both", "constant", constant="x", match=True),
        field("d", "d", ("guid", "guid")),
        field("e", "e", match=False),
        field("f", "f", priority=-1, enabled=False),
    ]
    assert [row.pair for row in criteria(mapping(*rows))] == [("f", "f"), ("d", "d")]
    assert outcome(mapping(rows[0]), {"1": ("x",)}, {"x": ("x",)}) == {"1": "no_criteria"}


def test_a_criterion_whose_field_is_not_there_never_holds():
    out = outcome(mapping(A, B), {"1": ("Ann", "Bath")}, {"x": ("Ann",)}, a=TEXT)
    assert out == {"1": "no_criteria"}


def test_an_option_counts_once_under_its_name_and_label():
    what = mapping(field("a", "a", ("code", "option")))
    nav = frame("nav_key", {"NET30": ("NET30",), "FOB": ("FOB",)}, a=TEXT)
    keys = pd.Index(["1", "1", "2", "2"], dtype=TEXT, name="crm_id")
    forms = pd.Series(["Net30", "Net 30", "FOB", "FOB"], index=keys, dtype=TEXT)
    found = match(what, nav, pd.DataFrame({"a": forms}), pd.Index([], dtype=TEXT))
    assert found["crm_id"].tolist() == ["1", "2"]


@pytest.mark.parametrize(("nav", "crm"), [({}, {"x": ("A",)}), ({"1": ("A",)}, {}), ({}, {})])
def test_nothing_on_a_side_is_no_error(nav, crm):
    nav_frame = frame("nav_key", nav, a=TEXT)
    found = match(mapping(A), nav_frame, frame("crm_id", crm, a=TEXT), pd.Index([], dtype=TEXT))
    assert found["reason"].tolist() == ["no_match"] * len(nav)


def in_words(what, nav, crm, taken):
    """The algorithm of engine 2.7, record by record."""
    taken, out = set(taken), {}
    for key, record in nav.items():
        out[key] = ""
        for priority in sorted({row.match_priority for row in what.fields}):
            conditions = [
                (place, record[place].lower())
                for place, row in enumerate(what.fields)
                if row.match_priority == priority and record[place]
            ]
            hits = [
                id_
                for id_, other in crm.items()
                if all(other[place].lower() == value for place, value in conditions)
            ]
            if conditions and len(hits) == 1 and hits[0] not in taken:
                out[key] = hits[0]
                taken.add(hits[0])
                break
    return out


letters = st.sampled_from(["", "a", "A", "b", "c"])
records = st.lists(st.tuples(letters, letters, letters), max_size=8)


@given(
    records, records, st.lists(st.integers(0, 1), min_size=3, max_size=3),
    st.sets(st.integers(0, 7)),
)  # fmt: skip
def test_it_is_the_algorithm_of_the_rule(nav, crm, priorities, coupled):
    what = mapping(
        *(field(name, name, priority=each) for name, each in zip("abc", priorities, strict=True))
    )
    nav_rows = {str(place): values for place, values in enumerate(nav)}
    crm_rows = {f"crm{place}": values for place, values in enumerate(crm)}
    taken = [f"crm{place}" for place in coupled]
    dtypes = dict.fromkeys("abc", TEXT)
    found = match(
        what,
        frame("nav_key", nav_rows, **dtypes),
        frame("crm_id", crm_rows, **dtypes),
        pd.Index(taken, dtype=TEXT),
    )
    assert found["crm_id"].to_dict() == in_words(what, nav_rows, crm_rows, taken)


def test_a_hundred_thousand_records_find_their_own():
    numbers = np.arange(100_000)
    index = pd.Index([f"{n:06}" for n in numbers], dtype=TEXT, name="nav_key")
    ids = pd.Index([f"id{n}" for n in numbers], dtype=TEXT, name="crm_id")
    names = [f"Name {n}" for n in numbers]
    nav = pd.DataFrame({"a": pd.Series(names, index=index, dtype=TEXT)})
    crm = pd.DataFrame({"a": pd.Series(names, index=ids, dtype=TEXT)})
    found = match(mapping(A), nav, crm, pd.Index([], dtype=TEXT))
    assert found["crm_id"].tolist() == ids.tolist()
