"""Couple uncoupled NAV records with the CRM records they match (engine 2.7)."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.frames import TEXT, conform
from navcrm_recon.recon.matching import REASONS, criteria, match
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.jobs import (
    finish,
    in_a_run,
    log_errors,
    new_job,
    writable_state,
    writable_store,
)
from navcrm_recon.sync.observe import offered
from navcrm_recon.sync.passes import Request, synchronize_mapping
from navcrm_recon.sync.recover import at_work
from navcrm_recon.sync.renames import followed_records, identities_of
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import MANY

#: Its records are made by administrators of CRM, never by a synchronisation.
_NEVER_CREATED = "SALESPEOPLE"
_SAID = {
    "no_match": "no CRM record agrees",
    "ambiguous": "several CRM records agree",
    "taken": "the CRM record that agrees is coupled already",
    "no_criteria": "the fields to match by are blank",
}


def couple_matches(scene: Scene, mapping: TableMapping) -> list[Job]:
    """Couple every uncoupled NAV record that one free CRM record agrees with.

    Criteria are the mapping's fields with ``match: true``; their priorities are alternatives
    (``recon.matching``). Candidates are all CRM records inside the mapping's filter: the watermark
    of 2.7, step 3 is that of the coupling job itself, which has none; the mapping's own would hide
    every record that was there before its last run. The setting ``match_based_coupling`` says
    what follows: ``create_new_if_no_match`` sends the other records to CRM as new ones,
    ``synch_after_bulk_coupling`` synchronises the new couplings.

    Returns
    -------
    The job of type ``coupling``: ``coupled``, and ``failed`` for records left without a partner,
    with one error that counts them by reason (R2.19, R2.20). Then the jobs of what follows.

    Raises
    ------
    ReadOnlyError
        Couplings are only observed, or a side is only read that is to be synchronised.
    """
    scene = in_a_run(scene)
    store = writable_state(scene, f"Coupling records of {mapping.name}")
    settings = mapping.match_based_coupling
    synch = bool(settings.get("synch_after_bulk_coupling"))
    create = bool(settings.get("create_new_if_no_match")) and _may_create(mapping)
    if synch or create:
        writable_store(scene)
    job = new_job(scene, mapping.name, "coupling")
    with at_work(scene, store, mapping):
        scene.known.clear()
        found = _found(scene, store, mapping)
        matched = found[found["reason"].eq("matched")]
        alone = found[found["reason"].ne("matched")]
        with store.transaction():
            _couple(scene, store, mapping, matched)
            job.coupled = len(matched)
            if not criteria(mapping):
                _fail(scene, store, job, 1, f"{mapping.name} has no fields with 'match: true' that "
                      "records could be matched by. Mark one in the mapping.")  # fmt: skip
            elif len(alone) and not create:
                _fail(scene, store, job, len(alone), _counted(mapping, alone))
            finish(scene, store, job)
    return [job, *_follow_up(scene, mapping, matched, alone, synch=synch, create=create)]


def _may_create(mapping: TableMapping) -> bool:
    """Say whether records of the mapping can be made in CRM at all; options cannot."""
    creates = mapping.direction in ("to_crm", "both") and mapping.name != _NEVER_CREATED
    return creates and mapping.option_attribute is None and bool(criteria(mapping))


def _found(scene: Scene, store: Store, mapping: TableMapping) -> pd.DataFrame:
    """Return what every uncoupled NAV record inside the filter matches."""
    known = followed_records(scene, mapping)
    rows = criteria(mapping)
    nav = scene.nav.read(
        mapping.nav,
        list(dict.fromkeys(row.nav.name for row in rows if row.nav)),
        mapping.filters.get("nav", ()),
    )
    nav = nav[~nav.index.isin(known["nav_key"])]
    if not rows:
        return match(mapping, nav.iloc[:0], nav.iloc[:0], pd.Index([], dtype=TEXT))
    if mapping.option_attribute is not None:
        crm, taken = _options(scene, mapping), known["crm_id"]
    else:
        crm = _candidates(scene, mapping)
        many = len(crm) > MANY
        known = store.coupling_records() if many else store.coupled_in(crm.index.tolist())
        taken = known["crm_id"]
    return match(mapping, nav, crm, pd.Index(taken, dtype=TEXT))


def _candidates(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    names = list(dict.fromkeys(row.crm.name for row in criteria(mapping) if row.crm))
    return scene.crm.read(mapping.crm, names, mapping.filters.get("crm", ()))


def _options(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return CRM's options under their label and their name (R2.21)."""
    options = [each for each in offered(scene, mapping) if each.value]
    texts = [(str(each.value), text) for each in options for text in (each.label, each.name)]
    index = pd.Index([value for value, _ in texts], dtype=TEXT, name="crm_id")
    forms = pd.Series([text for _, text in texts], index=index, dtype=TEXT)
    return pd.DataFrame({row.crm.name: forms for row in criteria(mapping) if row.crm})


def _couple(scene: Scene, store: Store, mapping: TableMapping, matched: pd.DataFrame) -> None:
    pairs = matched[["crm_id"]].reset_index(names="nav_key").assign(mapping=mapping.name)
    if mapping.option_attribute is None:
        identities = identities_of(scene, mapping, pairs["nav_key"].tolist())
        pairs["integration_id"] = identities.reindex(pairs["nav_key"]).fillna("").array
        store.save_couplings(conform(pairs, "coupling_records"))
        return
    labels = {str(each.value): each.label for each in offered(scene, mapping)}
    values = pairs.pop("crm_id")
    pairs = pairs.assign(value=values.astype("int64"), caption=values.map(labels))
    store.save_option_mapping(conform(pairs, "option_mapping"))


def _fail(scene: Scene, store: Store, job: Job, count: int, text: str) -> None:
    job.failed = count
    log_errors(scene, store, job, pd.DataFrame({"message": [text]}))


def _counted(mapping: TableMapping, alone: pd.DataFrame) -> str:
    """Say how many records have no partner, and why."""
    counts = alone["reason"].value_counts()
    reasons = [f"{_SAID[why]}: {counts[why]:,}" for why in REASONS if why in counts]
    return (
        f"{mapping.name}: {len(alone):,} uncoupled {mapping.nav.name} records have no match in CRM "
        f"({'; '.join(reasons)}). Couple them one by one, or correct the fields to match by."
    )


def _follow_up(
    scene: Scene,
    mapping: TableMapping,
    matched: pd.DataFrame,
    alone: pd.DataFrame,
    *,
    synch: bool,
    create: bool,
) -> list[Job]:
    """Create what has no match, and synchronise what is newly coupled (2.7, steps 7 and 8)."""
    jobs: list[Job] = []
    if create and len(alone):
        request = Request(keys=tuple(alone.index), force=True, only_coupled=False)
        jobs += synchronize_mapping(scene, mapping, "to_crm", request)
    if not synch or not len(matched):
        return jobs
    keys: dict[Direction, tuple[str, ...]] = {
        "to_crm": tuple(matched.index),
        "to_nav": tuple(matched["crm_id"]),
    }
    for direction in _directions(mapping):
        request = Request(keys=keys[direction], force=True, only_coupled=True)
        jobs += synchronize_mapping(scene, mapping, direction, request)
    return jobs


def _directions(mapping: TableMapping) -> tuple[Direction, ...]:
    if mapping.direction != "both":
        return (mapping.direction,)
    resolved: dict[str, tuple[Direction, ...]] = {"send": ("to_crm",), "get": ("to_nav",)}
    return resolved.get(mapping.update_conflict, ("to_crm", "to_nav"))
