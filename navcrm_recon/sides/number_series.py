"""Numbers of new NAV records, drawn from the series their setup table names.

A series is locked before it is read, so that two who draw at once never draw the same number.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from navcrm_recon.catalog.model import Table
from navcrm_recon.sides.record_id import escape
from navcrm_recon.sides.sql_schema import Physical
from navcrm_recon.sides.sql_transaction import (
    Row,
    Transaction,
    find_rows,
    insert_rows,
    setup_value,
    update_rows,
)
from navcrm_recon.sides.writing import Refused

#: NAV table -> the setup table and field that name its series (NAV's table triggers).
SETUP: Mapping[str, tuple[str, str]] = {
    "Customer": ("Sales & Receivables Setup", "Customer Nos."),
    "Contact": ("Marketing Setup", "Contact Nos."),
    "Opportunity": ("Marketing Setup", "Opportunity Nos."),
    "Sales Header": ("Sales & Receivables Setup", "Order Nos."),
    "Item": ("Inventory Setup", "Item Nos."),
    "Resource": ("Resources Setup", "Resource Nos."),
}
#: NAV table -> what its codes begin with when there is no series (engine 4.7, documents SP4).
PATTERNS: Mapping[str, str] = {"Salesperson/Purchaser": "SP NO. "}
#: NAV table -> what its key begins with: a number is drawn for orders only.
_BEFORE: Mapping[str, str] = {"Sales Header": "Order, "}
_SERIES, _LINES = "No. Series", "No. Series Line"
_LINE = ["Starting Date", "Starting No.", "Ending No.", "Increment-by No.", "Last No. Used", "Open"]
_FIRST_LINE = 10000
#: A series that is only named counts from here (contract 6).
_FIRST_NUMBER = "00001"
_LAST_DIGITS = re.compile(r"\d+(?=\D*$)")


def draw(tx: Transaction, table: Table, count: int) -> list[str]:
    """Return the keys of ``count`` new records, none of which is taken.

    Raises
    ------
    Refused
        The table has no series, its setup names none, or the series has no number left.
    """
    if not count:
        return []
    if table.name in PATTERNS:
        return _free(tx, table, PATTERNS[table.name], count)
    if table.name not in SETUP:
        raise Refused(f"A new {table.name} needs a key.", field=table.key[0])
    setup, field = SETUP[table.name]
    series = setup_value(tx, setup, field)
    if not series:
        raise Refused(
            f"A new {table.name} needs a number, but {setup}, '{field}' is blank. Fill it.",
            field=table.key[-1],
        )
    before = _BEFORE.get(table.name, "")
    return [before + escape(number) for number in _from_series(tx, table, series, count)]


def counted_up(number: str, step: int = 1) -> str:
    """Return the next number, as NAV's INCSTR: the last group of digits counts, its width stays.

    Raises
    ------
    ValueError
        There is no digit in it.

    >>> counted_up("CODE00009")
    'CODE00010'
    """
    digits = _LAST_DIGITS.search(number)
    if digits is None:
        raise ValueError(number)
    counted = str(int(digits[0]) + step).zfill(len(digits[0]))
    return number[: digits.start()] + counted + number[digits.end() :]


def _free(tx: Transaction, table: Table, start: str, count: int) -> list[str]:
    """Return the first codes of a pattern that are free."""
    _lock(tx, f"{table.name} {start}")

    def narrow(physical: Physical) -> Sequence[sa.ColumnElement[bool]]:
        return [physical.column(table.key[0]).like(f"{start}%")]

    taken = find_rows(tx, table, (), narrow=narrow)
    free = (code for n in range(1, len(taken) + count + 1) if (code := f"{start}{n}") not in taken)
    return [code for code, _ in zip(free, range(count), strict=False)]


def _from_series(tx: Transaction, table: Table, series: str, count: int) -> list[str]:
    line = _open_line(tx, series)
    last, found = str(line.values["Last No. Used"]), list[str]()
    while len(found) < count:
        some = []
        for _ in range(count - len(found)):
            last = _next(line.values, series, last, table)
            some.append(last)
        before = _BEFORE.get(table.name, "")
        taken = find_rows(tx, table, (), [before + escape(number) for number in some])
        found += [number for number in some if before + escape(number) not in taken]
    ended = bool(line.values["Ending No."]) and last == line.values["Ending No."]
    changed = {"Last No. Used": last, "Last Date Used": _day(tx.now)}
    if ended:
        changed["Open"] = False
    update_rows(tx, tx.catalog.nav[_LINES], [(_key(tx, line), changed)])
    return found


def _next(line: Mapping[str, Any], series: str, last: str, table: Table) -> str:
    """Return the number after ``last``."""
    try:
        number = counted_up(last, line["Increment-by No."] or 1) if last else line["Starting No."]
    except ValueError:
        raise _refused(series, table, f"its number '{last}' has no digit to count up") from None
    end, length = line["Ending No."], table.columns[table.key[-1]].length
    if not number:
        raise _refused(series, table, "its line has no Starting No.")
    if (end and (len(number), number) > (len(end), end)) or (length and len(number) > length):
        raise _refused(series, table, "it has no number left")
    return str(number)


def _refused(series: str, table: Table, why: str) -> Refused:
    return Refused(
        f"The number series {series} gives no number for a new {table.name}: {why}. Correct the "
        "series, or give it another line.",
        field=table.key[-1],
        value=series,
    )


def _open_line(tx: Transaction, series: str) -> Row:
    """Return the line that is drawn from, locked: the latest that has begun and is open."""
    _lock(tx, f"{_LINES} {series}")
    lines = _lines(tx, series)
    if not lines:
        _make(tx, series)
        lines = _lines(tx, series)
    today = _day(tx.now)
    begun = [
        line
        for line in lines
        if line.values["Open"] and (line.values["Starting Date"] or today) <= today
    ]
    if not begun:
        raise Refused(
            f"The number series {series} has no open line that has begun. Open one, or give it "
            "another line.",
            value=series,
        )
    return max(
        begun, key=lambda line: (line.values["Starting Date"] or datetime.min, *_place(line))
    )


def _lines(tx: Transaction, series: str) -> list[Row]:
    """Lock the lines of a series, then read them."""
    table = tx.catalog.nav[_LINES]

    def narrow(physical: Physical) -> Sequence[sa.ColumnElement[bool]]:
        return [physical.column("Series Code") == series]

    physical = tx.find(table)
    last = physical.column("Last No. Used")
    own = sa.update(physical.source).where(*narrow(physical))
    tx.connection.execute(own.values({str(last.name): last}))
    return list(find_rows(tx, table, _LINE, narrow=narrow).values())


def _make(tx: Transaction, series: str) -> None:
    """Make a series that is only named (contract 6)."""
    head = tx.catalog.nav[_SERIES]
    if series not in find_rows(tx, head, (), [series]):
        insert_rows(tx, head, [{"Code": series, "Default Nos.": True}])
    line = {
        "Series Code": series,
        "Line No.": _FIRST_LINE,
        "Starting No.": f"{series}{_FIRST_NUMBER}",
    }
    insert_rows(tx, tx.catalog.nav[_LINES], [line])


def _key(tx: Transaction, line: Row) -> dict[str, Any]:
    return {name: line.raw[name] for name in tx.catalog.nav[_LINES].key}


def _place(line: Row) -> tuple[int]:
    return (line.values["Line No."],)


def _day(now: datetime) -> datetime:
    return now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _lock(tx: Transaction, name: str) -> None:
    """Wait until nobody else draws here; SQLite locks the whole database anyway."""
    if tx.connection.dialect.name == "postgresql":
        key = sa.func.hashtextextended(name, 0)
        tx.connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))
