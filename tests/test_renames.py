"""Couplings follow NAV records that are renamed, whatever else happens (engine R1.8b)."""

import pandas as pd
import pytest
import sqlalchemy as sa

from navcrm_recon.frames import TEXT, conform
from navcrm_recon.recon.couplings import renamed

GIVEN = {
    "mappings": {"CUSTOMER": {"synch_only_coupled": False}},
    "nav": {"Customer": [{"No.": "10000", "Name": "Adatum"}]},
}
COUPLED = {
    "crm": {"account": [{"accountid": "acc-1", "name": "Adatum", "customertypecode": 3}]},
    "couplings": [
        {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1", "synchronized": True}
    ],
}


def rename(world, new="10001"):
    world.take("advance", "1h")
    world.take("edit_nav", {"table": "Customer", "key": "10000", "set": {"No.": new}})
    world.take("advance", "1h")


def in_state(world, *statements):
    engine = sa.create_engine(world._urls["state"], poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            assert connection.execute(sa.text(statement)).rowcount == 1


def known(world):
    return world.workspace._scene.store.coupling_records("CUSTOMER")


def identity(world):
    """The Integration ID NAV has for its one customer."""
    nav = world.workspace.side("nav")
    return nav.stamps(world.workspace.mappings["CUSTOMER"].nav)["identity"].item()


def accounts(world):
    return world.workspace.read("CUSTOMER", "crm")["name"].tolist()


def test_a_record_renamed_before_an_interrupted_run_is_finished_is_not_made_twice(build_anywhere):
    world = build_anywhere(**GIVEN)
    world.workspace.synchronize("CUSTOMER", "to_crm")
    # As a run leaves it that was killed after the account was made.
    in_state(
        world, "DELETE FROM coupling", "UPDATE journal SET outcome = '' WHERE action = 'insert'"
    )
    rename(world)
    world.workspace.synchronize("CUSTOMER")
    assert accounts(world) == ["Adatum"]
    assert known(world)["nav_key"].tolist() == ["10001"]


@pytest.mark.parametrize("direction", ["to_crm", "to_nav"])
def test_a_coupling_without_the_id_gets_it_with_the_next_success(build_anywhere, direction):
    world = build_anywhere(**GIVEN, **COUPLED)
    in_state(world, "UPDATE coupling SET integration_id = ''")
    world.take("advance", "1h")
    nav = {"table": "Customer", "key": "10000", "set": {"Name": "Adatum Ltd"}}
    crm = {"entity": "account", "key": "acc-1", "set": {"name": "Adatum Ltd"}}
    world.take(*(("edit_nav", nav) if direction == "to_crm" else ("edit_crm", crm)))
    (job,) = world.workspace.synchronize("CUSTOMER", direction)
    assert (job.modified, job.failed) == (1, 0)
    assert known(world)["integration_id"].tolist() == [identity(world)]
    rename(world)
    world.workspace.synchronize("CUSTOMER")
    assert known(world)["nav_key"].tolist() == ["10001"]
    assert accounts(world) == ["Adatum Ltd"]


def test_looking_and_planning_move_nothing(build_anywhere):
    world = build_anywhere(**GIVEN, **COUPLED)
    rename(world)
    before = known(world)
    world.workspace.couplings("CUSTOMER")
    world.workspace.diff("CUSTOMER")
    plan = world.workspace.plan("CUSTOMER")
    assert set(plan.actions["nav_key"]) == {"10001"}
    pd.testing.assert_frame_equal(known(world), before)


def test_a_move_keeps_stamps_results_and_baseline(build_anywhere):
    world = build_anywhere(**GIVEN, **COUPLED)
    before = known(world)
    rename(world)
    world.workspace.couple("CUSTOMER", "10001", world.handles.id("acc-1"))
    pd.testing.assert_frame_equal(
        known(world), before.assign(nav_key="10001").astype(before.dtypes)
    )


def couplings(*rows):
    names = ["nav_key", "crm_id", "integration_id"]
    return conform(pd.DataFrame(rows, columns=names), "coupling_records")


def moves(records, **places):
    removed, moved = renamed(records, pd.Series(places, dtype=TEXT))
    return [
        sorted(zip(frame["nav_key"], frame["crm_id"], strict=True)) for frame in (removed, moved)
    ]


def test_only_what_nav_has_under_another_key_moves():
    records = couplings(("1", "a", "x"), ("2", "b", "y"), ("3", "c", ""), ("4", "d", "z"))
    assert moves(records, x="9", y="2", w="3") == [[("1", "a")], [("9", "a")]]


def test_numbers_are_passed_on_and_around():
    records = couplings(("1", "a", "x"), ("2", "b", "y"), ("3", "c", "z"))
    assert moves(records, x="2", y="3", z="1") == [
        [("1", "a"), ("2", "b"), ("3", "c")],
        [("1", "c"), ("2", "a"), ("3", "b")],
    ]


def test_a_coupling_of_a_deleted_record_gives_way():
    records = couplings(("1", "a", "x"), ("2", "b", "y"), ("2", "c", ""))
    assert moves(records, x="2") == [[("1", "a"), ("2", "b"), ("2", "c")], [("2", "a")]]


def test_a_record_keeps_the_coupling_it_has_by_its_own_id():
    records = couplings(("1", "a", "x"), ("2", "b", "x"), ("3", "c", "y"), ("4", "d", "z"))
    assert moves(records, x="2", y="4", z="4") == [[], []]
