"""What one pass would do to every mapped field of aligned records, and to each record in sum."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, Direction, FieldMapping, TableMapping
from navcrm_recon.recon.align import Mask, Positions, Records, gather
from navcrm_recon.recon.baseline import changed_since
from navcrm_recon.recon.compare import compare_field, value_text
from navcrm_recon.recon.passes import as_mask
from navcrm_recon.recon.references import Reference, Translation
from navcrm_recon.recon.transfer import ARROW, as_text_or_blank, destination, origin, transfer
from navcrm_recon.recon.transform import problem


@dataclass(frozen=True)
class FieldWrite:
    """What a pass does with one column of the destination, one value per record.

    ``old``/``new`` in the destination's type; ``writes``: the field is written; ``fails``: it
    fails the record; ``both``: the row is bidirectional; ``opposite``: the other pass has a value
    to bring; ``ours``/``theirs``: the baseline says source/destination changed the field.
    ``problem``: why it fails, one text for all records or one for each.
    """

    row: FieldMapping | None
    column: Column
    source: pa.Array
    old: pa.Array
    new: pa.Array
    writes: Mask
    fails: Mask
    opposite: Mask
    ours: Mask
    theirs: Mask
    both: bool
    problem: str | pa.Array = ""

    @property
    def differs(self) -> Mask:
        """Where the two sides differ for some pass."""
        return self.writes | self.opposite


def field_writes(
    mapping: TableMapping,
    direction: Direction,
    pairs: tuple[Records, Records],
    references: Mapping[tuple[str, str], Reference],
    baselines: pd.Series,
) -> list[FieldWrite]:
    """Return what a pass would change in records that are there on both sides.

    Parameters
    ----------
    pairs
        NAV and CRM records, row i of one beside row i of the other.
    baselines
        Baseline of each pair (``recon.baseline``), None where there is none.
    """
    nav, crm = pairs
    out = []
    for row in mapping.enabled_fields:
        if _there(row, nav, crm):
            out.append(_field(mapping, row, direction, nav, crm, references, baselines))
    return out


def _there(row: FieldMapping, nav: Records, crm: Records) -> bool:
    return (row.nav is None or row.nav.name in nav) and (row.crm is None or row.crm.name in crm)


def _field(
    mapping: TableMapping,
    row: FieldMapping,
    direction: Direction,
    nav: Records,
    crm: Records,
    references: Mapping[tuple[str, str], Reference],
    baselines: pd.Series,
) -> FieldWrite:
    count = len(nav.index)
    every = np.arange(count)
    left = pa.nulls(count) if row.nav is None else gather(nav[row.nav.name], every)
    right = pa.nulls(count) if row.crm is None else gather(crm[row.crm.name], every)
    reference = references.get(row.pair)
    found = compare_field(_within(mapping, row), left, right, reference)
    own, other = ("to_crm", "to_nav") if direction == "to_crm" else ("to_nav", "to_crm")
    target = destination(row, direction)
    column = target or row.crm or row.nav
    if column is None:
        raise ValueError("a field mapping needs a field")
    source, old = (left, right) if direction == "to_crm" else (right, left)
    moved = transfer(row, direction, source, reference) if target else None
    writes = _spread(getattr(found, own), found.rows, count) if moved else _none(count)
    known, ours, theirs = _changed(row, direction, baselines, left, right, found.rows, count)
    if moved:
        kept = _unknown_there(row, direction, reference, old) | _emptied(row, moved.new, source)
        writes &= ~moved.leaves & ~(known & ~ours & kept)
    return FieldWrite(
        row=row,
        column=column,
        source=source,
        old=old.cast(ARROW.get(column.kind, pa.large_string())),
        new=moved.new if moved else old,
        writes=writes,
        fails=_spread(getattr(found, f"fails_{own}"), found.rows, count) if moved else writes,
        opposite=_spread(getattr(found, other), found.rows, count),
        ours=ours,
        theirs=theirs,
        both=row.direction == "both" and row.nav is not None and row.crm is not None,
        problem=problem(row, direction),
    )


def _within(mapping: TableMapping, row: FieldMapping) -> FieldMapping:
    """Return the row in the directions its mapping goes; a constant only goes to its own column."""
    way = row.direction
    if mapping.direction != "both":
        way = mapping.direction if way in ("both", mapping.direction) else way
    if row.nav is None or row.crm is None:
        way = "to_crm" if row.nav is None else "to_nav"
    return replace(row, direction=way)


def _emptied(row: FieldMapping, new: pa.Array, source: pa.Array) -> Mask:
    """Say where a blank that was never filled would empty a reference that may be missing a while.

    What was cleared because its partner was not coupled is no edit (engine R8.4).
    """
    if not row.clear_on_failed_sync:
        return _none(len(new))
    blank = pc.and_(pc.equal(as_text_or_blank(new), ""), pc.equal(as_text_or_blank(source), ""))
    return as_mask(blank, False)


def _unknown_there(
    row: FieldMapping, direction: Direction, reference: Reference | None, old: pa.Array
) -> Mask:
    """Say where NAV's code has no counterpart that CRM could ever have taken over.

    Such a code is only replaced by an edit in CRM, not by the value CRM kept (contract 1).
    """
    if direction != "to_nav" or reference is None or not reference.known:
        return _none(len(old))
    translation = Translation(row, reference)
    if translation.missing != "leave_unchanged":
        return _none(len(old))
    codes = as_text_or_blank(old)
    lost = as_mask(translation.expected(codes).is_null(), False)
    return lost & as_mask(pc.not_equal(codes, ""), False)


def _changed(
    row: FieldMapping,
    direction: Direction,
    baselines: pd.Series,
    left: pa.Array,
    right: pa.Array,
    rows: Positions,
    count: int,
) -> tuple[Mask, Mask, Mask]:
    """Say of each differing value whether the baseline knows it, and which side changed it."""
    if row.nav is None or row.crm is None or not len(rows):
        return _none(count), _none(count), _none(count)
    taken = pa.array(rows)
    known, in_nav, in_crm = changed_since(
        row,
        baselines.iloc[rows].reset_index(drop=True),
        value_text(row.nav, left.take(taken)),
        value_text(row.crm, right.take(taken)),
    )
    nav_changed = _spread(known & in_nav, rows, count)
    crm_changed = _spread(known & in_crm, rows, count)
    both = (nav_changed, crm_changed) if direction == "to_crm" else (crm_changed, nav_changed)
    return _spread(known, rows, count), *both


def new_fields(
    mapping: TableMapping,
    direction: Direction,
    source: Records,
    references: Mapping[tuple[str, str], Reference],
) -> list[FieldWrite]:
    """Return what a pass writes to new records: every mapped field, none skipped (engine 3.10)."""
    count = len(source.index)
    out = []
    for row in mapping.enabled_fields:
        target, own = destination(row, direction), origin(row, direction)
        if target is None or (own is not None and own.name not in source):
            continue
        values = pa.nulls(count) if own is None else gather(source[own.name], np.arange(count))
        moved = transfer(row, direction, values, references.get(row.pair))
        out.append(
            FieldWrite(
                row=row,
                column=target,
                source=values,
                old=pa.nulls(count, ARROW.get(target.kind, pa.large_string())),
                new=moved.new,
                writes=~moved.leaves & ~moved.fails & (target.access in ("full", "insert")),
                fails=moved.fails,
                opposite=_none(count),
                ours=_none(count),
                theirs=_none(count),
                both=row.direction == "both",
                problem=problem(row, direction),
            )
        )
    return out


def extra_field(
    column: Column,
    old: pa.Array,
    new: pa.Array,
    *,
    given: Mask | None = None,
    fails: Mask | None = None,
    problem: str | pa.Array = "",
    both: bool = False,
) -> FieldWrite:
    """Return the write of a column no field mapping names (engine 4.7).

    Parameters
    ----------
    given
        Where there is a value to write; it is written where it differs. None = everywhere.
    """
    count = len(new)
    kind = ARROW.get(column.kind, pa.large_string())
    before, now = old.cast(kind), new.cast(kind)
    same = pc.fill_null(pc.equal(before, now), False)
    alike = pc.or_(same, pc.and_(before.is_null(), now.is_null()))
    failing = _none(count) if fails is None else fails
    writes = ~as_mask(alike, False) & ~failing
    if given is not None:
        writes &= given
    none = _none(count)
    return FieldWrite(
        row=None, column=column, source=now, old=before, new=now, writes=writes, fails=failing,
        opposite=writes if both else none, ours=none, theirs=none, both=both, problem=problem,
    )  # fmt: skip


def _spread(mask: Mask, rows: Positions, count: int) -> Mask:
    out = _none(count)
    out[rows] = mask
    return out


def _none(count: int) -> Mask:
    return np.zeros(count, dtype=bool)


def filling(fields: list[FieldWrite], names: set[str]) -> list[FieldWrite]:
    """Keep the writes of some columns where the destination is blank, and nothing else."""
    return [
        replace(
            each,
            writes=each.writes & as_mask(pc.equal(as_text_or_blank(each.old), ""), False),
            fails=_none(len(each.fails)),
        )
        for each in fields
        if each.column.name in names
    ]


def any_of(masks: list[Mask], count: int) -> Mask:
    """Say for each record whether any of the fields' masks holds."""
    return np.logical_or.reduce(masks) if masks else _none(count)


def merged(fields: list[FieldWrite], both_changed: Mask) -> tuple[list[FieldWrite], Mask]:
    """Keep apart what either side changed alone (design: a baseline per coupling).

    Where both records changed, a bidirectional field that only the source changed is written, one
    that only the destination changed is left to the other pass.

    Returns
    -------
    (fields, collides)
        The fields with fewer writes, and the records in which one field changed on both sides, or
        nobody can tell which did.
    """
    collides = np.zeros(len(both_changed), dtype=bool)
    out = []
    for each in fields:
        if each.both:
            here = both_changed & each.differs
            mine = here & each.ours & ~each.theirs
            yours = here & each.theirs & ~each.ours
            collides |= here & ~mine & ~yours
            each = replace(each, writes=each.writes & ~yours)
        out.append(each)
    return out, collides


def changed_values(field: FieldWrite) -> pd.DataFrame:
    """Return the values a field gets: ``record`` (int64), ``old``, ``new`` (str)."""
    rows = np.flatnonzero(field.writes)
    taken = pa.array(rows)
    old = value_text(field.column, field.old.take(taken))
    new = value_text(field.column, field.new.take(taken))
    return pd.DataFrame({"record": rows, "old": old, "new": new})


def after(field: FieldWrite) -> pa.Array:
    """Return the destination's values once they are written."""
    return pc.if_else(pa.array(field.writes), field.new, field.old)
