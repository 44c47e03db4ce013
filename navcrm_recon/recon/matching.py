"""Match-based coupling: which CRM record belongs to an uncoupled NAV record (engine 2.7)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, FieldMapping, TableMapping
from navcrm_recon.frames import TEXT, key_text
from navcrm_recon.recon.align import Mask, Positions, gather, positions

#: What a NAV record can come to, the most telling first.
REASONS = ("matched", "taken", "ambiguous", "no_match", "no_criteria")

# What a record finds at one priority, other than the position of a CRM id.
_NO_MATCH, _AMBIGUOUS, _NO_CRITERIA = -1, -2, -3
_SAME_KIND_ONLY = {"guid", "lookup", "record_id"}
_NUMBERS = {"decimal", "integer", "option", "boolean", "rowversion"}
_TIMES = {"date", "datetime"}


def criteria(mapping: TableMapping) -> tuple[FieldMapping, ...]:
    """Return the field mappings that records are matched by, by priority and in their order.

    Every row with ``match: true`` that has a field on both sides, whether or not it is
    synchronised; no blobs, and ids only with ids (engine 2.7).
    """
    eligible = [row for row in mapping.fields if row.match and _eligible(row)]
    return tuple(sorted(eligible, key=lambda row: row.match_priority))


def _eligible(row: FieldMapping) -> bool:
    if row.nav is None or row.crm is None or row.transfer == "constant":
        return False
    kinds = {row.nav.kind, row.crm.kind}
    if "blob" in kinds:
        return False
    return len(kinds) == 1 or not kinds & _SAME_KIND_ONLY


def match(
    mapping: TableMapping, nav: pd.DataFrame, crm: pd.DataFrame, taken: pd.Index[str]
) -> pd.DataFrame:
    """Find the one CRM record each NAV record agrees with, at the first priority that has one.

    All criteria of a priority must agree; a blank NAV text is no condition. Priorities are
    alternatives of their own (contract 1). A CRM record goes to the first NAV record, in the
    order given, that it is the one match of.

    Parameters
    ----------
    nav
        Uncoupled NAV records in primary key order, with the fields of the criteria.
    crm
        CRM records with the fields of the criteria; coupled ones too, since they count as
        candidates. One record may stand in several rows: an option under its name and its label.
    taken
        CRM ids that are coupled already.

    Returns
    -------
    DataFrame
        Index as ``nav``; ``crm_id`` (str, blank without a match), ``priority`` (Int64, that of the
        match), ``reason`` (str): ``matched``, or why not: ``taken``, ``ambiguous``,
        ``no_match``, ``no_criteria`` (no criterion has a value here).
    """
    rows = criteria(mapping)
    priorities = list(dict.fromkeys(row.match_priority for row in rows)) or [0]
    ids = crm.index.unique()
    at = positions(crm.index, ids)
    found = np.full((len(nav), len(priorities)), _NO_CRITERIA, dtype=np.int64)
    for place, priority in enumerate(priorities):
        group = [row for row in rows if row.match_priority == priority]
        found[:, place] = _candidates(group, nav, crm, at)
    chosen = _in_turn(found, positions(ids, taken) >= 0)
    place = (found == chosen[:, None]).argmax(axis=1)
    used = pd.Series(np.array(priorities)[place], index=nav.index, dtype="Int64")
    return pd.DataFrame(
        {
            "crm_id": pd.Series(gather(ids, chosen), dtype=TEXT).fillna("").array,
            "priority": used.where(chosen >= 0),
            "reason": pd.array(_reasons(found, chosen), dtype=TEXT),
        },
        index=nav.index,
    )


def _reasons(found: Positions, chosen: Positions) -> npt.NDArray[np.str_]:
    """Say what each record came to, by the most telling of what it found."""
    conditions = [
        chosen >= 0,
        (found >= 0).any(axis=1),
        (found == _AMBIGUOUS).any(axis=1),
        (found == _NO_MATCH).any(axis=1),
    ]
    return np.select(conditions, REASONS[:-1], REASONS[-1])


def _in_turn(found: Positions, taken: Mask) -> Positions:
    """Give each record, in their order, the first of its candidates that is still free; else -1.

    Who is first in line for all he asks for is served, until nobody is left: few rounds, since
    records rarely ask for the same.
    """
    taken = taken.copy()
    chosen = np.full(len(found), -1, dtype=np.int64)
    is_open = found >= 0
    if len(taken):
        is_open &= ~taken[np.maximum(found, 0)]
    while is_open.any():
        rows, places = np.nonzero(is_open)
        wanted = found[rows, places]
        first_in_line = np.full(len(taken), len(found), dtype=np.int64)
        np.minimum.at(first_in_line, wanted, rows)
        askers, at = np.unique(rows, return_index=True)
        served = first_in_line[wanted[at]] == askers
        chosen[askers[served]] = wanted[at[served]]
        taken[wanted[at[served]]] = True
        is_open[askers[served]] = False
        is_open &= ~taken[np.maximum(found, 0)]
    return chosen


def _candidates(
    group: Sequence[FieldMapping], nav: pd.DataFrame, crm: pd.DataFrame, at: Positions
) -> Positions:
    """Return the position of the one CRM id each NAV record agrees with, or what it found instead.

    ``at`` is the position of the id of each CRM row.
    """
    out = np.full(len(nav), _NO_CRITERIA, dtype=np.int64)
    there = [row.nav.name in nav and row.crm.name in crm for row in group if row.nav and row.crm]
    if not group or not all(
        there
    ):  # without one of its fields the condition cannot be said to hold
        return out
    sides = [_comparable(row, nav, crm) for row in group]
    nav_texts = pd.DataFrame({place: texts for place, (texts, _, _) in enumerate(sides)})
    crm_texts = pd.DataFrame({place: texts for place, (_, texts, _) in enumerate(sides)})
    given = np.column_stack([each for _, _, each in sides])
    pattern = given @ (1 << np.arange(len(group), dtype=np.int64))
    for number in np.unique(pattern[pattern > 0]):
        members = np.flatnonzero(pattern == number)
        columns = [place for place in range(len(group)) if number >> place & 1]
        offers = (
            crm_texts[columns].assign(at=at).drop_duplicates().groupby(columns, sort=False)["at"]
        )
        counted = offers.agg(["size", "first"]).reset_index()
        asked = nav_texts.loc[members, columns].merge(counted, on=columns, how="left")
        count = asked["size"].fillna(0).to_numpy()
        single = asked["first"].fillna(_NO_MATCH).to_numpy(dtype=np.int64)
        out[members] = np.where(count > 1, _AMBIGUOUS, single)
    return out


def _comparable(
    row: FieldMapping, nav: pd.DataFrame, crm: pd.DataFrame
) -> tuple[pd.Series, pd.Series, Mask]:
    """Return both columns as texts that are equal where the values match, and where NAV has one.

    Texts match in any case unless the row says otherwise, without trailing blanks; a number's
    blank is zero. Only a blank NAV text or code is no condition.
    """
    one, other = row.nav, row.crm
    if one is None or other is None:
        raise ValueError(f"{row.pair} has a field on one side only")
    nav_values, crm_values = nav[one.name], crm[other.name]
    kinds = {one.kind, other.kind}
    always = np.ones(len(nav), dtype=bool)
    if kinds <= _NUMBERS:
        return _number(nav_values), _number(crm_values), always
    if kinds <= _TIMES:
        whole = "s" if kinds == {"datetime"} else "D"
        return _moment(nav_values, whole), _moment(crm_values, whole), always
    as_code = one.kind == "code"
    exact = row.case_sensitive and one.kind in ("text", "code")
    nav_text = _folded(_text(one, nav_values), trim=as_code, exact=exact)
    crm_text = _folded(_text(other, crm_values), trim=as_code, exact=exact)
    if one.kind not in ("text", "code"):
        return nav_text, crm_text, always
    return nav_text, crm_text, nav_text.ne("").to_numpy(dtype=bool)


def _number(values: pd.Series) -> pd.Series:
    if values.dtype == pd.BooleanDtype():
        values = values.astype("Int64")
    text = key_text(values).reset_index(drop=True)
    return text.mask(text.eq(""), "0")


def _moment(values: pd.Series, whole: str) -> pd.Series:
    naive = values.dt.tz_convert(None) if values.dt.tz is not None else values
    text: pd.Series = naive.dt.floor(whole).astype(TEXT).fillna("")
    return text.reset_index(drop=True)


def _text(column: Column, values: pd.Series) -> pd.Series:
    captions = column.options or None
    return key_text(values, captions if values.dtype != TEXT else None)


def _folded(texts: pd.Series, *, trim: bool, exact: bool) -> pd.Series:
    values = pa.array(texts.array).cast(pa.large_string())
    values = pc.utf8_trim(values, " ") if trim else pc.utf8_rtrim(values, " ")
    return pd.Series(values if exact else pc.utf8_lower(values), dtype=TEXT)
