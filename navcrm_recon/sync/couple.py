"""Couple one pair of records (engine 2.2, 2.3)."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.catalog.model import Direction, SideName, TableMapping
from navcrm_recon.errors import CouplingError, NotFoundError, shorten
from navcrm_recon.frames import conform, key_text
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.follow import coupled_lines
from navcrm_recon.sync.jobs import in_a_run, writable_state, writable_store
from navcrm_recon.sync.observe import offered
from navcrm_recon.sync.passes import Request, synchronize_mapping
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.renames import follow_keys, identities_of
from navcrm_recon.sync.scene import Scene

#: What belongs to one side of a coupling, and starts anew when that side's record changes (R1.4).
TRIPLES = {
    "nav": ("last_synch_modified_on", "last_synch_result", "last_synch_job_id"),
    "crm": ("last_synch_crm_modified_on", "last_synch_crm_result", "last_synch_crm_job_id"),
}


def couple(
    scene: Scene,
    mapping: TableMapping,
    nav_key: str,
    crm_id: str,
    synchronize: Direction | None = None,
) -> list[Job]:
    """Couple a NAV record with a CRM record, or a NAV code with a CRM option.

    A coupled NAV record moves to the other CRM record and keeps its own stamp and result; a
    partner that was deleted is replaced. Coupling transfers no data (R2.11) unless
    ``synchronize`` asks for one forced pass of this record (R2.8).

    Parameters
    ----------
    crm_id
        The CRM record's id; for an option mapping the option's integer as text.
    synchronize
        ``to_crm`` or ``to_nav``: the initial direction; None = do not synchronise.

    Returns
    -------
    The jobs of the synchronisation, none without one.

    Raises
    ------
    NotFoundError
        One of the two records does not exist, or ``synchronize`` is no direction.
    CouplingError
        The CRM record has another partner (R2.1), or the mapping's filter hides it (R2.10); of an
        option and a code, either has another partner (R2.21).
    ReadOnlyError
        Couplings are only observed, or a side is only read that is to be synchronised.
    """
    scene = in_a_run(scene)
    store = writable_state(scene, f"Coupling records of {mapping.name}")
    _check_direction(scene, synchronize)
    crm_id = crm_id.strip().strip("{}").lower()
    with at_work(scene, store, mapping):
        if mapping.option_attribute is not None:
            _couple_option(scene, store, mapping, nav_key, crm_id)
        else:
            _couple_record(scene, store, mapping, nav_key, crm_id)
    if synchronize is None:
        return []
    key = nav_key if synchronize == "to_crm" else crm_id
    return synchronize_mapping(scene, mapping, synchronize, Request(keys=(key,), force=True))


def _check_direction(scene: Scene, synchronize: Direction | None) -> None:
    """Refuse an initial direction that is none, and one to sides that are only read."""
    if synchronize not in (None, "to_crm", "to_nav"):
        raise NotFoundError(
            f"There is no direction '{shorten(synchronize)}'; synchronize is None, 'to_crm' or "
            "'to_nav'."
        )
    if synchronize is not None:
        writable_store(scene)


def there(scene: Scene, mapping: TableMapping, side: SideName, keys: list[str]) -> list[str]:
    """Return which records are there, inside the filter or not; what could not be read is."""
    table = mapping.table(side)
    found = set(scene.side(side).read(table, [], (), keys).index)
    if len(found) < len(keys):
        unread = scene.side(side).left_out(table)
        found |= set(keys) if unread is None else unread
    return [key for key in keys if key in found]


def _couple_record(
    scene: Scene, store: Store, mapping: TableMapping, nav_key: str, crm_id: str
) -> None:
    _check_there(scene, mapping, nav_key, crm_id)
    follow_keys(scene, store, mapping, [nav_key], [crm_id])
    own = store.coupling_records(mapping.name, nav_keys=[nav_key])
    others = store.coupling_records(mapping.name, crm_ids=[crm_id])
    if (own["crm_id"] == crm_id).any():
        return
    partners = there(scene, mapping, "nav", others["nav_key"].tolist())
    if partners:
        raise CouplingError(
            f"{mapping.name}: {mapping.crm.name} {_named(scene, mapping, crm_id)} is already "
            f"coupled to {mapping.nav.name} {partners[0]}. Uncouple that one first.",
            mapping=mapping.name,
            record=nav_key,
            value=crm_id,
        )
    _, lines = coupled_lines(scene, store, mapping, own["nav_key"])  # those of the partner before
    kept = {name: own[name].array[:1] for name in TRIPLES["nav"]} if len(own) else {}
    identity = identities_of(scene, mapping, [nav_key]).reindex([nav_key]).fillna("").array
    pair = {"mapping": [mapping.name], "nav_key": [nav_key], "crm_id": [crm_id]}
    kept = kept | {"integration_id": identity}
    with store.transaction():
        store.remove_couplings(lines)
        store.remove_couplings(pd.concat([own, others]))
        store.save_couplings(conform(pd.DataFrame(pair | kept), "coupling_records"))


def _check_there(scene: Scene, mapping: TableMapping, nav_key: str, crm_id: str) -> None:
    """Refuse records that do not exist, and a CRM record that the mapping's filter hides."""
    keys: dict[SideName, str] = {"nav": nav_key, "crm": crm_id}
    for side, key in keys.items():
        if not len(scene.side(side).read(mapping.table(side), [], (), [key])):
            raise NotFoundError(
                f"{mapping.name}: there is no {mapping.table(side).name} '{shorten(key)}'. "
                "Nothing was coupled.",
                mapping=mapping.name,
                record=key,
            )
    where = mapping.filters.get("crm", ())
    if not len(scene.crm.read(mapping.crm, [], where, [crm_id])):
        fields = ", ".join(dict.fromkeys(each.field for each in where))
        raise CouplingError(
            f"{mapping.name}: {mapping.crm.name} {_named(scene, mapping, crm_id)} lies outside the "
            f"mapping's filter ({fields}). Change the record, or the filters of the mapping.",
            mapping=mapping.name,
            record=crm_id,
            field=fields,
        )


def _named(scene: Scene, mapping: TableMapping, crm_id: str) -> str:
    """Return a CRM record for a message: its name, where it has one, and its id."""
    name = mapping.crm_name
    rows = scene.crm.read(mapping.crm, [name], (), [crm_id]) if name else pd.DataFrame()
    shown = key_text(rows[name]).iloc[0] if name in rows and len(rows) else ""
    return f"'{shorten(shown)}' ({crm_id})" if shown else crm_id


def _couple_option(
    scene: Scene, store: Store, mapping: TableMapping, nav_key: str, value: str
) -> None:
    labels = {str(each.value): each.label for each in offered(scene, mapping) if each.value}
    if not there(scene, mapping, "nav", [nav_key]) or value not in labels:
        missing = nav_key if value in labels else value
        what = mapping.nav.name if value in labels else f"option {mapping.option_attribute} in CRM"
        raise NotFoundError(
            f"{mapping.name}: there is no {what} '{shorten(missing)}'. Nothing was coupled.",
            mapping=mapping.name,
            record=missing,
        )
    rows = store.option_mapping(mapping.name)
    values = rows["value"].astype(str)
    own = rows[rows["nav_key"].eq(nav_key) & values.isin(list(labels))]
    others = rows[values.eq(value) & rows["nav_key"].ne(nav_key)]
    if own["value"].astype(str).eq(value).any():
        return
    partners = there(scene, mapping, "nav", others["nav_key"].tolist())
    if len(own) or partners:
        second, first = (value, partners[0]) if partners else (nav_key, str(own["value"].iloc[0]))
        raise CouplingError(
            f"{mapping.name}: {second} is already coupled to {first}: one option stands for one "
            "code. Uncouple these first.",
            mapping=mapping.name,
            record=nav_key,
            value=value,
        )
    row = {"mapping": [mapping.name], "nav_key": [nav_key], "value": [int(value)]}
    frame = pd.DataFrame(row | {"caption": [labels[value]]})
    with store.transaction():
        store.remove_option_mapping(others)
        store.save_option_mapping(conform(frame, "option_mapping"))
