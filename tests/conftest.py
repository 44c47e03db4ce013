"""Databases of a test's own."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

POSTGRES = os.environ.get("NAVCRM_TEST_POSTGRES", "postgresql+psycopg://root@127.0.0.1:5432/test")


@contextmanager
def _fresh_database() -> Iterator[str]:
    """Make a PostgreSQL database, give its URL, and drop it."""
    server = sa.create_engine(POSTGRES, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    name = f"navcrm_{uuid.uuid4().hex}"
    try:
        with server.connect() as connection:
            connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
    except sa.exc.OperationalError as exc:
        pytest.skip(f"no PostgreSQL server at {server.url.host}:{server.url.port} ({exc.orig})")
    try:
        yield server.url.set(database=name).render_as_string(hide_password=False)
    finally:
        with server.connect() as connection:
            connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.fixture
def postgres_url() -> Iterator[str]:
    """URL of an empty PostgreSQL database; skips (in CI: fails) where there is no server."""
    with _fresh_database() as url:
        yield url


@pytest.fixture(scope="module")
def module_postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL database that the tests of a module share."""
    with _fresh_database() as url:
        yield url
