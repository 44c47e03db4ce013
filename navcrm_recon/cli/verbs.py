"""How verbs are declared: what each takes, and the options that several have."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from navcrm_recon.cli.show import output_file

Run = Callable[[argparse.Namespace], int]
Verbs = argparse._SubParsersAction

_FORMATS = "write to a .csv, .parquet, .xlsx or .json file instead of showing a table"
_MAPPING = "name of a mapping, such as CUSTOMER"


def verb(
    verbs: Verbs[argparse.ArgumentParser], name: str, run: Run, summary: str
) -> argparse.ArgumentParser:
    """Add a verb that works on a workspace."""
    added = verbs.add_parser(name, help=summary)
    added.add_argument(
        "--workspace",
        metavar="FILE",
        type=Path,
        default=argparse.SUPPRESS,
        help="workspace file (default: workspace.yaml)",
    )
    added.set_defaults(run=run)
    return added


def mapping_verb(
    verbs: Verbs[argparse.ArgumentParser],
    name: str,
    run: Run,
    summary: str,
    *,
    mapping: Literal["one", "any"] = "one",
) -> argparse.ArgumentParser:
    """Add a verb about one mapping, or about all when none is named (``any``)."""
    added = verb(verbs, name, run, summary)
    if mapping == "one":
        added.add_argument("mapping", metavar="MAPPING", help=_MAPPING)
    else:
        added.add_argument("mapping", metavar="MAPPING", nargs="?", help=f"{_MAPPING}; else all")
    return added


def with_output(added: argparse.ArgumentParser, help_text: str = _FORMATS) -> None:
    """Let a verb write its frame to a file."""
    added.add_argument("--output", metavar="FILE", type=output_file, help=help_text)
