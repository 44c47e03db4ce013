"""Values of records beside the keys that name them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pandas as pd

from navcrm_recon.frames import TEXT


def columns(frame: pd.DataFrame, names: Iterable[str], keys: pd.Series) -> pd.DataFrame:
    """Return columns of records beside keys, with the index of these; blank where there is none."""
    found = frame[list(names)].reindex(keys.to_numpy())
    found.index = keys.index
    return found


def beside(values: pd.Series, keys: pd.Series) -> pd.Series:
    """Return texts beside keys, with the index of these; '' where there is none."""
    once = values[~values.index.duplicated()].astype(TEXT)
    found = once.reindex(keys.to_numpy()).fillna("")
    found.index = keys.index
    return found


def said(value: Any) -> bool:
    """Say whether a truth value is there and true."""
    return bool(pd.notna(value) and value)
