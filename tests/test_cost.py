"""Cost follows the change: a run after 100 edits costs the same in any company (line 6)."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest
import sqlalchemy as sa

import navcrm_recon as nr
from benchmarks import company
from benchmarks.counting import Cost, counting
from tests.engine_company import SIDES

EDITS = 100
SMALL, LARGE = 2_000, 200_000 if os.environ.get("NAVCRM_SOAK") else 8_000


def databases(request: pytest.FixtureRequest, folder: Path) -> dict[str, str]:
    """Return the addresses of empty databases of a company's own."""
    if request.node.callspec.params["kind"] == "sqlite":
        folder.mkdir()
        return {name: f"sqlite:///{folder / name}.db" for name in ("nav", "crm", "state")}
    server: sa.URL = request.getfixturevalue("postgres_database")
    name = f"cost_{uuid.uuid4().hex}"
    engine = sa.create_engine(server, poolclass=sa.NullPool)
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
    url = server.update_query_dict({"options": f"-csearch_path={name}"})
    return dict.fromkeys(("nav", "crm", "state"), url.render_as_string(hide_password=False))


def incremental(folder: Path, urls: dict[str, str], count: int) -> Cost:
    """Return what a run costs after some edits in a company of ``count`` customers."""
    file = company.make(folder, urls, count)
    company.edit(urls, count, EDITS, "today")
    with counting(urls["nav"]) as cost:
        jobs = nr.open_workspace(file).synchronize()
        done = {
            name: sum(getattr(job, name) for job in jobs if job.mapping in ("CUSTOMER", "CONTACT"))
            for name in ("inserted", "modified", "unchanged", "failed", "skipped")
        }
    assert (done["modified"], done["inserted"], done["failed"], done["skipped"]) == (EDITS, 0, 0, 0)
    assert done["unchanged"] <= 10
    return cost


@pytest.mark.slow
@pytest.mark.parametrize("kind", SIDES)
def test_a_run_costs_what_changed_whatever_there_is(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    small, large = (
        incremental(tmp_path / str(count), databases(request, tmp_path / str(count)), count)
        for count in (SMALL, LARGE)
    )
    assert large.statements <= small.statements
    assert large.fetched <= small.fetched
    assert large.written <= small.written
    # An index is a little deeper, and PostgreSQL reads small tables as a whole.
    assert large.work <= 1.2 * small.work
    assert large.statements <= 10 * EDITS
    assert large.fetched <= 30 * EDITS
    assert large.written <= 10 * EDITS
