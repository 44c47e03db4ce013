"""Other values for a field: what a planted discrepancy puts in place of the right one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import FieldMapping, SideName, TableMapping
from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company
from navcrm_recon.sandbox.mirror import local_currency_id
from navcrm_recon.sandbox.resources import words

_FILLER = "Zusatz-Genossenschaft-zur-Förderung-des-Rades-" * 8
_OTHER_CONSTANTS: dict[str, object] = {"boolean": False, "option": 2, "text": "team"}


@dataclass(frozen=True)
class Spot:
    """Some records of one side and the field to be changed there.

    ``uncoupled`` gives, per mapping, the keys of this side that are not coupled; ``coupled``
    the pairs that nothing happens to.
    """

    company: Company
    mapping: TableMapping
    row: FieldMapping
    side: SideName
    now: pd.Series
    coupled: dict[str, pd.DataFrame]
    uncoupled: dict[str, pd.Index[str]]

    @property
    def length(self) -> int:
        """The shorter of the declared lengths of the two fields."""
        lengths = [c.length for c in (self.row.nav, self.row.crm) if c is not None and c.length]
        return min(lengths, default=250)

    @property
    def step(self) -> int:
        """A number that differs between the sides, so that two edits never meet."""
        return 1 if self.side == "nav" else 2


def variant(kind: str, spot: Spot) -> pd.Series:
    """Return new values of a kind (``other``, ``long``, ``blank``, ...) for the spot's records."""
    values = _KINDS[kind](spot)
    return pd.Series(np.asarray(values, dtype=object), index=spot.now.index, dtype=spot.now.dtype)


def cut_for_nav(long: pd.Series, spot: Spot) -> pd.Series:
    """Return what NAV keeps of long CRM texts."""
    return long.str.slice(0, spot.length)


def _other(spot: Spot) -> Any:
    row = spot.row
    if row.transfer == "constant" and row.crm is not None:
        return [_OTHER_CONSTANTS[row.crm.kind]] * len(spot.now)
    if row.transfer == "coupled_lookup":
        known = spot.coupled[row.via or ""]
        return _next(spot, known["nav_key" if spot.side == "nav" else "crm_id"])
    if row.transfer == "option_via_coupling":
        return _next(spot, _fine_options(spot))
    kind = str(spot.now.dtype)
    if "decimal" in kind:
        return _more(spot)
    if "datetime" in kind:
        return spot.now + pd.Timedelta(days=3 * spot.step)
    return _reworded(spot)


def _next(spot: Spot, allowed: pd.Series) -> pd.Series:
    """Return the value that comes some places after the present one in a list."""
    values = pd.Index(allowed).unique()
    place = values.get_indexer(pd.Index(spot.now))
    return pd.Series(values.take((place + spot.step) % len(values)))


def _fine_options(spot: Spot) -> pd.Series:
    rows = words("options")
    rows = rows[(rows["mapping"] == spot.row.via) & (rows["record"] == "yes")]
    rows = rows[(rows["label"] != "") & (rows["used"] == "yes")]
    return rows["code"] if spot.side == "nav" else rows["value"].astype("Int64")


def _more(spot: Spot) -> list[Decimal]:
    """Return larger amounts, above zero, by a different sum on each side."""
    extra = [Decimal(row % 7 * 125 + 1000 * spot.step) / 100 for row in range(len(spot.now))]
    return [max(now, Decimal(0)) + more for now, more in zip(spot.now, extra, strict=True)]


def _reworded(spot: Spot) -> pd.Series:
    """Return texts that differ at their beginning, within both lengths."""
    name = spot.row.nav.name if spot.row.nav else ""
    now = spot.now.reset_index(drop=True)
    mark = {1: "neu", 2: "new"}[spot.step]
    if name.endswith(("Phone No.", "Fax No.", "Pager")):
        return pd.Series([f"+353 1 555 {spot.step}{row % 1000:03}" for row in range(len(now))])
    if name in ("E-Mail", "Home Page"):
        return (mark + "." + now).str.slice(0, spot.length)
    if name in ("Post Code", "Vendor No.", "Vendor Item No.", "Code", "Symbol"):
        return (f"{spot.step}X" + now).str.slice(0, spot.length).str.upper()
    return (mark.capitalize() + " " + now).str.slice(0, spot.length).str.strip()


def _long(spot: Spot) -> pd.Series:
    """Return texts that go on where the shorter field ends, with no blank at the cut."""
    text = spot.now.str.slice(0, max(spot.length - 12, 1)) + _FILLER
    text = text.str.slice(0, spot.length + 14)
    code = spot.row.nav is not None and spot.row.nav.kind == "code"
    return text.str.upper() if code else text


def _blank(spot: Spot) -> list[Any]:
    return ["" if spot.now.dtype == TEXT else pd.NA] * len(spot.now)


def _spread(spot: Spot, values: Any) -> pd.Series:
    listed = pd.Index(values)
    return pd.Series(listed.take(np.arange(len(spot.now)) % len(listed)))


def _gray(spot: Spot) -> pd.Series:
    rows = words("options")
    gray = rows[(rows["mapping"] == spot.row.via) & (rows["value"] == "") & (rows["used"] == "yes")]
    return _spread(spot, gray["code"])


def _unmapped(spot: Spot) -> pd.Series:
    rows = words("options")
    rows = rows[(rows["mapping"] == spot.row.via) & (rows["code"] == "") & (rows["used"] == "yes")]
    return _spread(spot, rows["value"].astype("Int64"))


def _uncoupled(spot: Spot) -> pd.Series:
    return _spread(spot, spot.uncoupled[spot.row.via or ""])


_KINDS: dict[str, Callable[[Spot], Any]] = {
    "other": _other,
    "long": _long,
    "blank": _blank,
    "gray": _gray,
    "unmapped": _unmapped,
    "uncoupled": _uncoupled,
    "lower": lambda spot: spot.now.str.lower(),
    "noon": lambda spot: spot.now + pd.Timedelta(hours=12),
    "local": lambda spot: [local_currency_id(spot.company)] * len(spot.now),
}
