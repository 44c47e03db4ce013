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


def test_an_address_that_is_none_is_refused_without_showing_it():
    with pytest.raises(SideError) as caught:
        Store("s3cr3t")
    assert "s3cr3t" not in str(caught.value)


def test_a_server_that_is_not_there_is_a_clear_error():
    with pytest.raises(SideError, match="127.0.0.1:1") as caught:
        Store("postgresql+psycopg://u:s3cr3t@127.0.0.1:1/state").coupling_records()
    assert "s3cr3t" not in str(caught.value)
