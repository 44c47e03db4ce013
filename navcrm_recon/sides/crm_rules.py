"""What CRM fills in by itself: units of groups, what a price list line shows, exchange rates.

A database does not do so; these are the columns a user of CRM cannot write (access ``read``).
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from navcrm_recon.catalog.model import Table
from navcrm_recon.sides.sql_schema import Physical
from navcrm_recon.sides.sql_transaction import (
    Row,
    Transaction,
    Values,
    find_rows,
    has_table,
    insert_rows,
    update_rows,
)

Change = dict[str, Any]
#: Column of a price list line -> that of its product.
_OF_PRODUCT = {"productnumber": "productnumber", "productidname": "name"}
#: Line of a document -> the column that names the document, and its entity.
_DOCUMENTS = {
    "invoicedetail": ("invoiceid", "invoice"),
    "salesorderdetail": ("salesorderid", "salesorder"),
}
_CURRENCY = "transactioncurrencyid"


def price_lines(
    tx: Transaction, table: Table, rows: Sequence[Values], olds: Sequence[Values]
) -> list[Change]:
    """Return what price list lines take from their product, and new ones from their list."""
    out: list[Change] = [{} for _ in rows]
    if table.name != "productpricelevel" or table.side != "crm":
        return out
    for column, entity, taken in (
        ("productid", "product", _OF_PRODUCT),
        ("pricelevelid", "pricelevel", {"transactioncurrencyid": "transactioncurrencyid"}),
    ):
        named = _named(tx, entity, [row.get(column) for row in rows], list(taken.values()))
        for change, row in zip(out, rows, strict=True):
            if row.get(column):
                found = named.get(str(row[column]))
                values = found.values if found else {}
                change |= {mine: values.get(theirs) for mine, theirs in taken.items()}
    return [{name: each.get(name) for name in dict.fromkeys(n for c in out for n in c)}
            for each in out]  # fmt: skip


def document_lines(
    tx: Transaction, table: Table, rows: Sequence[Values], olds: Sequence[Values]
) -> list[Change]:
    """Return the currency lines take from their document."""
    column, entity = _DOCUMENTS.get(table.name, ("", ""))
    given = [row.get(column) for row in rows]
    if table.side != "crm" or not any(given):
        return [{} for _ in rows]
    known = _named(tx, entity, given, [_CURRENCY])
    taken = {key: row.values.get(_CURRENCY) for key, row in known.items()}
    return [{_CURRENCY: taken.get(str(each))} for each in given]


def exchange_rates(
    tx: Transaction, table: Table, rows: Sequence[Values], olds: Sequence[Values]
) -> list[Change]:
    """Return the exchange rate of records whose currency is written: that of the currency."""
    column = table.columns.get("exchangerate")
    given = [row.get("transactioncurrencyid") for row in rows]
    if table.side != "crm" or column is None or column.access != "read" or not any(given):
        return [{} for _ in rows]
    known = _named(tx, "transactioncurrency", given, ["exchangerate"])
    rates = {key: row.values.get("exchangerate") for key, row in known.items()}
    return [{"exchangerate": rates.get(str(each))} for each in given]


def _named(
    tx: Transaction, entity: str, ids: Iterable[Any], names: Sequence[str]
) -> Mapping[str, Row]:
    wanted = list(dict.fromkeys(str(each) for each in ids if each))
    table = tx.catalog.crm[entity]
    return find_rows(tx, table, names, wanted) if wanted and has_table(tx, table) else {}


def after(
    tx: Transaction, table: Table, rows: Mapping[str, Values], old: Mapping[str, Values] | None
) -> None:
    """Write what follows from written records; ``old`` is None for new ones."""
    if table.name == "uomschedule" and old is None:
        _new_units(tx, {key: row["baseuomname"] for key, row in rows.items()
                        if row.get("baseuomname")})  # fmt: skip
    elif table.name == "uom" and old is not None:
        _renamed_units(tx, {key: row["name"] for key, row in rows.items() if "name" in row})
    elif table.name == "product" and old is not None:
        _renamed_products(tx, rows)


def _new_units(tx: Transaction, names: Mapping[str, Any]) -> None:
    """Make the one unit of new unit groups (documents U2)."""
    table = tx.catalog.crm["uom"]
    if not names or not has_table(tx, table):
        return
    there = tx.find(table).columns
    stamps = {"createdon": tx.now, "createdby": tx.by, "modifiedon": tx.now, "modifiedby": tx.by}
    insert_rows(tx, table, [
        {name: value for name, value in {
            "uomid": str(uuid.uuid4()), "name": unit, "uomscheduleid": group,
            "quantity": Decimal(1), "isschedulebaseuom": True, **stamps,
        }.items() if name in there}
        for group, unit in names.items()
    ])  # fmt: skip


def _renamed_units(tx: Transaction, names: Mapping[str, Any]) -> None:
    """Let unit groups show the new name of their base unit."""
    units = _named(tx, "uom", names, ["uomscheduleid", "isschedulebaseuom"])
    base = {str(row.values["uomscheduleid"]): names[key] for key, row in units.items()
            if row.values.get("isschedulebaseuom")}  # fmt: skip
    groups = _named(tx, "uomschedule", base, [])
    _change(tx, "uomschedule", groups, {key: {"baseuomname": base[key]} for key in groups})


def _renamed_products(tx: Transaction, rows: Mapping[str, Values]) -> None:
    """Let the price list lines of products show their new number and name."""
    taken = {mine: theirs for mine, theirs in _OF_PRODUCT.items()
             if any(theirs in row for row in rows.values())}  # fmt: skip
    table = tx.catalog.crm["productpricelevel"]
    if not taken or not has_table(tx, table):
        return

    def narrow(physical: Physical) -> Sequence[sa.ColumnElement[bool]]:
        return [physical.column("productid").in_(list(rows))]

    lines = find_rows(tx, table, ["productid"], narrow=narrow)
    changes = {
        key: {mine: rows[str(line.values["productid"])].get(theirs)
              for mine, theirs in taken.items()}
        for key, line in lines.items()
    }  # fmt: skip
    _change(tx, table.name, lines, changes)


def _change(
    tx: Transaction, entity: str, found: Mapping[str, Row], changes: Mapping[str, Change]
) -> None:
    """Change records; what the database does not keep is left out."""
    table = tx.catalog.crm[entity]
    if not changes:
        return
    there = tx.find(table).columns
    own = table.key[0]
    kept = [
        ({own: found[key].raw[own]}, {n: value for n, value in change.items() if n in there})
        for key, change in changes.items()
    ]
    update_rows(tx, table, kept)
