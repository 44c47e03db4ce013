"""CRM records written outside the mappings: noted in the journal, written, then confirmed.

A run that is stopped leaves its entries open; the next run of the same job closes them by what it
finds in CRM (``sync.recover``), and examines everything anew, so that nothing is done twice.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
from tqdm import tqdm

from navcrm_recon.catalog.model import Table, TableMapping
from navcrm_recon.errors import ReadOnlyError
from navcrm_recon.frames import conform, dtype_of, key_text, typed
from navcrm_recon.recon.align import arrow
from navcrm_recon.sides.writing import Write, Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import writable_state
from navcrm_recon.sync.scene import Scene

#: Records that are noted, written and confirmed together.
BATCH = 500

Confirm = Callable[[Sequence[Written]], None]


@dataclass(frozen=True)
class Work:
    """A job that writes to CRM: where, and on whose behalf."""

    scene: Scene
    store: Store
    job: Job


@dataclass(frozen=True)
class Notes:
    """What the journal says of a write: the mapping it concerns, the action, the NAV records."""

    mapping: str
    action: str
    nav_keys: Mapping[str, str]


def kind_of_work(scene: Scene, name: str, nav: str, crm: str) -> TableMapping:
    """Return what a job that is no mapping works on, for its lock and for what it left open."""
    tables = scene.catalog.nav[nav], scene.catalog.crm[crm]
    return TableMapping(name, *tables, "to_crm", (), {})


def writable_crm(scene: Scene, what: str) -> Store:
    """Return the state, where CRM can be written; NAV is only read.

    Raises
    ------
    ReadOnlyError
        CRM is only read, or NAV's own tables hold the couplings (contract 3).
    """
    if not scene.crm.writable:
        about = scene.crm.describe()
        raise ReadOnlyError(
            f"{what} is refused: the crm side, {about['kind']} {about['address']}, is only read. "
            "Name a side that can be written in the workspace file."
        )
    return writable_state(scene, what)


def write_noted(
    work: Work,
    table: Table,
    wanted: pd.DataFrame,
    notes: Notes,
    old: pd.DataFrame | None = None,
    confirm: Confirm = lambda written: None,
) -> dict[str, str]:
    """Insert or update CRM records, each with values of its own.

    Parameters
    ----------
    wanted
        A record frame with the columns that are written.
    old
        The same records as they are, None for new ones. With their modified-on, a record that
        someone changes meanwhile is refused.
    confirm
        Called with what became of a batch, in the transaction of the state that closes it.

    Returns
    -------
    Why a record was refused, by its id.
    """
    refused: dict[str, str] = {}
    starts = range(0, len(wanted), BATCH)
    for start in tqdm(starts, desc=work.job.mapping, unit="batch", disable=None, leave=False):
        part = wanted.iloc[start : start + BATCH]
        before = None if old is None else old.loc[part.index]
        written = _write(work, table, part, before, notes, confirm)
        refused |= {each.key: each.error for each in written if each.error}
    return refused


def _write(
    work: Work,
    table: Table,
    part: pd.DataFrame,
    old: pd.DataFrame | None,
    notes: Notes,
    confirm: Confirm,
) -> list[Written]:
    scene, store = work.scene, work.store
    entries = _entries(work, table, part, old, notes)
    store.open_entries(entries)
    user = str(scene.setup.get("integration_user", ""))
    at = entries["at"].iloc[0].to_pydatetime()
    written = scene.crm.write(table, _orders(table, part, old), now=at, by=user)
    failed = entries["crm_id"].isin([each.key for each in written if each.error])
    with store.transaction():
        confirm(written)
        store.close_entries(entries.loc[~failed, "id"].tolist(), "done")
        store.close_entries(entries.loc[failed, "id"].tolist(), "failed")
    return written


def _orders(table: Table, part: pd.DataFrame, old: pd.DataFrame | None) -> list[Write]:
    columns = [arrow(typed(part[n], dtype_of(table, str(n)))).to_pylist() for n in part]
    rows = [dict(zip(part.columns, row, strict=True)) for row in zip(*columns, strict=True)]
    stamps: Sequence[Any] = [None] * len(part)
    if old is not None and table.modified_on in old:
        seen = old[table.modified_on]
        stamps = [None if pd.isna(each) else each.to_pydatetime() for each in seen]
    return [
        Write("insert" if old is None else "update", str(key), row, stamp)
        for key, row, stamp in zip(part.index, rows, stamps, strict=True)
    ]


def _entries(
    work: Work, table: Table, part: pd.DataFrame, old: pd.DataFrame | None, notes: Notes
) -> pd.DataFrame:
    """Return the journal entries of a batch (frame ``journal``), with the fields that change."""
    scene, keys = work.scene, [str(key) for key in part.index]
    changes: dict[str, list[tuple[str, str, str, str]]] = {key: [] for key in keys}
    for name in part:
        blank = pd.Series("", index=part.index)
        before = blank if old is None else _texts(table, old, str(name))
        after = _texts(table, part, str(name))
        for key, was, new in zip(keys, before, after, strict=True):
            changes[key] += [("crm", str(name), was, new)] if was != new else []
    stamp = table.modified_on
    entries = pd.DataFrame(
        {
            "id": [scene.new_id("journal", key) for key in keys],
            "nav_key": [notes.nav_keys.get(key, "") for key in keys],
            "crm_id": keys,
            "source_stamp": old[stamp].array if old is not None and stamp in old else pd.NaT,
            "changes": [json.dumps(changes[key], ensure_ascii=False) for key in keys],
        }
    )
    about = {"job_id": work.job.id, "mapping": notes.mapping, "action": notes.action}
    return conform(entries.assign(**about, direction="to_crm", at=scene.clock()), "journal")


def _texts(table: Table, frame: pd.DataFrame, name: str) -> pd.Series:
    return key_text(typed(frame[name], dtype_of(table, name)), table.columns[name].options or None)
