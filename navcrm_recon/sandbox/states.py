"""The planted coupling states: records missing, deleted, uncoupled or outside a filter."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import SideName
from navcrm_recon.sandbox.company import EDITS_FROM, LCY, Company
from navcrm_recon.sandbox.edits import constant_series, touch, write
from navcrm_recon.sandbox.resources import words

_NAV_GONE = ("crm_only", "nav_deleted", "both_deleted")
_CRM_GONE = ("nav_only", "crm_deleted", "both_deleted")
_UNCOUPLED = ("nav_only", "crm_only")
INVOICE, LINE = "POSTEDSALESINV-INV", "POSTEDSALESLINE-INV"
#: Tables that lose their rows when a NAV record goes: mapping, table, its column.
_CHILDREN = (
    ("ITEM-PRODUCT", "Item Ledger Entry", "Item No."),
    ("RESOURCE-PRODUCT", "Res. Capacity Entry", "Resource No."),
    ("RESOURCE-PRODUCT", "Resource Unit of Measure", "Resource No."),
    ("CUSTOMER", "Contact Business Relation", "No."),
)


@dataclass
class Fate:
    """A state and the pairs it happens to; ``setting`` puts them outside a filter of ``side``."""

    mapping: str
    state: str
    pairs: pd.DataFrame
    side: SideName = "nav"
    setting: tuple[str, str] = ("", "")


def choose_fates(company: Company) -> list[Fate]:
    """Choose the records of every planted state among those nothing else refers to."""
    fates: list[Fate] = []
    left: dict[str, pd.DataFrame] = {}
    for _, row in words("states").iterrows():
        mapping = row["mapping"]
        if mapping not in left:
            left[mapping] = _spare(company, mapping, fates)
        count = int(row["count"]) * (company.scale if row["grows"] else 1)
        chosen = left[mapping].iloc[:count].reset_index(drop=True)
        if len(chosen) < count:
            raise ValueError(f"{mapping} {row['state']} needs {count} records, {len(chosen)} left")
        left[mapping] = left[mapping].iloc[count:]
        name, _, value = row["set"].partition("=")
        fates.append(
            Fate(
                mapping,
                row["state"],
                chosen,
                "crm" if row["side"] == "crm" else "nav",
                (name, value),
            )
        )
        if mapping == INVOICE:
            fates.append(_lines(company, row["state"], chosen))
    return fates


def _spare(company: Company, mapping: str, fates: list[Fate]) -> pd.DataFrame:
    pairs = company.pairs[mapping]
    spare = pairs[pairs["nav_key"].isin(company.spare[mapping])]
    spare = spare.take(company.chance(f"states {mapping}").permutation(len(spare)))
    return unfated(spare, mapping, fates)


def unfated(pairs: pd.DataFrame, mapping: str, fates: list[Fate]) -> pd.DataFrame:
    """Return the pairs of a mapping that nothing happens to."""
    keys = [fate.pairs["nav_key"] for fate in fates if fate.mapping == mapping]
    return pairs[~pairs["nav_key"].isin(pd.concat(keys))] if keys else pairs


def _lines(company: Company, state: str, invoices: pd.DataFrame) -> Fate:
    """Return the lines that share the fate of their invoices."""
    pairs = company.pairs[LINE]
    document = company.nav["Sales Invoice Line"].loc[pairs["nav_key"], "Document No."]
    own = document.isin(invoices["nav_key"]).to_numpy(dtype=bool)
    return Fate(LINE, state, pairs[own].reset_index(drop=True))


def uncoupled(fates: list[Fate], side: SideName) -> dict[str, pd.Index[str]]:
    """Return per mapping the records of one side that will have no partner."""
    state, key = ("nav_only", "nav_key") if side == "nav" else ("crm_only", "crm_id")
    return {fate.mapping: pd.Index(fate.pairs[key]) for fate in fates if fate.state == state}


def apply_fates(company: Company, fates: list[Fate]) -> None:
    """Delete, uncouple and move out of the filters, once baselines are taken."""
    for fate in fates:
        if fate.state == "out_of_filter":
            _leave_filter(company, fate)
        if fate.state in _NAV_GONE:
            _drop(company, fate, "nav")
        if fate.state in _CRM_GONE:
            _drop(company, fate, "crm")
        if fate.state in _UNCOUPLED:
            pairs = company.pairs[fate.mapping]
            gone = pairs["nav_key"].isin(fate.pairs["nav_key"])
            company.pairs[fate.mapping] = pairs[~gone].reset_index(drop=True)
    for mapping, table, column in _CHILDREN:
        parents = company.nav[company.catalog.mappings[mapping].nav.name].index
        rows = company.nav[table]
        company.nav[table] = rows[rows[column].isin(parents)]


def _leave_filter(company: Company, fate: Fate) -> None:
    name, value = fate.setting
    table = company.catalog.mappings[fate.mapping].table(fate.side)
    keys = fate.pairs["nav_key" if fate.side == "nav" else "crm_id"]
    touch(company, fate.mapping, fate.side, keys)
    new = write(company, fate.mapping, fate.side, name, constant_series(table, name, value, keys))
    if fate.side == "nav":
        fate.pairs["nav_key"] = new.to_numpy()


def _drop(company: Company, fate: Fate, side: SideName) -> None:
    table = company.catalog.mappings[fate.mapping].table(side).name
    frames = company.frames(side)
    keys = pd.Index(fate.pairs["nav_key" if side == "nav" else "crm_id"])
    frames[table] = frames[table].drop(keys)
    if side == "nav":
        if fate.state != "crm_only":
            before = company.retired.get(table)
            when = pd.Series(EDITS_FROM, index=keys).astype("datetime64[us, UTC]")
            company.retired[table] = when if before is None else pd.concat([before, when])
        company.modified[table] = company.modified[table].drop(keys)


def expected_states(company: Company, fates: list[Fate]) -> pd.DataFrame:
    """Return one row per record or coupling that must not read ``coupled``."""
    parts = [
        pd.DataFrame(
            {
                "mapping": fate.mapping,
                "nav_key": "" if fate.state == "crm_only" else fate.pairs["nav_key"],
                "crm_id": "" if fate.state == "nav_only" else fate.pairs["crm_id"],
                "expected": fate.state,
            }
        )
        for fate in fates
    ]
    currencies = company.crm["transactioncurrency"]
    # NAV has no record for its own currency, so CRM's stands alone (documents 4.7).
    local = {"mapping": "CURRENCY", "nav_key": "", "expected": "crm_only"}
    own = currencies.index[currencies["isocurrencycode"] == LCY]
    parts += [pd.DataFrame({**local, "crm_id": own}), _option_states()]
    parts += [
        pd.DataFrame({"mapping": name, "nav_key": keys, "crm_id": "", "expected": "nav_only"})
        for name, keys in company.uncoupled.items()
    ]
    return pd.concat(parts, ignore_index=True).assign(frame="couplings")


def _option_states() -> pd.DataFrame:
    rows = words("options")
    joined = (rows["code"] != "") & (rows["value"] != "")
    state = np.select(
        [~joined & (rows["value"] == ""), ~joined, rows["record"] == "no", rows["label"] == ""],
        ["nav_only", "crm_only", "nav_deleted", "crm_deleted"],
        default="coupled",
    )
    frame = rows.assign(expected=state).rename(columns={"code": "nav_key", "value": "crm_id"})
    frame = frame[frame["expected"] != "coupled"]
    return frame[["mapping", "nav_key", "crm_id", "expected"]]
