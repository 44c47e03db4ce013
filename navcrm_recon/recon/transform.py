"""Transformation rules: what a pass makes of a source value before all else (engine 4.8)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.dates import CULTURES, date_reader, moment
from navcrm_recon.catalog.model import Column, Direction, FieldMapping, Rule
from navcrm_recon.catalog.transformations import replacement_of
from navcrm_recon.recon.align import Mask
from navcrm_recon.recon.passes import as_mask
from navcrm_recon.recon.values import upper

_TEXT = pa.large_string()
#: A word of a title; an apostrophe does not end it.
_WORD = re.compile(r"[^\W\d_](?:[^\W\d_]|['\u2019])*")

OnText = Callable[[str], str]
OnArray = Callable[[pa.Array], pa.Array]


def transformed(row: FieldMapping, direction: Direction, source: pa.Array) -> pa.Array:
    """Return the source's values as a pass of ``direction`` sees them (R4.11).

    Parameters
    ----------
    source
        Values of the row's source column, one per record.

    Returns
    -------
    The values themselves where the row has no rules for the direction; else texts, those for a
    date, time or number in the form in which such a column reads, as far as they are one.
    """
    rules = row.transformation.get(direction, ())
    if not rules:
        return source
    texts = pc.fill_null(source.cast(_TEXT), "")
    for rule in rules:
        texts = _applied(rule)(texts)
    target = row.crm if direction == "to_crm" else row.nav
    settle = _FORMS.get(target.kind) if target is not None else None
    return texts if settle is None else _by_text(_else_same(settle))(texts)


def sent(row: FieldMapping, direction: Direction) -> FieldMapping:
    """Return the row a pass of ``direction`` compares by: what rules made is a text, uncut."""
    if not row.transformation.get(direction):
        return row
    if direction == "to_crm" and row.nav is not None:
        return replace(row, nav=Column(row.nav.name, "text"))
    return replace(row, crm=Column(row.crm.name, "text")) if row.crm is not None else row


def no_dates(row: FieldMapping, direction: Direction, values: pa.Array) -> Mask:
    """Say which transformed values are no date or time although they must be one (R4.12)."""
    target = row.crm if direction == "to_crm" else row.nav
    if target is None or target.kind not in _DATES or not row.transformation.get(direction):
        return np.zeros(len(values), dtype=bool)
    lost = [each for each in values.unique().to_pylist() if each and not _is_date(each)]
    return as_mask(pc.is_in(values, value_set=pa.array(lost, _TEXT)), False)


def problem(row: FieldMapping, direction: Direction) -> str:
    """Say why such a value fails its record, blank where rules cannot (engine 9.7)."""
    own, target = (row.nav, row.crm) if direction == "to_crm" else (row.crm, row.nav)
    if own is None or target is None or target.kind not in _DATES:
        return ""
    if not row.transformation.get(direction):
        return ""
    return (
        f"{own.name} has an incorrect format: by its transformation rules it is no date for "
        f"{target.name}. Correct the value, or give the field a date_format that fits"
    )


def _applied(rule: Rule) -> OnArray:
    if rule.kind in _KERNELS:
        return _KERNELS[rule.kind]
    if rule.kind == "replace":
        find, new = str(rule.settings["find"]), str(rule.settings.get("with", ""))
        return lambda texts: pc.replace_substring(texts, pattern=find, replacement=new)
    return _by_text(_MAKERS[rule.kind](rule))


def _by_text(function: OnText) -> OnArray:
    """Apply a function to each distinct text, once."""

    def apply(texts: pa.Array) -> pa.Array:
        coded = texts.dictionary_encode()
        made = [function(each) for each in coded.dictionary.to_pylist()]
        return pa.array(made, _TEXT).take(coded.indices)

    return apply


#: Rules that need no settings, on whole arrays.
_KERNELS: Mapping[str, OnArray] = {
    "uppercase": upper,
    "lowercase": pc.utf8_lower,
    "trim": pc.utf8_trim_whitespace,
    "titlecase": _by_text(lambda text: _WORD.sub(lambda match: _title(match.group()), text)),
    "alphanumeric_only": lambda texts: pc.replace_substring_regex(
        texts, pattern=r"[^\p{L}\p{Nd}]", replacement=""
    ),
}


def _title(word: str) -> str:
    """Capitalise a word; one in capitals is an abbreviation and stays."""
    return word if word.isupper() else word[0].upper() + word[1:].lower()


def _substring(rule: Rule) -> OnText:
    have = rule.settings
    start, length = int(str(have.get("start", 1))) - 1, have.get("length")
    after, before = str(have.get("starting_text", "")), str(have.get("ending_text", ""))

    def cut_out(text: str) -> str:
        if after not in text:
            return ""
        rest = text.partition(after)[2] if after else text[start:]
        if before:
            return rest.partition(before)[0] if before in rest else ""
        return rest[: int(str(length))] if length is not None else rest

    return cut_out


def _regex_replace(rule: Rule) -> OnText:
    pattern = re.compile(str(rule.settings["find"]), re.IGNORECASE)
    new = replacement_of(rule)
    return lambda text: pattern.sub(new, text)


def _regex_match(rule: Rule) -> OnText:
    pattern = re.compile(str(rule.settings["find"]), re.IGNORECASE)

    def groups(text: str) -> str:
        found = pattern.search(text)
        return "".join(found.groups("")) if found else ""

    return groups


def _date_format(rule: Rule) -> OnText:
    read, written = date_reader(rule.settings), _FORMS[_GIVES[rule.kind]]
    return _else_same(lambda text: written(read(text).isoformat()))


def _decimal_format(rule: Rule) -> OnText:
    culture = CULTURES[str(rule.settings["culture"])]
    groups, mark = re.escape(culture.groups), re.escape(culture.decimal)
    pattern = re.compile(rf"([+-]?\d+(?:[{groups}]\d{{3}})*|[+-]?\d*)(?:{mark}(\d+))?", re.ASCII)

    def read(text: str) -> str:
        found = pattern.fullmatch(text.strip())
        if found is None or not re.search(r"\d", text):
            return text
        whole = re.sub(f"[{groups}]", "", found[1])
        return _plain(f"{whole or 0}.{found[2] or 0}")

    return _else_same(read)


_MAKERS: Mapping[str, Callable[[Rule], OnText]] = {
    "substring": _substring,
    "regex_replace": _regex_replace,
    "regex_match": _regex_match,
    "date_format": _date_format,
    "datetime_format": _date_format,
    "decimal_format": _decimal_format,
}


def _else_same(function: OnText) -> OnText:
    """Leave a text as it is that cannot be read."""

    def read(text: str) -> str:
        try:
            return function(text)
        except (ValueError, OverflowError, InvalidOperation):
            return text

    return read


def _is_date(text: str) -> bool:
    try:
        moment(text)
    except (ValueError, OverflowError):
        return False
    return True


def _plain(text: str) -> str:
    number = format(Decimal(text.strip()), "f")
    return number.rstrip("0").rstrip(".") if "." in number else number


#: Kind of a column -> the form its values have as texts.
_FORMS: Mapping[str, OnText] = {
    "date": lambda text: moment(text).date().isoformat(),
    "datetime": lambda text: moment(text).replace(microsecond=0, tzinfo=None).isoformat() + "Z",
    "decimal": _plain,
}
_DATES = ("date", "datetime")
_GIVES = {"date_format": "date", "datetime_format": "datetime"}
