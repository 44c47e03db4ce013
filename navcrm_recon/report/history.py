"""What is open, since when, and what earlier runs said, from what they stored."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from navcrm_recon.frames import TEXT

#: Everything a person may act on. ``kind`` in ``coupling, failure, difference, option``;
#: ``field`` is the pair of fields of a difference, the finding of an option; ``what`` the state,
#: cause or finding; ``status`` in ``new, open, resolved``; ``runs`` how many runs listed it.
FINDINGS: dict[str, Any] = {
    "kind": TEXT,
    "mapping": TEXT,
    "nav_key": TEXT,
    "crm_id": TEXT,
    "field": TEXT,
    "what": TEXT,
    "status": TEXT,
    "first_seen": TEXT,
    "runs": "int64",
}

#: What makes a finding the same one in two runs; a cause may change meanwhile.
_IDENTITY = ["kind", "mapping", "nav_key", "crm_id", "field"]

#: So many earlier runs are shown.
EARLIER = 30

_log = logging.getLogger(__name__)


def open_findings(
    couplings: pd.DataFrame, diff: pd.DataFrame, missing_options: pd.DataFrame
) -> pd.DataFrame:
    """Return everything open in one frame: the columns of ``FINDINGS`` up to ``what``."""
    apart = couplings[couplings["state"].ne("coupled")]
    troubled = couplings[failed(couplings) | couplings["skipped"]]
    troubled = troubled.assign(what=troubled["skipped"].map({True: "skipped", False: "failed"}))
    pair = diff["nav_field"] + " / " + diff["crm_field"]
    options = missing_options.rename(columns={"nav_code": "nav_key", "finding": "what"})
    parts = [
        apart.assign(kind="coupling", field="", what=apart["state"]),
        troubled.assign(kind="failure", field=""),
        diff.assign(kind="difference", field=pair, what=diff["cause"]),
        options.assign(
            kind="option",
            field=options["what"],
            crm_id=options["value"].astype(TEXT).fillna(""),
        ),
    ]
    columns = [*_IDENTITY, "what"]
    every = pd.concat([part[columns].astype(TEXT) for part in parts], ignore_index=True)
    return every.drop_duplicates(_IDENTITY, ignore_index=True)


def failed(couplings: pd.DataFrame) -> pd.Series:
    """Mark the couplings whose last synchronisation in either direction failed."""
    to_nav, to_crm = couplings["last_synch_result"], couplings["last_synch_crm_result"]
    return to_nav.eq("failure") | to_crm.eq("failure")


def age(now: pd.DataFrame, before: pd.DataFrame, started: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say of each finding since when it is open, and list those that are resolved.

    Parameters
    ----------
    now
        ``open_findings`` of this run.
    before
        The findings of the run before (frame ``FINDINGS``), empty without one.
    started
        When this run started.

    Returns
    -------
    tuple of DataFrame
        Two frames ``FINDINGS``: the open ones (``new`` or ``open``) and the ``resolved`` ones.
    """
    known = before[[*_IDENTITY, "first_seen", "runs"]]
    both = now.merge(known, on=_IDENTITY, how="left", validate="one_to_one")
    is_new = both["first_seen"].isna()
    both["status"] = is_new.map({True: "new", False: "open"})
    both["first_seen"] = both["first_seen"].fillna(started)
    both["runs"] = both["runs"].fillna(0) + 1
    gone = before.merge(now[_IDENTITY], on=_IDENTITY, how="left", indicator="found")
    gone = gone[gone["found"].eq("left_only")].assign(status="resolved")
    return (
        both[list(FINDINGS)].astype(FINDINGS),
        gone[list(FINDINGS)].astype(FINDINGS).reset_index(drop=True),
    )


def no_findings() -> pd.DataFrame:
    """Return a frame ``FINDINGS`` without rows."""
    return pd.DataFrame(columns=list(FINDINGS)).astype(FINDINGS)


def earlier_runs(facts: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the summaries of the finished runs of this workspace before this one, oldest first.

    Each has ``folder`` besides. A run without a readable ``summary.json`` did not finish and is
    left out.
    """
    found = []
    for file in sorted(Path(facts["out"]).glob("*/summary.json")):
        try:
            run = json.loads(file.read_text(encoding="utf-8"))
            mine = all(run[key] == facts[key] for key in ("workspace", "company"))
            if mine and run["started"] <= facts["started"] and run["run_id"] != facts["run_id"]:
                found.append({**run, "folder": file.parent})
        except (OSError, ValueError, KeyError, TypeError) as exc:
            _log.info("%s is no summary of a run: %s", file, exc)
    return sorted(found, key=lambda run: (run["started"], run["run_id"]))[-EARLIER:]


def previous_findings(facts: Mapping[str, Any]) -> pd.DataFrame:
    """Return what the run before this one had open (frame ``FINDINGS``), empty without one."""
    for run in reversed(earlier_runs(facts)):
        file = run["folder"] / "data" / "findings.parquet"
        if file.exists():
            stored: pd.DataFrame = pd.read_parquet(file)
            return stored[list(FINDINGS)].astype(FINDINGS)
    return no_findings()
