"""Write what stands beside records, before the records themselves (``sync.beside``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from navcrm_recon.catalog.model import Table
from navcrm_recon.sides.side import Side
from navcrm_recon.sides.writing import Write, Written
from navcrm_recon.sync.doing import Wanted


def own_values(tables: Mapping[str, Table], wanted: Wanted) -> dict[str, Any]:
    """Return what is to be written to the record itself."""
    return {name: value for name, value in wanted.new.items() if not _split(tables, name)[1]}


def _split(tables: Mapping[str, Table], name: str) -> tuple[str, str]:
    """Return entity and field of what stands beside a record, blanks for its own fields."""
    entity, _, field = name.partition(".")
    return (entity, field) if entity in tables and field else ("", "")


def write_beside(
    side: Side,
    tables: Mapping[str, Table],
    wanted: Mapping[int, Wanted],
    *,
    now: datetime,
    by: str,
) -> dict[int, Written]:
    """Write what stands beside some records; return what was refused, by the record's place."""
    orders: dict[str, dict[int, Write]] = {}
    for place, one in wanted.items():
        for entity, values in _beside(tables, one).items():
            orders.setdefault(entity, {})[place] = _order(tables[entity], one, values)
    refused: dict[int, Written] = {}
    for entity, writes in orders.items():
        done = side.write(tables[entity], list(writes.values()), now=now, by=by)
        refused |= {
            place: replace(each, error=f"its {entity}: {each.error}", stale=False)
            for place, each in zip(writes, done, strict=True)
            if each.error
        }
    return refused


def _beside(tables: Mapping[str, Table], wanted: Wanted) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    for name, value in wanted.new.items():
        entity, field = _split(tables, name)
        if field:
            found.setdefault(entity, {})[field] = value
    return found


def _order(table: Table, wanted: Wanted, values: dict[str, Any]) -> Write:
    key = table.key[0]
    identity = str(values.pop(key))
    named = f"{table.name}.{key}"
    is_new = any(name == named for _, name, _, _ in wanted.changes)
    return Write("insert" if is_new else "update", identity, values)
