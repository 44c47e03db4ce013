"""What a field's value becomes on the other side (engine 4.2 to 4.4), on Arrow arrays."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Context, Decimal
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.dates import moment
from navcrm_recon.catalog.model import Column, Direction, FieldMapping
from navcrm_recon.recon.align import Mask
from navcrm_recon.recon.compare import as_text, constant_value, number
from navcrm_recon.recon.passes import as_mask
from navcrm_recon.recon.references import Reference, Translation
from navcrm_recon.recon.transform import no_dates, sent, transformed
from navcrm_recon.recon.values import as_code, cut

#: Kind of a column -> the Arrow type its values have in a record frame.
ARROW: dict[str, pa.DataType] = {
    "option": pa.int64(),
    "integer": pa.int64(),
    "rowversion": pa.int64(),
    "boolean": pa.bool_(),
    "decimal": pa.decimal128(38, 20),
    "date": pa.timestamp("us"),
    "datetime": pa.timestamp("us", "UTC"),
}
_TEXT = pa.large_string()
_NUMBERS = {"decimal", "integer", "option", "boolean", "rowversion"}
_TIMES = {"date", "datetime"}
#: Decimals as a record frame holds them.
_EXACT, _SMALLEST = Context(prec=38), Decimal("1e-20")


@dataclass(frozen=True)
class Transferred:
    """A field on its way: one value per record, in the type of the destination's column.

    ``leaves``: the destination keeps its value (an unmapped option, a blank owner, a text that is
    no number); ``fails``: the record fails (a reference that must be coupled, engine R4.2).
    """

    new: pa.Array
    leaves: Mask
    fails: Mask


def destination(row: FieldMapping, direction: Direction) -> Column | None:
    """Return the column a pass of ``direction`` writes by this row, None where it writes none."""
    if not row.runs(direction):
        return None
    return row.crm if direction == "to_crm" else row.nav


def origin(row: FieldMapping, direction: Direction) -> Column | None:
    """Return the column a pass of ``direction`` reads by this row, None for a constant."""
    return row.nav if direction == "to_crm" else row.crm


def transfer(
    row: FieldMapping, direction: Direction, source: pa.Array, reference: Reference | None = None
) -> Transferred:
    """Return what a pass of ``direction`` would write for each value of the source's column.

    Parameters
    ----------
    source
        Values of the source's column, one per record; for a constant only its length counts.
    reference
        Needed for ``coupled_lookup``, ``special_lookup`` and ``option_via_coupling``.
    """
    target, own = destination(row, direction), origin(row, direction)
    if target is None:
        raise ValueError(f"{row.pair} does not run {direction}")
    kind = ARROW.get(target.kind, _TEXT)
    none = np.zeros(len(source), dtype=bool)
    if own is None or row.transfer == "constant":
        constant = pa.scalar(constant_value(target, row.constant or ""), kind)
        return Transferred(pa.array([constant.as_py()] * len(source), kind), none, none)
    source, own = (
        transformed(row, direction, source),
        origin(sent(row, direction), direction) or own,
    )
    if row.transfer in ("coupled_lookup", "special_lookup", "option_via_coupling"):
        if reference is None:
            raise ValueError(f"{row.pair} needs a reference")
        return _translated(Translation(row, reference), direction, source, target)
    if own.kind in _TIMES and target.kind in _TIMES:
        return Transferred(_time(own, target, source), none, none)
    if own.kind in _NUMBERS and target.kind in _NUMBERS:
        return Transferred(_amount(row, direction, source, kind), none, none)
    out = _by_text(own, target, source)
    lost = no_dates(row, direction, source)
    return replace(out, leaves=out.leaves & ~lost, fails=out.fails | lost) if lost.any() else out


def _time(own: Column, target: Column, source: pa.Array) -> pa.Array:
    """Cut times to the second; a day is midnight UTC and loses its closing mark (engine 4.2)."""
    unit = "second" if own.kind == target.kind == "datetime" else "day"
    floored = pc.floor_temporal(source.cast(pa.timestamp("us")), unit=unit)
    return floored.cast(ARROW[target.kind])


def _amount(
    row: FieldMapping, direction: Direction, source: pa.Array, kind: pa.DataType
) -> pa.Array:
    amounts = number(row, bounded=direction == "to_crm")(source)
    if pa.types.is_decimal(kind):
        return amounts.cast(kind)
    whole = pc.round(amounts, round_mode="half_towards_infinity").cast(
        pa.decimal128(38, 0), safe=False
    )
    if pa.types.is_boolean(kind):
        return pc.not_equal(whole.cast(pa.int64()), 0)
    return whole.cast(pa.int64()).cast(kind)


def _translated(
    translation: Translation, direction: Direction, source: pa.Array, target: Column
) -> Transferred:
    """Translate a reference through couplings or the option mapping (engine 4.4, 5.3)."""
    row = translation.row
    texts = as_text_or_blank(source)
    blank = as_mask(pc.equal(texts, ""), False)
    if direction == "to_crm":
        found, missing = translation.expected(texts), translation.missing
    else:
        found, missing = translation.expected_back(texts), translation.missing_back
    unknown = as_mask(found.is_null(), False)
    fails = unknown & (missing == "error")
    leaves = unknown & (missing == "leave_unchanged")
    if not translation.reference.known:
        leaves, fails = np.ones(len(source), dtype=bool), np.zeros(len(source), dtype=bool)
    if row.blank == "leave_unchanged" or row.not_null:
        leaves |= blank
    if direction == "to_crm" and row.blank == "error":
        fails |= blank
    if direction == "to_crm" and row.blank == "local_currency" and not translation.local:
        leaves |= blank  # nobody can say which currency a blank code is
    values = pc.fill_null(found, "")
    if target.kind in ("option", "integer"):
        values = pc.if_else(pc.equal(values, ""), pa.scalar(None, values.type), values)
        values = values.cast(pa.int64())
    return Transferred(values, leaves & ~fails, fails)


def as_text_or_blank(values: pa.Array) -> pa.Array:
    """Return codes, ids and option values as text; nothing and option 0 are blank."""
    if pa.types.is_integer(values.type):
        text = values.cast(_TEXT)
        return pc.if_else(pc.equal(pc.fill_null(values, 0), 0), pa.scalar("", _TEXT), text)
    return pc.fill_null(values.cast(_TEXT), "")


def _by_text(own: Column, target: Column, source: pa.Array) -> Transferred:
    """Convert through text: cut to the destination's length, never an error (engine R4.2)."""
    none = np.zeros(len(source), dtype=bool)
    texts = pc.fill_null(as_text(own, source), "")
    if target.kind == "option":
        return _parsed(texts, target, _captions(target))
    if target.kind in ARROW:
        return _parsed(texts, target, _PARSERS[target.kind])
    if target.kind == "code":
        return Transferred(as_code(cut(texts, target.length)), none, none)
    return Transferred(cut(texts, target.length), none, none)


def _parsed(texts: pa.Array, target: Column, parse: Callable[[str], Any]) -> Transferred:
    """Read values from texts; what cannot be read leaves the destination alone (engine 4.2)."""
    distinct = {each: _or_none(parse, each) for each in texts.unique().to_pylist()}
    found = [distinct[each] for each in texts.to_pylist()]
    unread = np.array(
        [value is None and each != "" for value, each in zip(found, texts.to_pylist(), strict=True)]
    )
    none = np.zeros(len(texts), dtype=bool)
    return Transferred(pa.array(found, ARROW[target.kind]), unread.astype(bool), none)


def _or_none(parse: Callable[[str], Any], text: str) -> Any:
    try:
        return parse(text.strip()) if text.strip() else None
    except (ArithmeticError, ValueError, KeyError):
        return None


def _captions(column: Column) -> Callable[[str], int]:
    """Read an option: its number, else its caption in any case (engine 4.2)."""
    known = {caption.strip().casefold(): value for value, caption in column.options.items()}
    return lambda text: int(text) if text.lstrip("-").isdigit() else known[text.casefold()]


def _truth(text: str) -> bool:
    return {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}[
        text.casefold()
    ]


def _day(text: str) -> object:
    return moment(text).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)


def _integer(text: str) -> int:
    return int(pa.scalar(int(text), pa.int64()).as_py())


def _decimal(text: str) -> Decimal:
    number = Decimal(text).quantize(_SMALLEST, context=_EXACT)
    if number.is_nan():
        raise ValueError(f"'{text}' is no number")
    return number


_PARSERS: dict[str, Callable[[str], Any]] = {
    "integer": _integer,
    "rowversion": _integer,
    "boolean": _truth,
    "decimal": _decimal,
    "date": _day,
    "datetime": moment,
}
