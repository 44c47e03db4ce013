"""What scenarios cannot say of full and scheduled runs and the log: lines, attempts, clearing."""

from datetime import timedelta

import pandas as pd
import pytest
import sqlalchemy as sa

from navcrm_recon.errors import ConfigError, NotFoundError, SideError
from navcrm_recon.sync.full import recommended, review
from navcrm_recon.sync.schedule import hold, release, schedule

ADATUM = {"No.": "10000", "Name": "Adatum"}
ACCOUNT = {"accountid": "acc-1", "name": "Adatum", "customertypecode": 3}
COUPLED = {"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1", "synchronized": True}


def lines(world):
    return review(world.workspace._scene).set_index("mapping")


def entry(world, mapping="CUSTOMER"):
    return schedule(world.workspace._scene).set_index("mapping").loc[mapping]


def execute(world, side, *statements):
    """Do something to a product's database that no product would do."""
    engine = sa.create_engine(world._urls[side], poolclass=sa.NullPool)
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(sa.text(statement))


# --- full runs ------------------------------------------------------------------------------------


def test_a_full_run_of_one_mapping_looks_at_all_and_forces_nothing(build):
    """Engine 7.3, R3.15: watermarks are ignored, stamps and only-coupled are not."""
    world = build(
        nav={"Customer": [ADATUM, {"No.": "20000", "Name": "Nobody's"}]},
        crm={"account": [ACCOUNT]},
        couplings=[COUPLED],
    )
    world.take("advance", "1h")
    world.take("synchronize", {"mapping": "CUSTOMER"})
    world.take("advance", "1h")
    world.take("synchronize", {"mapping": "CUSTOMER"})
    assert [job["unchanged"] for job in world.jobs] == [0, 1]  # CRM's whole seconds: seen once more
    to_crm, to_nav = world.workspace.synchronize("CUSTOMER", full=True)
    assert (to_crm.unchanged, to_crm.modified, to_crm.inserted, to_crm.skipped) == (1, 0, 0, 0)
    assert (to_nav.unchanged, to_nav.modified, to_nav.inserted, to_nav.skipped) == (1, 0, 0, 0)


def test_a_full_run_sees_records_nav_keeps_no_time_of(build):
    """Engine R1.7: without an Integration Record only a full run sees a record."""
    world = build(
        nav={"Customer": [ADATUM]},
        crm={"account": [ACCOUNT | {"name": "Old"}]},
        couplings=[COUPLED],
    )
    world.take("advance", "1h")
    world.take("synchronize", {"mapping": "CUSTOMER"})
    world.take("edit_nav", {"table": "Customer", "key": "10000", "set": {"Name": "Adatum NAV"}})
    execute(world, "nav", 'DELETE FROM "CRONUS International Ltd_$Integration Record"')
    world.take("advance", "1h")
    world.take("synchronize", {"mapping": "CUSTOMER", "direction": "to_crm"})
    assert [job["modified"] for job in world.jobs] == [0]
    (job,) = world.workspace.synchronize("CUSTOMER", "to_crm", full=True)
    assert job.modified == 1
    assert [row["name"] for row in world.rows("crm", "account")] == ["Adatum NAV"]


def test_a_line_says_how_each_direction_ended(build):
    """Engine R7.11 to R7.13, appendix A21: any failed record is an error, the line is finished."""
    world = build(
        nav={"Salesperson/Purchaser": [{"Code": "XX"}],
             "Customer": [ADATUM | {"Salesperson Code": "XX"}]},
        crm={"account": [ACCOUNT]}, couplings=[COUPLED],
    )  # fmt: skip
    assert lines(world)["status"].eq("").all()
    world.take("advance", "1h")
    world.take("full_synchronization", {})
    line = lines(world).loc["CUSTOMER"]
    assert (line["status"], line["to_crm_status"], line["to_nav_status"]) == (
        "finished", "error", "success",
    )  # fmt: skip
    jobs = world.workspace.jobs().set_index("job_id")
    for way in ("to_crm", "to_nav"):
        job = jobs.loc[line[f"{way}_job_id"]]
        assert (job["mapping"], job["direction"]) == ("CUSTOMER", way)
    assert lines(world)["status"].eq("finished").all()


def test_a_run_that_could_not_go_on_is_taken_up_where_it_was(build):
    """Engine R7.14, R7.16: what is finished is not repeated, what depends on the lost one waits."""
    world = build(
        nav={"Customer": [ADATUM]}, crm={"account": [ACCOUNT]}, couplings=[COUPLED],
        mappings={"OPPORTUNITY": {"enabled": True}},
    )  # fmt: skip
    world.take("advance", "1h")
    execute(world, "crm", "ALTER TABLE contact RENAME COLUMN pager TO away")
    with pytest.raises(SideError, match="pager"):
        world.take("full_synchronization", {})
    status = lines(world)["status"]
    assert status[["CUSTOMER", "CONTACT", "OPPORTUNITY"]].tolist() == ["finished", "error", ""]
    waiting = world.workspace.jobs().set_index("mapping").loc["OPPORTUNITY", "message"]
    assert "depends on CONTACT" in waiting
    execute(world, "crm", "ALTER TABLE contact RENAME COLUMN away TO pager")
    world.take("set_setup", {})  # opens the sides anew
    world.take("advance", "1h")
    world.take("full_synchronization", {})
    run = {job["mapping"] for job in world.jobs}
    assert {"CONTACT", "OPPORTUNITY"} <= run
    assert "CUSTOMER" not in run
    assert lines(world)["status"].eq("finished").all()


def test_a_table_out_of_reach_stops_only_what_depends_on_it(build):
    """Engine R7.14: each line is counted when its turn comes."""
    world = build(
        nav={"Customer": [ADATUM], "Unit of Measure": [{"Code": "PCS"}]},
        crm={"account": [ACCOUNT]}, couplings=[COUPLED],
        mappings={"OPPORTUNITY": {"enabled": True}},
    )  # fmt: skip
    world.take("advance", "1h")
    execute(world, "crm", "ALTER TABLE contact RENAME TO contact_away",
            "ALTER TABLE uomschedule RENAME TO uomschedule_away")  # fmt: skip
    with pytest.raises(SideError, match="uomschedule"):
        world.take("full_synchronization", {})
    found = lines(world)
    broken = ["UNIT OF MEASURE", "CONTACT"]
    waiting = ["OPPORTUNITY", "ITEM-PRODUCT", "RESOURCE-PRODUCT"]
    assert found.loc[broken, "status"].eq("error").all()
    assert found.loc[broken, "recommendation"].eq("").all()
    assert found.loc["CUSTOMER", ["status", "recommendation"]].tolist() == ["finished", "couple"]
    assert found.loc[waiting, "status"].eq("").all()
    messages = world.workspace.jobs().set_index("mapping")["message"]
    assert messages["OPPORTUNITY"] == (
        "Not synchronised: it depends on CONTACT, which could not run."
    )
    execute(world, "crm", "ALTER TABLE contact_away RENAME TO contact",
            "ALTER TABLE uomschedule_away RENAME TO uomschedule")  # fmt: skip
    world.take("set_setup", {})  # opens the sides anew
    world.take("full_synchronization", {})
    assert "CUSTOMER" not in {job["mapping"] for job in world.jobs}
    found = lines(world)
    assert found["status"].eq("finished").all()
    assert found.loc["UNIT OF MEASURE", "recommendation"] == "full"


@pytest.mark.parametrize(
    ("mapping", "nav", "crm", "recommendation"),
    [
        ("CUSTOMER", {}, {}, "none"),
        ("CUSTOMER", {"Customer": [ADATUM]}, {}, "full"),
        ("CUSTOMER", {}, {"account": [ACCOUNT]}, "full"),
        ("CUSTOMER", {"Customer": [ADATUM]}, {"account": [ACCOUNT]}, "couple"),
        ("SALESPEOPLE", {}, {}, "full"),
        ("CURRENCY", {"Currency": [{"Code": "EUR"}]},
         {"transactioncurrency": [{"isocurrencycode": "DKK", "exchangerate": 1}]}, "full"),
        ("CURRENCY", {"Currency": [{"Code": "EUR"}]},
         {"transactioncurrency": [{"isocurrencycode": "DKK", "exchangerate": 7}]}, "couple"),
        ("UNIT OF MEASURE", {"Unit of Measure": [{"Code": "PCS"}]},
         {"uomschedule": [{"name": "Default Unit"}]}, "full"),
        ("UNIT OF MEASURE", {"Unit of Measure": [{"Code": "PCS"}]},
         {"uomschedule": [{"name": "Default Unit"}, {"name": "Boxes"}]}, "couple"),
    ],
)  # fmt: skip
def test_what_is_recommended(build, mapping, nav, crm, recommendation):
    """Engine R7.17."""
    scene = build(nav=nav, crm=crm).workspace._scene
    assert recommended(scene, scene.catalog.mappings[mapping]) == recommendation
    assert review(scene).set_index("mapping").loc[mapping, "recommendation"] == recommendation


# --- what is due ----------------------------------------------------------------------------------

ONLY = {
    name: {"enabled": False}
    for name in (
        "SALESPEOPLE", "CURRENCY", "UNIT OF MEASURE", "CONTACT", "ITEM-PRODUCT",
        "RESOURCE-PRODUCT", "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE", "POSTEDSALESINV-INV",
    )
}  # fmt: skip


def test_a_run_that_cannot_be_done_is_tried_again_later_each_time_and_given_up(build):
    """Engine R8.1: ten attempts, the first again after half a minute; then a person releases it."""
    world = build(nav={"Customer": [ADATUM]}, mappings=ONLY)
    execute(world, "crm", "ALTER TABLE account RENAME TO account_away")
    waits = []
    for attempt in range(1, 11):
        with pytest.raises(SideError, match="account"):
            world.take("run_due", {})
        line = entry(world)
        assert line["attempts"] == attempt
        waits.append((line["earliest_start"] - world.now).total_seconds())
        world.now = line["earliest_start"].to_pydatetime()
    assert waits[:3] == [30, 60, 120]
    assert max(waits) == 3600
    assert line["status"] == "error"
    assert "account" in line["message"]
    world.take("advance", "2d")
    assert world.workspace.run_due() == []
    execute(world, "crm", "ALTER TABLE account_away RENAME TO account")
    release(world.workspace._scene, world.workspace.mappings["CUSTOMER"])
    assert [job.mapping for job in world.workspace.run_due()] == ["CUSTOMER", "CUSTOMER"]
    assert (entry(world)["attempts"], entry(world)["message"]) == (0, "")


def test_what_is_on_hold_does_not_run_until_it_is_released(build):
    """Engine R7.13, R8.7."""
    world = build(nav={"Customer": [ADATUM]}, mappings=ONLY)
    customer = world.workspace.mappings["CUSTOMER"]
    hold(world.workspace._scene, customer)
    assert entry(world)["status"] == "on_hold"
    assert world.workspace.run_due() == []
    release(world.workspace._scene, customer)
    assert len(world.workspace.run_due()) == 2
    with pytest.raises(NotFoundError, match="no interval"):
        hold(world.workspace._scene, world.workspace.mappings["PAYMENT TERMS"])


# --- the log --------------------------------------------------------------------------------------


def test_without_the_log_of_the_first_failure_the_second_does_not_skip(build):
    """Engine R6.4: there is no text to compare; the third failure finds one again."""
    world = build(
        nav={"Salesperson/Purchaser": [{"Code": "XX"}],
             "Customer": [ADATUM | {"Salesperson Code": "XX"}]},
        crm={"account": [ACCOUNT]}, couplings=[{**COUPLED, "synchronized": False}],
    )  # fmt: skip
    store, skipped = world.workspace._scene.store, []
    for cleared in (True, False, False):
        world.take("advance", "1h")
        world.take("synchronize", {"mapping": "CUSTOMER", "direction": "to_crm"})
        assert [job["failed"] for job in world.jobs] == [1]
        skipped.append(bool(world.workspace.couplings("CUSTOMER")["skipped"].iloc[0]))
        if cleared:
            assert store.delete_errors() == 1
    assert skipped == [False, False, True]


def test_the_logs_are_cleared_by_days_or_a_time(build):
    """Engine R8.10: what is older goes, and nothing else."""
    world = build(nav={"Customer": [ADATUM]}, crm={"account": [ACCOUNT]}, mappings=ONLY,
                  couplings=[COUPLED])  # fmt: skip
    ws = world.workspace
    for _ in range(2):
        ws.synchronize("CUSTOMER")
        world.take("advance", "2d")
    assert len(ws.jobs()) == 4
    assert ws.delete_jobs(older_than=4) == 0
    assert ws.delete_jobs(older_than=3) == 2
    middle = world.now - timedelta(days=1)
    assert ws.delete_jobs(older_than=middle.replace(tzinfo=None)) == 2
    assert ws.delete_errors() == 0
    with pytest.raises(ConfigError, match="0 or more"):
        ws.delete_errors(older_than=-1)


def test_the_schedule_says_what_is_due(build):
    """Engine 8.1: an interrupted mapping is due, one that somebody works on is not."""
    world = build(nav={"Customer": [ADATUM]}, mappings=ONLY)
    ws = world.workspace

    def line():
        return ws.schedule().set_index("mapping").loc["CUSTOMER", ["status", "due"]].tolist()

    assert line() == ["ready", True]
    ws.hold("CUSTOMER")
    assert line() == ["on_hold", False]
    ws.release("CUSTOMER")
    ws.run_due()
    assert line() == ["inactive", False]
    world.take("advance", "1h")
    world.take("edit_nav", {"table": "Customer", "key": "10000", "set": {"Name": "B"}})
    assert line() == ["inactive", True]
    store = ws._scene.store
    row = store.schedule().query("mapping == 'CUSTOMER'")
    store.save_schedule(row.assign(status="in_process", earliest_start=pd.NaT))
    assert line() == ["in_process", True]
    assert ws.review()["mapping"].tolist() == ["CUSTOMER"]
