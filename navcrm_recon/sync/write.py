"""Do what was decided, batch by batch: written down first, then done, then confirmed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from tqdm import tqdm

from navcrm_recon.frames import TEXT, conform, dtype_of, join_key, typed
from navcrm_recon.recon.baseline import baseline
from navcrm_recon.recon.fields import after, changed_values
from navcrm_recon.sides.record_id import decodable
from navcrm_recon.sides.writing import Write, Written
from navcrm_recon.sync.confirm import confirm
from navcrm_recon.sync.doing import NEW, Pass, Wanted
from navcrm_recon.sync.examine import Part
from navcrm_recon.sync.select import key_names
from navcrm_recon.sync.templates import template_fields
from navcrm_recon.sync.write_beside import own_values, write_beside

#: Records that are written down, done and confirmed together.
BATCH = 500


def write_pass(each: Pass) -> list[str]:
    """Do what was decided about every record of a pass.

    Returns
    -------
    The source keys of records that someone changed meanwhile: they are to be decided again.
    """
    each.wanted = _wanted(each)
    each.baselines = _baselines(each)
    stale: list[str] = []
    acting = _acting(each)
    steps = range(0, len(acting), BATCH)
    label = f"{each.mapping.name} {each.direction}"
    for start in tqdm(steps, desc=label, unit="batch", disable=None, leave=False):
        places = acting[start : start + BATCH]
        at = each.scene.clock()
        entries = [_entry(each, place, at) for place in places if place in each.wanted]
        written = _write(each, entries, at)
        with each.store.transaction():
            stale += confirm(each, places, written, at)
            _close(each, entries, written)
            each.store.finish_job(each.job)  # its counters so far
    return stale


def _acting(each: Pass) -> list[int]:
    """Return the records whose coupling is touched; the others are only counted (D1, D3, D6)."""
    decisions = each.examined.decisions
    skipped = decisions["action"].eq("skip").to_numpy()
    # What a link pass need not fill keeps its coupling as it is.
    kept = decisions["action"].eq("unchanged") if each.request.links else decisions["rule"].eq("D6")
    unchanged = kept.to_numpy()
    each.job.skipped += 0 if each.request.completes else int(skipped.sum())
    each.job.unchanged += int(unchanged.sum())
    return [int(place) for place in np.flatnonzero(~skipped & ~unchanged)]


def _wanted(each: Pass) -> dict[int, Wanted]:
    """Return the values to be written, by position of the record."""
    action = each.examined.decisions["action"]
    modified = set(np.flatnonzero(action.eq("modify")).tolist())
    born = set(np.flatnonzero(action.isin(NEW)).tolist())
    out = {place: Wanted() for place in sorted(modified | born)}
    _collect(each, each.examined.there, out, modified)
    _collect(each, _born(each), out, born)
    return out


def _collect(each: Pass, part: Part, out: dict[int, Wanted], places: set[int]) -> None:
    for one in part.fields:
        changed = changed_values(one)
        values = one.new.take(pa.array(changed["record"])).to_pylist()
        rows = zip(changed["record"], changed["old"], changed["new"], values, strict=True)
        for record, old, text, value in rows:
            place = int(part.places[record])
            if place in places:
                out[place].put(each.other, one.column.name, value, old, text)


def _born(each: Pass) -> Part:
    """Return what is written to new records; their template wins over the mapping (R3.32)."""
    part = each.examined.born
    source = each.examined.picked.records.iloc[part.places]
    return replace(
        part, fields=[*part.fields, *template_fields(each.mapping, each.direction, source)]
    )


def _baselines(each: Pass) -> dict[int, bytes]:
    """Return the baseline every record has once it is written (design, idea 2)."""
    out: dict[int, bytes] = {}
    for part in (each.examined.there, _born(each)):
        if len(part.places):
            source = each.examined.picked.records.iloc[part.places].reset_index(drop=True)
            there = _afterwards(each, part)
            frames = (source, there) if each.direction == "to_crm" else (there, source)
            found = baseline(each.mapping, *frames)
            out |= dict(zip(part.places.tolist(), found.tolist(), strict=True))
    return out


def _afterwards(each: Pass, part: Part) -> pd.DataFrame:
    """Return the mapped columns of the destination as they are once written."""
    table = each.mapping.table(each.other)
    found: dict[str, pa.Array] = {}
    for one in part.fields:
        name = one.column.name
        if name in found:  # what is put later wins (R3.46)
            found[name] = pc.if_else(pa.array(one.writes), one.new, found[name])
        elif one.row is not None and one.row.runs(each.direction) and name in table.columns:
            found[name] = after(one)
    columns = {name: typed(_series(v), dtype_of(table, name)) for name, v in found.items()}
    there = pd.DataFrame(columns, index=range(len(part.places)))
    if part.old is None:
        return there
    old = part.old.reset_index(drop=True)
    return pd.concat([there, old[[name for name in old if name not in there]]], axis=1)


def _series(values: pa.Array) -> pd.Series:
    series = pd.Series(pd.arrays.ArrowExtensionArray(values))
    if pa.types.is_boolean(values.type):
        return series.astype("boolean")
    return series.astype("Int64") if pa.types.is_integer(values.type) else series


def _entry(each: Pass, place: int, at: datetime) -> dict[str, Any]:
    """Return the journal entry of one write; the id of a new record is chosen here."""
    own, other = key_names(each.direction)
    action, key = each.actions[place], each.keys[place]
    identity = each.scene.new_id(each.mapping.name, key) if action in NEW else ""
    partner = each.partner_keys[place]
    if action in NEW:  # NAV gives the number
        partner = identity if each.other == "crm" else ""
        if each.other == "nav" and decodable(each.mapping.nav):
            each.made[place] = identity
    before = each.examined.picked.couplings["baseline"].iloc[place]
    links = each.request.links  # then the stamp tells whether the destination was edited before
    stamps = each.examined.partner_modified_on if links else each.examined.picked.modified_on
    return {
        "place": place,
        "id": each.scene.new_id("journal", key),
        "job_id": each.job.id,
        "mapping": each.mapping.name,
        "direction": each.direction,
        "action": "link" if links else action,
        own: key,
        other: partner,
        "identity": identity,
        "integration_id": each.integration_id(place),
        "at": at,
        "source_stamp": stamps.iloc[place],
        "baseline": before if each.keeps_baseline(place) else each.baselines.get(place),
        "changes": json.dumps(each.wanted[place].changes, ensure_ascii=False),
    }


def _write(each: Pass, entries: list[dict[str, Any]], at: datetime) -> dict[int, Written]:
    """Write the batch down, then do it; return what became of each record by its position."""
    if not entries:
        return {}
    each.store.open_entries(_journal(entries))
    user = str(each.scene.setup.get("integration_user", ""))
    side, tables = each.scene.side(each.other), each.scene.catalog.tables(each.other)
    wanted = {entry["place"]: each.wanted[entry["place"]] for entry in entries}
    refused = write_beside(side, tables, wanted, now=at, by=user)
    rest = [entry for entry in entries if entry["place"] not in refused]
    orders = [_order(each, entry) for entry in rest]
    done = side.write(each.mapping.table(each.other), orders, now=at, by=user) if orders else []
    return refused | dict(zip([entry["place"] for entry in rest], done, strict=True))


def _journal(entries: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    return conform(pd.DataFrame(list(entries)).drop(columns="place"), "journal")


def _order(each: Pass, entry: Mapping[str, Any]) -> Write:
    place = entry["place"]
    values = own_values(each.scene.catalog.tables(each.other), each.wanted[place])
    if not entry["identity"]:
        expected = each.examined.partner_modified_on.iloc[place]
        time = None if pd.isna(expected) else expected.to_pydatetime()
        return Write("update", each.partner_keys[place], values, time)
    key = str(entry["crm_id"]) if each.other == "crm" else _given_key(each, values)
    return Write("insert", key, values, None, str(entry["identity"]))


def _given_key(each: Pass, values: Mapping[str, Any]) -> str:
    """Return the key of a new NAV record where its fields are mapped, else blank: NAV gives it."""
    key = each.mapping.nav.key
    if not all(values.get(name) for name in key):
        return ""
    return str(join_key([pd.Series([str(values[name])], dtype=TEXT) for name in key]).iloc[0])


def _close(each: Pass, entries: list[dict[str, Any]], written: Mapping[int, Written]) -> None:
    """Say in the journal what became of each write, with the key a new record got."""
    _, other = key_names(each.direction)
    born = [
        entry | {other: written[entry["place"]].key}
        for entry in entries
        if entry["identity"] and not written[entry["place"]].error
    ]
    if born:
        each.store.open_entries(_journal(born))
    for outcome in ("done", "failed"):
        failed = outcome == "failed"
        ids = [e["id"] for e in entries if bool(written[e["place"]].error) is failed]
        if ids:
            each.store.close_entries(ids, outcome)
