"""NAV's exchange rates beside those CRM has (documents 4.6)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Condition
from navcrm_recon.documents.orders.amounts import decimals
from navcrm_recon.frames import DAY, DECIMAL, TEXT, conform, join_key
from navcrm_recon.recon.rates import COLUMNS
from navcrm_recon.sync.rates import rates_of
from navcrm_recon.sync.renames import followed_records
from navcrm_recon.sync.scene import Scene

_MAPPING = "CURRENCY"
#: How near rates are that are the same: both products keep ten decimals.
_NEAR = Decimal("1e-10")


def currency_rates(scene: Scene) -> pd.DataFrame:
    """Return frame ``currency_rates``: one row per NAV currency, sorted by code."""
    mapping = scene.catalog.mappings[_MAPPING]
    nav = scene.nav.read(mapping.nav, ["Code", "Description"]).reset_index(drop=True)
    keys = join_key([nav["Code"]])
    known = followed_records(scene, mapping).drop_duplicates("nav_key").set_index("nav_key")
    ids = known["crm_id"].reindex(keys.to_numpy()).astype(TEXT).fillna("").reset_index(drop=True)
    crm = scene.crm.read(mapping.crm, ["exchangerate"], (), [each for each in ids if each])
    theirs = crm["exchangerate"].reindex(ids.to_numpy()).reset_index(drop=True)
    ours, _ = rates_of(scene, nav["Code"])
    found = pd.DataFrame({
        "nav_key": keys, "crm_id": ids, "name": nav["Description"],
        "rate_from": _days(scene, nav["Code"]), "nav_rate": pd.Series(ours, dtype=DECIMAL),
        "crm_rate": theirs.astype(DECIMAL),
    })  # fmt: skip
    found["finding"] = _findings(found, ids.isin(list(crm.index)), pd.Timestamp(scene.today()))
    frame = conform(found.assign(mapping=_MAPPING), "currency_rates")
    return frame.sort_values("nav_key", ignore_index=True)


def _findings(found: pd.DataFrame, there: pd.Series, today: pd.Timestamp) -> Any:
    """Say what is to be known of each currency, the gravest first."""
    apart = decimals(found["nav_rate"]) - decimals(found["crm_rate"])
    differs = (apart > _NEAR) | (apart < -_NEAR)
    return np.select(
        [
            found["crm_id"].eq(""),
            ~there,
            found["nav_rate"].isna(),
            found["crm_rate"].isna() | differs.astype(bool),
            found["rate_from"].gt(today),
        ],
        ["not_coupled", "gone_from_crm", "no_rate", "other_rate", "future_rate"],
        "",
    )


def _days(scene: Scene, codes: pd.Series) -> pd.Series:
    """Return the Starting Date of the rate that counts: the last one (CU4)."""
    table = scene.catalog.nav["Currency Exchange Rate"]
    where = (Condition("Currency Code", "in", codes.tolist()),)
    rates = scene.nav.read(table, list(COLUMNS), where)
    last = rates.groupby("Currency Code")["Starting Date"].max()
    return last.reindex(codes.to_numpy()).reset_index(drop=True).astype(DAY)
