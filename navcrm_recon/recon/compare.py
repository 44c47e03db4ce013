"""Compare one mapped field of coupled records: the change test of engine 3.13 after transfer 4.2.

Raw values are compared first, on whole columns; the rules are applied to the few rows that are
not already equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, Direction, FieldMapping
from navcrm_recon.frames import TEXT, key_text
from navcrm_recon.recon.align import Mask, Positions
from navcrm_recon.recon.passes import Passes, as_mask
from navcrm_recon.recon.references import Reference, Translation
from navcrm_recon.recon.transform import no_dates, sent, transformed
from navcrm_recon.recon.values import as_code, at_least, cut, rounded, units

_NUMBERS = {"decimal", "integer", "option", "boolean", "rowversion"}
_TIMES = {"date", "datetime"}
_WAYS: tuple[Direction, ...] = ("to_crm", "to_nav")


@dataclass(frozen=True)
class FieldFindings:
    """What is to be said about one field: ``rows`` are positions in the compared arrays.

    ``to_crm`` / ``to_nav``: that pass would write the field; ``fails_to_crm`` / ``fails_to_nav``:
    it would fail the record (engine R4.2). All masks are as long as ``rows``.
    """

    rows: Positions
    truncated: Mask
    missing_option: Mask
    uncoupled: Mask
    to_crm: Mask
    to_nav: Mask
    fails_to_crm: Mask
    fails_to_nav: Mask

    def where(self, kept: Mask) -> FieldFindings:
        """Return the findings of some of the rows."""
        return FieldFindings(*(getattr(self, name)[kept] for name in self.__dataclass_fields__))


def compare_field(
    row: FieldMapping,
    nav: pa.Array,
    crm: pa.Array,
    reference: Reference | None = None,
    valid: Mask | None = None,
) -> FieldFindings:
    """Return what differs between two aligned columns of a field mapping.

    Parameters
    ----------
    nav, crm
        Values of the row's fields, one per pair of records; ``crm`` only for a constant to CRM
        (``nav`` is then ignored), and the reverse.
    reference
        Needed for ``coupled_lookup``, ``special_lookup`` and ``option_via_coupling``.
    valid
        False where there is no pair; such rows are never reported.
    """
    differs, judge = _sent(row, reference) if row.transformation else _rules(row, reference)
    candidates = differs(nav, crm)
    if valid is not None:
        candidates &= valid
    rows = np.flatnonzero(candidates).astype(np.int64)
    taken = pa.array(rows)
    nav_few = nav.take(taken) if row.nav else nav
    crm_few = crm.take(taken) if row.crm else crm
    return _findings(row, rows, judge(nav_few, crm_few))


_Differs = Callable[[pa.Array, pa.Array], Mask]
_Judge = Callable[[pa.Array, pa.Array], Passes]


def _rules(row: FieldMapping, reference: Reference | None) -> tuple[_Differs, _Judge]:
    if row.nav is None or row.crm is None or row.transfer == "constant":
        return _constant(row)
    if row.transfer in ("coupled_lookup", "special_lookup", "option_via_coupling"):
        if reference is None:
            raise ValueError(f"{row.pair} needs a reference")
        translation = Translation(row, reference)
        return translation.differs, translation.judge
    nav_kind, crm_kind = row.nav.kind, row.crm.kind
    if nav_kind in _TIMES and crm_kind in _TIMES:
        whole = "second" if nav_kind == crm_kind == "datetime" else "day"
        return _same_after(lambda values: _floor(values, whole))
    if nav_kind in _NUMBERS and crm_kind in _NUMBERS:
        return _same_after(number(row), number(row, bounded=False))
    return _text(row, row.nav, row.crm)


def _sent(row: FieldMapping, reference: Reference | None) -> tuple[_Differs, _Judge]:
    """Judge each pass by what its transformation rules make of its source (R4.11)."""
    ways = [way for way in _WAYS if row.runs(way)]
    tests = {way: _rules(sent(row, way), reference) for way in ways}

    def values(way: Direction, a: pa.Array, b: pa.Array) -> tuple[pa.Array, pa.Array]:
        return (transformed(row, way, a), b) if way == "to_crm" else (a, transformed(row, way, b))

    def differs(a: pa.Array, b: pa.Array) -> Mask:
        found = [tests[way][0](*values(way, a, b)) for way in ways]
        return np.asarray(np.logical_or.reduce(found), dtype=bool)

    def judge(a: pa.Array, b: pa.Array) -> Passes:
        told = {way: tests[way][1](*values(way, a, b)) for way in ways}
        to_crm, to_nav = told.get("to_crm", told[ways[0]]), told.get("to_nav", told[ways[0]])
        lost_to_crm = no_dates(row, "to_crm", values("to_crm", a, b)[0])
        lost_to_nav = no_dates(row, "to_nav", values("to_nav", a, b)[1])
        return Passes(
            to_crm.same_to_crm,
            to_nav.same_to_nav,
            truncated=_either([each.truncated for each in told.values()]),
            fails_to_crm=_either([to_crm.fails_to_crm, lost_to_crm]),
            fails_to_nav=_either([to_nav.fails_to_nav, lost_to_nav]),
            unknown=_either([each.unknown for each in told.values()]),
        )

    return differs, judge


def _either(masks: list[Mask | None]) -> Mask | None:
    """Say where any mask holds; None stands for nowhere."""
    there = [mask for mask in masks if mask is not None]
    return np.logical_or.reduce(there) if there else None


def _findings(row: FieldMapping, rows: Positions, judged: Passes) -> FieldFindings:
    none = np.zeros(len(rows), dtype=bool)
    to_crm, to_nav = row.runs("to_crm"), row.runs("to_nav")
    fails_to_crm = judged.fails_to_crm if judged.fails_to_crm is not None else none
    fails_to_nav = judged.fails_to_nav if judged.fails_to_nav is not None else none
    unknown = judged.unknown if judged.unknown is not None else none
    truncated = judged.truncated if judged.truncated is not None else none
    # One text may be right in one direction only (a Code in lower case): then it is no difference.
    same = (judged.same_to_crm & to_crm) | (judged.same_to_nav & to_nav)
    truncated = truncated & same
    option = row.transfer == "option_via_coupling"
    found = FieldFindings(
        rows=rows,
        truncated=truncated,
        missing_option=unknown & option,
        uncoupled=unknown & (not option),
        to_crm=~judged.same_to_crm & ~fails_to_crm & to_crm & takes_updates(row.crm),
        to_nav=~judged.same_to_nav & ~fails_to_nav & to_nav,
        fails_to_crm=fails_to_crm & to_crm,
        fails_to_nav=fails_to_nav & to_nav,
    )
    return found.where(~same | truncated | unknown)


def takes_updates(column: Column | None) -> bool:
    """Say whether a record that is there takes a value for a column (mappings, read_only_crm)."""
    return column is None or column.access in ("full", "modify")


def _text(row: FieldMapping, nav: Column, crm: Column) -> tuple[_Differs, _Judge]:
    """Texts and codes, and whatever must travel as text; the shorter declared length counts."""
    lengths = [each.length for each in (nav, crm) if each.length is not None]
    shorter = min(lengths) if lengths else None

    def differs(a: pa.Array, b: pa.Array) -> Mask:
        return as_mask(pc.not_equal(as_text(nav, a), as_text(crm, b)), True)

    def judge(a: pa.Array, b: pa.Array) -> Passes:
        a, b = pc.fill_null(as_text(nav, a), ""), pc.fill_null(as_text(crm, b), "")
        prefix = as_mask(pc.equal(cut(a, shorter), cut(b, shorter)), False)
        same_to_nav = prefix
        lost = b
        if nav.kind == "code":
            same_to_nav = as_mask(pc.equal(a, as_code(cut(b, nav.length))), False)
            lost = pc.utf8_trim(b, " ")
        elif "option" in (nav.kind, crm.kind):
            folded = pc.equal(pc.utf8_lower(cut(a, shorter)), pc.utf8_lower(cut(b, shorter)))
            prefix = same_to_nav = as_mask(folded, False)
        truncated = np.zeros(len(a), dtype=bool)
        if shorter is not None:
            longer = pc.or_(pc.greater(units(a), shorter), pc.greater(units(lost), shorter))
            truncated = as_mask(longer, False)
        return Passes(prefix, same_to_nav, truncated)

    return differs, judge


def as_text(column: Column, values: pa.Array) -> pa.Array:
    """Return values as the text they travel as: options by caption, amounts plain."""
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return values.cast(pa.large_string())
    dtype = {"boolean": "boolean", "option": "Int64", "integer": "Int64"}.get(column.kind)
    series = values.to_pandas() if dtype is None else pd.Series(values.to_pandas(), dtype=dtype)
    if pa.types.is_decimal(values.type):
        series = pd.Series(pd.arrays.ArrowExtensionArray(values))
    return pa.array(key_text(series, column.options or None)).cast(pa.large_string())


def _same_after(
    to_crm: Callable[[pa.Array], pa.Array], to_nav: Callable[[pa.Array], pa.Array] | None = None
) -> tuple[_Differs, _Judge]:
    """Values that are equal once both went through the same change."""

    def differs(a: pa.Array, b: pa.Array) -> Mask:
        if a.type != b.type:
            a, b = to_crm(a), to_crm(b)
        both_blank = pc.and_(a.is_null(), b.is_null())
        return as_mask(pc.not_equal(a, b), True) & ~as_mask(both_blank, False)

    def judge(a: pa.Array, b: pa.Array) -> Passes:
        same_to_crm = _equal_or_blank(to_crm(a), to_crm(b))
        back = to_nav or to_crm
        return Passes(same_to_crm, _equal_or_blank(back(a), back(b)))

    return differs, judge


def _equal_or_blank(a: pa.Array, b: pa.Array) -> Mask:
    both_blank = pc.and_(a.is_null(), b.is_null())
    return as_mask(pc.equal(a, b), False) | as_mask(both_blank, False)


def _floor(times: pa.Array, unit: str) -> pa.Array:
    return pc.floor_temporal(times.cast(pa.timestamp("us")), unit=unit)


def number(row: FieldMapping, *, bounded: bool = True) -> Callable[[pa.Array], pa.Array]:
    """Numbers as CRM stores them: its scale, at least the minimum, blank = 0 (connectors C.2)."""
    scale = row.crm.scale if row.crm and row.crm.kind == "decimal" else None
    whole = row.crm is not None and row.crm.kind != "decimal"

    def converted(values: pa.Array) -> pa.Array:
        if not pa.types.is_decimal(values.type):
            values = values.cast(pa.int64()).cast(pa.decimal128(38, 0))
        amounts = pc.fill_null(values.cast(pa.decimal128(38, 20)), 0)
        if not bounded:
            return amounts
        return rounded(at_least(amounts, row.minimum), 0 if whole else scale)

    return converted


def _constant(row: FieldMapping) -> tuple[_Differs, _Judge]:
    """Compare a constant with its destination, an option by its index (engine 3.13, R4.3)."""
    column = row.crm if row.crm and row.runs("to_crm") else row.nav or row.crm
    if column is None:
        raise ValueError("a constant row needs a destination")
    value = constant_value(column, row.constant or "")

    def differs(a: pa.Array, b: pa.Array) -> Mask:
        target = b if column is row.crm else a
        return as_mask(pc.not_equal(target, pa.scalar(value, target.type)), True)

    def judge(a: pa.Array, b: pa.Array) -> Passes:
        same = ~differs(a, b)
        return Passes(same, same)

    return differs, judge


def constant_value(column: Column, text: str) -> object:
    """Return a constant's text as a value of its destination column (engine R4.3).

    Raises
    ------
    ValueError
        The text is no value of such a column.
    """
    if column.kind == "option":
        captions = {caption.strip().casefold(): value for value, caption in column.options.items()}
        known = captions.get(text.strip().casefold())
        return known if known is not None else int(text)
    if column.kind == "boolean":
        return text.strip().casefold() in ("1", "true", "yes")
    if column.kind in ("integer", "decimal"):
        return int(text)
    return text


def value_text(column: Column | None, values: pa.Array) -> pd.Series:
    """Return values as a finding shows them: text, decimals plain, dates ISO, options by number."""
    if column is None:
        return pd.Series("", index=range(len(values)), dtype=TEXT)
    if pa.types.is_string(values.type) or pa.types.is_large_string(values.type):
        return pd.Series(values.to_pandas(), dtype=TEXT).fillna("")
    if pa.types.is_decimal(values.type):
        return key_text(pd.Series(pd.arrays.ArrowExtensionArray(values)))
    if pa.types.is_integer(values.type):
        return key_text(pd.Series(values.to_pandas(integer_object_nulls=True), dtype="Int64"))
    if pa.types.is_boolean(values.type):
        return key_text(pd.Series(values.to_pandas(), dtype="boolean"))
    return key_text(values.to_pandas())
