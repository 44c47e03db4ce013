"""Say whether rows are what a scenario expects."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from navcrm_recon.errors import ConfigError, shorten
from navcrm_recon.scenarios.grammar import MATCHERS, known_keys

Row = Mapping[str, Any]
#: Turns a handle such as ``acc-1`` into the GUID it stands for.
Resolve = Callable[[str], str]


def unmatched(expected: Sequence[Row], rows: Sequence[Row], resolve: Resolve) -> list[Row]:
    """Return the expected entries that find no row of their own."""
    options = [
        [place for place, row in enumerate(rows) if matches(entry, row, resolve)]
        for entry in expected
    ]
    partner: dict[int, int] = {}

    def place(entry: int, tried: set[int]) -> bool:
        for row in options[entry]:
            if row not in tried:
                tried.add(row)
                if row not in partner or place(partner[row], tried):
                    partner[row] = entry
                    return True
        return False

    return [each for entry, each in enumerate(expected) if not place(entry, set())]


def matches(entry: Row, row: Row, resolve: Resolve) -> bool:
    """Say whether a row has every value the entry names; other columns do not matter."""
    unknown = [name for name in entry if name not in row]
    if unknown:
        raise ConfigError(f"There is no column {', '.join(unknown)}; there are {', '.join(row)}.")
    return all(value_matches(wanted, row[name], resolve) for name, wanted in entry.items())


def value_matches(wanted: Any, found: Any, resolve: Resolve) -> bool:
    """Compare one value with what is wanted: a plain value or a matcher (contract 6)."""
    if isinstance(wanted, dict):
        return _matcher(wanted, found, resolve)
    if is_blank(wanted):
        return is_blank(found)
    if is_blank(found):
        return _number(wanted) == 0 if isinstance(wanted, int | float) else False
    if isinstance(wanted, bool) or isinstance(found, bool):
        return _truth(wanted) == _truth(found)
    if isinstance(found, datetime | date):
        return _time(wanted) == _time(found)
    numbers = _number(wanted), _number(found)
    if not isinstance(found, str) and None not in numbers:
        return numbers[0] == numbers[1]
    text = str(found)
    return str(wanted) == text or resolve(str(wanted)) == text or _same_number(wanted, numbers)


def _same_number(wanted: Any, numbers: tuple[Decimal | None, Decimal | None]) -> bool:
    """Compare a number with a column of texts, such as a difference's value, as a number."""
    return not isinstance(wanted, str) and None not in numbers and numbers[0] == numbers[1]


def _matcher(wanted: Row, found: Any, resolve: Resolve) -> bool:
    known_keys(wanted, MATCHERS, "a matcher")
    return all(_met(name, argument, found, resolve) for name, argument in wanted.items())


def _met(name: str, argument: Any, found: Any, resolve: Resolve) -> bool:
    text = "" if is_blank(found) else str(found)
    match name:
        case "contains":
            return str(argument).casefold() in text.casefold()
        case "matches":
            return re.search(str(argument), text) is not None
        case "blank":
            return is_blank(found) == bool(argument)
        case "between":
            return _between(argument, found)
        case "new":
            return resolve(str(argument)) == text
        case _:
            return True  # any


def _between(bounds: Sequence[Any], found: Any) -> bool:
    if isinstance(found, datetime | date):
        times = [_time(bounds[0]), _time(found), _time(bounds[1])]
        return None not in times and times == sorted(times)  # type: ignore[type-var]
    numbers = [_number(bounds[0]), _number(found), _number(bounds[1])]
    if None not in numbers:
        return numbers == sorted(numbers)  # type: ignore[type-var]
    return str(bounds[0]) <= str(found) <= str(bounds[1])


def is_blank(value: Any) -> bool:
    """Say whether a value is blank: nothing, an empty text, no time."""
    return value is None or value is pd.NA or value is pd.NaT or value == "" or value != value


def _truth(value: Any) -> bool:
    return str(value).casefold() in ("true", "1", "yes")


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def _time(value: Any) -> datetime | None:
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    if not isinstance(value, datetime):
        return None
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def describe(entry: Row) -> str:
    """Write an entry for a message."""
    return shorten("{" + ", ".join(f"{name}: {value}" for name, value in entry.items()) + "}")
