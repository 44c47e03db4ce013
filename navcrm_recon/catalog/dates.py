"""How dates and numbers are written: formats, the habits of countries, the ISO form."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from navcrm_recon.errors import shorten

#: Years of two digits: up to this one they are of this century, as in .NET.
_LAST_SHORT_YEAR = 29


@dataclass(frozen=True)
class Culture:
    """How a country writes numbers and days: ``order`` of ``y``, ``m`` and ``d``."""

    decimal: str
    groups: str
    order: str


_BLANKS = " \u00a0\u202f"
#: Cultures by their usual names; ``invariant`` where none is said.
CULTURES: Mapping[str, Culture] = {
    "invariant": Culture(".", ",", "mdy"),
    "en-US": Culture(".", ",", "mdy"),
    "en-GB": Culture(".", ",", "dmy"),
    "da-DK": Culture(",", ".", "dmy"),
    "de-AT": Culture(",", "." + _BLANKS, "dmy"),
    "de-CH": Culture(".", "'\u2019", "dmy"),
    "de-DE": Culture(",", ".", "dmy"),
    "es-ES": Culture(",", ".", "dmy"),
    "fi-FI": Culture(",", _BLANKS, "dmy"),
    "fr-FR": Culture(",", _BLANKS, "dmy"),
    "it-IT": Culture(",", ".", "dmy"),
    "nb-NO": Culture(",", _BLANKS, "dmy"),
    "nl-NL": Culture(",", ".", "dmy"),
    "pl-PL": Culture(",", _BLANKS, "dmy"),
    "sv-SE": Culture(",", _BLANKS, "ymd"),
}
#: Parts of a date format, as .NET names them.
PARTS: Mapping[str, str] = {
    "yyyy": r"(?P<year>\d{4})",
    "yy": r"(?P<year>\d{2})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "dd": r"(?P<day>\d{2})",
    "d": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})",
    "H": r"(?P<hour>\d{1,2})",
    "hh": r"(?P<hour>\d{2})",
    "h": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "m": r"(?P<minute>\d{1,2})",
    "ss": r"(?P<second>\d{2})",
    "s": r"(?P<second>\d{1,2})",
    "tt": r"(?P<half>[AaPp][Mm])",
}


def moment(text: str) -> datetime:
    """Return the time a text in ISO form says, in UTC where it names no zone.

    Raises
    ------
    ValueError, OverflowError
        The text is none.
    """
    said = datetime.fromisoformat(text.strip())
    return said.astimezone(UTC) if said.tzinfo else said.replace(tzinfo=UTC)


def date_reader(settings: Mapping[str, object]) -> Callable[[str], datetime]:
    """Return what reads a text in a ``format`` or as a ``culture`` writes it; ValueError if not."""
    pattern = date_pattern(settings)

    def read(text: str) -> datetime:
        found = pattern.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"'{shorten(text)}' is no date")
        parts = {name: each for name, each in found.groupdict().items() if each is not None}
        half = parts.pop("half", "").lower()
        numbers = {name: int(each) for name, each in parts.items()}
        if len(parts["year"]) == 2:
            numbers["year"] += 2000 if numbers["year"] <= _LAST_SHORT_YEAR else 1900
        if half:
            hour = numbers.get("hour", 12)
            if not 1 <= hour <= 12:
                raise ValueError(f"'{shorten(text)}' has no such hour")
            numbers["hour"] = hour % 12 + (12 if half == "pm" else 0)
        return datetime(**numbers, tzinfo=UTC)

    return read


def date_pattern(settings: Mapping[str, object]) -> re.Pattern[str]:
    """Return what a date looks like in a rule's ``format`` or ``culture``, a named group a part.

    Raises
    ------
    ValueError
        The format is none; the text says why.
    """
    if "format" not in settings:
        return _culture_pattern(CULTURES[str(settings.get("culture", "invariant"))])
    written = str(settings["format"])
    pattern = ""
    for match in re.finditer(r"([A-Za-z])\1*|.", written, re.DOTALL):
        part = match.group()
        if part not in PARTS and part.isalpha():
            raise ValueError(f"'{part}' is no part of a date. Allowed: {', '.join(PARTS)}.")
        pattern += PARTS.get(part, re.escape(part))
    try:
        compiled = re.compile(pattern, re.ASCII)
    except re.error:
        raise ValueError(f"'{shorten(written)}' says a part of the date twice.") from None
    missing = {"year", "month", "day"} - set(compiled.groupindex)
    if missing:
        raise ValueError(f"'{shorten(written)}' does not say the {', '.join(sorted(missing))}.")
    return compiled


def _culture_pattern(culture: Culture) -> re.Pattern[str]:
    parts = {
        "y": r"(?P<year>\d{4}|\d{2})",
        "m": r"(?P<month>\d{1,2})",
        "d": r"(?P<day>\d{1,2})",
    }
    day = "[-./]".join(parts[each] for each in culture.order)
    time = r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}))?"
    return re.compile(rf"{day}(?:\s+{time}(?:\s*{PARTS['tt']})?)?", re.ASCII)
