"""Couplings and option mappings as NAV itself keeps them (contract 3, ``couplings: nav``)."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.catalog.model import Catalog
from navcrm_recon.errors import examples
from navcrm_recon.frames import TEXT, blanks, conform, dtype_of, empty
from navcrm_recon.sides.record_id import decodable
from navcrm_recon.sides.side import Side
from navcrm_recon.sides.stamps import (
    INTEGRATION_RECORD,
    integration_records,
    split_record_ids,
)

_COUPLINGS = "CRM Integration Record"
_OPTIONS = "CRM Option Mapping"
#: Option integer -> result (engine 1.1).
_RESULTS = {0: "", 1: "success", 2: "failure"}


def nav_coupling_records(side: Side, catalog: Catalog) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the couplings of NAV's tables 5331 and 5151, and those that cannot be told.

    The first frame is ``coupling_records``, sorted by mapping, ``nav_key`` and ``crm_id``, without
    baselines; the second ``not_checked``. The ``nav_key`` of a coupling whose NAV record was
    deleted is blank: NAV blanks the Record ID at that moment (engine 1.2). In NAV a result without
    "CRM" in its name is that of the last attempt towards NAV, as in the frame (R1.3).
    """
    rows = _read(
        side,
        catalog,
        _COUPLINGS,
        ["CRM ID", "Integration ID", "Last Synch. Modified On", "Last Synch. CRM Modified On",
         "Last Synch. Result", "Last Synch. CRM Result", "Skipped"],
    )  # fmt: skip
    mappings = _mappings(catalog, options=False)
    readable = [
        number for number, name in mappings.items() if decodable(catalog.mappings[name].nav)
    ]
    records = integration_records(side.read, catalog, readable)
    rows, lost = _told(rows, records.index, _table_ids(side, catalog), mappings)
    records = records.reindex(rows["Integration ID"]).reset_index(drop=True)
    mapping = records["Table ID"].map(mappings).astype(TEXT)
    deleted = records["Deleted On"].notna()
    _, key = split_record_ids(records["Record ID"])
    frame = pd.DataFrame(
        {
            "mapping": mapping,
            "nav_key": key.where(~deleted, ""),
            "crm_id": rows["CRM ID"],
            "skipped": rows["Skipped"],
            "last_synch_modified_on": rows["Last Synch. Modified On"],
            "last_synch_crm_modified_on": rows["Last Synch. CRM Modified On"],
            "last_synch_result": rows["Last Synch. Result"].map(_RESULTS),
            "last_synch_crm_result": rows["Last Synch. CRM Result"].map(_RESULTS),
            "integration_id": rows["Integration ID"],
        }
    )
    order = ["mapping", "nav_key", "crm_id"]
    return conform(frame, "coupling_records").sort_values(order, ignore_index=True), lost


def _table_ids(side: Side, catalog: Catalog) -> pd.Series:
    """Return the table number of every Integration Record, index = Integration ID."""
    rows = side.read(catalog.nav[INTEGRATION_RECORD], ["Table ID"])
    return rows["Table ID"] if "Table ID" in rows else blanks(0, pd.Int64Dtype())


def _told(
    rows: pd.DataFrame, told: pd.Index[str], table_ids: pd.Series, mappings: dict[int, str]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the couplings whose NAV record can be told, and why others cannot.

    Tables without a mapping (documents, for instance) are somebody else's couplings.
    """
    place = told.get_indexer(pd.Index(rows["Integration ID"], dtype=TEXT))
    table = table_ids.reindex(rows["Integration ID"]).reset_index(drop=True)
    other = (place < 0) & table.notna().to_numpy()
    unread = other & table.isin(list(mappings)).to_numpy()
    reasons = {
        "no Integration Record has the Integration ID of": (place < 0) & ~other,
        "it is not known how a Record ID holds the key of": unread,
    }
    lost = [_lost(_COUPLINGS, rows.loc[which, "CRM ID"], why) for why, which in reasons.items()]
    return rows[place >= 0].reset_index(drop=True), pd.concat(lost, ignore_index=True)


def nav_option_mapping(side: Side, catalog: Catalog) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return NAV's option mapping (table 5334), and rows that belong to no mapping.

    The first frame is ``option_mapping``, sorted by mapping and ``nav_key``; the second
    ``not_checked``.
    """
    rows = _read(side, catalog, _OPTIONS, ["Record ID", "Option Value", "Option Value Caption"])
    number, key = split_record_ids(rows["Record ID"])
    tables = pd.to_numeric(number, errors="coerce").astype("Int64")
    mapping = tables.map(_mappings(catalog, options=True)).astype(TEXT)
    lost = _lost(
        _OPTIONS, rows.loc[mapping.isna(), "Record ID"], "no option mapping is of the table of"
    )
    frame = pd.DataFrame(
        {
            "mapping": mapping,
            "nav_key": key,
            "value": rows["Option Value"].fillna(0),
            "caption": rows["Option Value Caption"],
        }
    )
    frame = conform(frame[mapping.notna()], "option_mapping")
    return frame.sort_values(["mapping", "nav_key"], ignore_index=True), lost


def _read(side: Side, catalog: Catalog, name: str, columns: list[str]) -> pd.DataFrame:
    """Return a table of NAV; columns a side of files does not have are blank."""
    table = catalog.nav[name]
    rows = side.read(table, columns).reset_index(drop=True)
    for column in columns:
        if column not in rows:
            rows[column] = blanks(len(rows), dtype_of(table, column), rows.index)
    return rows[columns]


def _mappings(catalog: Catalog, *, options: bool) -> dict[int, str]:
    """Return table number -> mapping, of option mappings or of the others."""
    return {
        mapping.nav.id: mapping.name
        for mapping in reversed(list(catalog.mappings.values()))
        if mapping.nav.id is not None and (mapping.option_attribute is not None) == options
    }


def _lost(table: str, subjects: pd.Series, reason: str) -> pd.DataFrame:
    if subjects.empty:
        return empty("not_checked")
    text = f"{reason} {len(subjects):,} rows: {examples(subjects.tolist())}"
    row = {"side": "nav", "table": table, "subject": table, "reason": text}
    return conform(pd.DataFrame([row]), "not_checked")
