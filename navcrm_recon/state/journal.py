"""The journal: a write is noted before it is made and confirmed after (contract 7)."""

from __future__ import annotations

import json
from collections.abc import Iterable

import pandas as pd
from sqlalchemy import update

from navcrm_recon.frames import conform
from navcrm_recon.state.database import Database
from navcrm_recon.state.rows import chunks
from navcrm_recon.state.schema import journal


class Journal(Database):
    """The journal of the state."""

    def open_entries(self, entries: pd.DataFrame) -> None:
        """Note writes that are about to be made (frame ``journal``, ``outcome`` blank)."""
        if len(entries):
            self._save(journal, entries)

    def close_entries(self, ids: Iterable[str], outcome: str) -> None:
        """Note what became of writes: ``done``, ``failed`` or ``undone``."""
        closed = list(ids)
        if not closed:
            return
        with self._writing() as connection, self._reporting():
            for part in chunks(closed):
                closing = update(journal).where(journal.c.id.in_(part))
                connection.execute(closing.values(outcome=outcome))

    def unfinished(self, mapping: str | None = None) -> pd.DataFrame:
        """Return the open entries of one or all mappings (frame ``journal``), oldest first."""
        condition = [journal.c.outcome == ""]
        if mapping is not None:
            condition.append(journal.c.mapping == mapping)
        return self._fetch(journal, *condition, order=[journal.c.no])

    def writes(self, job_id: str | None = None) -> pd.DataFrame:
        """Return what was written, by one or all jobs (frame ``writes``), oldest first.

        One row per field: who (the job), when, field, old, new (contract 7).
        """
        condition = [journal.c.outcome == "done"]
        if job_id is not None:
            condition.append(journal.c.job_id == job_id)
        entries = self._fetch(journal, *condition, order=[journal.c.no])
        changes = [json.loads(text or "[]") for text in entries["changes"]]
        about = ["at", "job_id", "mapping", "direction", "nav_key", "crm_id"]
        rows = entries[about].loc[entries.index.repeat([len(each) for each in changes])]
        fields = pd.DataFrame(
            [change for each in changes for change in each],
            columns=["side", "field", "old", "new"],
            index=rows.index,
        )
        return conform(pd.concat([rows, fields], axis=1).reset_index(drop=True), "writes")
