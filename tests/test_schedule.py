"""Scheduled and full runs beside others, and after they were killed."""

import subprocess
import sys

import pandas as pd
import pytest

from navcrm_recon.errors import BusyError
from navcrm_recon.sync import full
from navcrm_recon.sync.full import review
from navcrm_recon.sync.schedule import schedule

HOLD = """
import sys
from navcrm_recon.state.store import Store
with Store(sys.argv[1]).lock(sys.argv[2]):
    print("held", flush=True)
    sys.stdin.read()
"""
CUSTOMERS = [{"No.": "10000", "Name": "Adatum"}]
ACCOUNTS = [{"accountid": "acc-1", "name": "Adatum", "customertypecode": 3}]
COUPLED = [{"mapping": "CUSTOMER", "nav_key": "10000", "crm_id": "acc-1", "synchronized": True}]
#: Four mappings, so that a run is short.
FEW = {
    name: {"enabled": False}
    for name in (
        "CURRENCY", "PAYMENT TERMS", "SHIPMENT METHOD", "SHIPPING AGENT", "UNIT OF MEASURE",
        "RESOURCE-PRODUCT", "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE", "POSTEDSALESINV-INV",
    )
}  # fmt: skip


@pytest.fixture
def elsewhere():
    """Hold a lock in another process, which is killed at the end or when it is asked to be."""
    processes = []

    def hold(url, name):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLD, url, name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        processes.append(process)
        assert process.stdout.readline() == "held\n"
        return process

    yield hold
    for process in processes:
        process.kill()
        process.communicate()


def scene_of(world):
    return world.workspace._scene


def entries(world):
    return schedule(scene_of(world)).set_index("mapping")


def company(build):
    return build(
        nav={"Customer": CUSTOMERS}, crm={"account": ACCOUNTS}, couplings=COUPLED,
        mappings=FEW,
    )  # fmt: skip


def ran(jobs):
    return sorted({job.mapping for job in jobs})


def test_what_another_process_synchronises_is_passed_over(build_anywhere, elsewhere):
    world = company(build_anywhere)
    other = elsewhere(world._urls["state"], "CUSTOMER")
    jobs = world.workspace.run_due()
    assert "CUSTOMER" not in ran(jobs)
    assert "CONTACT" in ran(jobs)
    assert pd.isna(entries(world).loc["CUSTOMER", "last_run"])
    other.kill()
    other.wait()
    assert ran(world.workspace.run_due()) == ["CUSTOMER"]


def test_a_run_whose_process_died_is_due_again(build):
    world = company(build)
    world.workspace.run_due()
    store = scene_of(world).store
    line = store.schedule().query("mapping == 'CUSTOMER'")
    assert line["status"].tolist() == ["inactive"]
    assert world.workspace.run_due() == []
    # As a process leaves it that is killed at work.
    store.save_schedule(line.assign(status="in_process", earliest_start=pd.Timestamp(world.now)))
    assert ran(world.workspace.run_due()) == ["CUSTOMER"]


def test_the_schedule_lists_what_has_an_interval_and_is_on(build):
    world = company(build)
    listed = entries(world)
    assert list(listed.index) == ["SALESPEOPLE", "CUSTOMER", "CONTACT", "ITEM-PRODUCT"]
    assert listed["status"].eq("ready").all()
    assert not (scene_of(world).store.schedule()["mapping"] == "CUSTOMER").any()


def test_a_timeout_of_zero_waits_for_a_change_in_nav(build):
    world = build(
        nav={"Customer": CUSTOMERS}, crm={"account": ACCOUNTS}, couplings=COUPLED,
        mappings=FEW
        | {"CUSTOMER": {"job": {"interval_minutes": 2, "inactivity_timeout_minutes": 0}}},
    )  # fmt: skip
    world.workspace.run_due()
    line = entries(world).loc["CUSTOMER"]
    assert (line["status"], pd.isna(line["earliest_start"])) == ("inactive", True)
    world.take("advance", "30d")
    assert "CUSTOMER" not in ran(world.workspace.run_due())
    world.take("edit_nav", {"table": "Customer", "key": "10000", "set": {"Name": "New"}})
    world.take("advance", "1m")
    assert "CUSTOMER" in ran(world.workspace.run_due())


def test_two_full_runs_do_not_meet(build_anywhere, elsewhere):
    world = company(build_anywhere)
    other = elsewhere(world._urls["state"], "(full synchronisation)")
    with pytest.raises(BusyError, match=f"running already.*process {other.pid} "):
        world.workspace.full_synchronization()
    assert world.workspace.jobs().empty
    other.kill()
    other.wait()
    assert "CUSTOMER" in ran(world.workspace.full_synchronization())


def kill_at(monkeypatch, name):
    """Kill a full run when it comes to a mapping."""
    run = full.synchronize_mapping

    def killed(scene, mapping, *more):
        if mapping.name == name:
            raise KeyboardInterrupt
        return run(scene, mapping, *more)

    monkeypatch.setattr(full, "synchronize_mapping", killed)


def test_a_killed_full_run_is_taken_up_and_a_finished_one_starts_anew(build, monkeypatch):
    world = company(build)
    kill_at(monkeypatch, "CONTACT")
    with pytest.raises(KeyboardInterrupt):
        world.workspace.full_synchronization()
    monkeypatch.undo()
    status = review(scene_of(world)).set_index("mapping")["status"]
    assert status[["CUSTOMER", "CONTACT", "ITEM-PRODUCT"]].tolist() == [
        "finished",
        "in_process",
        "",
    ]
    rest = ran(world.workspace.full_synchronization())
    assert "CUSTOMER" not in rest
    assert {"CONTACT", "ITEM-PRODUCT"} <= set(rest)
    assert "CUSTOMER" in ran(world.workspace.full_synchronization())


def test_a_run_of_other_mappings_is_another_run(build, monkeypatch):
    world = company(build)
    kill_at(monkeypatch, "CONTACT")
    with pytest.raises(KeyboardInterrupt):
        world.workspace.full_synchronization()
    assert ran(world.workspace.full_synchronization(["CUSTOMER"])) == ["CUSTOMER"]
    assert scene_of(world).store.full_lines()["mapping"].tolist() == ["CUSTOMER"]


def test_naming_the_mappings_creates_what_an_interrupted_run_did_not(build, monkeypatch):
    world = build(
        nav={"Customer": [*CUSTOMERS, {"No.": "20000", "Name": "Trey"}]},
        crm={"account": [*ACCOUNTS, ACCOUNTS[0] | {"accountid": "acc-2"}]},
        couplings=COUPLED,
        mappings=FEW,
    )
    kill_at(monkeypatch, "CONTACT")
    with pytest.raises(KeyboardInterrupt):
        world.workspace.full_synchronization()
    monkeypatch.undo()
    log = world.workspace.jobs().query("mapping == 'CUSTOMER'")
    assert log["message"].str.contains("1 Customer and 1 account records are not coupled").all()
    assert log["inserted"].sum() == 0
    names = review(scene_of(world))["mapping"].tolist()
    jobs = [job for job in world.workspace.full_synchronization(names) if job.mapping == "CUSTOMER"]
    assert [job.inserted for job in jobs if job.direction == "to_crm"] == [1]
