"""How the codes of one side stand for the records of the other, for every lookup of a mapping."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Condition, FieldMapping, TableMapping
from navcrm_recon.frames import split_key
from navcrm_recon.recon.align import arrow
from navcrm_recon.recon.references import Reference
from navcrm_recon.sync.scene import Scene, coupling_records

_LOOKUPS = ("coupled_lookup", "special_lookup", "option_via_coupling")


def references(scene: Scene, mapping: TableMapping) -> dict[tuple[str, str], Reference]:
    """Return a reference for every enabled row that translates (engine 4.4, 5.3)."""
    built: dict[str | None, Reference] = {}
    out: dict[tuple[str, str], Reference] = {}
    for row in mapping.enabled_fields:
        if row.transfer in _LOOKUPS:
            name = row.via or row.rule
            if name not in built:
                built[name] = _reference(scene, row)
            out[row.pair] = built[name]
    return out


def _reference(scene: Scene, row: FieldMapping) -> Reference:
    if row.transfer == "special_lookup":
        return _account_of_company(scene)
    via = scene.catalog.mappings.get(row.via or "")
    if via is None or not via.enabled:
        nothing = pd.Series(dtype="str")
        return _pairs(nothing, nothing, known=False)
    known = coupling_records(scene, via)
    codes = known["nav_key"]
    if codes.str.contains("\\", regex=False).any():
        codes = codes.map(lambda key: split_key(key)[0])
    if via.crm.name == "transactioncurrency":
        code, currency = local_currency(scene)
        return _pairs(codes, known["crm_id"], code, currency)
    return _pairs(codes, known["crm_id"])


def _pairs(
    codes: pd.Series,
    ids: pd.Series,
    lcy_code: str | None = None,
    lcy_id: str | None = None,
    *,
    known: bool = True,
) -> Reference:
    text = pa.large_string()
    nav, crm = arrow(codes).cast(text), arrow(ids).cast(text)
    return Reference(nav, crm, lcy_code, lcy_id, known)


def local_currency(scene: Scene) -> tuple[str | None, str | None]:
    """Return NAV's local currency code and the CRM currency with that ISO code (documents 4.7)."""
    table = scene.catalog.nav["General Ledger Setup"]
    setup = scene.nav.read(table, ["LCY Code"])
    code = str(setup["LCY Code"].iloc[0]) if len(setup) and "LCY Code" in setup else ""
    if not code:
        unknown = {"subject": ["LCY Code"], "reason": ["blank currency codes are not compared"]}
        scene.note("CURRENCY", "nav", table.name, pd.DataFrame(unknown))
        return None, None
    same_iso = (Condition("isocurrencycode", "eq", code),)
    currencies = scene.crm.read(scene.catalog.crm["transactioncurrency"], [], same_iso)
    return code, str(currencies.index[0]) if len(currencies) else None


def _account_of_company(scene: Scene) -> Reference:
    """Company contact -> customer -> coupled account; empty where any step finds nothing."""
    relation = scene.catalog.nav["Contact Business Relation"]
    customers = (Condition("Link to Table", "eq", 1),)
    links = scene.nav.read(relation, ["Contact No.", "No."], customers)
    coupled = coupling_records(scene, scene.catalog.mappings["CUSTOMER"])
    joined = links.merge(coupled, left_on="No.", right_on="nav_key", how="inner")
    return _pairs(joined["Contact No."], joined["crm_id"])
