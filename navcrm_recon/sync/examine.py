"""Compare the picked records with their partners and decide what to do with each (engine 3.7)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Condition, SideName, TableMapping
from navcrm_recon.frames import INDEX_NAMES, TEXT, UTC, blanks, dtype_of, typed
from navcrm_recon.recon.align import Mask, Positions
from navcrm_recon.recon.changes import later
from navcrm_recon.recon.decide import FACTS, decide
from navcrm_recon.recon.fields import (
    FieldWrite,
    any_of,
    field_writes,
    filling,
    merged,
    new_fields,
)
from navcrm_recon.state.store import Store
from navcrm_recon.sync.adjust import Work
from navcrm_recon.sync.hooks import adjustments, completions
from navcrm_recon.sync.links import link_rows
from navcrm_recon.sync.references import references
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, Picked, Request, columns_of, key_names, sides_of

STAMPS = {"nav": "last_synch_modified_on", "crm": "last_synch_crm_modified_on"}


@dataclass(frozen=True)
class Part:
    """Some of the picked records, with what a pass would write to their partners.

    ``places``: their positions in the picked records; ``fields``: one entry per column; ``old``:
    the partners' records in the same order, None for new ones.
    """

    places: Positions
    fields: list[FieldWrite]
    old: pd.DataFrame | None = None

    def any(self, what: str) -> Mask:
        """Say for each record whether any field ``writes``, ``fails``, ``ours`` ..."""
        return any_of([getattr(each, what) for each in self.fields], len(self.places))

    def fails(self, *, mapped: bool) -> Mask:
        """Say which records fail by a field mapping, or by a column beyond these."""
        fields = [each.fails for each in self.fields if (each.row is not None) is mapped]
        return any_of(fields, len(self.places))


@dataclass(frozen=True)
class Examined:
    """What was decided about every picked record, in their order.

    ``decisions``: ``action, rule, reason``; ``partner``: key of the destination record, blank
    where there is none; ``partner_modified_on``: UTC; ``partner_identity``: its Integration ID,
    where it was read; ``keeps``: the destination's stamp stays behind, since the other pass still
    has its edit to bring (R3.28); ``there`` / ``born``: what would be written to records that
    exist, and to new ones.
    """

    picked: Picked
    decisions: pd.DataFrame
    partner: pd.Series
    partner_modified_on: pd.Series
    partner_identity: pd.Series
    keeps: Mask
    there: Part
    born: Part


def examine(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    direction: OneWay,
    request: Request,
    picked: Picked,
) -> Examined:
    """Return what a pass does with each picked record; reads the destination, writes nothing."""
    _, other = sides_of(direction)
    partner = picked.couplings[key_names(direction)[1]].copy()
    facts = _facts(mapping, direction, request, picked)
    facts["gone"] = picked.coupled & ~_exists(scene, mapping, other, partner)
    untimed = picked.modified_on.isna().to_numpy(dtype=bool)
    looked_at = facts["forced"] | facts["modified"] | untimed
    kept_out = facts["skipped"] | facts["yields"] | facts["closed"]
    at = _at(picked.coupled & ~facts["gone"] & ~kept_out & looked_at)
    born = _born(scene, mapping, direction, picked, facts)
    matched = _matches(scene, store, mapping, direction, born)
    partner.iloc[born.places] = matched.to_numpy()
    facts["matched"] = ~picked.coupled & partner.ne("").to_numpy()
    at = np.union1d(at, _at(facts["matched"]))
    there, modified_on, identity = _there(scene, mapping, direction, request, picked, partner, at)
    if request.links:
        there = replace(there, fields=filling(there.fields, link_columns(mapping, other)))
    facts.loc[at, "modified"] |= untimed[at] & _tells(there, picked.couplings["baseline"].iloc[at])
    later_there = later(modified_on.iloc[at], picked.couplings[STAMPS[other]].iloc[at])
    both_ways = mapping.direction == "both" and not request.force and not request.links
    both_modified = later_there & (facts["modified"] & ~facts["matched"]).to_numpy()[at] & both_ways
    facts.loc[at, "both_modified"] = both_modified
    facts.loc[at, "protected"] = request.protect & later_there
    there, collides = _collisions(mapping, there, both_modified)
    facts.loc[at, "collides"], facts.loc[at, "changes"] = collides, there.any("writes")
    new = ~facts["matched"].to_numpy()[born.places]
    for name, mapped in (("fails", True), ("unfit", False)):
        facts.loc[at, name] = there.fails(mapped=mapped)
        facts.loc[born.places[new], name] = born.fails(mapped=mapped)[new]
    decisions = decide(mapping, direction, facts)
    keeps = np.zeros(len(facts), dtype=bool)
    keeps[at] = _carries(there) & both_modified
    keeps &= decisions["action"].isin(["modify", "unchanged"]).to_numpy()
    return Examined(picked, decisions, partner, modified_on, identity, keeps, there, born)


def _facts(
    mapping: TableMapping, direction: OneWay, request: Request, picked: Picked
) -> pd.DataFrame:
    """Return what is known of the records before their partners are read; the rest is False."""
    source, _ = sides_of(direction)
    couplings = picked.couplings
    only = request.only(mapping)
    facts = pd.DataFrame({name: np.zeros(len(couplings), dtype=bool) for name in FACTS})
    facts["coupled"], facts["skipped"] = picked.coupled, couplings["skipped"].to_numpy(dtype=bool)
    facts["forced"], facts["only_coupled"] = request.force, only
    facts["closed"] = picked.closed
    facts["yields"] = picked.yields
    later_here = later(picked.modified_on, couplings[STAMPS[source]]) | picked.retried
    facts["modified"] = later_here | request.links | request.completes
    return facts


def link_columns(mapping: TableMapping, side: SideName) -> set[str]:
    """Return the columns of a side that a link pass fills (R8.4)."""
    columns = [row.nav if side == "nav" else row.crm for row in link_rows(mapping)]
    parents = {"parentcustomerid"} if mapping.nav.name == "Contact" else set()
    return {each.name for each in columns if each} | parents


def _at(mask: pd.Series | Mask) -> Positions:
    return np.flatnonzero(np.asarray(mask, dtype=bool)).astype(np.int64)


def _exists(scene: Scene, mapping: TableMapping, side: str, keys: pd.Series) -> Mask:
    """Say which partners are there, whether inside the filter or not."""
    wanted = keys[keys.ne("")].drop_duplicates().tolist()
    if not wanted:
        return np.zeros(len(keys), dtype=bool)
    table = mapping.nav if side == "nav" else mapping.crm
    found = scene.side("nav" if side == "nav" else "crm").read(table, list(table.key), (), wanted)
    return np.asarray(keys.isin(list(found.index)).to_numpy(), dtype=bool)


def _born(
    scene: Scene, mapping: TableMapping, direction: OneWay, picked: Picked, facts: pd.DataFrame
) -> Part:
    """Return what would be written to the records that are to be made."""
    restored = facts["gone"] & ~facts["forced"] & (mapping.deletion_conflict == "restore")
    uncoupled = ~facts["coupled"] & (~facts["only_coupled"] | bool(mapping.auto_match))
    at = _at((restored | uncoupled) & ~facts["skipped"] & ~facts["yields"])
    source = picked.records.iloc[at]
    if not len(at):
        return Part(at, [])
    frames = (source, None) if direction == "to_crm" else (None, source)
    fields = new_fields(mapping, direction, source, references(scene, mapping, *frames))
    work = Work(scene, mapping, direction, source, None, fields)
    return Part(at, [*fields, *adjustments(work)])


def _there(
    scene: Scene,
    mapping: TableMapping,
    direction: OneWay,
    request: Request,
    picked: Picked,
    partner: pd.Series,
    at: Positions,
) -> tuple[Part, pd.Series, pd.Series]:
    """Return what would be written to records that exist, when these were modified, their ids."""
    _, other = sides_of(direction)
    modified_on = pd.Series(pd.NaT, index=range(len(partner)), dtype=UTC)
    identity = blanks(len(partner), TEXT)
    if not len(at):
        return Part(at, []), modified_on, identity
    table, side = mapping.table(other), scene.side(other)
    wanted = partner.iloc[at]
    keys = wanted.drop_duplicates().tolist()
    # Times before values: then an edit in between makes the write stale, not lost.
    stamps = side.stamps(table, keys=keys).reindex(wanted.to_numpy())
    old = side.read(table, columns_of(mapping, other), (), keys).reindex(wanted.to_numpy())
    old.index.name = INDEX_NAMES[other]
    modified_on.iloc[at] = stamps["modified_on"].astype(UTC).to_numpy()
    identity.iloc[at] = stamps["identity"].fillna("").to_numpy()
    source = picked.records.iloc[at]
    pairs = (source, old) if direction == "to_crm" else (old, source)
    baselines = picked.couplings["baseline"].iloc[at].reset_index(drop=True)
    fields = field_writes(mapping, direction, pairs, references(scene, mapping, *pairs), baselines)
    work = Work(scene, mapping, direction, source, old, tuple(fields), request.completes)
    fields += [*adjustments(work), *(completions(work) if request.completes else ())]
    return Part(at, fields, old), modified_on, identity


def _tells(there: Part, baselines: pd.Series) -> Mask:
    """Say which records without a modified-on changed: their values tell, or nobody knows them."""
    return there.any("ours") | baselines.isna().to_numpy(dtype=bool)


def _collisions(mapping: TableMapping, there: Part, both_modified: Mask) -> tuple[Part, Mask]:
    """Say where an edit of either side would be lost (3.9); with ``merge`` field by field."""
    if mapping.update_conflict == "merge":
        fields, collides = merged(there.fields, both_modified)
        return replace(there, fields=fields), collides
    written = [each.writes for each in there.fields if each.both]
    return there, any_of(written, len(there.places))


def _carries(there: Part) -> Mask:
    """Say where the opposite pass has a value to bring that this one does not overwrite."""
    return any_of([each.opposite & ~each.writes for each in there.fields], len(there.places))


def _matches(
    scene: Scene, store: Store, mapping: TableMapping, direction: OneWay, born: Part
) -> pd.Series:
    """Find the destination record that is the same as a new one would be (engine 2.4)."""
    none = pd.Series("", index=range(len(born.places)), dtype=TEXT)
    if not mapping.auto_match or direction != "to_crm" or not len(born.places):
        return none
    new = {each.column.name: each.new for each in born.fields}
    names = [name for name in mapping.auto_match if name in new]
    if len(names) < len(mapping.auto_match):
        return none
    wanted = pd.DataFrame(
        {name: typed(pd.Series(new[name].to_pylist()), dtype_of(mapping.crm, name))
         for name in names}
    )  # fmt: skip
    first = [each for each in wanted[names[0]].unique().tolist() if each]
    if not first:
        return none
    found = scene.crm.read(mapping.crm, names, (Condition(names[0], "in", first),))
    taken = store.coupling_records(mapping.name, crm_ids=found.index.tolist())["crm_id"]
    free = found[~found.index.isin(list(taken))].reset_index()
    free = free.drop_duplicates(names)
    joined = wanted.merge(free, on=names, how="left")
    once = joined["crm_id"].astype(TEXT).fillna("")
    return once.mask(once.duplicated(), "")  # the second of two alike is a record of its own
