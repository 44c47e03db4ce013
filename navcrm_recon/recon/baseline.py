"""The fingerprint of every mapped field after the last success, so that a diff has a cause.

A baseline is bytes: for each field mapping a 24-byte triple of the pair's own hash, the NAV
value's and the CRM value's fingerprint. It describes itself, so mappings may change under it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from navcrm_recon.catalog.model import FieldMapping, TableMapping
from navcrm_recon.frames import key_text
from navcrm_recon.recon.align import Mask, Records

Hashes = npt.NDArray[np.uint64]


def fingerprints(values: pd.Series) -> Hashes:
    """Return one 64-bit fingerprint per value, of its text as findings show it."""
    return pd.util.hash_array(key_text(values).to_numpy(dtype=object), categorize=False)


def baseline(mapping: TableMapping, nav: Records, crm: Records) -> pd.Series:
    """Return the baselines of aligned records: row i of ``nav`` is coupled with row i of ``crm``.

    Returns
    -------
    Series of ``bytes`` with a plain range as index; a field that a side lacks is left out.
    """
    parts: list[Hashes] = []
    for row in mapping.enabled_fields:
        if row.nav and row.crm and row.nav.name in nav and row.crm.name in crm:
            nav_prints = fingerprints(nav[row.nav.name])
            own = np.full(len(nav_prints), _pair_hash(row), dtype=np.uint64)
            parts += [own, nav_prints, fingerprints(crm[row.crm.name])]
    if not parts:
        return pd.Series([b""] * len(nav.index), dtype=object)
    packed = np.ascontiguousarray(np.column_stack(parts)).astype("<u8")
    return pd.Series([each.tobytes() for each in packed], dtype=object)


def changed_since(
    row: FieldMapping, baselines: pd.Series, nav_text: pd.Series, crm_text: pd.Series
) -> tuple[Mask, Mask, Mask]:
    """Say per record whether the baseline knows the field, and whether either side changed since.

    Returns
    -------
    (known, nav_changed, crm_changed)
        Boolean arrays in the order given; the last two are False where ``known`` is.
    """
    known = np.zeros(len(baselines), dtype=bool)
    nav_changed, crm_changed = known.copy(), known.copy()
    sizes = baselines.map(lambda each: len(each) if isinstance(each, bytes) else 0)
    lengths = sizes.to_numpy(dtype=np.int64)
    for length in np.unique(lengths[lengths > 0]):
        members = np.flatnonzero(lengths == length)
        joined = b"".join(baselines.iloc[members])
        triples = np.frombuffer(joined, dtype="<u8").reshape(len(members), -1, 3)
        match = triples[:, :, 0] == _pair_hash(row)
        has = match.any(axis=1)
        members, triples, place = members[has], triples[has], match[has].argmax(axis=1)
        stored = triples[np.arange(len(members)), place, 1:]
        known[members] = True
        nav_changed[members] = fingerprints(nav_text.iloc[members]) != stored[:, 0]
        crm_changed[members] = fingerprints(crm_text.iloc[members]) != stored[:, 1]
    return known, nav_changed, crm_changed


def _pair_hash(row: FieldMapping) -> np.uint64:
    name = np.array(["|".join(row.pair)], dtype=object)
    return np.uint64(pd.util.hash_array(name, categorize=False)[0])
