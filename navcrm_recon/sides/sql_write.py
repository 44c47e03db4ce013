"""Records written to a SQL side: each good row is kept, each bad one fails alone.

Writes of the same action and columns go together. When one of them fails, they are divided, until
it stands alone.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from navcrm_recon.catalog.model import Table
from navcrm_recon.errors import DataError, Error, shorten
from navcrm_recon.frames import split_key
from navcrm_recon.sides import closed_records, nav_stamping, number_series, product_rules
from navcrm_recon.sides.columns import parse_moment
from navcrm_recon.sides.record_id import escape, option_number
from navcrm_recon.sides.sql_transaction import (
    Row,
    Transaction,
    Values,
    delete_rows,
    find_rows,
    insert_rows,
    update_rows,
)
from navcrm_recon.sides.sql_values import code, exact
from navcrm_recon.sides.writing import WAS_CHANGED, WAS_DELETED, Refused, Write, Written

#: What CRM does not accept in an insert and in an update (mappings.yaml, read_only_crm).
_PASSED_OVER = {"insert": ("read", "modify"), "update": ("read", "insert"), "delete": ()}
#: What a line calls the column of its header's key.
_HEADER = {"No.": "Document No."}


def write_records(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    """Write records, each in a savepoint of its own where it must be (``side.Side.write``)."""
    tx.find(table)
    written: dict[int, Written] = {}
    for places in _groups(writes):
        written |= zip(places, _attempt(tx, table, [writes[i] for i in places]), strict=True)
    return [written[place] for place in range(len(writes))]


def write_all(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    """Write records that belong to another one: all of them, or nothing of it.

    Raises
    ------
    Refused
        One of them cannot be written.
    """
    written: dict[int, Written] = {}
    for places in _groups(writes):
        written |= zip(places, _apply(tx, table, [writes[i] for i in places]), strict=True)
    return [written[place] for place in range(len(writes))]


def _groups(writes: Sequence[Write]) -> list[list[int]]:
    """Return the places of the writes that go together; inserts stay in order."""
    groups: dict[tuple[str, frozenset[str]], list[int]] = {}
    for place, each in enumerate(writes):
        columns = frozenset(each.values) if each.action == "update" else frozenset()
        groups.setdefault((each.action, columns), []).append(place)
    return list(groups.values())


def _attempt(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    try:
        with tx.connection.begin_nested():
            return _apply(tx, table, writes)
    except sa.exc.OperationalError:
        raise  # the database is at fault, not the record
    except (Error, sa.exc.DBAPIError) as exc:
        if len(writes) == 1:
            return [_failed(writes[0], exc)]
    half = len(writes) // 2
    return [*_attempt(tx, table, writes[:half]), *_attempt(tx, table, writes[half:])]


def _failed(write: Write, exc: Error | sa.exc.DBAPIError) -> Written:
    if isinstance(exc, sa.exc.DBAPIError):
        return _refused(write, str(exc.orig).strip())
    stale = isinstance(exc, Refused) and exc.stale
    value = "" if exc.value is None else shorten(exc.value)
    return Written(write.key, None, str(exc), exc.field or "", value, stale)


def _refused(write: Write, said: str) -> Written:
    """Say what a database has against a record, and of which field, where it names one."""
    named = [
        name
        for name in sorted(write.values, key=len, reverse=True)
        if re.search(rf"\b{re.escape(name.replace('.', '_'))}\b", said)
    ]
    field = named[0] if named else ""
    value = shorten(write.values[field]) if field and write.values[field] is not None else ""
    about = f" ({field} '{value}')" if field else ""
    reason = shorten(said.split("\n")[0]).rstrip(".")
    remedy = "Correct the value, or the rule of the database."
    text = f"The database refused the record: {reason}{about}. {remedy}"
    return Written(write.key, None, text, field, value)


def _apply(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    """Write records of one action and, but for inserts, of the same columns."""
    writes = [_accepted(table, each) for each in writes]
    match writes[0].action:
        case "insert":
            return _insert(tx, table, writes)
        case "update":
            return _update(tx, table, writes)
        case _:
            return _delete(tx, table, writes)


def _accepted(table: Table, write: Write) -> Write:
    """Return a write with its key as the product has it, without what CRM passes over."""
    over = _PASSED_OVER[write.action] if table.side == "crm" else ()
    values = {
        name: value
        for name, value in write.values.items()
        if name not in table.columns
        or (
            table.columns[name].access not in over
            and (table.side == "nav" or name not in table.key)
        )
    }
    return replace(write, key=_key(table, write), values=values)


def _key(table: Table, write: Write) -> str:
    if table.side == "crm":
        return write.key.lower() or str(uuid.uuid4())
    if write.action != "insert":
        return write.key  # as it was read
    parts = split_key(write.key)
    if not write.key and table.name in number_series.SETUP:
        return ""  # the series says
    if not write.key and all(name in write.values for name in table.key):
        parts = [str(write.values[name] or "") for name in table.key]
    if len(parts) != len(table.key):
        raise Refused(
            f"'{shorten(write.key)}' is no key of {table.name}, which is {', '.join(table.key)}.",
            field=table.key[0],
            value=write.key,
        )
    columns = [table.columns[name] for name in table.key]
    named = zip(columns, parts, strict=True)
    return ", ".join(escape(code(part) if c.kind == "code" else part) for c, part in named)


def _insert(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    there = _there(tx, table, writes)
    fresh = [place for place in range(len(writes)) if place not in there]
    if fresh:
        made = _insert_new(tx, table, [writes[place] for place in fresh])
        there |= zip(fresh, made, strict=True)
    return [there[place] for place in range(len(writes))]


def _there(tx: Transaction, table: Table, writes: Sequence[Write]) -> dict[int, Written]:
    """Return the records that an earlier attempt inserted, by the place of their write."""
    if table.side == "crm":
        found = find_rows(tx, table, _stamp_names(table), [each.key for each in writes])
        return {
            place: Written(each.key, _modified_on(table, found[each.key]))
            for place, each in enumerate(writes)
            if each.key in found
        }
    own = nav_stamping.by_identity(tx, [each.identity.lower() for each in writes if each.identity])
    taken = find_rows(tx, table, (), [each.key for each in writes if each.key])
    there = {}
    for place, each in enumerate(writes):
        if row := own.get(each.identity.lower()):
            if row.values["Deleted On"] is not None:
                raise Refused(WAS_DELETED, stale=True)
            there[place] = Written(nav_stamping.record_key(row), row.values["Modified On"])
        elif each.key in taken and nav_stamping.registered(tx, table):
            raise Refused(
                f"There is already a {table.name} '{shorten(each.key)}'. Give it another key, or "
                "couple the two.",
                field=table.key[0],
                value=each.key,
            )
        elif each.key in taken:
            there[place] = Written(each.key, None)
    return there


def _insert_new(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    if table.side == "nav":
        drawn = iter(number_series.draw(tx, table, sum(not each.key for each in writes)))
        writes = [each if each.key else replace(each, key=next(drawn)) for each in writes]
    rows = [{**each.values, **_key_values(table, each.key)} for each in writes]
    if any(each.lines for each in writes):
        rows = _kept(tx, table, rows)
    rows = product_rules.before(tx, table, rows, None)
    insert_rows(tx, table, [row | _born(tx, table) for row in rows])
    _insert_lines(tx, table, writes)
    keys = [each.key for each in writes]
    if table.side == "nav":
        identities = [each.identity for each in writes]
        nav_stamping.stamp_new(tx, table, list(zip(keys, identities, strict=True)))
    product_rules.after(tx, table, dict(zip(keys, rows, strict=True)), None, write_all)
    return [Written(key, _stamped(tx, table)) for key in keys]


def _insert_lines(tx: Transaction, table: Table, writes: Sequence[Write]) -> None:
    """Insert the lines of new documents, those of all documents together."""
    rows: dict[str, list[Values]] = {}
    for each in writes:
        if each.lines is not None:
            own = {_HEADER.get(n, n): v for n, v in _key_values(table, each.key).items()}
            rows.setdefault(each.lines.table, []).extend({**own, **row} for row in each.lines.rows)
    for name, lines in rows.items():
        if lines:
            known = tx.catalog.tables(table.side)[name]
            insert_rows(tx, known, _kept(tx, known, lines))


def _kept(tx: Transaction, table: Table, rows: Sequence[Values]) -> list[dict[str, Any]]:
    """Return rows of a document without what this version of the product does not keep."""
    there = tx.find(table).columns
    return [{name: value for name, value in row.items() if name in there} for row in rows]


def _update(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    follow = product_rules.needed(table, writes[0].values)
    names = [*_stamp_names(table), *follow, *closed_records.needed(table)]
    old = _present(tx, table, writes, names)
    news = [_without_key(table, each) for each in writes]
    closed_records.refuse_changes(table, news, [row.values for row in old])
    news = product_rules.before(tx, table, news, [row.values for row in old])
    stamps = _touched(tx, table)
    keys = [each.key for each in writes]
    if table.side == "nav":
        nav_stamping.stamp(tx, table, keys, _expected(writes))
    changes = [
        (_guarded(table, row, each), new | stamps)
        for row, each, new in zip(old, writes, news, strict=True)
    ]
    if update_rows(tx, table, changes) != len(changes):
        raise Refused(WAS_CHANGED, stale=True)
    before = {each.key: row.values for each, row in zip(writes, old, strict=True)}
    product_rules.after(tx, table, dict(zip(keys, news, strict=True)), before, write_all)
    return [Written(key, _stamped(tx, table)) for key in keys]


def _delete(tx: Transaction, table: Table, writes: Sequence[Write]) -> list[Written]:
    old = _present(tx, table, writes, _stamp_names(table))
    keys = [each.key for each in writes]
    if table.side == "nav":
        nav_stamping.stamp(tx, table, keys, _expected(writes), deleted=True)
    gone = [_guarded(table, row, each) for row, each in zip(old, writes, strict=True)]
    if delete_rows(tx, table, gone) != len(gone):
        raise Refused(WAS_CHANGED, stale=True)
    moment = _stamped(tx, table) if table.side == "nav" else None
    return [Written(key, moment) for key in keys]


def _present(
    tx: Transaction, table: Table, writes: Sequence[Write], names: Sequence[str]
) -> list[Row]:
    """Return the rows to be changed, which must be there and, in CRM, as expected."""
    found = find_rows(tx, table, names, [each.key for each in writes])
    for each in writes:
        if each.key not in found:
            raise Refused(WAS_DELETED, stale=True)
        checked = table.side == "crm" and each.expected is not None
        if checked and _modified_on(table, found[each.key]) != each.expected:
            raise Refused(WAS_CHANGED, stale=True)
    return [found[each.key] for each in writes]


def _expected(writes: Sequence[Write]) -> dict[str, datetime]:
    return {each.key: each.expected for each in writes if each.expected is not None}


def _guarded(table: Table, row: Row, write: Write) -> Values:
    """Return the raw values by which a row is changed: its key, in CRM also its modified-on."""
    names = [*table.key, *(_stamp_names(table) if write.expected is not None else ())]
    return {name: row.raw[name] for name in names if name in row.raw}


def _stamp_names(table: Table) -> list[str]:
    return [table.modified_on] if table.modified_on else []


def _modified_on(table: Table, row: Row) -> datetime | None:
    found: datetime | None = row.values.get(table.modified_on or "")
    return found


def _stamped(tx: Transaction, table: Table) -> datetime | None:
    """Return what the product has stamped the records with."""
    if table.side == "nav":
        return tx.now if nav_stamping.registered(tx, table) else None
    return tx.now if table.modified_on in tx.find(table).columns else None


def _touched(tx: Transaction, table: Table) -> dict[str, Any]:
    """Return the columns by which CRM says who modified a record and when."""
    if table.side == "nav":
        return {}
    stamps = {table.modified_on: tx.now, "modifiedby": tx.by}
    return {
        name: value for name, value in stamps.items() if name in tx.find(table).columns and name
    }


def _born(tx: Transaction, table: Table) -> dict[str, Any]:
    """Return the columns by which CRM says who made a record and when."""
    if table.side == "nav":
        return {}
    stamps = {"createdon": tx.now, "createdby": tx.by}
    there = tx.find(table).columns
    return {n: value for n, value in stamps.items() if n in there} | _touched(tx, table)


def _without_key(table: Table, write: Write) -> dict[str, Any]:
    """Return the values without the key, which must stay what it is."""
    parts = _key_values(table, write.key)
    for name, value in parts.items():
        if name in write.values and _key_text(write.values[name]) != _key_text(value):
            raise Refused(
                f"A {table.name} is not renamed here; rename it in NAV.",
                field=name,
                value=write.values[name],
            )
    return {name: value for name, value in write.values.items() if name not in parts}


def _key_text(value: Any) -> str:
    return code(value) if isinstance(value, str) else str(value)


def _key_values(table: Table, key: str) -> dict[str, Any]:
    """Return the columns of a key as Python values of their kind."""
    if table.side == "crm":
        return {table.key[0]: key}
    return {
        name: _key_value(table, name, part)
        for name, part in zip(table.key, split_key(key), strict=True)
    }


def _key_value(table: Table, name: str, part: str) -> Any:
    column = table.columns[name]
    try:
        match column.kind:
            case "option":
                return option_number(column, part)
            case "integer":
                return int(part or 0)
            case "decimal":
                return exact(part or 0)
            case "date" | "datetime":
                return parse_moment(part) if part else None
            case _:
                return part
    except (DataError, ValueError, ArithmeticError) as exc:
        raise Refused(
            f"'{shorten(part)}' is no {column.kind}, as the key of {table.name} needs.",
            field=name,
            value=part,
        ) from exc
