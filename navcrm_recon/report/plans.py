"""What a synchronisation would do, and what it did, for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.frames import SCHEMAS, TEXT, conform
from navcrm_recon.report.charts import bars
from navcrm_recon.report.links import linked
from navcrm_recon.report.markup import Fragment, asset, text
from navcrm_recon.report.measures import Verdict
from navcrm_recon.report.parts import banner
from navcrm_recon.report.words import word

if TYPE_CHECKING:
    from navcrm_recon import Workspace
    from navcrm_recon.state.jobs import Job
    from navcrm_recon.sync.plan import Plan

#: What a plan does with a record, in the order people read it.
ACTIONS = ("insert", "modify", "restore", "uncouple", "conflict", "fail", "skip", "unchanged")

#: The counters of a job.
COUNTERS = (
    "inserted", "modified", "deleted", "unchanged", "skipped", "failed", "uncoupled", "coupled",
)  # fmt: skip

_PASS = ["mapping", "direction"]


def work_header(ws: Workspace) -> Fragment:
    """Show which company is worked on, and give the page the look of its parts."""
    line = [ws.config.company, ws.config.path.name, "times are UTC"]
    spans = "".join(f"<span>{text(each)}</span>" for each in line)
    return Fragment(f'<style>{asset("parts.css")}</style><p class="nr-header">{spans}</p>')


def plan_counts(plan: Plan) -> pd.DataFrame:
    """Count the records of each pass by what would be done with them, in the order of the passes.

    Returns
    -------
    DataFrame
        ``mapping, direction`` (str) and, int64, a column per action that occurs, as in
        ``ACTIONS``.
    """
    actions = plan.actions
    flags = {name: actions["action"].eq(name) for name in ACTIONS}
    counted = actions[_PASS].assign(**flags).groupby(_PASS, sort=False).sum().astype("int64")
    there = [name for name in ACTIONS if counted[name].any()]
    return counted[there].reset_index()


def planned(plan: Plan, ws: Workspace | None = None) -> pd.DataFrame:
    """Return the records that would not be left as they are.

    Returns
    -------
    DataFrame
        ``mapping, direction, nav_key, crm_id, action, fields, reason`` and, with a workspace,
        ``nav_url, crm_url``, all str.
    """
    rows = plan.actions[plan.actions["action"].ne("unchanged")].reset_index(drop=True)
    rows = rows[[*_PASS, "nav_key", "crm_id", "action", "fields", "reason"]]
    return linked(rows, ws) if ws else rows


def planned_changes(plan: Plan, ws: Workspace) -> pd.DataFrame:
    """Return the fields that would be written, old and new value side by side.

    Returns
    -------
    DataFrame
        ``mapping, direction, nav_key, crm_id, field, old, new, nav_url, crm_url``, all str.
    """
    return linked(plan.changes.drop(columns="side"), ws)


def show_plan(plan: Plan) -> Fragment:
    """Show in one line what would be written, and what cannot be."""
    actions, changes = plan.actions["action"], plan.changes
    records = int(actions.isin(["insert", "modify", "restore"]).sum())
    stopped = {"in conflict": "conflict", "that fail": "fail", "skipped": "skip"}
    numbers = {said: int(actions.eq(name).sum()) for said, name in stopped.items()}
    told = [f"{number:,} {said}" for said, number in numbers.items() if number]
    detail = f"{len(actions):,} records were examined. " + (
        f"Not written: {', '.join(told)}." if told else "Nothing stands in the way."
    )
    if not records:
        return banner(Verdict("within", "Nothing would be written", detail))
    title = f"{len(changes):,} fields of {records:,} records would be written"
    return banner(Verdict("open", title, detail))


def action_chart(plan: Plan) -> Fragment:
    """Show how many records each action has, those left as they are aside."""
    counts = plan.actions["action"].value_counts().reindex(list(ACTIONS[:-1])).fillna(0)
    counts = counts[counts > 0].astype("int64").rename(index=word)
    return bars(counts, "Records by action", "records")


def carry_out(ws: Workspace, plan: Plan, apply: bool) -> list[Job]:
    """Apply a plan where ``apply`` is true; otherwise do nothing and return no jobs."""
    return ws.apply(plan) if apply else []


def job_rows(jobs: Sequence[Job]) -> pd.DataFrame:
    """Return what jobs did, one row each, in the order they ran.

    Returns
    -------
    DataFrame
        ``mapping, direction, type`` (str), the counters (int64), ``message`` (str).
    """
    rows = pd.DataFrame([asdict(job) for job in jobs]).drop(columns="id", errors="ignore")
    known = rows[[name for name in rows if name in SCHEMAS["jobs"]]]
    return conform(known, "jobs")[[*_PASS, "type", *COUNTERS, "message"]]


def show_outcome(jobs: Sequence[Job]) -> Fragment:
    """Show in one line what jobs did; without jobs, that nothing was written."""
    if not jobs:
        detail = "Set the parameter apply to True to do what is planned above."
        return banner(Verdict("open", "Nothing was written", detail))
    counts = job_rows(jobs)[list(COUNTERS)].sum()
    told = ", ".join(f"{number:,} {word(str(name)).lower()}" for name, number in counts.items()
                     if number and name != "failed")  # fmt: skip
    failed = int(counts["failed"])
    title = f"{failed:,} records failed" if failed else "Done, and nothing failed"
    return banner(Verdict("crossed" if failed else "within", title, (told or "nothing else") + "."))


def failures(ws: Workspace, jobs: Sequence[Job]) -> pd.DataFrame:
    """Return the errors of jobs, oldest first.

    Returns
    -------
    DataFrame
        ``mapping, direction, nav_key, crm_id, field, value, message, nav_url, crm_url``, all str.
    """
    errors = ws.errors()
    mine = errors[errors["job_id"].isin([job.id for job in jobs])].reset_index(drop=True)
    rows = mine[[*_PASS, "nav_key", "crm_id", "field", "value", "message"]].astype(TEXT)
    return linked(rows, ws)
