"""CRM takes no change of an order that is not active; what is stopped is finished later."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from navcrm_recon.scenarios.grammar import load, parse
from navcrm_recon.scenarios.world import World
from navcrm_recon.sides import Write, Written

STORIES = load(Path(__file__).parent / "scenarios" / "order_states.yaml")
GIVEN = parse("T14", STORIES["T14"]).given
NOW = dt.datetime(2018, 10, 2, 8, tzinfo=dt.UTC)
SENT = "lastbackofficesubmit"


@pytest.fixture
def world(build: Callable[..., World]) -> World:
    """Give a company with one CRM order, not yet made in NAV."""
    return build(**GIVEN)


def write(world: World, entity: str, *writes: tuple[str, dict[str, Any]]) -> list[Written]:
    crm, table = world.workspace.side("crm"), world.workspace.catalog.crm[entity]
    updates = [Write("update", world.handles.id(key), values) for key, values in writes]
    return crm.write(table, updates, now=NOW, by="")


def order(world: World) -> dict[str, Any]:
    table = world.workspace.catalog.crm["salesorder"]
    found = world.workspace.side("crm").read(table, ["statecode", "statuscode", SENT])
    return dict(found.iloc[0].astype(str))


# --- what CRM refuses -----------------------------------------------------------------------------


def test_a_submitted_order_cannot_be_edited_directly(build_anywhere: Callable[..., World]) -> None:
    """ORD-021; the order beside it, which is active, can be."""
    world = build_anywhere(**GIVEN)
    world.take("insert_crm", {"entity": "salesorder", "row": {"salesorderid": "so-2"}})
    refused, done = write(world, "salesorder", ("so-1", {SENT: NOW}), ("so-2", {SENT: NOW}))
    assert (refused.field, refused.value, refused.stale) == (SENT, "Submitted", False)
    assert "The sales order is Submitted" in refused.error
    assert done.error == ""


@pytest.mark.parametrize("state", [2, 3, 4])
def test_an_order_that_is_closed_cannot_be_edited_either(world: World, state: int) -> None:
    world.take("edit_crm", {"entity": "salesorder", "key": "so-1", "set": {"statecode": state}})
    assert write(world, "salesorder", ("so-1", {"name": "Another", "statecode": state}))[0].error
    assert not write(world, "salesorder", ("so-1", {"name": "Another", "statecode": 0}))[0].error


def test_an_invoice_that_is_paid_cannot_be_edited(world: World) -> None:
    row = {"invoiceid": "inv-1", "statecode": 2, "statuscode": 100001}
    world.take("insert_crm", {"entity": "invoice", "row": row})
    assert (
        "The invoice is Paid" in write(world, "invoice", ("inv-1", {"statuscode": 100002}))[0].error
    )
    assert not write(world, "invoice", ("inv-1", {"statecode": 0, "statuscode": 4}))[0].error


# --- stopped half-way -----------------------------------------------------------------------------


def refusing(world: World, change: str) -> None:
    """Let CRM's database refuse a change of orders, or no longer."""
    with sa.create_engine(world.workspace.config.crm["url"]).begin() as crm:
        crm.execute(sa.text("DROP TRIGGER IF EXISTS refusing"))
        if change:
            crm.execute(
                sa.text(
                    f"CREATE TRIGGER refusing BEFORE UPDATE ON salesorder WHEN {change} "
                    "BEGIN SELECT RAISE(ABORT, 'not today'); END"
                )
            )


BLANKED = f"NEW.{SENT} IS NULL AND OLD.{SENT} IS NOT NULL"
SUBMITTED = "NEW.statecode = 1 AND OLD.statecode = 0"


@pytest.mark.parametrize("change", [BLANKED, SUBMITTED])
@pytest.mark.parametrize("again", ["update_order_states", "create_sales_orders"])
def test_an_order_refused_between_two_steps_is_finished_by_the_next_run(
    world: World, change: str, again: str
) -> None:
    world.take("create_sales_order", {"crm_id": "so-1"})
    world.take("delete_nav", {"table": "Sales Header", "key": "Order, S-ORD00001"})
    refusing(world, change)

    job = world.workspace.update_order_states()

    assert (job.failed, job.uncoupled) == (1, 0)
    assert order(world)["statecode"] == "0"
    errors = world.workspace.errors()
    assert errors["message"].str.contains("ORD-1: .*not today").tolist() == [True]
    refusing(world, "")
    getattr(world.workspace, again)()
    assert order(world)["statecode"] == "1"
    writes = world.workspace.writes(job.id)
    assert writes["field"].tolist() == ["statecode", "statuscode", SENT, "statecode", "statuscode"]


def test_an_order_refused_at_the_first_step_is_as_it_was(world: World) -> None:
    world.take("create_sales_order", {"crm_id": "so-1"})
    world.take("delete_nav", {"table": "Sales Header", "key": "Order, S-ORD00001"})
    before = order(world)
    refusing(world, "NEW.statecode = 0")

    assert world.workspace.update_order_states().failed == 1

    assert order(world) == before
    refusing(world, "")
    assert world.workspace.update_order_states().uncoupled == 1


def test_an_order_somebody_closed_between_two_steps_is_left(world: World) -> None:
    world.take("create_sales_order", {"crm_id": "so-1"})
    world.take("delete_nav", {"table": "Sales Header", "key": "Order, S-ORD00001"})
    refusing(world, BLANKED)
    world.workspace.update_order_states()
    world.take("edit_crm", {"entity": "salesorder", "key": "so-1", "set": {"statecode": 2}})
    refusing(world, "")

    assert world.workspace.update_order_states().unchanged == 1

    assert order(world)["statecode"] == "2"
