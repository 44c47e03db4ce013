"""Figures per mapping, the limits they are judged by, and the verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

from navcrm_recon.errors import Error
from navcrm_recon.frames import TEXT
from navcrm_recon.report.history import earlier_runs, failed
from navcrm_recon.report.source import ReportFrames

STATES = (
    "coupled", "nav_only", "crm_only", "nav_deleted", "crm_deleted", "both_deleted",
    "out_of_filter",
)  # fmt: skip
CAUSES = (
    "changed_in_nav", "changed_in_crm", "changed_in_both", "never_synchronized", "drifted",
    "missing_option", "uncoupled_reference", "truncated",
)  # fmt: skip
RESOLUTIONS = ("to_crm", "to_nav", "merge", "conflict", "blocked", "none")
FINDINGS = (
    "unmapped_option", "gray_code", "incomplete_record", "label_drift", "code_collision",
    "stale_mapping", "in_use_unmapped", "comma_in_name",
)  # fmt: skip

#: What a threshold may limit, in the words of the workspace file.
MEASURES = ("diffs", "uncoupled", "failed")

Level = Literal["within", "open", "crossed", "failed"]


class ThresholdCrossed(Error):
    """A figure is over its limit: a finding, not a crash."""

    def _render_traceback_(self) -> list[str]:
        """Show one line in a notebook instead of a stack trace."""
        return [f"Threshold crossed. {self}"]


@dataclass(frozen=True)
class Verdict:
    """One sentence to begin with: ``level`` for programs, ``title`` and ``detail`` for people."""

    level: Level
    title: str
    detail: str


def figures(data: ReportFrames) -> pd.DataFrame:
    """Return one row per mapping, in dependency order; every figure counts rows.

    Returns
    -------
    DataFrame
        ``mapping`` (str), then all int64: ``nav_rows, crm_rows`` read inside the filters (options
        offered, for an option mapping), ``unexplained``, a column per state of ``STATES``,
        ``uncoupled, skipped, failed, records_differing, diffs, missing_options``.
    """
    couplings, mappings = data.couplings, data.mappings
    states = _counts(couplings, "state", STATES, mappings)
    differing = data.diff.drop_duplicates(["mapping", "nav_key", "crm_id"])
    out = pd.DataFrame(
        {
            **{f"{side}_rows": _rows(data, side) for side in ("nav", "crm")},
            "unexplained": data.rows.groupby("mapping")["unexplained"].sum(),
            **{state: states[state] for state in STATES},
            "uncoupled": states["nav_only"] + states["crm_only"],
            "skipped": couplings[couplings["skipped"]]["mapping"].value_counts(),
            "failed": couplings[failed(couplings)]["mapping"].value_counts(),
            "records_differing": differing["mapping"].value_counts(),
            "diffs": data.diff["mapping"].value_counts(),
            "missing_options": data.missing_options["mapping"].value_counts(),
        }
    )
    counted = out.reindex(mappings).fillna(0).astype("int64")
    return counted.rename_axis("mapping").reset_index().astype({"mapping": TEXT})


def totals(data: ReportFrames) -> dict[str, int]:
    """Return the sum of every figure over all mappings."""
    return {str(k): int(v) for k, v in figures(data).drop(columns="mapping").sum().items()}


def by_cause(data: ReportFrames) -> pd.DataFrame:
    """Count differences: ``mapping`` and a column per cause, only mappings that have any."""
    return _present(_counts(data.diff, "cause", CAUSES, data.mappings))


def by_resolution(data: ReportFrames) -> pd.DataFrame:
    """Count differences: ``mapping`` and a column per resolution, only mappings that have any."""
    return _present(_counts(data.diff, "resolution", RESOLUTIONS, data.mappings))


def by_field(data: ReportFrames) -> pd.DataFrame:
    """Count differences by field, most first.

    Returns
    -------
    DataFrame
        ``mapping, nav_field, crm_field, cause, resolution`` (str), ``diffs`` (int64).
    """
    keys = ["mapping", "nav_field", "crm_field", "cause", "resolution"]
    counted = data.diff.groupby(keys, sort=True).size().rename("diffs").reset_index()
    return counted.sort_values("diffs", ascending=False, kind="stable", ignore_index=True)


def by_finding(data: ReportFrames) -> pd.DataFrame:
    """Count findings about options: ``mapping`` and a column per finding."""
    return _present(_counts(data.missing_options, "finding", FINDINGS, data.mappings))


def worst(data: ReportFrames, top: int = 10) -> pd.DataFrame:
    """Rank mappings by what is open: ``mapping, open, diffs, uncoupled, deleted, failed, share``.

    ``share`` is the part of the records listed for the mapping that have something open.
    """
    every = figures(data)
    deleted = every[["nav_deleted", "crm_deleted", "both_deleted", "out_of_filter"]].sum(axis=1)
    records = every[list(STATES)].sum(axis=1)
    touched = every["records_differing"] + every["uncoupled"] + deleted
    out = pd.DataFrame(
        {
            "mapping": every["mapping"],
            "open": every["diffs"] + every["uncoupled"] + deleted + every["missing_options"],
            "diffs": every["diffs"],
            "uncoupled": every["uncoupled"],
            "deleted": deleted,
            "failed": every["failed"],
            "share": (touched / records.where(records > 0, 1)).round(4),
        }
    )
    out = out[out["open"] + out["failed"] > 0]
    return out.sort_values(["open", "failed"], ascending=False, kind="stable").head(top)


def trend(data: ReportFrames) -> pd.DataFrame:
    """Return the totals of the earlier runs of this workspace and of this one, oldest first.

    Returns
    -------
    DataFrame
        ``run, started`` (str), ``diffs, uncoupled, failed, missing_options`` (int64).
    """
    measures = [*MEASURES, "missing_options"]
    earlier = [
        (run["run_id"], run["started"], *(run["totals"].get(name, 0) for name in measures))
        for run in earlier_runs(data.facts)
    ]
    now = totals(data)
    this = (data.facts["run_id"] or "now", data.facts["started"], *(now[m] for m in measures))
    out = pd.DataFrame([*earlier, this], columns=["run", "started", *measures])
    return out.astype({"run": TEXT, "started": TEXT, **dict.fromkeys(measures, "int64")})


def limits(data: ReportFrames) -> pd.DataFrame:
    """Return every limit and its figure, those that are crossed first.

    A mapping's own limits stand over those of ``default``, each measure by itself.

    Returns
    -------
    DataFrame
        ``mapping, measure`` (str), ``value, limit`` (int64), ``crossed`` (bool).
    """
    given: dict[str, dict[str, int]] = data.facts["thresholds"]
    default = given.get("default", {})
    values = figures(data).set_index("mapping")
    rows = [
        (mapping, measure, int(values[measure][mapping]), int(limit))
        for mapping in data.mappings
        for measure, limit in ({**default, **given.get(mapping, {})}).items()
    ]
    out = pd.DataFrame(rows, columns=["mapping", "measure", "value", "limit"])
    out = out.astype({"mapping": TEXT, "measure": TEXT, "value": "int64", "limit": "int64"})
    judged = out.assign(crossed=out["value"] > out["limit"])
    return judged.sort_values("crossed", ascending=False, kind="stable", ignore_index=True)


def verdict(data: ReportFrames) -> Verdict:
    """Judge the figures by the limits."""
    every = totals(data)
    judged = limits(data)
    crossed = judged[judged["crossed"]]
    found = (
        f"{every['diffs']:,} differences, {every['uncoupled']:,} uncoupled records, "
        f"{every['failed']:,} failed synchronisations in {len(data.mappings):,} mappings."
    )
    if len(crossed):
        count, places = len(crossed), crossed["mapping"].nunique()
        return Verdict(
            "crossed",
            f"{count:,} {'limit' if count == 1 else 'limits'} crossed "
            f"in {places:,} {'mapping' if places == 1 else 'mappings'}",
            found,
        )
    if judged.empty:
        return Verdict("open", "No limits are set", found)
    return Verdict("within", f"Within all {len(judged):,} limits", found)


def gate(data: ReportFrames) -> None:
    """Return quietly when every figure is within its limit.

    Raises
    ------
    ThresholdCrossed
        At least one is over.
    """
    judged = limits(data)
    crossed = judged[judged["crossed"]]
    if len(crossed):
        texts = [
            f"{row.mapping}: {row.value:,} {row.measure}, limit {row.limit:,}"
            for row in crossed.head(5).itertuples()
        ]
        more = f" and {len(crossed) - 5:,} more" if len(crossed) > 5 else ""
        raise ThresholdCrossed("; ".join(texts) + more + ".")


def _rows(data: ReportFrames, side: str) -> pd.Series:
    """Count what was read of one side; of CRM's options what the couplings frame lists."""
    read = data.rows[data.rows["side"].eq(side)].set_index("mapping")["rows"]
    if side == "nav":
        return read
    options = [name for name, facts in data.facts["mappings"].items() if facts["option_attribute"]]
    listed = data.couplings[data.couplings["state"].isin(["coupled", "crm_only", "nav_deleted"])]
    counted = listed["mapping"].value_counts().reindex(options).fillna(0)
    counts: pd.Series = pd.concat([read, counted]).astype("int64")
    return counts


def _counts(
    frame: pd.DataFrame, column: str, values: tuple[str, ...], mappings: list[str]
) -> pd.DataFrame:
    """Count rows per mapping and value of a column, zero where there are none."""
    counted = pd.crosstab(frame["mapping"], frame[column])
    return counted.reindex(index=mappings, columns=list(values), fill_value=0).astype("int64")


def _present(counted: pd.DataFrame) -> pd.DataFrame:
    found = counted[counted.sum(axis=1) > 0]
    return found.rename_axis("mapping").rename_axis(None, axis=1).reset_index()
