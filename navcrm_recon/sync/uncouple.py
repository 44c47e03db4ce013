"""Remove couplings (engine 2.6)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from navcrm_recon.catalog.model import Condition, SideName, Table, TableMapping
from navcrm_recon.frames import TEXT, conform
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.follow import coupled_lines
from navcrm_recon.sync.jobs import finish, in_a_run, new_job, writable_state
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.renames import follow, follow_keys
from navcrm_recon.sync.scene import Scene, coupling_records

#: So many values stand in one condition.
_VALUES_AT_ONCE = 500
#: Contact Business Relation, Link to Table: a customer.
_CUSTOMER = 1


def uncouple(
    scene: Scene,
    mapping: TableMapping,
    nav_keys: Sequence[str] | None = None,
    crm_ids: Sequence[str] | None = None,
) -> list[Job]:
    """Remove the couplings of some records, or all of a mapping; no record is touched.

    Without keys all couplings go, those both of whose records are gone too (R2.17); of an option
    mapping its rows (R2.22). Uncoupling customers uncouples the persons of their companies whose
    CRM contacts lie under the same accounts (R2.16), uncoupling invoices their lines. Watermarks
    stay (R2.18).

    Parameters
    ----------
    nav_keys, crm_ids
        Records of either side, whose couplings are removed; both None = all.

    Returns
    -------
    A job of type ``uncoupling``: ``uncoupled``, and ``skipped`` for records named that have no
    coupling (R2.14). A second one, of contacts or lines, where any were uncoupled with these.

    Raises
    ------
    ReadOnlyError
        Couplings are only observed.
    """
    scene = in_a_run(scene)
    store = writable_state(scene, f"Uncoupling records of {mapping.name}")
    _follow(scene, store, mapping, nav_keys, crm_ids)
    # Contacts and lines go first: stopped half-way, one can still ask whose they are.
    job = new_job(scene, mapping.name, "uncoupling")
    jobs = [job]
    chosen, _ = _chosen(scene, mapping, nav_keys, crm_ids)
    for other, related in _related(scene, store, mapping, chosen):
        if len(related):
            jobs.append(_uncoupled(scene, store, other, related))
    with at_work(scene, store, mapping):
        scene.known.clear()
        found, job.skipped = _chosen(scene, mapping, nav_keys, crm_ids)
        with store.transaction():
            _remove(store, mapping, found)
            job.uncoupled = len(found)
            finish(scene, store, job)
    return jobs


def _follow(
    scene: Scene,
    store: Store,
    mapping: TableMapping,
    nav_keys: Sequence[str] | None,
    crm_ids: Sequence[str] | None,
) -> None:
    """Let couplings follow renamed records, so that these are found by the key they have now."""
    if mapping.option_attribute is not None:
        return
    with at_work(scene, store, mapping):
        if nav_keys is None and crm_ids is None:
            follow(scene, store, mapping, store.coupling_records(mapping.name))
        else:
            ids = [each.strip("{}").lower() for each in crm_ids or ()]
            follow_keys(scene, store, mapping, nav_keys or (), ids)


def _chosen(
    scene: Scene,
    mapping: TableMapping,
    nav_keys: Sequence[str] | None,
    crm_ids: Sequence[str] | None,
) -> tuple[pd.DataFrame, int]:
    """Return the couplings that are named, and how many names have none."""
    if nav_keys is None and crm_ids is None:
        return coupling_records(scene, mapping), 0
    nav = pd.Index(dict.fromkeys(nav_keys or ()), dtype=TEXT)
    crm = pd.Index(dict.fromkeys(each.strip("{}").lower() for each in crm_ids or ()), dtype=TEXT)
    if scene.store is None or mapping.option_attribute is not None:
        known = coupling_records(scene, mapping)
    else:
        known = pd.concat(
            [
                scene.store.coupling_records(mapping.name, nav_keys=nav.tolist()),
                scene.store.coupling_records(mapping.name, crm_ids=crm.tolist()),
            ]
        )
    named = known[known["nav_key"].isin(nav) | known["crm_id"].isin(crm)]
    found = named.drop_duplicates(["nav_key", "crm_id"]).reset_index(drop=True)
    without = (~nav.isin(found["nav_key"])).sum() + (~crm.isin(found["crm_id"])).sum()
    return found, int(without)


def _remove(store: Store, mapping: TableMapping, found: pd.DataFrame) -> None:
    if mapping.option_attribute is None:
        store.remove_couplings(found)
    else:
        store.remove_option_mapping(found[["mapping", "nav_key"]])


def _related(
    scene: Scene, store: Store, mapping: TableMapping, chosen: pd.DataFrame
) -> Iterator[tuple[TableMapping, pd.DataFrame]]:
    """Return the couplings of other mappings that go with those of this one."""
    if mapping.option_attribute is not None:
        return
    contacts = _contact_mapping(scene, mapping)
    if contacts is not None:
        yield contacts, _contacts_of(scene, store, contacts, chosen)
    lines, coupled = coupled_lines(scene, store, mapping, chosen["nav_key"])
    if lines is not None:
        yield lines, coupled


def _contact_mapping(scene: Scene, mapping: TableMapping) -> TableMapping | None:
    """Return the mapping of the persons that go with this mapping's customers."""
    if (mapping.nav.name, mapping.crm.name) != ("Customer", "account"):
        return None
    pair = ("Contact", "contact")
    every = scene.catalog.mappings.values()
    return next((each for each in every if (each.nav.name, each.crm.name) == pair), None)


def _contacts_of(
    scene: Scene, store: Store, contacts: TableMapping, customers: pd.DataFrame
) -> pd.DataFrame:
    """Return the couplings of persons related to a customer in NAV and to its account in CRM."""
    if not len(customers):
        return customers
    nav, crm = scene.catalog.nav, contacts.crm
    relation, company = nav["Contact Business Relation"], "Company No."
    to_customers = Condition("Link to Table", "eq", _CUSTOMER)
    names = ["Contact No.", "No."]
    linked = _among(scene, "nav", relation, "No.", customers["nav_key"], names, to_customers)
    persons = _among(scene, "nav", contacts.nav, company, linked["Contact No."], [company])
    known = store.coupling_records(contacts.name, nav_keys=persons.index.tolist())
    parents = scene.crm.read(crm, ["parentcustomerid"], (), known["crm_id"].tolist())
    related = (
        known.merge(persons, left_on="nav_key", right_index=True)
        .merge(linked, left_on=company, right_on="Contact No.")
        .merge(parents, left_on="crm_id", right_index=True)
        .merge(
            customers[["nav_key", "crm_id"]],
            left_on=["No.", "parentcustomerid"],
            right_on=["nav_key", "crm_id"],
            suffixes=("", "_customer"),
        )
    )
    pairs = related[["mapping", "nav_key", "crm_id"]].drop_duplicates()
    return conform(pairs.reset_index(drop=True), "coupling_records")


def _among(
    scene: Scene,
    side: SideName,
    table: Table,
    field: str,
    values: pd.Series,
    columns: list[str],
    *where: Condition,
) -> pd.DataFrame:
    """Read the records whose field has one of some values, reading no others."""
    wanted = values[values.ne("")].drop_duplicates().tolist()
    parts = [
        scene.side(side).read(
            table, columns, (*where, Condition(field, "in", wanted[at : at + _VALUES_AT_ONCE]))
        )
        for at in range(0, max(len(wanted), 1), _VALUES_AT_ONCE)
    ]
    return pd.concat(parts)


def _uncoupled(scene: Scene, store: Store, mapping: TableMapping, related: pd.DataFrame) -> Job:
    job = new_job(scene, mapping.name, "uncoupling")
    with at_work(scene, store, mapping), store.transaction():
        keys = related["nav_key"].tolist()
        still = store.coupling_records(mapping.name, nav_keys=keys)
        still = still[still["crm_id"].isin(related["crm_id"])]
        store.remove_couplings(still)
        job.uncoupled = len(still)
        return finish(scene, store, job)
