"""CRM records that change in several updates, one after the other: states and what they guard.

CRM refuses some changes in one update, as those of a submitted order. All updates of a record are
noted in the journal before the first is made and closed after the last (contract 7), so that the
next run brings to its end what a stopped one left between two of them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import Condition, Table
from navcrm_recon.frames import TEXT, conform, dtype_of, key_text, typed
from navcrm_recon.sides.records import condition_values
from navcrm_recon.sides.writing import Write, Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.scene import Scene

#: The journal's word for the updates of one record.
STEPS = "steps"
#: Records that take their steps together.
BATCH = 500
#: Columns that change in one update: a state and its reason.
_STATE = ("statecode", "statuscode")

Step = Mapping[str, Any]
Change = tuple[str, str, str, str]


def in_steps(
    scene: Scene,
    store: Store,
    job: Job,
    table: Table,
    records: pd.DataFrame,
    steps: Sequence[Step],
    nav_keys: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Give CRM records the values of each step; a record that has them passes the step over.

    A record that is refused, or that someone changes meanwhile, takes no further step. When it has
    taken one already, the next run goes on with it.

    Parameters
    ----------
    records
        A record frame with all columns that change and, where the table has one, its modified-on.
    steps
        Plain values by column, None = blank; the columns of a state and its reason together, and
        apart from others.
    nav_keys
        The NAV record each belongs to, for the log.

    Returns
    -------
    Why a record was refused, by its id; all others have the values of the last step.
    """
    refused: dict[str, str] = {}
    for start in range(0, len(records), BATCH):
        part = records.iloc[start : start + BATCH]
        entries = _entries(scene, job, table, part, steps, nav_keys or {})
        store.open_entries(entries)
        errors, begun = _take(scene, table, part, steps)
        _close(store, entries, errors, begun)
        refused |= errors
    return refused


def finish_steps(scene: Scene, store: Store, mapping: str, table: Table) -> None:
    """Bring to its end what a stopped run of a mapping left between two steps.

    A record that took no step is left to be decided anew, and so is one that someone brought to a
    state no step leads to. The caller holds the mapping's lock.
    """
    entries = store.unfinished(mapping)
    entries = entries[entries["action"].eq(STEPS)]
    for noted, alike in entries.groupby("changes", sort=False):
        changes = [tuple(each) for each in json.loads(str(noted))]
        names = list(dict.fromkeys(name for _, name, _, _ in changes))
        stamp = [table.modified_on] if table.modified_on else []
        records = scene.crm.read(table, [*names, *stamp], (), alike["crm_id"].tolist())
        outcomes = _outcomes(table, records, changes)
        left = records[outcomes.eq("")]
        errors, _ = _take(scene, table, left, _steps_of(table, changes))
        outcomes[left.index.difference(list(errors))] = "done"
        found = alike["crm_id"].map(outcomes).fillna("undone")
        for outcome in ("done", "undone"):
            store.close_entries(alike.loc[found.eq(outcome), "id"].tolist(), outcome)


def _outcomes(table: Table, records: pd.DataFrame, changes: Sequence[Change]) -> pd.Series:
    """Say how far records came: ``done``, ``undone``, or blank where steps are left to take."""
    reached: dict[str, list[str]] = {}
    for _, name, old, new in changes:
        reached.setdefault(name, [old]).append(new)
    texts = {name: pd.Series(_texts(table, records, name), records.index) for name in reached}
    at_end = pd.Series(True, records.index)
    at_start, between = at_end.copy(), at_end.copy()
    for name, way in reached.items():
        at_end &= texts[name].eq(way[-1])
        at_start &= texts[name].eq(way[0])
        between &= texts[name].isin(way)
    outcomes = pd.Series("", records.index, dtype=TEXT)
    return outcomes.mask(at_start | ~between, "undone").mask(at_end, "done")


def _steps_of(table: Table, changes: Sequence[Change]) -> list[Step]:
    """Return the steps an entry tells of."""
    steps: list[dict[str, Any]] = []
    for _, name, _, new in changes:
        value = None
        if new:
            (value,) = condition_values(table, table.columns[name], Condition(name, "eq", new))
        joins = name in _STATE and steps and steps[-1].keys() < set(_STATE)
        if joins and name not in steps[-1]:
            steps[-1][name] = value
        else:
            steps.append({name: value})
    return [*steps]


def _take(
    scene: Scene, table: Table, records: pd.DataFrame, steps: Sequence[Step]
) -> tuple[dict[str, str], set[str]]:
    """Take the steps; return why records were refused, and which of them took a step before."""
    refused: dict[str, str] = {}
    begun: set[str] = set()
    user = str(scene.setup.get("integration_user", ""))
    for step in steps:
        due = records[_differing(table, records, step)]
        if not len(due):
            continue
        orders = [
            Write("update", str(key), step, None if pd.isna(stamp) else stamp.to_pydatetime())
            for key, stamp in zip(due.index, _stamps(table, due), strict=True)
        ]
        written = scene.crm.write(table, orders, now=scene.clock(), by=user)
        refused |= {each.key: each.error for each in written if each.error}
        begun |= {each.key for each in written if not each.error}
        records = _after(table, records, step, written)
    return refused, begun & refused.keys()


def _close(store: Store, entries: pd.DataFrame, errors: Mapping[str, str], begun: set[str]) -> None:
    """Note what became of records; who was refused between two steps is not done with yet."""
    failed = entries["crm_id"].isin([key for key in errors if key not in begun])
    done = ~entries["crm_id"].isin(list(errors))
    with store.transaction():
        store.close_entries(entries.loc[done, "id"].tolist(), "done")
        store.close_entries(entries.loc[failed, "id"].tolist(), "failed")


def _entries(
    scene: Scene,
    job: Job,
    table: Table,
    records: pd.DataFrame,
    steps: Sequence[Step],
    nav_keys: Mapping[str, str],
) -> pd.DataFrame:
    """Return the journal entries of records that change (frame ``journal``)."""
    changes: dict[str, list[Change]] = {str(key): [] for key in records.index}
    for step in steps:
        after = _with(table, records, step)
        for name in step:
            texts = _texts(table, records, name), _texts(table, after, name)
            for key, old, new in zip(records.index, *texts, strict=True):
                changes[str(key)] += [("crm", name, old, new)] if old != new else []
        records = after
    keys = [key for key, each in changes.items() if each]
    entries = pd.DataFrame(
        {
            "id": [scene.new_id("journal", key) for key in keys],
            "nav_key": [nav_keys.get(key, "") for key in keys],
            "crm_id": keys,
            "changes": [json.dumps(changes[key], ensure_ascii=False) for key in keys],
        }
    )
    about = {"job_id": job.id, "mapping": job.mapping, "direction": "to_crm", "action": STEPS}
    return conform(entries.assign(**about, at=scene.clock()), "journal")


def _differing(table: Table, records: pd.DataFrame, step: Step) -> pd.Series:
    """Say which records do not have the values of a step yet."""
    out = pd.Series(False, index=records.index)
    wanted = _with(table, records, step)
    for name in step:
        same = (records[name] == wanted[name]).fillna(False).astype(bool)
        out |= ~(same | (records[name].isna() & wanted[name].isna()))
    return out


def _after(
    table: Table, records: pd.DataFrame, step: Step, written: Sequence[Written]
) -> pd.DataFrame:
    """Return the records as a step left them, without those that were refused."""
    failed = [each.key for each in written if each.error]
    out = _with(table, records[~records.index.isin(failed)], step)
    if table.modified_on:
        stamps = pd.Series({each.key: each.modified_on for each in written}, dtype=object)
        stamps = pd.to_datetime(stamps, utc=True).astype(out[table.modified_on].dtype)
        out[table.modified_on] = stamps.reindex(out.index).fillna(out[table.modified_on])
    return out


def _with(table: Table, records: pd.DataFrame, step: Step) -> pd.DataFrame:
    """Return the records with the values of a step."""
    columns = {
        name: typed(
            pd.Series([value] * len(records), index=records.index, dtype=object),
            dtype_of(table, name),
        )
        for name, value in step.items()
    }
    return records.assign(**columns)


def _stamps(table: Table, records: pd.DataFrame) -> list[Any]:
    return records[table.modified_on].tolist() if table.modified_on else [pd.NaT] * len(records)


def _texts(table: Table, records: pd.DataFrame, name: str) -> list[str]:
    return key_text(records[name], table.columns[name].options or None).tolist()
