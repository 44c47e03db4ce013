"""The summary of a run for programs: stable keys, written last."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from navcrm_recon.report import measures
from navcrm_recon.report.notebooks import NotebookRun
from navcrm_recon.report.source import ReportFrames


def exit_status(data: ReportFrames, runs: Sequence[NotebookRun]) -> int:
    """Return 2 when a notebook failed, 1 when a limit was crossed, else 0 (contract 5)."""
    states = {run.status for run in runs}
    if "failed" in states:
        return 2
    return int("crossed" in states or bool(measures.limits(data)["crossed"].any()))


def summarize(
    data: ReportFrames,
    runs: Sequence[NotebookRun],
    files: Sequence[Mapping[str, object]],
    finished: datetime,
) -> dict[str, Any]:
    """Return what happened in a run and what it found, ready to be written as JSON."""
    facts = data.facts
    started = datetime.fromisoformat(facts["started"])
    return {
        "run_id": facts["run_id"],
        "company": facts["company"],
        "workspace": facts["workspace"],
        "started": facts["started"],
        "finished": finished.isoformat(timespec="seconds"),
        "seconds": round((finished - started).total_seconds(), 1),
        "version": facts["version"],
        "user": facts["user"],
        "sides": facts["sides"],
        "couplings_from": facts["couplings_from"],
        "status": exit_status(data, runs),
        "verdict": measures.verdict(data).title,
        "totals": measures.totals(data),
        "mappings": mapping_figures(data),
        "missing_options": _value_counts(data.missing_options["finding"]),
        "quality": _value_counts(data.quality["outcome"]),
        "findings": {**_value_counts(data.findings["status"]), "resolved": len(data.resolved)},
        "not_checked": len(data.not_checked),
        "thresholds": measures.limits(data).to_dict(orient="records"),
        "notebooks": [
            {
                "name": run.name,
                "status": run.status,
                "seconds": run.seconds,
                "html": run.html,
                "notebook": run.notebook,
                "error": run.error,
                "parameters": dict(run.parameters),
            }
            for run in runs
        ],
        "files": list(files),
    }


def mapping_figures(data: ReportFrames) -> dict[str, dict[str, Any]]:
    """Return the figures of every mapping, its differences by cause and by resolution."""
    causes = _nested(data.diff, "cause")
    resolutions = _nested(data.diff, "resolution")
    findings = _nested(data.missing_options, "finding")
    figures = measures.figures(data).set_index("mapping").to_dict(orient="index")
    return {
        str(name): {
            **{str(measure): value for measure, value in values.items()},
            "causes": causes.get(str(name), {}),
            "resolutions": resolutions.get(str(name), {}),
            "findings": findings.get(str(name), {}),
        }
        for name, values in figures.items()
    }


def checksums(folder: Path, names: Sequence[str]) -> list[dict[str, object]]:
    """Return ``path, bytes, sha256`` of files in a folder, by which a paper refers to this run."""
    return [
        {
            "path": name,
            "bytes": (folder / name).stat().st_size,
            "sha256": hashlib.sha256((folder / name).read_bytes()).hexdigest(),
        }
        for name in names
    ]


def write_summary(summary: Mapping[str, Any], path: Path) -> None:
    """Write the summary in one step: whoever sees the file sees a finished run."""
    draft = path.with_suffix(".part")
    draft.write_text(json.dumps(summary, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    draft.replace(path)


def _value_counts(series: Any) -> dict[str, int]:
    return {str(name): int(number) for name, number in series.value_counts(sort=False).items()}


def _nested(frame: Any, column: str) -> dict[str, dict[str, int]]:
    out: dict[str, dict[str, int]] = {}
    for (mapping, value), number in frame.groupby(["mapping", column]).size().items():
        out.setdefault(str(mapping), {})[str(value)] = int(number)
    return out
