"""What the job log says of a record that was not synchronised: what, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.errors import examples, shorten
from navcrm_recon.recon.compare import value_text
from navcrm_recon.recon.fields import FieldWrite
from navcrm_recon.sync.examine import Examined, Part
from navcrm_recon.sync.select import OneWay, sides_of

COLUMNS = ("field", "value", "message")


def refusals(mapping: TableMapping, direction: OneWay, examined: Examined) -> pd.DataFrame:
    """Return ``field``, ``value`` and ``message`` for every record that fails or conflicts.

    The text is the same whenever the reason is: a second identical failure skips the record
    (engine 6.1). Index = position of the record.
    """
    decisions = examined.decisions
    stopped = np.flatnonzero(decisions["action"].isin(["fail", "conflict"]))
    out = pd.DataFrame("", index=stopped, columns=list(COLUMNS), dtype="str")
    source, other = sides_of(direction)
    table, partner = mapping.table(source).name, mapping.table(other).name
    keys = examined.picked.records.index
    causes = {**_causes(examined.born), **_causes(examined.there)}
    collisions = _collisions(examined.there)
    for place in stopped.tolist():
        rule, key = decisions["rule"].iloc[place], keys[place]
        if rule.startswith("D2"):
            gone = examined.partner.iloc[place]
            text = (
                f"{table} {key} is coupled to a deleted record: there is no {partner} {gone} any "
                "more. Uncouple it, or restore the deleted record."
            )
            out.loc[place] = ("", "", text)
        elif rule == "D8":
            names = collisions.get(place, "")
            text = (
                f"{table} {key} and {partner} {examined.partner.iloc[place]} have both been "
                f"changed since the last synchronisation, in {names}. Synchronise the record in "
                "the direction whose values shall win."
            )
            out.loc[place] = (names.split(",")[0].split(" / ")[0], "", text)
        else:
            field, value, why = causes.get(place, ("", "", "a field could not be transferred"))
            text = f"{table} {key} could not be transferred: {why}"
            out.loc[place] = (field, value, text)
    return out


def collisions(yielding: Sequence[str]) -> str:
    """Say that prices fall on the line of another one, which wins (documents PG10, G11)."""
    several = len(yielding) > 1
    return (
        f"{len(yielding)} sales price{'s' if several else ''} did not travel: another one of the "
        "same group, item and unit comes later in NAV and has the line of the price list. Not "
        f"sent: {examples(yielding)}. price_collisions() names them all."
    )


def _causes(part: Part) -> dict[int, tuple[str, str, str]]:
    """Return field, value and reason of the first field that fails each record."""
    found: dict[int, tuple[str, str, str]] = {}
    for each in reversed(part.fields):
        rows = np.flatnonzero(each.fails)
        if len(rows):
            values, problems = _source_texts(each, rows), _problems(each, rows)
            found |= {
                int(part.places[row]): _cause(each, value, problem)
                for row, value, problem in zip(rows, values, problems, strict=True)
            }
    return found


def _problems(field: FieldWrite, rows: np.ndarray) -> list[str]:
    if isinstance(field.problem, str):
        return [field.problem] * len(rows)
    return [str(text) for text in field.problem.take(rows).to_pylist()]


def _source_texts(field: FieldWrite, rows: np.ndarray) -> list[str]:
    column = field.column
    if field.row is not None:
        nav, crm = field.row.nav, field.row.crm
        column = (nav if column is crm else crm) or column
    return value_text(column, field.source.take(rows)).tolist()


def _cause(field: FieldWrite, value: str, problem: str) -> tuple[str, str, str]:
    """Say why a field cannot be transferred (engine 9.4)."""
    row = field.row
    if problem.endswith("."):  # it says all there is to say
        return field.column.name, value, problem
    if row is None or problem:
        found = f" (found '{shorten(value, 60)}')" if value else ""
        return field.column.name, value, f"{problem}{found}."
    source = row.nav if field.column is row.crm else row.crm
    name = source.name if source is not None else field.column.name
    if not value:
        return name, value, f"{name} must have a value. Fill it in."
    via = f" ({row.via})" if row.via else ""
    return name, value, (
        f"{name} '{shorten(value, 60)}' must be coupled{via}. Couple that record, or choose "
        "another value."
    )  # fmt: skip


def _collisions(part: Part) -> dict[int, str]:
    """Name the bidirectional fields that differ, by record."""
    found: dict[int, str] = {}
    for each in part.fields:
        if each.both and each.row is not None:
            for row in np.flatnonzero(each.differs):
                at, name = int(part.places[row]), " / ".join(each.row.pair)
                found[at] = f"{found[at]}, {name}" if at in found else name
    return found
