"""Let couplings follow NAV records that were renamed (engine R1.8b).

NAV keeps the Integration ID of a record it renames, and a coupling keeps it too. So a coupling
whose Integration ID NAV has under another key belongs to that key. Only the records at hand are
looked at; what a pass does not pick stays as it is until one does.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.frames import TEXT, empty
from navcrm_recon.recon.couplings import renamed
from navcrm_recon.sides.stamps import keys_by_identity
from navcrm_recon.state.store import Store
from navcrm_recon.sync.scene import Scene, coupling_records

_PAIR = ["mapping", "nav_key", "crm_id"]
_NONE = pd.Series(dtype=TEXT)


def follow(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    known: pd.DataFrame,
    identities: pd.Series = _NONE,
) -> bool:
    """Move the couplings of renamed records to their new key; the caller holds the mapping's lock.

    Stamps, results and baseline stay. A coupling that stands in the way belongs to a record that
    is not there any more, and goes (engine 2.2).

    Parameters
    ----------
    known
        The couplings at hand (frame ``coupling_records``).
    identities
        Integration IDs of the NAV records at hand, index ``nav_key``.

    Returns
    -------
    Whether any coupling moved.
    """
    removed, moved = _moves(scene, store, mapping, known, identities)
    if not len(moved):
        return False
    with store.transaction():
        store.remove_couplings(removed)
        store.save_couplings(moved)
    return True


def follow_keys(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    nav_keys: Sequence[str] = (),
    crm_ids: Sequence[str] = (),
) -> None:
    """Let the couplings of some records of either side follow; the caller holds the lock."""
    if mapping.option_attribute is not None:
        return
    known = [
        store.coupling_records(mapping.name, nav_keys=nav_keys),
        store.coupling_records(mapping.name, crm_ids=crm_ids),
    ]
    follow(scene, store, mapping, pd.concat(known), identities_of(scene, mapping, nav_keys))


def identities_of(scene: Scene, mapping: TableMapping, nav_keys: Sequence[str]) -> pd.Series:
    """Return the Integration IDs of NAV records, index ``nav_key``; none where NAV has none."""
    if not nav_keys:
        return _NONE
    return scene.nav.stamps(mapping.nav, keys=list(nav_keys))["identity"]


def followed(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    known: pd.DataFrame,
    nav_keys: Sequence[str] = (),
) -> pd.DataFrame:
    """Return couplings with the keys their NAV records have now, and those of some NAV records.

    Nothing is written.
    """
    uncoupled = sorted(set(nav_keys) - set(known["nav_key"]))
    identities = identities_of(scene, mapping, uncoupled)
    removed, moved = _moves(scene, store, mapping, known, identities)
    return _with(known, removed, moved)


def followed_records(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return the mapping's couplings with the keys their NAV records have now.

    Frame ``coupling_records``, as ``scene.coupling_records``; nothing is written.
    """
    known = coupling_records(scene, mapping)
    if scene.store is None or not known["integration_id"].ne("").any():
        return known
    name = ("followed", mapping.name)
    if name not in scene.known:
        identities = scene.nav.stamps(mapping.nav)["identity"]
        places = pd.Series(identities.index, index=identities.array, dtype=TEXT)
        scene.known[name] = _with(known, *renamed(known, places))
    return scene.known[name]


def _moves(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    known: pd.DataFrame,
    identities: pd.Series,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the couplings that go, and those that come instead; whom these displace, goes too."""
    strange = identities[identities.ne("") & ~identities.isin(known["integration_id"])]
    parts = [known[known["integration_id"].ne("")]]
    if len(strange):
        parts.append(store.coupling_records(mapping.name, integration_ids=strange.tolist()))
    pool = pd.concat(parts).drop_duplicates(_PAIR, ignore_index=True)
    removed = moved = empty("coupling_records")
    while len(pool):
        ids = pool["integration_id"]
        read, table = scene.nav.read, mapping.nav
        places = keys_by_identity(read, scene.catalog, ids[ids.ne("")].tolist(), table)
        removed, moved = renamed(pool, places)
        if not len(moved):
            break
        in_the_way = store.coupling_records(mapping.name, nav_keys=moved["nav_key"])
        wider = pd.concat([pool, in_the_way]).drop_duplicates(_PAIR, ignore_index=True)
        if len(wider) == len(pool):
            break
        pool = wider
    return removed, moved


def _with(known: pd.DataFrame, removed: pd.DataFrame, moved: pd.DataFrame) -> pd.DataFrame:
    if not len(moved):
        return known
    gone = pd.MultiIndex.from_frame(removed[_PAIR])
    stay = known[~pd.MultiIndex.from_frame(known[_PAIR]).isin(gone)]
    return pd.concat([stay, moved]).sort_values(_PAIR, ignore_index=True)
