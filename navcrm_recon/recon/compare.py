"""Compare one mapped field of coupled records: the change test of engine 3.13 after transfer 4.2.

Raw values are compared first, on whole columns; the rules are applied to the few rows that are
not already equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, FieldMapping
from navcrm_recon.frames import TEXT, key_text
from navcrm_recon.recon.align import Mask, Positions
from navcrm_recon.recon.values import as_code, at_least, cut, rounded, units

_NUMBERS = {"decimal", "integer", "option", "boolean", "rowversion"}
_TIMES = {"date", "datetime"}


@dataclass(frozen=True)
class Reference:
    """How a NAV code stands for a CRM id (or option value, as text), and the reverse.

    ``nav[i]`` goes with ``crm[i]``. ``lcy_code`` / ``lcy_id`` are the local currency on both
    sides where the reference is a currency (documents 4.7). ``known`` is False when the side
    cannot say (an export without the table): then nothing is compared.
    """

    nav: pa.Array
    crm: pa.Array
    lcy_code: str | None = None
    lcy_id: str | None = None
    known: bool = True


def arrow_text(values: Iterable[str]) -> pa.Array:
    """Return texts as a reference holds them."""
    return pa.array(list(values), type=pa.large_string())


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


@dataclass(frozen=True)
class _Passes:
    """Per row: equal for the To pass / the From pass; the pass would fail; what the source is."""

    same_to_crm: Mask
    same_to_nav: Mask
    truncated: Mask | None = None
    fails_to_crm: Mask | None = None
    fails_to_nav: Mask | None = None
    unknown: Mask | None = None


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
    differs, judge = _rules(row, reference)
    candidates = differs(nav, crm)
    if valid is not None:
        candidates &= valid
    rows = np.flatnonzero(candidates).astype(np.int64)
    taken = pa.array(rows)
    nav_few = nav.take(taken) if row.nav else nav
    crm_few = crm.take(taken) if row.crm else crm
    return _findings(row, rows, judge(nav_few, crm_few))


_Differs = Callable[[pa.Array, pa.Array], Mask]
_Judge = Callable[[pa.Array, pa.Array], _Passes]


def _rules(row: FieldMapping, reference: Reference | None) -> tuple[_Differs, _Judge]:
    if row.nav is None or row.crm is None or row.transfer == "constant":
        return _constant(row)
    if row.transfer in ("coupled_lookup", "special_lookup", "option_via_coupling"):
        if reference is None:
            raise ValueError(f"{row.pair} needs a reference")
        return _reference(row, reference)
    nav_kind, crm_kind = row.nav.kind, row.crm.kind
    if nav_kind in _TIMES and crm_kind in _TIMES:
        whole = "second" if nav_kind == crm_kind == "datetime" else "day"
        return _same_after(lambda values: _floor(values, whole))
    if nav_kind in _NUMBERS and crm_kind in _NUMBERS:
        return _same_after(_number(row), _number(row, bounded=False))
    return _text(row, row.nav, row.crm)


def _mask(array: pa.Array, null: bool) -> Mask:
    return np.asarray(pc.fill_null(array, null).to_numpy(zero_copy_only=False), dtype=bool)


def _findings(row: FieldMapping, rows: Positions, judged: _Passes) -> FieldFindings:
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
        to_crm=~judged.same_to_crm & ~fails_to_crm & to_crm,
        to_nav=~judged.same_to_nav & ~fails_to_nav & to_nav,
        fails_to_crm=fails_to_crm & to_crm,
        fails_to_nav=fails_to_nav & to_nav,
    )
    return found.where(~same | truncated | unknown)


def _text(row: FieldMapping, nav: Column, crm: Column) -> tuple[_Differs, _Judge]:
    """Texts and codes, and whatever must travel as text; the shorter declared length counts."""
    lengths = [each.length for each in (nav, crm) if each.length is not None]
    shorter = min(lengths) if lengths else None

    def differs(a: pa.Array, b: pa.Array) -> Mask:
        return _mask(pc.not_equal(_as_text(nav, a), _as_text(crm, b)), True)

    def judge(a: pa.Array, b: pa.Array) -> _Passes:
        a, b = pc.fill_null(_as_text(nav, a), ""), pc.fill_null(_as_text(crm, b), "")
        prefix = _mask(pc.equal(cut(a, shorter), cut(b, shorter)), False)
        same_to_nav = prefix
        lost = b
        if nav.kind == "code":
            same_to_nav = _mask(pc.equal(a, as_code(cut(b, nav.length))), False)
            lost = pc.utf8_trim(b, " ")
        elif "option" in (nav.kind, crm.kind):
            folded = pc.equal(pc.utf8_lower(cut(a, shorter)), pc.utf8_lower(cut(b, shorter)))
            prefix = same_to_nav = _mask(folded, False)
        truncated = np.zeros(len(a), dtype=bool)
        if shorter is not None:
            longer = pc.or_(pc.greater(units(a), shorter), pc.greater(units(lost), shorter))
            truncated = _mask(longer, False)
        return _Passes(prefix, same_to_nav, truncated)

    return differs, judge


def _as_text(column: Column, values: pa.Array) -> pa.Array:
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
        return _mask(pc.not_equal(a, b), True) & ~_mask(both_blank, False)

    def judge(a: pa.Array, b: pa.Array) -> _Passes:
        same_to_crm = _equal_or_blank(to_crm(a), to_crm(b))
        back = to_nav or to_crm
        return _Passes(same_to_crm, _equal_or_blank(back(a), back(b)))

    return differs, judge


def _equal_or_blank(a: pa.Array, b: pa.Array) -> Mask:
    both_blank = pc.and_(a.is_null(), b.is_null())
    return _mask(pc.equal(a, b), False) | _mask(both_blank, False)


def _floor(times: pa.Array, unit: str) -> pa.Array:
    return pc.floor_temporal(times.cast(pa.timestamp("us")), unit=unit)


def _number(row: FieldMapping, *, bounded: bool = True) -> Callable[[pa.Array], pa.Array]:
    """Numbers as CRM stores them: its scale, at least the minimum, blank = 0 (connectors C.2)."""
    scale = row.crm.scale if row.crm and row.crm.kind == "decimal" else None
    whole = row.crm is not None and row.crm.kind != "decimal"

    def number(values: pa.Array) -> pa.Array:
        if not pa.types.is_decimal(values.type):
            values = values.cast(pa.int64()).cast(pa.decimal128(38, 0))
        amounts = pc.fill_null(values.cast(pa.decimal128(38, 20)), 0)
        if not bounded:
            return amounts
        return rounded(at_least(amounts, row.minimum), 0 if whole else scale)

    return number


def _constant(row: FieldMapping) -> tuple[_Differs, _Judge]:
    """A constant is compared with its destination; an option by its index (engine 3.13, R4.3)."""
    to_crm = row.runs("to_crm")
    column = row.crm if to_crm and row.crm else row.nav or row.crm
    assert column is not None
    value = constant_value(column, row.constant or "")

    def differs(a: pa.Array, b: pa.Array) -> Mask:
        target = b if column is row.crm else a
        return _mask(pc.not_equal(target, pa.scalar(value, target.type)), True)

    def judge(a: pa.Array, b: pa.Array) -> _Passes:
        same = ~differs(a, b)
        return _Passes(same, same)

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


def _reference(row: FieldMapping, reference: Reference) -> tuple[_Differs, _Judge]:
    """A code against the id (or option value) of its coupled partner (engine 4.4, 5.3)."""
    # An unmapped option value is ignored: the destination keeps its value (contract 1).
    missing = "leave_unchanged" if row.transfer == "option_via_coupling" else row.missing
    if row.clear_on_failed_sync:
        missing = "clear_destination"
    local = reference.lcy_id if row.blank == "local_currency" else None

    def expected(codes: pa.Array) -> pa.Array:
        found = reference.crm.take(pc.index_in(codes, value_set=reference.nav))
        found = pc.if_else(pc.equal(codes, ""), pa.scalar(local or "", found.type), found)
        if local and reference.lcy_code:
            found = pc.if_else(pc.equal(codes, reference.lcy_code), pa.scalar(local, found.type), found)
        return found

    def back(ids: pa.Array) -> pa.Array:
        found = reference.nav.take(pc.index_in(ids, value_set=reference.crm))
        blank = pc.equal(ids, "")
        if local:
            blank = pc.or_(blank, pc.equal(ids, local))
        return pc.if_else(blank, pa.scalar("", found.type), found)

    def differs(a: pa.Array, b: pa.Array) -> Mask:
        if not reference.known:
            return np.zeros(len(b), dtype=bool)
        a, b = _id_text(a), _id_text(b)
        apart = ~_mask(pc.equal(expected(a), b), False)
        alike = pc.and_(pc.equal(a, ""), pc.equal(b, ""))
        if row.blank == "local_currency" and reference.lcy_code is None:
            alike = pc.equal(a, "")  # nobody can say which currency a blank code is
        return apart & ~_mask(alike, False)

    def judge(a: pa.Array, b: pa.Array) -> _Passes:
        a, b = _id_text(a), _id_text(b)
        wanted, wanted_back = expected(a), back(b)
        nav_unknown, crm_unknown = _mask(wanted.is_null(), False), _mask(wanted_back.is_null(), False)
        nav_blank, crm_blank = _mask(pc.equal(a, ""), False), _mask(pc.equal(b, ""), False)
        same_to_crm = _mask(pc.equal(pc.fill_null(wanted, ""), b), False) & (
            ~nav_unknown | (missing == "clear_destination")
        )
        same_to_nav = _mask(pc.equal(pc.fill_null(wanted_back, ""), a), False) & (
            ~crm_unknown | (missing == "clear_destination")
        )
        if row.blank == "leave_unchanged" or row.not_null:
            same_to_crm |= nav_blank
            same_to_nav |= crm_blank
        if missing == "leave_unchanged":
            same_to_crm |= nav_unknown
            same_to_nav |= crm_unknown
        # An empty CRM value does not clear a NAV reference that could never get there.
        same_to_nav |= crm_blank & nav_unknown
        unknown = (nav_unknown & row.runs("to_crm")) | (crm_unknown & row.runs("to_nav"))
        fails = missing == "error"
        return _Passes(
            same_to_crm,
            same_to_nav,
            fails_to_crm=(nav_unknown & fails) | (nav_blank & (row.blank == "error")),
            fails_to_nav=crm_unknown & fails,
            unknown=unknown,
        )

    return differs, judge


def _id_text(values: pa.Array) -> pa.Array:
    """Codes and ids as text; an option value 0 is blank (engine 5.1)."""
    if pa.types.is_integer(values.type):
        text = values.cast(pa.large_string())
        return pc.if_else(pc.equal(pc.fill_null(values, 0), 0), pa.scalar("", text.type), text)
    return values.cast(pa.large_string())


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
