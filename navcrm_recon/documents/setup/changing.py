"""Changing the setup of an open workspace, as the products let it change (documents 9.5, NC1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from navcrm_recon.documents.noted import Notes, Work, kind_of_work, writable_crm, write_noted
from navcrm_recon.documents.setup.facts import read, solution_is_readable, submitted_orders
from navcrm_recon.errors import ConfigError, SideError
from navcrm_recon.frames import TEXT
from navcrm_recon.recon.addresses import nav_client, server_address
from navcrm_recon.state.jobs import Job
from navcrm_recon.sync.jobs import finish, in_a_run, new_job
from navcrm_recon.sync.make import key_of
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.scene import Scene
from navcrm_recon.workspace_file import check_setup

ORDERS, AUTO = "sales_order_integration", "auto_create_sales_orders"
_CLIENT, _SERVER, _SOLUTION = "nav_web_client", "server_address", "solution_installed"
_FLAG, _URL = "issopintegrationenabled", "nav_dynamicsnavurl"


def set_setup(scene: Scene, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change settings, and bring CRM in line with them; return all settings as they are then.

    ``sales_order_integration`` switches CRM's organisation as well, where that is the other way,
    and off takes ``auto_create_sales_orders`` along. ``nav_web_client`` is written to the
    connection the solution keeps in CRM (NC1). Addresses are kept as they are used.

    Raises
    ------
    ConfigError
        A key is unknown or has the wrong type, an address is none, or as ``check_setup_change``.
    ReadOnlyError, SideError
        CRM had to be changed, and is only read or refuses it.
    """
    problems = check_setup(changes)
    if problems:
        raise ConfigError(problems[0], problems=problems)
    before, changes = dict(scene.setup), {**changes, **_addresses(changes)}
    check_setup_change(scene, before, changes)
    after = before | changes
    if ORDERS in changes and not after[ORDERS] and after.get(AUTO):
        after[AUTO] = False
    if ORDERS in changes and changes[ORDERS] != before.get(ORDERS):
        _switch_organization(scene, bool(after[ORDERS]))
    if (
        _CLIENT in changes
        and changes[_CLIENT] != before.get(_CLIENT)
        and after.get(_SOLUTION, True)
    ):
        _write_client(scene, str(after[_CLIENT]))
    return after


def check_setup_change(scene: Scene, before: Mapping[str, Any], changes: Mapping[str, Any]) -> None:
    """Refuse a change of the settings that the products refuse (documents 9.5, SO-7).

    Sales orders cannot be switched off while CRM has submitted ones, nor on without NAV's solution
    in CRM; orders cannot be made by themselves while they are off.

    Raises
    ------
    ConfigError
        The change is refused; ``field`` names the setting.
    """
    after = {**before, **changes}
    new = changes.get(ORDERS)
    installed = after.get(_SOLUTION, True)
    if new and not before.get(ORDERS) and not (installed and solution_is_readable(scene)):
        raise ConfigError(
            "Sales orders cannot be switched on: NAV's solution (MicrosoftDynamicsNavIntegration) "
            "must be installed in CRM first, and its entities readable; then say "
            "solution_installed: true.",
            field=ORDERS,
        )
    if new is False and before.get(ORDERS) is not False:
        submitted = len(submitted_orders(scene).rows)
        if submitted:
            raise ConfigError(
                f"Sales orders cannot be switched off: CRM has submitted sales orders "
                f"({submitted:,}). Make NAV orders of them and invoice these, or cancel them.",
                field=ORDERS,
            )
    if changes.get(AUTO) and after.get(ORDERS) is False:
        raise ConfigError(
            "Sales orders cannot be made by themselves while they are switched off. Set "
            "sales_order_integration: true first.",
            field=AUTO,
        )


def _addresses(changes: Mapping[str, Any]) -> dict[str, str]:
    """Return the addresses among the changes as they are used (9.3)."""
    out = {}
    for name, reader in ((_SERVER, server_address), (_CLIENT, nav_client)):
        if name in changes:
            address = reader(str(changes[name]))
            if address.problem:
                raise ConfigError(f"setup.{name}: the address {address.problem}.", field=name)
            out[name] = address.url
    return out


def _switch_organization(scene: Scene, on: bool) -> None:
    """Let CRM's users submit orders, or not; nothing is written where it is so already."""
    there = read(scene, "crm", "organization", (_FLAG, "modifiedon"))
    told = there.rows[there.rows[_FLAG].fillna(False).ne(on)] if _FLAG in there.rows else there.rows
    if len(told) and f"organization, {_FLAG}" not in there.missing:
        _write(scene, "organization", told, _FLAG, on)


def _write_client(scene: Scene, url: str) -> None:
    """Write NAV's address to the one record of the solution's connection (NC1)."""
    there = read(scene, "crm", "nav_connection", (_URL, "modifiedon"))
    first = there.rows.iloc[:1]
    if not there.readable or (len(first) and first[_URL].iloc[0] == url):
        return
    _write(scene, "nav_connection", first if len(first) else None, _URL, url)


def _write(
    scene: Scene, entity: str, old: pd.DataFrame | None, column: str, value: bool | str
) -> None:
    """Write one column of records, or make one; the job log says so."""
    name = f"SETUP {entity}"
    store = writable_crm(scene, f"Changing {entity}")
    scene, table = in_a_run(scene), scene.catalog.crm[entity]
    keys = [key_of(scene, entity, "")] if old is None else old.index
    index = pd.Index(keys, dtype=TEXT, name="crm_id")
    with at_work(scene, store, kind_of_work(scene, name, "General Ledger Setup", entity)):
        job = new_job(scene, name, "setup", "to_crm")
        store.start_job(job)
        wanted = pd.DataFrame({column: [value] * len(index)}, index=index)
        notes = Notes(name, "insert" if old is None else "modify", {})
        refused = write_noted(Work(scene, store, job), table, wanted, notes, old)
        _count(job, old is None, len(index), len(refused))
        finish(scene, store, job)
    for error in refused.values():
        raise SideError(f"{entity} in CRM was not changed: {error}", field=column)


def _count(job: Job, made: bool, records: int, failed: int) -> None:
    job.failed = failed
    if made:
        job.inserted = records - failed
    else:
        job.modified = records - failed
