"""Field differences of coupled records: what differs, why, and what the next run would do."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import FieldMapping, TableMapping
from navcrm_recon.frames import SCHEMAS, TEXT, conform, empty
from navcrm_recon.recon.align import Mask, Pairs, Positions, Records, arrow, duplicated, gather
from navcrm_recon.recon.baseline import changed_since
from navcrm_recon.recon.compare import FieldFindings, compare_field, value_text
from navcrm_recon.recon.references import Reference
from navcrm_recon.recon.resolution import Changes, Told, examined, resolve

#: Columns at a time: Arrow lets go of the interpreter, two cores gain 1.3 to 1.7 times.
THREADS = 2


@dataclass(frozen=True)
class _Found:
    """The findings of one field mapping, with positions in the pairs and both values as text."""

    seq: int
    row: FieldMapping
    pair: Positions
    marks: FieldFindings
    nav_value: pd.Series
    crm_value: pd.Series


def diff(
    mapping: TableMapping,
    pairs: Pairs,
    nav: Records,
    crm: Records,
    references: Mapping[tuple[str, str], Reference],
    changes: Changes,
) -> pd.DataFrame:
    """Return one row per coupled pair and field that differs after transfer, or was truncated.

    Parameters
    ----------
    pairs
        The coupled records by position; both sides exist.
    nav, crm
        Records of each side; a mapped column that is not there is not compared.
    references
        Per field pair, for every row that translates through couplings or the option mapping.
    changes
        What is known of each pair's last synchronisation, aligned with ``pairs``.

    Returns
    -------
    DataFrame
        Frame ``diff``, sorted by key, then in the order the fields run (contract 4).
    """
    if mapping.option_attribute is not None or not len(pairs):
        return empty("diff")
    comparable = [
        (seq, row) for seq, row in enumerate(_running(mapping)) if _comparable(row, nav, crm)
    ]
    if not comparable:
        return empty("diff")
    slices = _slices(pairs, len(nav.index))
    with ThreadPoolExecutor(THREADS) as pool:
        jobs = [
            pool.submit(_compare, seq, row, part, nav, crm, references.get(row.pair))
            for seq, row in comparable
            for part in slices
        ]
        found = [job.result() for job in jobs]
    return _frame(mapping, [each for each in found if len(each.pair)], pairs, nav, crm, changes)


def _running(mapping: TableMapping) -> list[FieldMapping]:
    """Return the field mappings that some pass runs, each in the directions the mapping goes."""
    out = []
    for row in mapping.enabled_fields:
        if mapping.direction == "both" or row.direction in ("both", mapping.direction):
            narrowed = row.direction if mapping.direction == "both" else mapping.direction
            out.append(replace(row, direction=narrowed))
    return out


def _comparable(row: FieldMapping, nav: Records, crm: Records) -> bool:
    if row.nav is None or row.crm is None:
        side, column = (nav, row.nav) if row.nav else (crm, row.crm)
        return column is not None and column.name in side
    return row.nav.name in nav and row.crm.name in crm


@dataclass(frozen=True)
class _Slice:
    """Pairs to be compared in one go. ``dense``: row i of NAV with ``crm[i]``, -1 = no pair."""

    pair: Positions
    nav: Positions
    crm: Positions
    dense: bool


def _slices(pairs: Pairs, records: int) -> list[_Slice]:
    """Lay pairs out in NAV's own order, so that only CRM's columns need gathering."""
    doubled = duplicated(pairs.nav)
    single = np.flatnonzero(~doubled)
    if len(single) * 2 < records:
        return [_Slice(np.arange(len(pairs)), pairs.nav, pairs.crm, dense=False)]
    crm = np.full(records, -1, dtype=np.int64)
    pair = np.full(records, -1, dtype=np.int64)
    crm[pairs.nav[single]] = pairs.crm[single]
    pair[pairs.nav[single]] = single
    out = [_Slice(pair, np.arange(records), crm, dense=True)]
    rest = np.flatnonzero(doubled)
    if len(rest):
        out.append(_Slice(rest, pairs.nav[rest], pairs.crm[rest], dense=False))
    return out


def _compare(
    seq: int,
    row: FieldMapping,
    part: _Slice,
    nav: Records,
    crm: Records,
    reference: Reference | None,
) -> _Found:
    nothing = pa.nulls(len(part.pair))
    left = nothing if row.nav is None else _side(nav[row.nav.name], part.nav, part.dense)
    right = nothing if row.crm is None else gather(crm[row.crm.name], part.crm)
    marks = compare_field(row, left, right, reference, part.pair >= 0 if part.dense else None)
    rows = pa.array(marks.rows)
    constant = pd.Series(row.constant or "", index=range(len(rows)), dtype=TEXT)
    return _Found(
        seq,
        row,
        part.pair[marks.rows],
        marks,
        constant if row.nav is None else value_text(row.nav, left.take(rows)),
        constant if row.crm is None else value_text(row.crm, right.take(rows)),
    )


def _side(column: pd.Series, rows: Positions, dense: bool) -> pa.Array:
    return arrow(column) if dense else gather(column, rows)


def _frame(
    mapping: TableMapping,
    found: list[_Found],
    pairs: Pairs,
    nav: Records,
    crm: Records,
    changes: Changes,
) -> pd.DataFrame:
    if not found:
        return empty("diff")
    pair = np.concatenate([each.pair for each in found])
    told = [_told(each, changes) for each in found]
    causes = np.concatenate([_causes(*both, changes) for both in zip(found, told, strict=True)])
    frame = pd.DataFrame(
        {
            "mapping": mapping.name,
            "nav_key": pd.Series(gather(nav.index, pairs.nav[pair]), dtype=TEXT),
            "crm_id": pd.Series(gather(crm.index, pairs.crm[pair]), dtype=TEXT),
            "nav_field": np.repeat([e.row.pair[0] for e in found], [len(e.pair) for e in found]),
            "crm_field": np.repeat([e.row.pair[1] for e in found], [len(e.pair) for e in found]),
            "nav_value": pd.concat([each.nav_value for each in found], ignore_index=True),
            "crm_value": pd.concat([each.crm_value for each in found], ignore_index=True),
            "cause": causes,
            "resolution": _resolutions(mapping, found, told, causes, changes),
            "seq": np.repeat([e.seq for e in found], [len(e.pair) for e in found]),
        }
    )
    frame = frame.sort_values(["nav_key", "crm_id", "seq"], ignore_index=True)
    return conform(frame[list(SCHEMAS["diff"])], "diff")


def _told(each: _Found, changes: Changes) -> Told:
    """Say which side changed each finding's field: the baseline knows, else the stamps."""
    pair = each.pair
    known, nav_changed, crm_changed = changed_since(
        each.row, changes.baseline.iloc[pair], each.nav_value, each.crm_value
    )
    return Told(
        known,
        np.where(known, nav_changed, changes.nav_later[pair]),
        np.where(known, crm_changed, changes.crm_later[pair]),
    )


def _causes(each: _Found, told: Told, changes: Changes) -> np.ndarray:
    """Missing option, uncoupled reference and truncation win; then baseline, then stamps."""
    marks = each.marks
    fresh: Mask = changes.fresh[each.pair] & ~told.known
    return np.select(
        [
            marks.missing_option,
            marks.uncoupled,
            marks.truncated,
            fresh,
            told.nav & told.crm,
            told.nav,
            told.crm,
        ],
        [
            "missing_option",
            "uncoupled_reference",
            "truncated",
            "never_synchronized",
            "changed_in_both",
            "changed_in_nav",
            "changed_in_crm",
        ],
        default="drifted",
    )


def _resolutions(
    mapping: TableMapping,
    found: list[_Found],
    told: list[Told],
    causes: np.ndarray,
    changes: Changes,
) -> np.ndarray:
    pair = np.concatenate([each.pair for each in found])
    every = Told(
        *(np.concatenate([getattr(each, n) for each in told]) for n in ("known", "nav", "crm"))
    )
    marks = pd.DataFrame(
        {
            name: np.concatenate([getattr(each.marks, name) for each in found])
            for name in ("truncated", "to_crm", "to_nav", "fails_to_crm", "fails_to_nav")
        }
    )
    marks["both"] = np.repeat(
        [each.row.direction == "both" for each in found], [len(each.pair) for each in found]
    )
    marks["cause"] = causes
    return resolve(mapping, marks, pair, examined(mapping, changes, pair, every))
