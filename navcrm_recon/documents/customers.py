"""Which accounts some or all customers are coupled to, for what goes by customer."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from navcrm_recon.errors import ConfigError, NotFoundError, examples, nearest
from navcrm_recon.frames import TEXT, join_key
from navcrm_recon.sync.renames import followed, followed_records
from navcrm_recon.sync.scene import Scene

MAPPING = "CUSTOMER"
Customers = str | Sequence[str] | None


def keys_of(scene: Scene, customers: Customers) -> list[str] | None:
    """Return the keys of customers that were named by number, each once; None for all.

    Raises
    ------
    NotFoundError
        There is no such customer.
    """
    if customers is None:
        return None
    named = [customers] if isinstance(customers, str) else [str(each) for each in customers]
    keys = list(dict.fromkeys(join_key([pd.Series(named, dtype=TEXT)]).tolist()))
    there = scene.nav.read(scene.catalog.nav["Customer"], ["Name"], (), keys).index
    missing = [key for key in keys if key not in there]
    if missing:
        raise NotFoundError(
            f"There is no customer {examples(missing)} in NAV.{nearest(missing[0], there)}",
            mapping=MAPPING,
            record=missing[0],
        )
    return keys


def coupled(scene: Scene, keys: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the couplings of some or all customers (frame ``coupling_records``).

    None where the mapping of customers is off: its customers count as uncoupled (documents VL2).
    """
    mapping = scene.catalog.mappings[MAPPING]
    if keys is None or scene.store is None:
        known = followed_records(scene, mapping)
    else:
        known = scene.store.coupling_records(MAPPING, nav_keys=keys)
        known = followed(scene, scene.store, mapping, known, keys)
    kept = known["nav_key"].isin(list(known["nav_key"] if keys is None else keys))
    return known[kept & mapping.enabled].reset_index(drop=True)


def check_enabled(scene: Scene, what: str) -> None:
    """Refuse what needs coupled customers while their mapping is off (STA-006).

    Raises
    ------
    ConfigError
        It is off.
    """
    if not scene.catalog.mappings[MAPPING].enabled:
        raise ConfigError(
            f"{what} is not done: the mapping {MAPPING} is switched off, so that no customer is "
            f"coupled. Say mappings: {{{MAPPING}: {{enabled: true}}}} in the workspace file.",
            mapping=MAPPING,
        )
