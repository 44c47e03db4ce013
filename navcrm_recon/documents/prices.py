"""What analysts ought to know of sales prices before they travel (documents 4.9, G11)."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.frames import conform
from navcrm_recon.recon.prices import COLUMNS, price_findings
from navcrm_recon.sync.price_groups import PRICES, effective_units
from navcrm_recon.sync.renames import followed_records
from navcrm_recon.sync.scene import Scene


def price_collisions(scene: Scene) -> pd.DataFrame:
    """Return frame ``price_collisions``: a row per price and finding, by group, item and price."""
    mapping = scene.catalog.mappings[PRICES]
    prices = scene.nav.read(mapping.nav, list(COLUMNS))
    known = followed_records(scene, mapping).drop_duplicates("nav_key")
    lines = known.set_index("nav_key")["crm_id"]
    units = effective_units(scene, prices)
    found = price_findings(prices, units, lines, pd.Timestamp(scene.today()))
    frame = conform(found, "price_collisions")
    order = ["price_group", "item", "unit", "nav_key"]
    return frame.sort_values(order, kind="stable", ignore_index=True)
