"""Run scenario files: ``python -m navcrm_recon.scenarios [--sides sqlite|postgresql] FILE...``."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from navcrm_recon.errors import Error
from navcrm_recon.scenarios.grammar import load, parse
from navcrm_recon.scenarios.run import run_scenario


def main(arguments: Sequence[str] | None = None) -> int:
    """Run every scenario of the files; say ``ok`` or ``FAIL`` for each, then the counts."""
    parser = argparse.ArgumentParser(prog="python -m navcrm_recon.scenarios")
    parser.add_argument("--sides", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("files", metavar="FILE", nargs="+", type=Path)
    options = parser.parse_args(arguments)
    try:
        scenarios = [each for path in options.files for each in load(path).items()]
    except Error as exc:
        print(f"{exc}", file=sys.stderr)
        return 2
    failed = 0
    for name, raw in scenarios:
        try:
            problem = run_scenario(parse(name, raw), options.sides)
        except Exception as exc:  # noqa: BLE001 - whatever one scenario breaks, the others run
            problem = f"{type(exc).__name__}: {exc}"
        failed += bool(problem)
        problem = " ".join(problem.split())  # a line per scenario
        print(f"FAIL {name}: {problem}" if problem else f"ok {name}")
    print(f"{len(scenarios) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
