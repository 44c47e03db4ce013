"""Finish what an interrupted run left open: every write it began was done, or was not."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import Table, TableMapping
from navcrm_recon.frames import UTC, as_rows, conform
from navcrm_recon.recon.changes import TOLERANCE, later
from navcrm_recon.sides.side import Side
from navcrm_recon.sides.stamps import keys_by_identity
from navcrm_recon.state.store import Store
from navcrm_recon.sync.again import AGAIN
from navcrm_recon.sync.confirm import JOB_IDS, RESULTS, behind
from navcrm_recon.sync.examine import STAMPS
from navcrm_recon.sync.follow import FOLLOWS, noted_followers
from navcrm_recon.sync.links import LINKS, noted_links
from navcrm_recon.sync.mark import MARK
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import sides_of
from navcrm_recon.sync.steps import STEPS, finish_steps


@contextmanager
def at_work(scene: Scene, store: Store, mapping: TableMapping) -> Iterator[None]:
    """Hold the lock of a mapping, once what an interrupted run left open is finished."""
    with store.lock(mapping.name):
        if mapping.option_attribute is None:
            finish_open(scene, store, mapping)
        yield


def finish_open(scene: Scene, store: Store, mapping: TableMapping) -> None:
    """Confirm or drop the open journal entries of a mapping; the caller holds its lock.

    A new record is found by the id that was chosen before it was made, a changed one by the time
    it was to be stamped with. What was done gets its coupling; what was not is decided anew.
    """
    if mapping.option_attribute is not None:
        return  # its own pass does so (sync.options)
    finish_steps(scene, store, mapping.name, mapping.crm)
    entries = store.unfinished(mapping.name)
    # The business of the passes that come after, and of steps a side refuses.
    others = entries["action"].isin([AGAIN, LINKS, FOLLOWS, MARK, STEPS])
    entries = entries[~others].reset_index(drop=True)
    if not len(entries):
        _close_jobs(scene, store, mapping, entries)
        return
    ways = entries["direction"].unique().tolist()
    found = pd.concat(
        [_look(scene, mapping, way, entries[entries["direction"].eq(way)]) for way in ways]
    )
    done = found[found["there"]]
    old = store.coupling_records(mapping.name, nav_keys=entries["nav_key"].tolist())
    old = pd.concat([old, store.coupling_records(mapping.name, crm_ids=entries["crm_id"].tolist())])
    with store.transaction():
        replaced = old[old["nav_key"].isin(done["nav_key"]) | old["crm_id"].isin(done["crm_id"])]
        store.remove_couplings(replaced.drop_duplicates(["nav_key", "crm_id"]))
        # A change whose coupling was removed meanwhile stays a change, without a coupling.
        kept = [
            _coupling(row, replaced)
            for row in as_rows(done)
            if row["identity"] or len(_same(row, replaced))
        ]
        if kept:
            store.save_couplings(conform(pd.DataFrame(kept), "coupling_records"))
        store.open_entries(noted_links(scene, mapping, done[done["identity"].ne("")]))
        store.open_entries(noted_followers(scene, mapping, done))
        store.open_entries(conform(done[list(entries)], "journal"))  # with the keys NAV gave
        store.close_entries(done["id"].tolist(), "done")
        store.close_entries(found.loc[~found["there"], "id"].tolist(), "undone")
        _close_jobs(scene, store, mapping, done)


def _look(
    scene: Scene, mapping: TableMapping, direction: str, entries: pd.DataFrame
) -> pd.DataFrame:
    """Say of each entry whether its write is there, with the key and time the record has."""
    other = sides_of("to_crm" if direction == "to_crm" else "to_nav")[1]
    key = "crm_id" if other == "crm" else "nav_key"
    side, table = scene.side(other), mapping.table(other)
    out = entries.copy()
    new = out["identity"].ne("")
    if other == "nav" and new.any():
        out.loc[new, key] = _by_identity(scene, side, table, out.loc[new, "identity"])
    keys = [each for each in out[key].tolist() if each]
    stamps = side.stamps(table, keys=keys)["modified_on"]
    there = side.read(table, list(table.key), (), keys)
    out["modified_on"] = stamps.reindex(out[key]).to_numpy()
    out["modified_on"] = pd.to_datetime(out["modified_on"], utc=True)
    ours = (out["modified_on"] - out["at"]).abs() < TOLERANCE
    out["there"] = out[key].isin(list(there.index)) & (ours | new)
    return out


def _by_identity(scene: Scene, side: Side, table: Table, identities: pd.Series) -> list[str]:
    """Return the NAV keys of records by their Integration IDs, blank where there is none."""
    keys = keys_by_identity(side.read, scene.catalog, identities.tolist(), table)
    return keys.reindex(identities.str.lower()).fillna("").tolist()


def _same(entry: Mapping[str, Any], couplings: pd.DataFrame) -> pd.DataFrame:
    return couplings[
        couplings["nav_key"].eq(entry["nav_key"]) & couplings["crm_id"].eq(entry["crm_id"])
    ]


def _coupling(entry: dict[str, Any], replaced: pd.DataFrame) -> dict[str, Any]:
    """Return the coupling a confirmed write leaves."""
    direction = entry["direction"]
    source, other = sides_of("to_crm" if direction == "to_crm" else "to_nav")
    same = _same(entry, replaced)
    before = as_rows(same)[0] if len(same) else {"skipped": False}
    if entry["action"] == "link":  # as ``confirm`` does
        known = before[STAMPS[other]]
        unseen = later(*(pd.Series([t], dtype=UTC) for t in (entry["source_stamp"], known)))[0]
        there = behind(other, entry["at"]) if unseen else entry["at"]
        return before if pd.isna(known) else before | {STAMPS[other]: there}
    new = {name: entry[name] for name in ("mapping", "nav_key", "crm_id", "baseline")}
    stamps = {STAMPS[source]: entry["source_stamp"], STAMPS[other]: entry["at"]}
    if entry["identity"]:
        stamps[STAMPS[other]] = entry["modified_on"]
    elif entry["baseline"] is None or entry["baseline"] == before.get("baseline"):
        # The baseline stayed, so the other pass still has an edit to bring (R3.28).
        stamps[STAMPS[other]] = behind(other, entry["at"])
    new["integration_id"] = entry["integration_id"] or before.get("integration_id", "")
    outcome = {RESULTS[direction]: "success", JOB_IDS[direction]: entry["job_id"]}
    return before | new | stamps | outcome


def _close_jobs(scene: Scene, store: Store, mapping: TableMapping, done: pd.DataFrame) -> None:
    """Close the interrupted jobs; nobody else is at work, since the mapping is locked."""
    for job in store.unfinished_jobs(mapping.name):
        mine = done[done["job_id"].eq(job.id)]
        job.inserted += int(mine["identity"].ne("").sum())
        job.modified += int(mine["identity"].eq("").sum())
        job.finished_at = scene.clock()
        job.message = "Interrupted; what it had begun was finished by a later run."
        store.finish_job(job)
