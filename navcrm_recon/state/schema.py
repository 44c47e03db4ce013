"""The tables of the state, and the version they have.

``info`` of a table names its frame (``frames.SCHEMAS``) and, where that is not the primary key,
the columns that say which row is replaced (``key``). ``since`` of a table or column is the
version that brought it; 1 where it does not say.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

from navcrm_recon.state.jobs import COUNTERS

#: Raised by one with every change to the tables below.
VERSION = 3

metadata = MetaData()


def _mapping(**more: Any) -> Column[str]:
    return Column("mapping", String(40), nullable=False, **more)


def _key(name: str, length: int = 250, **more: Any) -> Column[str]:
    return Column(name, String(length), nullable=False, server_default="", **more)


def _text(name: str) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="")


def _number() -> Column[int]:
    """Return a column that numbers rows in the order they came."""
    # SQLite numbers only a column that is called INTEGER.
    kind = BigInteger().with_variant(Integer, "sqlite")
    return Column("no", kind, primary_key=True, autoincrement=True)


state_version = Table("state_version", metadata, Column("version", Integer, primary_key=True))

coupling = Table(
    "coupling",
    metadata,
    Column("mapping", String(40), primary_key=True),
    Column("nav_key", String(250), primary_key=True),
    Column("crm_id", String(36), primary_key=True),
    Column("skipped", Boolean, nullable=False, default=False),
    Column("last_synch_modified_on", DateTime),
    Column("last_synch_crm_modified_on", DateTime),
    Column("last_synch_result", String(10), nullable=False, default=""),
    Column("last_synch_crm_result", String(10), nullable=False, default=""),
    _key("last_synch_job_id", 36, info={"since": 2}),
    _key("last_synch_crm_job_id", 36, info={"since": 2}),
    _key("integration_id", 36, info={"since": 2}),
    Column("baseline", LargeBinary),
    info={"frame": "coupling_records"},
)
Index("coupling_by_crm_id", coupling.c.crm_id, coupling.c.mapping)
Index("coupling_by_integration_id", coupling.c.integration_id, coupling.c.mapping)
# The failures to be retried are few among many couplings.
for _result in (coupling.c.last_synch_result, coupling.c.last_synch_crm_result):
    _failed = _result == "failure"
    Index(
        f"coupling_by_{_result.name}",
        coupling.c.mapping,
        sqlite_where=_failed,
        postgresql_where=_failed,
    )

option_mapping = Table(
    "option_mapping",
    metadata,
    Column("mapping", String(40), primary_key=True),
    Column("nav_key", String(250), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("caption", Text, nullable=False, default=""),
    info={"frame": "option_mapping"},
)

watermark = Table(
    "watermark",
    metadata,
    _mapping(primary_key=True),
    Column("direction", String(10), primary_key=True),
    Column("at", DateTime, nullable=False),
    info={"since": 2},
)

marker = Table(
    "marker",
    metadata,
    Column("name", String(40), primary_key=True),
    Column("value", BigInteger, nullable=False),
    info={"since": 3},
)

job = Table(
    "job",
    metadata,
    _number(),
    Column("job_id", String(36), nullable=False, unique=True),
    _key("run_id", 36),
    _mapping(),
    _key("direction", 10),
    _key("type", 20),
    Column("started_at", DateTime, nullable=False),
    Column("finished_at", DateTime),
    _text("message"),
    *(Column(name, BigInteger, nullable=False, server_default="0") for name in COUNTERS),
    Index("job_by_mapping", "mapping", "finished_at"),
    info={"frame": "jobs", "since": 2, "key": ("job_id",)},
)

error = Table(
    "error",
    metadata,
    _number(),
    Column("job_id", String(36), nullable=False, index=True),
    Column("at", DateTime, nullable=False),
    _mapping(),
    _key("direction", 10),
    _text("nav_key"),
    _text("crm_id"),
    _text("field"),
    _text("value"),
    _text("message"),
    info={"frame": "errors", "since": 2},
)

journal = Table(
    "journal",
    metadata,
    _number(),
    Column("id", String(36), nullable=False, unique=True),
    _key("job_id", 36, index=True),
    _mapping(),
    _key("direction", 10),
    _key("action", 10),
    _key("nav_key"),
    _key("crm_id", 36),
    _key("identity", 36),
    _key("integration_id", 36),
    Column("at", DateTime),
    Column("source_stamp", DateTime),
    Column("baseline", LargeBinary),
    _text("changes"),
    _key("outcome", 10),
    Index("journal_by_outcome", "outcome", "mapping"),
    info={"frame": "journal", "since": 2, "key": ("id",)},
)

schedule = Table(
    "schedule",
    metadata,
    _mapping(primary_key=True),
    _key("status", 20),
    Column("earliest_start", DateTime),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_run", DateTime),
    _text("message"),
    info={"frame": "schedule", "since": 2},
)

full_line = Table(
    "full_line",
    metadata,
    _mapping(primary_key=True),
    _key("status", 20),
    _key("recommendation", 20),
    _key("to_crm_job_id", 36),
    _key("to_nav_job_id", 36),
    _key("to_crm_status", 20),
    _key("to_nav_status", 20),
    Column("started_at", DateTime),
    _text("owner"),
    info={"frame": "full_lines", "since": 2},
)
