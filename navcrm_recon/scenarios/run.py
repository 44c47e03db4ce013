"""Run scenarios: build what is given, take the steps, look at what is then so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from navcrm_recon.catalog import SideName
from navcrm_recon.errors import Error
from navcrm_recon.scenarios.databases import SIDES
from navcrm_recon.scenarios.expect import describe, matches, unmatched, value_matches
from navcrm_recon.scenarios.grammar import Scenario, Step
from navcrm_recon.scenarios.world import World

#: States of a coupling: what a bare pair in ``couplings`` stands for.
_COUPLED = ("coupled", "out_of_filter", "nav_deleted", "crm_deleted", "both_deleted")


def run_scenario(scenario: Scenario, sides: str) -> str:
    """Run one scenario on fresh databases and return what differed, blank when nothing did."""
    with World.build(scenario.given, sides) as world:
        for place, step in enumerate(scenario.steps):
            problem = _take(world, step) or _check(world, step.then or {})
            if problem:
                return f"when[{place}] {step.name}: {problem}"
        return _check(world, scenario.then)


def _take(world: World, step: Step) -> str:
    """Take one step; an error that was not announced fails, and so does one that stayed away."""
    try:
        world.take(step.name, step.arguments)
    except Error as exc:
        if step.raises is None:
            return f"{type(exc).__name__}: {exc}"
        wanted = step.raises.get("error", type(exc).__name__)
        if wanted not in {each.__name__ for each in type(exc).__mro__}:
            return f"raised {type(exc).__name__}, not {wanted}: {exc}"
        text = step.raises.get("contains", "")
        if text.casefold() not in str(exc).casefold():
            return f"the error does not say '{text}': {exc}"
        return ""
    return f"should have raised {step.raises.get('error', 'an error')}" if step.raises else ""


def _check(world: World, then: Mapping[str, Any]) -> str:
    checks = {
        "nav": lambda wanted: _rows(world, "nav", wanted),
        "crm": lambda wanted: _rows(world, "crm", wanted),
        "count": lambda wanted: _counts(world, wanted),
        "absent": lambda wanted: _absent(world, wanted),
        "couplings": lambda wanted: _couplings(world, wanted),
        "diff": lambda wanted: _findings(world, wanted, "diff"),
        "missing_options": lambda wanted: _findings(world, wanted, "missing_options"),
        "match": lambda wanted: _findings(world, wanted, "match"),
        "errors": lambda wanted: _findings(world, [_error(each) for each in wanted], "errors"),
        "plan": lambda wanted: _planned(world, wanted),
        "jobs": lambda wanted: _jobs(world, wanted),
        "links": lambda wanted: _links(world, wanted),
    }
    problems = [checks[name](wanted) for name, wanted in then.items()]
    return "; ".join(problem for problem in problems if problem)


def _rows(world: World, side: SideName, wanted: Mapping[str, Sequence[Any]]) -> str:
    problems = []
    for table, entries in wanted.items():
        rows = world.rows(side, table)
        missing = unmatched(entries, rows, world.handles, world.key(side, table))
        problems += [
            f"no row of {table} is {describe(each)}{_near(each, rows, world)}" for each in missing
        ]
    return "; ".join(problems)


def _near(entry: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], world: World) -> str:
    """Show the row that shares the entry's first value: most often the one that was meant."""
    name, value = next(iter(entry.items()), ("", None))
    near = [row for row in rows if name in row and value_matches(value, row[name], world.handles)]
    if not near:
        return f" (there are {len(rows)} rows)"
    return f"; found {describe({key: near[0].get(key) for key in entry})}"


def _counts(world: World, wanted: Mapping[str, Mapping[str, int]]) -> str:
    problems = []
    for side in SIDES:
        for table, number in wanted.get(side, {}).items():
            found = len(world.rows(side, table))
            if found != number:
                problems.append(f"{table} has {found} rows, not {number}")
    return "; ".join(problems)


def _absent(world: World, wanted: Mapping[str, Any]) -> str:
    problems = []
    for side in SIDES:
        for table, entries in wanted.get(side, {}).items():
            rows = world.rows(side, table)
            problems += [
                f"{table} {describe(each) if isinstance(each, dict) else each} is there"
                for each in entries
                if any(_is_record(each, row, side, world) for row in rows)
            ]
    entries = wanted.get("couplings", [])
    rows = _records(world.couplings(_named(entries))) if entries else []
    for entry in entries:
        if any(matches(entry, row, world.handles) for row in _meant(entry, rows)):
            problems.append(f"there is a coupling {describe(entry)}")
    return "; ".join(problems)


def _is_record(wanted: Any, row: Mapping[str, Any], side: SideName, world: World) -> bool:
    """Say whether a row has the key, or all the values, of an entry of ``absent``."""
    if isinstance(wanted, dict):
        return matches(wanted, row, world.handles)
    return bool(row[""] == (str(wanted) if side == "nav" else world.handles.id(wanted)))


def _couplings(world: World, wanted: Sequence[Mapping[str, Any]]) -> str:
    rows = _records(world.couplings(_named(wanted)))
    missing = []
    for one_sided in (True, False):
        chosen = [each for each in wanted if _may_be_one_sided(each) is one_sided]
        pool = rows if one_sided else [row for row in rows if row["state"] in _COUPLED]
        missing += unmatched(chosen, pool, world.handles)
    return "; ".join(
        f"no coupling is {describe(each)}{_near(each, rows, world)}" for each in missing
    )


def _links(world: World, wanted: Sequence[Mapping[str, Any]]) -> str:
    rows = _records(world.couplings(_named(wanted)))
    missing = unmatched(wanted, rows, world.handles)
    return "; ".join(f"no link is {describe(each)}{_near(each, rows, world)}" for each in missing)


def _meant(entry: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return the rows an entry speaks of: without a state, no record of one side alone."""
    return [row for row in rows if _may_be_one_sided(entry) or row["state"] in _COUPLED]


def _may_be_one_sided(entry: Mapping[str, Any]) -> bool:
    blank = ("", None, {"blank": True})
    return "state" in entry or any(entry.get(name, 0) in blank for name in ("nav_key", "crm_id"))


def _named(wanted: Sequence[Mapping[str, Any]]) -> set[str] | None:
    """Return the mappings the entries name; None = all, where one of them names none."""
    names = [each.get("mapping") if isinstance(each, dict) else None for each in wanted]
    known = {name for name in names if isinstance(name, str)}
    return known if known and len(names) == sum(isinstance(name, str) for name in names) else None


def _findings(world: World, wanted: Sequence[Mapping[str, Any]], kind: str) -> str:
    """Compare rows of a frame; an empty list means that there is none at all."""
    if kind == "diff":
        rows = [world.captioned(row) for row in _records(world.diff(_named(wanted)))]
    elif kind == "match":
        rows = _records(world.match(_named(wanted)))
    elif kind == "errors":
        rows = _records(world.errors())
    else:
        rows = _records(world.missing_options())
    if not wanted:
        return f"{kind} should be empty, found {describe(rows[0])}" if rows else ""
    return _lost(kind, unmatched(wanted, rows, world.handles), rows)


def _error(wanted: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an entry of ``errors`` whose ``contains`` is a matcher on the message."""
    if "contains" not in wanted:
        return wanted
    return {**wanted, "contains": {"contains": wanted["contains"]}}


def _planned(world: World, wanted: Sequence[Mapping[str, Any]]) -> str:
    rows = _records(world.planned())
    return _lost("plan", unmatched(wanted, rows, world.handles), rows)


def _lost(
    kind: str, missing: Sequence[Mapping[str, Any]], rows: Sequence[Mapping[str, Any]]
) -> str:
    """Say which entries found no row, and show the first rows there are."""
    listed = "; ".join(describe(row) for row in rows[:5]) or "none"
    return "; ".join(f"no {kind} row is {describe(each)} (there are: {listed})" for each in missing)


def _jobs(world: World, wanted: Sequence[Mapping[str, Any]]) -> str:
    """Find the jobs in the order they ran; others may lie between."""
    left = iter(world.jobs)
    for entry in wanted:
        if not any(matches(entry, job, world.handles) for job in left):
            listed = "; ".join(_job(job) for job in world.jobs) or "none"
            return f"no job is {describe(entry)}, in this order (there are: {listed})"
    return ""


def _job(job: Mapping[str, Any]) -> str:
    """Write a job without what is blank or zero."""
    return describe({name: value for name, value in job.items() if value})


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
