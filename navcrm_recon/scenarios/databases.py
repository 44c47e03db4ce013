"""Fresh databases for a scenario: copies of one empty company, since most need no other tables."""

from __future__ import annotations

import os
import shutil
import tempfile
import uuid
from atexit import register
from collections.abc import Container, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from navcrm_recon.catalog import Catalog, SideName, load_catalog
from navcrm_recon.sandbox.databases import create_tables, declare_tables

COMPANY = "CRONUS International Ltd."
SIDES: tuple[SideName, ...] = ("nav", "crm")
#: Where files are kept in memory, which need not survive a power cut; else the usual place.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of its own is made there
_IN_MEMORY = _MEMORY if _MEMORY.is_dir() else None
_SERVER = "postgresql+psycopg://127.0.0.1:5432/postgres"


@contextmanager
def fresh_databases(sides: str) -> Iterator[dict[str, str]]:
    """Make an empty company and give the URLs of ``nav``, ``crm`` and ``state``; remove it after.

    ``postgresql`` makes a database of its own on the server in ``NAVCRM_TEST_POSTGRES``.
    """
    if sides == "postgresql":
        template = _postgresql_template()
        name = f"navcrm_scenario_{uuid.uuid4().hex}"
        _administer(f"CREATE DATABASE {name} TEMPLATE {template}")
        try:
            yield dict.fromkeys(("nav", "crm", "state"), _url(name))
        finally:
            _administer(f"DROP DATABASE {name} WITH (FORCE)")
        return
    with tempfile.TemporaryDirectory(dir=_IN_MEMORY) as folder:
        for side in SIDES:
            shutil.copy(_sqlite_template() / f"{side}.db", folder)
        yield {name: f"sqlite:///{folder}/{name}.db" for name in ("nav", "crm", "state")}


def company_tables(
    engines: Mapping[SideName, sa.Engine], catalog: Catalog, wanted: Container[str]
) -> dict[SideName, dict[str, sa.Table]]:
    """Return the tables of both sides, and make those the empty company does not have.

    CRM has no ``stringmap`` unless it is ``wanted``: then the catalogue says what CRM offers.
    """
    shipped = load_catalog()
    tables = {}
    for side in SIDES:
        known, there = catalog.tables(side), shipped.tables(side)
        names = [name for name in known if name != "stringmap" or name in wanted]
        missing = [n for n in names if known[n] != there.get(n) or n == "stringmap"]
        if not missing:
            tables[side] = _shipped_tables()[side]
            continue
        declared = declare_tables(side, catalog, COMPANY, names)
        changed = [declared[name] for name in missing]
        metadata = next(iter(declared.values())).metadata
        metadata.drop_all(engines[side], changed)
        metadata.create_all(engines[side], changed)
        tables[side] = declared
    return tables


@cache
def _shipped_tables() -> dict[SideName, dict[str, sa.Table]]:
    return {side: declare_tables(side, load_catalog(), COMPANY, _names(side)) for side in SIDES}


def _names(side: SideName) -> list[str]:
    return [name for name in load_catalog().tables(side) if name != "stringmap"]


def _fill(urls: Mapping[SideName, str]) -> None:
    for side, url in urls.items():
        engine = sa.create_engine(url, poolclass=sa.NullPool)
        create_tables(engine, side, load_catalog(), COMPANY, _names(side))


@cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="navcrm_scenarios_"))
    register(shutil.rmtree, folder, ignore_errors=True)
    _fill({side: f"sqlite:///{folder / side}.db" for side in SIDES})
    return folder


@cache
def _postgresql_template() -> str:
    name = f"navcrm_template_{uuid.uuid4().hex}"
    _administer(f"CREATE DATABASE {name}")
    register(_administer, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    _fill(dict.fromkeys(SIDES, _url(name)))
    return name


def _server() -> sa.URL:
    return sa.make_url(os.environ.get("NAVCRM_TEST_POSTGRES", _SERVER))


def _url(name: str) -> str:
    """Return the address of a scenario's database, which need not survive a power cut."""
    fast = {"options": "-c synchronous_commit=off"}
    url = _server().set(database=name).update_query_dict(fast)
    return url.render_as_string(hide_password=False)


def _administer(statement: str) -> None:
    """Run a statement that allows no transaction; the names in it are our own."""
    engine = sa.create_engine(_server(), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        connection.execute(sa.text(statement))
