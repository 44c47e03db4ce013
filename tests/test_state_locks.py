"""One holder per mapping among all processes; several calls in one transaction."""

import subprocess
import sys
import threading
import time

import pandas as pd
import pytest
import sqlalchemy as sa

from navcrm_recon.errors import SideError
from navcrm_recon.frames import conform
from navcrm_recon.state.store import Store

START = """
import sys, time
import pandas as pd
from navcrm_recon.frames import conform
from navcrm_recon.state.store import Store
store = Store(sys.argv[1])

def counted():
    rows = store.option_mapping()
    number = int(rows["value"].iloc[0]) if len(rows) else 0
    row = {"mapping": "CUSTOMER", "nav_key": ["n"], "value": number + 1}
    store.save_option_mapping(conform(pd.DataFrame(row), "option_mapping"))
"""
#: Says so when its work is done, and then stays until it is killed.
STAY = "print('ready', flush=True)\n    time.sleep(600)"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'state.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.fixture
def started(url):
    """Start processes that use the state; they are killed in the end."""
    processes = []

    def start(script):
        process = subprocess.Popen(
            [sys.executable, "-c", script, url], stdout=subprocess.PIPE, text=True
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def holder(started, context="store.lock('CUSTOMER')", work="pass"):
    process = started(f"{START}\nwith {context}:\n    {work}\n    {STAY}")
    assert process.stdout.readline() == "ready\n"
    return process


def coupling(nav_key):
    row = {"mapping": "CUSTOMER", "nav_key": [nav_key], "crm_id": nav_key}
    return conform(pd.DataFrame(row), "coupling_records")


def keys(store):
    return store.coupling_records()["nav_key"].tolist()


def test_a_lock_excludes_other_processes_and_names_them(url, started):
    process = holder(started)
    with pytest.raises(SideError, match=f"CUSTOMER.*process {process.pid} on") as caught:
        Store(url).lock("CUSTOMER", timeout=0.3).__enter__()
    assert caught.value.mapping == "CUSTOMER"


def test_a_lock_ends_with_a_process_that_is_killed(url, started):
    process = holder(started)
    killing = threading.Timer(0.5, process.kill)
    killing.start()
    begun = time.monotonic()
    with Store(url).lock("CUSTOMER", timeout=30):
        assert process.wait(10) != 0
        assert 0.4 < time.monotonic() - begun < 20


def test_a_lock_is_of_one_mapping(url, started):
    holder(started, "store.lock('A B')")
    store = Store(url)
    for mapping in ("CUSTOMER", "A/B", "A_B", "a b", "../A", "CON", "Ü" * 40):
        with store.lock(mapping, timeout=0):
            pass
    with pytest.raises(SideError), store.lock("A B", timeout=0):
        pass


def test_a_lock_may_be_taken_again_by_who_has_it(url):
    store, other = Store(url), Store(url)
    with store.lock("CUSTOMER"):
        with store.lock("CUSTOMER", timeout=0):
            store.save_couplings(coupling("1"))
        with pytest.raises(SideError), other.lock("CUSTOMER", timeout=0):
            pass
    with other.lock("CUSTOMER", timeout=0):
        assert keys(other) == ["1"]


def test_a_lock_is_given_back_after_a_mistake(url):
    store = Store(url)
    with pytest.raises(ZeroDivisionError), store.lock("CUSTOMER"):
        raise ZeroDivisionError
    with Store(url).lock("CUSTOMER", timeout=0):
        pass


def test_threads_of_one_store_wait_for_each_other(url):
    threads_take_turns(Store(url))


def threads_take_turns(store):
    inside, most = [], []

    def work():
        with store.lock("CUSTOMER", timeout=60):
            inside.append(1)
            most.append(len(inside))
            time.sleep(0.02)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 4


def count_together(started, context):
    script = f"{START}\nfor _ in range(10):\n    with {context}:\n        counted()"
    processes = [started(script) for _ in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]


@pytest.mark.slow
def test_who_holds_the_lock_reads_what_the_last_holder_wrote(url, started):
    count_together(started, "store.lock('CUSTOMER')")
    assert Store(url).option_mapping()["value"].tolist() == [30]


@pytest.mark.slow
def test_transactions_that_read_and_then_write_do_not_block_each_other_for_ever(url, started):
    count_together(started, "store.transaction()")
    # SQLite has one writer at a time, from the beginning of its transaction.
    least = 30 if url.startswith("sqlite") else 10
    assert Store(url).option_mapping()["value"].iloc[0] >= least


@pytest.mark.postgres
def test_states_in_two_schemas_have_locks_of_their_own(postgres_url, postgres_database):
    engine = sa.create_engine(postgres_database, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE SCHEMA another"))
    other = postgres_database.update_query_dict({"options": "-csearch_path=another"})
    with (
        Store(postgres_url).lock("CUSTOMER"),
        Store(other.render_as_string(hide_password=False)).lock("CUSTOMER", timeout=0),
    ):
        pass


@pytest.mark.postgres
def test_who_lost_a_lock_writes_no_more(postgres_url):
    store = Store(postgres_url)
    server = sa.create_engine(postgres_url, poolclass=sa.NullPool, isolation_level="AUTOCOMMIT")
    ending = sa.text(
        "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_locks "
        "WHERE locktype = 'advisory' AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    with store.lock("CUSTOMER"):
        store.save_couplings(coupling("1"))
        with server.connect() as connection:
            assert connection.execute(ending).scalar() == 1
        with pytest.raises(SideError, match="lost"):
            store.save_couplings(coupling("2"))
    assert keys(store) == ["1"]
    with store.lock("CUSTOMER", timeout=0):
        store.save_couplings(coupling("3"))
    assert keys(store) == ["1", "3"]


def undo(store):
    with store.transaction():
        store.remove_couplings(coupling("1"))
        with store.transaction():
            store.close_entries(["e"], "done")
        raise ZeroDivisionError


def test_what_is_in_a_transaction_is_kept_together_or_not_at_all(url):
    store = Store(url)
    with store.transaction():
        store.save_couplings(coupling("1"))
        with store.transaction():
            store.save_couplings(coupling("2"))
            store.open_entries(conform(pd.DataFrame({"id": ["e"]}), "journal"))
        assert keys(store) == ["1", "2"]
    assert keys(Store(url)) == ["1", "2"]
    with pytest.raises(ZeroDivisionError):
        undo(store)
    assert keys(store) == ["1", "2"]
    assert store.unfinished()["id"].tolist() == ["e"]
    store.save_couplings(coupling("3"))
    assert keys(Store(url)) == ["1", "2", "3"]


def test_errors_of_others_pass_a_transaction_as_they_are(url):
    with pytest.raises(sa.exc.OperationalError), Store(url).transaction():
        sa.create_engine("sqlite:////nowhere/at/all.db").connect()


def test_a_transaction_of_a_process_that_is_killed_is_undone(url, started):
    store = Store(url)
    store.save_couplings(coupling("1"))
    process = holder(started, "store.transaction()", "counted()")
    process.kill()
    process.wait()
    assert store.option_mapping().empty
    store.save_couplings(coupling("2"))
    assert keys(store) == ["1", "2"]


def test_a_database_in_memory_is_a_state_too():
    store = Store("sqlite://")
    with store.lock("CUSTOMER"), store.transaction():
        store.save_couplings(coupling("1"))
    assert keys(store) == ["1"]
    threads_take_turns(store)


def test_a_state_that_cannot_be_locked_is_a_clear_error(tmp_path):
    missing = Store(f"sqlite:///{tmp_path}/none/state.db")
    with pytest.raises(SideError, match="cannot be locked"), missing.lock("CUSTOMER"):
        pass
    server = Store("postgresql+psycopg://u:s3cr3t@127.0.0.1:1/state")
    with pytest.raises(SideError, match="127.0.0.1:1") as caught, server.lock("CUSTOMER"):
        pass
    assert "s3cr3t" not in str(caught.value)
