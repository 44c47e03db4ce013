"""The states of CRM invoices by what is paid of them in NAV (documents 2.6).

Nothing is remembered but up to which ledger entry all was well, and that only after a whole run
without a failure; so a stopped run is made good by the next, which examines the same entries again.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from navcrm_recon.catalog.model import Condition
from navcrm_recon.documents.customers import Customers, keys_of
from navcrm_recon.documents.noted import Work, kind_of_work, writable_crm
from navcrm_recon.frames import TEXT, join_key, split_key
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.invoice_ledger import invoice_states, ledger_amounts
from navcrm_recon.sync.jobs import finish, in_a_run, log_errors, new_job
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.steps import Step, in_steps

STATES = "INVOICE STATES"
_MAPPING = "POSTEDSALESINV-INV"
_BILLED: Step = {"statecode": 0, "statuscode": 4}
_ENTRY, _DETAIL = "Cust. Ledger Entry", "Detailed Cust. Ledg. Entry"
_OF_INVOICE = Condition("Document Type", "eq", 2)


def update_invoice_states(scene: Scene, customers: Customers = None) -> list[Job]:
    """Bring the states of CRM invoices up to date where something was entered since the last run.

    Parameters
    ----------
    customers
        None: all; then the next run begins where this one ended, unless something failed (PS5).

    Returns
    -------
    The job ``INVOICE STATES``: ``modified``, ``unchanged``, ``failed``.

    Raises
    ------
    NotFoundError
        A customer that is named does not exist.
    ReadOnlyError
        CRM is only read, or NAV's own tables hold the couplings.
    """
    store = writable_crm(scene, STATES)
    scene = in_a_run(scene)
    keys = keys_of(scene, customers)
    with at_work(scene, store, kind_of_work(scene, STATES, "Sales Invoice Header", "invoice")):
        job = new_job(scene, STATES, "synchronization", "to_crm")
        store.start_job(job)
        entries = _new_entries(scene, store.marker(STATES) or 0, keys)
        _update(Work(scene, store, job), _invoices(scene, entries))
        finish(scene, store, job)
        if keys is None and len(entries) and not job.failed:
            store.advance_marker(STATES, int(entries["Entry No."].max()))
    return [job]


def _new_entries(scene: Scene, seen: int, keys: Sequence[str] | None) -> pd.DataFrame:
    """Return the detailed ledger entries after the last one that was looked at (PS4)."""
    table = scene.catalog.nav[_DETAIL]
    columns = ["Entry No.", "Cust. Ledger Entry No.", "Customer No."]
    found = scene.nav.read(table, columns, (Condition("Entry No.", "ge", seen + 1),))
    if keys is None:
        return found
    return found[found["Customer No."].isin([split_key(key)[0] for key in keys])]


def _invoices(scene: Scene, entries: pd.DataFrame) -> list[str]:
    """Return the numbers of the invoices the entries concern."""
    numbers = [str(each) for each in entries["Cust. Ledger Entry No."].dropna().unique()]
    table = scene.catalog.nav[_ENTRY]
    found = scene.nav.read(table, ["Document No."], (_OF_INVOICE,), numbers)
    return [each for each in found["Document No."].unique() if each]


def _update(work: Work, invoices: Sequence[str]) -> None:
    """Give the CRM invoices of posted ones the state that what is left to pay says."""
    scene, job = work.scene, work.job
    keys = join_key([pd.Series(invoices, dtype=TEXT)]).tolist()
    known = work.store.coupling_records(_MAPPING, nav_keys=keys)
    table = scene.catalog.crm["invoice"]
    columns = [*_BILLED, table.modified_on or ""]
    found = scene.crm.read(table, columns, (), known["crm_id"].tolist())
    nav_keys = {str(crm): nav for crm, nav in zip(known["crm_id"], known["nav_key"], strict=True)}
    numbers = [split_key(nav_keys[str(each)])[0] for each in found.index]
    wanted = invoice_states(ledger_amounts(scene, numbers)).reindex(numbers).set_index(found.index)
    same = found["statecode"].eq(wanted["statecode"]) & found["statuscode"].eq(wanted["statuscode"])
    changed = wanted[~same.fillna(False)]
    closed = found.loc[changed.index, "statecode"].ne(_BILLED["statecode"]).fillna(True)
    refused: dict[str, str] = {}
    for state, reason in changed.drop_duplicates().itertuples(index=False):
        step: Step = {"statecode": int(state), "statuscode": int(reason)}
        mine = changed["statuscode"].eq(reason)
        # CRM does not take changes of a closed invoice (PS2).
        for some, steps in ((mine & closed, [_BILLED, step]), (mine & ~closed, [step])):
            records = found.loc[changed.index[some]]
            refused |= in_steps(scene, work.store, job, table, records, steps, nav_keys)
    job.modified, job.failed = len(changed) - len(refused), len(refused)
    job.unchanged = len(found) - len(changed)
    log_errors(scene, work.store, job, _refused(nav_keys, refused))


def _refused(nav_keys: dict[str, str], refused: dict[str, str]) -> pd.DataFrame:
    rows = [
        {
            "nav_key": nav_keys[key],
            "crm_id": key,
            "message": f"{STATES}: changing that of invoice {nav_keys[key]} failed: {text}",
        }
        for key, text in refused.items()
    ]
    return pd.DataFrame(rows, columns=["nav_key", "crm_id", "message"])
