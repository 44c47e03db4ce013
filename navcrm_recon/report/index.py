"""The index page of a run: verdict first, then figures, reports, data and sign-off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from navcrm_recon.report import charts, measures, parts
from navcrm_recon.report.markup import asset, text
from navcrm_recon.report.measures import Verdict
from navcrm_recon.report.notebooks import NotebookRun
from navcrm_recon.report.source import ReportFrames
from navcrm_recon.report.tables import show_table
from navcrm_recon.report.words import word

_STATUS = {"ok": "Done", "crossed": "Done, limit crossed", "failed": "Failed"}

_VERBATIM = (
    "Parquet files carry every value verbatim, for programs. The workbook is for people: text in "
    "it is never a formula, and numbers of more than 15 digits are written as text."
)


def index_page(
    data: ReportFrames, runs: Sequence[NotebookRun], files: Sequence[Mapping[str, object]]
) -> str:
    """Return the page."""
    judged = measures.limits(data)
    sections = [
        "<h1>Reconciliation of NAV and CRM</h1>",
        "<p>How far the two systems agree, what is open, and where to read on.</p>",
        parts.header(data),
        parts.banner(_verdict(data, runs)),
        parts.cards(data),
        "<h2>Reports</h2>",
        _reports(runs),
        "<h2>At a glance</h2>",
        charts.state_chart(data),
        charts.trend_chart(data),
        "<h2>Mapping by mapping</h2>",
        show_table(parts.coverage(data), "Records by the state of their coupling", total=True),
        "<p>The states of a row add up to the records that are listed; every record read stands "
        "in exactly one of them, or is counted as unexplained.</p>",
        show_table(measures.by_cause(data), "Differences by cause", total=True),
        show_table(
            judged,
            "Limits",
            limit=200,
            nothing="The workspace file sets none (key 'thresholds').",
        ),
        "<h2>Data</h2>",
        f"<p>{_VERBATIM}</p>",
        _files(files),
        "<h2>Where the figures come from</h2>",
        parts.provenance(data),
        show_table(parts.filters(data), "What is compared", limit=200),
        parts.not_checked(data),
        "<h2>Sign-off</h2>",
        parts.sign_off(data),
    ]
    return _page(f"Reconciliation, {data.facts['company']}", "".join(map(str, sections)))


def _verdict(data: ReportFrames, runs: Sequence[NotebookRun]) -> Verdict:
    """Judge the run: a report that could not be made comes before any figure."""
    verdict = measures.verdict(data)
    failed = [run.title for run in runs if run.status == "failed"]
    if not failed:
        return verdict
    return Verdict(
        "failed",
        f"{len(failed)} of {len(runs)} reports could not be made",
        f"{', '.join(failed)}. {verdict.title}: {verdict.detail}",
    )


def _reports(runs: Sequence[NotebookRun]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_link(run.html, run.title)}</th><td>{text(run.purpose, 400)}</td>'
        f"<td>{_status(run)}</td>"
        f'<td class="nr-number" data-value="{run.seconds}">{run.seconds:.1f} s</td>'
        f"<td>{_link(run.notebook, 'notebook')}</td></tr>"
        for run in runs
    )
    heads = "".join(
        f'<th scope="col"{style}>{name}</th>'
        for name, style in (
            ("Report", ""),
            ("What for", ""),
            ("Status", ""),
            ("Time", ' class="nr-number"'),
            ("Executed", ""),
        )
    )
    return (
        '<div class="nr-scroll"><table class="nr-table">'
        "<caption>Reports, in reading order</caption>"
        f"<thead><tr>{heads}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _status(run: NotebookRun) -> str:
    shown = f'<strong class="nr-over">{_STATUS[run.status]}</strong>'
    return f"{shown}<br>{text(run.error, 400)}" if run.error else _STATUS[run.status]


def _link(address: str, content: str) -> str:
    return f'<a href="{text(address)}">{text(content)}</a>' if address else text(content)


def _files(files: Sequence[Mapping[str, object]]) -> str:
    rows = "".join(
        f'<tr><th scope="row">{_link(str(file["path"]), str(file["path"]))}</th>'
        f'<td class="nr-number" data-value="{file["bytes"]}">{file["bytes"]:,}</td>'
        f"<td><code>{file['sha256']}</code></td></tr>"
        for file in files
    )
    return (
        '<div class="nr-scroll"><table class="nr-table">'
        "<caption>Complete data of this run</caption>"
        '<thead><tr><th scope="col">File</th><th scope="col" class="nr-number">Bytes</th>'
        f'<th scope="col">SHA-256</th></tr></thead><tbody>{rows}</tbody></table></div>'
    )


def _page(title: str, body: str) -> str:
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<title>{text(title)}</title><link rel="icon" href="data:,">'
        f"<style>{asset('page.css')}</style></head><body>"
        '<div class="top"><div><b>navcrm_recon</b></div></div>'
        f"<main>{body}<footer>Made by navcrm_recon. This page needs no network.</footer></main>"
        f"<script>{asset('sort.js')}</script></body></html>\n"
    )


def workbook_sheets(data: ReportFrames) -> dict[str, pd.DataFrame]:
    """Return the frames of the workbook by sheet, codes as they are."""
    return {
        "figures": measures.figures(data),
        "next steps": parts.next_steps(data).assign(what=lambda frame: frame["what"].map(word)),
        "diff": data.diff,
        "couplings": data.couplings,
        "missing options": data.missing_options,
        "quality": data.quality,
        "findings": data.findings,
        "resolved": data.resolved,
        "limits": measures.limits(data),
        "not checked": data.not_checked,
    }
