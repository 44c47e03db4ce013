"""The local currency: NAV's blank code, a currency of its own in CRM (documents 4.7)."""

from __future__ import annotations

import json
import uuid

import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.errors import SideError
from navcrm_recon.frames import conform
from navcrm_recon.sides.writing import Write
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.hooks import hook_of
from navcrm_recon.sync.jobs import finish, new_job, say
from navcrm_recon.sync.rates import currency_precision, local_rate
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import Request
from navcrm_recon.sync.told import Listener, Told

_MAPPING, _ENTITY = "CURRENCY", "transactioncurrency"


def make_local_currency(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    records: pd.DataFrame,
    heard: Listener | None,
) -> list[Job]:
    """Make the local currency in CRM where records need it and it is not there (LC1).

    Returns
    -------
    The job that made it; none where there was nothing to make.

    Raises
    ------
    SideError
        CRM refuses it.
    """
    if not _needed(scene, mapping, records):
        return []
    return need_local_currency(scene, store, mapping.name, heard)


def need_local_currency(
    scene: Scene, store: Store, for_what: str, heard: Listener | None = None
) -> list[Job]:
    """Make the local currency in CRM where it is not there (LC1), as ``make_local_currency``.

    Its id follows from company and code, so that nobody makes it twice.
    """
    code, there = local_currency(scene)
    if not code or there:
        return []
    job, key = new_job(scene, _MAPPING, "synchronization", "to_crm"), _id(scene, code)
    store.start_job(job)
    actions, changes = _made(scene, code, key)
    entry = _entry(scene, job, actions, changes)
    store.open_entries(entry)
    error = _write(scene, code, key)
    store.close_entries(entry["id"].tolist(), "failed" if error else "done")
    job.inserted, job.failed = int(not error), int(bool(error))
    say(job, error or f"The local currency {code} was made in CRM.")
    finish(scene, store, job)
    if error:
        raise SideError(
            f"{for_what}: the local currency {code} is not in CRM, and could not be made: "
            f"{error} Make it in CRM.",
            mapping=for_what,
            field="isocurrencycode",
            value=code,
        )
    if heard is not None:
        heard(Told(_MAPPING, "to_crm", Request(()), actions, changes))
    return [job]


def _needed(scene: Scene, mapping: TableMapping, records: pd.DataFrame) -> bool:
    """Say whether any record is in the local currency."""
    hook = hook_of(mapping)
    if hook is not None and len(records) and hook.local_currency(scene, records):
        return True
    columns = [
        row.nav.name
        for row in mapping.enabled_fields
        if row.blank == "local_currency" and row.nav and row.runs("to_crm")
    ]
    return any(bool(records[name].eq("").any()) for name in columns if name in records)


def _entry(scene: Scene, job: Job, actions: pd.DataFrame, changes: pd.DataFrame) -> pd.DataFrame:
    """Return the journal entry of making it."""
    texts = changes[["side", "field", "old", "new"]].to_numpy().tolist()
    about = actions[["mapping", "direction", "nav_key", "crm_id", "action"]]
    entry = about.assign(
        id=str(uuid.uuid4()),
        job_id=job.id,
        at=scene.clock(),
        changes=json.dumps(texts, ensure_ascii=False),
    )
    return conform(entry, "journal")


def _id(scene: Scene, code: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scene.company}/{code}"))


def _values(scene: Scene, code: str) -> dict[str, object]:
    return {
        "isocurrencycode": code,
        "currencyname": code,
        "currencysymbol": code,
        "currencyprecision": currency_precision(scene),
        "exchangerate": local_rate(scene, code),
    }


def _write(scene: Scene, code: str, key: str) -> str:
    """Write the currency; return why it was refused, blank if it was not."""
    user = str(scene.setup.get("integration_user", ""))
    order = Write("insert", key, _values(scene, code))
    table = scene.catalog.crm[_ENTITY]
    (done,) = scene.crm.write(table, [order], now=scene.clock(), by=user)
    return done.error


def _made(scene: Scene, code: str, key: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return frames ``actions`` and ``changes`` of making it."""
    about = {"mapping": _MAPPING, "direction": "to_crm", "nav_key": code, "crm_id": key}
    values = _values(scene, code)
    reason = "LC1: the local currency is needed, and is not in CRM"
    fields = ", ".join(values)
    action = pd.DataFrame([{**about, "action": "insert", "reason": reason, "fields": fields}])
    rows = [
        {**about, "side": "crm", "field": name, "old": "", "new": str(value)}
        for name, value in values.items()
    ]
    return conform(action, "actions"), conform(pd.DataFrame(rows), "changes")
