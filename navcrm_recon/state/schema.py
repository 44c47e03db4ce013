"""The tables of the state, and the version they have."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
)

#: Raised by one with every change to the tables below.
VERSION = 1

metadata = MetaData()

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
    Column("baseline", LargeBinary),
)

option_mapping = Table(
    "option_mapping",
    metadata,
    Column("mapping", String(40), primary_key=True),
    Column("nav_key", String(250), primary_key=True),
    Column("value", Integer, nullable=False),
    Column("caption", Text, nullable=False, default=""),
)
