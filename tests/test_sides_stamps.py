"""Stamps of some records, or of those changed since a time: the same on every side."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import pytest
import sqlalchemy as sa

from navcrm_recon.catalog import Catalog, SideName, Table, load_catalog
from navcrm_recon.errors import ReadOnlyError
from navcrm_recon.sandbox.databases import create_tables, insert_rows
from navcrm_recon.sides import Side, SqlSide, Write, open_side
from navcrm_recon.sides.record_id import encode, encodings
from navcrm_recon.sides.stamps import keys_by_identity

CATALOG: Catalog = load_catalog()
COMPANY = "CRONUS International Ltd."
CUSTOMER, HEADER = CATALOG.nav["Customer"], CATALOG.nav["Sales Header"]
RECORD, ACCOUNT = CATALOG.nav["Integration Record"], CATALOG.crm["account"]
START = dt.datetime(2018, 10, 1, 8, tzinfo=dt.UTC)
MINUTE = dt.timedelta(minutes=1)
GUID = "6e0b4f6e-0000-4000-8000-{:012d}"
WHO = GUID.format(99)

Make = Callable[[SideName, Table, list[dict[str, object]]], Side]


@pytest.fixture(params=["sqlite", "postgresql", "csv"])
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Make:
    """Make a side of each kind with rows of one table."""

    def build(name: SideName, table: Table, rows: list[dict[str, object]]) -> Side:
        if request.param == "csv":
            with (tmp_path / f"{table.name}.csv").open("w", newline="") as file:
                writer = csv.DictWriter(file, list(dict.fromkeys(n for row in rows for n in row)))
                writer.writeheader()
                writer.writerows(rows)
            return _open(name, {"kind": "files", "url": str(tmp_path)})
        url = f"sqlite:///{tmp_path / 'side.db'}"
        if request.param == "postgresql":
            url = str(request.getfixturevalue("postgres_url"))
        else:
            (tmp_path / "side.db").touch()
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        insert_rows(
            engine, create_tables(engine, name, CATALOG, COMPANY, [table.name])[table.name], rows
        )
        return _open(name, {"kind": "sql", "url": url})

    return build


def _open(name: SideName, config: dict[str, object]) -> Side:
    return open_side(name, config, company=COMPANY, catalog=CATALOG)


def _record(number: int, minutes: int, **more: object) -> dict[str, object]:
    return {
        "Integration ID": GUID.format(number),
        "Table ID": 18,
        "Record ID": f"18 C{number:05d}",
        "Modified On": (START + minutes * MINUTE).isoformat(),
        **more,
    }


def _account(number: int, minutes: int) -> dict[str, object]:
    when = (START + minutes * MINUTE).isoformat()
    return {"accountid": GUID.format(number), "modifiedon": when, "modifiedby": WHO}


def test_nav_says_what_changed_since(make: Make) -> None:
    deleted = _record(4, 9) | {"Record ID": "", "Deleted On": START.isoformat()}
    side = make("nav", RECORD, [_record(1, 0), _record(2, 5), _record(3, 7), deleted])

    assert list(side.stamps(CUSTOMER, since=START).index) == ["C00002", "C00003"]
    assert list(side.stamps(CUSTOMER, since=START + 5 * MINUTE).index) == ["C00003"]
    assert side.stamps(CUSTOMER, since=START + 7 * MINUTE).empty
    some = side.stamps(CUSTOMER, keys=["C00001", "C00003", "x, y"], since=START)
    assert some["modified_on"].to_dict() == {"C00003": START + 7 * MINUTE}
    assert list(side.stamps(CUSTOMER, keys=["C00001", "C00003"]).index) == ["C00001", "C00003"]
    ids = side.stamps(CUSTOMER, keys=["C00001"])["identity"].tolist()
    assert keys_by_identity(side.read, CATALOG, ids, CUSTOMER).to_dict() == {ids[0]: "C00001"}
    assert side.stamps(CUSTOMER, keys=[]).empty
    assert side.stamps(CUSTOMER, keys=[]).index.name == "nav_key"


def test_crm_says_what_changed_since(make: Make) -> None:
    side = make("crm", ACCOUNT, [_account(1, 0), _account(2, 5), _account(3, 7)])

    found = side.stamps(ACCOUNT, since=START)

    assert found["modified_on"].to_dict() == {
        GUID.format(2): START + 5 * MINUTE,
        GUID.format(3): START + 7 * MINUTE,
    }
    assert found["modified_by"].tolist() == [WHO, WHO]
    both = side.stamps(ACCOUNT, keys=[GUID.format(1), GUID.format(3)], since=START)
    assert list(both.index) == [GUID.format(3)]


def test_the_moment_itself_is_not_since(make: Make) -> None:
    moments = [dt.timedelta(microseconds=each) for each in (-1, 0, 1)]
    rows: list[dict[str, object]] = [
        {"accountid": GUID.format(i), "modifiedon": (START + each).isoformat()}
        for i, each in enumerate(moments)
    ]
    side = make("crm", ACCOUNT, rows)

    assert list(side.stamps(ACCOUNT, since=START).index) == [GUID.format(2)]


@pytest.mark.parametrize(
    "later",
    [
        "2018-10-01 08:00:01", "2018-10-01T08:00:01Z", "2018-10-01 08:00:00.000001",
        "2018-10-01 08:01", "2018-10-01T10:00:01+02:00", "2018-10-01 03:00:01-05:00",
        "2018-09-30T20:00:01-12:00", "2018-10-01T22:00:01.5+14:00", "10/1/2018 8:00:01 AM",
        "2/1/2019 8:00:01 AM", "3/25/2019", "2018-10-02", "2018-10-02 00:00:00.000000",
        " 2018-10-02", "C2018-10-02", "20181002T080000",
    ],
)  # fmt: skip
def test_sqlite_keeps_times_in_many_forms(tmp_path: Path, later: str) -> None:
    earlier = [
        "2018-10-01 08:00:00", "2018-10-01T07:59:59Z", "2018-10-01 10:00:00+02:00",
        "2018-10-01T03:00:00-05:00", "10/1/2018 7:59:59 AM", "9/30/2018", "2018-10-01",
        "2018-10-01T09:59:59+02:00", "1753-01-01 00:00:00.000000", None,
    ]  # fmt: skip
    with sa.create_engine(f"sqlite:///{tmp_path / 'crm.db'}").begin() as connection:
        connection.exec_driver_sql(
            "CREATE TABLE account (accountid TEXT, modifiedon TEXT, modifiedby TEXT)"
        )
        rows = [(GUID.format(i), text) for i, text in enumerate([*earlier, later])]
        connection.exec_driver_sql("INSERT INTO account VALUES (?, ?, NULL)", rows)
    side = _open("crm", {"kind": "sql", "url": f"sqlite:///{tmp_path / 'crm.db'}"})

    assert list(side.stamps(ACCOUNT, since=START).index) == [GUID.format(len(earlier))]


def test_an_old_record_id_is_found_by_key(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'nav.db'}"
    engine = sa.create_engine(url)
    record = create_tables(engine, "nav", CATALOG, COMPANY, [RECORD.name])[RECORD.name]
    old = encode(CUSTOMER, ("Ö1",), old=True)
    values = {"Integration ID": GUID.format(1), "Table ID": 18, "Modified On": START}
    with engine.begin() as connection:
        connection.execute(sa.insert(record), values | {"Record ID": old})
    side = _open("nav", {"kind": "sql", "url": url})

    assert list(side.stamps(CUSTOMER, keys=["Ö1"]).index) == ["Ö1"]
    assert old in encodings(CUSTOMER, "Ö1")
    assert encodings(HEADER, "Order, 1") == [
        encode(HEADER, ("Order", "1")), encode(HEADER, ("Order", "1"), old=True),
    ]  # fmt: skip
    assert encodings(HEADER, "Nonsense, 1") == encodings(HEADER, "1") == []


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
@pytest.mark.parametrize("name", ["nav", "crm"])
def test_rows_read_follow_the_answer(
    request: pytest.FixtureRequest, tmp_path: Path, dialect: str, name: SideName
) -> None:
    make = Fetched(request, tmp_path, dialect)
    rows = [_record(i, -i) for i in range(1, 2001)] if name == "nav" else []
    rows = rows or [_account(i, -i) for i in range(1, 2001)]
    table, asked = (RECORD, CUSTOMER) if name == "nav" else (ACCOUNT, ACCOUNT)
    side = make.side(name, table, rows)
    keys = [f"C{i:05d}" if name == "nav" else GUID.format(i) for i in range(100, 600)]

    assert make.fetched(lambda: side.stamps(asked, since=START - 11 * MINUTE)) == (1, 11)
    assert make.fetched(lambda: side.stamps(asked, keys=keys)) == (1, 500)
    plan = make.plan(lambda: side.stamps(asked, since=START - 11 * MINUTE))
    assert "$1" in plan


class Fetched:
    """Counts statements and rows fetched, and shows how a database finds them."""

    def __init__(self, request: pytest.FixtureRequest, tmp_path: Path, dialect: str) -> None:
        self.dialect = dialect
        self.url = f"sqlite:///{tmp_path / 'side.db'}"
        if dialect == "postgresql":
            self.url = str(request.getfixturevalue("postgres_url"))
        else:
            (tmp_path / "side.db").touch()
        self.asked: list[tuple[str, object]] = []

    def side(self, name: SideName, table: Table, rows: list[dict[str, object]]) -> Side:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        made = create_tables(engine, name, CATALOG, COMPANY, [table.name])[table.name]
        insert_rows(engine, made, rows)
        side = _open(name, {"kind": "sql", "url": self.url})
        assert isinstance(side, SqlSide)
        side.read(table, table.key, keys=["x"])  # looks at the table once
        self.engine = side.engine
        sa.event.listen(
            side.engine, "before_cursor_execute", lambda *it: self.asked.append((it[2], it[3]))
        )
        return side

    def fetched(self, read: Callable[[], object]) -> tuple[int, int]:
        """Return how many statements were sent and how many rows these find."""
        self.asked.clear()
        read()
        asked = list(self.asked)
        with self.engine.connect() as connection:
            rows = [len(connection.exec_driver_sql(text, values).all()) for text, values in asked]  # type: ignore[arg-type]  # as the driver had it
        return len(asked), sum(rows)

    def plan(self, read: Callable[[], object]) -> str:
        """Return how the database finds the rows of the last statement."""
        self.asked.clear()
        read()
        text, values = self.asked[-1]
        explain = "EXPLAIN " if self.dialect == "postgresql" else "EXPLAIN QUERY PLAN "
        with self.engine.connect() as connection:
            if self.dialect == "postgresql":  # so few rows it would scan
                connection.exec_driver_sql("SET enable_seqscan = off")
            return str(connection.exec_driver_sql(explain + text, values).all())  # type: ignore[arg-type]  # as the driver had it


def test_a_folder_of_files_is_not_written(tmp_path: Path) -> None:
    side = _open("crm", {"kind": "files", "url": str(tmp_path)})

    with pytest.raises(ReadOnlyError, match="only read"):
        side.write(ACCOUNT, [Write("insert", GUID.format(1), {})], now=START, by="")
