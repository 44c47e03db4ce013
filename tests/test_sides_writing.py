"""Writing sides: every good row is kept, each bad one fails alone and says why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from navcrm_recon.catalog import SideName, Table, load_catalog
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
TABLES: dict[SideName, list[str]] = {
    "nav": [
        "Contact", "Contact Business Relation", "Currency", "Currency Exchange Rate", "Customer",
        "Integration Record", "Inventory Setup", "Item", "Marketing Setup", "No. Series",
        "No. Series Line", "Payment Terms", "Sales & Receivables Setup", "Sales Price",
        "Salesperson/Purchaser",
    ],
    "crm": ["account", "contact", "transactioncurrency"],
}  # fmt: skip


def made(side: SideName, url: str, rows: dict[str, Rows]) -> SqlSide:
    """Make the tables of a side with some rows, and open it."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    tables = create_tables(engine, side, CATALOG, COMPANY, TABLES[side])
    for table, some in rows.items():
        insert_rows(engine, tables[table], some)
    return opened(side, url)


def opened(name: SideName, url: str) -> SqlSide:
    """Open a side."""
    side = open_side(name, {"kind": "sql", "url": url}, company=COMPANY, catalog=CATALOG)
    assert isinstance(side, SqlSide)
    return side


def run(url: str, *statements: str) -> list[tuple[Any, ...]]:
    """Run statements; return the rows of the last one."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    rows: list[tuple[Any, ...]] = []
    with engine.begin() as connection:
        for statement in statements:
            done = connection.execute(sa.text(statement))
            rows = [tuple(row) for row in done] if done.returns_rows else []
    return rows


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


Open = Callable[..., SqlSide]


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    (tmp_path / "side.db").touch()
    return f"sqlite:///{tmp_path / 'side.db'}"


@pytest.fixture
def nav(url: str) -> Open:
    """Open NAV with some rows."""
    return lambda **rows: made("nav", url, rows)


@pytest.fixture
def crm(url: str) -> Open:
    """Open CRM with some rows."""
    return lambda **rows: made("crm", url, rows)


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


def test_a_bad_row_fails_alone_and_says_why(nav: Open) -> None:
    side = nav(**SETUP)
    good = [Write("insert", "", {"Name": f"Customer {i}"}) for i in range(5)]
    long = Write("insert", "", {"Name": "N" * 51})
    unknown = Write("insert", "", {"Nmae": "x"})
    wrong = Write("insert", "", {"Credit Limit (LCY)": "much"})

    done = write(side, CUSTOMER, *good[:2], long, good[2], unknown, wrong, *good[3:])

    assert [each.error == "" for each in done] == [
        True,
        True,
        False,
        True,
        False,
        False,
        True,
        True,
    ]
    keys = [each.key for each in done if not each.error]
    assert keys == [f"CUST0000{i}" for i in range(1, 6)]
    assert done[2].error == "The text is longer than the 50 characters 'Name' holds. Shorten it."
    assert (done[2].field, done[2].value) == ("Name", "N" * 51)
    assert "'Nmae'" in done[4].error
    assert "Did you mean 'Name'?" in done[4].error
    assert (done[5].field, done[5].value) == ("Credit Limit (LCY)", "much")
    assert list(side.read(CUSTOMER, ["Name"]).index) == keys
    assert len(side.stamps(CUSTOMER)) == 5
    again = write(side, CUSTOMER, long, unknown, wrong)
    assert [each.error for each in again] == [done[i].error for i in (2, 4, 5)]


def test_a_length_counts_as_sql_server_does(crm: Open) -> None:
    side = crm()
    fits = Write("insert", GUID.format(1), {"address1_postalcode": "😀" * 10})
    over = Write("insert", GUID.format(2), {"address1_postalcode": "😀" * 10 + "x"})

    assert [each.field for each in write(side, ACCOUNT, fits, over)] == ["", "address1_postalcode"]


def test_what_the_database_refuses_fails_alone_without_statement_or_values(
    crm: Open, url: str
) -> None:
    side = crm()
    run(url, "CREATE UNIQUE INDEX one_name ON account (name)")
    names = ["A", "B", "A", "C"]

    done = write(
        side,
        ACCOUNT,
        *(Write("insert", GUID.format(i), {"name": name}) for i, name in enumerate(names)),
    )

    assert [each.error == "" for each in done] == [True, True, False, True]
    assert done[2].error.startswith("The database refused the record: ")
    assert "INSERT" not in done[2].error
    assert "\n" not in done[2].error
    assert side.read(ACCOUNT, ["name"])["name"].tolist() == ["A", "B", "C"]


def test_a_repeated_insert_finds_its_own_work(nav: Open) -> None:
    side = nav(**SETUP)
    writes = [Write("insert", "", {"Name": f"{i}"}, identity=GUID.format(i)) for i in range(3)]
    first = write(side, CUSTOMER, *writes[:2])

    again = write(side, CUSTOMER, *writes, now=LATER)

    assert again[:2] == first
    assert again[2] == Written("CUST00003", LATER)
    assert side.read(CUSTOMER, ["Name"])["Name"].tolist() == ["0", "1", "2"]
    assert len(side.read(CONTACT, ["Name"])) == 3


def test_a_repeated_insert_into_crm_finds_its_own_work(crm: Open) -> None:
    side = crm()
    first = write(side, ACCOUNT, Write("insert", GUID.format(1), {"name": "A"}))

    again = write(side, ACCOUNT, Write("insert", GUID.format(1), {"name": "B"}), now=LATER)

    assert again == first
    assert one(side, ACCOUNT, GUID.format(1), "name", "modifiedon") == {
        "name": "A", "modifiedon": NOW,
    }  # fmt: skip


def test_a_repeated_insert_of_what_was_deleted_meanwhile_does_not_make_it_again(nav: Open) -> None:
    side = nav(**SETUP)
    insert = Write("insert", "", {"Name": "A"}, identity=GUID.format(1))
    (made,) = write(side, CUSTOMER, insert)
    write(side, CUSTOMER, Write("delete", made.key, {}))

    (again,) = write(side, CUSTOMER, insert)

    assert again.stale
    assert again.error
    assert side.read(CUSTOMER, ["Name"]).empty


def test_a_given_key_that_somebody_else_has_is_refused(nav: Open) -> None:
    side = nav(**customers("10000"))

    (done,) = write(
        side, CUSTOMER, Write("insert", "10000", {"Name": "B"}, identity=GUID.format(7))
    )

    assert done.error == "There is already a Customer of this key."
    assert one(side, CUSTOMER, "10000", "Name") == {"Name": "Name 10000"}


def test_a_change_since_then_is_not_overwritten(nav: Open, crm: Open) -> None:
    side = nav(**customers("10000", "20000", "30000"))
    write(side, CUSTOMER, Write("update", "20000", {"Name": "Someone"}))

    done = write(
        side,
        CUSTOMER,
        *(Write("update", k, {"Name": "Ours"}, OLD) for k in ("10000", "20000", "30000", "40000")),
        now=LATER,
    )

    assert [each.stale for each in done] == [False, True, False, True]
    assert done[1].error == "The record was changed by someone else meanwhile."
    assert done[3].error == "The record was deleted meanwhile."
    names = side.read(CUSTOMER, ["Name"])["Name"].tolist()
    assert names == ["Ours", "Someone", "Ours"]
    assert side.stamps(CUSTOMER)["modified_on"].tolist() == [LATER, NOW, LATER]


def test_a_change_in_crm_since_then_is_not_overwritten(crm: Open) -> None:
    rows = [{"accountid": GUID.format(i), "name": "A", "modifiedon": OLD.isoformat()}
            for i in range(3)]  # fmt: skip
    side = crm(account=rows)
    write(side, ACCOUNT, Write("update", GUID.format(1), {"name": "Someone"}))

    update, delete = (Write("update", GUID.format(i), {"name": "Ours"}, OLD) for i in (0, 1)), (
        Write("delete", GUID.format(i), {}, OLD) for i in (1, 2, 3)
    )  # fmt: skip
    done = write(side, ACCOUNT, *update, *delete, now=LATER)

    assert [each.stale for each in done] == [False, True, True, False, True]
    found = side.read(ACCOUNT, ["name", "modifiedon"])
    assert found["name"].tolist() == ["Ours", "Someone"]
    assert found["modifiedon"].tolist() == [LATER, NOW]


def test_a_deleted_nav_record_keeps_an_integration_record_without_its_key(nav: Open) -> None:
    side = nav(**customers("10000", "20000"))

    done = write(side, CUSTOMER, Write("delete", "10000", {}, OLD))

    assert done == [Written("10000", NOW)]
    assert list(side.stamps(CUSTOMER).index) == ["20000"]
    columns = ["Record ID", "Deleted On", "Modified On"]
    assert one(side, RECORD, GUID.format(1), *columns) == {
        "Record ID": "", "Deleted On": NOW, "Modified On": NOW,
    }  # fmt: skip


def test_a_record_without_an_integration_record_gets_one_when_modified(nav: Open) -> None:
    side = nav(Customer=[{"No.": "10000"}])

    assert write(side, CUSTOMER, Write("update", "10000", {"City": "Bonn"})) == [
        Written("10000", NOW)
    ]
    assert side.stamps(CUSTOMER)["modified_on"].to_dict() == {"10000": NOW}


def test_tables_of_no_mapping_have_no_stamps(nav: Open) -> None:
    side = nav()
    relation = Write("insert", "CONT1, CUSTOMER", {"Link to Table": 1, "No.": "10000"})

    done = write(side, NAV["Contact Business Relation"], relation, relation)

    assert done == [Written("CONT1, CUSTOMER", None)] * 2
    assert side.read(RECORD, ["Table ID"]).empty


def test_an_exchange_rate_stamps_its_currency(nav: Open) -> None:
    side = nav(
        **{
            "Currency": [{"Code": "EUR"}, {"Code": "USD"}],
            "Currency Exchange Rate": [
                {"Currency Code": "USD", "Starting Date": "2018-01-01", "Exchange Rate Amount": 1}
            ],
            "Integration Record": [
                stamped(4, "EUR", GUID.format(1)),
                stamped(4, "USD", GUID.format(2)),
            ],
        }
    )

    done = write(
        side,
        NAV["Currency Exchange Rate"],
        Write("update", "USD, 2018-01-01", {"Exchange Rate Amount": Decimal("1.25")}),
    )

    assert done == [Written("USD, 2018-01-01", None)]
    stamps = side.stamps(NAV["Currency"])["modified_on"].to_dict()
    assert stamps == {"EUR": OLD, "USD": NOW}


def test_keys_of_dates_and_amounts_are_found(nav: Open) -> None:
    price = {"Item No.": "1000", "Sales Type": 1, "Sales Code": "GOLD", "Minimum Quantity": 2}
    side = nav(**{"Sales Price": [price | {"Unit Price": "1.5"}, price | {"Minimum Quantity": 3}]})
    key = "1000, Customer Price Group, GOLD, , , , , 2"

    done = write(side, NAV["Sales Price"], Write("update", key, {"Unit Price": Decimal(2)}))

    assert done == [Written(key, None)]
    assert side.read(NAV["Sales Price"], ["Unit Price"])["Unit Price"].tolist() == [2, 0]


def test_crm_passes_over_what_it_does_not_accept(crm: Open) -> None:
    side = crm()
    values = {"name": "A", "statecode": 1, "exchangerate": Decimal(7)}
    currency = CRM["transactioncurrency"]

    write(side, ACCOUNT, Write("insert", GUID.format(1), values))
    write(side, currency, Write("insert", GUID.format(2), {"isocurrencycode": "EUR"}))
    done = write(side, currency, Write("update", GUID.format(2), {"isocurrencycode": "USD"}))

    assert done == [Written(GUID.format(2), NOW)]
    found = one(side, ACCOUNT, GUID.format(1), "statecode", "exchangerate")
    assert found["statecode"] == 0
    assert pd.isna(found["exchangerate"])
    assert one(side, currency, GUID.format(2), "isocurrencycode") == {"isocurrencycode": "EUR"}


def test_blanks_are_kept_as_each_product_keeps_them(nav: Open, crm: Open, url: str) -> None:
    side = nav(Customer=[{"No.": "1", "Name": "A", "Credit Limit (LCY)": 5, "Blocked": 3}])
    write(side, CUSTOMER, Write("update", "1", {"Name": None, "Credit Limit (LCY)": None,
                                                "Blocked": None}))  # fmt: skip
    raw = run(url, 'SELECT "Name", "Blocked" FROM "CRONUS International Ltd_$Customer"')

    assert raw == [("", 0)]


@pytest.mark.parametrize("side", ["nav", "crm"])
def test_an_amount_goes_in_exactly(side: SideName, url: str) -> None:
    opened = made(side, url, {})
    amount = (
        Decimal("1234567890.1234") if side == "crm" else Decimal("1234567890.12345678901234567891")
    )
    table, name = (ACCOUNT, "creditlimit") if side == "crm" else (CUSTOMER, "Credit Limit (LCY)")
    key = GUID.format(1) if side == "crm" else "10000"

    write(opened, table, Write("insert", key, {name: amount}))

    assert one(opened, table, key, name) == {name: amount}
