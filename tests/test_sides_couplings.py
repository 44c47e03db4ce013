"""NAV's own couplings and option mappings, read from its tables 5331, 5151 and 5334."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from navcrm_recon.catalog import load_catalog
from navcrm_recon.sides import Side, open_side
from navcrm_recon.sides.nav_couplings import nav_coupling_records, nav_option_mapping
from navcrm_recon.sides.record_id import encode
from navcrm_recon.sides.sql_tables import sql_table

CATALOG = load_catalog()
NAV = CATALOG.nav
NAV_ID, CRM_ID = "11111111-0000-4000-8000-00000000000{}", "22222222-0000-4000-8000-00000000000{}"
NAV_TIME = dt.datetime(2018, 10, 1, 8, tzinfo=dt.UTC)
CRM_TIME = dt.datetime(2018, 10, 1, 8, 0, 5, tzinfo=dt.UTC)


def nav_side(folder: Path, **tables: list[dict[str, object]]) -> Side:
    """Make a NAV database with couplings, Integration Records and option mappings."""
    path = folder / "nav.db"
    engine = sa.create_engine(f"sqlite:///{path}", poolclass=sa.NullPool)
    with engine.begin() as connection:
        for key, name in (
            ("couplings", "CRM Integration Record"),
            ("records", "Integration Record"),
            ("options", "CRM Option Mapping"),
        ):
            table = sql_table(NAV[name], company="C", metadata=sa.MetaData())
            table.create(connection)
            for row in tables.get(key, []):
                connection.execute(table.insert(), row)
    config = {"kind": "sql", "url": f"sqlite:///{path}"}
    return open_side("nav", config, company="C", catalog=CATALOG)


def record(number: int, table: str, *key: str | int, **more: object) -> dict[str, object]:
    return {
        "Integration ID": NAV_ID.format(number),
        "Table ID": NAV[table].id,
        "Record ID": encode(NAV[table], key) if key else b"",
        **more,
    }


def coupling(nav: int, crm: int, **more: object) -> dict[str, object]:
    return {"Integration ID": NAV_ID.format(nav), "CRM ID": CRM_ID.format(crm), **more}


def test_a_coupling_leads_from_the_integration_id_to_the_record(tmp_path: Path) -> None:
    states = {
        "Last Synch. Modified On": NAV_TIME,
        "Last Synch. CRM Modified On": CRM_TIME,
        "Last Synch. Result": 1,
        "Last Synch. CRM Result": 2,
        "Skipped": True,
    }
    side = nav_side(
        tmp_path,
        couplings=[coupling(1, 1, **states), coupling(2, 2)],
        records=[record(1, "Customer", "10000"), record(2, "Contact", "CT1")],
    )

    found, lost = nav_coupling_records(side, CATALOG)

    assert lost.empty
    assert list(found["mapping"]) == ["CONTACT", "CUSTOMER"]
    assert list(found["nav_key"]) == ["CT1", "10000"]
    customer = found.iloc[1]
    assert customer["crm_id"] == CRM_ID.format(1)
    assert (customer["last_synch_modified_on"], customer["last_synch_crm_modified_on"]) == (
        NAV_TIME,
        CRM_TIME,
    )
    assert customer["last_synch_result"] == "success"
    assert customer["last_synch_crm_result"] == "failure"
    assert customer["skipped"]
    assert list(found.iloc[0][["last_synch_result", "last_synch_crm_result"]]) == ["", ""]
    assert pd.isna(found.iloc[0]["last_synch_modified_on"])


def test_a_coupling_whose_record_was_deleted_has_no_key(tmp_path: Path) -> None:
    deleted = record(1, "Customer", **{"Deleted On": NAV_TIME})
    side = nav_side(tmp_path, couplings=[coupling(1, 1)], records=[deleted])

    found, _ = nav_coupling_records(side, CATALOG)

    assert found[["mapping", "nav_key", "crm_id"]].to_numpy().tolist() == [
        ["CUSTOMER", "", CRM_ID.format(1)]
    ]


def test_a_coupling_without_integration_record_is_listed(tmp_path: Path) -> None:
    side = nav_side(tmp_path, couplings=[coupling(1, 1)], records=[])

    found, lost = nav_coupling_records(side, CATALOG)

    assert found.empty
    assert list(lost["table"]) == ["CRM Integration Record"]
    assert CRM_ID.format(1) in lost["reason"].iloc[0]


def test_the_option_mapping_leads_to_code_and_value(tmp_path: Path) -> None:
    options = [
        {"Record ID": encode(NAV["Shipment Method"], ("FOB",)), "Option Value": 1,
         "Option Value Caption": "FOB"},
        {"Record ID": encode(NAV["Payment Terms"], ("NET30",)), "Option Value": 1,
         "Option Value Caption": "Net 30"},
        {"Record ID": encode(NAV["Item"], ("1000",)), "Option Value": 7},
    ]  # fmt: skip

    found, lost = nav_option_mapping(nav_side(tmp_path, options=options), CATALOG)

    assert found.to_numpy().tolist() == [
        ["PAYMENT TERMS", "NET30", 1, "Net 30"],
        ["SHIPMENT METHOD", "FOB", 1, "FOB"],
    ]
    assert "27 1000" in lost["reason"].iloc[0]


@pytest.mark.parametrize("read", [nav_coupling_records, nav_option_mapping])
def test_without_rows_the_frames_are_complete(tmp_path: Path, read: object) -> None:
    found, lost = read(nav_side(tmp_path), CATALOG)  # type: ignore[operator]  # one of two functions

    assert found.empty
    assert lost.empty
    assert "mapping" in found.columns
