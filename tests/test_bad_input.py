"""Bad input is refused: the message says what and where, nothing is written, the status is 2."""

import hashlib
import shutil
import sqlite3

import pytest
import yaml

from navcrm_recon.cli import main
from navcrm_recon.sandbox.demo import write_demo

CUSTOMER = '"Larkmoor Bicycles Ltd_$Customer"'


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    return write_demo(tmp_path_factory.mktemp("demo"), seed=9)


@pytest.fixture
def workspace(demo, tmp_path):
    """A demo company of the test's own, to be damaged."""
    for file in demo.parent.iterdir():
        if file.is_file():
            shutil.copy(file, tmp_path)
    return tmp_path / "workspace.yaml"


def configure(workspace, **changes):
    content = yaml.safe_load(workspace.read_text(encoding="utf-8")) | changes
    workspace.write_text(yaml.safe_dump(content), encoding="utf-8")


def damage(workspace, side, *statements):
    connection = sqlite3.connect(workspace.parent / f"{side}.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()


def fingerprint(folder):
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def refused(workspace, capsys, *words, verb=("diff", "CUSTOMER")):
    """Run a verb; it must end with status 2 and a message of these words, and write nothing."""
    before = fingerprint(workspace.parent)
    assert main([*verb, "--workspace", str(workspace)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "Traceback" not in err
    for word in words:
        assert word in err
    assert fingerprint(workspace.parent) == before
    return err


def test_an_unknown_key(workspace, capsys):
    configure(workspace, copmany="x")
    refused(workspace, capsys, "copmany", "company", "unknown key")


def test_every_mistake_at_once(workspace, capsys):
    configure(
        workspace,
        company=5,
        nav={"kind": "sqll", "url": "sqlite:///nav.db"},
        couplings="ours",
        setup={"sever_address": "x"},
        timezone="Mars/Olympus",
        thresholds={"CUSTOMER": {"difs": 1}},
    )
    refused(
        workspace, capsys, "company: must be a text", "nav.kind", "Did you mean 'sql'", "couplings",
        "setup.sever_address", "Did you mean 'server_address'", "Mars/Olympus",
        "thresholds.CUSTOMER.difs",
    )  # fmt: skip


@pytest.mark.parametrize("key", ["company", "nav", "crm", "state"])
def test_a_missing_key(workspace, capsys, key):
    content = yaml.safe_load(workspace.read_text(encoding="utf-8"))
    del content[key]
    workspace.write_text(yaml.safe_dump(content), encoding="utf-8")
    refused(workspace, capsys, f"{key}: is missing")


def test_a_missing_secret(workspace, capsys, monkeypatch):
    monkeypatch.delenv("NAV_PASSWORD", raising=False)
    url = "postgresql+psycopg://nav:${NAV_PASSWORD}@127.0.0.1/nav"
    configure(workspace, nav={"kind": "sql", "url": url})
    refused(workspace, capsys, "nav.url", "NAV_PASSWORD is not set")


def test_a_secret_is_never_shown(workspace, capsys, monkeypatch):
    monkeypatch.setenv("NAV_PASSWORD", "s3cr3t-and-more")
    url = "postgresql+psycopg://nav:${NAV_PASSWORD}@127.0.0.1:1/nav"
    configure(workspace, nav={"kind": "sql", "url": url})
    assert "s3cr3t" not in refused(workspace, capsys, "127.0.0.1:1")


def test_a_secret_in_the_query_of_an_address_is_never_shown(workspace, capsys, monkeypatch):
    monkeypatch.setenv("NAV_PASSWORD", "s3cr3t-and-more")
    url = "postgresql+psycopg://nav@127.0.0.1:1/nav?password=${NAV_PASSWORD}"
    configure(workspace, nav={"kind": "sql", "url": url})
    assert "s3cr3t" not in refused(workspace, capsys, "127.0.0.1:1")
    configure(workspace, nav={"kind": "files", "url": "."}, state={"url": url})
    assert "s3cr3t" not in refused(workspace, capsys, "state")


@pytest.mark.parametrize("password", ["s3cr3t@home", "a@s3cr3t:b/c", "s3cr3t#1", "s3cr3t/%41?x=y"])
def test_a_secret_with_signs_of_an_address_is_never_shown(workspace, capsys, monkeypatch, password):
    monkeypatch.setenv("NAV_PASSWORD", password)
    url = "postgresql+psycopg://nav:${NAV_PASSWORD}@127.0.0.1:1/nav"
    configure(workspace, nav={"kind": "sql", "url": url})
    assert "s3cr3t" not in refused(workspace, capsys, "nav")


def test_a_default_stands_for_a_variable_that_is_empty(workspace, capsys, monkeypatch):
    monkeypatch.setenv("NAV_FOLDER", "")
    configure(workspace, nav={"kind": "files", "url": "${NAV_FOLDER:-nowhere}"})
    refused(workspace, capsys, "nowhere")


def test_keys_a_kind_of_side_does_not_take(workspace, capsys):
    configure(workspace, nav={"kind": "files", "url": ".", "auth": {"user": "x"}})
    refused(workspace, capsys, "nav.auth: unknown key")


def test_a_threshold_that_is_no_number(workspace, capsys):
    configure(workspace, thresholds={"CUSTOMER": {"diffs": True, "failed": -1}})
    refused(workspace, capsys, "CUSTOMER.diffs", "found True", "CUSTOMER.failed", "found -1")


def test_a_mapping_file_that_is_not_there(workspace, capsys):
    configure(workspace, mappings="mine.yaml")
    refused(workspace, capsys, "mappings: there is no file", "mine.yaml")


def test_a_state_in_a_folder_that_is_not_there(workspace, capsys):
    configure(workspace, state={"url": "sqlite:///no/such/state.db"})
    refused(workspace, capsys, "no/such", "state.url")


def test_a_missing_table(workspace, capsys):
    damage(workspace, "nav", f"drop table {CUSTOMER}")
    refused(workspace, capsys, "Larkmoor Bicycles Ltd_$Customer", "nav")


def test_a_missing_column(workspace, capsys):
    damage(workspace, "nav", f'alter table {CUSTOMER} rename column "E-Mail" to "Mail"')
    refused(workspace, capsys, "Customer", "E-Mail")
    damage(workspace, "crm", "alter table account rename column telephone1 to phone")


def test_a_value_of_the_wrong_type(workspace, capsys):
    damage(workspace, "nav", f"update {CUSTOMER} set \"Credit Limit (LCY)\" = 'a lot'")
    refused(workspace, capsys, "Customer", "Credit Limit (LCY)", "a lot")


def test_a_column_of_the_wrong_type(workspace, capsys):
    damage(
        workspace, "crm", "alter table account drop column creditlimit",
        "alter table account add column creditlimit blob",
    )  # fmt: skip
    refused(workspace, capsys, "account", "creditlimit")


def test_a_duplicate_primary_key(workspace, capsys):
    damage(
        workspace, "nav", f"create table copy as select * from {CUSTOMER}",
        f"drop table {CUSTOMER}", f"alter table copy rename to {CUSTOMER}",
        f'insert into {CUSTOMER} select * from {CUSTOMER} order by "No_" limit 1',
    )  # fmt: skip
    refused(workspace, capsys, "Customer", "more than once", "No.")


@pytest.mark.parametrize("verb", [("diff", "CUSTOMER"), ("check",), ("report",)])
def test_an_undecodable_record_id(workspace, capsys, verb):
    record = '"Larkmoor Bicycles Ltd_$Integration Record"'
    damage(
        workspace,
        "nav",
        f"update {record} set \"Record ID\" = x'12000000FFEE' where rowid in "
        f'(select rowid from {record} where "Table ID" = 18 and length("Record ID") limit 1)',
    )
    refused(workspace, capsys, "Integration Record", "Record ID", "FFEE", verb=verb)


def test_a_database_that_is_not_there(workspace, capsys):
    (workspace.parent / "crm.db").unlink()
    refused(workspace, capsys, "crm.db")
    assert not (workspace.parent / "crm.db").exists()


def test_a_server_that_is_not_there(workspace, capsys):
    configure(workspace, crm={"kind": "sql", "url": "postgresql+psycopg://127.0.0.1:1/crm"})
    refused(workspace, capsys, "crm", "127.0.0.1:1")


def test_a_file_that_is_no_database(workspace, capsys):
    (workspace.parent / "nav.db").write_text("not a database " * 100)
    refused(workspace, capsys, "nav", "nav.db")


def test_an_unreadable_file_of_a_folder(workspace, capsys):
    folder = workspace.parent / "crm"
    folder.mkdir()
    (folder / "account.csv").write_bytes(b"accountid,name\n1,\xff\xfe\n")
    configure(workspace, crm={"kind": "files", "url": "crm"})
    refused(workspace, capsys, "account.csv")


def test_a_folder_that_is_not_there(workspace, capsys):
    configure(workspace, crm={"kind": "files", "url": "nowhere"})
    refused(workspace, capsys, "nowhere")


def test_an_unknown_mapping(workspace, capsys):
    words = ("no mapping 'CUSTOMRE'", "Did you mean 'CUSTOMER'", "SALESPEOPLE")
    refused(workspace, capsys, *words, verb=("diff", "CUSTOMRE"))


def test_a_mapping_file_with_mistakes(workspace, capsys):
    mappings = workspace.parent / "mappings.yaml"
    mappings.write_text("CUSTOMER: {fields: [{nav: Nmae, crm: name}]}\nITEM: {direction: to_crm}\n")
    configure(workspace, mappings="mappings.yaml")
    refused(workspace, capsys, "mappings.yaml", "CUSTOMER.fields[0].nav", "Nmae", "Name", "ITEM")


def test_a_threshold_of_no_mapping(workspace, capsys):
    configure(workspace, thresholds={"CUSTOMERS": {"diffs": 1}})
    refused(workspace, capsys, "thresholds.CUSTOMERS", "Did you mean 'CUSTOMER'")


def test_a_workspace_file_that_is_not_there_or_not_yaml(tmp_path, capsys):
    refused(tmp_path / "nothing.yaml", capsys, "nothing.yaml")
    broken = tmp_path / "workspace.yaml"
    broken.write_text("company: [password-in-here\n")
    assert "password-in-here" not in refused(broken, capsys, "workspace.yaml", "not valid YAML")


def test_a_state_of_a_newer_version(workspace, capsys):
    damage(workspace, "state", "update state_version set version = 99")
    refused(workspace, capsys, "state.db", "version 99")


def test_a_report_of_a_side_that_cannot_be_read(workspace, capsys):
    damage(workspace, "nav", f"drop table {CUSTOMER}")
    verb = ("report", "--notebook", "01_overview", "--out", str(workspace.parent / "out"))
    assert main([*verb, "--workspace", str(workspace)]) == 2
    assert "Customer" in capsys.readouterr().err
