"""What happens to a value on its way to the other side (engine 4.2), on Arrow arrays."""

from __future__ import annotations

import re
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

_BEYOND_BMP = "[\U00010000-\U0010ffff]"


def cut(text: pa.Array, length: int | None) -> pa.Array:
    """Cut texts to a declared length, silently, as both products do (engine 4.2, R4.1).

    A length counts UTF-16 units as SQL Server's ``nvarchar`` does; half a character is left out.

    >>> cut(pa.array(["Rathaus", "a\U0001f600"]), 2).to_pylist()
    ['Ra', 'a']
    """
    if length is None:
        return text
    out = pc.utf8_slice_codeunits(text, 0, length)
    wide = pc.match_substring_regex(text, _BEYOND_BMP)
    if not pc.any(wide).as_py():
        return out
    cuts = [_cut_wide(each, length) for each in text.filter(wide).to_pylist()]
    return pc.replace_with_mask(out, wide, pa.array(cuts, type=out.type))


def _cut_wide(text: str, length: int) -> str:
    return text.encode("utf-16-le")[: 2 * length].decode("utf-16-le", errors="ignore")


def units(text: pa.Array) -> pa.Array:
    """Return the lengths of texts in UTF-16 units."""
    wide = pc.count_substring_regex(text, _BEYOND_BMP)
    return pc.add(pc.utf8_length(text).cast(pa.int32()), wide.cast(pa.int32()))


def as_code(text: pa.Array) -> pa.Array:
    """Return texts as a NAV Code: upper case, no blanks around (engine 3.13, 4.2).

    >>> as_code(pa.array([" straße 1"])).to_pylist()
    ['STRAßE 1']
    """
    return upper(pc.utf8_trim(text, " "))


def upper(text: pa.Array) -> pa.Array:
    """Return texts in capitals.

    Letters without a capital of their own stay, as in the product: ``ß`` is not ``SS``.
    """
    out = pc.utf8_upper(text)
    sharp = pc.match_substring(text, "ß")
    if not pc.any(sharp).as_py():
        return out
    kept = [
        "ß".join(part.upper() for part in re.split("ß", each))
        for each in text.filter(sharp).to_pylist()
    ]
    return pc.replace_with_mask(out, sharp, pa.array(kept, type=out.type))


def rounded(amounts: pa.Array, scale: int | None) -> pa.Array:
    """Round decimals to a number of places, half away from zero, as CRM does on writing."""
    if scale is None or not pa.types.is_decimal(amounts.type) or scale >= amounts.type.scale:
        return amounts
    places = pc.round(amounts, ndigits=scale, round_mode="half_towards_infinity")
    return places.cast(amounts.type)


def at_least(amounts: pa.Array, minimum: int | None) -> pa.Array:
    """Raise amounts to a lower bound; blanks stay blank (engine 4.7: negative price -> 0)."""
    if minimum is None:
        return amounts
    bound = pa.scalar(
        Decimal(minimum) if pa.types.is_decimal(amounts.type) else minimum, amounts.type
    )
    return pc.if_else(pc.less(amounts, bound), bound, amounts)
