"""Verbs that plan and synchronise, couple and restore, and show the logs."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon import open_workspace
from navcrm_recon.cli.show import as_table, show, show_jobs, write_frames
from navcrm_recon.cli.verbs import Verbs, mapping_verb, verb, with_output
from navcrm_recon.errors import ConfigError, NotFoundError, nearest, shorten

if TYPE_CHECKING:
    from navcrm_recon import Workspace
    from navcrm_recon.sync.plan import Plan


def add_synchronizing_verbs(verbs: Verbs[argparse.ArgumentParser]) -> None:
    """Add them to the parser."""
    summary = "show what a synchronisation would do; nothing is written"
    plan = mapping_verb(verbs, "plan", _plan, summary, mapping="any")
    _with_direction(plan)
    with_output(
        plan,
        "write actions and changes instead of showing them: sheets of a .xlsx workbook, else two "
        "files, such as plan.csv and plan.changes.csv (or .parquet, .json)",
    )
    sync = mapping_verb(verbs, "sync", _sync, "synchronise", mapping="any")
    _with_direction(sync)
    sync.add_argument(
        "--full",
        action="store_true",
        help="examine every record, changed or not; without MAPPING also make missing records",
    )
    run = verb(verbs, "run", _run, "run what the mappings' intervals say is due, once")
    run.add_argument("--due", action="store_true", required=True, help="what is due")
    with_output(verb(verbs, "schedule", _schedule, "when each mapping runs next, and what is due"))
    mapping_verb(verbs, "hold", _hold, "let 'run --due' pass over a mapping")
    mapping_verb(verbs, "release", _release, "make a mapping due that is on hold or gave up")
    _add_coupling_verbs(verbs)
    _add_logs(verbs)


def _add_logs(verbs: Verbs[argparse.ArgumentParser]) -> None:
    for name, show_log, summary in (
        ("jobs", _jobs, "the job log, newest first"),
        ("errors", _errors, "the error log, oldest first"),
        ("skipped", _skipped, "the records left out after failing twice"),
    ):
        added = mapping_verb(verbs, name, show_log, summary, mapping="any")
        with_output(added)
        if name != "skipped":
            added.add_argument(
                "--delete-older-than",
                metavar="DAYS",
                type=_days,
                help=f"delete {name} of all mappings that are older than so many days",
            )


def _days(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"'{shorten(text)}' is no number of days")
    return int(text)


def _add_coupling_verbs(verbs: Verbs[argparse.ArgumentParser]) -> None:
    couple = mapping_verb(verbs, "couple", _couple, "couple two records, or all that match")
    couple.add_argument("nav_key", metavar="NAV_KEY", nargs="?", help="key of the NAV record")
    couple.add_argument("crm_id", metavar="CRM_ID", nargs="?", help="id of the CRM record")
    couple.add_argument(
        "--synchronize",
        metavar="D",
        choices=("to_crm", "to_nav"),
        help="then transfer the data: to_crm or to_nav",
    )
    couple.add_argument(
        "--matches", action="store_true", help="couple every record that has exactly one match"
    )
    uncouple = mapping_verb(verbs, "uncouple", _uncouple, "remove couplings; records stay")
    _with_keys(uncouple, "--nav-key", "K", "key of a NAV record; may be repeated")
    _with_keys(uncouple, "--crm-id", "I", "id of a CRM record; may be repeated")
    uncouple.add_argument("--all", action="store_true", help="all couplings of the mapping")
    restore = mapping_verb(verbs, "restore", _restore, "let skipped records take part again")
    _with_keys(restore, "--nav-key", "K", "only this NAV record; may be repeated")


def _with_direction(added: argparse.ArgumentParser) -> None:
    added.add_argument(
        "--direction",
        metavar="D",
        choices=("to_crm", "to_nav", "both"),
        help="to_crm, to_nav or both (default: what the mapping says)",
    )


def _with_keys(added: argparse.ArgumentParser, option: str, metavar: str, summary: str) -> None:
    added.add_argument(option, metavar=metavar, action="append", help=summary)


def _plan(options: argparse.Namespace) -> int:
    plan = open_workspace(options.workspace).plan(options.mapping, options.direction)
    if options.output is None:
        _show_plan(plan)
    else:
        write_frames({"actions": plan.actions, "changes": plan.changes}, options.output)
    return 0


def _show_plan(plan: Plan) -> None:
    """Print the counts, then every record that is not left as it is."""
    from navcrm_recon.report import plan_counts, planned

    print(as_table(plan_counts(plan)))
    records = planned(plan)
    if len(records):
        short = records["fields"].map(lambda names: shorten(names, 60))
        print("\n" + as_table(records.assign(fields=short)))
    print(
        f"\nNothing was written. {len(plan.changes):,} fields would be: --output FILE writes each "
        "with its old and new value, beside these actions."
    )


def _sync(options: argparse.Namespace) -> int:
    if options.full and options.mapping is None and options.direction is not None:
        raise ConfigError(
            "--direction: a full synchronisation of all mappings has both directions. Name a "
            "MAPPING, or leave --direction out."
        )
    ws = open_workspace(options.workspace)
    if options.full and options.mapping is None:
        return show_jobs(ws.full_synchronization())
    return show_jobs(ws.synchronize(options.mapping, options.direction, full=options.full))


def _run(options: argparse.Namespace) -> int:
    jobs = open_workspace(options.workspace).run_due()
    if jobs:
        return show_jobs(jobs)
    print("Nothing is due.")
    return 0


def _schedule(options: argparse.Namespace) -> int:
    return show(open_workspace(options.workspace).schedule(), options.output)


def _hold(options: argparse.Namespace) -> int:
    open_workspace(options.workspace).hold(options.mapping)
    print(f"{options.mapping} is on hold until it is released.")
    return 0


def _release(options: argparse.Namespace) -> int:
    open_workspace(options.workspace).release(options.mapping)
    print(f"{options.mapping} is due.")
    return 0


def _couple(options: argparse.Namespace) -> int:
    nav_key, crm_id = options.nav_key, options.crm_id
    named = sum(each is not None for each in (nav_key, crm_id))
    if named != (0 if options.matches else 2):
        raise ConfigError("couple: give NAV_KEY and CRM_ID, or --matches.")
    if options.matches and options.synchronize:
        raise ConfigError(
            "--synchronize: does not go with --matches; the mapping's setting "
            "match_based_coupling says whether matches are synchronised."
        )
    ws = open_workspace(options.workspace)
    if options.matches:
        return show_jobs(ws.couple_matches(options.mapping))
    jobs = ws.couple(options.mapping, nav_key, crm_id, options.synchronize)
    print(f"{options.mapping}: {nav_key} is coupled with {crm_id}.")
    return show_jobs(jobs) if jobs else 0


def _uncouple(options: argparse.Namespace) -> int:
    named = bool(options.nav_key or options.crm_id)
    if options.all == named:
        raise ConfigError(
            "uncouple: name records with --nav-key and --crm-id, or say --all to remove every "
            f"coupling of {options.mapping}."
        )
    ws = open_workspace(options.workspace)
    return show_jobs(ws.uncouple(options.mapping, options.nav_key, options.crm_id))


def _restore(options: argparse.Namespace) -> int:
    count = open_workspace(options.workspace).restore(options.mapping, options.nav_key)
    print(f"{options.mapping}: {count:,} skipped records take part again.")
    return 0


def _jobs(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    if options.delete_older_than is not None:
        return _deleted(options, "jobs", ws.delete_jobs)
    return show(_of_mapping(ws, ws.jobs(), options.mapping), options.output)


def _errors(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    if options.delete_older_than is not None:
        return _deleted(options, "errors", ws.delete_errors)
    return show(_of_mapping(ws, ws.errors(), options.mapping), options.output)


def _deleted(options: argparse.Namespace, what: str, delete: Callable[[int], int]) -> int:
    """Delete a log's old entries and say how many; what is deleted is not chosen by a mapping."""
    if options.mapping or options.output:
        raise ConfigError("--delete-older-than: goes without MAPPING and --output.")
    print(f"{delete(options.delete_older_than):,} {what} deleted.")
    return 0


def _skipped(options: argparse.Namespace) -> int:
    ws = open_workspace(options.workspace)
    return show(_of_mapping(ws, ws.skipped(), options.mapping), options.output)


def _of_mapping(ws: Workspace, frame: pd.DataFrame, mapping: str | None) -> pd.DataFrame:
    """Return the rows of one mapping; a mapping that was removed may still stand in a log."""
    if mapping is None:
        return frame
    rows = frame[frame["mapping"].eq(mapping)].reset_index(drop=True)
    if not len(rows) and mapping not in ws.mappings:
        raise NotFoundError(
            f"There is no mapping '{mapping}'.{nearest(mapping, ws.mappings)} "
            f"The mappings are: {', '.join(ws.mappings)}.",
            mapping=mapping,
        )
    return rows
