"""Run what the mappings' intervals say is due (engine 8.1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import partial

import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.errors import BusyError, Error, NotFoundError
from navcrm_recon.frames import SCHEMAS, as_rows, conform, empty
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import in_a_run, writable_state, writable_store
from navcrm_recon.sync.passes import synchronize_mapping
from navcrm_recon.sync.scene import Scene

#: What runs beside the mappings: an interval of its own (a mapping's ``job``), and what to do.
Work = Callable[[Scene], list[Job]]
Also = Sequence[tuple[TableMapping, Work]]

#: Where the mapping's ``job`` does not say (R8.1).
_DEFAULTS = {"max_attempts": 10, "rerun_delay_seconds": 30}
#: A mapping that fails again and again is tried again after at most this long.
_LONGEST_DELAY = timedelta(hours=1)


@dataclass
class Entry:
    """When a mapping runs next (frame ``schedule``)."""

    mapping: str
    status: str = "ready"
    earliest_start: datetime | None = None
    attempts: int = 0
    last_run: datetime | None = None
    message: str = ""


def schedule(scene: Scene, also: Also = ()) -> pd.DataFrame:
    """Return when each mapping with an interval runs next, in dependency order.

    Parameters
    ----------
    also
        What runs beside the mappings.

    Returns
    -------
    DataFrame
        Frame ``timetable``: ``mapping``, ``status`` (``ready``; ``in_process``; ``inactive``: rests
        after a run that found nothing to do; ``on_hold``: held by a person; ``error``: gave up),
        ``due`` (bool, whether ``run_due`` would run it now), ``earliest_start`` (UTC, blank = at
        once; of an inactive mapping: not before its NAV table changes), ``attempts`` (int64,
        failed in a row), ``last_run`` (UTC), ``message`` (str).
    """
    if scene.store is None:
        return empty("timetable")
    known = _entries(scene.store)
    mappings = [mapping for mapping, _ in _scheduled(scene, also)]
    entries = [known.get(each.name) or Entry(each.name) for each in mappings]
    due = [
        _due(scene, mapping, entry) and not _runs(scene.store, entry)
        for mapping, entry in zip(mappings, entries, strict=True)
    ]
    return conform(_frame(entries).assign(due=due)[list(SCHEMAS["timetable"])], "timetable")


def _runs(store: Store, entry: Entry) -> bool:
    """Say whether a mapping is being synchronised; its process may have ended without a word."""
    if entry.status != "in_process":
        return False
    try:
        with store.lock(entry.mapping, timeout=0):
            return False
    except BusyError:
        return True


def hold(scene: Scene, mapping: TableMapping) -> None:
    """Let a mapping rest until it is released."""
    _set(scene, mapping, "on_hold")


def release(scene: Scene, mapping: TableMapping) -> None:
    """Let a mapping run again that is on hold or gave up (R8.7); it is due at once."""
    _set(scene, mapping, "ready")


def _set(scene: Scene, mapping: TableMapping, status: str) -> None:
    if not mapping.job.get("interval_minutes"):
        raise NotFoundError(
            f"{mapping.name} has no interval, so it is not scheduled. Give it one: "
            "job: {interval_minutes: 30}.",
            mapping=mapping.name,
        )
    store = writable_state(scene, f"Scheduling {mapping.name}")
    entry = _entry(store, mapping)
    entry.status, entry.earliest_start, entry.attempts, entry.message = status, None, 0, ""
    _save(store, entry)


def run_due(scene: Scene, also: Also = ()) -> list[Job]:
    """Synchronise every mapping that is due, once, in dependency order, then what runs beside.

    A mapping is due when its earliest start has come, or was never set. After a run that
    inserted, modified, deleted and failed nothing it is inactive for its inactivity timeout, or
    until a record of its NAV table changes (R8.2, R8.3a); with a timeout of 0 only that wakes it.
    After a run that could not be done it is tried again after a delay that doubles each time, and
    given up after its maximum of attempts. Mappings that are off, on hold, given up, or being
    synchronised by someone else are passed over.

    Returns
    -------
    The jobs of all runs.

    Raises
    ------
    ReadOnlyError
        A side, or the state, is only read.
    Error
        The first reason why a mapping could not be synchronised; all others that are due were
        run before it is raised.
    """
    store = writable_store(scene)
    jobs: list[Job] = []
    failures: list[Error] = []
    for mapping, work in _scheduled(scene, also):
        with ExitStack() as held:
            try:
                held.enter_context(store.lock(mapping.name, timeout=0))
            except BusyError:
                continue
            entry = _entry(store, mapping)
            try:
                if _due(scene, mapping, entry):
                    jobs += _run(scene, store, mapping, entry, work)
            except Error as exc:
                failures.append(exc)
    if failures:
        raise failures[0]
    return jobs


def _scheduled(scene: Scene, also: Also) -> list[tuple[TableMapping, Work]]:
    every = scene.catalog.mappings.values()
    own = [each for each in every if each.enabled and each.job.get("interval_minutes")]
    return [*((each, partial(synchronize_mapping, mapping=each)) for each in own), *also]


def _due(scene: Scene, mapping: TableMapping, entry: Entry) -> bool:
    """Say whether a mapping is to run now; one in process lost its process, as nobody holds it."""
    if entry.status in ("on_hold", "error"):
        return False
    if entry.earliest_start is not None and scene.clock() >= entry.earliest_start:
        return True
    if entry.status != "inactive" or entry.last_run is None:
        return entry.earliest_start is None
    return len(scene.nav.stamps(mapping.nav, since=entry.last_run)) > 0


def _run(scene: Scene, store: Store, mapping: TableMapping, entry: Entry, work: Work) -> list[Job]:
    """Synchronise one mapping, and note when it runs next."""
    entry.status, entry.last_run = "in_process", scene.clock()
    entry.earliest_start = None  # interrupted, it is due again at once
    _save(store, entry)
    try:
        jobs = work(in_a_run(scene))
    except Error as exc:
        _failed(scene, mapping, entry, str(exc))
        _save(store, entry)
        raise
    _succeeded(scene, mapping, entry, jobs)
    _save(store, entry)
    return jobs


def _failed(scene: Scene, mapping: TableMapping, entry: Entry, reason: str) -> None:
    """Plan another attempt, later each time, until there were too many."""
    entry.attempts += 1
    entry.message = reason
    gives_up = entry.attempts >= _setting(mapping, "max_attempts")
    entry.status = "error" if gives_up else "ready"
    delay = timedelta(seconds=_setting(mapping, "rerun_delay_seconds"))
    doubled = delay * 2 ** min(entry.attempts - 1, 16)
    entry.earliest_start = scene.clock() + min(doubled, max(delay, _LONGEST_DELAY))


def _succeeded(scene: Scene, mapping: TableMapping, entry: Entry, jobs: Sequence[Job]) -> None:
    """Plan the next run: after the interval, or after a rest where nothing was to do (R8.2)."""
    entry.attempts, entry.message = 0, ""
    active = any(job.inserted + job.modified + job.deleted + job.failed for job in jobs)
    if active or "inactivity_timeout_minutes" not in mapping.job:
        entry.status, minutes = "ready", _setting(mapping, "interval_minutes")
    else:
        entry.status, minutes = "inactive", _setting(mapping, "inactivity_timeout_minutes")
    entry.earliest_start = scene.clock() + timedelta(minutes=minutes) if minutes else None


def _setting(mapping: TableMapping, name: str) -> int:
    return int(str(mapping.job.get(name, _DEFAULTS.get(name, 0))))


def _entries(store: Store) -> dict[str, Entry]:
    entries = [Entry(**row) for row in as_rows(store.schedule())]
    for entry in entries:
        entry.earliest_start = None if pd.isna(entry.earliest_start) else entry.earliest_start
        entry.last_run = None if pd.isna(entry.last_run) else entry.last_run
    return {entry.mapping: entry for entry in entries}


def _entry(store: Store, mapping: TableMapping) -> Entry:
    return _entries(store).get(mapping.name) or Entry(mapping.name)


def _save(store: Store, entry: Entry) -> None:
    store.save_schedule(_frame([entry]))


def _frame(entries: Sequence[Entry]) -> pd.DataFrame:
    if not entries:
        return empty("schedule")
    return conform(pd.DataFrame([asdict(entry) for entry in entries]), "schedule")
