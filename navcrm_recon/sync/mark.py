"""What the source says of its records once they are complete on the other side (documents 2.5)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.frames import UTC, conform, dtype_of, key_text, typed
from navcrm_recon.recon.changes import later
from navcrm_recon.sides.writing import Write, Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.hooks import hook_of
from navcrm_recon.sync.scene import Scene, read_available
from navcrm_recon.sync.select import Request
from navcrm_recon.sync.told import Told

#: The journal's word for a mark that is about to be set.
MARK = "mark"
_STAMP = "last_synch_modified_on"


def mark(
    scene: Scene, store: Store, mapping: TableMapping, job: Job, keys: Sequence[str]
) -> Told | None:
    """Set the marks of NAV records that were synchronised, where they are not set.

    That is no edit: a record that was not changed since its synchronisation is still none that
    was. A mark that is refused waits for the next time. The caller holds the mapping's lock.

    Returns
    -------
    What was written, None for nothing.
    """
    hook = hook_of(mapping)
    if hook is None or not hook.marks:
        return None
    _close_open(store, mapping)
    known = store.coupling_records(mapping.name, nav_keys=keys)
    known = known[known["last_synch_crm_result"].eq("success")].set_index("nav_key")
    names = [name for name in hook.marks if name in scene.nav.available(mapping.nav)]
    there = read_available(scene.nav, mapping.nav, names, (), known.index.tolist())
    unset = np.logical_or.reduce([there[name].ne(hook.marks[name]).fillna(True) for name in names])
    due = there[np.asarray(unset, dtype=bool)] if names else there.iloc[:0]
    if not len(due):
        return None
    known = known.loc[due.index]
    values = {name: hook.marks[name] for name in names}
    told = _told(mapping, due, known, values)
    entries = _entries(scene, job, told)
    store.open_entries(entries)
    written, before = _written(scene, mapping, due, values)
    done = [each.key for each in written if not each.error]
    with store.transaction():
        _keep_unmodified(store, mapping, known, written, before)
        ok = entries["nav_key"].isin(done)
        store.close_entries(entries.loc[ok, "id"].tolist(), "done")
        store.close_entries(entries.loc[~ok, "id"].tolist(), "failed")
    return told


def _close_open(store: Store, mapping: TableMapping) -> None:
    """Leave what a stopped run was about to mark to be looked at anew."""
    entries = store.unfinished(mapping.name)
    store.close_entries(entries.loc[entries["action"].eq(MARK), "id"].tolist(), "undone")


def _written(
    scene: Scene, mapping: TableMapping, due: pd.DataFrame, values: dict[str, Any]
) -> tuple[list[Written], pd.Series]:
    """Set the marks; return what became of it, and when the records were modified before."""
    before = scene.nav.stamps(mapping.nav, keys=due.index.tolist())["modified_on"].astype(UTC)
    orders = [
        Write("update", str(key), values, None if pd.isna(time) else time.to_pydatetime())
        for key, time in before.reindex(due.index).items()
    ]
    user = str(scene.setup.get("integration_user", ""))
    return scene.nav.write(mapping.nav, orders, now=scene.clock(), by=user), before


def _keep_unmodified(
    store: Store,
    mapping: TableMapping,
    known: pd.DataFrame,
    written: Sequence[Written],
    before: pd.Series,
) -> None:
    """Let the couplings of records nobody edited know of the mark's modified-on."""
    edited = later(before.reindex(known.index), known[_STAMP])
    stamps = pd.Series({each.key: each.modified_on for each in written if not each.error})
    kept = known[~edited & known.index.isin(stamps.index)]
    stamped = kept.assign(**{_STAMP: pd.to_datetime(stamps.reindex(kept.index), utc=True)})
    store.save_couplings(conform(stamped.reset_index(), "coupling_records"))


def _told(
    mapping: TableMapping, due: pd.DataFrame, known: pd.DataFrame, values: dict[str, Any]
) -> Told:
    """Return the marks as a plan tells of them."""
    about = pd.DataFrame(
        {
            "mapping": mapping.name,
            "direction": "to_crm",
            "nav_key": due.index.to_numpy(),
            "crm_id": known["crm_id"].to_numpy(),
        }
    )
    changes = []
    for name, value in values.items():
        new = typed(pd.Series([value] * len(due), dtype=object), dtype_of(mapping.nav, name))
        texts = {"old": key_text(due[name]).to_numpy(), "new": key_text(new).to_numpy()}
        changes.append(about.assign(side="nav", field=name, **texts))
    reason = "2.5: the record says that it is in CRM"
    actions = about.assign(action="modify", reason=reason, fields=", ".join(values))
    return Told(
        mapping.name,
        "to_crm",
        Request(tuple(due.index), completes=True),
        conform(actions, "actions"),
        conform(pd.concat(changes, ignore_index=True), "changes"),
    )


def _entries(scene: Scene, job: Job, told: Told) -> pd.DataFrame:
    """Return the journal entries of setting marks (frame ``journal``)."""
    rows = told.changes[["side", "field", "old", "new"]]
    texts = [
        json.dumps(rows[told.changes["nav_key"].eq(key)].to_numpy().tolist(), ensure_ascii=False)
        for key in told.actions["nav_key"]
    ]
    about = told.actions[["mapping", "direction", "nav_key", "crm_id"]]
    ids = [scene.new_id("journal", key) for key in about["nav_key"]]
    entries = about.assign(action=MARK, id=ids, job_id=job.id, at=scene.clock(), changes=texts)
    return conform(entries, "journal")
