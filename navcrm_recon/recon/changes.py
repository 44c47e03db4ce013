"""Which side changed since the last synchronisation, by time alone (engine 3.6)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.recon.align import Mask

#: Two times less than this apart are the same time (engine 3.6, R3.17).
TOLERANCE = pd.Timedelta(milliseconds=10)


def later(modified_on: pd.Series, stamp: pd.Series) -> Mask:
    """Say where a record was modified after its stamp.

    No modified-on counts as not modified, no stamp as older than any time.

    >>> t = pd.Series(pd.to_datetime(["2018-10-01T08:00:00.009Z", "2018-10-01T08:00:00.010Z"]))
    >>> later(t, pd.Series(pd.to_datetime(["2018-10-01T08:00Z"] * 2))).tolist()
    [False, True]
    """
    modified = modified_on.reset_index(drop=True)
    seen = stamp.reset_index(drop=True)
    newer = (modified - seen) >= TOLERANCE
    return np.asarray(modified.notna() & (seen.isna() | newer), dtype=bool)


def passes_over_own_writes(mapping: TableMapping) -> bool:
    """Say whether a From pass leaves out what the integration user wrote last (engine R3.4).

    Not where CRM alone owns a field, which must be read back after own writes, nor where both
    sides' edits are merged: the edit that CRM keeps may stand in a record we wrote after it.
    """
    from_crm_only = any(
        row.direction == "to_nav" and row.nav and row.crm for row in mapping.enabled_fields
    )
    merges = mapping.update_conflict == "merge"
    return mapping.direction == "both" and not from_crm_only and not merges
