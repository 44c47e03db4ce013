"""From a class down to the record: both keys, both values, links, and since when."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.catalog.model import SideName
from navcrm_recon.frames import TEXT
from navcrm_recon.quality.suites import SEVERITIES
from navcrm_recon.report.history import failed
from navcrm_recon.report.measures import CAUSES
from navcrm_recon.report.source import ReportFrames

_KEYS = ["mapping", "nav_key", "crm_id"]
_SEEN = ["status", "first_seen"]


def uncoupled(data: ReportFrames, side: SideName) -> pd.DataFrame:
    """Return the records only one side has.

    Returns
    -------
    DataFrame
        ``mapping, <key>, <name>, status, first_seen, <url>`` of that side.
    """
    rows = data.couplings[data.couplings["state"].eq(f"{side}_only")]
    key = "nav_key" if side == "nav" else "crm_id"
    seen = _seen(rows, data, "coupling")
    return seen[["mapping", key, f"{side}_name", *_SEEN, f"{side}_url"]]


def broken_couplings(data: ReportFrames) -> pd.DataFrame:
    """Return couplings whose record is deleted or left the filter, with names, links and age."""
    rows = data.couplings[~data.couplings["state"].isin(["coupled", "nav_only", "crm_only"])]
    seen = _seen(rows, data, "coupling")
    names = ["state", "nav_name", "crm_name"]
    return seen[["mapping", "nav_key", "crm_id", *names, *_SEEN, "nav_url", "crm_url"]]


def troubled(data: ReportFrames) -> pd.DataFrame:
    """Return couplings whose last synchronisation failed or that are skipped."""
    stopped = failed(data.couplings) | data.couplings["skipped"]
    rows = _seen(data.couplings[stopped], data, "failure")
    results = ["skipped", "last_synch_result", "last_synch_crm_result"]
    return rows[[*_KEYS, "nav_name", "crm_name", *results, *_SEEN, "nav_url", "crm_url"]]


def differences(data: ReportFrames) -> pd.DataFrame:
    """Return every difference with links and age, by cause as listed in ``CAUSES``, new first.

    Returns
    -------
    DataFrame
        ``mapping, nav_key, crm_id, nav_field, crm_field, nav_value, crm_value, cause, resolution,
        status, first_seen, nav_url, crm_url``.
    """
    field = data.diff["nav_field"] + " / " + data.diff["crm_field"]
    rows = _linked(data.diff.assign(field=field), data)
    rows = _seen(rows, data, "difference", ["field"])
    place = rows["cause"].map({cause: number for number, cause in enumerate(CAUSES)})
    rows = rows.assign(place=place).sort_values(["place", "status"], kind="stable")
    return rows[[*data.diff.columns, *_SEEN, "nav_url", "crm_url"]]


def records_by_weight(data: ReportFrames) -> pd.DataFrame:
    """Return the records that differ, most differences first, longest open first among equals.

    Returns
    -------
    DataFrame
        ``mapping, nav_key, crm_id, nav_name, crm_name, diffs, first_seen, nav_url, crm_url``.
    """
    counted = data.diff.groupby(_KEYS, sort=False).size().rename("diffs").reset_index()
    open_ones = data.findings[data.findings["kind"].eq("difference")]
    seen = open_ones.groupby(_KEYS)["first_seen"].min().reset_index()
    ranked = counted.merge(seen, on=_KEYS, how="left", validate="one_to_one")
    ranked = ranked.sort_values(["diffs", "first_seen"], ascending=[False, True], kind="stable")
    names = ["nav_name", "crm_name"]
    linked = _linked(ranked, data, names)
    return linked[[*_KEYS, *names, "diffs", "first_seen", "nav_url", "crm_url"]]


def options(data: ReportFrames) -> pd.DataFrame:
    """Return what is wrong with options, those that touch most records first.

    Returns
    -------
    DataFrame
        ``mapping, finding, value, caption, nav_code, missing_in, records_affected, remedy``; the
        option's value as text, for it is a name and no amount.
    """
    rows = data.missing_options.assign(
        value=data.missing_options["value"].astype(TEXT).fillna("")
    ).sort_values("records_affected", ascending=False, kind="stable", ignore_index=True)
    columns = ["mapping", "finding", "value", "caption", "nav_code", "missing_in"]
    return rows[[*columns, "records_affected", "remedy"]]


def quality_overview(data: ReportFrames) -> pd.DataFrame:
    """Return rules by outcome per mapping and side.

    Returns
    -------
    DataFrame
        ``mapping, side`` (str), ``records, passed, violated, not_checked, failing`` (int64).
    """
    outcomes = {
        outcome: data.quality["outcome"].eq(outcome)
        for outcome in ("passed", "violated", "not_checked")
    }
    groups = data.quality.assign(**outcomes).groupby(["mapping", "side"], sort=False)
    out = groups.agg({"of": "max", **dict.fromkeys(outcomes, "sum"), "failing": "sum"})
    return out.rename(columns={"of": "records"}).astype("int64").reset_index()


def violated_rules(data: ReportFrames) -> pd.DataFrame:
    """Return the rules that are broken, worst severity first, then by failing records."""
    rows = data.quality[data.quality["outcome"].eq("violated")]
    rank = rows["severity"].map({each: number for number, each in enumerate(SEVERITIES)})
    rows = rows.assign(rank=rank).sort_values(
        ["rank", "failing"], ascending=[True, False], kind="stable"
    )
    columns = ["mapping", "side", "severity", "description", "column", "failing", "of"]
    return rows[[*columns, "sample_keys"]].reset_index(drop=True)


def unchecked_rules(data: ReportFrames) -> pd.DataFrame:
    """Return how many rules could not be checked, and why: ``mapping, side, reason, rules``."""
    rows = data.quality[data.quality["outcome"].eq("not_checked")]
    counted = rows.groupby(["mapping", "side", "reason"], sort=False).size()
    return counted.rename("rules").reset_index()


def _seen(
    rows: pd.DataFrame, data: ReportFrames, kind: str, more: list[str] | None = None
) -> pd.DataFrame:
    """Add ``status`` and ``first_seen`` from the findings of a kind."""
    keys = [*_KEYS, *(more or [])]
    ages = data.findings[data.findings["kind"].eq(kind)][[*keys, *_SEEN]].drop_duplicates(keys)
    return rows.merge(ages, on=keys, how="left", validate="many_to_one")


def _linked(
    frame: pd.DataFrame, data: ReportFrames, names: list[str] | None = None
) -> pd.DataFrame:
    """Add ``nav_url`` and ``crm_url`` (and names) to rows with the keys of a coupling."""
    pairs = data.couplings.drop_duplicates(_KEYS)[[*_KEYS, *(names or []), "nav_url", "crm_url"]]
    return frame.merge(pairs, on=_KEYS, how="left", validate="many_to_one")
