"""A state of an older version is read as it is, and brought up to date by the first write."""

import threading

import pandas as pd
import pytest
import sqlalchemy as sa

from navcrm_recon.errors import SideError
from navcrm_recon.frames import conform, empty
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.schema import VERSION, metadata
from navcrm_recon.state.store import Store

#: The tables as version 1 made them.
FIRST = """
CREATE TABLE state_version (version INTEGER NOT NULL PRIMARY KEY);
CREATE TABLE coupling (
    mapping VARCHAR(40) NOT NULL, nav_key VARCHAR(250) NOT NULL, crm_id VARCHAR(36) NOT NULL,
    skipped BOOLEAN NOT NULL, last_synch_modified_on {time}, last_synch_crm_modified_on {time},
    last_synch_result VARCHAR(10) NOT NULL, last_synch_crm_result VARCHAR(10) NOT NULL,
    baseline {bytes}, PRIMARY KEY (mapping, nav_key, crm_id));
CREATE TABLE option_mapping (
    mapping VARCHAR(40) NOT NULL, nav_key VARCHAR(250) NOT NULL, value INTEGER NOT NULL,
    caption TEXT NOT NULL, PRIMARY KEY (mapping, nav_key));
INSERT INTO state_version VALUES (1);
INSERT INTO coupling VALUES ('CUSTOMER', '10000', 'a', false, '2018-10-01 08:00:00.123456', NULL,
    'success', 'failure', NULL);
INSERT INTO option_mapping VALUES ('PAYMENT TERMS', 'NET30', 1, 'Net 30')
"""
KNOWN = conform(
    pd.DataFrame(
        {
            "mapping": "CUSTOMER",
            "nav_key": ["10000"],
            "crm_id": "a",
            "last_synch_modified_on": pd.Timestamp("2018-10-01T08:00:00.123456Z"),
            "last_synch_result": "success",
            "last_synch_crm_result": "failure",
        }
    ),
    "coupling_records",
)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def engine(url):
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    names = {"time": "DATETIME", "bytes": "BLOB"}
    if engine.dialect.name == "postgresql":
        names = {"time": "TIMESTAMP", "bytes": "BYTEA"}
    with engine.begin() as connection:
        for statement in FIRST.format(**names).split(";"):
            connection.execute(sa.text(statement))
    return engine


def shape(engine):
    """Every table with its columns and indexes."""
    inspector = sa.inspect(engine)
    return {
        table: (
            [(each["name"], str(each["type"])) for each in inspector.get_columns(table)],
            sorted(each["name"] or "" for each in inspector.get_indexes(table)),
        )
        for table in inspector.get_table_names()
    }


def version(engine):
    with engine.connect() as connection:
        return connection.execute(sa.text("SELECT version FROM state_version")).scalars().all()


def test_reading_an_older_state_changes_nothing(url, engine):
    before, store = shape(engine), Store(url)
    pd.testing.assert_frame_equal(store.coupling_records(), KNOWN)
    for found in (
        store.coupling_records("CUSTOMER", nav_keys=["10000", "20000"]),
        store.coupling_records("CUSTOMER", failed="to_crm"),
        store.coupled_in(["a"]),
    ):
        pd.testing.assert_frame_equal(found, KNOWN)
    assert len(store.coupling_records("CUSTOMER", integration_ids=["x"])) == 0
    assert store.option_mapping()["caption"].tolist() == ["Net 30"]
    pd.testing.assert_frame_equal(store.jobs(), empty("jobs"))
    pd.testing.assert_frame_equal(store.error_texts(["j"]), empty("error_texts"))
    pd.testing.assert_frame_equal(store.unfinished("CUSTOMER"), empty("journal"))
    pd.testing.assert_frame_equal(store.schedule(), empty("schedule"))
    assert store.watermark("CUSTOMER", "to_crm") is None
    assert (shape(engine), version(engine)) == (before, [1])


def test_the_first_write_brings_an_older_state_up_to_date(url, engine):
    store = Store(url)
    now = pd.Timestamp("2018-10-02T08:00:00Z")
    store.start_job(Job("j", "CUSTOMER", "to_crm", "synchronization", "r", now))
    assert version(engine) == [VERSION]
    pd.testing.assert_frame_equal(store.coupling_records(), KNOWN)
    store.save_couplings(KNOWN.assign(last_synch_crm_job_id="j"))
    assert Store(url).coupling_records()["last_synch_crm_job_id"].tolist() == ["j"]


def test_a_state_brought_up_to_date_is_as_a_new_one(url, engine):
    Store(url).clear_watermarks("CUSTOMER")
    found = shape(engine)
    assert set(found) == set(metadata.tables)
    for name, table in metadata.tables.items():
        columns, indexes = found[name]
        assert {column for column, _ in columns} == {column.name for column in table.columns}
        assert {index.name for index in table.indexes} <= set(indexes)


def test_a_state_that_cannot_be_brought_up_to_date_stays_as_it_was(url, engine):
    with engine.begin() as connection:
        # The last table that would be made is there already, and is another's.
        connection.execute(sa.text("CREATE TABLE watermark (other INTEGER)"))
    before = shape(engine)
    with pytest.raises(SideError, match="watermark"):
        Store(url).save_couplings(KNOWN.assign(skipped=True))
    assert (shape(engine), version(engine)) == (before, [1])
    pd.testing.assert_frame_equal(Store(url).coupling_records(), KNOWN)


def test_a_state_of_a_newer_version_is_left_alone(url, engine):
    with engine.begin() as connection:
        connection.execute(sa.text(f"UPDATE state_version SET version = {VERSION + 1}"))
    for call in (
        Store(url).coupling_records,
        lambda: Store(url).save_couplings(KNOWN),
        lambda: Store(url).watermark("CUSTOMER", "to_crm"),
    ):
        with pytest.raises(SideError, match=f"has version {VERSION + 1}"):
            call()


@pytest.mark.parametrize("old", [False, True])
def test_many_may_write_first_at_the_same_time(url, request, old):
    if old:
        request.getfixturevalue("engine")
    failures: list[Exception] = []
    together = threading.Barrier(6)

    def write(number):
        store = Store(url)
        together.wait()
        try:
            store.save_couplings(KNOWN.assign(nav_key=str(number)))
        except SideError as exc:
            failures.append(exc)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(Store(url).coupling_records()) == 6 + old
