"""Synchronise one mapping: a To pass, then a From pass, each one job (engine 3.1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.errors import ConfigError
from navcrm_recon.frames import TEXT
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.again import due_again, noted_again
from navcrm_recon.sync.currency import make_local_currency
from navcrm_recon.sync.doing import Pass
from navcrm_recon.sync.examine import examine
from navcrm_recon.sync.follow import due, followers, led_by, looked_at_again
from navcrm_recon.sync.hooks import hook_of, is_led
from navcrm_recon.sync.jobs import finish, in_a_run, new_job, say, writable_store, wrong_direction
from navcrm_recon.sync.links import LINKS, links_after
from navcrm_recon.sync.make import Make, make_records
from navcrm_recon.sync.mark import mark
from navcrm_recon.sync.messages import collisions, refusals
from navcrm_recon.sync.options import synchronize_options
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.renames import follow_keys
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, Picked, Request, select
from navcrm_recon.sync.told import Listener, Told, told
from navcrm_recon.sync.write import write_pass

__all__ = ["Request", "synchronize_mapping"]

#: A record that others keep changing is decided again so often, then it fails.
ATTEMPTS = 4


@dataclass
class Run:
    """A run of the engine on one scene.

    ``heard`` is told of every pass; ``fresh``: the couplings of the mapping ``of`` that succeeded
    for the first time; ``leaders``: by mapping and direction, the records that others follow.
    """

    scene: Scene
    store: Store
    heard: Listener | None = None
    jobs: list[Job] = field(default_factory=list)
    of: str = ""
    fresh: list[tuple[str, str]] = field(default_factory=list)
    leaders: dict[tuple[str, OneWay], list[str]] = field(default_factory=dict)


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
    ConfigError
        The mapping's records only go with others (documents IN-3).
    ReadOnlyError
        A side, or the state, is only read.
    NotFoundError, DataError
        The request names a record that does not exist, or lies outside the filter.
    """
    if is_led(mapping):
        raise ConfigError(
            f"{mapping.name}: {mapping.nav.name} records cannot be synchronised on their own, they "
            "go with the records they belong to. Synchronise those.",
            mapping=mapping.name,
        )
    asked = request or Request()
    store = writable_store(scene)
    one = in_a_run(scene)
    wanted = mapping.direction if direction is None or direction == "both" else direction
    run = Run(one, store, heard, of=mapping.name)
    ways: list[OneWay] = ["to_crm", "to_nav"] if wanted == "both" else [wanted]
    with at_work(one, store, mapping):
        for way in ways:
            run_pass(run, mapping, way, asked)
    for way in ways:
        run_followers(run, mapping, way, asked)
    _link(run, mapping)
    return run.jobs


def run_followers(run: Run, mapping: TableMapping, direction: OneWay, request: Request) -> None:
    """Synchronise what follows the records of this run, and of one that was interrupted.

    Also what follows the records these needed first. The caller holds no lock.
    """
    run.leaders.setdefault((mapping.name, direction), [])
    while run.leaders:
        name, way = next(reversed(run.leaders))
        _follow(run, run.scene.catalog.mappings[name], way, request)


def _follow(run: Run, mapping: TableMapping, direction: OneWay, request: Request) -> None:
    """Synchronise what follows the records of one mapping, whole, then complete these."""
    leaders = run.leaders.pop((mapping.name, direction), [])
    noted = due(run.store.unfinished(mapping.name), direction)
    every = dict.fromkeys([*leaders, *led_by(noted)])
    led, keys = followers(run.scene, mapping, direction, every) if every else (None, [])
    if led is not None and keys:
        with at_work(run.scene, run.store, led):
            asked = Request(tuple(keys), force=request.force, follows=True)
            run_pass(run, led, direction, asked, named=False)
        _follow(run, led, direction, request)
    _complete(run, mapping, direction, list(every))
    run.store.close_entries(noted["id"].tolist(), "followed")


def _link(run: Run, mapping: TableMapping) -> None:
    """Fill the references to records that were coupled in this run (R8.4)."""
    noted = run.store.unfinished(mapping.name)
    noted = noted[noted["action"].eq(LINKS)]
    pairs = run.fresh + [tuple(pair) for text in noted["changes"] for pair in json.loads(text)]
    if not pairs:
        return
    fresh = pd.DataFrame(pairs, columns=["nav_key", "crm_id"], dtype=TEXT).drop_duplicates()
    for other, direction, keys in list(links_after(run.scene, mapping, fresh)):
        with at_work(run.scene, run.store, other):
            coupled = sorted(_coupled(run, other, direction, keys))
            if coupled:
                asked = Request(tuple(coupled), only_coupled=True, links=True)
                run_pass(run, other, direction, asked, named=False)
    run.store.close_entries(noted["id"].tolist(), "linked")


def _complete(run: Run, mapping: TableMapping, direction: OneWay, leaders: Sequence[str]) -> None:
    """Give records what CRM only takes from then on: as part of their own job."""
    if not leaders or not looked_at_again(mapping):
        return
    job = [each for each in run.jobs if each.mapping == mapping.name][-1]
    with at_work(run.scene, run.store, mapping):
        asked = Request(tuple(leaders), only_coupled=True, completes=True)
        picked = select(run.scene, run.store, mapping, direction, asked, named=False)
        _attempts(run, mapping, direction, asked, picked, job)
        again = noted_again(run.scene, mapping, direction, job.id, picked.records)
        run.store.open_entries(again)
        marked = mark(run.scene, run.store, mapping, job, picked.records.index.tolist())
        if marked is not None and run.heard is not None:
            run.heard(marked)
        finish(run.scene, run.store, job)


def run_pass(
    run: Run, mapping: TableMapping, direction: OneWay, request: Request, *, named: bool = True
) -> Job:
    """Run one pass of a mapping; the caller is ``at_work`` on it.

    Parameters
    ----------
    named
        Whether someone named the keys of the request: then each must be there.
    """
    scene, store = run.scene, run.store
    if mapping.option_attribute is not None:
        run.jobs.append(synchronize_options(scene, mapping, direction, request, run.heard))
        return run.jobs[-1]
    job = new_job(scene, mapping.name, "synchronization", direction)
    job.message = refused(mapping, direction)
    if job.message:
        run.jobs.append(job)
        return finish(scene, store, job)
    noted = due_again(store, mapping, direction)
    picked = select(scene, store, mapping, direction, request, named=named)
    _dependencies(run, mapping, direction, request, picked)
    if not request.links:  # a link pass that fills nothing leaves no trace
        run.jobs.append(job)
        store.start_job(job)
    _attempts(run, mapping, direction, request, picked, job)
    if picked.yields.any():
        say(job, collisions(picked.records.index[picked.yields].tolist()))
    if request.keys is None:
        store.close_entries(noted["id"].tolist(), "looked at")
    if request.keys is None and picked.newest is not None:
        store.advance_watermark(mapping.name, direction, picked.newest)
    if request.links and not job.modified + job.failed:
        return job
    if request.links:
        run.jobs.append(job)
    return finish(scene, store, job)


def refused(mapping: TableMapping, direction: OneWay) -> str:
    """Say why a pass cannot start at all, blank where it can (R3.1, R3.2)."""
    if text := wrong_direction(mapping, direction):
        return text
    if not any(row.runs(direction) and row.enabled for row in mapping.fields):
        return (
            f"The mapping {mapping.name} has no enabled field mappings for the direction "
            f"{direction}. Enable or add one."
        )
    return ""


def _attempts(
    run: Run, mapping: TableMapping, direction: OneWay, request: Request, picked: Picked, job: Job
) -> None:
    """Decide and write, again for records that someone changes in between."""
    stale = _attempt(run, mapping, direction, request, picked, job)
    for attempt in range(1, ATTEMPTS):
        if stale:
            again = replace(request, keys=tuple(stale))
            some = select(run.scene, run.store, mapping, direction, again, named=False)
            final = attempt == ATTEMPTS - 1
            stale = _attempt(run, mapping, direction, again, some, job, final=final)


def _attempt(
    run: Run,
    mapping: TableMapping,
    direction: OneWay,
    request: Request,
    picked: Picked,
    job: Job,
    *,
    final: bool = False,
) -> list[str]:
    """Decide and write; return the keys of records someone changed in between, if not final."""
    examined = examine(run.scene, run.store, mapping, direction, request, picked)
    refused_records = refusals(mapping, direction, examined)
    each = Pass(
        run.scene, run.store, mapping, direction, request, job, examined, refused_records, final
    )
    stale = write_pass(each)
    if each.mapping.name == run.of:
        run.fresh += each.noted
    if each.leaders:
        run.leaders.setdefault((mapping.name, direction), []).extend(each.leaders)
    if run.heard is not None and (each.wanted or not request.links):
        done = told(each)
        if len(done.actions) or not request.completes:
            run.heard(done)
    return stale


def _dependencies(
    run: Run, mapping: TableMapping, direction: OneWay, request: Request, picked: Picked
) -> None:
    """Synchronise first what records cannot be without, as jobs of their own (engine 4.5)."""
    hook, only = hook_of(mapping), request.only(mapping)
    records = picked.records[picked.coupled] if only else picked.records
    if direction == "to_crm":
        run.jobs += make_local_currency(run.scene, run.store, mapping, records, run.heard)
    if hook is None or not len(picked.records):
        return
    wanted = list(hook.needs(run.scene, mapping, direction, picked.records))
    if len(records) and direction == "to_crm":
        _make_first(run, hook.lists(run.scene, mapping, records))
    new = picked.records[~picked.coupled]
    if len(new) and not only:
        wanted += hook.new_needs(run.scene, mapping, direction, new)
    _synchronize_first(run, direction, wanted)
    if len(new) and not only and direction == "to_crm":
        _make_first(run, hook.makes(run.scene, mapping, new))


def _make_first(run: Run, wanted: Sequence[Make]) -> None:
    for made in make_records(run.scene, run.store, wanted):
        run.jobs.append(made.job)
        if run.heard is not None:
            name, frames = made.job.mapping, (made.actions, made.changes)
            run.heard(Told(name, "to_crm", Request(()), *frames))


def _synchronize_first(
    run: Run, direction: OneWay, wanted: Sequence[tuple[str, list[str]]]
) -> None:
    for name, keys in wanted:
        needed = run.scene.catalog.mappings.get(name)
        if needed is not None and needed.enabled and keys:
            with at_work(run.scene, run.store, needed):
                coupled = _coupled(run, needed, direction, keys)
                asked = Request(tuple(key for key in keys if key not in coupled), force=True)
                if asked.keys:
                    run_pass(run, needed, direction, asked, named=False)


def _coupled(run: Run, mapping: TableMapping, direction: OneWay, keys: list[str]) -> set[str]:
    """Return which records are coupled by now, perhaps under another key before."""
    store = run.store
    if direction == "to_nav":
        return set(store.coupling_records(mapping.name, crm_ids=keys)["crm_id"])
    coupled = set(store.coupling_records(mapping.name, nav_keys=keys)["nav_key"])
    others = [key for key in keys if key not in coupled]
    if not others:
        return coupled
    follow_keys(run.scene, store, mapping, others)
    return set(store.coupling_records(mapping.name, nav_keys=keys)["nav_key"])
