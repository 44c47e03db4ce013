"""What the two passes of a synchronisation would make of a field, row by row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.recon.align import Mask


@dataclass(frozen=True)
class Passes:
    """Say per row what each pass would find; None stands for "nowhere".

    ``same_to_crm`` / ``same_to_nav``: the transfer would change nothing at the destination;
    ``fails_...``: it would fail the record; ``truncated``: text beyond the shorter field;
    ``unknown``: the source has no counterpart (not coupled, not in the option mapping).
    """

    same_to_crm: Mask
    same_to_nav: Mask
    truncated: Mask | None = None
    fails_to_crm: Mask | None = None
    fails_to_nav: Mask | None = None
    unknown: Mask | None = None


def as_mask(array: pa.Array, null: bool) -> Mask:
    """Return an Arrow array of truth values as NumPy's, ``null`` where it has none."""
    return np.asarray(pc.fill_null(array, null).to_numpy(zero_copy_only=False), dtype=bool)
