"""Records that both sides changed, and what each resolution would make of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

import pandas as pd

from navcrm_recon.frames import TEXT, empty
from navcrm_recon.report.charts import bars
from navcrm_recon.report.links import linked
from navcrm_recon.report.markup import Fragment

if TYPE_CHECKING:
    from navcrm_recon import Workspace
    from navcrm_recon.catalog.model import TableMapping
    from navcrm_recon.sync.plan import Plan

#: What ``update_conflict`` may say, other than that nothing is written.
RESOLUTIONS: tuple[Literal["send", "get", "merge"], ...] = ("send", "get", "merge")

_WITH = tuple(f"with_{setting}" for setting in RESOLUTIONS)
_KEYS = ["mapping", "nav_key", "crm_id"]
_FIELD = [*_KEYS, "nav_field", "crm_field"]


def conflicts(ws: Workspace, mapping: str | None = None) -> pd.DataFrame:
    """Return the differences of pairs that the next synchronisation would not settle.

    Parameters
    ----------
    mapping
        One mapping alone; blank = all enabled ones that go both ways.

    Returns
    -------
    DataFrame
        ``mapping, nav_key, crm_id, nav_name, crm_name, nav_field, crm_field, nav_value,
        crm_value, cause, resolution``, then ``with_send, with_get, with_merge`` (the resolution
        under that setting of ``update_conflict``) and ``nav_url, crm_url``, all str; resolution
        ``conflict`` or ``blocked``, conflicts first.
    """
    found = [_of_mapping(ws, ws.mappings[each]) for each in _names(ws, mapping)]
    every = pd.concat([_nothing(), *found], ignore_index=True).astype(TEXT)
    order = every["resolution"].map({"conflict": 0, "blocked": 1})
    return linked(every.iloc[order.argsort(kind="stable")].reset_index(drop=True), ws)


def _names(ws: Workspace, mapping: str | None) -> list[str]:
    if mapping:
        ws.couplings(mapping)  # says so where there is no such mapping
        return [mapping]
    both = [each for each in ws.mappings.values() if each.direction == "both" and each.enabled]
    return [each.name for each in both]


def _of_mapping(ws: Workspace, mapping: TableMapping) -> pd.DataFrame:
    rows = ws.diff(mapping.name)
    rows = rows[rows["resolution"].isin(["conflict", "blocked"])]
    if not len(rows):
        return _nothing()
    names = ws.couplings(mapping.name).drop_duplicates(_KEYS)[[*_KEYS, "nav_name", "crm_name"]]
    rows = rows.merge(names, on=_KEYS, how="left", validate="many_to_one")
    for setting in RESOLUTIONS:
        told = _under(ws, mapping, setting)
        rows = rows.merge(told, on=_FIELD, how="left", validate="many_to_one")
    return rows.fillna("")[list(_nothing().columns)]


def _under(
    ws: Workspace, mapping: TableMapping, setting: Literal["send", "get", "merge"]
) -> pd.DataFrame:
    """Return what the next run would do if the mapping settled conflicts in another way."""
    changed = replace(mapping, update_conflict=setting)
    catalog = replace(ws.catalog, mappings={**ws.catalog.mappings, mapping.name: changed})
    told = type(ws)(ws.config, catalog).diff(mapping.name).drop_duplicates(_FIELD)
    return told[[*_FIELD, "resolution"]].rename(columns={"resolution": f"with_{setting}"})


def _nothing() -> pd.DataFrame:
    diff = empty("diff")
    for name in ("nav_name", "crm_name", *_WITH):
        diff[name] = pd.Series(dtype=TEXT)
    return diff[[*_KEYS, "nav_name", "crm_name", *_FIELD[3:], "nav_value", "crm_value", "cause",
                 "resolution", *_WITH]]  # fmt: skip


def planned_conflicts(plan: Plan, ws: Workspace) -> pd.DataFrame:
    """Return the records a plan has as conflicts, with the fields that collide.

    Returns
    -------
    DataFrame
        ``mapping, direction, nav_key, crm_id, fields, reason, nav_url, crm_url``, all str.
    """
    rows = plan.actions[plan.actions["action"].eq("conflict")].reset_index(drop=True)
    return linked(rows[["mapping", "direction", "nav_key", "crm_id", "fields", "reason"]], ws)


def conflict_counts(found: pd.DataFrame) -> pd.DataFrame:
    """Count what is in the way: ``mapping, resolution`` (str), ``records, fields`` (int64)."""
    rows = found.assign(record=found["nav_key"] + "\0" + found["crm_id"])
    counted = rows.groupby(["mapping", "resolution"], sort=False).agg(
        records=("record", "nunique"), fields=("record", "size")
    )
    return counted.astype("int64").reset_index()


def conflict_chart(found: pd.DataFrame) -> Fragment:
    """Show the fields that stand in the way most often."""
    field = found["nav_field"].where(found["nav_field"].ne(""), found["crm_field"])
    counts = (found["mapping"] + ": " + field).value_counts().head(12)
    return bars(counts, "The 12 fields that differ most in these records", "differences")


def settled_by(found: pd.DataFrame) -> pd.DataFrame:
    """Count the fields by what each setting of ``update_conflict`` would do with them.

    Returns
    -------
    DataFrame
        ``setting`` (str: ``send, get, merge``), then, int64, ``to_crm, to_nav, merge, conflict,
        blocked, none``.
    """
    codes = ["to_crm", "to_nav", "merge", "conflict", "blocked", "none"]
    rows = {
        name: found[f"with_{name}"].value_counts().reindex(codes).fillna(0) for name in RESOLUTIONS
    }
    counted = pd.DataFrame(rows, index=codes).T.astype("int64")
    return counted.rename_axis("setting").reset_index().astype({"setting": TEXT})


def side_by_side(found: pd.DataFrame, resolution: str) -> pd.DataFrame:
    """Return the differences of one resolution, both values and what each setting would do."""
    rows = found[found["resolution"].eq(resolution)].reset_index(drop=True)
    return rows.drop(columns=["resolution", "nav_name", "crm_name"])
