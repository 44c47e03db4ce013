"""The state keeps jobs, errors, the journal, watermarks and the schedule."""

import json
from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest

from navcrm_recon.frames import conform, empty
from navcrm_recon.state.jobs import COUNTERS, Job
from navcrm_recon.state.store import Store

START = datetime(2018, 10, 1, 8, tzinfo=UTC)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request, tmp_path):
    if request.param == "sqlite":
        return Store(f"sqlite:///{tmp_path / 'state.db'}")
    return Store(request.getfixturevalue("postgres_url"))


def job(name, day=0, mapping="CUSTOMER", done=True, **counters):
    start = START + timedelta(days=day)
    end = start + timedelta(minutes=1) if done else None
    return Job(name, mapping, "to_crm", "synchronization", "run", start, end, **counters)


def errors(*rows):
    row = {"at": START, "mapping": "CUSTOMER", "direction": "to_crm"}
    return conform(pd.DataFrame([row | each for each in rows]), "errors")


def entry(name, **more):
    row = {"id": name, "job_id": "j", "mapping": "CUSTOMER", "action": "modify", "baseline": None}
    return conform(pd.DataFrame([row | {"at": START} | more]), "journal")


def test_a_state_without_a_log_is_empty(store):
    for found, schema in [
        (store.jobs(), "jobs"),
        (store.errors("CUSTOMER"), "errors"),
        (store.error_texts(["j"]), "error_texts"),
        (store.error_texts([]), "error_texts"),
        (store.unfinished("CUSTOMER"), "journal"),
        (store.writes(), "writes"),
        (store.schedule(), "schedule"),
        (store.full_lines(), "full_lines"),
    ]:
        pd.testing.assert_frame_equal(found, empty(schema))
    assert store.watermark("CUSTOMER", "to_crm") is None


def test_a_job_is_there_while_it_runs_and_has_its_counters_when_it_ends(store):
    counters = {name: number for number, name in enumerate(COUNTERS, start=1)}
    running = job("a", done=False)
    store.start_job(running)
    assert store.jobs()["finished_at"].isna().all()
    for name, number in counters.items():
        setattr(running, name, number)
    running.finished_at, running.message = START + timedelta(microseconds=1), "That is all."
    store.finish_job(running)
    found = store.jobs()
    assert len(found) == 1
    assert found.loc[0, list(COUNTERS)].to_dict() == counters
    assert found.loc[0, "started_at"] == pd.Timestamp(START)
    assert found.loc[0, "finished_at"] == pd.Timestamp(running.finished_at)
    assert found.loc[0, ["job_id", "run_id", "direction", "type", "message"]].tolist() == [
        "a", "run", "to_crm", "synchronization", "That is all.",
    ]  # fmt: skip


def test_jobs_that_never_ended_are_found(store):
    running = job("b", done=False, modified=3)
    for each in (job("a"), running, job("c", done=False), job("d", 0, "CONTACT", done=False)):
        store.start_job(each)
    assert store.unfinished_jobs("CUSTOMER")[0] == running
    assert [each.id for each in store.unfinished_jobs("CUSTOMER")] == ["b", "c"]


def test_the_newest_job_comes_first_and_of_the_same_time_the_later(store):
    for each in (job("old"), job("new", 1), job("newer", 1), job("other", 2, "CONTACT")):
        store.start_job(each)
    store.finish_job(job("new", 1, failed=1))
    assert store.jobs("CUSTOMER")["job_id"].tolist() == ["newer", "new", "old"]
    assert store.jobs()["job_id"].tolist() == ["other", "newer", "new", "old"]


def test_errors_are_numbered_in_the_order_they_came_and_cut(store):
    store.save_errors(errors({"nav_key": "2", "message": "é" * 3000, "value": "a\0b"}))
    store.save_errors(errors({"nav_key": "1", "mapping": "CONTACT", "message": "later"}))
    found = store.errors()
    assert found["nav_key"].tolist() == ["2", "1"]
    assert found["no"].is_monotonic_increasing
    assert found["message"].tolist() == ["é" * 2048, "later"]
    assert found.loc[0, "value"] == "a\ufffdb"
    assert store.errors("CONTACT")["message"].tolist() == ["later"]


def test_the_text_of_an_error_is_the_latest_of_its_record_and_job(store):
    store.save_errors(
        errors(
            {"job_id": "a", "nav_key": "1", "message": "first"},
            {"job_id": "a", "nav_key": "1", "message": "x" * 250 + "tail"},
            {"job_id": "b", "nav_key": "1", "message": "of another job"},
            {"job_id": "a", "crm_id": "c", "message": "of another record"},
            {"job_id": "z", "nav_key": "1", "message": "not asked for"},
        )
    )
    found = store.error_texts(["b", "a", "a", "none"])
    assert found.to_numpy().tolist() == [
        ["a", "", "c", "of another record"],
        ["a", "1", "", "x" * 250],
        ["b", "1", "", "of another job"],
    ]


def test_what_was_not_confirmed_is_found_again_in_its_order(store):
    full = entry(
        "e2",
        direction="to_crm",
        action="insert",
        nav_key="10000",
        crm_id="c",
        identity="g",
        source_stamp=START + timedelta(milliseconds=7),
        baseline=b"\x00\xff",
        changes='[["crm", "name", "", "Müller"]]',
    )
    store.open_entries(pd.concat([entry("e3"), full, entry("e1"), entry("x", mapping="CONTACT")]))
    store.close_entries(pd.Series(["e3", "none"]), "done")
    store.close_entries(["e1"], "failed")
    found = store.unfinished("CUSTOMER")
    pd.testing.assert_frame_equal(found, full)
    assert store.unfinished()["id"].tolist() == ["e2", "x"]


def test_an_entry_opened_again_is_the_same_entry(store):
    store.open_entries(entry("a"))
    store.open_entries(entry("a", at=START + timedelta(hours=1)))
    found = store.unfinished("CUSTOMER")
    assert found["at"].tolist() == [pd.Timestamp(START + timedelta(hours=1))]


def test_the_log_says_every_write_field_by_field(store):
    changes = [["crm", "name", "Old", "New, \u2028\0\U0001f600"], ["crm", "telephone1", "", "1"]]
    one = entry("a", changes=json.dumps(changes), nav_key="1", crm_id="c", direction="to_crm")
    store.open_entries(
        pd.concat(
            [
                one,
                entry("b", changes=json.dumps([["nav", "Name", "", "failed"]])),
                entry("c", changes=json.dumps([["nav", "Name", "", "open"]])),
                entry("d", changes=""),
                entry("e", job_id="k", changes=json.dumps([["nav", "Name", "", "k"]])),
            ]
        )
    )
    store.close_entries(["a", "d", "e"], "done")
    store.close_entries(["b"], "failed")
    found = store.writes("j")
    assert list(found.columns) == list(empty("writes").columns)
    assert found[["side", "field", "old", "new"]].to_numpy().tolist() == changes
    assert found[["job_id", "nav_key", "crm_id"]].drop_duplicates().to_numpy().tolist() == [
        ["j", "1", "c"]
    ]
    assert set(found["at"]) == {pd.Timestamp(START)}
    assert store.writes()["new"].tolist()[-1] == "k"


def test_a_watermark_only_moves_forward(store):
    for minutes in (5, 3):
        store.advance_watermark("CUSTOMER", "to_crm", START + timedelta(minutes=minutes))
    store.advance_watermark("CUSTOMER", "to_nav", START)
    assert store.watermark("CUSTOMER", "to_crm") == START + timedelta(minutes=5)
    assert store.watermark("CUSTOMER", "to_nav") == START
    assert store.watermark("CONTACT", "to_nav") is None
    store.advance_watermark("CONTACT", "to_nav", pd.Timestamp("2018-10-01T10:00:00.5+02:00"))
    assert store.watermark("CONTACT", "to_nav") == START + timedelta(milliseconds=500)
    store.clear_watermarks("CUSTOMER")
    assert store.watermark("CUSTOMER", "to_crm") is None
    assert store.watermark("CUSTOMER", "to_nav") is None
    assert store.watermark("CONTACT", "to_nav") is not None


def test_the_schedule_and_the_lines_of_a_full_synchronisation_are_kept_by_mapping(store):
    lines = pd.DataFrame({"mapping": ["ITEM-PRODUCT", "CUSTOMER"], "status": "ready"})
    store.save_schedule(conform(lines.assign(earliest_start=START, attempts=2), "schedule"))
    later = lines.tail(1).assign(status="inactive", last_run=START, message="m")
    store.save_schedule(conform(later, "schedule"))
    found = store.schedule()
    assert found["mapping"].tolist() == ["CUSTOMER", "ITEM-PRODUCT"]
    assert found["status"].tolist() == ["inactive", "ready"]
    assert found["attempts"].tolist() == [0, 2]
    store.save_full_lines(conform(lines.assign(owner="me", started_at=START), "full_lines"))
    store.save_full_lines(conform(lines.tail(1).assign(status="finished"), "full_lines"))
    found = store.full_lines()
    assert found["status"].tolist() == ["finished", "ready"]
    assert found["owner"].tolist() == ["", "me"]
    store.delete_full_lines()
    pd.testing.assert_frame_equal(store.full_lines(), empty("full_lines"))


def logged(store):
    """Jobs of five kinds, each with an error and a closed entry of the journal."""
    jobs = [
        job("fine"),
        job("failed", failed=1),
        job("named", failed=1),
        job("named_too", failed=1),
        job("running", done=False),
        job("open"),
        job("late", day=5),
    ]
    for each in jobs:
        store.start_job(each)
        store.save_errors(errors({"job_id": each.id, "at": each.started_at, "message": "m"}))
        store.open_entries(entry(each.id, job_id=each.id))
    store.close_entries([each.id for each in jobs if each.id != "open"], "done")
    pairs = pd.DataFrame(
        {
            "mapping": "CUSTOMER",
            "nav_key": ["1", "2", "3"],
            "crm_id": ["a", "b", "c"],
            "skipped": [True, True, False],
            "last_synch_job_id": ["named", "fine", "failed"],
            "last_synch_crm_job_id": ["", "named_too", "failed"],
        }
    )
    store.save_couplings(conform(pairs, "coupling_records"))


def test_jobs_are_deleted_with_what_belongs_to_them(store):
    logged(store)
    assert store.delete_jobs(older_than=START + timedelta(days=1)) == 2
    kept = ["late", "named", "named_too", "open", "running"]
    assert sorted(store.jobs()["job_id"]) == kept
    assert sorted(store.errors()["job_id"]) == kept
    assert store.unfinished("CUSTOMER")["id"].tolist() == ["open"]
    store.close_entries(["open"], "done")
    assert store.delete_jobs() == 2
    assert sorted(store.jobs()["job_id"]) == ["named", "named_too", "running"]


def test_errors_are_deleted_by_age_or_all(store):
    logged(store)
    assert store.delete_errors(older_than=START + timedelta(days=1)) == 6
    assert store.errors()["job_id"].tolist() == ["late"]
    assert store.delete_errors() == 1
    pd.testing.assert_frame_equal(store.errors(), empty("errors"))
    assert len(store.jobs()) == 7
