"""Plant known discrepancies in a company whose two sides agree, and list what must be found."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT, UTC
from navcrm_recon.recon.baseline import baseline
from navcrm_recon.sandbox.cases import (
    Case,
    Partners,
    apply_cases,
    choose_cases,
    expected_differences,
)
from navcrm_recon.sandbox.company import Company, has_record_ids
from navcrm_recon.sandbox.masters import OPTION_ATTRIBUTES
from navcrm_recon.sandbox.mirror import as_sent
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sandbox.states import (
    INVOICE,
    LINE,
    Fate,
    apply_fates,
    choose_fates,
    expected_states,
    uncoupled,
    unfated,
)

#: What ``planted.csv`` says of each expected finding.
PLANTED = [
    "frame",
    "mapping",
    "nav_key",
    "crm_id",
    "nav_field",
    "crm_field",
    "expected",
    "resolution",
    "value",
    "nav_code",
    "records_affected",
]
_USED_IN = {
    "PAYMENT TERMS": "Payment Terms Code",
    "SHIPMENT METHOD": "Shipment Method Code",
    "SHIPPING AGENT": "Shipping Agent Code",
}


def plant(company: Company) -> pd.DataFrame:
    """Plant everything and return what the frames must show: columns ``PLANTED``, all text.

    Afterwards ``company.pairs`` holds what the state remembers of each coupling.
    """
    fates = choose_fates(company)
    free = {name: _free(company, name, fates) for name in company.pairs}
    cases = choose_cases(company, free)
    partners = Partners(free, {"nav": uncoupled(fates, "nav"), "crm": uncoupled(fates, "crm")})
    apply_cases(company, cases, "before", partners)
    _remember(company)
    apply_cases(company, cases, "after", partners)
    apply_fates(company, fates)
    _forget(company, cases)
    every = [
        expected_states(company, fates),
        expected_differences(cases),
        _expected_options(company),
    ]
    return as_planted(pd.concat(every, ignore_index=True))


def as_planted(found: pd.DataFrame) -> pd.DataFrame:
    """Return expected findings as ``planted.csv`` lists them: columns ``PLANTED``, sorted."""
    planted = found.reindex(columns=PLANTED).astype(TEXT).fillna("")
    return planted.sort_values(PLANTED, ignore_index=True)


def _free(company: Company, mapping: str, fates: list[Fate]) -> pd.DataFrame:
    """Return the pairs of a mapping that anything may happen to."""
    pairs = unfated(company.pairs[mapping], mapping, fates)
    kept = [company.kept.get(mapping, pd.Index([], dtype=TEXT))]
    if mapping in (INVOICE, LINE):
        # An invoice some lines of which are gone fails as a whole.
        lines = company.nav["Sales Invoice Line"]["Document No."]
        broken = lines.loc[pd.concat([f.pairs["nav_key"] for f in fates if f.mapping == LINE])]
        kept.append(lines.index[lines.isin(broken)] if mapping == LINE else pd.Index(broken))
    return pairs[~pairs["nav_key"].isin(np.concatenate(kept))]


def _remember(company: Company) -> None:
    """Let everything be in synchronisation as of now: stamps, results and baselines."""
    for name, pairs in company.pairs.items():
        mapping = company.catalog.coupled[name]
        table, entity = mapping.nav, company.crm[mapping.crm.name]
        nav_keys, crm_ids = pd.Index(pairs["nav_key"]), pd.Index(pairs["crm_id"])
        known = pairs.assign(
            skipped=False,
            last_synch_modified_on=company.modified[table.name].reindex(nav_keys).to_numpy(),
            last_synch_crm_modified_on=entity["modifiedon"].reindex(crm_ids).to_numpy(),
            last_synch_result="success" if mapping.direction != "to_crm" else "",
            last_synch_crm_result="success" if mapping.direction != "to_nav" else "",
            baseline=None,
        )
        if not has_record_ids(table):
            known["last_synch_modified_on"] = pd.NaT
        for stamp in ("last_synch_modified_on", "last_synch_crm_modified_on"):
            known[stamp] = pd.to_datetime(known[stamp], utc=True).astype(UTC)
        if mapping.fields:
            before = as_sent(company, name, company.nav[table.name].loc[nav_keys])
            known["baseline"] = baseline(mapping, before, entity.loc[crm_ids]).to_numpy()
        company.pairs[name] = known


def _forget(company: Company, cases: list[Case]) -> None:
    """Take away from the state what the cases say it does not know, or mark what failed."""
    for case in cases:
        if not case.memory:
            continue
        pairs = company.pairs[case.mapping]
        chosen = pairs["nav_key"].isin(case.pairs["nav_key"])
        if case.memory in ("fresh", "stamps"):
            pairs.loc[chosen, "baseline"] = None
        if case.memory == "fresh":
            pairs.loc[chosen, ["last_synch_modified_on", "last_synch_crm_modified_on"]] = pd.NaT
            pairs.loc[chosen, ["last_synch_result", "last_synch_crm_result"]] = ""
        if case.memory == "skipped":
            pairs.loc[chosen, "skipped"] = True
        if case.memory == "failed_to_crm":
            pairs.loc[chosen, "last_synch_crm_result"] = "failure"
        if case.memory == "failed_to_nav":
            pairs.loc[chosen, "last_synch_result"] = "failure"


def _expected_options(company: Company) -> pd.DataFrame:
    """Return the findings about options, with how many records they concern."""
    rows = words("options")
    rows = rows.assign(finding=rows["findings"].str.split()).explode("finding")
    rows = rows[rows["finding"].notna()].reset_index(drop=True)
    customers, accounts = company.nav["Customer"], company.crm["account"]
    name = rows["label"].str.replace(r"[\s,;]", "", regex=True)
    codes = rows["code"].where(rows["code"] != "", name.str.slice(0, 10).str.upper())
    counts = []
    for _, row in rows.iterrows():
        by_code = row["finding"] in ("gray_code", "in_use_unmapped", "stale_mapping")
        used = customers[_USED_IN[row["mapping"]]].eq(row["code"])
        if not by_code:
            used = accounts[OPTION_ATTRIBUTES[row["mapping"]]].eq(int(row["value"])).fillna(False)
        counts.append(int(used.sum()))
    return pd.DataFrame(
        {
            "frame": "missing_options",
            "mapping": rows["mapping"],
            "expected": rows["finding"],
            "value": rows["value"],
            "nav_code": codes,
            "records_affected": [str(each) for each in counts],
        }
    )
