"""A plan: every record a synchronisation would examine, what it would do, and why (contract 4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.errors import ConfigError, examples
from navcrm_recon.frames import empty
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.imagine import UNBORN, imagined, placeholder
from navcrm_recon.sync.jobs import in_a_run, writable_store
from navcrm_recon.sync.passes import Run, run_followers, run_pass, synchronize_mapping
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import Request, key_names
from navcrm_recon.sync.told import Told


@dataclass
class Plan:
    """What a synchronisation would do, as data.

    Attributes
    ----------
    passes
        In the order they would run.
    """

    passes: list[Told] = field(default_factory=list)

    @property
    def actions(self) -> pd.DataFrame:
        """One row per record examined.

        ``mapping, direction, nav_key, crm_id, action, reason, fields``, all str. ``action``:
        ``insert``, ``modify``, ``unchanged``, ``skip``, ``fail``, ``conflict``, ``uncouple``,
        ``restore``. ``reason`` starts with the row of the decision table (engine 3.7).
        """
        frames = [each.actions for each in self.passes if len(each.actions)]
        return pd.concat(frames, ignore_index=True) if frames else empty("actions")

    @property
    def changes(self) -> pd.DataFrame:
        """One row per field to be written.

        ``mapping, direction, nav_key, crm_id, side, field, old, new``, all str.
        """
        frames = [each.changes for each in self.passes if len(each.changes)]
        return pd.concat(frames, ignore_index=True) if frames else empty("changes")

    def __repr__(self) -> str:
        """Count the actions."""
        counts = self.actions["action"].value_counts()
        return f"Plan({', '.join(f'{n} {action}' for action, n in counts.items()) or 'nothing'})"


def make_plan(
    scene: Scene,
    mappings: Sequence[TableMapping],
    direction: Direction | None = None,
    request: Request | None = None,
) -> Plan:
    """Return what synchronising the mappings in this order would do; nothing is written.

    Sides that are only read can be planned for, though not applied to.
    """
    plan = Plan()
    dream = imagined(scene)

    for mapping in mappings:
        synchronize_mapping(dream, mapping, direction, request, plan.passes.append)
    return plan


def apply_plan(scene: Scene, plan: Plan) -> list[Job]:
    """Do what a plan says; a record that was changed since is decided again.

    Returns
    -------
    The jobs; the message of a job names the records it treated in another way than planned.

    Raises
    ------
    ConfigError
        A mapping of the plan is no longer there.
    ReadOnlyError
        A side, or the state, is only read.
    """
    store = writable_store(scene)
    mappings = scene.catalog.mappings
    unknown = [each.mapping for each in plan.passes if each.mapping not in mappings]
    if unknown:
        raise ConfigError(f"The plan has the mapping {unknown[0]}, which is not there any more.")
    real: dict[str, str] = {}
    one = in_a_run(scene)
    run = Run(one, store)
    for planned in plan.passes:
        brought = planned.request.follows or planned.request.completes
        if brought or (not planned.request.keys and len(planned.actions)):
            continue  # what others bring along: what follows them, the local currency they need
        mapping = mappings[planned.mapping]
        with at_work(one, store, mapping):
            _apply_pass(run, mapping, planned, real)
        run_followers(run, mapping, planned.direction, planned.request)
    return run.jobs


def _apply_pass(run: Run, mapping: TableMapping, planned: Told, real: dict[str, str]) -> None:
    """Run one pass of a plan again, on its records only."""
    keys = tuple(real.get(key, key) for key in planned.request.keys or ())
    done: list[Told] = []
    run.heard = done.append
    job = run_pass(
        run, mapping, planned.direction, replace(planned.request, keys=keys), named=False
    )
    if planned.newest is not None:
        run.store.advance_watermark(mapping.name, planned.direction, planned.newest)
    for each in done:
        if each.mapping == mapping.name and each.direction == planned.direction:
            real |= {placeholder(mapping.name, key): born for key, born in each.born.items()}
    mine = [each for each in done if each.mapping == mapping.name]
    job.message = job.message or _otherwise(planned, mine, real)
    run.store.finish_job(job)


def _otherwise(
    planned: Told,
    done: list[Told],
    real: dict[str, str],
) -> str:
    """Name the records that were not treated as planned, and what was done instead."""
    own, _ = key_names(planned.direction)
    actions = [each.actions for each in done]
    last = pd.concat(actions).drop_duplicates(own, keep="last").set_index(own) if actions else None
    written = pd.concat([each.changes for each in done]) if done else empty("changes")
    was = planned.actions.assign(**{own: planned.actions[own].replace(real)}).set_index(own)
    planned_fields = _contents(planned.changes.replace(real), own)
    done_fields = _contents(written, own)
    notes = []
    for key, row in zip(was.index.astype(str), was.to_dict("records"), strict=True):
        if last is None or key not in last.index:
            notes.append(f"{key}: planned {row['action']}, the record is not there any more")
            continue
        now = last.loc[key]
        if now["action"] != row["action"]:
            notes.append(f"{key}: planned {row['action']}, now {now['action']} ({now['reason']})")
        elif not _alike(planned_fields.get(key, []), done_fields.get(key, [])):
            notes.append(f"{key}: {row['action']} with other values than planned")
    if not notes:
        return ""
    count = f"{len(notes)} record{'s' if len(notes) > 1 else ''} decided again since the plan: "
    return count + examples(notes)


def _alike(planned: list[tuple[str, str]], done: list[tuple[str, str]]) -> bool:
    """Say whether the same was written; what NAV made by itself had no key in the plan."""
    return len(planned) == len(done) and all(
        name == field and (new == value or new.startswith(UNBORN))
        for (name, new), (field, value) in zip(planned, done, strict=True)
    )


def _contents(changes: pd.DataFrame, own: str) -> dict[str, list[tuple[str, str]]]:
    rows: dict[str, list[tuple[str, str]]] = {}
    for key, name, new in zip(changes[own], changes["field"], changes["new"], strict=True):
        rows.setdefault(key, []).append((name, new))
    return rows
