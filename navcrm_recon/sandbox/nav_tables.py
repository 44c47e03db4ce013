"""NAV's own tables of the integration, filled from the couplings of the demo company."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, TableMapping
from navcrm_recon.frames import TEXT, UTC
from navcrm_recon.sandbox.company import (
    CRM_ADDRESS,
    NAV_ADDRESS,
    ROBOT_MAIL,
    Company,
    columns_of,
    coupled_table,
    has_record_ids,
    record_frame,
)
from navcrm_recon.sandbox.draw import guids
from navcrm_recon.sandbox.mirror import local_currency_id
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sync.price_lists import DEFAULT_NAME

_DIRECTIONS = {"both": 0, "to_crm": 1, "to_nav": 2}
_RESULTS = {"": 0, "success": 1, "failure": 2}
#: NAV's field types of a CRM key: a GUID for records, an option for option mappings.
_GUID, _OPTION = 37, 35


def add_nav_tables(company: Company) -> None:
    """Add Integration Record, the couplings, the option mapping, the mappings and the setup."""
    _add_connection(company)
    _add_mappings(company)
    ids = _add_integration_records(company)
    _add_couplings(company, ids)
    _add_option_mapping(company)


def _add_connection(company: Company) -> None:
    lists = company.crm["pricelevel"]["name"]
    company.add_nav(
        "CRM Connection Setup",
        {
            "Primary Key": [""],
            "Server Address": CRM_ADDRESS,
            "User Name": ROBOT_MAIL,
            "Is Enabled": True,
            "CRM Version": "9.0.2.1",
            "Is CRM Solution Installed": True,
            "Is S.Order Integration Enabled": True,
            "Dynamics NAV URL": NAV_ADDRESS,
            "Default CRM Price List ID": lists.index[lists.eq(DEFAULT_NAME)],
            "BaseCurrencyId": local_currency_id(company),
            "BaseCurrencyPrecision": 2,
            "BaseCurrencySymbol": "EUR",
            "CurrencyDecimalPrecision": 2,
        },
    )
    ids = pd.Index(guids(company.seed, "nav_connection", 1))
    company.add_crm("nav_connection", {"nav_dynamicsnavurl": NAV_ADDRESS}, ids)


def _add_mappings(company: Company) -> None:
    mappings = company.catalog.mappings
    proxies = words("proxy_tables").set_index("mapping")
    named = [mapping for name, mapping in mappings.items() if name in proxies.index]
    proxy = proxies.loc[[each.name for each in named]]
    modified = pd.to_numeric(proxy["modified_on_field"]).fillna(0).astype("Int64")
    company.add_nav(
        "Integration Table Mapping",
        {
            "Name": proxy.index,
            "Table ID": [each.nav.id for each in named],
            "Integration Table ID": proxy["proxy"].astype("Int64").to_numpy(),
            "Synch. Codeunit ID": 5340,
            "Integration Table UID Fld. No.": proxy["id_field"].astype("Int64").to_numpy(),
            "Int. Tbl. Modified On Fld. No.": modified.to_numpy(dtype=np.int64),
            "Int. Table UID Field Type": [_OPTION if e.option_attribute else _GUID for e in named],
            "Direction": [_DIRECTIONS[each.direction] for each in named],
            "Synch. Only Coupled Records": [each.synch_only_coupled for each in named],
        },
    )
    _add_field_mappings(company, named)


def _add_field_mappings(company: Company, named: list[TableMapping]) -> None:
    table = words("field_numbers")
    pairs = zip(table["mapping"], table["nav_field"], table["crm_field"], strict=True)
    numbers = dict(zip(pairs, zip(table["nav_no"], table["crm_no"], strict=True), strict=True))
    rows = [
        (mapping.name, row, numbers[mapping.name, *row.pair])
        for mapping in named
        for row in mapping.enabled_fields
        if (mapping.name, *row.pair) in numbers
    ]
    fields = [row for _, row, _ in rows]
    company.add_nav(
        "Integration Field Mapping",
        {
            "No.": np.arange(1, len(rows) + 1),
            "Integration Table Mapping Name": [name for name, _, _ in rows],
            "Field No.": [int(number[0]) for _, _, number in rows],
            "Integration Table Field No.": [int(number[1]) for _, _, number in rows],
            "Direction": [_DIRECTIONS[row.direction] for row in fields],
            "Constant Value": [row.constant or "" for row in fields],
            "Validate Field": [row.validate_nav for row in fields],
            "Clear Value on Failed Sync": [row.clear_on_failed_sync for row in fields],
        },
    )


def _coupled_tables(company: Company) -> dict[str, str]:
    """Return the NAV table of every set of couplings that NAV itself can hold."""
    tables = {name: coupled_table(company, name) for name in company.pairs}
    return {name: table.name for name, table in tables.items() if has_record_ids(table)}


def _add_integration_records(company: Company) -> pd.Series:
    """Add a row for every integrated record, deleted ones too; returns the ids by record."""
    parts = []
    for table in dict.fromkeys(_coupled_tables(company).values()):
        number = company.catalog.nav[table].id
        present = company.modified[table]
        gone = company.retired.get(table, present.iloc[:0])
        keys = pd.Index([*present.index, *gone.index])
        blank = pd.Series([pd.NaT] * len(present), dtype=UTC)
        parts.append(
            pd.DataFrame(
                {
                    "record": f"{number} " + keys.to_series().astype(TEXT).to_numpy(),
                    "Integration ID": guids(company.seed, f"integration {table}", len(keys)),
                    "Table ID": number,
                    # NAV forgets which record it was when the record is deleted (engine 1.2).
                    "gone": np.arange(len(keys)) >= len(present),
                    "Modified On": pd.concat([present, gone], ignore_index=True),
                    "Deleted On": pd.concat([blank, gone], ignore_index=True),
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    record = rows["record"].where(~rows["gone"], "")
    kept = ["Integration ID", "Table ID", "Modified On", "Deleted On"]
    company.nav["Integration Record"] = record_frame(
        company.catalog.nav["Integration Record"],
        {"Record ID": record, **{name: rows[name] for name in kept}},
    )
    return pd.Series(rows["Integration ID"].to_numpy(), index=rows["record"], dtype=TEXT)


def _add_couplings(company: Company, ids: pd.Series) -> None:
    parts = []
    for mapping, table in _coupled_tables(company).items():
        pairs, number = company.pairs[mapping], company.catalog.nav[table].id
        records = f"{number} " + pairs["nav_key"]
        if mapping == SALES_ORDER:
            # By it the state tells an order that was deleted from one that was posted.
            pairs["integration_id"] = ids.reindex(records).to_numpy()
        parts.append(
            pd.DataFrame(
                {
                    "CRM ID": pairs["crm_id"],
                    "Integration ID": ids.reindex(records).to_numpy(),
                    "Table ID": number,
                    "Last Synch. Modified On": pairs["last_synch_modified_on"],
                    "Last Synch. CRM Modified On": pairs["last_synch_crm_modified_on"],
                    "Last Synch. Result": pairs["last_synch_result"].map(_RESULTS),
                    "Last Synch. CRM Result": pairs["last_synch_crm_result"].map(_RESULTS),
                    "Skipped": pairs["skipped"],
                }
            )
        )
    rows = pd.concat(parts, ignore_index=True)
    company.nav["CRM Integration Record"] = record_frame(
        company.catalog.nav["CRM Integration Record"], columns_of(rows)
    )


def _add_option_mapping(company: Company) -> None:
    rows = company.options
    tables = {name: company.catalog.mappings[name].nav.id for name in rows["mapping"].unique()}
    numbers = rows["mapping"].map(tables)
    fields = words("proxy_tables").set_index("mapping")["id_field"].astype("Int64")
    company.nav["CRM Option Mapping"] = record_frame(
        company.catalog.nav["CRM Option Mapping"],
        {
            "Record ID": numbers.astype(TEXT) + " " + rows["nav_key"],
            "Option Value": rows["value"],
            "Table ID": numbers,
            "Integration Table ID": 5341,
            "Integration Field ID": rows["mapping"].map(fields),
            "Option Value Caption": rows["caption"],
        },
    )
