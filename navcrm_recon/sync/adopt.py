"""Take over NAV's own couplings and option mappings, once (contract 3)."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.catalog.model import Catalog
from navcrm_recon.errors import CouplingError
from navcrm_recon.frames import conform
from navcrm_recon.sides.nav_couplings import nav_coupling_records, nav_option_mapping
from navcrm_recon.sides.side import Side
from navcrm_recon.state.store import Store


def adopt(nav: Side, catalog: Catalog, store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Copy the couplings and option mappings of NAV's tables 5331 and 5334 into the state.

    Returns
    -------
    (counts, not_checked)
        ``mapping`` (str) and ``adopted`` (int64), one row per mapping that had any; and frame
        ``not_checked`` with the couplings that belong to no record that can be told.

    Raises
    ------
    CouplingError
        The state holds couplings or option mappings already: adopting is done once.
    """
    if len(store.coupling_records()) or len(store.option_mapping()):
        raise CouplingError(
            f"The state {store.address} holds couplings already, so nothing was adopted. "
            "NAV's couplings are taken over once; name another state to start again."
        )
    records, lost = nav_coupling_records(nav, catalog)
    options, lost_options = nav_option_mapping(nav, catalog)
    store.save_option_mapping(options)
    store.save_couplings(records)
    adopted = pd.concat([records["mapping"], options["mapping"]]).value_counts(sort=False)
    counts = adopted.rename_axis("mapping").reset_index(name="adopted")
    not_checked = pd.concat([lost, lost_options], ignore_index=True)
    return counts.sort_values("mapping", ignore_index=True), conform(not_checked, "not_checked")
