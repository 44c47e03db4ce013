"""What is left to pay of posted invoices, and the state that gives them in CRM (documents 2.6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Condition
from navcrm_recon.frames import DECIMAL, TEXT
from navcrm_recon.sync.amounts import sums
from navcrm_recon.sync.scene import Scene, read_naming

#: State and status reason by what is left to pay.
_BILLED, _COMPLETE, _PARTIAL = (0, 4), (2, 100001), (2, 100002)
_ENTRY, _DETAIL = "Cust. Ledger Entry", "Detailed Cust. Ledg. Entry"
_OF_ENTRY, _OF_INVOICE = "Cust. Ledger Entry No.", Condition("Document Type", "eq", 2)
_INITIAL = 1


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


def ledger_amounts(scene: Scene, invoices: Sequence[str]) -> pd.DataFrame:
    """Return what posted invoices came to, and what is left to pay of them.

    An invoice that was split into bills has several ledger entries; they count together.

    Returns
    -------
    DataFrame
        ``Amount``, ``Remaining Amount`` (exact decimals), index: the numbers of the invoices that
        have a ledger entry.
    """
    ledger, detail = scene.catalog.nav[_ENTRY], scene.catalog.nav[_DETAIL]
    own = ["Entry No.", "Document No."]
    entries = read_naming(scene.nav, ledger, own, "Document No.", invoices, _OF_INVOICE)
    columns = [_OF_ENTRY, "Amount", "Ledger Entry Amount", "Entry Type"]
    details = read_naming(scene.nav, detail, columns, _OF_ENTRY, entries["Entry No."].astype(TEXT))
    invoice = dict(zip(entries["Entry No."], entries["Document No."], strict=True))
    of = details[_OF_ENTRY].map(invoice).astype(TEXT)
    flagged = details["Ledger Entry Amount"].fillna(False).astype(bool)
    first = flagged | details["Entry Type"].eq(_INITIAL).fillna(False)
    index = pd.Index(entries["Document No."].unique(), dtype=TEXT)
    wanted, amount = index.to_series(), details["Amount"]
    found = {
        "Amount": sums(of[first], amount[first], wanted),
        "Remaining Amount": sums(of, amount, wanted),
    }
    frames = {name: pd.arrays.ArrowExtensionArray(values) for name, values in found.items()}
    return pd.DataFrame(frames, index=index, dtype=DECIMAL)
