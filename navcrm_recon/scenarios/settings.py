"""Put changes of mapping settings on top of earlier ones, as ``set_mapping`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return both, the newer value where both have one; field rows are merged by their pair.

    >>> merged({"CUSTOMER": {"enabled": True}}, {"CUSTOMER": {"direction": "to_nav"}})
    {'CUSTOMER': {'enabled': True, 'direction': 'to_nav'}}
    """
    out = dict(old)
    for name, value in new.items():
        before = out.get(name)
        if isinstance(before, dict) and isinstance(value, dict):
            out[name] = merged(before, value)
        elif name == "fields" and isinstance(before, list) and isinstance(value, list):
            out[name] = _fields(before, value)
        else:
            out[name] = value
    return out


def _fields(old: Sequence[Any], new: Sequence[Any]) -> list[Any]:
    rows: dict[Any, Any] = {}
    for place, row in enumerate([*old, *new]):
        known = isinstance(row, dict)
        pair = (str(row.get("nav")), str(row.get("crm"))) if known else place
        rows[pair] = {**rows.get(pair, {}), **row} if known else row
    return list(rows.values())
