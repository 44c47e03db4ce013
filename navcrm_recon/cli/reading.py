"""Verbs that read and compare: demo, check, couplings, diff, options, adopt, report."""

from __future__ import annotations

import argparse
from pathlib import Path

import pandas as pd

from navcrm_recon import open_workspace
from navcrm_recon.cli.show import as_table, plain, show
from navcrm_recon.cli.verbs import Verbs, mapping_verb, verb, with_output


def add_reading_verbs(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Add them to the parser."""
    demo = verbs.add_parser("demo", help="write the demo company with its planted discrepancies")
    demo.add_argument("folder", metavar="DIR", type=Path, help="folder to write it to")
    demo.add_argument(
        "--scale", type=_positive, default=1, help="times as many records (default 1)"
    )
    demo.add_argument("--seed", type=int, default=1, help="another company of the same kind")
    demo.set_defaults(run=_demo)
    verb(verbs, "check", _check, "open both sides and the state; say versions, counts, the setup")
    summary = "every record of a mapping and its coupling"
    with_output(mapping_verb(verbs, "couplings", _couplings, summary))
    summary = "every difference between coupled records of a mapping"
    with_output(mapping_verb(verbs, "diff", _diff, summary))
    with_output(verb(verbs, "options", _options, "options one side lacks"))
    verb(
        verbs, "adopt", _adopt, "copy NAV's own couplings and option mappings into the state, once"
    )
    report = verb(verbs, "report", _report, "run the notebooks and write the report")
    report.add_argument("--out", metavar="DIR", type=Path, help="folder the run's folder goes to")
    report.add_argument(
        "--notebook",
        metavar="NAME",
        action="append",
        help="run only this notebook; may be repeated",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _demo(options: argparse.Namespace) -> int:
    from navcrm_recon.sandbox.demo import write_demo

    print(write_demo(options.folder, scale=options.scale, seed=options.seed))
    return 0


def _check(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    counts = ws.check()
    for side in (ws.side("nav"), ws.side("crm")):
        told = [f"{key} {value}" for key, value in side.describe().items() if value]
        told.append("may be written" if side.writable else "only read")
        print(f"{side.name}: {', '.join(told)}")
    print(f"couplings: {ws.couplings_from}")
    print(as_table(counts))
    missing = ws.not_checked()
    if len(missing):
        print("\nNot checked:\n" + as_table(missing))
    return _check_setup(ws.setup_checks())


def _check_setup(checks: pd.DataFrame) -> int:
    """Print how the setup is, and what to do; return 1 where it is an error."""
    print("\nSetup:\n" + as_table(checks[["verdict", "check", "subject", "found"]]))
    open_ones = checks[checks["verdict"].ne("ok")]
    for verdict, check, remedy in open_ones[["verdict", "check", "remedy"]].itertuples(index=False):
        print(plain(f"{verdict}: {check}: {remedy}"))
    return int(checks["verdict"].eq("error").any())


def _adopt(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    print(as_table(ws.adopt()))
    print("NAV's own synchronisation jobs must be off from now on; say couplings: state.")
    lost = ws.not_checked()
    if len(lost):
        print("\nNot adopted:\n" + as_table(lost))
    return 0


def _couplings(options: argparse.Namespace) -> int:
    return show(open_workspace(options.workspace).couplings(options.mapping), options.output)


def _diff(options: argparse.Namespace) -> int:
    return show(open_workspace(options.workspace).diff(options.mapping), options.output)


def _options(options: argparse.Namespace) -> int:
    return show(open_workspace(options.workspace).missing_options(), options.output)


def _report(options: argparse.Namespace) -> int:
    from navcrm_recon.report import run_report

    result = run_report(options.workspace, out=options.out, notebooks=options.notebook)
    print(result.index)
    return result.status
