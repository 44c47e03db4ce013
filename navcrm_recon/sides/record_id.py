"""NAV's binary Record ID: the number of a table and the key of a record (connectors C.2b).

The number is a little-endian int32; each key field follows as a tag and a value; two zero bytes
end it. Only the tags below are known; anything else is an error, never a guess.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence

from navcrm_recon.catalog.model import Column, Table
from navcrm_recon.errors import DataError, nearest, shorten
from navcrm_recon.frames import split_key

_OPTION = b"\x00\x8b"
_INTEGER = b"\x00\x87"
_CODE = b"\x02\x7b\xff"
#: Up to NAV 2009: single-byte text.
_OLD_CODE = b"\x00\x89\xff"
_OLD_ENCODING = "cp1252"
_END = b"\x00\x00"
_KNOWN = "Code, Option and Integer"

Part = str | int


def decodable(table: Table) -> bool:
    """Say whether it is known how a Record ID holds the table's key."""
    return all(table.columns[name].kind in ("code", "option", "integer") for name in table.key)


def decode(value: bytes, tables: Mapping[int, Table]) -> tuple[int, str]:
    """Return the table number and the ``nav_key`` of a Record ID.

    Options are written by their caption where the table is among ``tables``, else by number.

    Raises
    ------
    DataError
        The bytes are not understood, or do not fit the key of their table.

    >>> decode(bytes.fromhex("12000000027BFF310030003000300030000000" "0000"), {})
    (18, '10000')
    """
    try:
        number, parts = _parts(bytes(value))
    except (ValueError, struct.error) as exc:
        cut = isinstance(exc, struct.error)
        raise _undecodable(value, "it is cut short" if cut else str(exc)) from exc
    table = tables.get(number)
    if table is None:
        return number, _key([str(part) for part in parts])
    if len(parts) != len(table.key):
        found = f"it has {len(parts)} key fields, the key of {table.name} has {len(table.key)}"
        raise _undecodable(value, found)
    columns = [table.columns[name] for name in table.key]
    for column, part in zip(columns, parts, strict=True):
        if isinstance(part, int) != (column.kind in ("option", "integer")):
            raise _undecodable(value, f"{column.name} is no {column.kind}")
    return number, _key([_caption(c, p) for c, p in zip(columns, parts, strict=True)])


def decode_all(values: Iterable[bytes | None], tables: Mapping[int, Table]) -> list[str]:
    """Return ``"<table number> <nav_key>"`` for every Record ID, ``''`` for a blank one."""
    seen: dict[bytes, str] = {b"": ""}
    for value in values:
        raw = value or b""
        if raw not in seen:
            number, key = decode(raw, tables)
            seen[raw] = f"{number} {key}"
    return [seen[value or b""] for value in values]


def encode(table: Table, parts: Sequence[Part], *, old: bool = False) -> bytes:
    """Return the Record ID of a record by the parts of its primary key.

    An option is given by its number or caption, an integer by its number. ``old`` gives the form
    of NAV 2009 and before, in which a Code is of single-byte text.

    Raises
    ------
    DataError
        A key field is of a type whose tag is not known, or an option has no such member.
    """
    columns = [table.columns[name] for name in table.key]
    if table.id is None or len(parts) != len(columns):
        raise DataError(
            f"A Record ID of {table.name} needs a table number and {len(columns)} key values, "
            f"found {len(parts)} values."
        )
    fields = b"".join(_field(table, c, p, old) for c, p in zip(columns, parts, strict=True))
    return struct.pack("<i", table.id) + fields + _END


def encode_key(table: Table, nav_key: str) -> bytes:
    """Return the Record ID of a record by its ``nav_key``."""
    return encode(table, split_key(nav_key))


def encodings(table: Table, nav_key: str) -> list[bytes]:
    """Return every form in which a record's Record ID may be there; none for what is no key.

    Databases that come from NAV 2009 or before may still hold the old form.
    """
    found = []
    for old in (False, True):
        try:
            found.append(encode(table, split_key(nav_key), old=old))
        except (DataError, ValueError, struct.error):
            continue
    return found


def _parts(value: bytes) -> tuple[int, list[Part]]:
    (number,) = struct.unpack_from("<i", value)
    parts: list[Part] = []
    at = 4
    while value[at:] != _END:
        if value[at : at + 2] in (_OPTION, _INTEGER):
            (whole,) = struct.unpack_from("<i", value, at + 2)
            parts.append(whole)
            at += 6
        elif value[at : at + 3] == _CODE:
            end = at + 3
            while end < len(value) and value[end : end + 2] != _END:
                end += 2
            parts.append(_text(value, at + 3, end, 2, "utf-16-le"))
            at = end + 2
        elif value[at : at + 3] == _OLD_CODE:
            end = value.index(b"\x00", at + 3)
            parts.append(_text(value, at + 3, end, 1, _OLD_ENCODING))
            at = end + 1
        else:
            tag = value[at : at + 3].hex().upper() or "nothing"
            raise ValueError(f"{tag} at byte {at} stands for no type known here ({_KNOWN})")
    if not parts:
        raise ValueError("it names no key field")
    return number, parts


def _text(value: bytes, start: int, end: int, width: int, encoding: str) -> str:
    if value[end : end + width] != b"\x00" * width:
        raise ValueError(f"the text at byte {start} has no end")
    return value[start:end].decode(encoding)


def _field(table: Table, column: Column, part: Part, old: bool) -> bytes:
    match column.kind:
        case "code" if old:
            return _OLD_CODE + str(part).encode(_OLD_ENCODING) + b"\x00"
        case "code":
            return _CODE + str(part).encode("utf-16-le") + _END
        case "integer":
            return _INTEGER + struct.pack("<i", int(part))
        case "option":
            return _OPTION + struct.pack("<i", option_number(column, part))
        case _:
            raise DataError(
                f"{table.name}: '{column.name}' is of type {column.kind}; how a Record ID holds it "
                f"is not known, only {_KNOWN} are.",
                field=column.name,
            )


def option_number(column: Column, part: Part) -> int:
    """Return the number of an option given by number or caption.

    Raises
    ------
    DataError
        The option has no such member.
    """
    if isinstance(part, int):
        return part
    text = part.strip()
    captions = {caption.strip().casefold(): number for number, caption in column.options.items()}
    if text.casefold() in captions:
        return captions[text.casefold()]
    if text.lstrip("-").isdecimal():
        return int(text)
    raise DataError(
        f"'{shorten(text)}' is no option of '{column.name}'."
        f"{nearest(text, column.options.values())}",
        field=column.name,
        value=part,
    )


def _caption(column: Column, part: Part) -> str:
    if column.kind == "option":
        return column.options.get(int(part), str(part)).strip()
    return str(part)


def escape(part: str) -> str:
    """Return a part of a composite key as ``nav_key`` holds it (contract 2)."""
    return part.replace("\\", "\\\\").replace(",", "\\,")


def _key(parts: Sequence[str]) -> str:
    return ", ".join(escape(part) for part in parts)


def _undecodable(value: bytes, reason: str) -> DataError:
    return DataError(
        f"The Record ID 0x{shorten(bytes(value).hex().upper())} cannot be read: {reason}. "
        "Compare it with the Record IDs of the other rows; a wrong one is repaired in NAV by "
        "generating the integration IDs anew.",
        field="Record ID",
        value=value,
    )
