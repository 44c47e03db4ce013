"""Some sales documents in memory: who buys, and the lines."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Documents:
    """Documents of buyers: ``who`` one row each, ``lines`` their priced lines."""

    who: pd.DataFrame
    lines: pd.DataFrame

    def only(self, chosen: pd.Series) -> Documents:
        """Return some of the documents, counted from 0 again."""
        place = np.flatnonzero(chosen.to_numpy(dtype=bool))
        kept = self.lines[self.lines["document"].isin(place)].reset_index(drop=True)
        kept = kept.assign(document=np.searchsorted(place, kept["document"]))
        return Documents(self.who.take(place).reset_index(drop=True), kept)

    def by(self, column: str) -> Documents:
        """Return the documents in the order of a column."""
        order = self.who[column].argsort(kind="stable").to_numpy()
        rank = np.empty_like(order)
        rank[order] = np.arange(len(order))
        lines = self.lines.assign(document=rank[self.lines["document"]])
        lines = lines.sort_values("document", kind="stable", ignore_index=True)
        return Documents(self.who.take(order).reset_index(drop=True), lines)

    def followed_by(self, others: Documents) -> Documents:
        """Return these documents and others after them."""
        shifted = others.lines.assign(document=others.lines["document"] + len(self.who))
        return Documents(
            pd.concat([self.who, others.who], ignore_index=True),
            pd.concat([self.lines, shifted], ignore_index=True),
        )
