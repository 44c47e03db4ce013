"""Do what was decided, batch by batch: written down first, then done, then confirmed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from tqdm import tqdm

from navcrm_recon.catalog.model import SideName, TableMapping
from navcrm_recon.frames import TEXT, conform, join_key, dtype_of, typed
from navcrm_recon.recon.baseline import baseline
from navcrm_recon.recon.changes import later
from navcrm_recon.recon.compare import constant_value
from navcrm_recon.recon.fields import after, changed_values
from navcrm_recon.sides.side import Write, Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.examine import STAMPS, Examined, Part
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, Request, key_names, sides_of

#: Records that are written down, done and confirmed together.
BATCH = 500
_COUNTER = {
    "insert": "inserted", "restore": "inserted", "modify": "modified", "unchanged": "unchanged",
    "skip": "skipped", "fail": "failed", "conflict": "failed",
}  # fmt: skip
RESULTS = {"to_crm": "last_synch_crm_result", "to_nav": "last_synch_result"}
JOB_IDS = {"to_crm": "last_synch_crm_job_id", "to_nav": "last_synch_job_id"}


@dataclass
class Wanted:
    """What is to be written for one record: values of the destination, and how they read."""

    values: dict[str, Any] = field(default_factory=dict)
    changes: list[tuple[str, str, str, str]] = field(default_factory=list)


@dataclass
class Pass:
    """One pass in the doing: where, what, on whose behalf.

    ``final``: a record that someone changed meanwhile fails; else it is to be decided again.
    ``wanted``, ``baselines``, ``partners``: by position of the record, what is written, what is
    kept of it, and the key it has on the other side. ``fresh``: couplings that succeeded for the
    first time.
    """

    scene: Scene
    store: Store
    mapping: TableMapping
    direction: OneWay
    request: Request
    job: Job
    examined: Examined
    refusals: pd.DataFrame
    final: bool = False
    wanted: dict[int, Wanted] = field(default_factory=dict)
    baselines: dict[int, bytes] = field(default_factory=dict)
    partners: dict[int, str] = field(default_factory=dict)
    fresh: list[tuple[str, str]] = field(default_factory=list)

    @property
    def source(self) -> SideName:
        """The side the pass reads."""
        return sides_of(self.direction)[0]

    @property
    def other(self) -> SideName:
        """The side the pass writes."""
        return sides_of(self.direction)[1]


def write_pass(each: Pass) -> list[str]:
    """Do what was decided about every record of a pass.

    Returns
    -------
    The source keys of records that someone changed meanwhile: they are to be decided again.
    """
    decisions = each.examined.decisions
    each.wanted = wanted_values(each)
    each.baselines = _baselines(each)
    stale: list[str] = []
    places = np.arange(len(decisions))
    steps = range(0, len(places), BATCH)
    label = f"{each.mapping.name} {each.direction}"
    for start in tqdm(steps, desc=label, unit="batch", disable=None, leave=False):
        stale += _write_batch(each, places[start : start + BATCH])
    return stale


def wanted_values(each: Pass) -> dict[int, Wanted]:
    """Return the values to be written, by position of the record."""
    action = each.examined.decisions["action"]
    modified = np.flatnonzero(action.eq("modify"))
    born = np.flatnonzero(action.isin(["insert", "restore"]))
    out = {int(place): Wanted() for place in [*modified, *born]}
    matched = set(each.examined.there.at.tolist())
    _collect(each, each.examined.there, out, set(modified.tolist()))
    _collect(each, each.examined.born, out, set(born.tolist()) - matched)
    template = _template(each)
    for place in born:
        one = out[int(place)]
        for name, (value, text) in template.items():
            one.values[name] = value
            one.changes = [row for row in one.changes if row[1] != name]
            one.changes.append((each.other, name, "", text))
    return out


def _collect(each: Pass, part: Part, out: dict[int, Wanted], places: set[int]) -> None:
    """Add the values of a part's fields; a later field of the same column wins (R3.46)."""
    for one in part.fields:
        changed = changed_values(one)
        values = one.new.take(pa.array(changed["record"])).to_pylist()
        rows = zip(changed["record"], changed["old"], changed["new"], values, strict=True)
        for record, old, new, value in rows:
            place = int(part.at[record])
            if place not in places:
                continue
            target = out[place]
            name = one.column.name
            if name in target.values:
                target.changes = [row for row in target.changes if row[1] != name]
            target.values[name] = value
            if old != new:
                target.changes.append((each.other, name, old, new))


def _template(each: Pass) -> dict[str, tuple[Any, str]]:
    """Return what the mapping's template sets on a new record, which wins over it (R3.32)."""
    table = each.mapping.table(each.other)
    found = each.mapping.templates.get(each.direction) or {}
    values: Mapping[str, Any] = found if isinstance(found, Mapping) else {}
    out = {}
    for name, text in values.items():
        value = constant_value(table.columns[name], str(text))
        out[name] = (value, str(value))
    return out


def _baselines(each: Pass) -> dict[int, bytes]:
    """Return the baseline every record has once it is written (design, idea 2)."""
    out: dict[int, bytes] = {}
    for part in (each.examined.there, each.examined.born):
        if not len(part.at):
            continue
        source = each.examined.picked.records.iloc[part.at].reset_index(drop=True)
        table = each.mapping.table(each.other)
        columns: dict[str, Any] = {}
        for one in part.fields:
            name = one.column.name
            if one.row is not None and one.row.runs(each.direction) and name in table.columns:
                columns[name] = typed(_series(after(one)), dtype_of(table, name))
        there = pd.DataFrame(columns, index=range(len(part.at)))
        if part.old is not None:
            old = part.old.reset_index(drop=True)
            there = pd.concat([there, old[[n for n in old if n not in there]]], axis=1)
        frames = (source, there) if each.direction == "to_crm" else (there, source)
        found = baseline(each.mapping, *frames)
        out |= dict(zip(part.at.tolist(), found.tolist(), strict=True))
    return out


def _series(values: pa.Array) -> pd.Series:
    series = pd.Series(pd.arrays.ArrowExtensionArray(values))
    if pa.types.is_boolean(values.type):
        return series.astype("boolean")
    return series.astype("Int64") if pa.types.is_integer(values.type) else series


def _write_batch(each: Pass, places: np.ndarray) -> list[str]:
    """Write one batch down, do it, and confirm it; return the source keys of stale records."""
    writes = [int(place) for place in places if int(place) in each.wanted]
    at = each.scene.clock()
    entries = pd.DataFrame([_entry(each, place, at) for place in writes])
    if len(entries):
        each.store.open_entries(conform(entries, "journal"))
    table, side = each.mapping.table(each.other), each.scene.side(each.other)
    user = str(each.scene.setup.get("integration_user", ""))
    orders = [_order(each, place, entry) for place, entry in zip(writes, entries.to_dict("records"), strict=True)]
    done = side.write(table, orders, now=at, by=user) if orders else []
    written = dict(zip(writes, done, strict=True))
    with each.store.transaction():
        stale = confirm(each, [int(place) for place in places], written, at)
        for outcome, ids in _outcomes(entries, done).items():
            each.store.close_entries(ids, outcome)
        each.store.finish_job(each.job)  # its counters so far
    return stale


def _outcomes(entries: pd.DataFrame, done: list[Written]) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {"done": [], "failed": []}
    for id_, one in zip(entries["id"] if len(entries) else [], done, strict=True):
        out["failed" if one.error else "done"].append(str(id_))
    return {outcome: ids for outcome, ids in out.items() if ids}


def _entry(each: Pass, place: int, at: datetime) -> dict[str, Any]:
    """Return the journal entry of one write; the id of a new record is chosen here."""
    key = str(each.examined.picked.records.index[place])
    action = each.examined.decisions["action"].iloc[place]
    own, other = key_names(each.direction)
    new = action in ("insert", "restore")
    identity = each.scene.new_id(each.mapping.name, key) if new else ""
    partner = identity if new and each.other == "crm" else each.examined.partner.iloc[place]
    if new and each.other == "nav":
        partner = ""
    kept = each.examined.picked.couplings["baseline"].iloc[place]
    keeps = each.examined.keeps[place] or each.request.links
    return {
        "id": each.scene.new_id("journal", key),
        "job_id": each.job.id,
        "mapping": each.mapping.name,
        "direction": each.direction,
        "action": action,
        own: key,
        other: partner,
        "identity": identity,
        "at": at,
        "source_stamp": each.examined.picked.modified_on.iloc[place],
        "baseline": kept if keeps else each.baselines.get(place),
        "changes": json.dumps(each.wanted[place].changes, ensure_ascii=False),
    }


def _order(each: Pass, place: int, entry: Mapping[str, Any]) -> Write:
    wanted = each.wanted[place]
    if not entry["identity"]:
        expected = each.examined.partner_modified_on.iloc[place]
        time = None if pd.isna(expected) else expected.to_pydatetime()
        return Write("update", str(each.examined.partner.iloc[place]), wanted.values, time)
    key = str(entry["crm_id"]) if each.other == "crm" else _given_key(each, wanted.values)
    return Write("insert", key, wanted.values, None, str(entry["identity"]))


def _given_key(each: Pass, values: Mapping[str, Any]) -> str:
    """Return the key of a new NAV record where its fields are mapped, else blank: NAV gives it."""
    key = each.mapping.nav.key
    if not all(values.get(name) for name in key):
        return ""
    return str(join_key([pd.Series([str(values[name])], dtype=TEXT) for name in key]).iloc[0])


def confirm(
    each: Pass, places: list[int], written: Mapping[int, Written], at: datetime
) -> list[str]:
    """Keep what came of a batch: couplings, results, baselines, errors, counters (3.11, 6.1)."""
    saved: list[dict[str, Any]] = []
    removed: list[dict[str, Any]] = []
    failures: list[dict[str, Any]] = []
    stale: list[str] = []
    for place in places:
        action = each.examined.decisions["action"].iloc[place]
        done = written.get(place)
        coupling = each.examined.picked.couplings.iloc[place]
        if done is not None and done.stale and not each.final:
            stale.append(str(each.examined.picked.records.index[place]))
            continue
        if done is not None and done.error:
            failures.append(_failure(each, place, at, done.field, done.value, _refused(each, place, action, done.error)))
        elif action in ("fail", "conflict"):
            about = each.refusals.loc[place]
            failures.append(_failure(each, place, at, about["field"], about["value"], about["message"]))
        else:
            _succeed(each, place, action, done, saved, removed)
            counter = _COUNTER.get(action)
            if counter:
                setattr(each.job, counter, getattr(each.job, counter) + 1)
    each.job.failed += len(failures)
    saved += _marked(each, failures)
    if removed:
        each.store.remove_couplings(conform(pd.DataFrame(removed), "coupling_records"))
    if saved:
        each.store.save_couplings(conform(pd.DataFrame(saved), "coupling_records"))
    if failures:
        errors = pd.DataFrame(failures).drop(columns="place")
        each.store.save_errors(conform(errors, "errors"))
    return stale


def _refused(each: Pass, place: int, action: str, reason: str) -> str:
    verb = "creating" if action in ("insert", "restore") else "modifying"
    table = each.mapping.table(each.other).name
    key = each.examined.picked.records.index[place]
    source = each.mapping.table(each.source).name
    return f"{source} {key}: {verb} its {table} failed: {reason}"


def _succeed(
    each: Pass,
    place: int,
    action: str,
    done: Written | None,
    saved: list[dict[str, Any]],
    removed: list[dict[str, Any]],
) -> None:
    before = {str(k): v for k, v in each.examined.picked.couplings.iloc[place].to_dict().items()}
    coupling = dict(before)
    own, other = key_names(each.direction)
    rule = each.examined.decisions["rule"].iloc[place]
    if action == "uncouple" or action == "restore":
        removed.append(coupling)
    if action in ("skip", "uncouple") or rule == "D6":
        return
    if each.request.links:
        _linked(each, place, action, done, coupling, saved)
        return
    new = action in ("insert", "restore") or not coupling["nav_key"]
    if new:
        coupling = {"mapping": each.mapping.name, "skipped": False}
    coupling[own] = str(each.examined.picked.records.index[place])
    coupling[other] = done.key if done else str(each.examined.partner.iloc[place])
    each.partners[place] = coupling[other]
    source_stamp = each.examined.picked.modified_on.iloc[place]
    there = done.modified_on if done else each.examined.partner_modified_on.iloc[place]
    if each.examined.keeps[place]:
        there = behind(each.other, there)
    else:
        coupling["baseline"] = each.baselines.get(place)
    for side, stamp in ((each.source, source_stamp), (each.other, there)):
        coupling[STAMPS[side]] = _stamp(stamp)
    if new or all(pd.isna(before.get(name)) for name in STAMPS.values()):
        each.fresh.append((coupling["nav_key"], coupling["crm_id"]))
    coupling[RESULTS[each.direction]] = "success"
    coupling[JOB_IDS[each.direction]] = each.job.id
    saved.append(coupling)


def _linked(
    each: Pass,
    place: int,
    action: str,
    done: Written | None,
    coupling: dict[str, Any],
    saved: list[dict[str, Any]],
) -> None:
    """Keep our own write from looking like an edit; edits of either side stay to be seen."""
    stamp, known = STAMPS[each.other], each.examined.partner_modified_on.iloc[place]
    if action == "modify" and done is not None and not pd.isna(coupling[stamp]):
        if not later(pd.Series([known]), pd.Series([coupling[stamp]]))[0]:
            saved.append(coupling | {stamp: _stamp(done.modified_on)})


def _stamp(value: Any) -> pd.Timestamp:
    return pd.NaT if value is None or pd.isna(value) else pd.Timestamp(value).as_unit("us")


def behind(side: SideName, modified_on: Any) -> Any:
    """Set the destination's stamp a little back, so that the other pass sees its edit (R3.28)."""
    step = pd.Timedelta(milliseconds=999 if side == "crm" else 10)
    return _stamp(modified_on) - step


def _failure(
    each: Pass, place: int, at: datetime, name: str, value: str, message: str
) -> dict[str, Any]:
    own, other = key_names(each.direction)
    return {
        "place": place,
        "job_id": each.job.id,
        "at": at,
        "mapping": each.mapping.name,
        "direction": each.direction,
        own: str(each.examined.picked.records.index[place]),
        other: str(each.examined.partner.iloc[place]),
        "field": name,
        "value": value,
        "message": message,
    }


def _marked(each: Pass, failures: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mark the couplings of failed records; a second identical failure skips them (6.1)."""
    coupled = [
        (one, each.examined.picked.couplings.iloc[one["place"]].to_dict()) for one in failures
    ]
    coupled = [(one, coupling) for one, coupling in coupled if coupling["nav_key"]]
    result, job_id = RESULTS[each.direction], JOB_IDS[each.direction]
    before = [c[job_id] for _, c in coupled if c[result] == "failure" and c[job_id]]
    texts = each.store.error_texts(sorted(set(before))) if before else None
    out = []
    for one, coupling in coupled:
        if coupling[result] == "failure" and texts is not None:
            last = texts[
                texts["job_id"].eq(coupling[job_id])
                & texts["nav_key"].eq(coupling["nav_key"])
                & texts["crm_id"].eq(coupling["crm_id"])
            ]["message"]
            coupling["skipped"] = len(last) > 0 and last.iloc[-1] == one["message"][:250]
        out.append(coupling | {result: "failure", job_id: each.job.id})
    return out

