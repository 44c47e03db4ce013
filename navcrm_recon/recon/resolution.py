"""What the next synchronisation would do about each difference (engine 3.7 to 3.9)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.recon.align import Mask, Positions
from navcrm_recon.recon.changes import passes_over_own_writes


@dataclass(frozen=True)
class Changes:
    """What is known of each coupled pair since its last synchronisation, in the pairs' order.

    ``nav_later`` / ``crm_later``: modified after the stamp (3.6); ``nav_modified`` /
    ``crm_modified``: the same, or the last attempt from that side failed; ``nav_picked`` /
    ``crm_picked``: the next pass looks at the record at all (3.2); ``own_write``: the CRM
    record was last modified by the integration user (R3.4); ``fresh``: neither stamp is set;
    ``nav_untimed`` / ``crm_untimed``: the product keeps no modified-on of the record;
    ``baseline``: Series of bytes or None (``recon.baseline``).
    """

    nav_later: Mask
    crm_later: Mask
    nav_modified: Mask
    crm_modified: Mask
    nav_picked: Mask
    crm_picked: Mask
    own_write: Mask
    fresh: Mask
    skipped: Mask
    nav_untimed: Mask
    crm_untimed: Mask
    baseline: pd.Series

    @classmethod
    def unknown(cls, pairs: int) -> Changes:
        """Return what is known of couplings that were never synchronised and carry no times."""
        no, yes = np.zeros(pairs, dtype=bool), np.ones(pairs, dtype=bool)
        return cls(
            no, no, no, no, yes, yes, no, yes, no, no, no, pd.Series([None] * pairs, dtype=object)
        )


@dataclass(frozen=True)
class Told:
    """What baseline, else the stamps, tell of each finding: which side changed the field."""

    known: Mask
    nav: Mask
    crm: Mask


def examined(mapping: TableMapping, changes: Changes, pair: Positions, told: Told) -> Changes:
    """Count a record without a modified-on as modified where its values say so.

    The baseline tells; where there is none, a mapping of one direction examines every record.
    """
    unknown = changes.baseline.isna().to_numpy(dtype=bool)
    nav = _pairs_with(told.nav, pair, changes) | (unknown & (mapping.direction == "to_crm"))
    crm = _pairs_with(told.crm, pair, changes) | (unknown & (mapping.direction == "to_nav"))
    return replace(
        changes,
        nav_modified=changes.nav_modified | (changes.nav_untimed & nav),
        crm_modified=changes.crm_modified | (changes.crm_untimed & crm),
    )


def _pairs_with(mask: Mask, pair: Positions, changes: Changes) -> Mask:
    hit = np.zeros(len(changes.nav_modified), dtype=bool)
    hit[pair[mask]] = True
    return hit


def resolve(
    mapping: TableMapping, marks: pd.DataFrame, pair: Positions, changes: Changes
) -> np.ndarray:
    """Return the resolution of each finding.

    Parameters
    ----------
    marks
        One row per finding: ``truncated``, ``to_crm``, ``to_nav``, ``fails_to_crm``,
        ``fails_to_nav``, ``both`` (bool) and ``cause``.
    pair
        Position of each finding's pair in ``changes``.
    """
    marks = marks.reset_index(drop=True)
    runs_to_crm, runs_to_nav = _passes(mapping, pair, changes)
    fails_to_crm = _any_of_pair(marks["fails_to_crm"].to_numpy(), pair) & runs_to_crm
    fails_to_nav = _any_of_pair(marks["fails_to_nav"].to_numpy(), pair) & runs_to_nav
    to_crm = marks["to_crm"].to_numpy()
    to_nav = marks["to_nav"].to_numpy()
    both_sides = _both_sides(mapping, pair, changes)
    collides = (to_crm | to_nav) & marks["both"].to_numpy() & both_sides
    conflict = _any_of_pair(collides, pair)
    blocked_to_crm = (to_crm | marks["fails_to_crm"].to_numpy()) & fails_to_crm
    blocked_to_nav = (to_nav | marks["fails_to_nav"].to_numpy()) & fails_to_nav
    written = to_crm | to_nav
    return np.select(
        [
            marks["truncated"].to_numpy(),
            changes.skipped[pair],
            blocked_to_crm | blocked_to_nav,
            conflict,
            both_sides & ((runs_to_crm & to_crm) | (runs_to_nav & to_nav)),
            runs_to_crm & to_crm,
            runs_to_nav & to_nav,
        ],
        [
            "none",
            "blocked",
            "blocked",
            _conflict(mapping, marks["cause"].to_numpy(), written, to_crm, to_nav, pair),
            "merge",
            "to_crm",
            "to_nav",
        ],
        default="none",
    )


def _passes(mapping: TableMapping, pair: Positions, changes: Changes) -> tuple[Mask, Mask]:
    """Say which passes would pick each pair's record (3.2): the To pass and the From pass."""
    to_crm = np.full(len(pair), mapping.direction in ("to_crm", "both"))
    to_nav = np.full(len(pair), mapping.direction in ("to_nav", "both"))
    own = changes.own_write[pair] & passes_over_own_writes(mapping)
    to_crm &= changes.nav_modified[pair] & changes.nav_picked[pair]
    to_nav &= changes.crm_modified[pair] & changes.crm_picked[pair] & ~own
    return to_crm, to_nav


def _both_sides(mapping: TableMapping, pair: Positions, changes: Changes) -> Mask:
    """Both sides changed: a conflict exists only in a bidirectional mapping (R3.19)."""
    both = changes.nav_modified[pair] & changes.crm_modified[pair]
    return both & (mapping.direction == "both")


def _conflict(
    mapping: TableMapping,
    cause: np.ndarray,
    written: Mask,
    to_crm: Mask,
    to_nav: Mask,
    pair: Positions,
) -> np.ndarray:
    """Resolve the findings of a record that both sides changed, as the mapping says (3.9)."""
    if mapping.update_conflict == "send":
        return np.where(to_crm, "to_crm", "none")
    if mapping.update_conflict == "get":
        return np.where(to_nav, "to_nav", "none")
    if mapping.update_conflict == "none":
        return np.where(written, "conflict", "none")
    # merge: a field only one side changed travels; one field changed on both stops the record.
    mergeable = ((cause == "changed_in_nav") & to_crm) | ((cause == "changed_in_crm") & to_nav)
    collides = written & ~mergeable
    stopped = _any_of_pair(collides, pair)
    return np.select(
        [collides, mergeable & stopped, mergeable], ["conflict", "blocked", "merge"], "none"
    )


def _any_of_pair(mask: Mask, pair: Positions) -> Mask:
    """Say for each finding whether the mask holds for any finding of the same pair."""
    if not len(pair):
        return mask
    hit = np.zeros(int(pair.max()) + 1, dtype=bool)
    np.logical_or.at(hit, pair, mask)
    return hit[pair]
