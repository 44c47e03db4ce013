"""From a record to its counterpart in the other product: an address, or why there is none (8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, SideName, TableMapping
from navcrm_recon.documents.orders.deciding import known_orders
from navcrm_recon.errors import DataError, NotFoundError, nearest, shorten
from navcrm_recon.frames import TEXT
from navcrm_recon.recon.links import TABLES, crm_urls, nav_urls
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import finish, in_a_run, new_job, say
from navcrm_recon.sync.renames import followed, followed_records
from navcrm_recon.sync.scene import Scene

_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_LINK = re.compile(r"crmid:(\{[^{};]*\}|[^{};]*);crmtype:([a-z0-9_ /]+)", re.IGNORECASE)


@dataclass(frozen=True)
class Link:
    """The way from a record to its counterpart.

    Attributes
    ----------
    url
        Opens the counterpart; blank where it cannot be opened.
    reason
        Why there is no address, blank where there is one: ``not_integrated`` (records of this
        table have no counterpart), ``not_coupled``, ``gone`` (the counterpart was deleted),
        ``posted`` (the NAV order was invoiced and is no more), ``no_solution`` (NAV's solution is
        not in CRM), ``no_address`` (the setup does not name the server).
    message
        The same for people, with what to do.
    mapping, nav_key, crm_id
        The coupled pair, as far as it is known.
    """

    url: str = ""
    reason: str = ""
    message: str = ""
    mapping: str = ""
    nav_key: str = ""
    crm_id: str = ""


def parse_link(text: str) -> tuple[str, str]:
    """Return the entity and the id a link of NAV's solution in CRM names (RD2).

    Raises
    ------
    DataError
        The text has another form, or its id is no GUID.

    >>> parse_link("CRMID:{0F8FAD5B-D9CB-469F-A165-70867728950E};CRMType:account")
    ('account', '0f8fad5b-d9cb-469f-a165-70867728950e')
    """
    found = _LINK.fullmatch(text.strip())
    if found is None:
        raise DataError(
            f"The filter '{shorten(text)}' is incorrectly formatted; a link from CRM reads "
            "CRMID:{id of the record};CRMType:entity.",
            field="filter",
            value=text,
        )
    return found[2].strip().lower(), _crm_id(found[1])


def is_guid(text: str) -> bool:
    """Say whether a text is a GUID, without braces."""
    return re.fullmatch(_GUID, text, re.IGNORECASE) is not None


def _crm_id(text: str) -> str:
    """Return an id as it is compared; braces around it are optional."""
    bare = text[1:-1] if text[:1] == "{" and text[-1:] == "}" else text
    if not is_guid(bare):
        raise DataError(
            f"The id '{shorten(text)}' is incorrectly formatted; the id of a CRM record is a GUID.",
            field="id",
            value=text,
        )
    return bare.lower()


def crm_link(scene: Scene, name: str, nav_key: str) -> Link:
    """Return the way from a NAV record to its CRM record (8.1).

    CRM is not asked whether it still has the record (NV4), but for a sales order (P6).

    Parameters
    ----------
    name
        A mapping or a NAV table.

    Raises
    ------
    NotFoundError
        There is neither a mapping nor a table of that name.
    """
    found = _mappings_of(scene, name)
    if not found:
        return Link("", "not_integrated", f"{name} has no records in CRM: no link leads there.")
    for mapping in found:
        known = coupling_of(scene, mapping, "nav", nav_key)
        if len(known):
            crm_id = str(known["crm_id"].iloc[0])
            if mapping.name == SALES_ORDER and _is_gone(scene, mapping, "crm", crm_id):
                return _zombie(scene, mapping, nav_key, crm_id, "crm")
            server = str(scene.setup.get("server_address", ""))
            url = crm_urls(server, mapping.crm, pd.Series([crm_id], dtype=TEXT)).iloc[0]
            return _opened(str(url), mapping, nav_key, crm_id, "server_address")
    mapping = found[0]
    return Link("", "not_coupled", _uncoupled(mapping, nav_key), mapping.name, nav_key)


def nav_link(scene: Scene, entity: str, crm_id: str) -> Link:
    """Return the way from a CRM record to its NAV record (8.3).

    A product may stand for an item, then for a resource (RD4). Price lists, currencies and unit
    groups lead to NAV as well, where NAV has a page for them (RD6).

    Raises
    ------
    DataError
        The id is no GUID.
    """
    entity, crm_id = entity.strip().lower(), _crm_id(crm_id)
    if not scene.setup.get("solution_installed", True):
        text = (
            "Links into NAV need NAV's solution in CRM, and the setup says that it is not "
            "installed. Install MicrosoftDynamicsNavIntegration and set solution_installed: true."
        )
        return Link("", "no_solution", text, crm_id=crm_id)
    for mapping in _mappings_to(scene, entity):
        known = coupling_of(scene, mapping, "crm", crm_id)
        if len(known):
            return _to_nav(scene, mapping, str(known["nav_key"].iloc[0]), crm_id)
    text = f"No NAV record is coupled to {entity} {crm_id}. Couple it first."
    return Link("", "not_coupled", text, crm_id=crm_id)


def _to_nav(scene: Scene, mapping: TableMapping, nav_key: str, crm_id: str) -> Link:
    table = mapping.nav
    if _is_gone(scene, mapping, "nav", nav_key):
        if mapping.name == SALES_ORDER:
            return _zombie(scene, mapping, nav_key, crm_id, "nav")
        text = f"{table.name} {nav_key} was deleted in NAV; its coupling is still there."
        return Link("", "gone", text, mapping.name, nav_key, crm_id)
    client = str(scene.setup.get("nav_web_client", ""))
    url = nav_urls(client, scene.company, table, pd.Series([nav_key], dtype=TEXT)).iloc[0]
    return _opened(str(url), mapping, nav_key, crm_id, "nav_web_client")


def _opened(url: str, mapping: TableMapping, nav_key: str, crm_id: str, setting: str) -> Link:
    if url:
        return Link(url, "", "", mapping.name, nav_key, crm_id)
    text = f"The setup names no server to open it on. Set setup.{setting} in the workspace file."
    return Link("", "no_address", text, mapping.name, nav_key, crm_id)


def _mappings_of(scene: Scene, name: str) -> list[TableMapping]:
    """Return what couples the records of a mapping or table, where they have counterparts."""
    every = list(scene.catalog.coupled.values())
    named = [each for each in every if name in (each.name, each.nav.name)]
    if not named and name not in scene.catalog.nav:
        known = [*scene.catalog.coupled, *scene.catalog.nav]
        raise NotFoundError(f"There is no mapping or NAV table '{name}'.{nearest(name, known)}")
    return [each for each in named if _integrated(each)]


def _mappings_to(scene: Scene, entity: str) -> list[TableMapping]:
    """Return what may couple the records of an entity, in the order of its tables."""
    every = [each for each in scene.catalog.coupled.values() if each.crm.name == entity]
    tables = TABLES.get(entity, ())
    return sorted(filter(_integrated, every), key=lambda each: tables.index(each.nav.name))


def _integrated(mapping: TableMapping) -> bool:
    """Say whether a mapping couples records of a table and an entity that have links."""
    of_option = mapping.option_attribute is not None
    return not of_option and mapping.nav.name in TABLES.get(mapping.crm.name, ())


def coupling_of(scene: Scene, mapping: TableMapping, side: SideName, key: str) -> pd.DataFrame:
    """Return the coupling of one record, with the key its NAV record has now."""
    column = "nav_key" if side == "nav" else "crm_id"
    if scene.store is None:
        known = followed_records(scene, mapping)
    else:
        keys, ids = ([key], None) if side == "nav" else (None, [key])
        known = scene.store.coupling_records(mapping.name, nav_keys=keys, crm_ids=ids)
        known = followed(scene, scene.store, mapping, known, keys or ())
    return known[known[column].eq(key)]


def _is_gone(scene: Scene, mapping: TableMapping, side: SideName, key: str) -> bool:
    """Say whether a record was deleted, as far as its side can tell."""
    table = mapping.table(side)
    if len(scene.side(side).read(table, [], (), [key])):
        return False
    unread = scene.side(side).left_out(table)
    return unread is not None and key not in unread


def _zombie(scene: Scene, mapping: TableMapping, nav_key: str, crm_id: str, side: SideName) -> Link:
    """Remove the coupling of a sales order whose counterpart was deleted, and say so (P6).

    An order that was invoiced is no more in NAV either; it stays coupled, so that it is not made
    twice.
    """
    about = (mapping.name, nav_key, crm_id)
    if side == "nav":
        invoice = known_orders(scene, [crm_id]).invoiced
        if len(invoice):
            text = f"The order was invoiced, as posted sales invoice {invoice.iloc[0]}."
            return Link("", "posted", text, *about)
    where = "NAV" if side == "nav" else "CRM"
    text = f"Sales order {nav_key} / {crm_id} was deleted in {where}"
    if scene.store is None:
        return Link("", "gone", f"{text}. NAV keeps its coupling; remove it there.", *about)
    _remove(scene, scene.store, mapping, nav_key, crm_id)
    again = "create it again" if side == "nav" else "submit it again in CRM"
    return Link("", "gone", f"{text}, so its coupling was removed. To have it, {again}.", *about)


def _remove(scene: Scene, store: Store, mapping: TableMapping, nav_key: str, crm_id: str) -> None:
    """Remove the coupling of an order; the job log says so."""
    scene = in_a_run(scene)
    with store.lock(mapping.name):
        known = store.coupling_records(mapping.name, crm_ids=[crm_id])
        job = new_job(scene, mapping.name, "uncoupling")
        with store.transaction():
            store.remove_couplings(known)
            job.uncoupled = len(known)
            say(job, f"The counterpart of {nav_key} was deleted.")
            finish(scene, store, job)


def _uncoupled(mapping: TableMapping, nav_key: str) -> str:
    text = f"{mapping.nav.name} {nav_key} is not coupled to a record in CRM."
    if mapping.name == SALES_ORDER:
        return f"{text} NAV orders are coupled when they are made of a CRM order."
    if not mapping.enabled:
        return f"{text} The mapping {mapping.name} is switched off; enable it to couple records."
    return f"{text} Couple it first: navcrm-recon couple '{mapping.name}' NAV_KEY CRM_ID."
