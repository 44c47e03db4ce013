"""Records that follow others: a group's prices, an invoice's lines (documents PG5, 2.4)."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.frames import conform, empty, split_key
from navcrm_recon.state.store import Store
from navcrm_recon.sync.hooks import hook_of, is_led
from navcrm_recon.sync.links import naming
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, key_names, sides_of

#: The journal's word for records whose followers are due.
FOLLOWS = "follows"


def is_completed(mapping: TableMapping) -> bool:
    """Say whether a mapping's records get further columns once their followers are there."""
    hook = hook_of(mapping)
    return hook is not None and hook.completes is not None


def looked_at_again(mapping: TableMapping) -> bool:
    """Say whether a mapping's records are completed, or looked at again when they are new."""
    hook = hook_of(mapping)
    return hook is not None and (hook.again or hook.completes is not None)


def leads(mapping: TableMapping, action: str) -> bool:
    """Say whether other records follow one for which a pass did this, or its own completion."""
    hook = hook_of(mapping)
    if hook is None:
        return False
    follows = hook.follows is not None and action in hook.follows.after
    return follows or (hook.again and action in ("insert", "restore"))


def noted_followers(scene: Scene, mapping: TableMapping, done: pd.DataFrame) -> pd.DataFrame:
    """Return the journal entries that say followers are due; frame ``journal``, empty for none.

    Parameters
    ----------
    done
        ``nav_key``, ``crm_id``, ``action``, ``direction`` and ``job_id`` of records.
    """
    leading = [leads(mapping, action) for action in done["action"]]
    led = done[np.array(leading, dtype=bool)]
    entries = [
        {
            "id": scene.new_id("journal", ""),
            "job_id": some["job_id"].iloc[0],
            "mapping": mapping.name,
            "direction": direction,
            "action": FOLLOWS,
            "at": scene.clock(),
            "changes": json.dumps(_sources(direction, some), ensure_ascii=False),
        }
        for direction, some in led.groupby("direction", sort=False)
    ]
    return conform(pd.DataFrame(entries), "journal") if entries else empty("journal")


def _sources(direction: object, done: pd.DataFrame) -> list[str]:
    own, _ = key_names("to_crm" if direction == "to_crm" else "to_nav")
    return [str(key) for key in done[own]]


def due(entries: pd.DataFrame, direction: OneWay) -> pd.DataFrame:
    """Return those of some open entries that say followers in a direction are due."""
    return entries[entries["action"].eq(FOLLOWS) & entries["direction"].eq(direction)]


def led_by(entries: pd.DataFrame) -> list[str]:
    """Return the source keys of the records such entries are about."""
    return [key for text in entries["changes"] for key in json.loads(text)]


def followers(
    scene: Scene, mapping: TableMapping, direction: OneWay, leaders: Iterable[str]
) -> tuple[TableMapping | None, list[str]]:
    """Return the mapping of what follows some records, and the source keys of its records."""
    hook = hook_of(mapping)
    led = scene.catalog.mappings.get(hook.follows.mapping) if hook and hook.follows else None
    if hook is None or hook.follows is None or led is None or not led.enabled:
        return None, []
    source, _ = sides_of(direction)
    column = led.table(source).columns[hook.follows.column]
    names = [split_key(key)[0] for key in leaders]
    keys = naming(scene, led, source, column, names)
    if is_led(led):  # what was deleted under a record that is there, or is there anew, goes with it
        led = replace(led, deletion_conflict="restore")
    return led, keys


def coupled_lines(
    scene: Scene, store: Store, mapping: TableMapping, leaders: Iterable[str]
) -> tuple[TableMapping | None, pd.DataFrame]:
    """Return the couplings of records that only go with some NAV records, such as their lines."""
    led, keys = followers(scene, mapping, "to_crm", leaders)
    if led is None or not is_led(led):
        return None, empty("coupling_records")
    return led, store.coupling_records(led.name, nav_keys=keys)
