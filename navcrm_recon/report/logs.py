"""The job log, the error log, the skipped records and the writes, for people."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.report.charts import bars
from navcrm_recon.report.links import linked
from navcrm_recon.report.markup import Fragment
from navcrm_recon.report.plans import COUNTERS
from navcrm_recon.report.words import word

if TYPE_CHECKING:
    from navcrm_recon import Workspace

_PASS = ["mapping", "direction"]


def of_mapping(frame: pd.DataFrame, mapping: str | None) -> pd.DataFrame:
    """Return the rows of one mapping; a blank name returns all rows."""
    return frame[frame["mapping"].eq(mapping)].reset_index(drop=True) if mapping else frame


def job_log(jobs: pd.DataFrame) -> pd.DataFrame:
    """Return the job log as a page shows it; counters that are 0 in every job have no column.

    Returns
    -------
    DataFrame
        ``started_at`` (UTC), ``mapping, direction, type`` (str), counters (int64), ``message``
        (str).
    """
    counted = [name for name in COUNTERS if jobs[name].any()]
    return jobs[["started_at", *_PASS, "type", *counted, "message"]]


def work_chart(jobs: pd.DataFrame) -> Fragment:
    """Show what all jobs did together, records left unchanged aside."""
    shown = [name for name in COUNTERS if name != "unchanged"]
    sums = jobs[shown].sum().rename(index={"failed": "Failed"})
    return bars(sums[sums > 0].rename(index=word), "What all jobs did", "records")


def failure_chart(errors: pd.DataFrame) -> Fragment:
    """Show how many errors each mapping and direction has."""
    way = errors["direction"].map({"to_crm": "to CRM", "to_nav": "to NAV"}).fillna("")
    named = (errors["mapping"] + " " + way).str.strip()
    return bars(named.value_counts(), "Errors by mapping", "errors")


def errors_by_message(errors: pd.DataFrame) -> pd.DataFrame:
    """Count errors that say the same of different records, most first.

    Returns
    -------
    DataFrame
        ``mapping`` (str), ``message`` (str, the keys of records as ``…``), ``errors, records``
        (int64), ``last_at`` (UTC), ``examples`` (str, NAV keys).
    """
    said = pd.Series(list(map(_without_keys, errors["message"], errors["nav_key"],
                              errors["crm_id"])), index=errors.index, dtype=TEXT)  # fmt: skip
    rows = errors.assign(message=said, record=errors["nav_key"] + errors["crm_id"])
    found = rows.groupby(["mapping", "message"], sort=False).agg(
        errors=("no", "size"),
        records=("record", "nunique"),
        last_at=("at", "max"),
        examples=("nav_key", lambda keys: ", ".join(list(dict.fromkeys(keys[keys.ne("")]))[:3])),
    )
    found = found.reset_index().astype({"errors": "int64", "records": "int64", "examples": TEXT})
    return found.sort_values("errors", ascending=False, kind="stable", ignore_index=True)


def _without_keys(message: str, *keys: str) -> str:
    for key in filter(None, keys):
        message = re.sub(rf"(?<!\w){re.escape(key)}(?!\w)", "…", message)
    return message


def latest_errors(errors: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the error log, newest first, with links.

    Returns
    -------
    DataFrame
        ``at`` (UTC), ``mapping, direction, nav_key, crm_id, field, value, message, nav_url,
        crm_url`` (str).
    """
    columns = ["at", *_PASS, "nav_key", "crm_id", "field", "value", "message"]
    return linked(errors[::-1].reset_index(drop=True)[columns], ws)


def latest_writes(writes: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return what was written, newest first, old and new value side by side, with links.

    Returns
    -------
    DataFrame
        ``at`` (UTC), ``mapping, direction, nav_key, crm_id, field, old, new, nav_url, crm_url``
        (str).
    """
    columns = ["at", *_PASS, "nav_key", "crm_id", "field", "old", "new"]
    return linked(writes[::-1].reset_index(drop=True)[columns], ws)


def skipped_records(ws: Workspace) -> pd.DataFrame:
    """Return the skipped records, newest failure first, with links.

    Returns
    -------
    DataFrame
        ``mapping, nav_key, crm_id, nav_name, crm_name, direction`` (str), ``failed_at`` (UTC),
        ``message`` (str), ``nav_exists, crm_exists`` (bool), ``nav_url, crm_url`` (str).
    """
    return linked(ws.skipped(), ws)
