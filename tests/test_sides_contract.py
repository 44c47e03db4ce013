"""What every side promises, whatever it is made of: the same data give the same frames."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa

from navcrm_recon.catalog import Catalog, Column, Condition, Flow, Option, Table, load_catalog
from navcrm_recon.frames import DECIMAL, DTYPES, TEXT
from navcrm_recon.sides import Side, open_side
from navcrm_recon.sides.record_id import encode
from navcrm_recon.sides.sql_tables import sql_table

COMPANY = "Nordwind & Söhne Ltd."
TYPES = {0: "Quote", 1: "Order", 2: " "}


def _table(side: str, name: str, key: tuple[str, ...], *columns: Column, number: int = 0) -> Table:
    named = {column.name: column for column in columns}
    modified = "modifiedon" if side == "crm" else None
    return Table(side, name, key, named, id=number or None, modified_on=modified)  # type: ignore[arg-type]  # a literal


PAPERS = _table(
    "nav",
    "Paper/Sheet",
    ("Document Type", "No.", "Line No."),
    Column("Document Type", "option", options=TYPES),
    Column("No.", "code", 20),
    Column("Line No.", "integer"),
    Column("Name", "text", 50),
    Column("Amount %", "decimal", scale=20),
    Column("Open", "boolean"),
    Column("Posting Date", "date"),
    Column("Changed At", "datetime"),
    Column("Guid", "guid"),
    Column("Source", "record_id"),
    Column("Notes", "blob"),
    Column("timestamp", "rowversion"),
    Column("Total", "decimal", scale=20, flow=Flow("sum", "Entry", "Amount",
           {"Document Type": "Document Type", "Document No.": "No."}, {"Open": True})),
    Column("Last Text", "text", 20, flow=Flow("lookup", "Entry", "Text", {"Document No.": "No."})),
    Column("Any", "boolean", flow=Flow("exist", "Entry", "", {"Document No.": "No."})),
    number=90001,
)  # fmt: skip
ENTRIES = _table(
    "nav",
    "Entry",
    ("Entry No.",),
    Column("Entry No.", "integer"),
    Column("Document Type", "option", options=TYPES),
    Column("Document No.", "code", 20),
    Column("Open", "boolean"),
    Column("Amount", "decimal", scale=20),
    Column("Text", "text", 20),
    number=90002,
)
THINGS = _table(
    "crm",
    "thing",
    ("thingid",),
    Column("thingid", "guid"),
    Column("name", "text", 100),
    Column("statecode", "option", options={0: "Active", 1: "Inactive"}),
    Column("ownerid", "lookup", targets=("systemuser",)),
    Column("price", "decimal", scale=4),
    Column("isdisabled", "boolean"),
    Column("closeon", "date"),
    Column("description", "text"),
    Column("importsequence", "integer"),
    Column("modifiedon", "datetime"),
    Column("modifiedby", "lookup"),
)
D = Decimal
GUID = "6e0b4f6e-0000-4000-8000-00000000000{}"
CHANGED = dt.datetime(2018, 9, 3, 7, 30, 1, 123000, tzinfo=dt.UTC)
DAY = dt.datetime(2018, 12, 31)
CLOSING = dt.datetime(2018, 12, 31, 23, 59, 59)
PAPER_ROWS = [
    {"Document Type": 1, "No.": "10,1", "Line No.": 10000, "Name": "Møbelhuset Straße 😀 ",
     "Amount %": D("1234567890.12345678901234567891"), "Open": True,
     "Posting Date": CLOSING, "Changed At": CHANGED,
     "Guid": GUID.format(1), "Source": bytes.fromhex("12000000027BFF31003000300030003000 00000000"),
     "Notes": "Zeile 1\r\nZeile \"2\", <b>", "timestamp": 4711},
    {"Document Type": 1, "No.": "10\\2", "Line No.": 10000, "Name": "=1+1", "Amount %": D("-0.5"),
     "Posting Date": DAY},
    {"Document Type": 0, "No.": "01121212", "Line No.": -5, "Name": "NA", "Amount %": D("0.00")},
    {"Document Type": 2, "No.": "Z", "Line No.": 0, "Open": True},
]  # fmt: skip
ENTRY_ROWS = [
    {"Entry No.": 1, "Document Type": 1, "Document No.": "10,1", "Open": True,
     "Amount": D("0.10000000000000000001"), "Text": "a"},
    {"Entry No.": 2, "Document Type": 1, "Document No.": "10,1", "Open": True,
     "Amount": D("99999999999.2"), "Text": "Ä"},
    {"Entry No.": 3, "Document Type": 1, "Document No.": "10,1", "Amount": D(7), "Text": "Z"},
    {"Entry No.": 4, "Document Type": 0, "Document No.": "10,1", "Open": True, "Amount": D(7)},
]  # fmt: skip
THING_ROWS = [
    {"thingid": GUID.format(2).upper(), "name": "Fabrikam", "statecode": 0,
     "ownerid": GUID.format(9), "price": D("12345678901234.5678"), "isdisabled": False,
     "closeon": dt.datetime(2019, 3, 25), "description": "a\nb", "importsequence": 2**40,
     "modifiedon": CHANGED, "modifiedby": GUID.format(8)},
    {"thingid": GUID.format(1), "name": "łódź", "statecode": 1},
    {"thingid": GUID.format(3), "name": "FABRIKAM", "statecode": 0},
    {"thingid": GUID.format(4)},
]  # fmt: skip
RECORD_ROWS = [
    {"Integration ID": GUID.format(1), "Table ID": 90001, "Modified On": CHANGED,
     "Record ID": encode(PAPERS, ("Order", "10,1", 10000))},
    {"Integration ID": GUID.format(2), "Table ID": 90001, "Modified On": CHANGED,
     "Deleted On": CHANGED, "Record ID": b""},
    {"Integration ID": GUID.format(3), "Table ID": 90001, "Record ID": b""},
    {"Integration ID": GUID.format(4), "Table ID": 18, "Modified On": CHANGED,
     "Record ID": bytes.fromhex("12000000027BFF31003000300030003000 00000000")},
]  # fmt: skip
LABELS = [
    {"stringmapid": GUID.format(i), "objecttypecode": entity, "attributename": "paymenttermscode",
     "attributevalue": value, "value": label, "langid": language}
    for i, (entity, value, label, language) in enumerate([
        ("account", 10, "Net 10, EOM; paid", 1033), ("account", 1, "Netto 30", 1031),
        ("account", 1, "Net 30", 1030), ("contact", 3, "Net 45", 1033),
    ])
]  # fmt: skip


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    """Return the catalogue with our tables added."""
    known = load_catalog()
    nav = {**known.nav, PAPERS.name: PAPERS, ENTRIES.name: ENTRIES}
    return replace(known, nav=nav, crm={**known.crm, THINGS.name: THINGS})


Rows = list[dict[str, object]]
Make = Callable[[str, dict[Table, Rows]], Side]


@pytest.fixture(params=["sqlite", "postgresql", "csv", "parquet"])
def make(request: pytest.FixtureRequest, tmp_path: Path, catalog: Catalog) -> Make:
    """Make a side of each kind that holds the given rows."""

    def build(name: str, tables: dict[str, tuple[Table, Rows]]) -> Side:
        folder = tmp_path / name
        folder.mkdir()
        if request.param == "sqlite":
            config = {"kind": "sql", "url": f"sqlite:///{folder / 'side.db'}"}
        elif request.param == "postgresql":
            config = {"kind": "sql", "url": request.getfixturevalue("postgres_url")}
        else:
            config = {"kind": "files", "url": str(folder)}
        for table, rows in tables.values():
            if config["kind"] == "sql":
                _write_sql(config["url"], table, rows)
            elif request.param == "csv":
                _write_csv(folder, table, rows)
            else:
                _write_parquet(folder, table, rows)
        return open_side(name, config, company=COMPANY, catalog=catalog)

    return build


def _stored(table: Table) -> list[Column]:
    return [column for column in table.columns.values() if column.flow is None]


def _write_sql(url: str, table: Table, rows: Rows) -> None:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    sql = sql_table(table, company=COMPANY, metadata=sa.MetaData())
    with engine.begin() as connection:
        sql.create(connection)
        for row in rows:
            connection.execute(sql.insert(), row)


def _write_csv(folder: Path, table: Table, rows: Rows) -> None:
    with (folder / f"{table.name.replace('/', '_')}.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, [column.name for column in _stored(table)])
        writer.writeheader()
        for row in rows:
            texts = {c.name: _csv_text(c, table.side, row.get(c.name)) for c in _stored(table)}
            writer.writerow(texts)


def _csv_text(column: Column, side: str, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return ("Yes" if value else "No") if side == "nav" else str(value)
    if isinstance(value, bytes):
        return "0x" + value.hex().upper()
    if isinstance(value, dt.datetime):
        if side == "crm" and value.microsecond == 0:
            return value.strftime("%m/%d/%Y %I:%M:%S %p")
        return value.isoformat()
    if side == "nav" and column.kind == "option":
        return column.options[value]  # type: ignore[index]  # an int
    return str(value)


def _write_parquet(folder: Path, table: Table, rows: Rows) -> None:
    types = {"option": pa.int32(), "integer": pa.int64(), "rowversion": pa.int64(),
             "decimal": pa.decimal128(38, 20), "boolean": pa.bool_(), "record_id": pa.binary(),
             "datetime": pa.timestamp("us", "UTC"), "date": pa.timestamp("ms")}  # fmt: skip
    arrays = {
        column.name: pa.array(
            [row.get(column.name) for row in rows], types.get(column.kind, pa.string())
        )
        for column in _stored(table)
    }
    pq.write_table(pa.table(arrays), folder / f"{table.name.replace('/', '_')}.parquet")


def _nav(make: Make) -> Side:
    return make("nav", {"p": (PAPERS, PAPER_ROWS), "e": (ENTRIES, ENTRY_ROWS)})


def _crm(make: Make) -> Side:
    return make("crm", {"t": (THINGS, THING_ROWS)})


def _frame(table: Table, index: list[str], values: dict[str, list[object]]) -> pd.DataFrame:
    name = "nav_key" if table.side == "nav" else "crm_id"
    keys = pd.Index(index, dtype=TEXT, name=name)
    series = {
        column: pd.Series(found, index=keys, dtype=DTYPES[table.columns[column].kind])
        for column, found in values.items()
    }
    return pd.DataFrame(series, index=keys)


PAPER_KEYS = [", Z, 0", "Order, 10\\,1, 10000", "Order, 10\\\\2, 10000", "Quote, 01121212, -5"]


def test_nav_rows_come_typed_sorted_and_with_one_kind_of_blank(make: Make) -> None:
    side = _nav(make)

    found = side.read(PAPERS, list(PAPERS.columns))

    expected = _frame(PAPERS, PAPER_KEYS, {
        "Document Type": [2, 1, 1, 0],
        "No.": ["Z", "10,1", "10\\2", "01121212"],
        "Line No.": [0, 10000, 10000, -5],
        "Name": ["", "Møbelhuset Straße 😀 ", "=1+1", "NA"],
        "Amount %": [D(0), D("1234567890.12345678901234567891"), D("-0.5"), D(0)],
        "Open": [True, True, False, False],
        "Posting Date": [None, CLOSING, DAY, None],
        "Changed At": [None, CHANGED, None, None],
        "Guid": ["", GUID.format(1), "", ""],
        "Source": ["", "18 10000", "", ""],
        "Notes": ["", "Zeile 1\r\nZeile \"2\", <b>", "", ""],
        "timestamp": [0, 4711, 0, 0],
        "Total": [D(0), D("99999999999.30000000000000000001"), D(0), D(0)],
        "Last Text": ["", "Ä", "", ""],
        "Any": [False, True, False, False],
    })  # fmt: skip
    pd.testing.assert_frame_equal(found, expected)
    assert side.not_checked().empty


def test_crm_rows_keep_null_apart_from_zero_and_false(make: Make) -> None:
    side = _crm(make)

    found = side.read(THINGS, list(THINGS.columns))

    expected = _frame(THINGS, [GUID.format(i) for i in range(1, 5)], {
        "thingid": [GUID.format(i) for i in range(1, 5)],
        "name": ["łódź", "Fabrikam", "FABRIKAM", ""],
        "statecode": [1, 0, 0, None],
        "ownerid": ["", GUID.format(9), "", ""],
        "price": [None, D("12345678901234.5678"), None, None],
        "isdisabled": [None, False, None, None],
        "closeon": [None, dt.datetime(2019, 3, 25), None, None],
        "description": ["", "a\nb", "", ""],
        "importsequence": [None, 2**40, None, None],
        "modifiedon": [None, CHANGED, None, None],
        "modifiedby": ["", GUID.format(8), "", ""],
    })  # fmt: skip
    pd.testing.assert_frame_equal(found, expected)
    assert side.not_checked().empty


@pytest.mark.parametrize(
    ("condition", "lines"),
    [
        (Condition("Document Type", "eq", 1), [1, 2]),
        (Condition("Document Type", "eq", "Order"), [1, 2]),
        (Condition("Document Type", "in", (0, 2)), [0, 3]),
        (Condition("Open", "eq", False), [2, 3]),
        (Condition("Name", "ne", ""), [1, 2, 3]),
        (Condition("Name", "not_null"), [1, 2, 3]),
        (Condition("Name", "eq", "Møbelhuset Straße 😀"), [1]),
        (Condition("Name", "eq", "na"), []),
        (Condition("Amount %", "eq", "-0.50"), [2]),
        (Condition("Posting Date", "ne", "2018-12-31"), [0, 1, 3]),
        (Condition("Posting Date", "not_null"), [1, 2]),
        (Condition("Guid", "ne", ""), [1]),
        (Condition("Total", "ne", 0), [1]),
        (Condition("Total", "not_null"), [1]),
        (Condition("Document Type", "not_null"), [0, 1, 2]),
        (Condition("Open", "eq", None), [2, 3]),
        (Condition("Any", "not_null"), [1]),
        (Condition("Any", "eq", True), [1]),
        (Condition("Line No.", "ge", 10000), [1, 2]),
        (Condition("Line No.", "lt", 0), [3]),
        (Condition("timestamp", "ge", 4711), [1]),
        (Condition("Posting Date", "ge", "2018-12-31"), [1, 2]),
        (Condition("Posting Date", "lt", "2018-12-31T23:59:59"), [2]),
        (Condition("Amount %", "lt", 0), [2]),
    ],
)
def test_nav_conditions_choose_the_same_rows_everywhere(
    make: Make, condition: Condition, lines: list[int]
) -> None:
    found = _nav(make).read(PAPERS, ["Name"], [condition])

    assert list(found.index) == [PAPER_KEYS[line] for line in lines]
    assert list(found.columns) == ["Name"]


@pytest.mark.parametrize(
    ("condition", "numbers"),
    [
        (Condition("statecode", "eq", 0), [2, 3]),
        (Condition("statecode", "ne", 0), [1, 4]),
        (Condition("statecode", "not_null"), [1, 2, 3]),
        (Condition("name", "eq", "fabrikam"), [2, 3]),
        (Condition("name", "eq", "ŁÓDŹ"), [1]),
        (Condition("name", "ne", "Fabrikam"), [1, 4]),
        (Condition("name", "eq", ""), [4]),
        (Condition("name", "ne", ""), [1, 2, 3]),
        (Condition("ownerid", "ne", ""), [2]),
        (Condition("price", "ne", None), [2]),
        (Condition("statecode", "in", [None, 1]), [1, 4]),
        (Condition("ownerid", "not_null"), [2]),
        (Condition("ownerid", "eq", GUID.format(9).upper()), [2]),
        (Condition("isdisabled", "ne", False), [1, 3, 4]),
        (Condition("price", "not_null"), [2]),
        (Condition("modifiedon", "eq", "2018-09-03T07:30:01.123Z"), [2]),
    ],
)
def test_crm_conditions_choose_the_same_rows_everywhere(
    make: Make, condition: Condition, numbers: list[int]
) -> None:
    found = _crm(make).read(THINGS, ["name"], [condition])

    assert list(found.index) == [GUID.format(number) for number in numbers]


def test_rows_are_found_by_key_and_unknown_keys_are_left_out(make: Make) -> None:
    side = _nav(make)
    wanted = [PAPER_KEYS[3], PAPER_KEYS[1], PAPER_KEYS[1], "Order, 01121212, -5", "Nonsense", ""]

    found = side.read(PAPERS, ["Line No."], keys=wanted)

    assert list(found.index) == [PAPER_KEYS[1], PAPER_KEYS[3]]
    assert list(side.read(PAPERS, ["Line No."], keys=[]).index) == []


def test_crm_rows_are_found_by_id(make: Make) -> None:
    found = _crm(make).read(THINGS, ["name"], keys=[GUID.format(2), "x"])

    assert found["name"].to_dict() == {GUID.format(2): "Fabrikam"}


def test_no_rows_give_the_same_columns_and_types(make: Make) -> None:
    side = make("nav", {"p": (PAPERS, []), "e": (ENTRIES, [])})

    found = side.read(PAPERS, list(PAPERS.columns))

    pd.testing.assert_frame_equal(found, _frame(PAPERS, [], {name: [] for name in PAPERS.columns}))
    assert found["Total"].dtype == DECIMAL


def test_nav_stamps_are_those_of_records_that_exist(make: Make, catalog: Catalog) -> None:
    table = catalog.nav["Integration Record"]
    side = make("nav", {"r": (table, RECORD_ROWS)})

    found = side.stamps(PAPERS)

    assert found["modified_on"].to_dict() == {PAPER_KEYS[1]: CHANGED}
    assert list(found["modified_by"]) == [""]
    assert found.index.name == "nav_key"
    assert len(side.stamps(PAPERS, keys=["x"])) == 0
    assert list(side.stamps(catalog.nav["Customer"]).index) == ["10000"]


def test_crm_stamps_say_who_changed_a_record(make: Make) -> None:
    side = _crm(make)

    found = side.stamps(THINGS)

    assert found["modified_on"].to_dict() == {GUID.format(2): CHANGED}
    assert list(found["modified_by"]) == [GUID.format(8)]
    assert len(side.stamps(THINGS, keys=[GUID.format(1)])) == 0


def test_option_sets_come_from_stringmap_in_the_lowest_language(
    make: Make, catalog: Catalog
) -> None:
    side = make("crm", {"s": (catalog.crm["stringmap"], LABELS)})

    assert side.option_set("account", "paymenttermscode") == (
        Option(1, "Net30", "Net 30"),
        Option(10, "Net10EOMpaid", "Net 10, EOM; paid"),
    )
    assert side.option_set("account", "industrycode") is None


def test_a_side_without_stringmap_cannot_say_which_options_there_are(make: Make) -> None:
    assert _crm(make).option_set("account", "paymenttermscode") is None


def test_a_side_describes_itself(make: Make) -> None:
    side = _crm(make)

    described = side.describe()

    assert set(described) == {"kind", "address", "version"}
    assert side.writable == (described["kind"] == "sql")
