"""What CRM has going on for a customer: open opportunities, active quotes, active cases (6.5).

Everything here is read anew at every call and nothing is kept. A customer that is not coupled, or
whose mapping is off, has none (documents VL1, VL2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Condition, Table
from navcrm_recon.documents.customers import Customers, coupled, keys_of
from navcrm_recon.frames import TEXT, conform
from navcrm_recon.recon.links import crm_urls
from navcrm_recon.sync.scene import Scene, coupling_records, read_available, read_naming

#: Beyond so many accounts an entity is read as a whole.
_FEW = 500


@dataclass(frozen=True)
class Activity:
    """A list of CRM records of an account (documents 6.5).

    ``account`` is the column that names the account; ``columns`` are those of the frame by those
    of the entity, options by their label.
    """

    entity: str
    account: str
    live: Condition
    columns: Mapping[str, str]
    order: str


#: Frame -> what it lists: only what lies on the account itself and is live (VL4, VL5).
ACTIVITIES: Mapping[str, Activity] = {
    "opportunities": Activity(
        "opportunity",
        "parentaccountid",
        Condition("statecode", "eq", 0),
        {
            "topic": "name",
            "state": "statecode",
            "status_reason": "statuscode",
            "estimated_close_date": "estimatedclosedate",
            "estimated_revenue": "estimatedvalue",
            "total_amount": "totalamount",
            "parent_contact": "parentcontactid",
            "parent_account": "parentaccountid",
            "probability": "closeprobability",
            "rating": "opportunityratingcode",
            "need": "need",
        },
        "topic",
    ),
    "quotes": Activity(
        "quote",
        "customerid",
        Condition("statecode", "eq", 1),
        {
            "name": "name",
            "state": "statecode",
            "total_amount": "totalamount",
            "effective_from": "effectivefrom",
            "effective_to": "effectiveto",
            "closed_on": "closedon",
        },
        "name",
    ),
    "cases": Activity(
        "incident",
        "customerid",
        Condition("statecode", "eq", 0),
        {
            "title": "title",
            "status": "statecode",
            "status_reason": "statuscode",
            "case_number": "ticketnumber",
            "created_on": "createdon",
        },
        "title",
    ),
}


def activities(scene: Scene, kind: str, customer: str) -> pd.DataFrame:
    """Return the live records of one kind of a customer, with links: the frame of that name.

    Raises
    ------
    NotFoundError
        There is no such customer.
    """
    about = ACTIVITIES[kind]
    table = scene.catalog.crm[about.entity]
    accounts = coupled(scene, keys_of(scene, customer))["crm_id"].tolist()
    names = list(dict.fromkeys(about.columns.values()))
    rows = read_naming(scene.crm, table, names, about.account, accounts, about.live)
    found = {name: _shown(scene, table, rows[own]) for name, own in about.columns.items()}
    frame = pd.DataFrame(found, index=rows.index).rename_axis(None)
    ids = rows.index.to_series().astype(TEXT)
    frame["crm_id"] = ids
    frame["crm_url"] = crm_urls(str(scene.setup.get("server_address", "")), table, ids)
    if kind == "opportunities":
        known = coupling_records(scene, scene.catalog.mappings["OPPORTUNITY"])
        frame["coupled"] = ids.isin(known["crm_id"])
    ordered = frame.sort_values([about.order, "crm_id"], kind="stable", ignore_index=True)
    return conform(ordered, kind)


def activity_counts(scene: Scene, customers: Customers = None) -> pd.DataFrame:
    """Return how many live records of each kind customers have: frame ``activity_counts``.

    Parameters
    ----------
    customers
        None: all that are coupled.

    Raises
    ------
    NotFoundError
        A customer that is named does not exist.
    """
    keys = keys_of(scene, customers)
    known = coupled(scene, keys)
    account = known.drop_duplicates("nav_key").set_index("nav_key")["crm_id"]
    rows = pd.Index(account.index if keys is None else keys, dtype=TEXT)
    ids = account.reindex(rows).astype(TEXT).fillna("")
    counts = {kind: _counts(scene, about, ids) for kind, about in ACTIVITIES.items()}
    frame = pd.DataFrame({"nav_key": rows, "crm_id": ids.array, **counts})
    return conform(frame, "activity_counts").sort_values("nav_key", ignore_index=True)


def _counts(scene: Scene, about: Activity, accounts: pd.Series) -> np.ndarray:
    """Return how many live records of a kind each account has."""
    table = scene.catalog.crm[about.entity]
    wanted = [each for each in accounts if each]
    if not wanted:
        return np.zeros(len(accounts), dtype="int64")
    if len(wanted) > _FEW:
        found = read_available(scene.crm, table, [about.account], (about.live,))
    else:
        found = read_naming(scene.crm, table, [about.account], about.account, wanted, about.live)
    return accounts.map(found[about.account].value_counts()).fillna(0).to_numpy(dtype="int64")


def _shown(scene: Scene, table: Table, values: pd.Series) -> pd.Series:
    """Return values as people read them: options by their label, records by their name."""
    column = table.columns[str(values.name)]
    if column.kind == "option":
        return values.map(dict(column.options)).astype(TEXT).fillna("")
    if column.kind != "lookup":
        return values
    entity = scene.catalog.crm[column.targets[0]]
    name = "fullname" if "fullname" in entity.columns else "name"
    named = scene.crm.read(entity, [name], (), [each for each in values.unique() if each])[name]
    return values.map(named).astype(TEXT).fillna("")
