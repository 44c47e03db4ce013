"""A record that cannot be written fails alone, and says what, where and what to do (line 8)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from tests.engine_company import SIDES, Company, company

USER = {"systemuserid": "u", "fullname": "J", "isdisabled": False, "islicensed": True}
GIVEN: dict[str, Any] = {
    "now": "2018-10-01T08:00:00Z",
    "setup": {"integration_user": "robot"},
    "mappings": {
        "UNIT OF MEASURE": {"synch_only_coupled": False},
        "CUSTOMER": {
            "synch_only_coupled": False,
            # The number of a customer is what CRM calls its account number.
            "fields": [{"nav": "No.", "crm": "accountnumber", "direction": "to_nav",
                        "enabled": True}],
        },
        "CONTACT": {"synch_only_coupled": False},
        "ITEM-PRODUCT": {"synch_only_coupled": False},
    },
    "nav": {
        "Marketing Setup": [{"Bus. Rel. Code for Customers": "CUST", "Contact Nos.": "CONT"}],
        "Salesperson/Purchaser": [{"Code": "JR", "Name": "J"}],
        "Unit of Measure": [{"Code": "PCS"}],
        "Item": [
            {"No.": "GOOD", "Description": "Good", "Base Unit of Measure": "PCS"},
            {"No.": "UNIT", "Description": "Bad", "Base Unit of Measure": "GONE"},
        ],
        "Customer": [
            {"No.": "CURRENCY", "Name": "Bad", "Salesperson Code": "JR", "Currency Code": "XYZ"},
            {"No.": "GOOD-1", "Name": "Good 1", "Salesperson Code": "JR"},
            {"No.": "KNOWN", "Name": "Known", "Salesperson Code": "JR"},
            {"No.": "OWNER", "Name": "Bad", "Salesperson Code": "NOBODY"},
            {"No.": "TAKEN", "Name": "Bad", "Salesperson Code": "JR", "E-Mail": "a@b.example"},
            {"No.": "Z-GOOD-2", "Name": "Good 2", "Salesperson Code": "JR"},
        ],
    },
    "crm": {
        "systemuser": [{**USER, "isintegrationuser": False}],
        "account": [
            {"accountid": "known", "name": "Known", "customertypecode": 3, "ownerid": "u",
             "accountnumber": "KNOWN"},
            {"accountid": "other", "name": "Other", "customertypecode": 3, "statecode": 1,
             "emailaddress1": "a@b.example"},
            {"accountid": "fine", "name": "Fine", "customertypecode": 3, "accountnumber": "FINE"},
            # NAV knows capitals only: this number is there already.
            {"accountid": "double", "name": "Bad", "customertypecode": 3,
             "accountnumber": "good-1"},
        ],
        "contact": [
            {"contactid": "good", "fullname": "A B", "firstname": "A", "lastname": "B",
             "parentcustomerid": "fine"},
            {"contactid": "homeless", "fullname": "C D", "firstname": "C", "lastname": "D",
             "parentcustomerid": "other"},
        ],
    },
    "couplings": [
        {"mapping": "SALESPEOPLE", "nav_key": "JR", "crm_id": "u", "synchronized": True},
        {"mapping": "CUSTOMER", "nav_key": "KNOWN", "crm_id": "known", "synchronized": True},
    ],
}  # fmt: skip
CHANGED = [
    {"advance": "1h"},
    {"edit_nav": {"table": "Customer", "key": "KNOWN", "set": {"E-Mail": "a@b.example"}}},
]


@pytest.fixture(params=SIDES)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Company]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")  # skips where there is no server
    with company(request.param, tmp_path, GIVEN, CHANGED) as one:
        engine = sa.create_engine(one.urls["crm"], poolclass=sa.NullPool)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE UNIQUE INDEX only_once ON account (emailaddress1)"))
        yield one


def told(errors: pd.DataFrame, mapping: str, key: str) -> pd.Series:
    """Return the only error of a record."""
    own = errors["nav_key"].eq(key) | errors["crm_id"].eq(key)
    found = errors[own & errors["mapping"].eq(mapping)]
    assert len(found) == 1, found.to_string()
    return found.iloc[0]


def test_bad_records_fail_alone_and_say_why(made: Company) -> None:
    workspace = made.open()
    jobs = [
        (job.mapping, job.direction, job.inserted, job.modified, job.failed)
        for name in ("UNIT OF MEASURE", "CUSTOMER", "CONTACT", "ITEM-PRODUCT")
        for job in workspace.synchronize(name)
    ]
    assert [job for job in jobs if any(job[2:])] == [
        ("UNIT OF MEASURE", "to_crm", 1, 0, 0),
        ("CUSTOMER", "to_crm", 2, 0, 4),
        ("CUSTOMER", "to_nav", 1, 0, 1),
        ("CONTACT", "to_nav", 1, 0, 1),
        ("ITEM-PRODUCT", "to_crm", 1, 0, 1),
    ]
    logged = workspace.jobs()
    assert logged["failed"].sum() == sum(job[4] for job in jobs)
    assert logged["inserted"].sum() == sum(job[2] for job in jobs)
    errors = workspace.errors()
    rows = made.tables()
    homeless = next(str(r["contactid"]) for r in rows["contact"] if r["firstname"] == "C")
    double = next(str(r["accountid"]) for r in rows["account"] if r["accountnumber"] == "good-1")
    expected = [
        ("CUSTOMER", "CURRENCY", "Currency Code", "XYZ", "Couple that record"),
        ("CUSTOMER", "OWNER", "Salesperson Code", "NOBODY", "Couple that record"),
        ("CUSTOMER", "TAKEN", "emailaddress1", "a@b.example", "Correct the value"),
        ("CUSTOMER", "KNOWN", "emailaddress1", "a@b.example", "Correct the value"),
        ("CUSTOMER", double, "No.", "GOOD-1", "Give"),
        ("CONTACT", homeless, "Company No.", "", "Synchronise or couple"),
        ("ITEM-PRODUCT", "UNIT", "Base Unit of Measure", "GONE", "Couple that record"),
    ]
    assert len(errors) == len(expected)
    for mapping, key, field, value, remedy in expected:
        error = told(errors, mapping, key)
        assert error["field"] == field
        for part in (mapping, key, value, remedy):
            assert part in error["message"]
        assert error["value"].startswith(value)


def test_what_failed_is_done_by_the_next_run_once_it_can_be(made: Company) -> None:
    workspace = made.open()
    workspace.synchronize("CUSTOMER", "to_crm")
    engine = sa.create_engine(made.urls["crm"], poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP INDEX only_once"))
    job = workspace.synchronize("CUSTOMER", "to_crm")[0]
    # One that is coupled is tried again; one that was never made waits for its next change.
    assert (job.inserted, job.modified, job.failed) == (0, 1, 0)
    (again,) = workspace.synchronize("CUSTOMER", "to_crm", records=["TAKEN"])
    assert (again.inserted, again.failed) == (1, 0)
    mails = sorted(str(row["emailaddress1"]) for row in made.tables()["account"])
    assert mails.count("a@b.example") == 3
