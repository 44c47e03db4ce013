"""The parts reports are put together from: verdict, cards, next steps, provenance, sign-off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from navcrm_recon.report import measures
from navcrm_recon.report.history import earlier_runs
from navcrm_recon.report.markup import Fragment, asset, listing, text
from navcrm_recon.report.measures import Verdict
from navcrm_recon.report.source import ReportFrames
from navcrm_recon.report.tables import show_table
from navcrm_recon.report.words import ADVICE
from navcrm_recon.report.workbook import WORKBOOK, write_workbook

_SIGNS = {"within": "&#10003;", "open": "&#9679;", "crossed": "&#9650;", "failed": "&#10007;"}


def header(data: ReportFrames) -> Fragment:
    """Show what is compared and when, and give the page the look of its parts."""
    facts = data.facts
    run = f"run {facts['run_id']}" if facts["run_id"] else "not a stored run"
    line = [facts["company"], f"as of {_time(facts['started'])}", run]
    spans = "".join(f"<span>{text(each)}</span>" for each in line)
    return Fragment(f'<style>{asset("parts.css")}</style><p class="nr-header">{spans}</p>')


def show_verdict(data: ReportFrames) -> Fragment:
    """Show the verdict: one line, then what it rests on."""
    return banner(measures.verdict(data))


def banner(verdict: Verdict) -> Fragment:
    """Show a verdict as a banner; its sign and words say the same as its colour."""
    return Fragment(
        f'<div class="nr-verdict nr-{verdict.level}" role="status">'
        f'<span class="nr-sign" aria-hidden="true">{_SIGNS[verdict.level]}</span>'
        f"<div><strong>{text(verdict.title)}</strong><p>{text(verdict.detail)}</p></div></div>"
    )


def cards(data: ReportFrames) -> Fragment:
    """Show the figures to begin with."""
    every = measures.totals(data)
    deleted = every["nav_deleted"] + every["crm_deleted"] + every["both_deleted"]
    fresh = int(data.findings["status"].eq("new").sum())
    since = f"{len(data.resolved):,} resolved" if earlier_runs(data.facts) else "this is the first"
    shown = [
        ("NAV records", every["nav_rows"], "read inside the filters"),
        ("CRM records", every["crm_rows"], "read inside the filters"),
        ("Coupled", every["coupled"], f"{every['out_of_filter']:,} outside a filter"),
        ("Uncoupled", every["uncoupled"], f"{every['nav_only']:,} NAV, {every['crm_only']:,} CRM"),
        ("Deleted partners", deleted, "of coupled records"),
        ("Differences", every["diffs"], f"in {every['records_differing']:,} records"),
        ("Option findings", every["missing_options"], "see missing options"),
        ("New since last run", fresh, since),
    ]
    return card_list([(name, f"{value:,}", note) for name, value, note in shown])


def card_list(entries: Sequence[tuple[str, str, str]]) -> Fragment:
    """Show figures as cards: what each is called, the figure, what it rests on."""
    items = "".join(
        f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd><dd class='nr-small'>{text(note)}</dd>"
        "</div>"
        for name, value, note in entries
    )
    return Fragment(f'<dl class="nr-cards">{items}</dl>')


def coverage(data: ReportFrames) -> pd.DataFrame:
    """Return how the records of each mapping add up: read, and every state they are in."""
    every = measures.figures(data)
    return every[["mapping", "nav_rows", "crm_rows", *measures.STATES, "unexplained"]]


def next_steps(data: ReportFrames) -> pd.DataFrame:
    """Return what is open by class, most first.

    Returns
    -------
    DataFrame
        ``what`` (the state, cause or finding), ``findings, new`` (int64), ``mappings`` (those with
        most of it, with their counts), ``next_step`` (str).
    """
    remedies = data.missing_options[["finding", "remedy"]].itertuples(index=False, name=None)
    advice = {**ADVICE, **dict(remedies)}
    listed = data.findings.assign(new=data.findings["status"].eq("new"))
    groups = listed.groupby("what", sort=False)
    out = groups["new"].agg(findings="size", new="sum").reset_index()
    out["mappings"] = out["what"].map(groups["mapping"].agg(_places))
    out["next_step"] = out["what"].map(advice).fillna("")
    return out.sort_values("findings", ascending=False, kind="stable", ignore_index=True)


def _places(mappings: pd.Series, most: int = 4) -> str:
    """Name the mappings with most rows, each with its count."""
    counts = mappings.value_counts()
    named = [f"{name} {number:,}" for name, number in counts.head(most).items()]
    return ", ".join(named) + (f", {len(counts) - most} more" if len(counts) > most else "")


def not_checked(data: ReportFrames) -> Fragment:
    """Show what this report says nothing about, and why."""
    return show_table(
        data.not_checked,
        "Not checked",
        file=data.file("not_checked"),
        nothing="Everything that is mapped was checked.",
    )


def provenance(data: ReportFrames) -> Fragment:
    """Show where the figures come from: both sides, filters, version, run."""
    facts = data.facts
    sides: Mapping[str, Mapping[str, str]] = facts["sides"]
    told = [
        ("Company", facts["company"]),
        *((side.upper(), _joined(about.values())) for side, about in sides.items()),
        ("Couplings from", "NAV's own tables" if facts["couplings_from"] == "nav" else "the state"),
        ("As of", _time(facts["started"])),
        ("Workspace", Path(facts["workspace"]).name),
        ("Time zone of NAV's work date", facts["timezone"]),
        ("Run by", facts["user"]),
        ("Program", f"navcrm_recon {facts['version']}"),
        ("Run", facts["run_id"] or "by hand, not stored"),
    ]
    rows = "".join(f"<dt>{text(k)}</dt><dd>{text(v)}</dd>" for k, v in told if v)
    return Fragment(f'<dl class="nr-facts">{rows}</dl>')


def filters(data: ReportFrames) -> pd.DataFrame:
    """Return what each mapping compares: direction, table, entity and both filters in words."""
    rows = [
        (name, m["direction"], m["nav"], m["filters"]["nav"], m["crm"], m["filters"]["crm"])
        for name, m in data.facts["mappings"].items()
    ]
    columns = ["mapping", "direction", "nav_table", "nav_filter", "crm_entity", "crm_filter"]
    return pd.DataFrame(rows, columns=columns).astype("str")


def export(data: ReportFrames, names: Sequence[str], folder: str = "") -> Fragment:
    """Say where the complete tables are; write them to a folder when one is given.

    Parameters
    ----------
    names
        Frames of ``data``, such as ``diff``.
    folder
        Where Parquet files and a workbook are to be written; blank writes none.
    """
    if folder:
        target = Path(folder)
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            getattr(data, name).to_parquet(target / f"{name}.parquet", index=False)
        write_workbook(target / f"{names[0]}.xlsx", {name: getattr(data, name) for name in names})
        listed = [*(f"{name}.parquet" for name in names), f"{names[0]}.xlsx"]
        return Fragment(f"<p>Written to {text(folder)}: {text(', '.join(listed))}.</p>")
    if not data.stored:
        return Fragment(
            '<p class="nr-nothing">The complete tables are not stored: set the parameter '
            "<code>export</code> to a folder, or run <code>navcrm-recon report</code>.</p>"
        )
    files = [*(data.file(name) for name in names), f"{data.stored.name}/{WORKBOOK}"]
    links = listing(f'<a href="{text(file)}">{text(file)}</a>' for file in files)
    return Fragment(
        "<p>All rows: Parquet with every value verbatim, for programs; the workbook for people.</p>"
        + links
    )


def sign_off(data: ReportFrames) -> Fragment:
    """Show the box one signs: for exactly this run."""
    facts = data.facts
    run = facts["run_id"] or "by hand, not stored"
    rows = "".join(
        f'<tr><th scope="row">{role}</th><td></td><td></td><td></td></tr>'
        for role in ("Prepared by", "Reviewed by", "Approved by")
    )
    return Fragment(
        '<div class="nr-sign-off"><table><caption>Sign-off for run '
        f"{text(run)}, {text(facts['company'])}</caption><thead><tr>"
        '<th scope="col">Role</th><th scope="col">Name</th><th scope="col">Date</th>'
        f'<th scope="col">Signature</th></tr></thead><tbody>{rows}</tbody></table>'
        "<p>Remarks</p><div class='nr-remarks'></div>"
        "<p class='nr-small'>The checksums of this run's data stand in its summary.json and on "
        "its index page; whoever signs, signs for these files.</p></div>"
    )


def _time(started: str) -> str:
    return started[:16].replace("T", " ") + " UTC"


def _joined(values: Iterable[Any]) -> str:
    return ", ".join(str(value) for value in values if value)
