"""Synchronise one mapping: a To pass, then a From pass, each one job (engine 3.1)."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.errors import ReadOnlyError
from navcrm_recon.frames import conform
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.examine import Examined, examine
from navcrm_recon.sync.currency import make_local_currency
from navcrm_recon.sync.hooks import hook_of
from navcrm_recon.sync.messages import refusals
from navcrm_recon.sync.recover import finish_open
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, Picked, Request, key_names, select, sides_of
from navcrm_recon.sync.write import Pass, write_pass

__all__ = ["Request", "synchronize_mapping"]

#: A record that others keep changing is decided again so often, then it fails.
ATTEMPTS = 4

#: Told of every pass once it is decided and done (a plan listens).
Listener = Callable[[Pass], None]


@dataclass
class Run:
    """A run of the engine on one scene; ``heard`` is told of every pass."""

    scene: Scene
    store: Store
    heard: Listener | None = None
    jobs: list[Job] = field(default_factory=list)


def writable_store(scene: Scene) -> Store:
    """Return the state of a scene a synchronisation may run on.

    Raises
    ------
    ReadOnlyError
        NAV's own tables hold the couplings, or a side is only read (contract 3).
    """
    if scene.store is None:
        raise ReadOnlyError(
            "The workspace says couplings: nav, so NAV itself synchronises and this only observes. "
            "Take over with adopt, then say couplings: state."
        )
    for side in (scene.nav, scene.crm):
        if not side.writable:
            about = side.describe()
            raise ReadOnlyError(
                f"The {side.name} side, {about['kind']} {about['address']}, is only read, so "
                "nothing was synchronised. Name a side that can be written in the workspace file."
            )
    return scene.store


def synchronize_mapping(
    scene: Scene,
    mapping: TableMapping,
    direction: Direction | None = None,
    request: Request | None = None,
    heard: Listener | None = None,
) -> list[Job]:
    """Synchronise one mapping and return its jobs, those of dependencies before them.

    Parameters
    ----------
    direction
        None or ``both``: every direction the mapping has.

    Raises
    ------
    ReadOnlyError
        A side, or the state, is only read.
    NotFoundError, DataError
        The request names a record that does not exist, or lies outside the filter.
    """
    asked = request or Request()
    store = writable_store(scene)
    one = replace(scene.fresh(), run_id=scene.run_id or str(uuid.uuid4()))
    wanted = mapping.direction if direction in (None, "both") else direction
    if mapping.option_attribute is not None:
        from navcrm_recon.sync.options import synchronize_options

        with store.lock(mapping.name):
            return synchronize_options(one, mapping, wanted, asked)
    run = Run(one, store, heard)
    ways: list[OneWay] = ["to_crm", "to_nav"] if wanted == "both" else [wanted]  # type: ignore[list-item]
    with store.lock(mapping.name):
        finish_open(one, store, mapping)
        for way in ways:
            run_pass(run, mapping, way, asked)
    return run.jobs


def run_pass(
    run: Run, mapping: TableMapping, direction: OneWay, request: Request, *, named: bool = True
) -> Job:
    """Run one pass of a mapping; the caller holds its lock."""
    scene, store = run.scene, run.store
    job = Job(
        id=str(uuid.uuid4()),
        mapping=mapping.name,
        direction=direction,
        type="synchronization",
        run_id=scene.run_id,
        started_at=scene.clock(),
    )
    job.message = refused(mapping, direction)
    if job.message:
        run.jobs.append(job)
        store.start_job(job)
        job.finished_at = scene.clock()
        store.finish_job(job)
        return job
    picked = select(scene, store, mapping, direction, request, named=named)
    _dependencies(run, mapping, direction, request, picked)
    run.jobs.append(job)
    store.start_job(job)
    stale = _attempt(run, mapping, direction, request, picked, job)
    for attempt in range(ATTEMPTS):
        if not stale:
            break
        again = replace(request, keys=tuple(stale))
        last = attempt == ATTEMPTS - 2
        stale = _again(run, mapping, direction, again, job, last)
    if request.keys is None and picked.newest is not None:
        store.advance_watermark(mapping.name, direction, min(picked.newest, job.started_at))
    job.finished_at = scene.clock()
    store.finish_job(job)
    return job


def refused(mapping: TableMapping, direction: OneWay) -> str:
    """Say why a pass cannot start at all, blank where it can (R3.1, R3.2)."""
    if mapping.direction not in ("both", direction):
        return (
            f"The mapping {mapping.name} is not configured for the direction {direction}; it goes "
            f"{mapping.direction}. Change its direction, or ask for that one."
        )
    if not any(row.runs(direction) and row.enabled for row in mapping.fields):
        return (
            f"The mapping {mapping.name} has no enabled field mappings for the direction "
            f"{direction}. Enable or add one."
        )
    return ""


def _attempt(
    run: Run, mapping: TableMapping, direction: OneWay, request: Request, picked: Picked, job: Job
) -> list[str]:
    examined = examine(run.scene, run.store, mapping, direction, request, picked)
    each = _pass(run, mapping, direction, request, job, examined)
    stale = write_pass(each)
    if run.heard is not None:
        run.heard(each)
    return stale


def _pass(
    run: Run,
    mapping: TableMapping,
    direction: OneWay,
    request: Request,
    job: Job,
    examined: Examined,
) -> Pass:
    told = refusals(mapping, direction, examined)
    return Pass(run.scene, run.store, mapping, direction, request, job, examined, told)


def _again(
    run: Run, mapping: TableMapping, direction: OneWay, request: Request, job: Job, last: bool
) -> list[str]:
    """Decide again about records that were changed between reading and writing."""
    picked = select(run.scene, run.store, mapping, direction, request, named=False)
    stale = _attempt(run, mapping, direction, request, picked, job)
    if last and stale:
        job.failed += len(stale)
        source, _ = key_names(direction)
        message = "was changed again and again while it was being written. Synchronise it later."
        table = mapping.table(sides_of(direction)[0]).name
        rows = [
            {"job_id": job.id, "at": run.scene.clock(), "mapping": mapping.name,
             "direction": direction, source: key, "message": f"{table} {key} {message}"}
            for key in stale
        ]  # fmt: skip
        run.store.save_errors(conform(pd.DataFrame(rows), "errors"))
        return []
    return stale


def _dependencies(
    run: Run, mapping: TableMapping, direction: OneWay, request: Request, picked: Picked
) -> None:
    """Synchronise first what records cannot be without, as jobs of their own (engine 4.5)."""
    hook = hook_of(mapping)
    if direction == "to_crm":
        make_local_currency(run.scene, mapping, picked.records)
    if hook is None or not len(picked.records):
        return
    only = mapping.synch_only_coupled if request.only_coupled is None else request.only_coupled
    wanted = list(hook.needs(run.scene, mapping, direction, picked.records))
    new = picked.records[~picked.coupled]
    if len(new) and not only:
        wanted += hook.new_needs(run.scene, mapping, direction, new)
    for name, keys in wanted:
        needed = run.scene.catalog.mappings.get(name)
        if needed is not None and needed.enabled and keys:
            with run.store.lock(name):
                finish_open(run.scene, run.store, needed)
                run_pass(run, needed, direction, Request(tuple(keys), force=True), named=False)
