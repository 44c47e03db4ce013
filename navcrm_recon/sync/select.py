"""Which source records a pass examines (engine 3.2 to 3.5)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import SideName, TableMapping
from navcrm_recon.errors import DataError, NotFoundError, examples
from navcrm_recon.frames import TEXT, conform
from navcrm_recon.recon.align import Mask, positions
from navcrm_recon.recon.changes import TOLERANCE, passes_over_own_writes
from navcrm_recon.sides.record_id import decodable
from navcrm_recon.state.store import Store
from navcrm_recon.sync.again import due_again, keys_again
from navcrm_recon.sync.hooks import hook_of
from navcrm_recon.sync.renames import follow
from navcrm_recon.sync.scene import Scene

OneWay = Literal["to_crm", "to_nav"]
#: CRM keeps whole seconds, so a From pass looks back a little (engine 3.2).
LOOK_BACK = pd.Timedelta(milliseconds=999)
#: Beyond so many records, couplings and records are read as a whole.
MANY = 5_000


@dataclass(frozen=True)
class Request:
    """What is asked of a pass.

    ``keys``: NAV keys for ``to_crm``, CRM ids for ``to_nav``; None = what changed since the
    watermark. ``force``: change and conflict detection are overridden (3.7, F). ``only_coupled``:
    None = as the mapping says. ``full``: the watermark is ignored. ``protect``: a record whose
    partner was changed since is skipped, not overwritten (R7.5). ``links``: only references that
    are blank on the other side are filled (R8.4). ``follows``: the records go with others that
    were synchronised (``hooks.Follows``). ``completes``: what those who lead them get afterwards.
    """

    keys: tuple[str, ...] | None = None
    force: bool = False
    only_coupled: bool | None = None
    full: bool = False
    protect: bool = False
    links: bool = False
    follows: bool = False
    completes: bool = False

    def only(self, mapping: TableMapping) -> bool:
        """Say whether only coupled records are synchronised."""
        return mapping.synch_only_coupled if self.only_coupled is None else self.only_coupled


@dataclass(frozen=True)
class Picked:
    """The source records of a pass, with what the state knows of each, in the same order.

    ``couplings``: frame ``coupling_records``, blank keys where a record is not coupled.
    ``modified_on``: NaT where the product keeps none. ``retried``: the last attempt failed, or
    left something for this one.
    ``identity``: the Integration ID of a NAV record, blank where it has none or of CRM records.
    ``yields``: another record of the source stands for the same one of the other side (PG10).
    ``closed``: the partner takes no change any more (``hooks.Hook``).
    ``newest``: the highest modified-on of all that was examined, as far as it is past.
    """

    records: pd.DataFrame
    couplings: pd.DataFrame
    modified_on: pd.Series
    identity: pd.Series
    retried: Mask
    closed: Mask
    yields: Mask
    newest: datetime | None

    @property
    def coupled(self) -> Mask:
        """Which of the records are coupled."""
        return np.asarray(self.couplings["nav_key"].ne("").to_numpy(), dtype=bool)


def sides_of(direction: OneWay) -> tuple[SideName, SideName]:
    """Return source and destination of a pass."""
    return ("nav", "crm") if direction == "to_crm" else ("crm", "nav")


def key_names(direction: OneWay) -> tuple[str, str]:
    """Return the coupling's columns for the key of source and destination."""
    return ("nav_key", "crm_id") if direction == "to_crm" else ("crm_id", "nav_key")


def select(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    direction: OneWay,
    request: Request,
    *,
    named: bool = True,
) -> Picked:
    """Return the records a pass examines.

    Parameters
    ----------
    named
        Whether someone named the keys of the request: then each must be there.

    Raises
    ------
    NotFoundError, DataError
        A record named by the request does not exist, or lies outside the mapping's filter.
    """
    failed = store.coupling_records(mapping.name, failed=direction)[key_names(direction)[0]]
    again = pd.Series(keys_again(due_again(store, mapping, direction)), dtype=TEXT)
    retries = pd.concat([failed, again]).drop_duplicates()
    if request.keys is None:
        records, stamps = _changed(scene, store, mapping, direction, request, retries)
    else:
        records, stamps = _named(scene, mapping, direction, request.keys, strict=named)
    modified_on = stamps["modified_on"].reindex(records.index)
    # Never ahead of what the side itself has stamped, nor of now (R3.13).
    newest = modified_on[modified_on <= pd.Timestamp(scene.clock())].max()
    hook = hook_of(mapping)
    if hook is not None and request.keys is None:
        records = _without(records, hook.ignores(scene, mapping, direction, records))
    identity = stamps["identity"].reindex(records.index).fillna("")
    yields = hook.yields(scene, store, mapping, direction, records) if hook else None
    couplings = _followed(scene, store, mapping, direction, identity)
    retried = positions(records.index, pd.Index(retries, dtype=TEXT)) >= 0
    picked = Picked(
        records,
        couplings,
        modified_on.reindex(records.index),
        identity,
        retried,
        closed(scene, mapping, couplings),
        np.zeros(len(records), dtype=bool) if yields is None else yields,
        None if newest is pd.NaT or pd.isna(newest) else newest.to_pydatetime(),
    )
    kept = (picked.coupled | (not request.only(mapping))) & ~picked.closed
    return _some(picked, kept) if request.keys is None else picked


def _without(records: pd.DataFrame, ignored: Mask | None) -> pd.DataFrame:
    return records if ignored is None else records[~ignored]


def closed(scene: Scene, mapping: TableMapping, couplings: pd.DataFrame) -> Mask:
    """Say which CRM records of couplings are closed where CRM then refuses changes (IL5)."""
    hook = hook_of(mapping)
    if hook is None or not hook.closed:
        return np.zeros(len(couplings), dtype=bool)
    ids = couplings["crm_id"]
    rows = scene.crm.read(mapping.crm, ["statecode"], (), ids[ids.ne("")].tolist())
    done = rows.index[rows["statecode"].fillna(0).ne(0).to_numpy(dtype=bool)]
    return np.asarray(ids.isin(list(done)).to_numpy(), dtype=bool)


def _some(picked: Picked, kept: Mask) -> Picked:
    return Picked(
        picked.records[kept],
        picked.couplings[kept].reset_index(drop=True),
        picked.modified_on[kept],
        picked.identity[kept],
        picked.retried[kept],
        picked.closed[kept],
        picked.yields[kept],
        picked.newest,
    )


def _brings(store: Store, mapping: TableMapping, own: pd.DataFrame) -> list[str]:
    """Say which own writes stand over an edit in CRM nobody has brought to NAV yet (R3.28)."""
    known = store.coupling_records(mapping.name, crm_ids=own.index.tolist())
    times = own["modified_on"].reindex(known["crm_id"]).reset_index(drop=True)
    beyond = times - LOOK_BACK - known["last_synch_crm_modified_on"]
    return known.loc[beyond.between(-TOLERANCE, TOLERANCE), "crm_id"].tolist()


def since_watermark(store: Store, mapping: TableMapping, direction: OneWay) -> datetime | None:
    """Return the time after which a record must be modified to be picked, None for all."""
    since = store.watermark(mapping.name, direction)
    if since is None or direction == "to_crm":
        return since
    return (pd.Timestamp(since) - LOOK_BACK).to_pydatetime()


def _changed(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    direction: OneWay,
    request: Request,
    retries: pd.Series,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read what changed since the watermark, and what failed the last time."""
    source, _ = sides_of(direction)
    table, side = mapping.table(source), scene.side(source)
    since = None if request.full else since_watermark(store, mapping, direction)
    stamps = side.stamps(table, since=since)
    passed_over = stamps.index[:0]
    if direction == "to_nav" and passes_over_own_writes(mapping) and not request.force:
        user = str(scene.setup.get("integration_user", "")).lower()
        own = stamps["modified_by"].str.lower().eq(user) & (user != "")
        own &= ~stamps.index.isin([*retries, *_brings(store, mapping, stamps[own])])
        passed_over = stamps.index[own]
        stamps = stamps[~own]
    behind = [key for key in retries if key not in stamps.index]
    if behind:
        stamps = pd.concat([stamps, side.stamps(table, keys=behind)])
    keys = stamps.index.union(pd.Index(retries, dtype=TEXT))
    timed = table.modified_on is not None if source == "crm" else decodable(table)
    if since is None or not timed:  # also what has no modified-on at all
        records = _read(scene, mapping, source, None)
        return records[~records.index.isin(passed_over)], stamps
    return _read(scene, mapping, source, keys.tolist()), stamps


def _named(
    scene: Scene,
    mapping: TableMapping,
    direction: OneWay,
    keys: tuple[str, ...],
    *,
    strict: bool,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read the records a request names; each must be there, and inside the filter."""
    source, _ = sides_of(direction)
    table, side = mapping.table(source), scene.side(source)
    # Times before values: an edit in between is looked at again, not passed over.
    stamps = side.stamps(table, keys=list(keys))
    records = _read(scene, mapping, source, list(keys))
    missing = [key for key in keys if key not in records.index]
    if missing and strict:
        there = side.read(table, list(table.key), (), missing)
        gone = [key for key in missing if key not in there.index]
        if gone:
            raise NotFoundError(
                f"{mapping.name}: there is no {table.name} {examples(gone)}.",
                mapping=mapping.name,
                record=gone[0],
            )
        raise DataError(
            f"{mapping.name}: {table.name} {examples(missing)} lies outside the mapping's filter, "
            "so it is not synchronised. Change the record, or filters of the mapping.",
            mapping=mapping.name,
            record=missing[0],
        )
    return records, stamps


def _read(
    scene: Scene, mapping: TableMapping, side: SideName, keys: list[str] | None
) -> pd.DataFrame:
    table = mapping.table(side)
    where = mapping.filters.get(side, ())
    records = scene.side(side).read(table, columns_of(mapping, side), where, keys)
    hook = hook_of(mapping)
    return hook.sent(records) if hook and hook.sent and side == "nav" else records


def columns_of(mapping: TableMapping, side: SideName) -> list[str]:
    """List the columns of one side a pass reads: key, mapped, and those its hook asks for."""
    hook = hook_of(mapping)
    more = (hook.nav if side == "nav" else hook.crm) if hook else ()
    stored = mapping.table(side).columns
    return list(dict.fromkeys([*mapping.columns(side), *(name for name in more if name in stored)]))


def _followed(
    scene: Scene, store: Store, mapping: TableMapping, direction: OneWay, identity: pd.Series
) -> pd.DataFrame:
    """Return the coupling of each record, once couplings follow what NAV renamed (R1.8b).

    A NAV record that is not coupled as what it is may have been coupled under another key; so may
    the partner of any CRM record.
    """
    found = _couplings(store, mapping, direction, identity.index)
    other = found["integration_id"].ne("") & found["nav_key"].ne("")
    own = identity.iloc[:0]
    if direction == "to_crm":
        here = identity.reset_index(drop=True)
        strange = (here.ne("") & here.ne(found["integration_id"])).to_numpy(dtype=bool)
        other, own = other & strange, identity[strange]
    if follow(scene, store, mapping, found[other], own):
        return _couplings(store, mapping, direction, identity.index)
    return found


def _couplings(
    store: Store, mapping: TableMapping, direction: OneWay, keys: pd.Index[str]
) -> pd.DataFrame:
    """Return the coupling of each record, a row of blanks where there is none."""
    own, _ = key_names(direction)
    if len(keys) > MANY:
        known = store.coupling_records(mapping.name)
    elif direction == "to_crm":
        known = store.coupling_records(mapping.name, nav_keys=keys.tolist())
    else:
        known = store.coupling_records(mapping.name, crm_ids=keys.tolist())
    known = known.drop_duplicates(own).reset_index(drop=True)
    at = positions(keys, pd.Index(known[own], dtype=TEXT))
    rows = known.reindex(pd.Index(np.where(at < 0, len(known), at))).reset_index(drop=True)
    rows["baseline"] = rows["baseline"].astype(object).where(rows["baseline"].notna(), None)
    return conform(rows.assign(mapping=mapping.name), "coupling_records")
