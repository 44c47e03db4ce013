"""Every record of a mapping on either side, and what its coupling is worth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from navcrm_recon.frames import SCHEMAS, TEXT, conform
from navcrm_recon.recon.align import Mask, duplicated, positions


@dataclass(frozen=True)
class Known:
    """The records of one side by key, as Series of the names people know them by.

    ``inside`` are those inside the mapping's filter; ``outside`` those that are not but that a
    coupling names: outside a filter is not deleted (mappings: filter rule).
    """

    inside: pd.Series
    outside: pd.Series

    def names(self, keys: pd.Series) -> tuple[pd.Series, Mask, Mask]:
        """Return each key's name, whether it is inside the filter, and whether it exists."""
        within = positions(keys, self.inside.index)
        beyond = positions(keys, self.outside.index)
        everyone = pd.concat([self.inside, self.outside], ignore_index=True)
        place = np.where(within >= 0, within, np.where(beyond >= 0, beyond + len(self.inside), -1))
        names = everyone.reindex(place).astype(TEXT).fillna("").reset_index(drop=True)
        return names, within >= 0, place >= 0


def couplings(name: str, records: pd.DataFrame, nav: Known, crm: Known) -> pd.DataFrame:
    """Return one row per coupling and per uncoupled record inside the filters.

    Parameters
    ----------
    name
        The mapping's name.
    records
        Its couplings (frame ``coupling_records``).

    Returns
    -------
    DataFrame
        Frame ``couplings`` sorted by ``nav_key``, ``crm_id``, with the URLs blank. ``state``:
        ``coupled``, ``out_of_filter``, ``nav_deleted``, ``crm_deleted``, ``both_deleted`` for
        couplings (engine 2.5), ``nav_only`` and ``crm_only`` for records without one.
    """
    records = records.reset_index(drop=True)
    nav_name, nav_inside, nav_there = nav.names(records["nav_key"])
    crm_name, crm_inside, crm_there = crm.names(records["crm_id"])
    state = np.select(
        [
            ~nav_there & ~crm_there,
            ~nav_there,
            ~crm_there,
            ~nav_inside | ~crm_inside,
        ],
        ["both_deleted", "nav_deleted", "crm_deleted", "out_of_filter"],
        default="coupled",
    )
    coupled = records.assign(state=state, nav_name=nav_name, crm_name=crm_name)
    nav_only = _uncoupled(nav.inside, records["nav_key"], "nav")
    crm_only = _uncoupled(crm.inside, records["crm_id"], "crm")
    known = [column for column in coupled.columns if column in SCHEMAS["couplings"]]
    every = pd.concat([coupled[known], nav_only, crm_only], ignore_index=True).assign(mapping=name)
    every = conform(every, "couplings")
    return every.sort_values(["nav_key", "crm_id"], ignore_index=True)


def _uncoupled(inside: pd.Series, coupled: pd.Series, side: str) -> pd.DataFrame:
    free = inside[positions(inside.index, pd.Index(coupled)) < 0]
    key = "nav_key" if side == "nav" else "crm_id"
    return pd.DataFrame(
        {
            key: free.index.astype(TEXT),
            f"{side}_name": free.to_numpy(),
            "state": f"{side}_only",
        }
    ).astype({key: TEXT, f"{side}_name": TEXT, "state": TEXT})


def renamed(records: pd.DataFrame, places: pd.Series) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Say which couplings move, since NAV renamed their records (engine R1.8b).

    Parameters
    ----------
    records
        Couplings of one mapping (frame ``coupling_records``).
    places
        The key each NAV record has now, index = Integration ID.

    Returns
    -------
    (removed, moved)
        Couplings that go, and those that come instead: the same under the new key. One that is in
        the way goes as well, unless it has the Integration ID of that key itself.
    """
    ids, keys = records["integration_id"], records["nav_key"]
    now = places.reindex(ids).astype(TEXT).fillna("").set_axis(records.index)
    stays = now.eq(keys) & now.ne("")
    settled = keys[stays]
    goes = now.ne("") & ~stays & ~now.isin(settled) & ~now.mask(stays, "").duplicated()
    moved = records[goes].assign(nav_key=now[goes])
    in_the_way = keys.isin(moved["nav_key"]) & ~goes & ~stays
    return records[goes | in_the_way], moved


def coupled_twice(records: pd.DataFrame) -> pd.DataFrame:
    """Return couplings whose record has another partner too (engine R2.1), with a ``reason``."""
    out = []
    for key, side in (("nav_key", "NAV"), ("crm_id", "CRM")):
        codes = pd.factorize(records[key])[0].astype(np.int64)
        doubled = records[duplicated(codes) & records[key].ne("").to_numpy()]
        out.append(doubled.assign(reason=f"{side} record is coupled more than once"))
    return pd.concat(out)[["nav_key", "crm_id", "reason"]]
