"""Databases of a test's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
import sqlalchemy as sa

from navcrm_recon.scenarios.world import World

POSTGRES = os.environ.get("NAVCRM_TEST_POSTGRES", "postgresql+psycopg://root@127.0.0.1:5432/test")


@pytest.fixture(scope="session")
def postgres_database() -> Iterator[sa.URL]:
    """Make a PostgreSQL database, give its URL, and drop it; skip where there is no server."""
    server = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"navcrm_{uuid.uuid4().hex}"
    try:
        with server.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    except sa.exc.OperationalError as exc:
        pytest.skip(f"no PostgreSQL server at {server.url.host}:{server.url.port} ({exc.orig})")
    yield server.url.set(database=name)
    with server.connect() as connection:
        connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def postgres_url(postgres_database: sa.URL) -> Iterator[str]:
    """URL of an empty PostgreSQL schema of the test's own; skips where there is no server.

    Where everything is provided, a skipped test fails the run.
    """
    engine = sa.create_engine(postgres_database, poolclass=sa.NullPool)
    name = f"test_{uuid.uuid4().hex}"
    with engine.begin() as connection:
        connection.execute(sa.text(f"CREATE SCHEMA {name}"))
    url = postgres_database.update_query_dict({"options": f"-csearch_path={name}"})
    yield url.render_as_string(hide_password=False)
    with engine.begin() as connection:
        connection.execute(sa.text(f"DROP SCHEMA {name} CASCADE"))


@pytest.fixture
def build() -> Iterator[Callable[..., World]]:
    """Build worlds as scenarios give them: ``build(nav=..., crm=...)``."""
    with ExitStack() as worlds:
        yield lambda **given: worlds.enter_context(World.build(given, "sqlite"))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def build_anywhere(request: pytest.FixtureRequest) -> Iterator[Callable[..., World]]:
    """Build worlds on each database; skips PostgreSQL where there is no server."""
    if request.param == "postgresql":
        request.getfixturevalue("postgres_database")
    with ExitStack() as worlds:
        yield lambda **given: worlds.enter_context(World.build(given, request.param))
