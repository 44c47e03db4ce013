"""Time and count a run after some edits in a large company, against a run of all of it.

    python -m benchmarks.incremental [--customers 200000] [--edits 100] [--url postgresql+psycopg://...]

Without an address the company is in SQLite. A PostgreSQL database must be empty; it is filled.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

import navcrm_recon as nr
from benchmarks import company
from benchmarks.counting import counting

#: A run after the edits takes at most this part of a full run, and asks at most so much per edit.
TIME_GOAL = 0.1
ROWS_GOAL = 40


def main() -> int:
    """Make the company, run twice, print a table and return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--customers", type=int, default=200_000)
    parser.add_argument("--edits", type=int, default=100)
    parser.add_argument("--url", help="an empty PostgreSQL database; default: SQLite")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        urls = {
            name: options.url or f"sqlite:///{folder}/{name}.db" for name in ("nav", "crm", "state")
        }
        file = company.make(Path(folder), urls, options.customers)
        runs = {"full": _run(file, urls["nav"], full=True)}
        company.edit(urls, options.customers, options.edits, "the benchmark")
        runs["incremental"] = _run(file, urls["nav"], full=False)
    return _report(pd.DataFrame(runs).T, options.customers, options.edits)


def _run(file: Path, url: str, *, full: bool) -> dict[str, float]:
    with counting(url) as cost:
        begun = time.perf_counter()
        jobs = nr.open_workspace(file).synchronize(full=full)
        seconds = time.perf_counter() - begun
        modified = sum(job.modified for job in jobs)
        del jobs
    return {
        "seconds": round(seconds, 1),
        "modified": modified,
        "statements": cost.statements,
        "rows fetched": cost.fetched,
        "rows written": cost.written,
    }


def _report(runs: pd.DataFrame, customers: int, edits: int) -> int:
    print(f"{customers:,} customers and as many contacts, {edits:,} edits")
    print(runs.to_string())
    small, whole = runs.loc["incremental"], runs.loc["full"]
    missed = []
    if small["modified"] != edits:
        missed.append(f"{small['modified']:.0f} records were modified, not {edits}")
    if small["seconds"] > TIME_GOAL * whole["seconds"]:
        part = small["seconds"] / whole["seconds"]
        missed.append(f"it took {part:.2f} of a full run, goal {TIME_GOAL}")
    rows = (small["rows fetched"] + small["rows written"]) / edits
    if rows > ROWS_GOAL:
        missed.append(f"{rows:.0f} rows read and written for each edit, goal {ROWS_GOAL}")
    print("\n".join(f"missed: {each}" for each in missed) or "every goal met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
