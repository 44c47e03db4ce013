"""The records a synchronisation passes over, and putting them back (engine 6)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from navcrm_recon.catalog.model import SideName, TableMapping
from navcrm_recon.errors import NotFoundError, examples
from navcrm_recon.frames import SCHEMAS, TEXT, conform, empty, key_text
from navcrm_recon.sync.couple import there
from navcrm_recon.sync.jobs import in_a_run, writable_state
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.renames import follow, followed
from navcrm_recon.sync.scene import Scene, coupling_records

_KEYS: dict[SideName, str] = {"nav": "nav_key", "crm": "crm_id"}


def skipped(scene: Scene) -> pd.DataFrame:
    """Return every coupling that is skipped, with its latest error, newest failure first.

    Returns
    -------
    DataFrame
        Frame ``skipped``: ``mapping, nav_key, crm_id, nav_name, crm_name, direction`` (str; the
        direction that failed), ``failed_at`` (UTC), ``message`` (str), ``nav_exists,
        crm_exists`` (bool). Time and message are blank where the error log was cleared (R6.4).
    """
    found = []
    for mapping in scene.catalog.mappings.values():
        if mapping.option_attribute is None:
            known = coupling_records(scene, mapping)
            known = known[known["skipped"]].reset_index(drop=True)
            if len(known) and scene.store is not None:
                known = followed(scene, scene.store, mapping, known)
            if len(known):
                found.append(_described(scene, mapping, known))
    if not found:
        return empty("skipped")
    every = pd.concat(found, ignore_index=True)
    order = ["failed_at", "no", "mapping", "nav_key", "crm_id"]
    every = every.sort_values(
        order, ascending=[False, False, True, True, True], ignore_index=True, na_position="last"
    )
    return conform(every[list(SCHEMAS["skipped"])], "skipped")


def _described(scene: Scene, mapping: TableMapping, known: pd.DataFrame) -> pd.DataFrame:
    """Return skipped couplings with names, existence, and the latest error of their last jobs."""
    out = known[["mapping", "nav_key", "crm_id"]].copy()
    for side, key in _KEYS.items():
        name = mapping.name_field(side)
        rows = scene.side(side).read(
            mapping.table(side), [name] if name else [], (), known[key].drop_duplicates().tolist()
        )
        exists = set(there(scene, mapping, side, known[key].drop_duplicates().tolist()))
        named = key_text(rows[name]) if name and name in rows else pd.Series(dtype=TEXT)
        out[f"{side}_name"] = named.reindex(known[key]).fillna("").array
        out[f"{side}_exists"] = known[key].isin(list(exists))
    latest = _latest_errors(scene, mapping, known)
    return out.join(latest)


def _latest_errors(scene: Scene, mapping: TableMapping, known: pd.DataFrame) -> pd.DataFrame:
    """Return ``direction, failed_at, message, no`` of the latest failure of each coupling.

    The jobs that the coupling names are looked at, those of the directions that failed.
    """
    failed = {
        "to_crm": known["last_synch_crm_job_id"].where(
            known["last_synch_crm_result"].eq("failure")
        ),
        "to_nav": known["last_synch_job_id"].where(known["last_synch_result"].eq("failure")),
    }
    attempts = pd.concat(
        [
            pd.DataFrame(
                {"row": known.index, "job_id": ids.fillna("").array, "direction": way}
            ).assign(nav_key=known["nav_key"], crm_id=known["crm_id"])
            for way, ids in failed.items()
        ],
        ignore_index=True,
    )
    errors = scene.store.errors(mapping.name) if scene.store else empty("errors")
    errors = errors[["no", "job_id", "at", "nav_key", "crm_id", "message"]]
    matches = [
        attempts.loc[attempts["direction"].eq(way), ["row", "job_id", "direction", key]].merge(
            errors.drop(columns="crm_id" if key == "nav_key" else "nav_key"), on=["job_id", key]
        )
        # By either key: NAV may have renamed the record since.
        for way, key in (("to_crm", "nav_key"), ("to_crm", "crm_id"), ("to_nav", "crm_id"))
    ]
    every = pd.concat(matches).sort_values("no").drop_duplicates("row", keep="last")
    latest = every.set_index("row").rename(columns={"at": "failed_at"})
    latest = latest[["direction", "failed_at", "message", "no"]].reindex(known.index)
    either = pd.Series("to_nav", index=known.index, dtype=TEXT)
    either = either.where(known["last_synch_result"].eq("failure"), "")
    either = either.mask(known["last_synch_crm_result"].eq("failure"), "to_crm")
    return latest.assign(direction=latest["direction"].fillna(either))


def restore(scene: Scene, mapping: TableMapping, nav_keys: Sequence[str] | None = None) -> int:
    """Put skipped records back: the next synchronisation tries them again (R6.10).

    Results and job ids stay, so that one more failure for the same reason skips the record again
    (R6.11). Nothing is run. Only couplings whose NAV record is there are restored.

    Parameters
    ----------
    nav_keys
        NAV records; None = all of the mapping.

    Returns
    -------
    The number of couplings restored.

    Raises
    ------
    NotFoundError
        A record named is not coupled.
    ReadOnlyError
        Couplings are only observed.
    """
    scene = in_a_run(scene)
    store = writable_state(scene, f"Restoring records of {mapping.name}")
    with at_work(scene, store, mapping):
        known = coupling_records(scene, mapping)
        if follow(scene, store, mapping, known[known["skipped"]]):
            known = coupling_records(scene.fresh(), mapping)
        if nav_keys is not None:
            lost = [key for key in nav_keys if key not in set(known["nav_key"])]
            if lost:
                raise NotFoundError(
                    f"{mapping.name}: {mapping.nav.name} {examples(lost)} is not coupled, so there "
                    "is nothing to restore.",
                    mapping=mapping.name,
                    record=lost[0],
                )
            known = known[known["nav_key"].isin(list(nav_keys))]
        known = known[known["skipped"]]
        exists = there(scene, mapping, "nav", known["nav_key"].drop_duplicates().tolist())
        restored = known[known["nav_key"].isin(exists)]
        store.save_couplings(restored.assign(skipped=False))
    return len(restored)
