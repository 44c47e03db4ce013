"""Which side changed since the last synchronisation, by time alone (engine 3.6)."""

from __future__ import annotations

import numpy as np
import pandas as pd

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
