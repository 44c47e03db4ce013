"""Folders of files: what is missing or not understood is listed, and the rest is read."""

from __future__ import annotations

import csv
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from navcrm_recon.catalog import Condition, SideName, load_catalog
from navcrm_recon.errors import ConfigError, DataError, SideError
from navcrm_recon.frames import conform
from navcrm_recon.sides import FilesSide, open_side
from navcrm_recon.state.store import Store
from navcrm_recon.workspace import open_workspace

CATALOG = load_catalog()
CUSTOMER, ACCOUNT = CATALOG.nav["Customer"], CATALOG.crm["account"]
GUID = "6e0b4f6e-0000-4000-8000-00000000000{}"
SHARED = Path(__file__).parents[2] / "shared" / "data"


def side(folder: Path, name: SideName = "nav", **files: str) -> FilesSide:
    """Make a side of CSV files, given by table name and content."""
    for table, content in files.items():
        (folder / f"{table}.csv").write_text(content, encoding="utf-8", newline="")
    found = open_side(name, {"kind": "files", "url": str(folder)}, company="C", catalog=CATALOG)
    assert isinstance(found, FilesSide)
    return found


def listed(found: FilesSide) -> dict[str, str]:
    """Return what was not checked: subject -> reason."""
    rows = found.not_checked()
    assert set(rows["side"]) <= {found.name}
    return dict(zip(rows["subject"], rows["reason"], strict=True))


def test_what_could_not_be_read_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / "nav").mkdir()
    (tmp_path / "crm").mkdir()
    account, other = GUID.format(1), GUID.format(2)
    side(tmp_path / "crm", "crm", account=f"accountid,name\n{account},A\n")
    workspace = tmp_path / "workspace.yaml"
    workspace.write_text(
        "company: C\nnav: {kind: files, url: nav}\ncrm: {kind: files, url: crm}\n"
        "state: {url: 'sqlite:///state.db'}\n"
    )
    known = pd.DataFrame({"mapping": "CUSTOMER", "nav_key": ["1", "2"], "crm_id": [account, other]})
    Store(f"sqlite:///{tmp_path}/state.db").save_couplings(conform(known, "coupling_records"))
    found = open_workspace(workspace)
    states = found.couplings("CUSTOMER")[["nav_key", "state"]].to_numpy().tolist()
    assert states == [["2", "crm_deleted"]]  # of the other, only a missing file says it is gone
    assert f"1 / {account}" in found.not_checked()["subject"].tolist()
    side(tmp_path / "nav", Customer="No.,Name\n1,A\n1,B\n")
    states = (
        open_workspace(workspace).couplings("CUSTOMER")[["nav_key", "state"]].to_numpy().tolist()
    )
    assert states == [["2", "both_deleted"]]  # customer 1 is there twice, not gone


def test_texts_are_taken_as_they_are(tmp_path: Path) -> None:
    nav = side(tmp_path, Customer='No.,Name,City\n01121212,NA," a\r\nb "\n2,&#201;,"say ""x"""\n')

    found = nav.read(CUSTOMER, ["Name", "City"])

    assert found["Name"].to_dict() == {"01121212": "NA", "2": "&#201;"}
    assert list(found["City"]) == [" a\r\nb ", 'say "x"']


def test_yes_no_and_truth_values_and_options_are_understood(tmp_path: Path) -> None:
    text = "No.,Blocked,Prices Including VAT\n1,Ship,Yes\n2, ,No\n3,3,true\n4,,1\n5,all,\n"
    nav = side(tmp_path, Customer=text)

    found = nav.read(CUSTOMER, ["Blocked", "Prices Including VAT"])

    assert list(found["Blocked"]) == [1, 0, 3, 0, 3]
    assert list(found["Prices Including VAT"]) == [True, False, True, True, False]
    assert listed(nav) == {}


def test_a_value_that_is_not_understood_is_blank_and_listed(tmp_path: Path) -> None:
    text = "No.,Blocked,Credit Limit (LCY)\n1,Maybe,1.5\n2,,much\n3,,much\n"
    nav = side(tmp_path, Customer=text)

    found = nav.read(CUSTOMER, ["Credit Limit (LCY)"], [Condition("Blocked", "eq", 0)])

    assert list(found.index) == ["2", "3"]
    assert found["Credit Limit (LCY)"].isna().all()
    assert listed(nav) == {
        "Blocked": "1 values are no option: Maybe",
        "Credit Limit (LCY)": "2 values are no decimal: much",
    }


def test_an_unrounded_amount_is_cut_to_navs_scale(tmp_path: Path) -> None:
    text = "No.,Credit Limit (LCY)\n1,1449.666666666666666666666667\n2,1e3\n"

    found = side(tmp_path, Customer=text).read(CUSTOMER, ["Credit Limit (LCY)"])

    assert list(found["Credit Limit (LCY)"]) == [Decimal("1449.66666666666666666667"), 1000]


def test_missing_tables_columns_and_filters_are_listed_once(tmp_path: Path) -> None:
    nav = side(tmp_path, Customer="No.,Name\n1,A\n")

    for _ in range(2):
        found = nav.read(CUSTOMER, ["Name", "City"], [Condition("Blocked", "eq", 0)])
        assert list(found.columns) == ["Name"]
        assert list(found.index) == ["1"]
        assert nav.read(CATALOG.nav["Item"], ["Description"]).empty

    assert listed(nav) == {
        "Blocked": "the file has no such column; its filter is not applied",
        "City": "the file has no such column",
        "Item": "there is no file of this table",
    }
    assert list(nav.not_checked()["table"]) == ["Customer", "Customer", "Item"]


def test_blank_and_repeated_keys_are_left_out_and_listed(tmp_path: Path) -> None:
    crm = side(tmp_path, "crm", account=(
        f"accountid,name\n{GUID.format(1)},A\n,B\n{GUID.format(2)},C\n"
        f"{GUID.format(2).upper()},D\nnot a guid,E\n"
    ))  # fmt: skip

    found = crm.read(ACCOUNT, ["name"])

    assert found["name"].to_dict() == {GUID.format(1): "A"}
    reasons = list(crm.not_checked()["reason"])
    assert reasons[0] == "1 values are no guid: not a guid"
    assert reasons[1] == "2 records have a blank key and are left out"
    assert reasons[2].startswith("1 keys occur more than once; their 2 records are left out: ")


def test_without_the_key_no_record_can_be_read(tmp_path: Path) -> None:
    crm = side(tmp_path, "crm", product="productnumber,name\n1234,Top\n")

    found = crm.read(CATALOG.crm["product"], ["name"])

    assert found.empty
    assert list(found.columns) == ["name"]
    assert "no record can be read" in listed(crm)["productid"]


def test_parts_of_a_key_that_are_blank_everywhere_may_be_left_out(tmp_path: Path) -> None:
    text = "Item No.,Sales Type,Sales Code,Unit Price\n1000,Customer Price Group,A,5\n"
    nav = side(tmp_path, **{"Sales Price": text})

    found = nav.read(CATALOG.nav["Sales Price"], ["Unit Price"])

    assert list(found.index) == ["1000, Customer Price Group, A, , , , , 0"]
    assert "taken as blank" in listed(nav)["Starting Date"]


def test_a_flow_field_is_calculated_when_its_table_is_there(tmp_path: Path) -> None:
    ledger = "Entry No.,Customer No.,Amount (LCY)\n1,10000,1.10\n2,10000,2\n"
    nav = side(tmp_path, Customer="No.\n10000\n20000\n", **{"Detailed Cust. Ledg. Entry": ledger})

    found = nav.read(CUSTOMER, ["Balance (LCY)", "Sales (LCY)"])

    assert list(found.columns) == ["Balance (LCY)"]
    assert list(found["Balance (LCY)"]) == [Decimal("3.1"), 0]
    assert "no file of Cust. Ledger Entry" in listed(nav)["Sales (LCY)"]


def test_a_flow_field_in_the_file_is_taken_from_it(tmp_path: Path) -> None:
    found = side(tmp_path, Customer="No.,Balance (LCY)\n1,7\n").read(CUSTOMER, ["Balance (LCY)"])

    assert list(found["Balance (LCY)"]) == [7]


def test_american_dates_are_understood(tmp_path: Path) -> None:
    text = f"accountid,modifiedon\n{GUID.format(1)},3/25/2019 1:41:37 PM\n"

    found = side(tmp_path, "crm", account=text).stamps(ACCOUNT)

    assert list(found["modified_on"]) == [pd.Timestamp("2019-03-25 13:41:37", tz="UTC")]


def test_names_of_files_and_columns_are_found_in_any_case(tmp_path: Path) -> None:
    nav = side(tmp_path, **{"SALESPERSON_purchaser": "code,NAME\nJO,Jim\n"})
    (tmp_path / "Customer").mkdir()

    table = CATALOG.nav["Salesperson/Purchaser"]

    assert nav.read(table, ["Name"])["Name"].to_dict() == {"JO": "Jim"}


def test_types_of_parquet_are_kept(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({
            "No.": pa.array(["1", "2"]).dictionary_encode(),
            "Blocked": pa.array([3, None], pa.int8()),
            "Credit Limit (LCY)": pa.array([Decimal("1.5"), None], pa.decimal128(10, 2)),
            "Last Date Modified": pa.array([17800, None], pa.date32()),
            "Prices Including VAT": pa.array([True, None]),
        }),
        tmp_path / "Customer.parquet",
    )  # fmt: skip
    names = ["Blocked", "Credit Limit (LCY)", "Last Date Modified", "Prices Including VAT"]

    found = side(tmp_path).read(CUSTOMER, names)

    assert found.loc["1"].to_dict() == {
        "Blocked": 3,
        "Credit Limit (LCY)": Decimal("1.5"),
        "Last Date Modified": pd.Timestamp("2018-09-26"),
        "Prices Including VAT": True,
    }
    assert found.loc["2"].to_dict() == {
        "Blocked": 0,
        "Credit Limit (LCY)": Decimal(0),
        "Last Date Modified": pd.NaT,
        "Prices Including VAT": False,
    }


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"No.,Name\n1,Stra\xdfe\n", "not UTF-8: line 2"),
        (b"No.,Name\n1,A\n2,B,C\n", "Expected 2 columns, got 3"),
        (b"No.,Name,Name\n1,A,B\n", "'Name' more than once"),
        (b"", "is empty"),
    ],
)
def test_an_unreadable_csv_is_an_error_that_says_where(
    tmp_path: Path, content: bytes, problem: str
) -> None:
    (tmp_path / "Customer.csv").write_bytes(content)

    with pytest.raises(DataError, match=problem) as raised:
        side(tmp_path).read(CUSTOMER, ["Name"])
    assert "Customer.csv" in str(raised.value)


def test_an_unreadable_parquet_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "Customer.parquet").write_bytes(b"PAR1 nonsense")

    with pytest.raises(DataError, match=r"Customer\.parquet is no readable Parquet"):
        side(tmp_path).read(CUSTOMER, ["Name"])


def test_two_files_of_one_table_are_refused(tmp_path: Path) -> None:
    nav = side(tmp_path, Customer="No.\n1\n", customer="No.\n2\n")

    with pytest.raises(SideError, match=r"Customer\.csv, customer\.csv\. Keep one"):
        nav.read(CUSTOMER, ["No."])


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SideError, match="There is no folder"):
        side(tmp_path / "absent")


def test_a_filter_value_that_does_not_fit_is_a_configuration_error(tmp_path: Path) -> None:
    nav = side(tmp_path, Customer="No.,Blocked\n1,\n")

    with pytest.raises(ConfigError, match="'Alle'"):
        nav.read(CUSTOMER, [], [Condition("Blocked", "eq", "Alle")])


def test_a_file_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    (tmp_path / "Customer.csv").write_text("No.,Name\n1,A\n", encoding="utf-8-sig")

    assert list(side(tmp_path).read(CUSTOMER, ["Name"])["Name"]) == ["A"]


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no sample data in {SHARED} (shared)")
@pytest.mark.parametrize(
    "folder", ["cronus", "cronus-countries/AT", "cronus-countries/DK", "cronus-evaluation"]
)
def test_every_real_nav_row_is_read(folder: str) -> None:
    nav = side(SHARED / folder)
    counted = 0
    for path in sorted((SHARED / folder).glob("*.csv")):
        table = CATALOG.nav.get(path.stem.replace("_", "/"))
        if table is None:
            continue
        rows = rows_of(path)
        names = [name for name in table.columns if rows and name in rows[0]]
        found = nav.read(table, names)
        assert len(found) == len(rows), path.name
        counted += len(rows)
        for name in names:
            if table.columns[name].kind in ("text", "code"):
                assert sorted(found[name]) == sorted(row[name] for row in rows), name
    assert counted > 300
    reasons = nav.not_checked()["reason"]
    assert not reasons.str.contains("values are no").any()


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no sample data in {SHARED} (shared)")
@pytest.mark.parametrize(
    ("folder", "entity"),
    [
        ("d365-sample", "account"),
        ("d365-sample", "contact"),
        ("d365-sample/nonprofit", "account"),
        ("d365-sample/nonprofit", "contact"),
        ("d365-sample/financial-services", "account"),
        ("d365-sample/financial-services", "contact"),
    ],
)
def test_every_real_crm_row_with_an_id_is_read(folder: str, entity: str) -> None:
    crm, table = side(SHARED / folder, "crm"), CATALOG.crm[entity]
    rows = [row for row in rows_of(SHARED / folder / f"{entity}.csv") if row[f"{entity}id"]]
    names = [name for name in table.columns if name in rows[0]]

    found = crm.read(table, names)

    assert sorted(found.index) == sorted(row[f"{entity}id"] for row in rows)
    assert not crm.not_checked()["reason"].str.contains("values are no").any()
