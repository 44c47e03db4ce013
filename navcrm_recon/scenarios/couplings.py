"""Write the couplings and the option mapping a scenario gives to the state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from navcrm_recon.catalog import SideName
from navcrm_recon.errors import NotFoundError, nearest
from navcrm_recon.frames import UTC, conform
from navcrm_recon.recon.baseline import baseline
from navcrm_recon.scenarios.databases import SIDES
from navcrm_recon.scenarios.grammar import moment
from navcrm_recon.scenarios.handles import Handles
from navcrm_recon.state.store import Store
from navcrm_recon.workspace import Workspace

_STAMPS = ("last_synch_modified_on", "last_synch_crm_modified_on")


def keep(workspace: Workspace, state: str, handles: Handles, given: Mapping[str, Any]) -> None:
    """Write ``given.options`` and ``given.couplings`` to the state at a URL.

    Raises
    ------
    NotFoundError
        One of them names a mapping that does not exist.
    """
    options, couplings = given.get("options", []), given.get("couplings", [])
    known = workspace.catalog.coupled
    for each in (*options, *couplings):
        if each["mapping"] not in known:
            hint = nearest(each["mapping"], known)
            raise NotFoundError(f"There is no mapping '{each['mapping']}'.{hint}")
    store = Store(state)
    store.save_option_mapping(conform(pd.DataFrame(options), "option_mapping"))
    if couplings:
        records = pd.DataFrame([_record(workspace, handles, each) for each in couplings])
        store.save_couplings(conform(records, "coupling_records"))


def _record(workspace: Workspace, handles: Handles, given: Mapping[str, Any]) -> dict[str, Any]:
    out = {name: value for name, value in given.items() if name != "synchronized"}
    out["nav_key"], out["crm_id"] = str(given["nav_key"]), handles.id(given["crm_id"])
    for name in _STAMPS:
        if out.get(name):
            out[name] = pd.Timestamp(moment(out[name])).as_unit("us")
    mapping = workspace.catalog.coupled[str(given["mapping"])]
    if mapping.option_attribute is None:
        stamps = workspace.side("nav").stamps(mapping.nav, [out["nav_key"]])
        out["integration_id"] = stamps["identity"].iloc[0] if len(stamps) else ""
    if given.get("synchronized"):
        out = _synchronized(workspace, str(given["mapping"]), out)
    return out


def _synchronized(workspace: Workspace, name: str, record: dict[str, Any]) -> dict[str, Any]:
    """Add what a success leaves: both stamps, both results, the baseline."""
    stamped = {"last_synch_result": "success", "last_synch_crm_result": "success"} | record
    mapping = workspace.catalog.coupled[name]
    keys: dict[SideName, str] = {"nav": record["nav_key"], "crm": record["crm_id"]}
    frames: dict[SideName, pd.DataFrame] = {}
    for side, stamp in zip(SIDES, _STAMPS, strict=True):
        table, at = mapping.table(side), workspace.side(side)
        times = at.stamps(table, [keys[side]])["modified_on"].astype(UTC)
        if stamp not in stamped:
            stamped[stamp] = times.iloc[0] if len(times) else pd.NaT
        frames[side] = at.read(table, mapping.columns(side), (), [keys[side]])
    if len(frames["nav"]) and len(frames["crm"]):
        stamped["baseline"] = baseline(mapping, frames["nav"], frames["crm"]).iloc[0]
    return stamped
