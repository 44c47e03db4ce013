"""Jobs: one pass of one mapping in one direction is one job (engine R1.14)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

#: The counters of a job; a record adds to one of them at most (engine 8.2).
COUNTERS = (
    "inserted",
    "modified",
    "deleted",
    "unchanged",
    "skipped",
    "failed",
    "uncoupled",
    "coupled",
)


@dataclass
class Job:
    """One pass of one mapping in one direction, or one coupling or uncoupling of records.

    Attributes
    ----------
    id, run_id : str
        GUIDs; the jobs of one run share their ``run_id``.
    direction : str
        ``to_crm`` or ``to_nav``; blank for coupling and uncoupling.
    type : str
        ``synchronization``, ``coupling``, ``uncoupling``, or what a job of documents does, such as
        ``sales orders`` and ``order states``.
    started_at, finished_at : datetime
        UTC; ``finished_at`` is None while the job runs.
    message : str
        Blank on a normal end. A job that could not start has one, and no counters (R8.9).
    inserted, modified, deleted, unchanged, skipped, failed, uncoupled, coupled : int
        The counters.
    """

    id: str
    mapping: str
    direction: str
    type: str
    run_id: str
    started_at: datetime
    finished_at: datetime | None = None
    message: str = ""
    inserted: int = 0
    modified: int = 0
    deleted: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    uncoupled: int = 0
    coupled: int = 0
