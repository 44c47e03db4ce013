"""The state keeps couplings and option mappings, on SQLite and PostgreSQL."""

import pandas as pd
import pytest

from navcrm_recon.errors import SideError
from navcrm_recon.frames import conform, empty
from navcrm_recon.state.store import Store


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("postgres_url")


def coupling(nav_key, crm_id, **more):
    row = {"mapping": "CUSTOMER", "nav_key": nav_key, "crm_id": crm_id, "baseline": None} | more
    return conform(pd.DataFrame([row]), "coupling_records")


def test_a_state_that_is_not_there_is_empty_and_stays_away(tmp_path):
    path = tmp_path / "state.db"
    store = Store(f"sqlite:///{path}")
    pd.testing.assert_frame_equal(store.coupling_records(), empty("coupling_records"))
    pd.testing.assert_frame_equal(store.option_mapping("PAYMENT TERMS"), empty("option_mapping"))
    assert not path.exists()


def test_couplings_come_back_as_they_were_saved(url):
    stamp = pd.Timestamp("2018-10-01T08:00:00.123456Z")
    saved = pd.concat(
        [
            coupling("10000", "b", last_synch_modified_on=stamp, last_synch_result="success"),
            coupling("Ærø, \\,", "a", skipped=True, baseline=b"\x00\xff"),
        ],
        ignore_index=True,
    )
    Store(url).save_couplings(saved.iloc[::-1])
    pd.testing.assert_frame_equal(Store(url).coupling_records("CUSTOMER"), saved)
    assert Store(url).coupling_records("CONTACT").empty


def test_a_pair_saved_again_is_replaced(url):
    store = Store(url)
    store.save_couplings(coupling("10000", "a"))
    store.save_couplings(coupling("10000", "a", skipped=True))
    assert store.coupling_records()["skipped"].tolist() == [True]


def test_option_mappings_are_kept_by_record(url):
    store = Store(url)
    rows = pd.DataFrame(
        {"mapping": "PAYMENT TERMS", "nav_key": ["NET30"], "value": [1], "caption": ["Net 30"]}
    )
    store.save_option_mapping(conform(rows, "option_mapping"))
    store.save_option_mapping(conform(rows.assign(caption="Net 30 days"), "option_mapping"))
    assert store.option_mapping()["caption"].tolist() == ["Net 30 days"]


def test_pairs_and_options_are_removed(url):
    store = Store(url)
    store.save_couplings(pd.concat([coupling("10000", "a"), coupling("10000", "b")]))
    store.remove_couplings(coupling("10000", "a"))
    store.remove_couplings(store.coupling_records("CONTACT"))
    assert store.coupling_records()["crm_id"].tolist() == ["b"]
    rows = pd.DataFrame({"mapping": "SHIPPING AGENT", "nav_key": ["DHL", "UPS"], "value": [1, 2]})
    store.save_option_mapping(conform(rows, "option_mapping"))
    store.remove_option_mapping(rows.head(1))
    assert store.option_mapping("SHIPPING AGENT")["nav_key"].tolist() == ["UPS"]


def test_couplings_are_found_by_key(url):
    store = Store(url)
    many = pd.DataFrame({"mapping": "CUSTOMER", "nav_key": [str(n) for n in range(2500)]})
    many = conform(many.assign(crm_id="c" + many["nav_key"]), "coupling_records")
    store.save_couplings(many)
    store.save_couplings(coupling("7", "c7", mapping="CONTACT"))
    asked = [str(n) for n in range(5, 2500, 2)]
    found = store.coupling_records("CUSTOMER", nav_keys=[*asked, "none", "5"])
    assert found["nav_key"].tolist() == sorted(asked)
    found = store.coupling_records("CUSTOMER", crm_ids=["c7", "c9", "none"])
    assert found["nav_key"].tolist() == ["7", "9"]
    found = store.coupling_records("CUSTOMER", nav_keys=["7", "8"], crm_ids=["c8", "c9"])
    assert found["nav_key"].tolist() == ["8"]
    assert store.coupled_in(["c7"])["mapping"].tolist() == ["CONTACT", "CUSTOMER"]
    pd.testing.assert_frame_equal(store.coupling_records(nav_keys=[]), empty("coupling_records"))


def test_failures_to_retry_are_those_of_one_direction_that_are_not_skipped(url):
    store = Store(url)
    failed = {"last_synch_crm_result": "failure", "last_synch_crm_job_id": "j"}
    store.save_couplings(
        pd.concat(
            [
                coupling("1", "a", **failed),
                coupling("2", "b", last_synch_result="failure", last_synch_crm_result="success"),
                coupling("3", "c", **failed, skipped=True),
                coupling("4", "d", **failed, mapping="CONTACT"),
                coupling("5", "e"),
            ]
        )
    )
    assert store.coupling_records("CUSTOMER", failed="to_crm")["nav_key"].tolist() == ["1"]
    assert store.coupling_records("CUSTOMER", failed="to_nav")["nav_key"].tolist() == ["2"]
    assert store.coupling_records(failed="to_crm")["nav_key"].tolist() == ["4", "1"]
    assert store.coupling_records("CUSTOMER", failed="to_crm", nav_keys=["2", "3"]).empty


def test_a_state_is_kept_in_sqlite_or_postgresql_only():
    with pytest.raises(SideError, match="SQLite or PostgreSQL"):
        Store("mssql+mssqlpython://server/state")


def test_an_address_that_is_none_is_refused_without_showing_it():
    with pytest.raises(SideError) as caught:
        Store("s3cr3t")
    assert "s3cr3t" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_clear_error():
    with pytest.raises(SideError, match="127.0.0.1:1") as caught:
        Store("postgresql+psycopg://u:s3cr3t@127.0.0.1:1/state").coupling_records()
    assert "s3cr3t" not in str(caught.value)
