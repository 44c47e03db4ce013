"""Chance that repeats: everything drawn here depends on the seed and a purpose alone."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from navcrm_recon.frames import TEXT

Picks = npt.NDArray[np.int64]


def stream(seed: int, purpose: str) -> np.random.Generator:
    """Return a source of chance of its own for one purpose."""
    return np.random.default_rng([seed, zlib.crc32(purpose.encode())])


def guids(seed: int, purpose: str, count: int) -> pd.Series:
    """Return ``count`` random lower-case GUIDs (version 4), the same for the same purpose."""
    raw = np.frombuffer(stream(seed, purpose).bytes(16 * count), dtype=np.uint8)
    raw = raw.reshape(count, 16).copy()
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    text = raw.tobytes().hex()
    parts = [text[32 * row : 32 * row + 32] for row in range(count)]
    return pd.Series(
        [f"{p[:8]}-{p[8:12]}-{p[12:16]}-{p[16:20]}-{p[20:]}" for p in parts], dtype=TEXT
    )


def numbers(prefix: str, first: int, count: int, step: int = 1) -> pd.Series:
    """Return the codes a number series gives: ``C10000``, ``C10010``, ..."""
    return pd.Series([f"{prefix}{first + step * row}" for row in range(count)], dtype=TEXT)


def take(values: pd.Series | Sequence[str], picks: Picks) -> pd.Series:
    """Return the values at the picked positions, with a plain index."""
    series = values if isinstance(values, pd.Series) else pd.Series(list(values), dtype=TEXT)
    return series.take(picks).reset_index(drop=True)
