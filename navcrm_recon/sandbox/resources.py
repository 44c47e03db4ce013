"""The small tables the demo company is made from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pandas as pd

from navcrm_recon.errors import NotFoundError

_PACKAGE = Path(__file__).parents[1]


def data_folder() -> Path:
    """Return the folder of the small tables: in the package where installed, else in the checkout.

    Raises
    ------
    NotFoundError
        The folder is in neither place.
    """
    for folder in (_PACKAGE / "data", _PACKAGE.parent / "data"):
        if (folder / "towns.csv").is_file():
            return folder
    raise NotFoundError("The data of the demo company is missing; install navcrm_recon again.")


def words(name: str) -> pd.DataFrame:
    """Return one of the small tables, everything as text, blanks as the empty text."""
    return _read(name).copy()


@cache
def _read(name: str) -> pd.DataFrame:
    return pd.read_csv(data_folder() / f"{name}.csv", dtype=str, keep_default_na=False)
