"""The full synchronisation of a workspace, after its review, to be taken up again (engine 7.3)."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime

import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.errors import BusyError, Error, NotFoundError, nearest
from navcrm_recon.frames import as_rows, conform, empty
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.hooks import is_led
from navcrm_recon.sync.jobs import finish, in_a_run, new_job, say, writable_store
from navcrm_recon.sync.passes import Request, synchronize_mapping
from navcrm_recon.sync.price_lists import standing_apart
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.renames import followed_records
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay

#: The name of the lock that one full synchronisation holds.
_LOCK = "(full synchronisation)"
#: What CRM brings along is no record of its own: one unit group (R7.17).
_ONE_IS_EMPTY = "uomschedule"
_EVERY_ONE = "SALESPEOPLE"


@dataclass
class Line:
    """How far one mapping is (frame ``full_lines``)."""

    mapping: str
    status: str = ""
    recommendation: str = ""
    to_crm_job_id: str = ""
    to_nav_job_id: str = ""
    to_crm_status: str = ""
    to_nav_status: str = ""
    started_at: datetime | None = None
    owner: str = ""


@dataclass(frozen=True)
class Counted:
    """Records of both sides inside the filters: all of them, and those without a coupling."""

    nav: int
    crm: int
    nav_only: int
    crm_only: int


def review(scene: Scene) -> pd.DataFrame:
    """Say how far the full synchronisation is, and what it recommends (engine 7.6).

    Returns
    -------
    DataFrame
        Frame ``full_lines``, one line per enabled mapping of records in dependency order:
        ``mapping, status`` (blank, ``in_process``, ``finished``, ``error``), ``recommendation``
        (``full``, ``couple``, ``none``, R7.17; blank where the run could not count), the id and
        status (``success``, ``error``) of the last job of each direction, ``started_at`` (UTC),
        ``owner`` (str).
    """
    scene = scene.fresh()
    chosen = [each for each in _chosen(scene, None) if each.option_attribute is None]
    there = {line.mapping: line for line in _stored(scene.store)}
    lines = [there.get(each.name) or Line(each.name) for each in chosen]
    for line, mapping in zip(lines, chosen, strict=True):
        if not line.recommendation and line.status != "error":
            line.recommendation = recommended(scene, mapping)
    return _frame(lines)


def recommended(scene: Scene, mapping: TableMapping, counted: Counted | None = None) -> str:
    """Return what is recommended for a mapping: ``full``, ``couple`` or ``none`` (R7.17)."""
    if mapping.name == _EVERY_ONE:
        return "full"
    counted = counted or count(scene, mapping)
    if mapping.crm.name == "transactioncurrency":
        return "full" if _base_only(scene, mapping) else "couple"
    crm = 0 if mapping.crm.name == _ONE_IS_EMPTY and counted.crm == 1 else counted.crm
    if counted.nav and crm:
        return "couple"
    return "full" if counted.nav or crm else "none"


def count(scene: Scene, mapping: TableMapping) -> Counted:
    """Count the records of both sides inside the filters, and those that are not coupled."""
    known = followed_records(scene, mapping)
    nav = scene.nav.read(mapping.nav, [], mapping.filters.get("nav", ())).index
    crm = scene.crm.read(mapping.crm, [], mapping.filters.get("crm", ())).index
    apart = standing_apart(scene, mapping)
    crm = crm[~crm.isin(apart) | crm.isin(known["crm_id"])]
    return Counted(
        len(nav),
        len(crm),
        len(nav) - int(nav.isin(known["nav_key"]).sum()),
        len(crm) - int(crm.isin(known["crm_id"]).sum()),
    )


def full_synchronization(scene: Scene, mappings: Sequence[str] | None = None) -> list[Job]:
    """Synchronise every mapping by force, watermarks ignored, in dependency order.

    Records without a coupling are created on the other side. A mapping that has some on both
    sides would double what is the same: it creates none, and says so in the job's message, unless
    ``mappings`` names it. It creates all the same where CRM holds only what it brings along (the
    base currency, one unit group), and where the mapping makes records in every run and finds
    those that are there by itself (prices).

    A run that was interrupted is taken up by the next call for the same mappings: what is
    finished is not repeated. Failed records stop nothing; a mapping that could not run stops
    those that depend on it.

    Parameters
    ----------
    mappings
        Only these; None = all that are enabled.

    Returns
    -------
    One job per mapping and direction, and those of dependencies.

    Raises
    ------
    NotFoundError
        There is no such mapping.
    ReadOnlyError
        A side, or the state, is only read.
    BusyError
        Another full synchronisation is running.
    Error
        The first reason why a mapping could not be synchronised; what does not depend on it was,
        before this is raised.
    """
    scene = in_a_run(scene)
    store = writable_store(scene)
    chosen = _chosen(scene, mappings)
    jobs: list[Job] = []
    failures: list[Error] = []
    with _alone(store):
        lines = _lines(store, chosen)
        for mapping in chosen:
            line = lines.get(mapping.name)
            try:
                jobs += _run(scene, store, mapping, line, lines, named=mappings is not None)
            except Error as exc:
                failures.append(exc)
    if failures:
        raise failures[0]
    return jobs


def _chosen(scene: Scene, names: Sequence[str] | None) -> list[TableMapping]:
    known = scene.catalog.mappings
    for name in names or ():
        if name not in known:
            raise NotFoundError(
                f"There is no mapping '{name}'.{nearest(name, known)} "
                f"The mappings are: {', '.join(known)}.",
                mapping=name,
            )
    return [
        mapping
        for name, mapping in known.items()
        if not is_led(mapping) and (mapping.enabled if names is None else name in names)
    ]


@contextmanager
def _alone(store: Store) -> Iterator[None]:
    """Hold the lock of the full synchronisation, which ends with its process (R7.10)."""
    with ExitStack() as held:
        try:
            held.enter_context(store.lock(_LOCK, timeout=0))
        except BusyError as exc:
            raise BusyError(f"A full synchronisation is running already. {exc}") from exc
        yield


def _lines(store: Store, chosen: Sequence[TableMapping]) -> dict[str, Line]:
    """Return the lines of the run: those of an interrupted one of the same mappings, else new."""
    names = [each.name for each in chosen if each.option_attribute is None]
    there = {line.mapping: line for line in _stored(store)}
    finished = all(line.status == "finished" for line in there.values())
    if set(there) != set(names) or finished:
        there = {name: Line(name) for name in names}  # counted when their turn comes
        with store.transaction():
            store.delete_full_lines()
            store.save_full_lines(_frame(list(there.values())))
    return {name: there[name] for name in names}


def _run(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    line: Line | None,
    lines: dict[str, Line],
    *,
    named: bool,
) -> list[Job]:
    """Run one mapping, unless its line is finished or waits for one that could not run."""
    if line is None:  # options are cheap to look at again
        return synchronize_mapping(scene, mapping, None, Request(full=True))
    scene = scene.fresh()
    stopped = [
        name for name in mapping.depends_on if name in lines and lines[name].status != "finished"
    ]
    if stopped:
        return [_not_run(scene, store, mapping, stopped)]
    if line.status == "finished" and not named:
        return []
    try:
        return _run_line(scene, store, mapping, line, named=named)
    except Error:
        line.status = "error"
        store.save_full_lines(_frame([line]))
        raise


def _run_line(
    scene: Scene, store: Store, mapping: TableMapping, line: Line, *, named: bool
) -> list[Job]:
    """Run the passes of one mapping, and note in its line how far it is."""
    done_before = line.status == "finished"
    with at_work(scene, store, mapping):  # what an interrupted run made is coupled first
        counted = count(scene, mapping)
    populated = bool(counted.nav_only and counted.crm_only)
    if done_before and not populated:
        return []
    create = named or not populated or _creates_anyway(scene, mapping)
    line.recommendation = line.recommendation or recommended(scene, mapping, counted)
    line.status, line.started_at, line.owner = "in_process", scene.clock(), _me()
    line.to_crm_job_id = line.to_nav_job_id = line.to_crm_status = line.to_nav_status = ""
    request = Request(force=True, full=True, only_coupled=not create)
    jobs: list[Job] = []
    for way in _ways(mapping):
        setattr(line, f"{way}_status", "in_process")
        store.save_full_lines(_frame([line]))
        done = synchronize_mapping(scene, mapping, way, request)
        jobs += done
        own = [job for job in done if job.mapping == mapping.name][-1]
        if not create:
            say(own, _not_created(mapping, counted))
            store.finish_job(own)
        setattr(line, f"{way}_job_id", own.id)
        setattr(line, f"{way}_status", "error" if own.failed else "success")
    line.status = "finished"
    store.save_full_lines(_frame([line]))
    return jobs


def _creates_anyway(scene: Scene, mapping: TableMapping) -> bool:
    """Say whether records can be created although both sides have some without a coupling."""
    if not mapping.synch_only_coupled and mapping.auto_match:
        return True
    if mapping.crm.name == _ONE_IS_EMPTY:
        return len(scene.crm.read(mapping.crm, [])) == 1
    return mapping.crm.name == "transactioncurrency" and _base_only(scene, mapping)


def _base_only(scene: Scene, mapping: TableMapping) -> bool:
    """Say whether CRM holds its base currency only, whose rate is one."""
    rates = scene.crm.read(mapping.crm, ["exchangerate"])
    return len(rates) == 1 and bool(rates["exchangerate"].eq(1).fillna(False).iloc[0])


def _ways(mapping: TableMapping) -> list[OneWay]:
    ways: tuple[OneWay, ...] = ("to_crm", "to_nav")
    return [way for way in ways if mapping.direction in (way, "both")]


def _not_run(scene: Scene, store: Store, mapping: TableMapping, stopped: list[str]) -> Job:
    job = new_job(scene, mapping.name, "synchronization", _ways(mapping)[0])
    say(job, f"Not synchronised: it depends on {', '.join(stopped)}, which could not run.")
    return finish(scene, store, job)


def _not_created(mapping: TableMapping, counted: Counted) -> str:
    return (
        f"No records were created: {counted.nav_only:,} {mapping.nav.name} and "
        f"{counted.crm_only:,} {mapping.crm.name} records are not coupled, and some may be the "
        f"same. Couple these, then name the mapping: full_synchronization(['{mapping.name}'])."
    )


def _me() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _stored(store: Store | None) -> list[Line]:
    if store is None:
        return []
    return [Line(**row) for row in as_rows(store.full_lines())]


def _frame(lines: Sequence[Line]) -> pd.DataFrame:
    if not lines:
        return empty("full_lines")
    return conform(pd.DataFrame([asdict(line) for line in lines]), "full_lines")
