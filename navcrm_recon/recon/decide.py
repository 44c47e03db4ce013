"""The decision table: what a pass does with each record it examines (engine 3.7 to 3.9)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.frames import TEXT

#: What ``decide`` reads of each record, all bool.
FACTS = (
    "skipped",  # the coupling is marked skipped
    "yields",  # another record of the source stands for the record of the other side (PG10)
    "coupled",
    "gone",  # coupled, and the record of the other side is not there
    "matched",  # not coupled, but found on the other side (2.4)
    "only_coupled",  # only coupled records are synchronised
    "forced",
    "closed",  # the partner is closed, and takes no change any more
    "protected",  # the partner was changed since, and is not to be overwritten (R7.5)
    "modified",  # the source changed since the last synchronisation (3.6)
    "both_modified",  # both records did, and the mapping goes both ways
    "fails",  # a field cannot be transferred
    "unfit",  # a column beyond the field mappings cannot be (4.7)
    "changes",  # something would be written
    "collides",  # a bidirectional field would be (with merge: one that both sides changed)
)


def decide(mapping: TableMapping, direction: Direction, facts: pd.DataFrame) -> pd.DataFrame:
    """Return what a pass does with each record; the first row of the table that holds decides.

    Parameters
    ----------
    facts
        One row per record with the columns of ``FACTS``.

    Returns
    -------
    DataFrame
        ``action`` (str: ``insert, modify, unchanged, skip, fail, conflict, uncouple, restore``),
        ``rule`` (str, the row of engine 3.7), ``reason`` (str); index as ``facts``.
    """
    f = {name: facts[name].to_numpy(dtype=bool) for name in FACTS}
    gone, forced, uncoupled = f["gone"], f["forced"], ~f["coupled"] & ~f["matched"]
    conflict = ~forced & f["both_modified"] & f["collides"]
    lost = gone & (f["fails"] | f["unfit"])
    when_deleted = _when_deleted(mapping)
    when_both = _when_both(mapping, direction)
    table: list[tuple[Any, str, str, str]] = [
        (f["skipped"], "skip", "D1", "the coupling is skipped until it is restored"),
        (f["yields"], "skip", "PG10", _YIELDS),
        (gone & forced, "fail", "D2c", "coupled to a deleted record"),
        (lost & (when_deleted[0] == "restore"), "fail", "D11", _NOT_TRANSFERRED),
        (gone, when_deleted[0], "D2b", when_deleted[1]),
        (f["closed"], "skip", "IL5", "closed on the other side, where it takes no change any more"),
        (f["protected"], "skip", "R7.5", _PROTECTED),
        (uncoupled & f["only_coupled"], "skip", "D3", "not coupled, and the mapping only "
         "synchronises coupled records"),
        (f["coupled"] & ~forced & ~f["modified"], "unchanged", "D6",
         "not modified since the last synchronisation"),
        (f["fails"], "fail", "D11", _NOT_TRANSFERRED),
        (conflict, when_both[0], "D8", when_both[1]),
        (f["unfit"], "fail", "D11", _NOT_TRANSFERRED),
        (uncoupled, "insert", "D4", "not coupled"),
        (f["matched"], "modify", "D5", "not coupled, but the same record is there"),
        (~forced & ~f["changes"], "unchanged", "D7", "modified, but nothing mapped differs"),
        (~forced & f["both_modified"], "modify", "D8", "both records were changed, in fields "
         "that do not collide"),
        (~forced, "modify", "D9", "modified"),
    ]  # fmt: skip
    conditions = [row[0] for row in table]
    columns = {
        name: np.select(conditions, [row[place] for row in table], default)
        for place, (name, default) in enumerate(
            (("action", "modify"), ("rule", "D10"), ("reason", "forced")), start=1
        )
    }
    return pd.DataFrame(columns, index=facts.index, dtype=TEXT)


_NOT_TRANSFERRED = "a field could not be transferred"
_PROTECTED = "the other side was changed since the last synchronisation; name the record alone " \
    "to overwrite it"  # fmt: skip
_YIELDS = "another price falls on the same line of the price list, and wins it"


def _when_deleted(mapping: TableMapping) -> tuple[str, str]:
    """Return action and reason of a deletion conflict (engine 3.8)."""
    return {
        "none": ("fail", "coupled to a deleted record"),
        "restore": ("restore", "coupled to a deleted record, which is made anew"),
        "remove_coupling": ("uncouple", "coupled to a deleted record: the coupling goes"),
    }[mapping.deletion_conflict]


def _when_both(mapping: TableMapping, direction: Direction) -> tuple[str, str]:
    """Return action and reason of an update conflict (engine 3.9; ``merge``: design, idea 2)."""
    winner = {"send": "to_crm", "get": "to_nav"}.get(mapping.update_conflict)
    if winner is None:
        return "conflict", "both records were changed"
    if winner == direction:
        return "modify", f"both records were changed; the mapping says {mapping.update_conflict}"
    return "skip", f"both records were changed; the mapping says {mapping.update_conflict}"
