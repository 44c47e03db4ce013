"""The command line: each verb parses, calls one function of the package and shows its result.

Exit status: 0 fine, 1 a threshold was crossed, 2 it could not be done (contract 5).
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

import pandas as pd

from navcrm_recon import __version__, open_workspace
from navcrm_recon.errors import ConfigError, Error

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every verb and option."""
    parser = argparse.ArgumentParser(
        prog="navcrm-recon",
        description="Couple, compare and report on Dynamics NAV 2018 and Dynamics 365 for Sales.",
    )
    parser.add_argument("--version", action="version", version=f"navcrm-recon {__version__}")
    parser.add_argument(
        "--workspace",
        metavar="FILE",
        type=Path,
        default=Path("workspace.yaml"),
        help="workspace file (default: workspace.yaml); may follow the verb as well",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    demo = verbs.add_parser("demo", help="write the demo company with its planted discrepancies")
    demo.add_argument("folder", metavar="DIR", type=Path, help="folder to write it to")
    demo.add_argument(
        "--scale", type=_positive, default=1, help="times as many records (default 1)"
    )
    demo.add_argument("--seed", type=int, default=1, help="another company of the same kind")
    demo.set_defaults(run=_demo)
    _verb(verbs, "check", _check, "open both sides and the state; say versions and counts")
    _frame_verb(verbs, "couplings", _couplings, "every record of a mapping and its coupling")
    _frame_verb(verbs, "diff", _diff, "every difference between coupled records of a mapping")
    _frame_verb(verbs, "options", _options, "options one side lacks", mapping=False)
    _verb(
        verbs, "adopt", _adopt, "copy NAV's own couplings and option mappings into the state, once"
    )
    report = _verb(verbs, "report", _report, "run the notebooks and write the report")
    report.add_argument("--out", metavar="DIR", type=Path, help="folder the run's folder goes to")
    report.add_argument(
        "--notebook",
        metavar="NAME",
        action="append",
        help="run only this notebook; may be repeated",
    )
    return parser


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


_Run = Callable[[argparse.Namespace], int]
_Verbs = argparse._SubParsersAction


def _verb(
    verbs: _Verbs[argparse.ArgumentParser], name: str, run: _Run, summary: str
) -> argparse.ArgumentParser:
    verb = verbs.add_parser(name, help=summary)
    verb.add_argument(
        "--workspace",
        metavar="FILE",
        type=Path,
        default=argparse.SUPPRESS,
        help="workspace file (default: workspace.yaml)",
    )
    verb.set_defaults(run=run)
    return verb


def _frame_verb(
    verbs: _Verbs[argparse.ArgumentParser],
    name: str,
    run: _Run,
    summary: str,
    *,
    mapping: bool = True,
) -> None:
    verb = _verb(verbs, name, run, summary)
    if mapping:
        verb.add_argument("mapping", metavar="MAPPING", help="name of a mapping, such as CUSTOMER")
    verb.add_argument(
        "--output",
        metavar="FILE",
        type=Path,
        help="write to a .csv, .parquet, .xlsx or .json file instead of showing a table",
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status."""
    try:
        options = build_parser().parse_args(arguments)
        return int(options.run(options))
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 2
    except Error as exc:
        print(f"navcrm-recon: {exc}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # Whoever read us has enough; keep Python from complaining at the door.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except Exception:  # noqa: BLE001 - a defect of ours must not look like a crossed threshold
        traceback.print_exc()
        return 2


def _demo(options: argparse.Namespace) -> int:
    from navcrm_recon.sandbox.demo import write_demo

    print(write_demo(options.folder, scale=options.scale, seed=options.seed))
    return 0


def _check(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    counts = ws.check()
    for name, facts in ws.describe().items():
        told = [f"{key} {value}" for key, value in facts.items() if value]
        print(f"{name}: {', '.join(told)}")
    print(f"couplings: {ws.couplings_from}")
    print(as_table(counts))
    missing = ws.not_checked()
    if len(missing):
        print("\nNot checked:\n" + as_table(missing))
    return 0


def _adopt(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    print(as_table(ws.adopt()))
    print("NAV's own synchronisation jobs must be off from now on; say couplings: state.")
    lost = ws.not_checked()
    if len(lost):
        print("\nNot adopted:\n" + as_table(lost))
    return 0


def _couplings(options: argparse.Namespace) -> int:
    return _show(open_workspace(options.workspace).couplings(options.mapping), options.output)


def _diff(options: argparse.Namespace) -> int:
    return _show(open_workspace(options.workspace).diff(options.mapping), options.output)


def _options(options: argparse.Namespace) -> int:
    return _show(open_workspace(options.workspace).missing_options(), options.output)


def _report(options: argparse.Namespace) -> int:
    from navcrm_recon.report import run_report

    result = run_report(options.workspace, out=options.out, notebooks=options.notebook)
    print(result.index)
    return result.status


def _show(frame: pd.DataFrame, output: Path | None) -> int:
    if output is None:
        print(as_table(frame))
    else:
        write_frame(frame, output)
    return 0


def as_table(frame: pd.DataFrame) -> str:
    """Return a frame as a plain table; control characters in record text are shown as ``�``."""
    if frame.empty:
        return "no rows"
    shown = frame.copy()
    texts: list[str] = list(shown.select_dtypes("str").columns)
    for name in texts:
        shown[name] = shown[name].str.replace(_CONTROL, "\ufffd", regex=True)
    return str(shown.to_string(index=False, na_rep=""))


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """Write a frame in the format its file name says.

    Raises
    ------
    ConfigError
        The format is none of the four, or the file cannot be written.
    """
    from navcrm_recon.report.workbook import write_workbook

    writers: dict[str, Callable[[], object]] = {
        ".csv": lambda: frame.to_csv(path, index=False, encoding="utf-8"),
        ".parquet": lambda: frame.to_parquet(path, index=False),
        ".json": lambda: frame.to_json(
            path, orient="records", date_format="iso", force_ascii=False
        ),
        ".xlsx": lambda: write_workbook(path, {path.stem: frame}),
    }
    writer = writers.get(path.suffix.lower())
    if writer is None:
        allowed = ", ".join(writers)
        raise ConfigError(f"--output {path}: the format must be one of {allowed}.")
    try:
        writer()
    except OSError as exc:
        raise ConfigError(f"--output {path}: cannot be written: {exc.strerror or exc}.") from exc


if __name__ == "__main__":
    sys.exit(main())
