"""NAV's date formulas, such as ``1M``, ``CM+10D`` or ``D15``: a day counted from another."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pandas as pd

from navcrm_recon.errors import DataError

#: How a database holds the units: the same in every language.
_STORED = str.maketrans(
    {"\x01": "C", "\x02": "D", "\x03": "WD", "\x04": "W", "\x05": "M", "\x06": "Q", "\x07": "Y"}
)
_TERM = re.compile(r"([+-]?)(?:(\d+)(D|W|M|Q|Y)|C(D|W|M|Q|Y)|D(\d+))")


def applied(formula: str, day: date) -> date:
    """Return the day a formula gives, counted from a day; a blank formula gives the day itself.

    Raises
    ------
    DataError
        The formula is not understood.

    >>> applied("CM+10D", date(2018, 1, 20))
    datetime.date(2018, 2, 10)
    """
    text = formula.translate(_STORED).upper().replace(" ", "")
    place = 0
    while place < len(text):
        term = _TERM.match(text, place)
        if term is None:
            raise DataError(
                f"'{text}' is no date formula, such as 14D, 1M or CM+10D. Correct it in NAV.",
                value=text,
            )
        day = _moved(day, term)
        place = term.end()
    return day


def _moved(day: date, term: re.Match[str]) -> date:
    sign, number, unit, current, monthday = term.groups()
    back = sign == "-"
    if number:
        return _away(day, int(number) * (-1 if back else 1), unit)
    if current:
        return _bound(day, current, back)
    return _on_day(day, int(monthday), back)


def _away(day: date, number: int, unit: str) -> date:
    """Return the day so many units away; the end of a short month stands for its missing days."""
    if unit in ("D", "W"):
        return day + timedelta(days=number * (7 if unit == "W" else 1))
    return _by_months(day, number * {"M": 1, "Q": 3, "Y": 12}[unit])


def _by_months(day: date, number: int) -> date:
    return (pd.Timestamp(day) + pd.DateOffset(months=number)).date()


def _bound(day: date, unit: str, first: bool) -> date:
    """Return the last day of the current week, month, quarter or year, or the first one."""
    if unit == "D":
        return day
    if unit == "W":
        monday = day - timedelta(days=day.weekday())
        return monday if first else monday + timedelta(days=6)
    months = {"M": 1, "Q": 3, "Y": 12}[unit]
    start = _by_months(day.replace(day=1), -((day.month - 1) % months))
    return start if first else _by_months(start, months) - timedelta(days=1)


def _on_day(day: date, wanted: int, back: bool) -> date:
    """Return the next, or the last, such day of a month."""
    found = _in_month(day, wanted)
    if back:
        return found if found < day else _in_month(_by_months(day, -1), wanted)
    return found if found > day else _in_month(_by_months(day, 1), wanted)


def _in_month(day: date, wanted: int) -> date:
    last = pd.Timestamp(day).days_in_month
    return day.replace(day=min(wanted, last))
