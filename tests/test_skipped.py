"""The worklist of skipped records, and putting them back (engine 6)."""

from datetime import timedelta

import pandas as pd
import pytest

from navcrm_recon.errors import NotFoundError
from navcrm_recon.frames import SCHEMAS, empty

TIMES = pd.to_datetime(["2018-10-01T10:00Z", "2018-10-01T12:00Z"])


def company(build):
    """Two skipped customers, one whose errors are gone, and a skipped salesperson."""
    skipped = {"skipped": True, "last_synch_crm_result": "failure"}
    world = build(
        nav={
            "Customer": [{"No.": no, "Name": f"Customer {no}"} for no in ("1", "2", "3")],
            "Salesperson/Purchaser": [{"Code": "JR", "Name": "John"}],
        },
        crm={
            "account": [{"accountid": f"acc-{n}", "name": f"Account {n}", "customertypecode": 3}
                        for n in (1, 2, 3)],
            "systemuser": [{"systemuserid": "u-1", "fullname": "Jane"}],
        },
        couplings=[
            {"mapping": "CUSTOMER", "nav_key": "1", "crm_id": "acc-1"} | skipped,
            {"mapping": "CUSTOMER", "nav_key": "2", "crm_id": "acc-2"} | skipped,
            {"mapping": "CUSTOMER", "nav_key": "3", "crm_id": "acc-3"},
            {"mapping": "SALESPEOPLE", "nav_key": "JR", "crm_id": "u-1", "skipped": True,
             "last_synch_result": "failure"},
        ],
    )  # fmt: skip
    store = world.workspace._scene.store
    known = store.coupling_records()
    ours = known["nav_key"].isin(["1", "JR"])
    store.save_couplings(
        known.assign(
            last_synch_crm_job_id=known["nav_key"].map({"1": "job-2"}).fillna(""),
            last_synch_job_id=known["nav_key"].map({"JR": "job-3"}).fillna(""),
        )[ours]
    )
    rows = [
        ("job-1", TIMES[0] - timedelta(days=1), "CUSTOMER", "to_crm", "1", "acc-1", "an older one"),
        ("job-2", TIMES[0], "CUSTOMER", "to_crm", "1", "acc-1", "salesperson RS must be coupled"),
        ("job-2", TIMES[0], "CUSTOMER", "to_crm", "3", "acc-3", "another record"),
        ("job-3", TIMES[1], "SALESPEOPLE", "to_nav", "JR", "u-1", "no name"),
    ]
    names = ["job_id", "at", "mapping", "direction", "nav_key", "crm_id", "message"]
    errors = pd.DataFrame(rows, columns=names)
    store.save_errors(errors.assign(crm_id=errors["crm_id"].map(world.handles.id)))
    return world


def test_the_list_shows_the_latest_error_newest_first(build_anywhere):
    world = company(build_anywhere)
    found = world.workspace.skipped()
    assert list(found.columns) == list(SCHEMAS["skipped"])
    assert found.dtypes.tolist() == empty("skipped").dtypes.tolist()
    shown = found.drop(columns=["failed_at", "crm_id"]).to_numpy().tolist()
    assert shown == [
        ["SALESPEOPLE", "JR", "John", "Jane", "to_nav", "no name", True, True],
        ["CUSTOMER", "1", "Customer 1", "Account 1", "to_crm", "salesperson RS must be coupled",
         True, True],
        ["CUSTOMER", "2", "Customer 2", "Account 2", "to_crm", "", True, True],
    ]  # fmt: skip
    assert found["failed_at"].tolist()[:2] == [TIMES[1], TIMES[0]]
    assert pd.isna(found["failed_at"].iloc[2])


def test_the_list_says_which_record_is_gone(build):
    world = company(build)
    world.take("delete_nav", {"table": "Customer", "key": "1"})
    world.take("delete_crm", {"entity": "account", "key": "acc-2"})
    found = world.workspace.skipped().set_index("nav_key")
    assert found.loc["1", ["nav_name", "nav_exists", "crm_exists"]].tolist() == ["", False, True]
    assert found.loc["2", ["crm_name", "nav_exists", "crm_exists"]].tolist() == ["", True, False]


def test_nothing_skipped_is_an_empty_list(build):
    pd.testing.assert_frame_equal(build().workspace.skipped(), empty("skipped"))


def test_restoring_puts_back_exactly_the_chosen_and_keeps_what_failed(build_anywhere):
    world = company(build_anywhere)
    assert world.workspace.restore("CUSTOMER", ["1", "3"]) == 1
    assert world.workspace.skipped()["nav_key"].tolist() == ["JR", "2"]
    row = world.workspace._scene.store.coupling_records("CUSTOMER", nav_keys=["1"]).iloc[0]
    assert (row["last_synch_crm_result"], row["last_synch_crm_job_id"]) == ("failure", "job-2")
    assert world.workspace.jobs().empty
    assert world.workspace.restore("CUSTOMER") == 1
    assert world.workspace.skipped()["nav_key"].tolist() == ["JR"]


def test_a_record_that_is_gone_is_not_restored(build):
    world = company(build)
    world.take("delete_nav", {"table": "Customer", "key": "1"})
    assert world.workspace.restore("CUSTOMER") == 1
    assert "1" in world.workspace.skipped()["nav_key"].tolist()


def test_a_record_that_is_not_coupled_cannot_be_restored(build):
    world = company(build)
    with pytest.raises(NotFoundError, match="99 is not coupled"):
        world.workspace.restore("CUSTOMER", ["1", "99"])
    assert len(world.workspace.skipped()) == 3
    assert world.workspace.restore("PAYMENT TERMS") == 0
