"""CRM orders follow what became of their NAV orders: invoiced, or deleted (documents 1.10, 1.11).

Everything is decided from what both sides hold, so that a run that was stopped is finished by the
next one, and none is needed twice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, SALES_ORDER_TYPE, Condition
from navcrm_recon.documents.back_office import (
    ENTITY,
    FULLY_INVOICED,
    INVOICED,
    read_orders,
    set_back_office_date,
)
from navcrm_recon.documents.noted import writable_crm
from navcrm_recon.documents.orders.creating import finish_open
from navcrm_recon.documents.orders.lookup import columns
from navcrm_recon.documents.orders.posted import ORDER, posted_invoices
from navcrm_recon.documents.orders.reading import Reader
from navcrm_recon.errors import examples
from navcrm_recon.frames import TEXT, conform, split_key
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import finish, in_a_run, log_errors, new_job, say
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.steps import in_steps

_TYPE = "order states"
#: Orders that are read, decided and written together.
BATCH = 500
_OPEN = (0, 1)

#: What is known of each coupled order, all bool.
FACTS = (
    "missing",  # the CRM order is gone
    "closed",  # it is Invoiced, Fulfilled or Canceled
    "there",  # the NAV order is there
    "invoiced",  # all of it is shipped and invoiced (PO-6)
    "deleted",  # NAV's Integration Record says that somebody deleted it
    "posted",  # an invoice was posted of it
)


def decide_order_states(facts: pd.DataFrame) -> pd.DataFrame:
    """Return what becomes of each CRM order; the first row of the table that holds decides.

    Parameters
    ----------
    facts
        One row per coupling with the columns of ``FACTS``.

    Returns
    -------
    DataFrame
        ``action`` (``invoice``; ``finish``: take back its day, then invoice; ``offer``: take back
        its day and the coupling; ``unchanged``, ``skip``), ``rule``, ``reason`` (str).
    """
    f = {name: facts[name].to_numpy(dtype=bool) for name in FACTS}
    table: list[tuple[Any, str, str, str]] = [
        (f["missing"], "skip", "PO-4", "the CRM order is gone"),
        (f["closed"], "unchanged", "P1", "the CRM order is closed"),
        (f["there"] & f["invoiced"], "invoice", "PO-6", "all of it is shipped and invoiced"),
        (f["there"], "unchanged", "PO-2", "something of it is left to ship or to invoice"),
        (f["deleted"] & f["posted"], "skip", "P4", "the NAV order was deleted after an invoice was "
         "posted of it"),
        (f["deleted"], "offer", "P3", "the NAV order was deleted"),
        (f["posted"], "finish", "PO-3", "posting deleted the NAV order"),
    ]  # fmt: skip
    otherwise = (
        "skip",
        "P4",
        "the NAV order is gone, and neither a deletion nor an invoice tells why",
    )
    conditions = [row[0] for row in table]
    decided = {
        name: np.select(conditions, [row[place] for row in table], otherwise[place - 1])
        for place, name in enumerate(("action", "rule", "reason"), start=1)
    }
    return pd.DataFrame(decided, index=facts.index, dtype=TEXT)


def update_order_states(scene: Scene) -> Job:
    """Bring the state of every coupled CRM order to what became of its NAV order.

    Returns
    -------
    A job of type ``order states``: ``modified`` (now Invoiced), ``uncoupled`` (offered again),
    ``unchanged``, ``skipped`` (left as they are; the message says why), ``failed``.

    Raises
    ------
    ReadOnlyError
        CRM is only read, or NAV's own tables hold the couplings.
    """
    store = writable_crm(scene, "Updating the states of sales orders")
    scene = in_a_run(scene)
    with store.lock(SALES_ORDER):
        job = new_job(scene, SALES_ORDER, _TYPE, "to_crm")
        store.start_job(job)
        finish_open(scene, store, job)
        every = store.coupling_records(SALES_ORDER)
        # What a job saw Invoiced in CRM stays so.
        told = every["last_synch_crm_result"].eq("success") & every["last_synch_crm_job_id"].ne("")
        job.unchanged += int(told.sum())
        left: dict[str, list[str]] = {}
        for start in range(0, int((~told).sum()), BATCH):
            part = every[~told].iloc[start : start + BATCH].reset_index(drop=True)
            for reason, labels in _update(_Updating(scene, store, job, part)).items():
                left.setdefault(reason, []).extend(labels)
        for reason, labels in left.items():
            say(job, f"Left as it is, since {reason}: {examples(labels)}.")
        return finish(scene, store, job)


@dataclass(frozen=True)
class _Updating:
    """Orders being updated: where, on whose behalf, and their couplings."""

    scene: Scene
    store: Store
    job: Job
    couplings: pd.DataFrame


def _update(each: _Updating) -> dict[str, list[str]]:
    """Update the orders of one batch; return which were left as they are, by the reason."""
    scene, store, job, couplings = each.scene, each.store, each.job, each.couplings
    orders = columns(
        read_orders(scene, couplings["crm_id"].tolist(), ORDER),
        ["statecode", *ORDER],
        couplings["crm_id"],
    )
    number = couplings["nav_key"].map(lambda key: split_key(key)[-1]).astype(TEXT)
    label = orders["ordernumber"].fillna("").where(lambda text: text.ne(""), number)
    actions = decide_order_states(_facts(each, orders, number))
    ids = {name: couplings.loc[actions["action"].eq(name), "crm_id"].tolist() for name in _WRITTEN}
    refused = _write(each, ids)
    failed = couplings["crm_id"].isin(list(refused))
    now_invoiced = actions["action"].isin(["invoice", "finish"]) | orders["statecode"].eq(INVOICED)
    result = np.select([failed, now_invoiced.fillna(False)], ["failure", "success"], "")
    offered = actions["action"].eq("offer") & ~failed
    kept = couplings.assign(last_synch_crm_result=result, last_synch_crm_job_id=job.id)
    with store.transaction():
        store.remove_couplings(couplings[offered])
        store.save_couplings(conform(kept[(result != "") & ~offered], "coupling_records"))
        errors = couplings.loc[failed, ["nav_key", "crm_id"]]
        text = "Sales order " + label[failed] + ": " + errors["crm_id"].map(refused)
        log_errors(scene, store, job, errors.assign(message=text))
        _count(job, actions[~failed], int(failed.sum()))
        store.finish_job(job)
    skipped = actions["action"].eq("skip")
    return {str(why): label[own.index].tolist() for why, own in actions[skipped].groupby("reason")}


_WRITTEN = ("invoice", "finish", "offer")


def _write(each: _Updating, ids: dict[str, list[str]]) -> dict[str, str]:
    """Write what was decided; return why CRM orders were refused, by id."""
    scene, store, job = each.scene, each.store, each.job
    nav_keys = dict(zip(each.couplings["crm_id"], each.couplings["nav_key"], strict=True))
    reopened = [*ids["finish"], *ids["offer"]]
    refused = set_back_office_date(scene, reopened, None, job, nav_keys) if reopened else {}
    invoiced = [key for key in [*ids["invoice"], *ids["finish"]] if key not in refused]
    if invoiced:
        orders, table = read_orders(scene, invoiced), scene.catalog.crm[ENTITY]
        refused |= in_steps(scene, store, job, table, orders, [FULLY_INVOICED], nav_keys)
    return refused


def _count(job: Job, actions: pd.DataFrame, failed: int) -> None:
    counts = actions["action"].value_counts()
    job.modified += int(counts.get("invoice", 0) + counts.get("finish", 0))
    job.uncoupled += int(counts.get("offer", 0))
    job.unchanged += int(counts.get("unchanged", 0))
    job.skipped += int(counts.get("skip", 0))
    job.failed += failed


def _facts(each: _Updating, orders: pd.DataFrame, number: pd.Series) -> pd.DataFrame:
    """Return ``FACTS`` of each coupling; ``orders`` stand beside them, blank where missing."""
    reader, couplings = Reader(each.scene), each.couplings
    missing = orders["statecode"].isna()
    headers = reader.rows("nav", "Sales Header", ["No."], couplings["nav_key"])
    there = couplings["nav_key"].isin(list(headers.index))
    gone = ~there & ~missing & orders["statecode"].isin(_OPEN)
    identity = couplings["integration_id"].str.lower()
    stamps = reader.rows("nav", "Integration Record", ["Deleted On"], identity[gone])
    deleted = stamps.index[stamps["Deleted On"].notna()]
    posted = posted_invoices(reader, orders[gone], number[gone])
    return pd.DataFrame(
        {
            "missing": missing,
            "closed": ~missing & ~orders["statecode"].isin(_OPEN),
            "there": there,
            "invoiced": number.isin(_invoiced(reader, number[there])),
            "deleted": identity.isin(list(deleted)),
            "posted": number.index.isin(posted.index[posted.ne("")]),
        }
    )


def _invoiced(reader: Reader, numbers: pd.Series) -> list[str]:
    """Return the NAV orders all of which is shipped and invoiced (PO-6)."""
    where = (
        Condition("Document Type", "eq", SALES_ORDER_TYPE),
        Condition("Document No.", "in", numbers.tolist()),
    )
    names = ["Quantity Invoiced", "Outstanding Quantity", "Qty. Shipped Not Invoiced"]
    lines = reader.rows("nav", "Sales Line", ["Document No.", *names], where=where)
    by_order = lines[names].ne(0).fillna(False).astype(bool).groupby(lines["Document No."]).any()
    fully = by_order[names[0]] & ~by_order[names[1]] & ~by_order[names[2]]
    return by_order.index[fully].tolist()
