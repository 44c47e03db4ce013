"""Keep what came of a batch: couplings, stamps, results, baselines, errors (engine 3.11, 6.1)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import SideName
from navcrm_recon.frames import UTC, conform
from navcrm_recon.recon.changes import later
from navcrm_recon.sides.writing import Written
from navcrm_recon.sync.doing import NEW, Pass
from navcrm_recon.sync.examine import STAMPS
from navcrm_recon.sync.follow import is_completed, leads, noted_followers
from navcrm_recon.sync.links import noted_links
from navcrm_recon.sync.select import key_names

_COUNTER = {
    "insert": "inserted", "restore": "inserted", "modify": "modified", "unchanged": "unchanged",
}  # fmt: skip
RESULTS = {"to_crm": "last_synch_crm_result", "to_nav": "last_synch_result"}
JOB_IDS = {"to_crm": "last_synch_crm_job_id", "to_nav": "last_synch_job_id"}
#: How far a destination's stamp is set back.
_BEHIND = {"crm": pd.Timedelta(milliseconds=999), "nav": pd.Timedelta(milliseconds=10)}
#: Characters the repeat test compares (engine R6.2).
_COMPARED = 250

Row = dict[str, Any]


def confirm(
    each: Pass, places: Sequence[int], written: Mapping[int, Written], at: datetime
) -> list[str]:
    """Keep what came of some records of a pass; return the source keys of stale ones."""
    saved: list[Row] = []
    removed: list[Row] = []
    failures: list[Row] = []
    stale: list[str] = []
    led: list[int] = []
    for place in places:
        action, done = each.actions[place], written.get(place)
        if done is not None and done.stale and not each.final:
            stale.append(each.keys[place])
        elif done is not None and done.error:
            failures.append(_refused(each, place, done, at))
        elif action in ("fail", "conflict"):
            failures.append(_failure(each, place, at, each.refusals.loc[place].to_dict()))
        else:
            if action in ("uncouple", "restore"):
                removed.append(each.couplings[place])
            saved += _kept(each, place, action, done)
            led += [place] if leads(each.mapping, action) and not each.request.completes else []
            # What completes a record is part of what was counted before.
            if (counter := _COUNTER.get(action)) and not each.request.completes:
                setattr(each.job, counter, getattr(each.job, counter) + 1)
    each.job.failed += len(failures)
    saved += _marked(each, failures)
    _note_links(each)
    _note_followers(each, led)
    if removed:
        each.store.remove_couplings(conform(pd.DataFrame(removed), "coupling_records"))
    if saved:
        each.store.save_couplings(conform(pd.DataFrame(saved), "coupling_records"))
    if failures:
        errors = pd.DataFrame(failures).drop(columns="place")
        each.store.save_errors(conform(errors, "errors"))
    return stale


def _kept(each: Pass, place: int, action: str, done: Written | None) -> list[Row]:
    """Return the coupling a success leaves."""
    before = each.couplings[place]
    if action == "uncouple":
        return []
    if each.request.links:
        return _linked(each, place, done, before)
    own, other = key_names(each.direction)
    new = action in NEW or not before["nav_key"]
    coupling: Row = {"mapping": each.mapping.name, "skipped": False} if new else dict(before)
    each.partners[place] = done.key if done else each.partner_keys[place]
    coupling |= {own: each.keys[place], other: each.partners[place]}
    if new or all(pd.isna(before[name]) for name in STAMPS.values()):
        each.fresh.append((coupling["nav_key"], coupling["crm_id"]))
    there = done.modified_on if done else each.examined.partner_modified_on.iloc[place]
    if each.examined.keeps[place]:
        there = behind(each.other, there)
    if not each.keeps_baseline(place):
        coupling["baseline"] = each.baselines.get(place)
    known = each.integration_id(place)
    coupling["integration_id"] = known or before["integration_id"]
    coupling[STAMPS[each.source]] = _stamp(each.examined.picked.modified_on.iloc[place])
    coupling[STAMPS[each.other]] = _stamp(there)
    if is_completed(each.mapping) and not each.request.completes and not new:
        return [coupling]  # how it ended, its completion says
    return [coupling | {RESULTS[each.direction]: "success", JOB_IDS[each.direction]: each.job.id}]


def _note_links(each: Pass) -> None:
    """Note that others may refer to what was coupled just now; the link pass may be interrupted."""
    fresh = pd.DataFrame(each.fresh, columns=["nav_key", "crm_id"])
    about = fresh.assign(job_id=each.job.id, direction=each.direction)
    each.store.open_entries(noted_links(each.scene, each.mapping, about))
    each.noted += each.fresh
    each.fresh = []


def _note_followers(each: Pass, places: Sequence[int]) -> None:
    """Note that other records follow these; their pass may be interrupted as well."""
    if not places:
        return
    own, other = key_names(each.direction)
    about = {"job_id": each.job.id, "direction": each.direction}
    rows = [
        {own: each.keys[place], other: each.partner_keys[place], "action": each.actions[place]}
        for place in places
    ]
    done = pd.DataFrame(rows).assign(**about)
    each.store.open_entries(noted_followers(each.scene, each.mapping, done))
    each.leaders += [each.keys[place] for place in places]


def _linked(each: Pass, place: int, done: Written | None, before: Row) -> list[Row]:
    """Keep our own write from looking like an edit; edits of either side stay to be seen."""
    if done is None:
        return []
    stamp, known = STAMPS[each.other], each.examined.partner_modified_on.iloc[place]
    unseen = later(pd.Series([known]), pd.Series([before[stamp]], dtype=UTC))[0]
    there = behind(each.other, done.modified_on) if unseen else _stamp(done.modified_on)
    return [before | {stamp: there}]


def behind(side: SideName, modified_on: Any) -> Any:
    """Set the destination's stamp a little back, so that the other pass sees its edit (R3.28)."""
    return _stamp(modified_on) - _BEHIND[side]


def _stamp(value: Any) -> Any:
    return pd.NaT if value is None or pd.isna(value) else pd.Timestamp(value).as_unit("us")


def _refused(each: Pass, place: int, done: Written, at: datetime) -> Row:
    """Return the error of a write the other side refused (D12)."""
    verb = "creating" if each.actions[place] in NEW else "modifying"
    table, other = each.mapping.table(each.source).name, each.mapping.table(each.other).name
    text = f"{table} {each.keys[place]}: {verb} its {other} failed: {done.error}"
    about = {"field": done.field, "value": done.value, "message": text}
    return _failure(each, place, at, about)


def _failure(each: Pass, place: int, at: datetime, about: Mapping[Any, Any]) -> Row:
    own, other = key_names(each.direction)
    return {
        "place": place,
        "job_id": each.job.id,
        "at": at,
        "mapping": each.mapping.name,
        "direction": each.direction,
        own: each.keys[place],
        other: each.partner_keys[place],
        **{name: str(about[name]) for name in ("field", "value")},
        "message": f"{each.mapping.name}: {about['message']}",
    }


def _marked(each: Pass, failures: list[Row]) -> list[Row]:
    """Mark the couplings of failed records; a second identical failure skips them (6.1)."""
    result, job_id = RESULTS[each.direction], JOB_IDS[each.direction]
    coupled = [(one, dict(each.couplings[one["place"]])) for one in failures]
    coupled = [(one, coupling) for one, coupling in coupled if coupling["nav_key"]]
    again = {c[job_id] for _, c in coupled if c[result] == "failure" and c[job_id]}
    texts = each.store.error_texts(sorted(again)) if again else pd.DataFrame()
    last = {
        (row["job_id"], row["nav_key"], row["crm_id"]): row["message"]
        for row in texts.to_dict("records")
    }
    out = []
    for one, coupling in coupled:
        before = last.get((coupling[job_id], coupling["nav_key"], coupling["crm_id"]))
        if coupling[result] == "failure" and before:
            coupling["skipped"] = before == one["message"][:_COMPARED]
        out.append(coupling | {result: "failure", job_id: each.job.id})
    return out
