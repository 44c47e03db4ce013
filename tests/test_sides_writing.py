"""Writing sides: every good row is kept, each bad one fails alone and says why."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from navcrm_recon.catalog import SideName, Table, load_catalog
from navcrm_recon.errors import ReadOnlyError, SideError
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

    assert done.error.startswith("There is already a Customer '10000'.")
    assert (done.field, done.value) == ("No.", "10000")
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


SALES_SETUP = "Sales & Receivables Setup"
LINE = {"Series Code": "CUST", "Line No.": 10000, "Starting No.": "C008"}


def new_customers(side: SqlSide, count: int = 1) -> list[Written]:
    return write(side, CUSTOMER, *(Write("insert", "", {"Name": str(i)}) for i in range(count)))


def test_a_series_counts_its_last_digits_up_and_passes_over_taken_numbers(nav: Open) -> None:
    side = nav(
        **{
            SALES_SETUP: SETUP[SALES_SETUP],
            "No. Series Line": [LINE | {"Last No. Used": "C008-A", "Increment-by No.": 2}],
            "Customer": [{"No.": "C012-A"}],
        }
    )

    assert [each.key for each in new_customers(side, 3)] == ["C010-A", "C014-A", "C016-A"]
    line = one(side, NAV["No. Series Line"], "CUST, 10000", "Last No. Used", "Last Date Used")
    assert line == {"Last No. Used": "C016-A", "Last Date Used": dt.datetime(2018, 10, 1)}


def test_the_latest_open_line_that_has_begun_is_drawn_from(nav: Open) -> None:
    lines = [
        LINE,
        LINE | {"Line No.": 20000, "Starting Date": "2018-10-01", "Starting No.": "D1"},
        LINE | {"Line No.": 30000, "Starting Date": "2018-10-01", "Open": False},
        LINE | {"Line No.": 40000, "Starting Date": "2018-10-02", "Starting No.": "F1"},
    ]  # fmt: skip
    side = nav(**{SALES_SETUP: SETUP[SALES_SETUP], "No. Series Line": lines})

    assert [each.key for each in new_customers(side, 2)] == ["D1", "D2"]


def test_a_series_ends_with_its_last_number(nav: Open) -> None:
    side = nav(
        **{SALES_SETUP: SETUP[SALES_SETUP], "No. Series Line": [LINE | {"Ending No.": "C010"}]}
    )

    done = new_customers(side, 5)

    assert [each.key for each in done] == ["C008", "C009", "C010", "", ""]
    assert done[3].error.startswith("The number series CUST has no open line")
    assert done[3].error == done[4].error
    assert list(side.read(CUSTOMER, []).index) == ["C008", "C009", "C010"]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([LINE | {"Starting No.": ""}], "its line has no Starting No."),
        ([LINE | {"Last No. Used": "CUST"}], "its number 'CUST' has no digit to count up"),
        ([LINE | {"Last No. Used": "9" * 20}], "it has no number left"),
        ([LINE | {"Open": False}], "no open line"),
    ],
)
def test_a_series_without_a_number_is_named(nav: Open, lines: Rows, reason: str) -> None:
    side = nav(**{SALES_SETUP: SETUP[SALES_SETUP], "No. Series Line": lines})

    (done,) = new_customers(side)

    assert "number series CUST" in done.error
    assert reason in done.error


@pytest.mark.parametrize("setup", [{}, {SALES_SETUP: [{"Customer Nos.": ""}]}])
def test_a_setup_without_a_series_is_named(nav: Open, setup: dict[str, Rows]) -> None:
    (done,) = new_customers(nav(**setup))

    assert done.error == (
        "A new Customer needs a number, but Sales & Receivables Setup, 'Customer Nos.' is blank. "
        "Fill it."
    )
    assert done.field == "No."


def test_a_salesperson_gets_the_first_free_code(nav: Open) -> None:
    side = nav(**{"Salesperson/Purchaser": [{"Code": "SP NO. 2"}, {"Code": "SP NO. 10"}]})
    table = NAV["Salesperson/Purchaser"]

    done = write(side, table, *(Write("insert", "", {"E-Mail": "a@b.example"}) for _ in range(3)))

    assert [each.key for each in done] == ["SP NO. 1", "SP NO. 3", "SP NO. 4"]
    assert one(side, table, "SP NO. 1", "Search E-Mail") == {"Search E-Mail": "A@B.EXAMPLE"}


def test_a_table_without_a_series_needs_a_key(nav: Open) -> None:
    side = nav()

    bad, good = write(
        side,
        NAV["Payment Terms"],
        Write("insert", "", {"Description": "Net 30"}),
        Write("insert", "", {"Code": " net30 ", "Description": "Net 30"}),
    )

    assert bad.error == "A new Payment Terms needs a key."
    assert good == Written("NET30", NOW)


def test_two_who_insert_at_once_draw_different_numbers(nav: Open, url: str) -> None:
    nav(**SETUP)

    def insert(worker: int) -> list[str]:
        side = opened("nav", url)
        done = []
        for i in range(10):
            identity = f"{worker}e0b4f6e-0000-4000-8000-{i:012d}"
            done += write(side, CUSTOMER, Write("insert", "", {"Name": "N"}, identity=identity))
        assert [each.error for each in done] == [""] * 10
        return [each.key for each in done]

    with ThreadPoolExecutor(4) as pool:
        keys = sorted(key for some in pool.map(insert, range(4)) for key in some)

    side = opened("nav", url)
    assert keys == [f"CUST{i:05d}" for i in range(1, 41)]
    assert list(side.read(CUSTOMER, []).index) == keys
    assert list(side.read(CONTACT, []).index) == [f"CONT{i:05d}" for i in range(1, 41)]


def test_two_processes_that_insert_at_once_draw_different_numbers(nav: Open, url: str) -> None:
    nav(**SETUP)
    program = (
        "import sys, datetime as dt; from navcrm_recon.catalog import load_catalog\n"
        "from navcrm_recon.sides import Write, open_side\n"
        "url, company = sys.argv[1:]; catalog = load_catalog()\n"
        "config = {'kind': 'sql', 'url': url}\n"
        "side = open_side('nav', config, company=company, catalog=catalog)\n"
        "table, new = catalog.nav['Customer'], [Write('insert', '', {})]\n"
        "for i in range(10):\n"
        "    (done,) = side.write(table, new, now=dt.datetime.now(dt.UTC), by='')\n"
        "    assert not done.error, done\n"
    )

    arguments = [sys.executable, "-c", program, url, COMPANY]
    running = [subprocess.Popen(arguments) for _ in range(2)]

    assert [each.wait() for each in running] == [0, 0]
    found = list(opened("nav", url).read(CUSTOMER, []).index)
    assert found == [f"CUST{i:05d}" for i in range(1, 21)]


def test_a_new_customer_gets_its_company_contact(nav: Open) -> None:
    side = nav(**SETUP)
    values = {"Name": "Fabrikam", "City": "Bonn", "E-Mail": "a@fabrikam.example", "Blocked": 3}

    write(side, CUSTOMER, Write("insert", "", values))

    columns = ["Type", "Name", "City", "E-Mail", "Search Name", "Company No.", "Company Name"]
    assert one(side, CONTACT, "CONT00001", *columns) == {
        "Type": 0, "Name": "Fabrikam", "City": "Bonn", "E-Mail": "a@fabrikam.example",
        "Search Name": "FABRIKAM", "Company No.": "CONT00001", "Company Name": "Fabrikam",
    }  # fmt: skip
    relation = NAV["Contact Business Relation"]
    assert one(side, relation, "CONT00001, CUSTOMER", "Link to Table", "No.") == {
        "Link to Table": 1, "No.": "CUST00001",
    }  # fmt: skip
    assert side.stamps(CONTACT)["modified_on"].to_dict() == {"CONT00001": NOW}


@pytest.mark.parametrize(
    "marketing", [[], [{"Contact Nos.": "CONT"}], [{"Bus. Rel. Code for Customers": "CUSTOMER"}]]
)
def test_a_new_customer_gets_no_contact_where_the_setup_asks_for_none(
    nav: Open, marketing: Rows
) -> None:
    side = nav(**{SALES_SETUP: SETUP[SALES_SETUP], "Marketing Setup": marketing})

    assert [each.error for each in new_customers(side)] == [""]
    assert side.read(CONTACT, []).empty


def test_a_modified_customer_takes_its_company_contact_along(nav: Open) -> None:
    side = nav(**SETUP)
    new_customers(side, 2)

    write(side, CUSTOMER, Write("update", "CUST00001", {"Name": "New", "Blocked": 3}), now=LATER)
    write(side, CUSTOMER, Write("update", "CUST00002", {"Name": "1", "Blocked": 3}), now=LATER)

    found = side.read(CONTACT, ["Name", "Company Name", "Search Name"])
    assert list(found.loc["CONT00001"]) == ["New", "New", "NEW"]
    assert list(found.loc["CONT00002"]) == ["1", "1", "1"]
    assert side.stamps(CONTACT)["modified_on"].to_dict() == {"CONT00001": LATER, "CONT00002": NOW}


def test_when_the_contact_cannot_follow_the_customer_stays_as_it_was(nav: Open, url: str) -> None:
    side = nav(**SETUP)
    new_customers(side, 2)
    fields = ", ".join(f'"{name}"' for name in ("Name",))
    run(url, f'CREATE UNIQUE INDEX names ON "CRONUS International Ltd_$Contact" ({fields})')

    done = write(
        side,
        CUSTOMER,
        Write("update", "CUST00001", {"Name": "1"}),
        Write("update", "CUST00002", {"Name": "2"}),
        now=LATER,
    )

    assert [each.error == "" for each in done] == [False, True]
    assert side.read(CUSTOMER, ["Name"])["Name"].tolist() == ["0", "2"]
    assert side.stamps(CUSTOMER)["modified_on"].tolist() == [NOW, LATER]


def test_a_person_is_named_by_its_parts(nav: Open) -> None:
    company = {"No.": "CT1", "Type": 0, "Name": "Fabrikam"}
    side = nav(Contact=[company], **{"Marketing Setup": SETUP["Marketing Setup"]})
    columns = ["Name", "Search Name", "Company Name"]
    person = {"Type": 1, "First Name": "Ann", "Surname": "Straße", "Company No.": "CT1"}

    write(side, CONTACT, Write("insert", "", person))
    assert one(side, CONTACT, "CONT00001", *columns) == {
        "Name": "Ann Straße", "Search Name": "ANN STRAßE", "Company Name": "Fabrikam",
    }  # fmt: skip

    write(side, CONTACT, Write("update", "CONT00001", {"Middle Name": "B.", "Company No.": None}))
    assert one(side, CONTACT, "CONT00001", *columns) == {
        "Name": "Ann B. Straße", "Search Name": "ANN B. STRAßE", "Company Name": "",
    }  # fmt: skip


def test_a_name_too_long_for_its_field_is_refused(nav: Open) -> None:
    side = nav(**{"Marketing Setup": SETUP["Marketing Setup"]})
    parts = {"Type": 1, "First Name": "A" * 30, "Surname": "B" * 30}

    (done,) = write(side, CONTACT, Write("insert", "", parts))

    assert (done.field, done.value) == ("Name", "A" * 30 + " " + "B" * 30)


def test_a_search_name_of_ones_own_stays(nav: Open) -> None:
    rows = [
        {"No.": "1", "Name": "Old", "Search Name": "OLD"},
        {"No.": "2", "Name": "Old", "Search Name": "MINE"},
        {"No.": "3", "Name": "Old", "Search Name": ""},
    ]
    side = nav(Customer=rows)

    write(side, CUSTOMER, *(Write("update", k, {"Name": "New"}) for k in ("1", "2", "3")))

    assert side.read(CUSTOMER, ["Search Name"])["Search Name"].tolist() == ["NEW", "MINE", "NEW"]


def test_a_crm_contact_is_named_by_its_parts(crm: Open) -> None:
    side, contact = crm(), CRM["contact"]
    write(side, contact, Write("insert", GUID.format(1), {"firstname": "Ann", "lastname": "Li"}))

    write(side, contact, Write("update", GUID.format(1), {"middlename": "B."}))

    assert one(side, contact, GUID.format(1), "fullname") == {"fullname": "Ann B. Li"}


def test_a_state_brings_its_status_reason(crm: Open) -> None:
    side = crm(account=[{"accountid": GUID.format(1)}])

    write(side, ACCOUNT, Write("update", GUID.format(1), {"statecode": 1}))

    assert one(side, ACCOUNT, GUID.format(1), "statecode", "statuscode") == {
        "statecode": 1, "statuscode": 2,
    }  # fmt: skip


OTHER_NAV = {
    "sqlite": """CREATE TABLE "CRONUS International Ltd_$Customer" (
        "No_" VARCHAR(20) PRIMARY KEY, "Name" VARCHAR(30) NOT NULL, "Blocked" INTEGER NOT NULL,
        "Prices Including VAT" BOOLEAN NOT NULL, "Last Date Modified" DATE NOT NULL,
        "Credit Limit (LCY)" TEXT NOT NULL, timestamp BLOB NOT NULL,
        "Our Text" VARCHAR(10) NOT NULL, "Our Number" NUMERIC NOT NULL, "Our Day" DATE NOT NULL,
        "Our Bytes" BLOB NOT NULL, "Our Default" TEXT NOT NULL DEFAULT 'kept', "Our Null" TEXT,
        "Our Sum" INTEGER GENERATED ALWAYS AS ("Blocked" + 1))""",
    "postgresql": """CREATE TABLE "CRONUS International Ltd_$Customer" (
        "No_" VARCHAR(20) PRIMARY KEY, "Name" VARCHAR(30) NOT NULL, "Blocked" SMALLINT NOT NULL,
        "Prices Including VAT" BOOLEAN NOT NULL, "Last Date Modified" DATE NOT NULL,
        "Credit Limit (LCY)" NUMERIC(38, 20) NOT NULL, timestamp BYTEA NOT NULL,
        "Our Text" VARCHAR(10) NOT NULL, "Our Number" NUMERIC NOT NULL, "Our Day" DATE NOT NULL,
        "Our Bytes" BYTEA NOT NULL, "Our Default" TEXT NOT NULL DEFAULT 'kept', "Our Null" TEXT,
        "Our Sum" INTEGER GENERATED ALWAYS AS ("Blocked" + 1) STORED)""",
}
OTHER_RECORDS = {
    "sqlite": """CREATE TABLE "CRONUS International Ltd_$Integration Record" (
        "Integration ID" TEXT PRIMARY KEY, "Table ID" INTEGER, "Record ID" BLOB,
        "Modified On" TEXT, "Deleted On" TEXT)""",
    "postgresql": """CREATE TABLE "CRONUS International Ltd_$Integration Record" (
        "Integration ID" UUID PRIMARY KEY, "Table ID" INTEGER, "Record ID" BYTEA,
        "Modified On" TIMESTAMPTZ, "Deleted On" TIMESTAMPTZ)""",
}


def test_what_is_written_fits_the_tables_that_are_there(url: str) -> None:
    dialect = url.partition("+")[0].partition(":")[0]
    run(url, OTHER_NAV[dialect], OTHER_RECORDS[dialect])
    side = opened("nav", url)
    values = {"Name": "A", "Prices Including VAT": True, "Credit Limit (LCY)": Decimal("1.5")}

    good, long, absent = write(
        side,
        CUSTOMER,
        Write("insert", "c1", values),
        Write("insert", "c2", {"Name": "N" * 31}),
        Write("insert", "c3", {"City": "Bonn"}),
    )

    assert good == Written("C1", NOW)
    assert "30 characters" in long.error
    assert "The column 'City' of Customer is not there." in absent.error
    (done,) = write(side, CUSTOMER, Write("update", "C1", {"Blocked": 2}, NOW), now=LATER)
    assert done == Written("C1", LATER)
    columns = ["Name", "Prices Including VAT", "Credit Limit (LCY)", "Blocked", "timestamp"]
    assert one(side, CUSTOMER, "C1", *columns) == {
        "Name": "A", "Prices Including VAT": True, "Credit Limit (LCY)": Decimal("1.5"),
        "Blocked": 2, "timestamp": 2,
    }  # fmt: skip
    own = 'SELECT "Our Text", "Our Number", "Our Bytes", "Our Default", "Our Null", "Our Sum"'
    ((text, number, raw, default, null, total),) = run(
        url, f'{own} FROM "CRONUS International Ltd_$Customer"'
    )
    assert (text, number, bytes(raw), default, null, total) == ("", 0, b"", "kept", None, 3)
    assert side.stamps(CUSTOMER, keys=["C1"])["modified_on"].to_dict() == {"C1": LATER}


def test_a_table_that_is_not_there_is_an_error_of_the_side(url: str) -> None:
    with pytest.raises(SideError, match="account"):
        write(opened("crm", url), ACCOUNT, Write("insert", GUID.format(1), {}))


def test_a_database_that_cannot_be_written_is_an_error_of_the_side(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'side.db'}"
    (tmp_path / "side.db").touch()
    made("nav", url, customers("10000"))
    read_only = opened("nav", f"sqlite:///file:{tmp_path / 'side.db'}?mode=ro&uri=true")

    with pytest.raises(SideError, match=r"cannot be written \(Customer\): .*readonly"):
        write(read_only, CUSTOMER, Write("update", "10000", {"Name": "B"}))


def test_a_key_of_a_table_is_found_by_its_index(nav: Open, url: str) -> None:
    keys = [f"C{i:05d}" for i in range(3000)]
    side = nav(Customer=[{"No.": key} for key in keys])
    side.read(CUSTOMER, ["Name"], keys=keys[:1])
    asked: list[tuple[str, Any]] = []
    sa.event.listen(side.engine, "before_cursor_execute", lambda *it: asked.append((it[2], it[3])))

    found = side.read(CUSTOMER, ["Name"], keys=keys[1000:1500])

    assert list(found.index) == keys[1000:1500]
    assert len(asked) == 1
    explain = "EXPLAIN QUERY PLAN " if url.startswith("sqlite") else "EXPLAIN "
    with side.engine.connect() as connection:
        if explain == "EXPLAIN ":
            connection.exec_driver_sql("SET enable_seqscan = off")  # so few rows it would scan
        plan = str(connection.exec_driver_sql(explain + asked[0][0], asked[0][1]).all())
    assert "autoindex" in plan or "_pkey" in plan


def test_writes_go_together(nav: Open) -> None:
    side = nav(**customers(*(f"C{i:05d}" for i in range(1, 10))))
    write(side, CUSTOMER, Write("update", "C00001", {"Name": "B"}))
    statements: list[str] = []
    sa.event.listen(side.engine, "before_cursor_execute", lambda *it: statements.append(it[2]))

    write(side, CUSTOMER, *(Write("update", f"C{i:05d}", {"Name": "C"}) for i in range(1, 10)))

    assert len(statements) < 12


def test_a_side_that_is_only_read_is_not_written(nav: Open) -> None:
    side = nav(**customers("10000"))
    side.writable = False  # as on SQL Server

    with pytest.raises(ReadOnlyError, match="nothing of Customer was written"):
        write(side, CUSTOMER, Write("delete", "10000", {}))
    assert list(side.read(CUSTOMER, []).index) == ["10000"]


def test_no_writes_are_no_transaction(nav: Open) -> None:
    assert nav().write(CUSTOMER, [], now=NOW, by=ROBOT) == []


@pytest.mark.parametrize("key", ["", "1, 2", "nonsense"])
def test_a_key_that_no_record_has_is_stale(nav: Open, key: str) -> None:
    side = nav(**customers("10000"))

    done = write(side, CUSTOMER, Write("update", key, {"Name": "B"}), Write("delete", key, {}))

    assert [each.stale for each in done] == [True, True]
    assert [each.key for each in done] == [key, key]
