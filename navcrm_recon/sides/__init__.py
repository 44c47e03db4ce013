"""Where the two systems live: one `Side` each, whatever it is made of."""

from __future__ import annotations

from collections.abc import Mapping

from navcrm_recon.catalog.model import Catalog, SideName
from navcrm_recon.errors import ConfigError, nearest, shorten
from navcrm_recon.sides.files import FilesSide
from navcrm_recon.sides.side import Side
from navcrm_recon.sides.sql import SqlSide
from navcrm_recon.sides.writing import Write, Written

__all__ = ["FilesSide", "Side", "SqlSide", "Write", "Written", "open_side"]

_KINDS = ("sql", "files")


def open_side(
    name: SideName, config: Mapping[str, object], *, company: str, catalog: Catalog
) -> Side:
    """Open a side as the workspace file describes it (contract 3) and see that it is there.

    Raises
    ------
    ConfigError
        The kind is not one this version reads, or the address cannot be used.
    SideError
        The database or folder is not there or cannot be reached.
    """
    kind, url = config.get("kind"), str(config.get("url") or "")
    if kind not in _KINDS:
        raise ConfigError(
            f"{name}.kind: '{shorten(kind)}' cannot be read; this version reads sql and files."
            f"{nearest(kind, _KINDS)}"
        )
    if kind == "files":
        return FilesSide(name, url, catalog=catalog)
    side = SqlSide(name, url, company=company, catalog=catalog)
    side.describe()
    return side
