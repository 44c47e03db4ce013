"""The state: all that is known of the integration beside the two sides, in one database."""

from __future__ import annotations

from navcrm_recon.state.couplings import Couplings
from navcrm_recon.state.job_log import JobLog
from navcrm_recon.state.journal import Journal
from navcrm_recon.state.schedule import Schedule


class Store(Couplings, JobLog, Journal, Schedule):
    """The state behind an SQLAlchemy URL (SQLite or PostgreSQL).

    Couplings and option mappings, jobs and errors, the journal of writes, watermarks and the
    schedule; with transactions and locks (``state.database``).
    """
