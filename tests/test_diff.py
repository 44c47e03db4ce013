"""Why two coupled records differ, and what the next synchronisation would do about it."""

import numpy as np
import pandas as pd
import pytest

from navcrm_recon.catalog.model import Column, FieldMapping, Table, TableMapping
from navcrm_recon.frames import SCHEMAS, TEXT
from navcrm_recon.recon.align import Pairs, pair_up
from navcrm_recon.recon.baseline import baseline
from navcrm_recon.recon.diff import diff
from navcrm_recon.recon.references import Reference, arrow_text
from navcrm_recon.recon.resolution import Changes


def field(nav, crm, direction="both", **settings):
    settings = {"transfer": "text"} | settings
    return FieldMapping(Column(nav, "text", 50), Column(crm, "text", 100), direction, **settings)


def mapping(*rows, direction="both", **settings):
    nav = Table("nav", "Customer", ("No.",), {row.nav.name: row.nav for row in rows})
    crm = Table("crm", "account", ("accountid",), {row.crm.name: row.crm for row in rows})
    return TableMapping("CUSTOMER", nav, crm, direction, rows, {}, **settings)


NAME = field("Name", "name")
CITY = field("City", "city")
PHONE_TO_CRM = field("Phone", "phone", "to_crm")
RATING_TO_NAV = field("Rating", "rating", "to_nav")


def record(side, key, **values):
    index = pd.Index([key], dtype=TEXT, name="nav_key" if side == "nav" else "crm_id")
    return pd.DataFrame(
        {name: pd.Series([v], dtype=TEXT, index=index) for name, v in values.items()}
    )


def changes(nav=False, crm=False, **more):
    """Say what is known of one pair."""
    flags = {
        "nav_later": nav, "crm_later": crm, "nav_modified": nav, "crm_modified": crm,
        "nav_picked": True, "crm_picked": True,
        "own_write": False, "fresh": False, "skipped": False,
        "nav_untimed": False, "crm_untimed": False,
    } | more  # fmt: skip
    base = flags.pop("baseline", None)
    arrays = {name: np.array([value]) for name, value in flags.items()}
    return Changes(**arrays, baseline=pd.Series([base], dtype=object))


def found(what, nav, crm, known, references=None):
    frame = diff(what, Pairs(np.array([0]), np.array([0])), nav, crm, references or {}, known)
    assert list(frame.columns) == list(SCHEMAS["diff"])
    return {row.nav_field: (row.cause, row.resolution) for row in frame.itertuples()}


def one(what, known, **values):
    """Compare one pair whose fields hold ``values`` as ``name=(NAV value, CRM value)``."""
    nav = record("nav", "10000", **{row.nav.name: values[row.crm.name][0] for row in what.fields})
    crm = record("crm", "acc", **{row.crm.name: values[row.crm.name][1] for row in what.fields})
    return found(what, nav, crm, known)


@pytest.mark.parametrize(
    ("nav", "crm", "direction", "expected"),
    [
        (True, False, "both", ("changed_in_nav", "to_crm")),
        (False, True, "both", ("changed_in_crm", "to_nav")),
        (True, True, "both", ("changed_in_both", "conflict")),
        (False, False, "both", ("drifted", "none")),
        (True, False, "to_nav", ("changed_in_nav", "none")),
        (True, True, "to_crm", ("changed_in_both", "to_crm")),
        (True, True, "to_nav", ("changed_in_both", "to_nav")),
        (False, True, "to_crm", ("changed_in_crm", "none")),
    ],
)
def test_the_side_that_changed_decides_the_direction(nav, crm, direction, expected):
    what = mapping(NAME, direction=direction)
    assert one(what, changes(nav, crm), name=("A", "B")) == {"Name": expected}


def test_a_fresh_coupling_was_never_synchronized_and_conflicts():
    known = changes(True, True, fresh=True)
    assert one(mapping(NAME), known, name=("A", "B")) == {
        "Name": ("never_synchronized", "conflict")
    }


@pytest.mark.parametrize(
    ("setting", "resolution"), [("none", "conflict"), ("send", "to_crm"), ("get", "to_nav")]
)
def test_a_conflict_is_resolved_as_the_mapping_says(setting, resolution):
    what = mapping(NAME, update_conflict=setting)
    assert one(what, changes(True, True), name=("A", "B"))["Name"][1] == resolution


def test_fields_of_one_direction_are_merged():
    what = mapping(NAME, PHONE_TO_CRM, RATING_TO_NAV)
    out = one(what, changes(True, True), name=("A", "A"), phone=("1", "2"), rating=("x", "y"))
    assert {name: each[1] for name, each in out.items()} == {"Phone": "merge", "Rating": "merge"}


def test_a_field_of_one_direction_waits_for_the_conflict_beside_it():
    what = mapping(NAME, PHONE_TO_CRM)
    out = one(what, changes(True, True), name=("A", "B"), phone=("1", "2"))
    assert out["Phone"][1] == "conflict"


def with_baseline(what, before, now):
    """Compare records as they are now, knowing how they were at the last success."""
    frames = {
        moment: (
            record("nav", "10000", **{r.nav.name: values[r.crm.name][0] for r in what.fields}),
            record("crm", "acc", **{r.crm.name: values[r.crm.name][1] for r in what.fields}),
        )
        for moment, values in {"before": before, "now": now}.items()
    }
    blob = baseline(what, *frames["before"]).iloc[0]
    return found(what, *frames["now"], changes(True, True, baseline=blob))


def test_the_baseline_tells_who_changed_which_field():
    what = mapping(NAME, CITY, update_conflict="merge")
    out = with_baseline(
        what,
        {"name": ("A", "A"), "city": ("X", "X")},
        {"name": ("B", "A"), "city": ("X", "Y")},
    )
    assert out == {"Name": ("changed_in_nav", "merge"), "City": ("changed_in_crm", "merge")}


def test_one_field_changed_on_both_sides_stops_the_merge():
    what = mapping(NAME, CITY, update_conflict="merge")
    out = with_baseline(
        what,
        {"name": ("A", "A"), "city": ("X", "X")},
        {"name": ("B", "C"), "city": ("X", "Y")},
    )
    assert out == {"Name": ("changed_in_both", "conflict"), "City": ("changed_in_crm", "blocked")}


def test_a_difference_that_was_there_at_the_last_success_drifted():
    what = mapping(NAME)
    same = {"name": ("A", "B")}
    assert with_baseline(what, same, same)["Name"][0] == "drifted"


def test_a_baseline_survives_a_change_of_the_mapping():
    before = mapping(NAME)
    nav, crm = record("nav", "1", Name="A", City="X"), record("crm", "a", name="A", city="Y")
    blob = baseline(before, nav, crm).iloc[0]
    known = changes(False, True, baseline=blob)
    assert found(mapping(CITY, NAME), nav, crm, known) == {"City": ("changed_in_crm", "to_nav")}


def test_a_skipped_coupling_is_blocked_until_it_is_restored():
    assert one(mapping(NAME), changes(True, skipped=True), name=("A", "B"))["Name"][1] == "blocked"


def test_an_own_write_is_not_fetched_but_still_conflicts():
    own = changes(False, True, own_write=True)
    assert one(mapping(NAME), own, name=("A", "B"))["Name"][1] == "none"
    both = changes(True, True, own_write=True)
    assert one(mapping(NAME), both, name=("A", "B"))["Name"][1] == "conflict"
    with_crm_field = mapping(NAME, RATING_TO_NAV)
    out = one(with_crm_field, own, name=("A", "B"), rating=("x", "x"))
    assert out["Name"][1] == "to_nav"


def test_an_uncoupled_reference_blocks_every_field_of_its_record():
    owner = FieldMapping(
        Column("Owner", "code", 20), Column("ownerid", "lookup"), "to_crm", "coupled_lookup",
        via="SALESPEOPLE", blank="leave_unchanged",
    )  # fmt: skip
    what = mapping(NAME, owner)
    people = {owner.pair: Reference(arrow_text(["JR"]), arrow_text(["user-jr"]))}
    nav = record("nav", "1", Name="A", Owner="XX")
    crm = record("crm", "a", name="B", ownerid="user-jr")
    assert found(what, nav, crm, changes(True), people) == {
        "Name": ("changed_in_nav", "blocked"),
        "Owner": ("uncoupled_reference", "blocked"),
    }
    assert found(what, nav, crm, changes(False, True), people)["Name"][1] == "to_nav"


def test_a_truncated_text_is_reported_and_left_alone():
    out = one(mapping(NAME), changes(True, True), name=("A" * 50, "A" * 60))
    assert out == {"Name": ("truncated", "none")}


def test_the_same_pairs_in_another_order_give_the_same_frame():
    keys = [f"{n:04d}" for n in range(200)]
    nav = pd.DataFrame(
        {"Name": [f"n{k}" for k in keys]}, index=pd.Index(keys, name="nav_key"), dtype=TEXT
    )
    crm = pd.DataFrame(
        {"name": [f"n{k}" for k in reversed(keys)]}, index=pd.Index(keys, name="crm_id"), dtype=TEXT
    )
    nav.index, crm.index = nav.index.astype(TEXT), crm.index.astype(TEXT)
    what = mapping(NAME)
    couplings = pd.DataFrame({"nav_key": keys, "crm_id": keys}, dtype=TEXT)
    frames = []
    for records in (couplings, couplings.iloc[::-1], couplings.sample(frac=1, random_state=3)):
        for rows in (nav, nav.iloc[::-1], nav.iloc[:60]):
            pairs, _ = pair_up(records, rows.index, crm.index)
            frame = diff(what, pairs, rows, crm, {}, Changes.unknown(len(pairs)))
            frames.append(frame[frame["nav_key"] < "0060"].reset_index(drop=True))
    for frame in frames[1:]:
        pd.testing.assert_frame_equal(frames[0], frame)


def test_a_record_coupled_twice_is_compared_with_both():
    nav = pd.concat([record("nav", "1", Name="A"), record("nav", "2", Name="B")])
    crm = pd.concat(
        [record("crm", "a", name="X"), record("crm", "b", name="Y"), record("crm", "c", name="B")]
    )
    pairs = Pairs(np.array([0, 0, 1]), np.array([0, 1, 2]))
    out = diff(mapping(NAME), pairs, nav, crm, {}, Changes.unknown(3))
    assert out[["nav_key", "crm_id"]].to_numpy().tolist() == [["1", "a"], ["1", "b"]]


def test_a_field_a_side_lacks_is_not_compared_and_frames_stay_as_they_were():
    nav, crm = record("nav", "1", Name="A", City="X"), record("crm", "a", name="B")
    before = nav.copy(), crm.copy()
    assert list(found(mapping(NAME, CITY), nav, crm, changes(True))) == ["Name"]
    pd.testing.assert_frame_equal(nav, before[0])
    pd.testing.assert_frame_equal(crm, before[1])
