"""CRM records that others cannot be without and no mapping brings, such as price lists."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import Table
from navcrm_recon.frames import conform, dtype_of, key_text, typed
from navcrm_recon.sides.writing import Write
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import finish, log_errors, new_job, say
from navcrm_recon.sync.scene import Scene


@dataclass(frozen=True)
class Make:
    """A CRM record to be made: under which mapping it is logged, and why.

    ``key`` follows from what the record is for (``key_of``), so that nobody makes it twice.
    """

    mapping: str
    entity: str
    key: str
    fields: Mapping[str, Any]
    reason: str
    nav_key: str = ""


@dataclass(frozen=True)
class Made:
    """What making records of one mapping came to, frames ``actions`` and ``changes``."""

    job: Job
    actions: pd.DataFrame
    changes: pd.DataFrame


def key_of(scene: Scene, *what: str) -> str:
    """Return the id a record is made with: always the same for the same company and thing."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, "/".join([scene.company, *what])))


def make_records(scene: Scene, store: Store, wanted: Sequence[Make]) -> list[Made]:
    """Make CRM records, as one job per mapping; one that is there already is found.

    What CRM refuses is logged; who needs it fails for want of it.
    """
    mappings = dict.fromkeys(each.mapping for each in wanted)
    return [_made(scene, store, [m for m in wanted if m.mapping == name]) for name in mappings]


def _made(scene: Scene, store: Store, wanted: Sequence[Make]) -> Made:
    job = new_job(scene, wanted[0].mapping, "synchronization", "to_crm")
    store.start_job(job)
    actions, changes = _told(scene, wanted)
    entries = _entries(scene, job, actions, changes)
    store.open_entries(entries)
    errors = _written(scene, wanted)
    refused = actions["crm_id"].isin(list(errors))
    with store.transaction():
        store.close_entries(entries.loc[~refused, "id"].tolist(), "done")
        store.close_entries(entries.loc[refused, "id"].tolist(), "failed")
        if errors:
            texts = [errors[key] for key in actions.loc[refused, "crm_id"]]
            about = actions.loc[refused, ["nav_key", "crm_id"]].assign(message=texts)
            log_errors(scene, store, job, about)
        job.inserted, job.failed = len(wanted) - len(errors), len(errors)
        say(job, wanted[0].reason)
        finish(scene, store, job)
    return Made(job, actions, changes)


def _written(scene: Scene, wanted: Sequence[Make]) -> dict[str, str]:
    """Write the records; return why some were refused, by their ids."""
    user = str(scene.setup.get("integration_user", ""))
    errors = {}
    for entity in dict.fromkeys(each.entity for each in wanted):
        some = [each for each in wanted if each.entity == entity]
        orders = [Write("insert", each.key, each.fields) for each in some]
        table = scene.catalog.crm[entity]
        done = scene.crm.write(table, orders, now=scene.clock(), by=user)
        for make, one in zip(some, done, strict=True):
            if one.error:
                errors[make.key] = f"{make.mapping}: making its {entity} failed: {one.error}"
    return errors


def _entries(scene: Scene, job: Job, actions: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Return the journal entries of making them (frame ``journal``)."""
    fields = changes[["side", "field", "old", "new"]]
    texts = [
        json.dumps(fields[changes["crm_id"].eq(key)].to_numpy().tolist(), ensure_ascii=False)
        for key in actions["crm_id"]
    ]
    about = actions[["mapping", "direction", "nav_key", "crm_id", "action"]]
    ids = [scene.new_id("journal", key) for key in actions["crm_id"]]
    return conform(about.assign(id=ids, job_id=job.id, at=scene.clock(), changes=texts), "journal")


def _told(scene: Scene, wanted: Sequence[Make]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return frames ``actions`` and ``changes`` of making records."""
    actions, changes = [], []
    for each in wanted:
        about = {"mapping": each.mapping, "direction": "to_crm", "nav_key": each.nav_key,
                 "crm_id": each.key}  # fmt: skip
        fields = ", ".join(each.fields)
        actions.append({**about, "action": "insert", "reason": each.reason, "fields": fields})
        table = scene.catalog.crm[each.entity]
        changes += [
            {**about, "side": "crm", "field": name, "old": "", "new": _text(table, name, value)}
            for name, value in each.fields.items()
        ]
    return conform(pd.DataFrame(actions), "actions"), conform(pd.DataFrame(changes), "changes")


def _text(table: Table, name: str, value: Any) -> str:
    series = typed(pd.Series([value], dtype=object), dtype_of(table, name))
    return str(key_text(series).iloc[0])
