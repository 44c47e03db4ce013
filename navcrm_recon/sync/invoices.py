"""Posted invoices in CRM: what their columns follow from beyond the mapped ones (documents 2)."""

from __future__ import annotations

import numpy as np
import pandas as pd

#: Invoice: state and status reason by what is left to pay (documents 2.6).
_BILLED, _COMPLETE, _PARTIAL = (0, 4), (2, 100001), (2, 100002)


def invoice_states(entries: pd.DataFrame) -> pd.DataFrame:
    """Return the state a CRM invoice has by its customer ledger entry (documents 2.6, PS3).

    Parameters
    ----------
    entries
        Ledger entries with ``Amount`` and ``Remaining Amount`` (exact decimals).

    Returns
    -------
    DataFrame
        ``statecode``, ``statuscode`` (int64), index as ``entries``: nothing left to pay is
        Paid / Complete, all of it is Active / Billed, anything else is Paid / Partial.
    """
    left = entries["Remaining Amount"]
    paid = left.fillna(0).eq(0).to_numpy(dtype=bool)
    open_ = left.eq(entries["Amount"]).fillna(False).to_numpy(dtype=bool)
    columns = {
        name: np.select([paid, open_], [_COMPLETE[place], _BILLED[place]], _PARTIAL[place])
        for place, name in enumerate(("statecode", "statuscode"))
    }
    return pd.DataFrame(columns, index=entries.index, dtype="int64")
