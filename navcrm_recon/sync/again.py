"""Records that the next run looks at again, though nobody edits them (documents 4.2, T20)."""

from __future__ import annotations

import json

import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.frames import conform, empty
from navcrm_recon.state.store import Store
from navcrm_recon.sync.hooks import hook_of
from navcrm_recon.sync.scene import Scene

#: The journal's word for such records.
AGAIN = "again"


def noted_again(
    scene: Scene, mapping: TableMapping, direction: str, job_id: str, records: pd.DataFrame
) -> pd.DataFrame:
    """Return the journal entry that says which new records are due again; empty for none."""
    hook = hook_of(mapping)
    mask = hook.later(records) if hook is not None and hook.later is not None else None
    if mask is None or not mask.any():
        return empty("journal")
    keys = json.dumps(records.index[mask].tolist(), ensure_ascii=False)
    about = {"id": scene.new_id("journal", ""), "job_id": job_id, "mapping": mapping.name}
    entry = {**about, "direction": direction, "action": AGAIN, "at": scene.clock(), "changes": keys}
    return conform(pd.DataFrame([entry]), "journal")


def due_again(store: Store, mapping: TableMapping, direction: str) -> pd.DataFrame:
    """Return the open entries of a mapping that say so (frame ``journal``)."""
    hook = hook_of(mapping)
    if hook is None or hook.later is None:
        return empty("journal")
    entries = store.unfinished(mapping.name)
    return entries[entries["action"].eq(AGAIN) & entries["direction"].eq(direction)]


def keys_again(entries: pd.DataFrame) -> list[str]:
    """Return the source keys of the records such entries are about."""
    return [key for text in entries["changes"] for key in json.loads(text)]
