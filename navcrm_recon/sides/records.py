"""From typed columns to a record frame: keys, conditions, order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon import frames
from navcrm_recon.catalog.model import Column, Condition, Table
from navcrm_recon.errors import ConfigError, DataError, SideError, nearest, shorten
from navcrm_recon.sides.columns import EXACT, TEXT, parse_moment
from navcrm_recon.sides.record_id import option_number

#: The key column of NAV's setup tables, whose one record has a blank key.
SETUP_KEY = ("Primary Key",)
#: VAT for parties and goods without a posting group.
_MAY_BE_BLANK = ("VAT Posting Setup",)
_PANDAS = {
    pa.large_string(): frames.TEXT,
    EXACT: frames.DECIMAL,
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}


def check_columns(table: Table, names: Sequence[str]) -> None:
    """Refuse columns that are not in the catalogue.

    Raises
    ------
    SideError
        A column is not known.
    """
    for name in names:
        if name not in table.columns:
            raise SideError(
                f"{table.name} has no column '{shorten(name)}' in the catalogue."
                f"{nearest(name, table.columns)} Declare it under the mapping's columns.",
                field=name,
            )


def keys(table: Table, columns: Mapping[str, pa.Array]) -> pa.Array:
    """Return ``nav_key`` / ``crm_id`` of each row from its key columns (contract 2)."""
    if table.side == "crm":
        return columns[table.key[0]]
    parts = [
        frames.key_text(_series(columns[name]), table.columns[name].options or None)
        for name in table.key
    ]
    joined = pa.array(frames.join_key(parts))
    if isinstance(joined, pa.ChunkedArray):
        joined = joined.combine_chunks()
    return joined.cast(TEXT)


def frame(table: Table, columns: Mapping[str, pa.Array], names: Sequence[str]) -> pd.DataFrame:
    """Return the record frame of rows that are already in order; ``""`` holds their keys."""
    index = pd.Index(_series(columns[""]), dtype=frames.TEXT, name=frames.INDEX_NAMES[table.side])
    rows = pa.table({name: columns[name] for name in names})
    found: pd.DataFrame = rows.to_pandas(types_mapper=_PANDAS.get)
    return found.set_axis(index, axis=0)


def _series(values: pa.Array) -> pd.Series:
    found: pd.Series = pa.table({"": values}).to_pandas(types_mapper=_PANDAS.get)[""]
    return found


def in_order(columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
    """Return the rows sorted by their key (``""``), by code point on every engine."""
    key = columns[""]
    if len(key) < 2 or pc.all(pc.less_equal(key.slice(0, len(key) - 1), key.slice(1))).as_py():
        return dict(columns)
    order = pc.array_sort_indices(key)
    return {name: values.take(order) for name, values in columns.items()}


def repeated(key: pa.Array) -> pa.Array:
    """Mark the keys that the row before has, too, in sorted keys."""
    if len(key) < 2:
        return pa.array([False] * len(key), pa.bool_())
    same = pc.equal(key.slice(1), key.slice(0, len(key) - 1))
    return pa.concat_arrays([pa.array([False]), same])


def blank_keys(table: Table, key: pa.Array) -> pa.Array:
    """Mark the keys of which every part is blank; in setup tables that is as it should be."""
    if table.key == SETUP_KEY or table.name in _MAY_BE_BLANK:
        return pc.and_(pc.equal(key, ""), False)
    return pc.equal(pc.utf8_trim(key, ", "), "")


def only(columns: Mapping[str, pa.Array], mask: pa.Array) -> dict[str, pa.Array]:
    """Return the rows of a mask."""
    if pc.all(mask, min_count=0).as_py():
        return dict(columns)
    return {name: values.filter(mask) for name, values in columns.items()}


def with_keys(columns: Mapping[str, pa.Array], wanted: Sequence[str] | None) -> dict[str, pa.Array]:
    """Return the rows whose key is wanted; None wants all."""
    if wanted is None:
        return dict(columns)
    return only(columns, pc.is_in(columns[""], pa.array(list(wanted), type=TEXT)))


def meets(
    table: Table, columns: Mapping[str, pa.Array], where: Sequence[Condition]
) -> dict[str, pa.Array]:
    """Return the rows that meet all conditions.

    Texts are compared without trailing blanks, in CRM without regard to case, as the products
    do. A blank value differs from every value given.
    """
    found = dict(columns)
    for condition in where:
        found = only(found, _meets(table, found[condition.field], condition))
    return found


def marked(
    table: Table, columns: Mapping[str, pa.Array], where: Sequence[Condition], count: int
) -> npt.NDArray[np.bool_]:
    """Mark the rows, ``count`` of them, that meet all conditions; compared as ``meets`` does."""
    out = np.ones(count, dtype=bool)
    for condition in where:
        met = _meets(table, columns[condition.field], condition)
        out &= pc.fill_null(met, False).to_numpy(zero_copy_only=False)
    return out


def _meets(table: Table, values: pa.Array, condition: Condition) -> pa.Array:
    column = table.columns[condition.field]
    if values.type == TEXT:
        values = pc.utf8_rtrim(values, " ")
        values = pc.utf8_lower(values) if table.side == "crm" else values
    blank = _is_blank(table, values)
    if condition.op == "not_null":
        return pc.invert(blank)
    given = condition_values(table, column, condition)
    if condition.op in ("ge", "lt"):
        compared = pc.greater_equal if condition.op == "ge" else pc.less
        return pc.fill_null(compared(values, pa.scalar(given[0], type=values.type)), False)
    listed = pa.array([value for value in given if value is not None], type=values.type)
    met = pc.is_in(values, listed)
    if None in given:
        met = pc.or_(met, blank)
    return pc.invert(met) if condition.op == "ne" else met


def _is_blank(table: Table, values: pa.Array) -> pa.Array:
    """Mark the blanks of a column: NAV's numbers and truth values are blank when they are zero."""
    if values.type == TEXT:
        return pc.equal(values, "")
    blank = pc.is_null(values)
    if table.side == "crm" or pa.types.is_timestamp(values.type):
        return blank
    zero = Decimal(0) if pa.types.is_decimal(values.type) else 0
    zero = False if pa.types.is_boolean(values.type) else zero
    return pc.or_(blank, pc.is_in(values, pa.array([zero], type=values.type)))


def condition_values(table: Table, column: Column, condition: Condition) -> list[Any]:
    """Return the values of a condition in the column's type, None for blank.

    Raises
    ------
    ConfigError
        A value does not fit the column.
    """
    value = condition.value
    given = value if isinstance(value, list | tuple | set | frozenset) else [value]
    try:
        return [_condition_value(table, column, each) for each in given]
    except (ValueError, ArithmeticError, DataError, TypeError) as exc:
        raise ConfigError(
            f"The filter on {table.name}, '{column.name}' compares a {column.kind} with "
            f"'{shorten(value)}'. Give values of that type.",
            field=column.name,
        ) from exc


def _condition_value(table: Table, column: Column, value: Any) -> Any:
    if value is None:
        return None
    match column.kind:
        case "option":
            return option_number(column, value if isinstance(value, int) else str(value))
        case "integer" | "rowversion":
            return int(value)
        case "boolean":
            return _truth(value)
        case "decimal":
            return Decimal(str(value))
        case "date" | "datetime":
            return parse_moment(str(value).removesuffix("Z")) if str(value) else None
        case "guid" | "lookup":
            return str(value).lower()
        case _:
            text = str(value).rstrip(" ")
            return text.lower() if table.side == "crm" else text


def _truth(value: Any) -> bool:
    text = str(value).casefold()
    if text not in ("true", "yes", "1", "false", "no", "0"):
        raise ValueError(value)
    return text in ("true", "yes", "1")
