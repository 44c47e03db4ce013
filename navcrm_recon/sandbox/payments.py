"""What becomes of invoices in the customer ledger, and what CRM has heard of it."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.frames import as_rows
from navcrm_recon.sandbox.resources import words

#: An invoice of which nothing is paid: its kind, and its state in CRM.
OPEN, BILLED = "open", 0
_BILLED, _COMPLETE, _PARTIAL = (0, 4), (2, 100001), (2, 100002)


def events(kinds: pd.Series) -> pd.DataFrame:
    """Return the two things that happen to each invoice: ``first`` and ``second``.

    Each is blank, ``pay 40`` (percent), ``credit 100`` or ``unapply``, with ``late`` before it
    when it happened after the last synchronisation.
    """
    rows = words("payments").set_index("kind")[["first", "second"]]
    return rows.loc[kinds].set_axis(kinds.index, axis=0)


def settled(kinds: pd.Series, *, late: bool) -> pd.Series:
    """Return how many percent of each invoice are settled, with or without what came late."""
    known = {}
    for row in as_rows(words("payments")):
        percent = 0
        for event in (row["first"], row["second"]):
            if event and (late or not event.startswith("late")):
                percent = 0 if "unapply" in event else percent + int(event.split()[-1])
        known[row["kind"]] = percent
    return kinds.map(known)


def states(kinds: pd.Series, *, late: bool = False) -> dict[str, pd.Series]:
    """Return the state and status reason a CRM invoice has by its payments (documents 2.6)."""
    percent = settled(kinds, late=late)
    pairs = percent.map(lambda each: {0: _BILLED, 100: _COMPLETE}.get(each, _PARTIAL))
    return {"statecode": pairs.str[0].reset_index(drop=True),
            "statuscode": pairs.str[1].reset_index(drop=True)}  # fmt: skip


def came_late(kinds: pd.Series) -> pd.Series:
    """Say of which invoices something was heard after the last synchronisation."""
    both = events(kinds)
    return (both["first"] + both["second"]).str.contains("late")
