"""The pass of an option mapping: CRM's options become NAV codes (engine 5, contract 1)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

import numpy as np
import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Direction, Option, TableMapping
from navcrm_recon.errors import NotFoundError, examples
from navcrm_recon.frames import SCHEMAS, TEXT, conform
from navcrm_recon.recon.values import as_code, cut
from navcrm_recon.sides.writing import Write, Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import finish, log_errors, new_job, say, writable_state, wrong_direction
from navcrm_recon.sync.observe import offered
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, Request
from navcrm_recon.sync.told import Listener, Told

_COUNTERS = {
    "insert": "inserted", "modify": "modified", "unchanged": "unchanged", "skip": "skipped",
    "fail": "failed",
}  # fmt: skip


def synchronize_options(
    scene: Scene,
    mapping: TableMapping,
    direction: OneWay,
    request: Request,
    heard: Listener | None = None,
) -> Job:
    """Give every option that CRM offers its NAV code; the caller holds the mapping's lock.

    An option without a row in the option mapping gets one, and a NAV record with its code where
    there is none yet (``inserted``; an existing record is reused, ``modified``). The code is the
    first characters of the option's name, as many as NAV's key holds (engine 5.2). A caption that
    is no longer the option's label is refreshed (``modified``). Options whose codes would be the
    same fail, all of them that have no code yet; the others go on, and nothing is deleted.

    Where NAV's record of a row was renamed or deleted, the option is without a code and gets one
    as above: the code is made again rather than left without a record, whatever the mapping's
    deletion conflict says (R5.10). A code never changes because CRM renames an option: records
    that use it keep their meaning.

    Parameters
    ----------
    request
        ``keys``: only these options, their integers as text. ``only_coupled``: options without a
        code count ``skipped`` (R5.13). Options have no stamps, so ``force`` and ``full`` change
        nothing.

    Returns
    -------
    The job. CRM's option sets cannot be extended from here: to CRM the job has a
    message and no counters.

    Raises
    ------
    NotFoundError
        The request names an option that CRM does not offer.
    """
    store = writable_state(scene, f"Synchronising {mapping.name}")
    text = _refused(mapping, direction)
    if not text:
        return _to_nav(scene, store, mapping, request, heard)
    job = new_job(scene, mapping.name, "synchronization", direction)
    say(job, text)
    return finish(scene, store, job)


def _refused(mapping: TableMapping, direction: Direction) -> str:
    """Say why a pass cannot start at all, blank where it can (R3.1)."""
    if text := wrong_direction(mapping, direction):
        return text
    if direction == "to_crm":
        return (
            f"The options of {mapping.crm.name}.{mapping.option_attribute} cannot be extended from "
            f"here. Add them in CRM, and synchronise {mapping.name} to_nav."
        )
    return ""


def _to_nav(
    scene: Scene, store: Store, mapping: TableMapping, request: Request, heard: Listener | None
) -> Job:
    decided = _decided(scene, store, mapping, request)
    job = new_job(scene, mapping.name, "synchronization", "to_nav")
    store.start_job(job)
    _finish_open(scene, store, mapping, job)
    at = scene.clock()
    born = decided[decided["action"].eq("insert")]
    entries = _entries(scene, mapping, job, born, at)
    store.open_entries(entries)
    written = _write(scene, mapping, born, at)
    for option, done in written.items():
        if done.error:
            decided.loc[option, ["action", "message"]] = ["fail", done.error]
    refused = decided.loc[born.index, "action"].eq("fail").to_numpy()
    with store.transaction():
        store.close_entries(entries["id"][~refused].tolist(), "done")
        store.close_entries(entries["id"][refused].tolist(), "failed")
        _keep(scene, store, mapping, job, decided)
        finish(scene, store, job)
    scene.known.pop(("options", mapping.name), None)
    if heard is not None:
        heard(_told(mapping, request, decided))
    return job


def _told(mapping: TableMapping, request: Request, decided: pd.DataFrame) -> Told:
    """Return what a pass did with each option."""
    about = {"mapping": mapping.name, "direction": "to_nav"}
    key = mapping.nav.key[0]
    reason = decided["reason"].where(decided["message"].eq(""), decided["message"])
    actions = decided.assign(reason=reason, fields="", **about)
    born = actions[actions["action"].eq("insert")]
    changes = born.assign(side="nav", field=key, old="", new=born["nav_key"])
    return Told(
        mapping.name,
        "to_nav",
        Request(tuple(decided["crm_id"]), only_coupled=request.only_coupled),
        conform(actions[list(SCHEMAS["actions"])], "actions"),
        conform(changes[list(SCHEMAS["changes"])], "changes"),
    )


def _decided(scene: Scene, store: Store, mapping: TableMapping, request: Request) -> pd.DataFrame:
    """Return what happens to each option (``decide_options``), those of the request only."""
    options = [each for each in offered(scene, mapping) if each.value and each.name.strip()]
    nav = scene.nav.read(mapping.nav, [])
    only = request.only(mapping)
    known = store.option_mapping(mapping.name)
    decided = decide_options(mapping, options, known, nav.index, only_coupled=only)
    if request.keys is None:
        return decided
    unknown = [key for key in request.keys if key not in decided["crm_id"].tolist()]
    if unknown:
        raise NotFoundError(
            f"{mapping.name}: CRM offers no option {examples(unknown)} of {mapping.crm.name}."
            f"{mapping.option_attribute}; it offers {examples(decided['crm_id'], 20)}.",
            mapping=mapping.name,
            record=unknown[0],
        )
    return decided[decided["crm_id"].isin(list(request.keys))].reset_index(drop=True)


def decide_options(
    mapping: TableMapping,
    options: Sequence[Option],
    known: pd.DataFrame,
    nav: pd.Index[str],
    *,
    only_coupled: bool = False,
) -> pd.DataFrame:
    """Return what a pass does with each option.

    Parameters
    ----------
    options
        What CRM offers, without the blank one.
    known
        The option mapping (frame ``option_mapping``).
    nav
        The codes of NAV's records.

    Returns
    -------
    DataFrame
        ``crm_id`` (the option's integer), ``nav_key`` (its code), ``label``, ``before`` (the code
        of the row it has, blank without one), ``action`` (``insert, modify, unchanged, skip,
        fail``), ``reason``, ``message`` (of a failure), all str; one row per option, by value.
    """
    named = [(each.value, each.name, each.label) for each in options]
    out = pd.DataFrame(sorted(named), columns=["crm_id", "name", "label"], dtype=object)
    out = out.astype(TEXT)
    rows = known.assign(crm_id=known["value"].astype(TEXT)).drop_duplicates("crm_id")
    rows = rows.set_index("crm_id").reindex(out["crm_id"])
    out["before"] = rows["nav_key"].fillna("").array
    mapped = out["before"].isin(nav) & out["before"].ne("")
    out["nav_key"] = out["before"].where(mapped, _codes(mapping, out["name"]))
    drifted = _listed(rows["caption"].fillna("").array) != _listed(out["label"].array)
    stale = out["before"].ne("") & ~mapped
    table = [
        (mapped & drifted, "modify", "the label has changed"),
        (mapped, "unchanged", "the option has its code"),
        (~stale & only_coupled, "skip", "not coupled, and only coupled options are synchronised"),
        (out["nav_key"].duplicated(keep=False), "fail", "another option has the same code"),
        (out["nav_key"].isin(nav), "modify", "the code was there without an option"),
        (stale, "insert", "the NAV record of the option was renamed or deleted"),
    ]
    conditions, actions, reasons = zip(*table, strict=True)
    out["action"] = np.select(conditions, actions, "insert")
    out["reason"] = np.select(conditions, reasons, "NAV has no such code")
    out["message"] = _collisions(mapping, out)
    return out.drop(columns="name").astype(TEXT)


def _codes(mapping: TableMapping, names: pd.Series) -> pd.Series:
    """Return the codes options get: the first characters of their names (engine 5.2)."""
    length = mapping.nav.columns[mapping.nav.key[0]].length
    texts = pa.array(names.array).cast(pa.large_string())
    return pd.Series(as_code(cut(texts, length)), dtype=TEXT)


def _listed(captions: pd.api.extensions.ExtensionArray) -> pd.Series:
    """Write captions as NAV lists them: it keeps a comma as a semicolon (engine 5.1)."""
    text: pd.Series = pd.Series(captions, dtype=TEXT).str.replace(",", ";", regex=False)
    return text.str.strip()


def _collisions(mapping: TableMapping, decided: pd.DataFrame) -> pd.Series:
    """Say for each option that fails which others have its code."""
    message = pd.Series("", index=decided.index, dtype=TEXT)
    for code in decided.loc[decided["action"].eq("fail"), "nav_key"].unique():
        same = decided[decided["nav_key"].eq(code)]
        text = (
            f"{mapping.name}: the options {examples(same['crm_id'] + ' ' + same['label'], 10)} of "
            f"{mapping.crm.name}.{mapping.option_attribute} make the same code '{code}'. Rename "
            "them in CRM so that the first characters of their names differ."
        )
        message = message.mask(decided["nav_key"].eq(code) & decided["action"].eq("fail"), text)
    return message


def _write(
    scene: Scene, mapping: TableMapping, born: pd.DataFrame, at: datetime
) -> dict[int, Written]:
    """Insert NAV records that have their code only; one that is there by now is reused."""
    key = mapping.nav.key[0]
    writes = [Write("insert", code, {key: code}) for code in born["nav_key"]]
    user = str(scene.setup.get("integration_user", ""))
    done = scene.nav.write(mapping.nav, writes, now=at, by=user) if writes else []
    return dict(zip(born.index, done, strict=True))


def _keep(
    scene: Scene, store: Store, mapping: TableMapping, job: Job, decided: pd.DataFrame
) -> None:
    """Write the rows of the option mapping, the errors and the counters."""
    kept = decided[decided["action"].isin(["insert", "modify"])]
    moved = kept[kept["before"].ne("") & kept["before"].ne(kept["nav_key"])]
    gone = moved[["before"]].rename(columns={"before": "nav_key"}).assign(mapping=mapping.name)
    rows = kept[["nav_key", "crm_id", "label"]].rename(
        columns={"crm_id": "value", "label": "caption"}
    )
    rows = rows.astype({"value": "int64"}).assign(mapping=mapping.name)
    store.remove_option_mapping(gone)
    store.save_option_mapping(conform(rows.reset_index(drop=True), "option_mapping"))
    failed = decided[decided["action"].eq("fail")]
    errors = failed[["nav_key", "crm_id", "message"]].assign(value=failed["label"])
    if len(errors):
        log_errors(scene, store, job, errors.assign(field=mapping.option_attribute))
    for action, count in decided["action"].value_counts().items():
        setattr(job, _COUNTERS[str(action)], int(count))


def _entries(
    scene: Scene, mapping: TableMapping, job: Job, born: pd.DataFrame, at: datetime
) -> pd.DataFrame:
    key = mapping.nav.key[0]
    entries = born[["nav_key", "crm_id"]].reset_index(drop=True)
    ids = [scene.new_id("journal", code) for code in entries["nav_key"]]
    changes = [json.dumps([["nav", key, "", code]]) for code in entries["nav_key"]]
    about = {"job_id": job.id, "mapping": mapping.name, "direction": "to_nav", "action": "insert"}
    return conform(entries.assign(id=ids, changes=changes, at=at, **about), "journal")


def _finish_open(scene: Scene, store: Store, mapping: TableMapping, job: Job) -> None:
    """Close what an interrupted pass left open: a code it made is found and reused by this one."""
    entries = store.unfinished(mapping.name)
    codes = entries["nav_key"].tolist()
    made = entries["nav_key"].isin(list(scene.nav.read(mapping.nav, [], (), codes).index))
    with store.transaction():
        store.close_entries(entries["id"][made].tolist(), "done")
        store.close_entries(entries["id"][~made].tolist(), "undone")
        for one in store.unfinished_jobs(mapping.name):
            if one.id != job.id:
                one.inserted += int((made & entries["job_id"].eq(one.id)).sum())
                say(one, "Interrupted; what it had begun was finished by a later run.")
                finish(scene, store, one)
