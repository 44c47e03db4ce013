"""Time the way from Parquet to the list of differences against other tools, in one run.

    python -m benchmarks.compare [--rows 1000000] [--repeat 3]

Every contestant runs in a process of its own, in turns; its differences are checked against the
planted ones before its time counts. Ratios are what matters: seconds depend on the machine.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd

from benchmarks import data
from benchmarks.contestants import CONTESTANTS

#: Peer -> how many times its time ours must at least be contained in (docs/performance.md).
GOALS = {
    "datacompy, pandas": 7.0,
    "datacompy, Polars": 2.0,
    "DuckDB, hand-written SQL": 1 / 1.1,
}
MEMORY_GOAL = 1.2
#: Folder of a small company that each contestant meets first.
WARM = "warm"


def main() -> int:
    """Run the contest, print a table and return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--one", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--write", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.write:
        data.write(options.folder, options.rows)
        (options.folder / WARM).mkdir()
        data.write(options.folder / WARM, 1_000)
        return 0
    if options.one:
        print(json.dumps(_run(options.one, options.folder)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        # In a process of its own: a child's peak memory would begin with this one's.
        _call("--write", "--rows", str(options.rows), "--folder", folder)
        runs = [
            {"contestant": name, **_measure(name, folder)}
            for _ in range(options.repeat)
            for name in CONTESTANTS
        ]
    return _report(pd.DataFrame(runs), options.rows)


def _measure(name: str, folder: str) -> dict[str, float]:
    return json.loads(_call("--one", name, "--folder", folder).splitlines()[-1])


def _call(*arguments: str) -> str:
    command = [sys.executable, "-m", "benchmarks.compare", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _run(name: str, folder: Path) -> dict[str, float]:
    CONTESTANTS[name](folder / WARM)  # imports are not what is measured
    started = time.perf_counter()
    found = CONTESTANTS[name](folder)
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    _check(found, pd.read_parquet(folder / "truth.parquet"), name)
    return {"seconds": seconds, "memory": memory}


def _check(found: pd.DataFrame, truth: pd.DataFrame, name: str) -> None:
    """Refuse to time a contestant that did not find exactly the planted differences."""
    keys = ["nav_key", "field"]
    got = found[keys].astype(object).sort_values(keys).reset_index(drop=True)
    if not got.equals(truth[keys].astype(object).reset_index(drop=True)):
        sys.exit(f"{name} found {len(got):,} differences, not the {len(truth):,} that were planted")


def _report(runs: pd.DataFrame, rows: int) -> int:
    best = runs.groupby("contestant", sort=False).agg(
        seconds=("seconds", statistics.median), memory=("memory", "max")
    )
    ours = best.loc["navcrm_recon"]
    best["ratio"] = best["seconds"] / ours["seconds"]
    print(
        f"{rows:,} coupled rows, {len(data.FIELDS)} fields, median of {len(runs) // len(best)} runs"
    )
    print(best.rename(columns={"memory": "peak GiB", "ratio": "x ours"}).round(2).to_string())
    missed = [
        f"{peer}: {best.loc[peer, 'ratio']:.2f} times ours, goal {goal:.2f}"
        for peer, goal in GOALS.items()
        if best.loc[peer, "ratio"] < goal
    ]
    if ours["memory"] > MEMORY_GOAL:
        missed.append(f"peak memory {ours['memory']:.2f} GiB, goal {MEMORY_GOAL}")
    print("\n".join(f"missed: {each}" for each in missed) or "every goal met")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
