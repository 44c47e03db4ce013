"""The job log and the error log (engine 1.6, 8.3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime

import pandas as pd
from sqlalchemy import ColumnElement, delete, exists, or_, select

from navcrm_recon.frames import as_rows, conform
from navcrm_recon.state.database import Database
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.rows import chunks, naive
from navcrm_recon.state.schema import coupling, error, job, journal

#: Characters of a message that are kept, and those the repeat test compares (engine 1.6).
_KEPT, _COMPARED = 2048, 250


class JobLog(Database):
    """Jobs and errors of the state."""

    def start_job(self, started: Job) -> None:
        """Write a job that starts."""
        row = asdict(started)
        row["job_id"] = row.pop("id")
        row |= {name: naive(row[name]) for name in ("started_at", "finished_at")}
        self._save(job, conform(pd.DataFrame([row]), "jobs"))

    def finish_job(self, finished: Job) -> None:
        """Write what a job came to: its counters, message and ``finished_at``."""
        self.start_job(finished)

    def jobs(self, mapping: str | None = None) -> pd.DataFrame:
        """Return the job log (frame ``jobs``), newest start first."""
        condition = [] if mapping is None else [job.c.mapping == mapping]
        return self._fetch(job, *condition, order=[job.c.started_at.desc(), job.c.no.desc()])

    def unfinished_jobs(self, mapping: str) -> list[Job]:
        """Return the jobs of a mapping that were started and not finished, oldest first."""
        found = self._fetch(
            job, job.c.mapping == mapping, job.c.finished_at.is_(None), order=[job.c.no]
        )
        rows = found.rename(columns={"job_id": "id"}).assign(finished_at=None)
        return [Job(**row) for row in as_rows(rows)]

    def save_errors(self, errors: pd.DataFrame) -> None:
        """Add errors (frame ``errors``; ``no`` is drawn here). Messages are cut at 2048."""
        rows = conform(errors, "errors")
        # PostgreSQL keeps no NUL, which a value from SQLite may have.
        value, message = (
            rows[name].str.replace("\0", "\ufffd", regex=False) for name in ("value", "message")
        )
        self._save(error, rows.assign(value=value, message=message.str.slice(stop=_KEPT)))

    def errors(self, mapping: str | None = None) -> pd.DataFrame:
        """Return the error log (frame ``errors``), oldest first."""
        condition = [] if mapping is None else [error.c.mapping == mapping]
        return self._fetch(error, *condition, order=[error.c.no])

    def error_texts(self, job_ids: Iterable[str]) -> pd.DataFrame:
        """Return the latest message of every record in some jobs (frame ``error_texts``).

        Its first 250 characters: what the repeat test compares (engine 6.1, R6.2). Sorted by job
        and both keys.
        """
        found = self._fetch_among(error, error.c.job_id, job_ids).sort_values("no")
        record = ["job_id", "nav_key", "crm_id"]
        latest = found.drop_duplicates(record, keep="last")
        texts = latest.assign(message=latest["message"].str.slice(stop=_COMPARED))
        texts = conform(texts[[*record, "message"]], "error_texts")
        return texts.sort_values(record, ignore_index=True)

    def delete_errors(self, older_than: datetime | None = None) -> int:
        """Delete errors, all or those older than a time; return how many (engine R8.10)."""
        old = [] if older_than is None else [error.c.at < naive(older_than)]
        with self._writing() as connection, self._reporting():
            return connection.execute(delete(error).where(*old)).rowcount

    def delete_jobs(self, older_than: datetime | None = None) -> int:
        """Delete finished jobs, all or those started before a time; return how many.

        Kept are jobs with failures while a skipped coupling names them (engine R8.10), and jobs
        with writes that are not confirmed. A job goes with its errors and its journal.
        """
        old: list[ColumnElement[bool]] = [job.c.finished_at.is_not(None)]
        if older_than is not None:
            old.append(job.c.started_at < naive(older_than))
        named = exists().where(
            coupling.c.skipped.is_(True),
            or_(
                coupling.c.last_synch_job_id == job.c.job_id,
                coupling.c.last_synch_crm_job_id == job.c.job_id,
            ),
        )
        open_entries = exists().where(journal.c.job_id == job.c.job_id, journal.c.outcome == "")
        old += [or_(job.c.failed == 0, ~named), ~open_entries]
        with self._writing() as connection, self._reporting():
            found = connection.execute(select(job.c.job_id).where(*old)).scalars().all()
            for part in chunks(found):
                for table in (error, journal, job):
                    connection.execute(delete(table).where(table.c.job_id.in_(part)))
        return len(found)
