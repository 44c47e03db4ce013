"""What coupling, uncoupling and option passes log: jobs, and what failed in them."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pandas as pd

from navcrm_recon.errors import ReadOnlyError
from navcrm_recon.frames import conform
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.scene import Scene


def writable_state(scene: Scene, what: str) -> Store:
    """Return the state, to be written to.

    Raises
    ------
    ReadOnlyError
        NAV's own tables hold the couplings: we only observe (contract 3).
    """
    if scene.store is None:
        raise ReadOnlyError(
            f"{what} is refused: with 'couplings: nav' NAV's own tables hold the couplings and "
            "are only read. Let the state hold them: take them over with navcrm-recon adopt and "
            "set 'couplings: state' in the workspace file."
        )
    return scene.store


def in_a_run(scene: Scene) -> Scene:
    """Return the scene with an id for its run, and nothing remembered."""
    return replace(scene.fresh(), run_id=scene.run_id or str(uuid.uuid4()))


def new_job(scene: Scene, mapping: str, kind: str, direction: str = "") -> Job:
    """Return a job that starts now; ``kind`` is its type. It is logged when it is finished."""
    started_at = scene.clock()
    return Job(str(uuid.uuid4()), mapping, direction, kind, scene.run_id, started_at)


def finish(scene: Scene, store: Store, job: Job) -> Job:
    """Log what a job came to."""
    job.finished_at = scene.clock()
    store.finish_job(job)
    return job


def say(job: Job, text: str) -> None:
    """Add a sentence to a job's message."""
    job.message = f"{job.message} {text}".strip()


def log_errors(scene: Scene, store: Store, job: Job, errors: pd.DataFrame) -> None:
    """Log errors of a job: ``message`` and, where known, ``nav_key, crm_id, field, value``."""
    rows = errors.assign(
        job_id=job.id, at=scene.clock(), mapping=job.mapping, direction=job.direction
    )
    store.save_errors(conform(rows, "errors"))
