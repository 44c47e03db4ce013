"""A plan: every record a synchronisation would examine, what it would do, and why (contract 4)."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.errors import ConfigError, examples
from navcrm_recon.frames import conform, empty
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.imagine import imagined, placeholder
from navcrm_recon.sync.passes import Run, run_pass, synchronize_mapping, writable_store
from navcrm_recon.sync.recover import finish_open
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, Request, key_names
from navcrm_recon.sync.write import Pass


@dataclass(frozen=True)
class PlannedPass:
    """One pass of a plan: frames ``actions`` and ``changes``, and what its watermark becomes."""

    mapping: str
    direction: OneWay
    request: Request
    actions: pd.DataFrame
    changes: pd.DataFrame
    newest: datetime | None


@dataclass
class Plan:
    """What a synchronisation would do, as data.

    Attributes
    ----------
    passes
        In the order they would run.
    """

    passes: list[PlannedPass] = field(default_factory=list)

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
    """Return what synchronising the mappings in this order would do; nothing is written."""
    writable_store(scene)
    plan = Plan()
    dream = imagined(scene)

    def heard(each: Pass) -> None:
        picked = each.examined.picked
        asked = replace(each.request, keys=tuple(picked.records.index))
        newest = picked.newest if each.request.keys is None else None
        plan.passes.append(
            PlannedPass(each.mapping.name, each.direction, asked, *told(each), newest)
        )

    for mapping in mappings:
        synchronize_mapping(dream, mapping, direction, request, heard)
    return plan


def told(each: Pass) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return frames ``actions`` and ``changes`` of a pass that is decided and done."""
    own, other = key_names(each.direction)
    decisions, places = each.examined.decisions, range(len(each.examined.decisions))
    partners = each.examined.partner.reset_index(drop=True).copy()
    for place, key in each.partners.items():
        partners.iloc[place] = key
    about = {"mapping": each.mapping.name, "direction": each.direction}
    fields = [_fields(each, place) for place in places]
    reasons = decisions["rule"] + ": " + decisions["reason"]
    reasons.loc[each.refusals.index] += ". " + each.refusals["message"]
    actions = pd.DataFrame(
        {
            **about,
            own: each.examined.picked.records.index.to_numpy(),
            other: partners.to_numpy(),
            "action": decisions["action"].to_numpy(),
            "reason": reasons.to_numpy(),
            "fields": fields,
        },
        index=range(len(decisions)),
    )
    rows = [
        {**about, own: actions.at[place, own], other: partners.iloc[place],
         "side": side, "field": name, "old": old, "new": new}
        for place, one in sorted(each.wanted.items())
        for side, name, old, new in one.changes
    ]  # fmt: skip
    changes = conform(pd.DataFrame(rows), "changes") if rows else empty("changes")
    return conform(actions, "actions"), changes


def _fields(each: Pass, place: int) -> str:
    if place in each.wanted:
        return ", ".join(name for _, name, _, _ in each.wanted[place].changes)
    if place in each.refusals.index:
        return str(each.refusals.at[place, "field"])
    return ""


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
    one = replace(scene.fresh(), run_id=str(uuid.uuid4()))
    run = Run(one, store)
    for planned in plan.passes:
        mapping = mappings[planned.mapping]
        with store.lock(mapping.name):
            finish_open(one, store, mapping)
            _apply_pass(run, mapping, planned, real)
    return run.jobs


def _apply_pass(
    run: Run, mapping: TableMapping, planned: PlannedPass, real: dict[str, str]
) -> None:
    """Run one pass of a plan again, on its records only."""
    keys = tuple(real.get(key, key) for key in planned.request.keys or ())
    done: list[tuple[pd.DataFrame, pd.DataFrame]] = []

    def heard(each: Pass) -> None:
        done.append(told(each))
        names = each.examined.picked.records.index
        real.update(
            {placeholder(mapping.name, str(names[at])): key for at, key in each.partners.items()}
        )

    run.heard = heard
    request = replace(planned.request, keys=keys)
    job = run_pass(run, mapping, planned.direction, request, named=False)
    if planned.newest is not None:
        to = min(planned.newest, job.started_at)
        run.store.advance_watermark(mapping.name, planned.direction, to)
    job.message = job.message or _otherwise(planned, done, real)
    run.store.finish_job(job)


def _otherwise(
    planned: PlannedPass,
    done: list[tuple[pd.DataFrame, pd.DataFrame]],
    real: dict[str, str],
) -> str:
    """Name the records that were not treated as planned, and what was done instead."""
    own, _ = key_names(planned.direction)
    actions = [frame for frame, _ in done]
    last = pd.concat(actions).drop_duplicates(own, keep="last").set_index(own) if actions else None
    written = pd.concat([frame for _, frame in done]) if done else empty("changes")
    was = planned.actions.assign(**{own: planned.actions[own].replace(real)}).set_index(own)
    planned_fields = _contents(planned.changes.replace(real), own)
    done_fields = _contents(written, own)
    notes = []
    for key, row in was.iterrows():
        if last is None or key not in last.index:
            notes.append(f"{key}: planned {row['action']}, the record is not there any more")
            continue
        now = last.loc[key]
        if now["action"] != row["action"]:
            notes.append(f"{key}: planned {row['action']}, now {now['action']} ({now['reason']})")
        elif planned_fields.get(key, []) != done_fields.get(key, []):
            notes.append(f"{key}: {row['action']} with other values than planned")
    if not notes:
        return ""
    count = f"{len(notes)} record{'s' if len(notes) > 1 else ''} decided again since the plan: "
    return count + examples(notes)


def _contents(changes: pd.DataFrame, own: str) -> dict[str, list[tuple[str, str]]]:
    rows: dict[str, list[tuple[str, str]]] = {}
    for key, name, new in zip(changes[own], changes["field"], changes["new"], strict=True):
        rows.setdefault(key, []).append((name, new))
    return rows


