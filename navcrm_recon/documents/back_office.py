"""The day a CRM order went to the back office, and the states of an order (documents SO-10)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import pandas as pd

from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.jobs import writable_state
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.steps import Step, in_steps

ACTIVE, SUBMITTED, INVOICED = 0, 1, 4
#: What CRM calls a state and its reason; an order that is opened again is new to it.
REOPENED: Step = {"statecode": ACTIVE, "statuscode": 1}
IN_PROGRESS: Step = {"statecode": SUBMITTED, "statuscode": 3}
FULLY_INVOICED: Step = {"statecode": INVOICED, "statuscode": 100003}
SENT = "lastbackofficesubmit"
ENTITY = "salesorder"
_STATES = ("statecode", "statuscode", SENT)
#: What exports of CRM may hold for no day at all (documents SO-4).
_NO_DAY = pd.Timestamp("1900-01-01")


def read_orders(scene: Scene, crm_ids: Sequence[str], more: Sequence[str] = ()) -> pd.DataFrame:
    """Return the states of CRM orders that exist: a record frame.

    Its columns: ``statecode, statuscode`` (Int64), ``lastbackofficesubmit`` (datetime64[us], the
    day 1900-01-01 is blank), ``modifiedon``, and ``more``.
    """
    table = scene.catalog.crm[ENTITY]
    stamp = [table.modified_on] if table.modified_on else []
    found = scene.crm.read(table, list(dict.fromkeys([*_STATES, *stamp, *more])), (), crm_ids)
    return found.assign(**{SENT: found[SENT].mask(found[SENT].eq(_NO_DAY))})


def set_back_office_date(
    scene: Scene,
    crm_ids: Sequence[str],
    day: date | None,
    job: Job,
    nav_keys: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Give submitted orders their day of going to the back office, None = blank (SO-10).

    Where it differs, three updates: Active, the day, Submitted. An order that a stopped run left
    Active is brought to its end. The caller holds the lock of the orders.

    Parameters
    ----------
    job
        The job on whose behalf; the log of writes names it.
    nav_keys
        The NAV order each belongs to, for the log.

    Returns
    -------
    Why an order does not have the day, by its id; the others are Submitted and have it.
    """
    orders = read_orders(scene, crm_ids)
    missing = dict.fromkeys(set(crm_ids) - set(orders.index), "The sales order is not in CRM.")
    closed = orders[~orders["statecode"].isin([ACTIVE, SUBMITTED])]
    states = scene.catalog.crm[ENTITY].columns["statecode"].options
    refused = {
        key: f"The sales order is {states.get(state, state)} in CRM, and cannot be opened again."
        for key, state in zip(closed.index, closed["statecode"].tolist(), strict=True)
    }
    orders = orders.drop(closed.index)
    sent = {SENT: day}
    same = orders[SENT].isna() if day is None else orders[SENT].eq(pd.Timestamp(day))
    return (
        missing
        | refused
        | _written(
            scene,
            job,
            nav_keys,
            (orders[~same], (REOPENED, sent, IN_PROGRESS)),
            (orders[same & orders["statecode"].eq(ACTIVE)], (IN_PROGRESS,)),
        )
    )


def _written(
    scene: Scene,
    job: Job,
    nav_keys: Mapping[str, str] | None,
    *changes: tuple[pd.DataFrame, Sequence[Step]],
) -> dict[str, str]:
    table = scene.catalog.crm[ENTITY]
    store = writable_state(scene, "Changing sales orders")
    refused: dict[str, str] = {}
    for orders, steps in changes:
        refused |= in_steps(scene, store, job, table, orders, steps, nav_keys)
    return refused
