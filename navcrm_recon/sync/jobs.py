"""Who may write, and the jobs that say what was done."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
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


def writable_store(scene: Scene) -> Store:
    """Return the state of a scene a synchronisation may run on.

    Raises
    ------
    ReadOnlyError
        NAV's own tables hold the couplings, or a side is only read (contract 3).
    """
    for side in (scene.nav, scene.crm):
        if not side.writable:
            about = side.describe()
            raise ReadOnlyError(
                f"The {side.name} side, {about['kind']} {about['address']}, is only read, so "
                "nothing was synchronised. Name a side that can be written in the workspace file."
            )
    return writable_state(scene, "Synchronising")


def wrong_direction(mapping: TableMapping, direction: Direction) -> str:
    """Say that a mapping does not go a direction, blank where it does (R3.1)."""
    if mapping.direction in ("both", direction):
        return ""
    return (
        f"The mapping {mapping.name} is not configured for the direction {direction}; it goes "
        f"{mapping.direction}. Change its direction, or ask for that one."
    )


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
