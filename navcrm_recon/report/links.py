"""Addresses beside the keys of a frame, so that a table's keys open the records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.recon.links import crm_urls, nav_urls

if TYPE_CHECKING:
    from navcrm_recon import Workspace


def linked(frame: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Add ``nav_url`` and ``crm_url`` (str) to a frame with ``mapping, nav_key, crm_id``.

    Nothing is read: an address follows from the key. It is blank where the workspace names no
    server, where the product has no page for such a record, and for a record that is not born yet.
    """
    setup = ws.config.setup
    client = str(setup.get("nav_web_client", "")) if setup.get("solution_installed", True) else ""
    server = str(setup.get("server_address", ""))
    out = frame.assign(nav_url=_blank(frame), crm_url=_blank(frame))
    for name, rows in frame.groupby("mapping"):
        mapping = ws.catalog.coupled.get(str(name))
        if mapping is not None:
            keys, ids = (_born(rows[key]) for key in ("nav_key", "crm_id"))
            of_option = mapping.option_attribute is not None
            nav = nav_urls(client, ws.config.company, mapping.nav, keys)
            crm = crm_urls("" if of_option else server, mapping.crm, ids)
            out.loc[rows.index, ["nav_url", "crm_url"]] = pd.DataFrame(
                {"nav_url": nav, "crm_url": crm}
            )
    return out


def _blank(frame: pd.DataFrame) -> pd.Series:
    return pd.Series("", index=frame.index, dtype=TEXT)


def _born(keys: pd.Series) -> pd.Series:
    return keys.mask(keys.str.startswith("<new "), "")
