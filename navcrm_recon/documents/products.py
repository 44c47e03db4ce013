"""Whether units and products stand in CRM as their synchronisation needs it (4.2, 4.5)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from navcrm_recon.documents.orders.lookup import beside, columns
from navcrm_recon.frames import TEXT, conform, join_key
from navcrm_recon.recon.units import checked_units, group_name
from navcrm_recon.sync.goods import read_units
from navcrm_recon.sync.renames import followed_records
from navcrm_recon.sync.scene import Scene, read_naming

_UNITS, _BASE = "UNIT OF MEASURE", "Base Unit of Measure"
_PRODUCTS = ("ITEM-PRODUCT", "RESOURCE-PRODUCT")
_ACTIVE, _RETIRED = 0, 1


def unit_groups(scene: Scene) -> pd.DataFrame:
    """Return frame ``unit_groups``: one row per unit of measure, sorted by code."""
    mapping = scene.catalog.mappings[_UNITS]
    units = scene.nav.read(mapping.nav, ["Code", "Description"])
    codes = units["Code"].astype(TEXT)
    groups = read_naming(scene.crm, mapping.crm, ["name"], "name", group_name(codes))
    checked = checked_units(codes, groups, read_units(scene, groups.index))
    known = followed_records(scene, mapping).set_index("nav_key")["crm_id"]
    used = {table: _users(scene, table) for table in ("Item", "Resource")}
    found = pd.DataFrame({
        "mapping": _UNITS, "nav_key": units.index, "name": units["Description"],
        "crm_id": beside(known, pd.Series(units.index, index=units.index, dtype=TEXT)),
        "items": codes.map(used["Item"]).fillna(0).to_numpy(),
        "resources": codes.map(used["Resource"]).fillna(0).to_numpy(),
        "finding": beside(checked["finding"], codes), "problem": beside(checked["problem"], codes),
    })  # fmt: skip
    return conform(found.reset_index(drop=True), "unit_groups").sort_values(
        "nav_key", ignore_index=True
    )


def item_availability(scene: Scene, items: Sequence[str] | None = None) -> pd.DataFrame:
    """Return frame ``item_availability``: one row per item, by its number (documents 4.3)."""
    mapping = scene.catalog.mappings[_PRODUCTS[0]]
    names = ["Description", "Inventory", _BASE]
    keys = None if items is None else join_key([pd.Series(list(items), dtype=TEXT)]).tolist()
    nav = scene.nav.read(mapping.nav, names, (), keys)
    known = followed_records(scene, mapping).drop_duplicates("nav_key").set_index("nav_key")
    numbers = pd.Series(nav.index, index=nav.index, dtype=TEXT)
    found = pd.DataFrame({
        "nav_key": numbers, "crm_id": beside(known["crm_id"], numbers), "name": nav["Description"],
        "available": nav["Inventory"], "unit": nav[_BASE],
    })  # fmt: skip
    return conform(found.reset_index(drop=True), "item_availability")


def _users(scene: Scene, table: str) -> pd.Series:
    """Return how many records have each unit as their base unit."""
    return scene.nav.read(scene.catalog.nav[table], [_BASE])[_BASE].value_counts()


def product_states(scene: Scene) -> pd.DataFrame:
    """Return frame ``product_states``: one row per coupled product, by mapping and key."""
    parts = [_states(scene, name) for name in _PRODUCTS]
    return pd.concat(parts, ignore_index=True)


def _states(scene: Scene, name: str) -> pd.DataFrame:
    mapping = scene.catalog.mappings[name]
    known = followed_records(scene, mapping)
    title = mapping.nav_name or mapping.nav.key[0]
    nav = scene.nav.read(mapping.nav, [title, "Blocked", _BASE], (), known["nav_key"].tolist())
    crm = scene.crm.read(mapping.crm, ["statecode"], (), known["crm_id"].tolist())
    both = known["nav_key"].isin(list(nav.index)) & known["crm_id"].isin(list(crm.index))
    known = known[both].reset_index(drop=True)
    ours = columns(nav, [title, "Blocked", _BASE], known["nav_key"])
    state = columns(crm, ["statecode"], known["crm_id"])["statecode"].fillna(_ACTIVE)
    blocked = ours["Blocked"].fillna(False).astype(bool)
    captions = mapping.crm.columns["statecode"].options
    finding = np.select(
        [ours[_BASE].eq(""), blocked & state.ne(_RETIRED), ~blocked & state.ne(_ACTIVE)],
        ["no_unit", "not_retired", "not_active"],
        "",
    )
    found = pd.DataFrame({
        "mapping": name, "nav_key": known["nav_key"], "crm_id": known["crm_id"],
        "name": ours[title], "unit": ours[_BASE], "blocked": blocked,
        "state": state.map(dict(captions)), "finding": finding,
    })  # fmt: skip
    return conform(found, "product_states").sort_values("nav_key", ignore_index=True)
