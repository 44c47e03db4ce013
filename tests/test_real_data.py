"""Real input: the counts shown equal counts taken from the CSV files by other means."""

import csv
from pathlib import Path

import pytest
import yaml

import navcrm_recon as nr
from navcrm_recon.report import run_report

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
NAV = ["cronus", "cronus-countries/AT", "cronus-countries/DK"]
CRM = ["d365-sample", "d365-sample/nonprofit", "d365-sample/financial-services"]

pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason=f"no sample data at {DATA}")


def rows(folder, table):
    path = DATA / folder / f"{table}.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def workspace_of(tmp_path, nav, crm):
    path = tmp_path / "workspace.yaml"
    content = {
        "company": "CRONUS International Ltd.",
        "nav": {"kind": "files", "url": str(DATA / nav)},
        "crm": {"kind": "files", "url": str(DATA / crm)},
        "state": {"url": "sqlite:///state.db"},
    }
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def open_files(tmp_path, nav, crm):
    return nr.open_workspace(workspace_of(tmp_path, nav, crm))


def states(ws, mapping):
    return ws.couplings(mapping)["state"].value_counts().to_dict()


@pytest.mark.parametrize("nav", NAV)
@pytest.mark.parametrize("crm", CRM)
def test_every_mapping_can_be_compared(tmp_path, nav, crm):
    ws = open_files(tmp_path, nav, crm)
    for name, mapping in ws.mappings.items():
        if mapping.enabled:
            found = ws.couplings(name)
            assert set(found["state"]) <= {"nav_only", "crm_only"}
            assert ws.diff(name).empty
    assert (
        ws.missing_options()["finding"]
        .isin(["unmapped_option", "gray_code", "in_use_unmapped"])
        .all()
    )
    assert len(ws.not_checked())


@pytest.mark.parametrize("nav", NAV)
def test_nav_records_are_counted(tmp_path, nav):
    ws = open_files(tmp_path, nav, "d365-sample")
    customers = [row for row in rows(nav, "Customer") if not row.get("Blocked", "").strip()]
    persons = [
        row for row in rows(nav, "Contact") if row["Type"] == "Person" and row["Company No."]
    ]
    assert states(ws, "CUSTOMER")["nav_only"] == len(customers) == 66
    assert states(ws, "CONTACT")["nav_only"] == len(persons)
    assert states(ws, "ITEM-PRODUCT") == {"nav_only": len(rows(nav, "Item"))}
    assert states(ws, "CURRENCY") == {"nav_only": len(rows(nav, "Currency"))}


@pytest.mark.parametrize("crm", CRM)
def test_crm_records_are_counted(tmp_path, crm):
    ws = open_files(tmp_path, "cronus", crm)
    accounts = [
        row
        for row in rows(crm, "account")
        if row["accountid"]
        and row.get("statecode", "0") in ("", "0", "Active")
        and row.get("customertypecode", "3") == "3"
    ]
    assert states(ws, "CUSTOMER").get("crm_only", 0) == len(accounts)


def test_codes_in_use_without_an_option_are_counted(tmp_path):
    ws = open_files(tmp_path, "cronus", "d365-sample")
    options = ws.missing_options()
    for mapping, table, field in [
        ("PAYMENT TERMS", "Payment Terms", "Payment Terms Code"),
        ("SHIPMENT METHOD", "Shipment Method", "Shipment Method Code"),
        ("SHIPPING AGENT", "Shipping Agent", "Shipping Agent Code"),
    ]:
        found = options[options["mapping"] == mapping]
        gray = found[found["finding"] == "gray_code"]
        assert sorted(gray["nav_code"]) == sorted(row["Code"] for row in rows("cronus", table))
        used = [row[field] for row in rows("cronus", "Customer") if row[field]]
        in_use = found[found["finding"] == "in_use_unmapped"].set_index("nav_code")
        assert in_use["records_affected"].to_dict() == {code: used.count(code) for code in used}


def test_customers_of_the_same_name_are_not_coupled(tmp_path):
    ws = open_files(tmp_path, "cronus", "d365-sample")
    found = ws.couplings("CUSTOMER")
    assert not found["nav_key"].ne("").mul(found["crm_id"].ne("")).any()


def test_what_a_file_lacks_is_listed(tmp_path):
    ws = open_files(tmp_path, "cronus", "d365-sample")
    for name in ("CUSTOMER", "CONTACT", "CURRENCY"):
        ws.diff(name)
    listed = ws.not_checked()
    columns = set(rows("d365-sample", "account")[0])
    lacking = listed[(listed["table"] == "account") & (listed["side"] == "crm")]["subject"]
    wanted = {row.crm.name for row in ws.mappings["CUSTOMER"].enabled_fields if row.crm}
    assert wanted - columns <= set(lacking)
    assert "LCY Code" in set(listed["subject"])


@pytest.mark.notebook
@pytest.mark.parametrize("nav", NAV)
def test_the_report_shows_these_counts(tmp_path, nav):
    result = run_report(workspace_of(tmp_path, nav, "d365-sample"), notebooks=["overview"])
    assert result.status == 0
    shown = result.summary["mappings"]
    customers = [row for row in rows(nav, "Customer") if not row.get("Blocked", "").strip()]
    accounts = [row for row in rows("d365-sample", "account") if row["accountid"]]
    assert (shown["CUSTOMER"]["nav_only"], shown["CUSTOMER"]["crm_only"]) == (66, 10)
    assert (len(customers), len(accounts)) == (66, 10)
    assert shown["SALESPEOPLE"]["nav_rows"] == len(rows(nav, "Salesperson_Purchaser"))
    assert shown["ITEM-PRODUCT"]["nav_rows"] == len(rows(nav, "Item"))
    assert result.summary["totals"]["coupled"] == 0
    assert result.summary["totals"]["unexplained"] == 0
    page = (result.folder / "01_overview.html").read_text(encoding="utf-8")
    total = sum(each["nav_rows"] for each in shown.values())
    assert f"<dd>{total:,}</dd>" in page
