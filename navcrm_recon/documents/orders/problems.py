"""Why an order cannot become a NAV order: which order, line, field and value, and what to do.

Every problem of an order is listed, not only the first (documents 1.13).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.errors import shorten
from navcrm_recon.frames import TEXT, as_rows, conform
from navcrm_recon.recon.align import Mask


@dataclass
class Problems:
    """Collects what is wrong; ``labels``: how people know each order, by its CRM id."""

    labels: pd.Series
    found: list[pd.DataFrame] = field(default_factory=list)

    def add(
        self, rule: str, rows: pd.DataFrame, wrong: Mask | pd.Series, name: str, text: str
    ) -> None:
        """Note what is wrong with some rows, which have ``crm_id`` and may have ``line``.

        Parameters
        ----------
        name
            The field that is wrong; its value is in the column ``value`` of the rows.
        text
            Told of each row; may use its columns by name, as ``{value}``.
        """
        bad = rows[np.asarray(wrong, dtype=bool)]
        if not len(bad):
            return
        lines = bad["line"] if "line" in bad else pd.Series("", index=bad.index)
        shown = bad.map(_shown)
        told = [text.format(**row) for row in as_rows(shown)]
        found = {
            "crm_id": bad["crm_id"].to_numpy(),
            "rule": rule,
            "line": lines.astype(TEXT).to_numpy(),
            "field": name,
            "value": [_shown(value) for value in bad.get("value", [""] * len(bad))],
            "message": told,
        }
        self.found.append(pd.DataFrame(found))

    def frame(self) -> pd.DataFrame:
        """Return frame ``order_problems``, by order in the order they were found."""
        if not self.found:
            return conform(pd.DataFrame(), "order_problems")
        rows = pd.concat(self.found, ignore_index=True)
        label = rows["crm_id"].map(self.labels)
        line = rows["line"].where(rows["line"].eq(""), ", line " + rows["line"].astype(str))
        message = "Sales order " + label + line + ": " + rows["message"]
        rows = conform(rows.assign(message=message), "order_problems")
        return rows.sort_values("crm_id", kind="stable", ignore_index=True)


def _shown(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value.normalize(), "f")
    return "" if value is None or value is pd.NA or value != value else shorten(value)


def labels(orders: pd.DataFrame) -> pd.Series:
    """Return how people know CRM orders: by number, else by name, else by id."""
    number, name = orders["ordernumber"].astype(TEXT), orders["name"].astype(TEXT)
    label = number.where(number.ne(""), name)
    return label.where(label.ne(""), pd.Series(orders.index, index=orders.index, dtype=TEXT))
