"""Say whether rows are what a scenario expects."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd

from navcrm_recon.errors import ConfigError, nearest, shorten
from navcrm_recon.scenarios.grammar import MATCHERS, known_keys
from navcrm_recon.scenarios.handles import Handles

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Choice:
    """A value that may be named by number or by caption: an option, or the blank number of NAV."""

    number: Any
    caption: str

    def __str__(self) -> str:
        """Show the caption beside the number."""
        return f"{self.number} ({self.caption})" if self.caption else str(self.number)


def unmatched(
    expected: Sequence[Row], rows: Sequence[Row], handles: Handles, key: Sequence[str] = ()
) -> list[Row]:
    """Return the expected entries that find no row.

    An entry that gives the primary key in plain values speaks of that row, as often as it likes;
    any other needs a row of its own.
    """
    keyed = [bool(key) and all(_is_plain(entry.get(name)) for name in key) for entry in expected]
    lost = [
        entry
        for entry, plain in zip(expected, keyed, strict=True)
        if plain and not any(matches(entry, row, handles) for row in rows)
    ]
    free = [entry for entry, plain in zip(expected, keyed, strict=True) if not plain]
    return lost + _without_partner(free, rows, handles)


def _is_plain(value: Any) -> bool:
    return value is not None and not isinstance(value, dict)


def _without_partner(expected: Sequence[Row], rows: Sequence[Row], handles: Handles) -> list[Row]:
    options = [
        [place for place, row in enumerate(rows) if matches(entry, row, handles)]
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

    lost = [each for entry, each in enumerate(expected) if not place(entry, set())]
    for row, entry in partner.items():
        _bind(expected[entry], rows[row], handles)
    return lost


def _bind(entry: Row, row: Row, handles: Handles) -> None:
    """Let the handles of ``{new: acc-9}`` stand for what they were found to be."""
    for name, wanted in entry.items():
        if isinstance(wanted, dict) and "new" in wanted:
            handles.bind(str(wanted["new"]), str(row[name]))


def matches(entry: Row, row: Row, handles: Handles) -> bool:
    """Say whether a row has every value the entry names; other columns do not matter."""
    if not isinstance(entry, Mapping):
        raise ConfigError(f"'{shorten(entry)}' is no table of columns and values.")
    unknown = [name for name in entry if name not in row]
    if unknown:
        hint = nearest(unknown[0], row)
        listed = ", ".join(name for name in row if name)
        raise ConfigError(f"There is no column '{unknown[0]}'.{hint} There are {listed}.")
    return all(value_matches(wanted, row[name], handles) for name, wanted in entry.items())


def value_matches(wanted: Any, found: Any, handles: Handles) -> bool:
    """Compare one value with what is wanted: a plain value or a matcher (contract 6)."""
    if isinstance(wanted, dict):
        return _matcher(wanted, found, handles)
    if is_blank(wanted):
        return is_blank(found)
    if isinstance(found, Choice):
        return _is_choice(wanted, found)
    if is_blank(found):
        return _number(wanted) == 0
    if isinstance(wanted, bool) or isinstance(found, bool):
        return _truth(wanted) == _truth(found)
    if isinstance(found, datetime | date):
        return _time(wanted) == _time(found)
    numbers = _number(wanted), _number(found)
    if not isinstance(found, str) and None not in numbers:
        return numbers[0] == numbers[1]
    text = str(found)
    return str(wanted) == text or handles.id(wanted) == text or _same_number(wanted, numbers)


def _is_choice(wanted: Any, found: Choice) -> bool:
    if str(wanted).strip().casefold() == found.caption.strip().casefold():
        return True
    return _number(wanted) == _number(found.number)


def _same_number(wanted: Any, numbers: tuple[Decimal | None, Decimal | None]) -> bool:
    """Compare a number with a column of texts, such as a difference's value, as a number."""
    return not isinstance(wanted, str) and None not in numbers and numbers[0] == numbers[1]


def _matcher(wanted: Row, found: Any, handles: Handles) -> bool:
    known_keys(wanted, MATCHERS, "a matcher")
    return all(_met(name, argument, found, handles) for name, argument in wanted.items())


def _met(name: str, argument: Any, found: Any, handles: Handles) -> bool:
    text = "" if is_blank(found) else str(found)
    if isinstance(found, Choice):
        text = found.caption
    match name:
        case "contains":
            return str(argument).casefold() in text.casefold()
        case "matches":
            return _pattern(str(argument)).search(text) is not None
        case "blank":
            return is_blank(found) == bool(argument)
        case "between":
            return _between(argument, found)
        case "new":
            return handles.may_be(str(argument), text)
        case _:
            return True  # any


def _pattern(text: str) -> re.Pattern[str]:
    try:
        return re.compile(text)
    except re.error as exc:
        raise ConfigError(f"'{shorten(text)}' is no regular expression: {exc}.") from exc


def _between(bounds: Sequence[Any], found: Any) -> bool:
    if not isinstance(bounds, list) or len(bounds) != 2:
        raise ConfigError(f"between: '{shorten(bounds)}' must be two values, [from, to].")
    if isinstance(found, Choice):
        found = found.number
    if is_blank(found):
        return False
    if isinstance(found, datetime | date):
        times = [_time(bounds[0]), _time(found), _time(bounds[1])]
        return None not in times and times == sorted(times)  # type: ignore[type-var]
    numbers = [_number(bounds[0]), _number(found), _number(bounds[1])]
    if None not in numbers:
        return numbers == sorted(numbers)  # type: ignore[type-var]
    return str(bounds[0]) <= str(found) <= str(bounds[1])


def is_blank(value: Any) -> bool:
    """Say whether a value is blank: nothing, an empty text, no time."""
    if isinstance(value, Choice):
        return not value.caption.strip()
    return value is None or value is pd.NA or value is pd.NaT or value == "" or value != value


def _truth(value: Any) -> bool:
    return str(value).casefold() in ("true", "1", "yes")


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value).strip())
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
