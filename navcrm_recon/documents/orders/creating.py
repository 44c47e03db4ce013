"""Make NAV orders of CRM orders: noted first, then made, then coupled, then told to CRM (1.2).

Each order is made in one transaction of NAV with its lines, or not at all. It has its Integration
ID before the first attempt, so that a run that was stopped finds what it made and finishes it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, Table
from navcrm_recon.documents.back_office import set_back_office_date
from navcrm_recon.documents.orders.building import Built, build
from navcrm_recon.documents.orders.deciding import Known, decisions, known_orders, waiting
from navcrm_recon.documents.orders.reading import read_facts
from navcrm_recon.errors import NotFoundError, examples
from navcrm_recon.frames import TEXT, as_rows, conform, dtype_of, empty, key_text, typed
from navcrm_recon.recon.align import arrow
from navcrm_recon.sides.stamps import keys_by_identity
from navcrm_recon.sides.writing import Lines, Write, Written
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import finish, in_a_run, log_errors, new_job, say, writable_store
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import Request
from navcrm_recon.sync.steps import finish_steps
from navcrm_recon.sync.told import Listener, Told

#: Orders that are read, written down, made and confirmed together.
BATCH = 500
_INSERT, _TYPE = "insert", "sales orders"


@dataclass(frozen=True)
class _Making:
    """Orders being made: where, on whose behalf, and who is told."""

    scene: Scene
    store: Store
    job: Job
    heard: Listener | None


def create_sales_orders(
    scene: Scene, crm_ids: Sequence[str] | None = None, heard: Listener | None = None
) -> Job:
    """Make NAV orders of some CRM orders, or of all that wait for it (documents 1).

    Parameters
    ----------
    crm_ids
        None: all that are submitted and that no back office has (SO-3).

    Raises
    ------
    NotFoundError
        A named order is not in CRM; nothing was made.
    ReadOnlyError
        A side is only read, or NAV's own tables hold the couplings.
    """
    store = writable_store(scene)
    scene = in_a_run(scene)
    with store.lock(SALES_ORDER):
        job = new_job(scene, SALES_ORDER, _TYPE, "to_nav")
        making = _Making(scene, store, job, heard)
        ids = waiting(scene) if crm_ids is None else _named(scene, crm_ids)
        store.start_job(job)
        finish_open(scene, store, job)
        for start in range(0, max(len(ids), 1), BATCH):
            _make(making, ids[start : start + BATCH])
        return finish(scene, store, job)


def _named(scene: Scene, crm_ids: Sequence[str]) -> list[str]:
    """Return the orders that were named, each once."""
    ids = list(dict.fromkeys(str(each).lower() for each in crm_ids))
    found = scene.crm.read(scene.catalog.crm["salesorder"], ["ordernumber"], (), ids)
    missing = [each for each in ids if each not in found.index]
    if missing:
        raise NotFoundError(f"There is no sales order {examples(missing)} in CRM.")
    return ids


def _make(making: _Making, ids: Sequence[str]) -> None:
    """Make the orders of one batch, and tell of each what became of it."""
    scene, store, job = making.scene, making.store, making.job
    known = known_orders(scene, ids)
    fresh = [each for each in ids if each not in {*known.there.index, *known.invoiced.index}]
    built = build(read_facts(scene, fresh), scene.today())
    actions = decisions(ids, known, built.problems)
    entries = _entries(making, actions[actions["action"].eq(_INSERT)], built)
    written = _write(making, entries, built)
    made = [row for row in entries if not written[row["crm_id"]].error]
    with store.transaction():
        _confirm(making, known, entries, written)
        refusals = _refusals(entries, written, built)
        _count(job, actions, made, refusals)
        log_errors(scene, store, job, pd.concat([built.problems[_LOGGED], refusals]))
        store.finish_job(job)
    _told_to_crm(making, {row["crm_id"]: written[row["crm_id"]].key for row in made})
    _told_twice(making, known)
    _remark(job, built, [row["crm_id"] for row in made])
    if making.heard is not None:
        born = {row["crm_id"]: written[row["crm_id"]].key for row in made}
        making.heard(_told(actions, entries, born))


_LOGGED = ["crm_id", "field", "value", "message"]


def _entries(making: _Making, actions: pd.DataFrame, built: Built) -> list[dict[str, Any]]:
    """Return the journal entry of each order that is made; its Integration ID is chosen here."""
    scene, at = making.scene, making.scene.clock()
    changes = _changes(scene, built)
    out = []
    for crm_id in actions["crm_id"]:
        identity = scene.new_id(SALES_ORDER, crm_id)
        about = {"id": scene.new_id("journal", crm_id), "job_id": making.job.id, "at": at}
        about |= {"mapping": SALES_ORDER, "direction": "to_nav", "action": _INSERT, "nav_key": ""}
        about |= {"crm_id": crm_id, "identity": identity, "integration_id": identity}
        out.append({**about, "changes": json.dumps(changes[crm_id], ensure_ascii=False)})
    if out:
        making.store.open_entries(conform(pd.DataFrame(out), "journal"))
    return out


def _write(making: _Making, entries: Sequence[dict[str, Any]], built: Built) -> dict[str, Written]:
    """Make NAV orders; return what became of each by its CRM id."""
    if not entries:
        return {}
    catalog = making.scene.catalog
    ids = [row["crm_id"] for row in entries]
    wanted = built.lines[built.lines["order"].isin(ids)]
    header = _rows(catalog.nav["Sales Header"], built.headers.loc[ids])
    lines: dict[str, list[dict[str, Any]]] = {each: [] for each in ids}
    for order, line in zip(wanted["order"], _rows(catalog.nav["Sales Line"], wanted), strict=True):
        lines[order].append(line)
    order_type = {"Document Type": _ORDER}
    writes = [
        Write("insert", "", {**order_type, **values}, None, row["identity"],
              Lines("Sales Line", lines[row["crm_id"]]))
        for row, values in zip(entries, header, strict=True)
    ]  # fmt: skip
    user = str(making.scene.setup.get("integration_user", ""))
    done = making.scene.nav.write(
        catalog.nav["Sales Header"], writes, now=making.scene.clock(), by=user
    )
    return dict(zip(ids, done, strict=True))


_ORDER = 1


def _rows(table: Table, frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Return rows of a frame as plain Python values, of the columns the table has."""
    names = [str(name) for name in frame if name in table.columns]
    typed_ones = [arrow(typed(frame[name], dtype_of(table, name))).to_pylist() for name in names]
    return [dict(zip(names, row, strict=True)) for row in zip(*typed_ones, strict=True)]


def _changes(scene: Scene, built: Built) -> dict[str, list[tuple[str, str, str, str]]]:
    """Return every field of new orders and how it reads, by CRM id; blanks are left out."""
    out: dict[str, list[tuple[str, str, str, str]]] = {
        str(each): [] for each in built.headers.index
    }
    header = _texts(scene.catalog.nav["Sales Header"], built.headers)
    line = _texts(scene.catalog.nav["Sales Line"], built.lines)
    for order, texts in zip(built.headers.index, header, strict=True):
        out[order] += [("nav", name, "", text) for name, text in texts.items()]
    if len(built.lines):
        numbers = built.lines["Line No."].astype(str)
        for order, number, texts in zip(built.lines["order"], numbers, line, strict=True):
            out[order] += [("nav", f"{number} {n}", "", t) for n, t in texts.items()]
    return out


def _texts(table: Table, frame: pd.DataFrame) -> list[dict[str, str]]:
    names = [str(name) for name in frame if name in table.columns and name != "Line No."]
    columns = [
        key_text(typed(frame[name], dtype_of(table, name)), table.columns[name].options or None)
        for name in names
    ]
    blank = ("", "0", "false")
    return [
        {name: text for name, text in zip(names, row, strict=True) if text not in blank}
        for row in zip(*columns, strict=True)
    ]


def _confirm(
    making: _Making,
    known: Known,
    entries: Sequence[dict[str, Any]],
    written: dict[str, Written],
) -> None:
    """Couple what was made; a stale coupling goes. What CRM is not yet told stays open."""
    made = [
        row | {"nav_key": written[row["crm_id"]].key}
        for row in entries
        if not written[row["crm_id"]].error
    ]
    ids = [row["crm_id"] for row in made]
    stale = known.stale[known.stale["crm_id"].isin(ids)]
    if len(stale):
        making.store.remove_couplings(stale)
    if made:
        making.store.open_entries(conform(pd.DataFrame(made), "journal"))
        making.store.save_couplings(_couplings(making.job, made))
    failed = [row["id"] for row in entries if written[row["crm_id"]].error]
    if failed:
        making.store.close_entries(failed, "failed")


def _couplings(job: Job, made: Sequence[dict[str, Any]]) -> pd.DataFrame:
    names = ("mapping", "nav_key", "crm_id", "integration_id")
    done = {"last_synch_result": "success", "last_synch_job_id": job.id}
    rows = [{name: row[name] for name in names} | done for row in made]
    return conform(pd.DataFrame(rows), "coupling_records")


def _refusals(
    entries: Sequence[dict[str, Any]], written: dict[str, Written], built: Built
) -> pd.DataFrame:
    """Return the orders NAV refused, as errors."""
    rows = [
        {
            "crm_id": row["crm_id"],
            "field": done.field,
            "value": done.value,
            "message": f"Sales order {built.labels[row['crm_id']]}: NAV refused it: {done.error}",
        }
        for row in entries
        if (done := written[row["crm_id"]]).error
    ]
    return pd.DataFrame(rows, columns=_LOGGED)


def _count(
    job: Job, actions: pd.DataFrame, made: Sequence[dict[str, Any]], refusals: pd.DataFrame
) -> None:
    counts = actions["action"].value_counts()
    job.inserted += len(made)
    job.failed += int(counts.get("fail", 0)) + len(refusals)
    job.skipped += int(counts.get("skip", 0))
    skipped = actions[actions["action"].eq("skip")]
    if len(skipped):
        say(job, f"Made before: {examples(skipped['reason'].tolist())}.")


def _told_to_crm(making: _Making, made: dict[str, str]) -> None:
    """Give CRM orders their day of going to the back office, and close their entries (SO-10)."""
    scene, store, job = making.scene, making.store, making.job
    if not made:
        return
    refused = set_back_office_date(scene, list(made), scene.today(), job, made)
    open_ones = store.unfinished(SALES_ORDER)
    mine = open_ones["action"].eq(_INSERT) & open_ones["crm_id"].isin(list(made))
    store.close_entries(open_ones.loc[mine, "id"].tolist(), "done")
    if refused:
        rows = pd.DataFrame({"crm_id": list(refused), "message": list(refused.values())})
        log_errors(scene, store, job, rows.assign(nav_key=rows["crm_id"].map(made)))
        say(job, f"CRM was not told of {examples(list(refused))}: see the errors.")


def _told_twice(making: _Making, known: Known) -> None:
    """Tell CRM of orders that were made before, where it does not say so."""
    if not len(known.there):
        return
    table = making.scene.catalog.crm["salesorder"]
    found = making.scene.crm.read(
        table, ["statecode", "lastbackofficesubmit"], (), known.there.index.tolist()
    )
    untold = found[found["statecode"].isin([0, 1]) & found["lastbackofficesubmit"].isna()]
    if len(untold):
        nav_keys = {str(key): str(known.there[key]) for key in untold.index}
        set_back_office_date(
            making.scene, list(nav_keys), making.scene.today(), making.job, nav_keys
        )


def _remark(job: Job, built: Built, made: Sequence[str]) -> None:
    remarks = built.remarks.reindex(list(made))
    noted = remarks[remarks.fillna("").ne("")]
    if len(noted):
        say(job, f"Note: {examples(noted.unique().tolist())}.")


def _told(actions: pd.DataFrame, entries: Sequence[dict[str, Any]], born: dict[str, str]) -> Told:
    """Return what became of a batch, as a plan shows it."""
    about = ("mapping", "direction", "crm_id")
    rows = [
        {**{name: row[name] for name in about}, "nav_key": born.get(row["crm_id"], ""),
         "side": side, "field": field, "old": old, "new": new}
        for row in entries
        for side, field, old, new in json.loads(row["changes"])
    ]  # fmt: skip
    changes = conform(pd.DataFrame(rows), "changes") if rows else empty("changes")
    keys = actions["crm_id"].map(born).fillna(actions["nav_key"]).astype(TEXT)
    request = Request(keys=tuple(actions["crm_id"]))
    return Told(SALES_ORDER, "to_nav", request, actions.assign(nav_key=keys), changes, None, born)


def finish_open(scene: Scene, store: Store, job: Job) -> None:
    """Finish what an interrupted run left open; the caller holds the lock of the orders.

    An order is found by its Integration ID: it was made, and gets its coupling and its day in CRM,
    or it was not, and waits as before.
    """
    mapping = scene.catalog.orders
    finish_steps(scene, store, SALES_ORDER, mapping.crm)
    entries = store.unfinished(SALES_ORDER)
    entries = entries[entries["action"].eq(_INSERT)]
    if len(entries):
        identities = entries["identity"].tolist()
        keys = keys_by_identity(scene.nav.read, scene.catalog, identities, mapping.nav)
        found = entries["identity"].str.lower().map(keys).astype(TEXT).fillna("")
        there = as_rows(entries.assign(nav_key=found)[found.ne("")])
        with store.transaction():
            old = store.coupling_records(SALES_ORDER, crm_ids=[row["crm_id"] for row in there])
            store.remove_couplings(old)
            if there:
                store.open_entries(conform(pd.DataFrame(there), "journal"))
                store.save_couplings(_couplings(job, there))
            store.close_entries(entries.loc[found.eq(""), "id"].tolist(), "undone")
        made = _Making(scene, store, job, None)
        _told_to_crm(made, {row["crm_id"]: row["nav_key"] for row in there})
    _close_jobs(scene, store, job)


def _close_jobs(scene: Scene, store: Store, own: Job) -> None:
    """Close interrupted jobs of orders; nobody else is at work, since the orders are locked."""
    for job in store.unfinished_jobs(SALES_ORDER):
        if job.id != own.id:
            job.finished_at = scene.clock()
            job.message = "Interrupted; what it had begun was finished by a later run."
            store.finish_job(job)
