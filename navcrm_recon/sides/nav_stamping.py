"""NAV's Integration Record kept as NAV's triggers keep it (engine 1.2).

Only tables of a mapping have such records, and only those whose key a Record ID is known to hold.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from navcrm_recon.catalog.model import Table
from navcrm_recon.frames import split_key
from navcrm_recon.sides.record_id import decodable, encode_key, escape
from navcrm_recon.sides.sql_stamps import of_records
from navcrm_recon.sides.sql_transaction import (
    KEYS_AT_ONCE,
    Row,
    Transaction,
    find_rows,
    insert_rows,
    update_rows,
)
from navcrm_recon.sides.stamps import INTEGRATION_RECORD
from navcrm_recon.sides.writing import WAS_CHANGED, Refused

_COLUMNS = ["Table ID", "Record ID", "Modified On", "Deleted On"]
#: A line that stamps its record when it changes: its record's table, which columns of the line's
#: key name the record, and what the line's key must hold (engine R1.8a).
_PARENTS: Mapping[str, tuple[str, tuple[str, ...], Mapping[str, str]]] = {
    "Currency Exchange Rate": ("Currency", ("Currency Code",), {}),
    "Sales Price": (
        "Customer Price Group",
        ("Sales Code",),
        {"Sales Type": "Customer Price Group"},
    ),
    "Sales Invoice Line": ("Sales Invoice Header", ("Document No.",), {}),
}


def registered(tx: Transaction, table: Table) -> bool:
    """Say whether NAV keeps Integration Records of a table (engine R1.6)."""
    mapped = any(mapping.nav.name == table.name for mapping in tx.catalog.coupled.values())
    return mapped and table.id is not None and decodable(table)


def by_identity(tx: Transaction, identities: Sequence[str]) -> dict[str, Row]:
    """Return the Integration Records of some Integration IDs, deleted ones as well."""
    return find_rows(tx, _records(tx), _COLUMNS, identities)


def record_key(row: Row) -> str:
    """Return the ``nav_key`` an Integration Record is of, blank when the record was deleted."""
    return str(row.values["Record ID"]).partition(" ")[2]


def stamp_new(tx: Transaction, table: Table, born: Sequence[tuple[str, str]]) -> None:
    """Give new records, by key and identity, their Integration Records."""
    _stamp_parents(tx, table, [key for key, _ in born])
    _insert(tx, table, born)


def stamp(
    tx: Transaction,
    table: Table,
    keys: Sequence[str],
    expected: Mapping[str, datetime] | None = None,
    *,
    deleted: bool = False,
) -> None:
    """Stamp records that were modified or deleted; make Integration Records that are missing.

    Raises
    ------
    Refused
        A record no longer has the modified-on that is expected of it, to the microsecond.
    """
    _stamp_parents(tx, table, keys)
    if not registered(tx, table):
        return
    rows = _current(tx, table, keys)
    for key, moment in (expected or {}).items():
        if key not in rows or rows[key].values["Modified On"] != moment:
            raise Refused(WAS_CHANGED, stale=True)
    changed: dict[str, Any] = {"Modified On": tx.now}
    if deleted:
        changed |= {"Deleted On": tx.now, "Record ID": b""}
    changes = [
        ({name: row.raw[name] for name in ("Integration ID", "Modified On")}, changed)
        for row in rows.values()
    ]
    if changes and update_rows(tx, _records(tx), changes) != len(changes):
        raise Refused(WAS_CHANGED, stale=True)
    if not deleted:
        _insert(tx, table, [(key, "") for key in keys if key not in rows])


def _records(tx: Transaction) -> Table:
    return tx.catalog.nav[INTEGRATION_RECORD]


def _insert(tx: Transaction, table: Table, born: Sequence[tuple[str, str]]) -> None:
    if not born or not registered(tx, table):
        return
    rows: list[Mapping[str, Any]] = [
        {
            "Integration ID": identity.lower() or str(uuid.uuid4()),
            "Table ID": table.id,
            "Record ID": encode_key(table, key),
            "Modified On": tx.now,
        }
        for key, identity in born
    ]
    insert_rows(tx, _records(tx), rows)


def _current(tx: Transaction, table: Table, keys: Sequence[str]) -> dict[str, Row]:
    """Return the Integration Record of each record that has one, the latest where it has two."""
    found: dict[str, Row] = {}
    for start in range(0, len(keys), KEYS_AT_ONCE):
        narrow = of_records(table, keys[start : start + KEYS_AT_ONCE])
        for row in find_rows(tx, _records(tx), _COLUMNS, narrow=narrow).values():
            key, moment = record_key(row), row.values["Modified On"]
            before = found[key].values["Modified On"] if key in found else None
            if row.values["Deleted On"] is None and (not before or (moment and moment > before)):
                found[key] = row
    return found


def _stamp_parents(tx: Transaction, table: Table, keys: Sequence[str]) -> None:
    """Stamp the records whose lines change; those without an Integration Record stay without."""
    if table.name not in _PARENTS:
        return
    name, columns, conditions = _PARENTS[table.name]
    lines = [dict(zip(table.key, split_key(key), strict=True)) for key in keys]
    parents = dict.fromkeys(
        ", ".join(escape(line[column]) for column in columns)
        for line in lines
        if all(line[column] == wanted for column, wanted in conditions.items())
    )
    parent = tx.catalog.nav[name]
    rows = _current(tx, parent, list(parents))
    changes = [
        ({"Integration ID": row.raw["Integration ID"]}, {"Modified On": tx.now})
        for row in rows.values()
    ]
    if changes:
        update_rows(tx, _records(tx), changes)
