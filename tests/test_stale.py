"""A plan writes nothing, is what is then done, and never overwrites what came after (line 2)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

import navcrm_recon as nr
from navcrm_recon.scenarios.handles import guid
from navcrm_recon.state.schema import metadata
from tests.engine_company import SIDES, Company, busy, company, copied

_NEW = re.compile(r"<new ([A-Z -]+) ([^<> ]+)>")
_COMPANY = re.compile(r"<new Contact of (.+)>")
_UNIT = re.compile(r"<new uom of (.+)>")
NAV = "CRONUS International Ltd_$"
_SAID = ["mapping", "direction", "nav_key", "crm_id", "side", "field", "old", "new"]
NAV_CUSTOMER = f'"{NAV}Customer"'


@pytest.fixture(scope="module", params=SIDES)
def base(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Company]:
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")  # skips where there is no server
    with company(request.param, tmp_path_factory.mktemp("base"), *busy(6)) as made:
        yield made


@pytest.fixture
def one(base: Company, tmp_path: Path) -> Iterator[Company]:
    with copied(base, tmp_path / "one") as made:
        yield made


def fingerprint(made: Company) -> dict[str, Any]:
    """Return what no byte may differ in: every file, or every row with who wrote it last."""
    if made.urls["nav"].startswith("sqlite"):
        files = sorted(each for each in made.folder.rglob("*") if each.is_file())
        return {str(each): hashlib.sha256(each.read_bytes()).hexdigest() for each in files}
    engine = sa.create_engine(made.urls["nav"], poolclass=sa.NullPool)
    found = {}
    with engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            quoted = engine.dialect.identifier_preparer.quote(name)
            rows = connection.execute(sa.text(f"SELECT xmin::text, ctid::text, * FROM {quoted}"))
            found[name] = sorted(str(row) for row in rows)
        sequences = sa.text("SELECT sequencename, last_value FROM pg_sequences ORDER BY 1")
        found["sequences"] = [str(row) for row in connection.execute(sequences)]
    return found


def execute(made: Company, side: str, statement: str, **values: Any) -> None:
    engine = sa.create_engine(made.urls[side], poolclass=sa.NullPool)
    with engine.begin() as connection:
        done = connection.execute(sa.text(statement), values)
        assert done.rowcount == 1


def edit_crm(made: Company, n: str, **values: Any) -> None:
    """Let a person change an account now, or at a given time."""
    sets = ", ".join(f"{name} = :{name}" for name in values)
    execute(
        made,
        "crm",
        f"UPDATE account SET {sets}, modifiedon = '2024-01-01 10:00:00.000000', "
        f"modifiedby = '{guid('a human')}' WHERE accountid = '{guid(f'a-{n}')}'",
        **values,
    )


def account(made: Company, n: str) -> dict[str, Any]:
    rows = made.tables()["account"]
    return next(row for row in rows if str(row["accountid"]) == guid(f"a-{n}"))


def born(made: Company, frame: pd.DataFrame) -> pd.DataFrame:
    """Put the keys that records got in the place of the names they had before they were born."""
    workspace = made.open()
    enabled = [name for name, mapping in workspace.mappings.items() if mapping.enabled]
    couplings = pd.concat([workspace.couplings(name) for name in enabled])
    relations = made.tables()[f"{NAV}Contact Business Relation"]
    companies = {row["No_"]: row["Contact No_"] for row in relations}
    units = {str(row["uomscheduleid"]): str(row["uomid"]) for row in made.tables()["uom"]}

    def real(match: re.Match[str]) -> str:
        mapping, key = match.groups()
        pairs = couplings[couplings["mapping"].eq(mapping)]
        other = {
            **dict(zip(pairs["nav_key"], pairs["crm_id"], strict=True)),
            **dict(zip(pairs["crm_id"], pairs["nav_key"], strict=True)),
        }
        return str(other[key])

    def named(text: str) -> str:
        text = _NEW.sub(real, text)
        if unit := _UNIT.fullmatch(text):
            return units[unit[1]]
        company = _COMPANY.fullmatch(text)
        return companies[company[1]] if company else text

    return frame.map(named)


def listed(frame: pd.DataFrame) -> list[tuple[str, ...]]:
    return sorted(frame[_SAID].itertuples(index=False, name=None))


def test_a_plan_writes_nothing_not_a_byte(one: Company) -> None:
    before = fingerprint(one)
    plan = one.open().plan()
    assert set(plan.actions["action"]) >= {"insert", "modify", "restore", "uncouple", "fail"}
    assert fingerprint(one) == before


def test_a_plan_makes_no_state_where_there_is_none(base: Company, tmp_path: Path) -> None:
    with copied(base, tmp_path / "fresh") as fresh:
        engine = sa.create_engine(fresh.urls["state"], poolclass=sa.NullPool)
        metadata.drop_all(engine)
        if engine.dialect.name == "sqlite":
            (fresh.folder / "state.db").unlink()
        before = fingerprint(fresh)
        assert len(fresh.open().plan().actions)
        assert fingerprint(fresh) == before


def test_what_is_applied_is_what_was_planned(one: Company) -> None:
    workspace = one.open()
    plan = workspace.plan()
    jobs = workspace.apply(plan)
    assert [job.message for job in jobs if job.message] == []
    assert listed(born(one, plan.changes)) == listed(workspace.writes())


def test_what_is_synchronised_is_what_a_plan_says(one: Company) -> None:
    workspace = one.open()
    plan = workspace.plan()
    workspace.synchronize()
    assert listed(born(one, plan.changes)) == listed(workspace.writes())


def test_a_record_changed_since_the_plan_is_decided_again(one: Company) -> None:
    """C0000 was to go to CRM, where somebody changed the same field meanwhile."""
    workspace = one.open()
    plan = workspace.plan("CUSTOMER")
    planned = plan.actions[plan.actions["nav_key"].eq("C0000")]
    assert planned["action"].tolist()[0] == "modify"
    edit_crm(one, "C0000", name="Meanwhile")
    jobs = workspace.apply(plan)
    assert account(one, "C0000")["name"] == "Meanwhile"
    assert "C0000: planned modify, now conflict" in jobs[0].message
    assert jobs[0].failed == 2  # and C0004, as planned
    done = workspace.writes()
    others = plan.changes[plan.changes["nav_key"].isin(["C0001", "C0002"])]
    assert set(listed(others)) <= set(listed(done))
    assert "C0000" not in done["nav_key"].tolist()


def test_another_field_changed_since_the_plan_is_kept(one: Company) -> None:
    workspace = one.open()
    plan = workspace.plan("CUSTOMER", "to_crm")
    edit_crm(one, "C0000", telephone1="99")
    workspace.apply(plan)
    found = account(one, "C0000")
    assert (found["name"], found["telephone1"]) == ("NAV C0000", "99")


def test_a_record_gone_since_the_plan_is_not_made_again_by_it(one: Company) -> None:
    workspace = one.open()
    plan = workspace.plan("CUSTOMER", "to_crm")
    assert plan.actions.set_index("nav_key")["action"]["N0"] == "insert"
    execute(one, "nav", f"DELETE FROM {NAV_CUSTOMER} WHERE \"No_\" = 'N0'")
    jobs = workspace.apply(plan)
    assert "N0: planned insert, the record is not there any more" in jobs[0].message
    assert "New in NAV 0" not in [row["name"] for row in one.tables()["account"]]
    assert "New in NAV 1" in [row["name"] for row in one.tables()["account"]]


def test_a_plan_that_was_applied_changes_nothing_the_second_time(one: Company) -> None:
    workspace = one.open()
    plan = workspace.plan("CUSTOMER")
    workspace.apply(plan)
    before = one.tables()
    jobs = workspace.apply(plan)
    assert [(job.inserted, job.modified) for job in jobs] == [(0, 0), (0, 0)]
    after = one.tables()
    for name in ("account", NAV_CUSTOMER.strip('"')):
        assert after[name] == before[name]


@pytest.mark.parametrize(("field", "value"), [("name", "Meanwhile"), ("telephone1", "99")])
def test_a_record_changed_while_it_is_being_written_is_decided_again(
    one: Company, field: str, value: str
) -> None:
    """Somebody changes the account after it was compared and before it is written."""
    changed: list[str] = []

    def meanwhile(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "INTO journal" in statement and not changed:
            changed.append(statement)
            edit_crm(one, "C0000", **{field: value})

    sa.event.listen(sa.Engine, "before_cursor_execute", meanwhile)
    try:
        jobs = one.open().synchronize("CUSTOMER", "to_crm")
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", meanwhile)
    assert changed
    found = account(one, "C0000")
    assert found[field] == value
    assert found["name"] == (value if field == "name" else "NAV C0000")
    workspace: nr.Workspace = one.open()
    errors = workspace.errors()
    assert ("C0000" in errors["nav_key"].tolist()) == (field == "name")
    assert sum(job.failed for job in jobs) == len(errors)
