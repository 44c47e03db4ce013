"""From what a source holds to a column of the catalogue's type, as Arrow arrays.

One way for every source: values of a database driver, texts of a CSV file, columns of a Parquet
file. What cannot be understood becomes blank and is marked, so that the side can say where.
"""

from __future__ import annotations

import datetime as dt
import re
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, Kind, Table
from navcrm_recon.errors import DataError
from navcrm_recon.sides.record_id import decode

TEXT = pa.large_string()
EXACT = pa.decimal128(38, 20)
DAY = pa.timestamp("us")
UTC = pa.timestamp("us", "UTC")

#: Catalogue kind -> Arrow type, standing behind ``frames.DTYPES``.
ARROW: dict[Kind, pa.DataType] = {
    "text": TEXT,
    "code": TEXT,
    "guid": TEXT,
    "lookup": TEXT,
    "blob": TEXT,
    "record_id": TEXT,
    "option": pa.int64(),
    "integer": pa.int64(),
    "rowversion": pa.int64(),
    "boolean": pa.bool_(),
    "decimal": EXACT,
    "date": DAY,
    "datetime": UTC,
}

_GUID = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"
_ZERO_GUID = "00000000-0000-0000-0000-000000000000"
_NAV_BLANK_DAY = dt.datetime(1753, 1, 1)
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_STEP = Decimal(1).scaleb(-20)
_EXACT_CONTEXT = Context(prec=38, rounding=ROUND_HALF_UP)
_US_MOMENTS = ("%m/%d/%Y %I:%M:%S %p", "%m/%d/%Y %I:%M %p", "%m/%d/%Y %H:%M:%S", "%m/%d/%Y")
#: NAV puts this before the deflated text of a compressed BLOB.
_DEFLATED = b"\x02\x45\x7d\x5b"

Parser = Callable[[pa.Array, Column, Mapping[int, Table]], pa.Array]


def typed(
    values: pa.Array | pa.ChunkedArray, column: Column, *, nav: bool, tables: Mapping[int, Table]
) -> tuple[pa.Array, pa.Array | None]:
    """Return the values in the column's type, and a mask of those that were not understood.

    Blank texts are ``''``, other blanks null; but NAV has no NULL, so that a blank number, option
    or truth value of NAV is 0 or false (connectors C.2). What is not understood is blank, or null
    where a number was due. The mask is None when everything was understood.
    """
    raw = _plain(values)
    if column.kind not in ("text", "code", "blob") and pa.types.is_large_string(raw.type):
        raw = _without_blanks(raw)
    out = _PARSERS[column.kind](raw, column, tables)
    bad = None
    if out.null_count > raw.null_count:
        bad = pc.and_(pc.is_valid(raw), pc.is_null(out))
    return _blanked(out, column, bad, nav=nav), bad


def from_python(values: Sequence[Any]) -> pa.Array:
    """Return values of a database driver as an Arrow array; mixed types become texts."""
    first = next((value for value in values if value is not None), None)
    hint: pa.DataType | None = None
    if isinstance(first, str):
        hint = TEXT
    elif isinstance(first, Decimal):
        hint = EXACT
    elif isinstance(first, dt.datetime) and first.tzinfo is not None:
        hint = UTC
    elif isinstance(first, float | uuid.UUID):
        return _texts(values)
    try:
        found = pa.array(values, type=hint)
    except (pa.ArrowInvalid, pa.ArrowTypeError, OverflowError):
        return _texts(values)
    return _texts(values) if pa.types.is_floating(found.type) else found


def _texts(values: Sequence[Any]) -> pa.Array:
    return pa.array([None if value is None else _as_text(value) for value in values], type=TEXT)


def _as_text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _plain(values: pa.Array | pa.ChunkedArray) -> pa.Array:
    """Return one array without dictionary or extension type; texts are large strings."""
    raw = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if isinstance(raw, pa.ChunkedArray):
        raw = raw.chunk(0) if raw.num_chunks else pa.array([], raw.type)
    if pa.types.is_dictionary(raw.type):
        raw = raw.dictionary_decode()
    if isinstance(raw.type, pa.BaseExtensionType):
        raw = raw.storage
    if pa.types.is_null(raw.type) or pa.types.is_string(raw.type):
        raw = raw.cast(TEXT)
    return raw


def _without_blanks(raw: pa.Array) -> pa.Array:
    trimmed = pc.utf8_trim_whitespace(raw)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, TEXT), trimmed)


def _blanked(out: pa.Array, column: Column, bad: pa.Array | None, *, nav: bool) -> pa.Array:
    kind = column.kind
    if ARROW[kind] == TEXT:
        return pc.fill_null(out, "") if out.null_count else out
    if not nav:
        return out
    if kind in ("date", "datetime"):
        zone = dt.UTC if kind == "datetime" else None
        blank = pa.scalar(_NAV_BLANK_DAY.replace(tzinfo=zone), out.type)
        return pc.if_else(pc.equal(out, blank), pa.scalar(None, out.type), out)
    if out.null_count:
        filled = pc.fill_null(out, pa.scalar(nav_blank(column), out.type))
        return filled if bad is None else pc.if_else(bad, pa.scalar(None, out.type), filled)
    return out


def nav_blank(column: Column) -> object:
    """Return what a blank number, truth value or option of NAV is: 0, or the blank member."""
    blank = (value for value, caption in column.options.items() if not caption.strip())
    zeros = {"boolean": False, "decimal": Decimal(0), "option": next(blank, 0)}
    return zeros.get(column.kind, 0)


def _each(raw: pa.Array, parse: Callable[[Any], Any], kind: Kind) -> pa.Array:
    """Parse each distinct value once; one that cannot be parsed gives null."""

    def attempt(value: Any) -> Any:
        try:
            return None if value is None else parse(value)
        except (ValueError, KeyError, InvalidOperation, OverflowError, zlib.error, DataError):
            return None

    coded = raw.dictionary_encode()
    parsed = pa.array([attempt(value) for value in coded.dictionary.to_pylist()], ARROW[kind])
    return parsed.take(coded.indices)


def _cast_or_each(raw: pa.Array, parse: Callable[[Any], Any], kind: Kind) -> pa.Array:
    """Cast in one go where every value allows it, else parse each distinct value."""
    try:
        return raw.cast(ARROW[kind])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return _each(raw, parse, kind)


def _nothing(raw: pa.Array, kind: Kind) -> pa.Array:
    return pa.nulls(len(raw), ARROW[kind])


def _text(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    if pa.types.is_large_string(raw.type):
        return raw
    if _is_binary(raw.type):
        return _each(raw, _blob_text, column.kind)
    if pa.types.is_integer(raw.type):
        return raw.cast(TEXT)
    return _nothing(raw, column.kind)


def _blob_text(value: bytes) -> str:
    if value.startswith(_DEFLATED):
        value = zlib.decompress(value[len(_DEFLATED) :], -zlib.MAX_WBITS)
    return value.decode("utf-8")


def _guid(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    if pa.types.is_fixed_size_binary(raw.type) and raw.type.byte_width == 16:
        return _each(raw, lambda value: str(uuid.UUID(bytes=value)), column.kind)
    if not pa.types.is_large_string(raw.type):
        return _nothing(raw, column.kind)
    lower = pc.ascii_lower(pc.utf8_trim(raw, "{}"))
    known = pc.match_substring_regex(lower, _GUID)
    out = pc.if_else(known, lower, pa.scalar(None, TEXT))
    return pc.if_else(pc.equal(out, _ZERO_GUID), pa.scalar("", TEXT), out)


def _whole(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    if pa.types.is_boolean(raw.type) or pa.types.is_temporal(raw.type):
        return _nothing(raw, column.kind)
    return _cast_or_each(raw, _whole_number, column.kind)


def _whole_number(value: Any) -> int:
    number = Decimal(str(value))
    if number != number.to_integral_value():
        raise ValueError(value)
    return int(number)


def _option(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    if not pa.types.is_large_string(raw.type):
        return _whole(raw, column, tables)
    captions = {caption.strip().casefold(): value for value, caption in column.options.items()}

    def member(text: str) -> int:
        found = captions.get(text.casefold())
        return _whole_number(text) if found is None else found

    return _each(raw, member, column.kind)


def _truth(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    if pa.types.is_boolean(raw.type):
        return raw
    return _each(raw, lambda value: _TRUTH[str(value).casefold()], column.kind)


def _exact(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    if pa.types.is_boolean(raw.type) or pa.types.is_temporal(raw.type):
        return _nothing(raw, column.kind)
    if pa.types.is_floating(raw.type):
        raw = raw.cast(TEXT)
    return _cast_or_each(raw, exact_decimal, column.kind)


def exact_decimal(value: Any) -> Decimal:
    """Return a number at NAV's scale, rounded half up where it has more than 20 decimals.

    >>> exact_decimal("1449.666666666666666666666667")
    Decimal('1449.66666666666666666667')
    """
    number = Decimal(str(value))
    if not number.is_finite():
        raise ValueError(value)
    return number.quantize(_STEP, context=_EXACT_CONTEXT)


def _day(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    moments = _moments(raw, column.kind)
    days = pc.floor_temporal(moments, unit="day")
    if pc.all(pc.equal(days, moments), min_count=0).as_py():
        return moments
    # A closing date is the last second of its day (connectors C.2).
    closing = pc.equal(
        pc.subtract(moments, days), pa.scalar(dt.timedelta(seconds=86399), pa.duration("us"))
    )
    return pc.if_else(closing, moments, days)


def _moment(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    return _moments(raw, "date").cast(UTC)


def _moments(raw: pa.Array, kind: Kind) -> pa.Array:
    """Return naive moments in UTC."""
    if pa.types.is_timestamp(raw.type) or pa.types.is_date(raw.type):
        zoned = pa.types.is_timestamp(raw.type) and raw.type.tz is not None
        return raw.cast(pa.timestamp("us", "UTC" if zoned else None), safe=False).cast(DAY)
    if not pa.types.is_large_string(raw.type):
        return _nothing(raw, "date")
    return _cast_or_each(pc.replace_substring_regex(raw, "Z$", ""), parse_moment, "date")


def parse_moment(text: str) -> dt.datetime:
    """Read a date or time: ISO, as CRM exports it to American users, or a closing date ``C...``.

    >>> parse_moment("3/25/2019 1:41:37 PM")
    datetime.datetime(2019, 3, 25, 13, 41, 37)
    """
    if re.fullmatch(r"C\d{4}-\d\d-\d\d", text):
        return dt.datetime.fromisoformat(text[1:]) + dt.timedelta(seconds=86399)
    if "/" not in text:
        moment = dt.datetime.fromisoformat(text)
        return moment.astimezone(dt.UTC).replace(tzinfo=None) if moment.tzinfo else moment
    for form in _US_MOMENTS:
        try:
            return dt.datetime.strptime(text, form)
        except ValueError:
            continue
    raise ValueError(text)


def _record(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    def record(value: bytes | str) -> str:
        if isinstance(value, str):
            if not value.startswith("0x"):
                int(value.partition(" ")[0])
                return value
            value = bytes.fromhex(value[2:])
        if not value:
            return ""
        number, key = decode(value, tables)
        return f"{number} {key}"

    known = _is_binary(raw.type) or pa.types.is_large_string(raw.type)
    return _each(raw, record, column.kind) if known else _nothing(raw, column.kind)


def _row_version(raw: pa.Array, column: Column, tables: Mapping[int, Table]) -> pa.Array:
    if _is_binary(raw.type):
        return _each(raw, lambda value: int.from_bytes(value, "big"), column.kind)
    if pa.types.is_large_string(raw.type):
        return _each(raw, lambda value: int(value, 0), column.kind)
    return _whole(raw, column, tables)


def _is_binary(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
    )  # fmt: skip


_PARSERS: dict[Kind, Parser] = {
    "text": _text,
    "code": _text,
    "blob": _text,
    "guid": _guid,
    "lookup": _guid,
    "option": _option,
    "integer": _whole,
    "rowversion": _row_version,
    "boolean": _truth,
    "decimal": _exact,
    "date": _day,
    "datetime": _moment,
    "record_id": _record,
}
