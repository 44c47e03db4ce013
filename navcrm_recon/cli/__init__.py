"""The command line: each verb parses, calls one function of the package and shows its result.

Exit status: 0 fine, 1 a threshold was crossed or records failed, 2 it could not be done
(contract 5).
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from navcrm_recon import __version__
from navcrm_recon.cli.documents import add_documents_verbs
from navcrm_recon.cli.reading import add_reading_verbs
from navcrm_recon.cli.show import as_table, plain, write_frame
from navcrm_recon.cli.synchronizing import add_synchronizing_verbs
from navcrm_recon.errors import Error

__all__ = ["as_table", "build_parser", "main", "write_frame"]


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of every verb and option."""
    parser = argparse.ArgumentParser(
        prog="navcrm-recon",
        description="Couple, compare, synchronise and report on Dynamics NAV 2018 and Dynamics 365 "
        "for Sales.",
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
    add_reading_verbs(verbs)
    add_synchronizing_verbs(verbs)
    add_documents_verbs(verbs)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb and return its exit status."""
    try:
        options = build_parser().parse_args(arguments)
        return int(options.run(options))
    except SystemExit as exc:
        return exc.code if isinstance(exc.code, int) else 2
    except Error as exc:
        print(plain(f"navcrm-recon: {exc}"), file=sys.stderr)
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
