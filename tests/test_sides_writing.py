"""Writing sides: every good row is kept, each bad one fails alone, and the products' rules hold."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from navcrm_recon.catalog import Table, load_catalog
from navcrm_recon.sandbox.databases import create_tables, insert_rows
from navcrm_recon.sides import SqlSide, Write, Written, open_side

CATALOG = load_catalog()
COMPANY = "CRONUS International Ltd."
NAV, CRM = CATALOG.nav, CATALOG.crm
CUSTOMER, CONTACT, RECORD = NAV["Customer"], NAV["Contact"], NAV["Integration Record"]
ACCOUNT = CRM["account"]
OLD = dt.datetime(2018, 10, 1, 8, tzinfo=dt.UTC)
NOW = dt.datetime(2018, 10, 1, 9, 30, 0, 123456, tzinfo=dt.UTC)
LATER = NOW + dt.timedelta(hours=1)
ROBOT = "6e0b4f6e-0000-4000-8000-0000000000ff"
GUID = "6e0b4f6e-0000-4000-8000-00000000000{}"

Rows = list[dict[str, object]]
SETUP: dict[str, Rows] = {
    "Sales & Receivables Setup": [{"Customer Nos.": "CUST"}],
    "Marketing Setup": [{"Contact Nos.": "CONT", "Bus. Rel. Code for Customers": "CUSTOMER"}],
}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    (tmp_path / "side.db").touch()
    return f"sqlite:///{tmp_path / 'side.db'}"


Open = Callable[..., SqlSide]


@pytest.fixture
def nav(url: str) -> Open:
    """Open NAV with some rows."""
    return lambda **rows: _open("nav", url, rows)


@pytest.fixture
def crm(url: str) -> Open:
    """Open CRM with some rows."""
    return lambda **rows: _open("crm", url, rows)


def _open(name: str, url: str, rows: dict[str, Rows]) -> SqlSide:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    made = create_tables(engine, name, CATALOG, COMPANY)  # type: ignore[arg-type]  # a side's name
    for table, some in rows.items():
        insert_rows(engine, made[table], some)
    return reopened(name, url)


def reopened(name: str, url: str) -> SqlSide:
    side = open_side(name, {"kind": "sql", "url": url}, company=COMPANY, catalog=CATALOG)  # type: ignore[arg-type]  # a side's name
    assert isinstance(side, SqlSide)
    return side


def stamped(number: int, key: str, identity: str, when: dt.datetime = OLD) -> dict[str, object]:
    return {
        "Integration ID": identity,
        "Table ID": number,
        "Record ID": f"{number} {key}",
        "Modified On": when.isoformat(),
    }


def customers(*keys: str) -> dict[str, Rows]:
    return {
        "Customer": [{"No.": key, "Name": f"Name {key}"} for key in keys],
        "Integration Record": [stamped(18, k, GUID.format(i)) for i, k in enumerate(keys, start=1)],
    }


def write(side: SqlSide, table: Table, *writes: Write, now: dt.datetime = NOW) -> list[Written]:
    return side.write(table, writes, now=now, by=ROBOT)


def one(side: SqlSide, table: Table, key: str, *columns: str) -> dict[str, Any]:
    found = side.read(table, columns, keys=[key])
    return {str(name): value for name, value in found.iloc[0].items()}


def test_an_account_is_inserted_with_defaults_and_stamps(crm: Open) -> None:
    side = crm()
    values = {"name": "Fabrikam", "creditlimit": Decimal("12.5"), "customertypecode": 3}

    done = write(side, ACCOUNT, Write("insert", GUID.format(1).upper(), values))

    assert done == [Written(GUID.format(1), NOW)]
    columns = ["name", "creditlimit", "statecode", "statuscode", "createdon", "modifiedon",
               "modifiedby", "telephone1"]  # fmt: skip
    assert one(side, ACCOUNT, GUID.format(1), *columns) == {
        "name": "Fabrikam", "creditlimit": Decimal("12.5"), "statecode": 0, "statuscode": 1,
        "createdon": NOW, "modifiedon": NOW, "modifiedby": ROBOT, "telephone1": "",
    }  # fmt: skip


def test_a_customer_is_inserted_with_the_number_of_its_series(nav: Open) -> None:
    side = nav(**{"Sales & Receivables Setup": SETUP["Sales & Receivables Setup"]})

    done = write(
        side,
        CUSTOMER,
        Write("insert", "", {"Name": "Straße", "Currency Code": " eur "}, identity=GUID.format(1)),
        Write("insert", "", {"Name": "Second"}, identity=GUID.format(2)),
    )

    assert done == [Written("CUST00001", NOW), Written("CUST00002", NOW)]
    found = one(side, CUSTOMER, "CUST00001", "Name", "Search Name", "Currency Code", "Blocked")
    assert found == {"Name": "Straße", "Search Name": "STRAßE", "Currency Code": "EUR",
                     "Blocked": 0}  # fmt: skip
    assert side.stamps(CUSTOMER)["modified_on"].to_dict() == {"CUST00001": NOW, "CUST00002": NOW}
    records = side.read(RECORD, ["Record ID"])["Record ID"].to_dict()
    assert records == {GUID.format(1): "18 CUST00001", GUID.format(2): "18 CUST00002"}
    versions = side.read(CUSTOMER, ["timestamp"])["timestamp"].tolist()
    assert versions == [1, 2]


def test_an_update_changes_the_values_given_and_stamps(nav: Open) -> None:
    side = nav(**customers("10000", "20000"))

    done = write(side, CUSTOMER, Write("update", "10000", {"Name": "New"}, expected=OLD))

    assert done == [Written("10000", NOW)]
    assert side.read(CUSTOMER, ["Name"])["Name"].to_dict() == {
        "10000": "New",
        "20000": "Name 20000",
    }
    assert side.stamps(CUSTOMER)["modified_on"].to_dict() == {"10000": NOW, "20000": OLD}
