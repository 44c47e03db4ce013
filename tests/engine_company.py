"""A small company for tests of the engine, its copies, and all that is in its databases."""

from __future__ import annotations

import gc
import json
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml

import navcrm_recon as nr
from navcrm_recon.scenarios.databases import COMPANY, fresh_databases
from navcrm_recon.scenarios.handles import guid
from navcrm_recon.scenarios.world import World

SIDES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)]
ROBOT = guid("robot")
#: Tables of the state that say when and how often something ran, not what came of it.
LOGS = ("job", "error", "journal", "watermark", "state_version", "schedule", "full_line")
#: Table -> its key and what its records are told apart by, for those that may be made.
NAMED = {
    "account": ("accountid", "name"),
    "contact": ("contactid", "fullname"),
    "product": ("productid", "productnumber"),
    "uomschedule": ("uomscheduleid", "name"),
    f"{COMPANY.replace('.', '_')}$Customer": ("No_", "Name"),
    f"{COMPANY.replace('.', '_')}$Contact": ("No_", "Name"),
}
_NEW_TIME = re.compile(r"20(2[4-9]|[3-9]\d)-\d\d-\d\d")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_PASSED_OVER = ("timestamp", "last_synch_job_id", "last_synch_crm_job_id")
_FAILURES = ("skipped", "last_synch_result", "last_synch_crm_result")
Rows = dict[str, list[tuple[tuple[str, str], ...]]]


@dataclass(frozen=True)
class Company:
    """Databases of both sides and of the state, and a folder with the workspace file."""

    urls: Mapping[str, str]
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "workspace.yaml"

    def open(self) -> nr.Workspace:
        return nr.open_workspace(self.file)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Return every row of every table, as the driver gives it."""
        found = {}
        for url in dict.fromkeys(self.urls.values()):
            if url.startswith("sqlite") and not Path(url[10:]).exists():
                continue
            engine = sa.create_engine(url, poolclass=sa.NullPool)
            with engine.connect() as connection:
                for name in sa.inspect(connection).get_table_names():
                    quoted = engine.dialect.identifier_preparer.quote(name)
                    rows = connection.execute(sa.text(f"SELECT * FROM {quoted}"))
                    found[name] = [dict(row) for row in rows.mappings()]
        return found


@contextmanager
def company(
    sides: str, folder: Path, given: Mapping[str, Any], when: list[dict[str, Any]]
) -> Iterator[Company]:
    """Make a company by what a scenario gives, and let people work in it."""
    with fresh_databases(sides) as urls:
        _work(World(given, urls), when)
        gc.collect()  # closes the world's connections: a database in use cannot be copied
        yield _with_file(urls, folder, given["mappings"])


def _work(world: World, when: list[dict[str, Any]]) -> None:
    for step in when:
        for name, arguments in step.items():
            world.take(name, arguments)


def _with_file(urls: Mapping[str, str], folder: Path, mappings: Mapping[str, Any]) -> Company:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "mappings.yaml").write_text(yaml.safe_dump(dict(mappings)), encoding="utf-8")
    settings = {
        "company": COMPANY,
        "nav": {"kind": "sql", "url": urls["nav"]},
        "crm": {"kind": "sql", "url": urls["crm"]},
        "state": {"url": urls["state"]},
        "setup": {"integration_user": ROBOT},
        "mappings": "mappings.yaml",
    }
    made = Company(dict(urls), folder)
    made.file.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return made


@contextmanager
def copied(original: Company, folder: Path) -> Iterator[Company]:
    """Make an equal company in databases of its own, and remove it in the end."""
    mappings = yaml.safe_load((original.folder / "mappings.yaml").read_text(encoding="utf-8"))
    if original.urls["nav"].startswith("sqlite"):
        folder.mkdir(parents=True, exist_ok=True)
        for name, url in original.urls.items():
            shutil.copy(url[10:], folder / f"{name}.db")
        urls = {name: f"sqlite:///{folder / name}.db" for name in original.urls}
        yield _with_file(urls, folder, mappings)
        shutil.rmtree(folder)
        return
    source = sa.make_url(original.urls["nav"])
    name = f"navcrm_copy_{uuid.uuid4().hex}"
    _administer(source, f"CREATE DATABASE {name} TEMPLATE {source.database}")
    try:
        url = source.set(database=name).render_as_string(hide_password=False)
        yield _with_file(dict.fromkeys(original.urls, url), folder, mappings)
    finally:
        _administer(source, f"DROP DATABASE {name} WITH (FORCE)")
        with suppress(FileNotFoundError):
            shutil.rmtree(folder)


def _administer(server: sa.URL, statement: str) -> None:
    url = server.set(database="postgres")
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))


def contents(before: Company, after: Company) -> Rows:
    """Return what a company came to, so that it can be compared with an equal company's.

    New keys are replaced by what the record is called, times of today by a word.
    """
    known = {
        str(value) for rows in before.tables().values() for row in rows for value in row.values()
    }
    tables = after.tables()
    new = _new_keys(tables, known)
    coded = {key.encode("utf-16-le").hex(): name for key, name in new.items()}

    def told(value: Any) -> str:
        if isinstance(value, bytes):
            return coded_in(value.hex(), coded)
        text = new.get(str(value), str(value))
        if _NEW_TIME.match(text):
            return "a time of today"
        return "a new id" if _GUID.fullmatch(text) and text not in known else text

    return {
        name: sorted(
            tuple((column, told(value)) for column, value in _compared(row, new)) for row in rows
        )
        for name, rows in tables.items()
        if name not in LOGS
    }


def _compared(row: Mapping[str, Any], new: Mapping[str, str]) -> list[tuple[str, Any]]:
    """Leave out what names a job, and how often and where a record has failed.

    One that fails again in the next run is skipped from then on, in both directions. A baseline
    of new records has their ids in it.
    """
    out = [(name, value) for name, value in row.items() if name not in _PASSED_OVER]
    if "failure" in (row.get("last_synch_result"), row.get("last_synch_crm_result")):
        out = [(name, value) for name, value in out if name not in _FAILURES]
    if "baseline" in row and not {row["nav_key"], row["crm_id"]}.isdisjoint(new):
        return [(n, v if n != "baseline" else f"{v is not None}") for n, v in out]
    return out


def _new_keys(tables: Mapping[str, list[dict[str, Any]]], known: set[str]) -> dict[str, str]:
    return {
        str(row[key]): f"<{table} {row[name]}>"
        for table, (key, name) in NAMED.items()
        for row in tables.get(table, [])
        if str(row[key]) not in known
    }


def coded_in(text: str, coded: Mapping[str, str]) -> str:
    """Replace the keys in a record ID in binary."""
    for code, name in coded.items():
        text = text.replace(code, name)
    return text


def loose_ends(after: Company) -> list[str]:
    """List what an interrupted run would leave behind."""
    tables = after.tables()
    entries = [f"journal {row['id']}" for row in tables["journal"] if not row["outcome"]]
    return entries + [f"job {row['job_id']}" for row in tables["job"] if not row["finished_at"]]


def differing(wanted: Rows, found: Rows) -> str:
    """Say in which rows two companies differ, blank where they do not."""
    out = []
    for name in sorted({*wanted, *found}):
        missing, more = list(wanted.get(name, [])), []
        for row in found.get(name, []):
            if row in missing:
                missing.remove(row)
            else:
                more.append(row)
        out += [f"{name} lacks {_short(row)}" for row in missing]
        out += [f"{name} has {_short(row)}" for row in more]
    return "\n".join(out)


def _short(row: tuple[tuple[str, str], ...]) -> str:
    blank = ("", "None", "0", "False", "1753-01-01 00:00:00.000000", "1753-01-01 00:00:00")
    return ", ".join(f"{name}={value[:60]}" for name, value in row if value not in blank)


class Synchronizer:
    """Processes of their own that synchronise (``engine_process``)."""

    def __init__(self) -> None:
        command = [sys.executable, str(Path(__file__).with_name("engine_process.py"))]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def run(self, *tasks: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Run tasks at the same time and return what each came to."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(tasks) + "\n")
        self._process.stdin.flush()
        answer: list[dict[str, Any]] = json.loads(self._process.stdout.readline())
        return answer

    def close(self) -> None:
        self._process.communicate(timeout=60)


# --- a company with work on both sides ------------------------------------------------------------

IDLE = (
    "CURRENCY", "SHIPMENT METHOD", "SHIPPING AGENT", "RESOURCE-PRODUCT", "CUSTPRCGRP-PRICE",
    "SALESPRC-PRODPRICE", "POSTEDSALESINV-INV", "POSTEDSALESLINE-INV",
)  # fmt: skip
MAPPINGS: dict[str, Any] = {
    "CUSTOMER": {
        "synch_only_coupled": False,
        "update_conflict": "merge",
        "deletion_conflict": "restore",
    },
    "CONTACT": {"synch_only_coupled": False, "deletion_conflict": "remove_coupling"},
    "UNIT OF MEASURE": {"synch_only_coupled": False},
    "ITEM-PRODUCT": {"synch_only_coupled": False},
    # There is nothing to do for these.
    **{name: {"enabled": False} for name in IDLE},
}


def busy(count: int = 12) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return what is given, and what people did since: something of everything on both sides.

    ``count`` coupled customers and as many contacts; of each kind of change there is at least one.
    """
    numbers = [f"C{n:04}" for n in range(count)]
    people = [f"P{n:04}" for n in range(count)]
    given: dict[str, Any] = {
        "now": "2018-10-01T08:00:00Z",
        "setup": {"integration_user": "robot"},
        "mappings": MAPPINGS,
        "nav": {
            "Marketing Setup": [{"Bus. Rel. Code for Customers": "CUST", "Contact Nos.": "CONT"}],
            "Sales & Receivables Setup": [{"Customer Nos.": "CUST"}],
            "Salesperson/Purchaser": [{"Code": "JR", "Name": "John Roberts"}],
            "Payment Terms": [{"Code": "NET30"}],
            "Unit of Measure": [{"Code": "PCS"}, {"Code": "BOX"}],
            "Customer": [
                {"No.": n, "Name": f"Name {n}", "City": "Bath", "Salesperson Code": "JR",
                 "Credit Limit (LCY)": "1000.50", "Payment Terms Code": "NET30"}
                for n in numbers
            ],
            "Contact": [
                *({"No.": f"K{n}", "Type": "Company", "Name": f"Name {n}"} for n in numbers),
                *(
                    {"No.": p, "Type": "Person", "Name": f"Ann {p}", "First Name": "Ann",
                     "Surname": p, "Company No.": f"K{n}", "Salesperson Code": "JR"}
                    for p, n in zip(people, numbers, strict=True)
                ),
            ],
            "Contact Business Relation": [
                {"Contact No.": f"K{n}", "Business Relation Code": "CUST",
                 "Link to Table": "Customer", "No.": n}
                for n in numbers
            ],
            "Item": [
                {"No.": f"I{n}", "Description": f"Item {n}", "Base Unit of Measure": "PCS",
                 "Unit Price": f"{n}.25"}
                for n in range(1, 4)
            ],
        },
        "crm": {
            "systemuser": [
                {"systemuserid": "u-jr", "fullname": "John Roberts",
                 "isdisabled": False, "islicensed": True, "isintegrationuser": False}
            ],
            "account": [
                {"accountid": f"a-{n}", "name": f"Name {n}", "address1_city": "Bath",
                 "customertypecode": 3, "creditlimit": "1000.50", "ownerid": "u-jr",
                 "paymenttermscode": 1}
                for n in numbers
            ],
            "contact": [
                {"contactid": f"p-{p}", "firstname": "Ann", "lastname": p, "fullname": f"Ann {p}",
                 "parentcustomerid": f"a-{n}", "ownerid": "u-jr"}
                for p, n in zip(people, numbers, strict=True)
            ],
        },
        "options": [
            {"mapping": "PAYMENT TERMS", "nav_key": "NET30", "value": 1, "caption": "Net 30"}
        ],
        "couplings": [
            {"mapping": "SALESPEOPLE", "nav_key": "JR", "crm_id": "u-jr", "synchronized": True},
            *(
                {"mapping": "CUSTOMER", "nav_key": n, "crm_id": f"a-{n}", "synchronized": True}
                for n in numbers
            ),
            *(
                {"mapping": "CONTACT", "nav_key": p, "crm_id": f"p-{p}", "synchronized": True}
                for p in people
            ),
        ],
    }  # fmt: skip
    return given, [{"advance": "1h"}, *_edits(numbers, people)]


def _edits(numbers: list[str], people: list[str]) -> list[dict[str, Any]]:
    """Return a piece of everybody's work; every sixth record of each kind is left alone."""
    done: list[dict[str, Any]] = []
    for place, (n, p) in enumerate(zip(numbers, people, strict=True)):
        done += [
            [_nav("Customer", n, {"Name": f"NAV {n}", "Credit Limit (LCY)": "7.25"}),
             _crm("contact", f"p-{p}", {"lastname": f"CRM {p}"})],
            [_crm("account", f"a-{n}", {"name": f"CRM {n}"}),
             _nav("Contact", p, {"Surname": f"NAV {p}", "Name": f"Ann NAV {p}"})],
            # Two fields merge; the two edits of a contact are a conflict.
            [_nav("Customer", n, {"Address": "Nile Street"}),
             _crm("account", f"a-{n}", {"telephone1": "555"}),
             _nav("Contact", p, {"Surname": f"NAV {p}"}),
             _crm("contact", f"p-{p}", {"lastname": f"CRM {p}"})],
            # What was deleted is made again, or its coupling removed.
            [{"delete_crm": {"entity": "account", "key": f"a-{n}"}},
             _nav("Customer", n, {"City": "Hull"}),
             {"delete_nav": {"table": "Contact", "key": p}},
             _crm("contact", f"p-{p}", {"telephone1": "77"})],
            # An owner nobody coupled: this fails.
            [_nav("Customer", n, {"Salesperson Code": "NOBODY"})],
            [],
        ][place % 6]  # fmt: skip
    for place in range(max(len(numbers) // 3, 2)):
        done += _births(place)
    return done


def _births(place: int) -> list[dict[str, Any]]:
    return [
        {"insert_nav": {"table": "Contact", "row": {
            "No.": f"KN{place}", "Type": "Company", "Name": f"New in NAV {place}"}}},
        {"insert_nav": {"table": "Customer", "row": {
            "No.": f"N{place}", "Name": f"New in NAV {place}", "Salesperson Code": "JR"}}},
        {"insert_nav": {"table": "Contact Business Relation", "row": {
            "Contact No.": f"KN{place}", "Business Relation Code": "CUST",
            "Link to Table": "Customer", "No.": f"N{place}"}}},
        {"insert_nav": {"table": "Contact", "row": {
            "No.": f"PN{place}", "Type": "Person", "First Name": "Bob",
            "Surname": f"Nav {place}", "Name": f"Bob Nav {place}", "Company No.": f"KN{place}",
            "Salesperson Code": "JR"}}},
        {"insert_crm": {"entity": "account", "row": {
            "accountid": f"new-{place}", "name": f"New in CRM {place}", "customertypecode": 3,
            "ownerid": "u-jr"}}},
        {"insert_crm": {"entity": "contact", "row": {
            "contactid": f"newp-{place}", "firstname": "Cy", "lastname": f"Crm {place}",
            "fullname": f"Cy Crm {place}", "parentcustomerid": f"new-{place}"}}},
    ]  # fmt: skip


def _nav(table: str, key: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"edit_nav": {"table": table, "key": key, "set": values}}


def _crm(entity: str, key: str, values: dict[str, Any]) -> dict[str, Any]:
    return {"edit_crm": {"entity": entity, "key": key, "set": values, "by": "a human"}}
