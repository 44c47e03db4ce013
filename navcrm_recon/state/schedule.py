"""Watermarks, markers, the schedule, the lines of a full synchronisation (engine 3.3, 7.6, 8.1)."""

from __future__ import annotations

from datetime import UTC, datetime

import pandas as pd
from sqlalchemy import delete, select

from navcrm_recon.state.database import Database
from navcrm_recon.state.migrations import since
from navcrm_recon.state.rows import naive, replacing
from navcrm_recon.state.schema import full_line, marker, schedule, watermark


class Schedule(Database):
    """How far the mappings were examined, and when they run next."""

    def watermark(self, mapping: str, direction: str) -> datetime | None:
        """Return up to when a mapping was examined in a direction (UTC); None = never."""
        query = select(watermark.c.at).where(
            watermark.c.mapping == mapping, watermark.c.direction == direction
        )
        with self._reporting(), self._reading() as (connection, version):
            if connection is None or version < since(watermark):
                return None
            at = connection.execute(query).scalar()
        return at.replace(tzinfo=UTC) if at else None

    def advance_watermark(self, mapping: str, direction: str, to: datetime) -> None:
        """Move a watermark forward; it never moves back (engine R3.11)."""
        row = {"mapping": mapping, "direction": direction, "at": naive(to)}
        with self._writing() as connection, self._reporting():
            moving = replacing(watermark, connection.dialect.name, watermark.c.at)
            connection.execute(moving, [row])

    def clear_watermarks(self, mapping: str) -> None:
        """Forget both watermarks of a mapping: all its records are examined again (R3.15)."""
        with self._writing() as connection, self._reporting():
            connection.execute(delete(watermark).where(watermark.c.mapping == mapping))

    def marker(self, name: str) -> int | None:
        """Return the number up to which a job has looked, such as a ledger entry; None = never."""
        query = select(marker.c.value).where(marker.c.name == name)
        with self._reporting(), self._reading() as (connection, version):
            if connection is None or version < since(marker):
                return None
            return connection.execute(query).scalar()

    def advance_marker(self, name: str, to: int) -> None:
        """Move a marker forward; it never moves back."""
        with self._writing() as connection, self._reporting():
            moving = replacing(marker, connection.dialect.name, marker.c.value)
            connection.execute(moving, [{"name": name, "value": to}])

    def schedule(self) -> pd.DataFrame:
        """Return when each mapping runs next (frame ``schedule``), sorted by mapping."""
        return self._fetch(schedule).sort_values("mapping", ignore_index=True)

    def save_schedule(self, lines: pd.DataFrame) -> None:
        """Write lines of the schedule (frame ``schedule``), replacing by mapping."""
        self._save(schedule, lines)

    def full_lines(self) -> pd.DataFrame:
        """Return how far a full synchronisation is (frame ``full_lines``), sorted by mapping."""
        return self._fetch(full_line).sort_values("mapping", ignore_index=True)

    def save_full_lines(self, lines: pd.DataFrame) -> None:
        """Write lines of a full synchronisation (frame ``full_lines``), replacing by mapping."""
        self._save(full_line, lines)

    def delete_full_lines(self) -> None:
        """Delete all lines of the full synchronisation."""
        with self._writing() as connection, self._reporting():
            connection.execute(delete(full_line))
