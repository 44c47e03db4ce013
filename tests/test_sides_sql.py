"""SQL databases: names, statements, and what is wrong with them said clearly."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import mssql
from sqlalchemy.schema import CreateTable

from navcrm_recon.catalog import Condition, load_catalog
from navcrm_recon.errors import ConfigError, DataError, SideError
from navcrm_recon.sides import SqlSide, open_side
from navcrm_recon.sides.record_id import encode
from navcrm_recon.sides.sql_read import select_rows
from navcrm_recon.sides.sql_schema import declared
from navcrm_recon.sides.sql_tables import (
    DEFAULT_INVALID_CHARACTERS,
    ndo_property_table,
    sql_name,
    sql_table,
)

CATALOG = load_catalog()
COMPANY = "CRONUS International Ltd."
CUSTOMER, ACCOUNT = CATALOG.nav["Customer"], CATALOG.crm["account"]
PRICE, RECORD = CATALOG.nav["Sales Price"], CATALOG.nav["Integration Record"]
CUSTOMER_SQL = '"CRONUS International Ltd_$Customer"'
GUID = "6e0b4f6e-0000-4000-8000-000000000001"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database."""
    if request.param == "postgresql":
        return str(request.getfixturevalue("postgres_url"))
    (tmp_path / "side.db").touch()
    return f"sqlite:///{tmp_path / 'side.db'}"


def write(url: str, *tables: object, statements: tuple[str, ...] = ()) -> None:
    """Make tables with rows, given as table and rows in turn; then run statements."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        for table, rows in zip(tables[::2], tables[1::2], strict=True):
            sql = sql_table(table, company=COMPANY, metadata=sa.MetaData())  # type: ignore[arg-type]  # alternating
            sql.create(connection)
            for row in rows:  # type: ignore[attr-defined]  # alternating
                connection.execute(sql.insert(), row)
        for statement in statements:
            connection.execute(sa.text(statement))


def nav(url: str) -> SqlSide:
    side = open_side("nav", {"kind": "sql", "url": url}, company=COMPANY, catalog=CATALOG)
    assert isinstance(side, SqlSide)
    return side


def crm(url: str) -> SqlSide:
    side = open_side("crm", {"kind": "sql", "url": url}, company=COMPANY, catalog=CATALOG)
    assert isinstance(side, SqlSide)
    return side


def test_nav_names_lose_the_characters_sql_server_cannot_take() -> None:
    assert sql_name("CRONUS International Ltd.") == "CRONUS International Ltd_"
    assert sql_name("VAT %") == "VAT _"
    assert sql_name("Sales & Receivables (LCY)-$") == "Sales & Receivables (LCY)-$"
    assert DEFAULT_INVALID_CHARACTERS == ".\"\\/'%]["


def test_the_database_says_which_characters_it_replaces(url: str) -> None:
    metadata = sa.MetaData()
    own = sql_table(CUSTOMER, company=COMPANY, invalid_characters="$&", metadata=metadata)
    properties = ndo_property_table(metadata)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(own.insert(), {"No.": "1", "Name": "A"})
        connection.execute(properties.insert(), {"invalididentifierchars": "$&"})

    assert own.name == "CRONUS International Ltd._Customer"
    assert nav(url).read(CUSTOMER, ["Name"])["Name"].to_dict() == {"1": "A"}


def test_amounts_are_added_exactly_and_only_open_orders_count(url: str) -> None:
    lines = [
        {"Document Type": kind, "Document No.": "1", "Line No.": line,
         "Bill-to Customer No.": customer, "Outstanding Amount (LCY)": Decimal(amount)}
        for kind, line, amount, customer in [
            (1, 1, "0.1", "10000"), (1, 2, "0.2", "10000"), (2, 1, "5", "10000"), (1, 3, "9", "X"),
        ]
    ]  # fmt: skip
    customers = [{"No.": "10000"}, {"No.": "20000"}]
    write(url, CUSTOMER, customers, CATALOG.nav["Sales Line"], lines)

    found = nav(url).read(CUSTOMER, ["Outstanding Orders (LCY)"])["Outstanding Orders (LCY)"]

    assert found.to_dict() == {"10000": Decimal("0.3"), "20000": Decimal(0)}


def test_a_missing_table_is_named_with_its_nearest_neighbour(url: str) -> None:
    write(url, statements=("CREATE TABLE acount (accountid TEXT)",))

    with pytest.raises(SideError, match="no table 'account'.* Did you mean 'acount'"):
        crm(url).read(ACCOUNT, ["name"])


def test_a_wrong_company_is_told_which_there_are(url: str) -> None:
    write(url, statements=('CREATE TABLE "Fabrikam$Customer" ("No_" TEXT)',))

    with pytest.raises(SideError, match="companies Fabrikam"):
        nav(url).read(CUSTOMER, ["Name"])


def test_a_missing_column_is_named(url: str) -> None:
    write(url, CUSTOMER, [], statements=(f'ALTER TABLE {CUSTOMER_SQL} DROP COLUMN "E-Mail"',))

    with pytest.raises(
        SideError, match="'CRONUS International Ltd_.Customer' has no column .*E-Mail"
    ):
        nav(url).read(CUSTOMER, ["E-Mail"])
    assert nav(url).read(CUSTOMER, ["Name"]).empty


def test_a_column_that_the_catalogue_does_not_know_is_refused(url: str) -> None:
    with pytest.raises(SideError, match="no column 'Nmae' in the catalogue.* 'Name'"):
        nav(url).read(CUSTOMER, ["Nmae"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [("Credit Limit (LCY)", "timestamp"), ("No_", "integer"), ("Last Date Modified", "integer")],
)
def test_a_column_of_the_wrong_type_is_named(url: str, name: str, kind: str) -> None:
    names = [f'"{each}" TEXT' for each in ("No_", "Credit Limit (LCY)", "Last Date Modified")]
    columns = ", ".join(f'"{name}" {kind}' if f'"{name}"' in each else each for each in names)
    write(url, statements=(f"CREATE TABLE {CUSTOMER_SQL} ({columns})",))
    field = name.replace("No_", "No.")
    if "postgresql" in url and field == "No.":
        return  # NAV can keep a Code as an integer; only SQLite would change the text

    with pytest.raises(DataError, match="was expected") as raised:
        nav(url).read(CUSTOMER, [field])
    assert raised.value.field == field


def test_a_value_of_the_wrong_type_is_named_with_its_record(tmp_path: Path) -> None:
    (tmp_path / "nav.db").touch()
    url = f"sqlite:///{tmp_path / 'nav.db'}"
    rows = [{"No.": "10000"}, {"No.": "20000"}]
    change = f"UPDATE {CUSTOMER_SQL} SET \"Credit Limit (LCY)\" = 'much' WHERE \"No_\" = '20000'"
    write(url, CUSTOMER, rows, statements=(change,))

    with pytest.raises(
        DataError, match="Customer '20000', 'Credit Limit .LCY.': found 'much', which is no decimal"
    ) as raised:
        nav(url).read(CUSTOMER, ["Credit Limit (LCY)"])
    assert (raised.value.field, raised.value.value) == ("Credit Limit (LCY)", "much")


def test_a_key_that_is_there_twice_is_named_even_outside_the_filter(url: str) -> None:
    columns = '"No_" VARCHAR(20), "Name" VARCHAR(50), "Blocked" INTEGER'
    rows = "('1', 'A', 0), ('1', 'B', 3), ('2', 'C', 0)"
    write(url, statements=(
        f"CREATE TABLE {CUSTOMER_SQL} ({columns})",
        f"INSERT INTO {CUSTOMER_SQL} VALUES {rows}",
    ))  # fmt: skip

    with pytest.raises(DataError, match=r"the key \(No\.\) occurs more than once: 1\."):
        nav(url).read(CUSTOMER, ["Name"], [Condition("Blocked", "eq", 0)])


def test_a_blank_key_is_an_error_except_in_setup_tables(url: str) -> None:
    setup = CATALOG.nav["General Ledger Setup"]
    write(url, CUSTOMER, [{"No.": ""}], setup, [{"LCY Code": "GBP"}])

    with pytest.raises(DataError, match="1 records have a blank key"):
        nav(url).read(CUSTOMER, ["Name"])
    assert list(nav(url).read(setup, ["LCY Code"])["LCY Code"]) == ["GBP"]


def test_an_undecodable_record_id_is_shown_with_its_record(url: str) -> None:
    rows = [{"Integration ID": GUID, "Table ID": 18, "Record ID": b"\x12\0\0\0\x99\x99\x99\0\0"}]
    write(url, RECORD, rows)

    with pytest.raises(DataError, match=f"{GUID}.*0x12000000999999") as raised:
        nav(url).stamps(CUSTOMER)
    assert raised.value.field == "Record ID"


def test_a_record_id_of_another_table_is_an_error(url: str) -> None:
    row = {"Integration ID": GUID, "Table ID": 18, "Modified On": dt.datetime(2018, 1, 1)}
    record_id = encode(CATALOG.nav["Item"], ("1000",))
    write(url, RECORD, [row | {"Record ID": record_id}])

    with pytest.raises(DataError, match="Record IDs of the tables 27"):
        nav(url).stamps(CUSTOMER)


def test_nav_without_integration_records_cannot_give_stamps(url: str) -> None:
    write(url, CUSTOMER, [])

    with pytest.raises(SideError, match="Integration Record"):
        nav(url).stamps(CUSTOMER)


def test_a_missing_sqlite_file_is_an_error_and_stays_missing(tmp_path: Path) -> None:
    path = tmp_path / "absent.db"

    with pytest.raises(SideError, match="There is no database file"):
        nav(f"sqlite:///{path}")
    assert not path.exists()


def test_a_file_that_is_no_database_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "nav.db"
    path.write_text("No.;Name\n" * 500)

    with pytest.raises(SideError, match="not a database"):
        nav(f"sqlite:///{path}")


def test_a_missing_postgresql_database_is_an_error(postgres_url: str) -> None:
    missing = sa.make_url(postgres_url).set(database="no_such_database", password="s3cret")  # noqa: S106

    with pytest.raises(SideError, match="no_such_database") as raised:
        nav(missing.render_as_string(hide_password=False))
    assert "s3cret" not in str(raised.value)


def test_a_server_that_does_not_answer_is_an_error_without_its_password() -> None:
    with pytest.raises(SideError) as raised:
        nav("postgresql+psycopg://me:s3cret@127.0.0.1:1/nav")

    assert "127.0.0.1:1" in str(raised.value)
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    ("config", "problem"),
    [
        ({"kind": "sql", "url": "nav.db"}, "no SQLAlchemy URL"),
        ({"kind": "sql", "url": "nosuchthing://x"}, "driver"),
        ({"kind": "dataverse", "url": "https://x"}, "this version reads sql and files"),
        ({}, "this version reads sql and files"),
    ],
)
def test_an_address_that_cannot_be_used_is_a_configuration_error(
    config: Mapping[str, object], problem: str
) -> None:
    with pytest.raises(ConfigError, match=problem):
        open_side("crm", config, company=COMPANY, catalog=CATALOG)


def test_a_filter_value_of_the_wrong_type_is_a_configuration_error(url: str) -> None:
    write(url, CUSTOMER, [])

    with pytest.raises(ConfigError, match="'Blocked' compares a option with 'Alle'"):
        nav(url).read(CUSTOMER, ["Name"], [Condition("Blocked", "eq", "Alle")])


def test_a_value_is_never_part_of_a_statement(url: str) -> None:
    evil = "x'; DROP TABLE account; --"
    write(url, ACCOUNT, [{"accountid": GUID, "name": evil}])

    found = crm(url).read(ACCOUNT, ["name"], [Condition("name", "eq", evil)], keys=[GUID, evil])

    assert list(found["name"]) == [evil]


def test_crm_ids_are_lower_case_whatever_a_copy_wrote(tmp_path: Path) -> None:
    (tmp_path / "crm.db").touch()
    url = f"sqlite:///{tmp_path / 'crm.db'}"
    write(url, statements=(
        "CREATE TABLE account (accountid uniqueidentifier, Name nvarchar(160), creditlimit money)",
        f"INSERT INTO account VALUES ('{GUID.upper()}', 'A', 12.5), (NULL, 'B', NULL)",
    ))  # fmt: skip

    found = crm(url).read(ACCOUNT, ["name", "creditlimit"], keys=[GUID])

    assert found["name"].to_dict() == {GUID: "A"}
    assert str(found["creditlimit"].iloc[0]) == "12.50000000000000000000"
    with pytest.raises(DataError, match="blank key"):
        crm(url).read(ACCOUNT, ["name"])


def mssql_text(statement: sa.ClauseElement) -> str:
    compiled = statement.compile(
        dialect=mssql.dialect(), compile_kwargs={"render_postcompile": True}
    )
    return " ".join(str(compiled).split())


def test_sql_server_reads_only_what_is_needed() -> None:
    statement = select_rows(
        CUSTOMER,
        ["No.", "Credit Limit (LCY)", "Balance (LCY)"],
        [Condition("Blocked", "eq", 0), Condition("Name", "ne", "")],
        ["10000", "20000"],
        find=lambda table: declared(
            table,
            company=COMPANY,
            invalid_characters=DEFAULT_INVALID_CHARACTERS,
            dialect="mssql",
        ),
        tables=CATALOG.nav,
    )

    customer = "[CRONUS International Ltd_$Customer]"
    ledger = "[CRONUS International Ltd_$Detailed Cust_ Ledg_ Entry]"
    assert mssql_text(statement) == (
        f"SELECT {customer}.[No_] AS c0, {customer}.[Credit Limit (LCY)] AS c1, f2.value AS c2 "
        f"FROM {customer} LEFT OUTER JOIN "
        f"(SELECT {ledger}.[Customer No_] AS k0, sum({ledger}.[Amount (LCY)]) AS value "
        f"FROM {ledger} GROUP BY {ledger}.[Customer No_]) AS f2 "
        f"ON f2.k0 = {customer}.[No_] "
        f"WHERE {customer}.[Blocked] IN (:Blocked_1_1) AND rtrim({customer}.[Name]) != :rtrim_1 "
        f"AND {customer}.[No_] IN (:No_1_1, :No_1_2)"
    )


def test_sql_server_keeps_nav_types() -> None:
    order = CATALOG.nav["Sales Header"]
    text = mssql_text(CreateTable(sql_table(order, company=COMPANY, metadata=sa.MetaData())))

    assert "[No_] NVARCHAR(20) NOT NULL" in text
    assert "[Document Type] INTEGER NOT NULL" in text
    assert "[Currency Factor] NUMERIC(38, 20) NOT NULL" in text
    assert "[Posting Date] DATETIME NOT NULL" in text
    assert "timestamp TIMESTAMP NOT NULL" in text
    assert "PRIMARY KEY ([Document Type], [No_])" in text
    assert "[Amount]" not in text
    record = mssql_text(CreateTable(sql_table(RECORD, company="C", metadata=sa.MetaData())))
    assert "[Record ID] VARBINARY(448) NOT NULL" in record
    assert "[Integration ID] UNIQUEIDENTIFIER NOT NULL" in record
    contact = CreateTable(sql_table(ACCOUNT, company="C", metadata=sa.MetaData()))
    assert "accountid UNIQUEIDENTIFIER NOT NULL" in mssql_text(contact)
    assert "name NVARCHAR(160) NULL" in mssql_text(contact)


def test_only_sqlite_and_postgresql_may_be_written(url: str) -> None:
    side = nav(url)

    assert side.writable
    assert side.describe()["version"].startswith(side.dialect)


def test_sql_server_compares_row_versions_as_its_bytes() -> None:
    header = CATALOG.nav["Sales Shipment Header"]
    statement = select_rows(
        header,
        ["No."],
        [Condition("timestamp", "ge", 2**40 + 1)],
        None,
        find=lambda table: declared(
            table,
            company=COMPANY,
            invalid_characters=DEFAULT_INVALID_CHARACTERS,
            dialect="mssql",
        ),
        tables=CATALOG.nav,
    )

    compiled = statement.compile(dialect=mssql.dialect())
    assert "].timestamp >= " in str(compiled)
    assert list(compiled.params.values()) == [bytes.fromhex("0000010000000001")]
