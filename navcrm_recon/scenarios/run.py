"""Run scenarios: build what is given, take the steps, look at what is then so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from navcrm_recon.catalog import SideName
from navcrm_recon.errors import Error
from navcrm_recon.scenarios.databases import SIDES
from navcrm_recon.scenarios.expect import describe, matches, unmatched
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
        if type(exc).__name__ != wanted:
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
        "links": lambda wanted: _couplings(world, wanted),
    }
    problems = [checks[name](wanted) for name, wanted in then.items()]
    return "; ".join(problem for problem in problems if problem)


def _rows(world: World, side: SideName, wanted: Mapping[str, Sequence[Any]]) -> str:
    problems = []
    for table, entries in wanted.items():
        rows = world.rows(side, table)
        missing = unmatched(entries, rows, world.resolve)
        problems += [
            f"no row of {table} is {describe(each)}{_near(each, rows)}" for each in missing
        ]
    return "; ".join(problems)


def _near(entry: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    """Show the row that shares the entry's first value: most often the one that was meant."""
    name, value = next(iter(entry.items()), ("", None))
    near = [row for row in rows if str(row.get(name)) == str(value)]
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
        for table, keys in wanted.get(side, {}).items():
            there = {row[""] for row in world.rows(side, table)}
            problems += [
                f"{table} {key} is there" for key in keys if world.resolve(str(key)) in there
            ]
    rows = _records(world.couplings(None))
    for entry in wanted.get("couplings", []):
        if any(_is_coupling(entry, row, world) for row in rows):
            problems.append(f"there is a coupling {describe(entry)}")
    return "; ".join(problems)


def _couplings(world: World, wanted: Sequence[Mapping[str, Any]]) -> str:
    names = {each["mapping"] for each in wanted if "mapping" in each}
    rows = _records(world.couplings(names or None))
    free = [row for row in rows if row["state"] in _COUPLED]
    bare = [each for each in wanted if "state" not in each]
    named = [each for each in wanted if "state" in each]
    missing = unmatched(bare, free, world.resolve) + unmatched(named, rows, world.resolve)
    return "; ".join(f"no coupling is {describe(each)}{_near(each, rows)}" for each in missing)


def _is_coupling(entry: Mapping[str, Any], row: Mapping[str, Any], world: World) -> bool:
    if "state" not in entry and row["state"] not in _COUPLED:
        return False
    return matches(entry, row, world.resolve)


def _findings(world: World, wanted: Sequence[Mapping[str, Any]], kind: str) -> str:
    names = {each["mapping"] for each in wanted if "mapping" in each}
    rows = _records(world.diff(names or None) if kind == "diff" else world.missing_options())
    if not wanted:
        return f"{kind} should be empty, found {describe(rows[0])}" if rows else ""
    missing = unmatched(wanted, rows, world.resolve)
    listed = "; ".join(describe(row) for row in rows[:5]) or "none"
    return "; ".join(f"no {kind} row is {describe(each)} (there are: {listed})" for each in missing)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
