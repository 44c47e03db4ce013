"""Gather what comparing needs, and compare: couplings, differences, missing options."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.catalog import load_catalog
from navcrm_recon.catalog.model import Option, SideName, TableMapping
from navcrm_recon.errors import examples
from navcrm_recon.frames import TEXT, blanks, conform, empty
from navcrm_recon.recon import couplings as recon_couplings
from navcrm_recon.recon.align import Mask, pair_up, positions
from navcrm_recon.recon.changes import later
from navcrm_recon.recon.couplings import Known, coupled_twice
from navcrm_recon.recon.diff import diff
from navcrm_recon.recon.links import crm_urls, nav_urls
from navcrm_recon.recon.options import OptionSides, missing_options
from navcrm_recon.recon.resolution import Changes
from navcrm_recon.sync.hooks import hook_of
from navcrm_recon.sync.price_lists import standing_apart
from navcrm_recon.sync.references import references
from navcrm_recon.sync.renames import followed_records
from navcrm_recon.sync.scene import Scene, coupling_records, option_rows, records
from navcrm_recon.sync.select import OneWay, closed, columns_of, since_watermark


def observe_couplings(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return frame ``couplings`` of one mapping, with links where the setup knows the addresses."""
    known = followed_records(scene, mapping)
    twice = coupled_twice(known)
    pair = twice["nav_key"] + " / " + twice["crm_id"]
    scene.note(mapping.name, "", mapping.nav.name, twice.assign(subject=pair))
    nav = _known(scene, mapping, "nav", known["nav_key"])
    if mapping.option_attribute is not None:
        crm = _offered_names(offered(scene, mapping))
    else:
        crm = _known(scene, mapping, "crm", known["crm_id"])
    frame = _judged(scene, mapping, recon_couplings.couplings(mapping.name, known, nav, crm))
    apart = standing_apart(scene, mapping)
    frame = frame[~(frame["state"].eq("crm_only") & frame["crm_id"].isin(apart))]
    frame = frame.reset_index(drop=True)
    gone = frame["state"].isin(["both_deleted"])
    nav_keys = frame["nav_key"].mask(gone | frame["state"].eq("nav_deleted"), "")
    crm_ids = frame["crm_id"].mask(gone | frame["state"].eq("crm_deleted"), "")
    web_client = str(scene.setup.get("nav_web_client", ""))
    if not scene.setup.get("solution_installed", True):
        web_client = ""
    server = str(scene.setup.get("server_address", "")) if not mapping.option_attribute else ""
    return frame.assign(
        nav_url=nav_urls(web_client, scene.company, mapping.nav, nav_keys),
        crm_url=crm_urls(server, mapping.crm, crm_ids),
    )


def _judged(scene: Scene, mapping: TableMapping, frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out couplings whose record is only gone because it could not be read, and note them."""
    unread = {}
    sides: tuple[tuple[SideName, str], ...] = (("nav", "nav_key"), ("crm", "crm_id"))
    for side, key in sides:
        gone = frame["state"].isin([f"{side}_deleted", "both_deleted"])
        by_option = side == "crm" and mapping.option_attribute is not None
        left_out: frozenset[str] | None = frozenset()
        if gone.any() and not by_option:
            left_out = scene.side(side).left_out(mapping.table(side))
        unread[side] = gone if left_out is None else gone & frame[key].isin(list(left_out))
    both = frame["state"].eq("both_deleted")
    state = frame["state"].mask(both & unread["nav"], "crm_deleted")
    state = state.mask(both & unread["crm"], "nav_deleted")
    lost = (unread["nav"] | unread["crm"]) & ~(both & (unread["nav"] ^ unread["crm"]))
    reason = "the coupling is not judged: its record could not be read"
    pair = frame["nav_key"] + " / " + frame["crm_id"]
    scene.note(mapping.name, "", mapping.nav.name, _summary(pair[lost], reason))
    return frame.assign(state=state)[~lost].reset_index(drop=True)


def _summary(pairs: pd.Series, reason: str) -> pd.DataFrame:
    """Return one note for any number of couplings."""
    if not len(pairs):
        return pd.DataFrame(columns=["subject", "reason"])
    return pd.DataFrame({"subject": [examples(pairs)], "reason": [reason]})


def _known(scene: Scene, mapping: TableMapping, side: SideName, coupled: pd.Series) -> Known:
    table, name = mapping.table(side), mapping.name_field(side)
    columns = [name] if name else [table.key[0]]
    inside = scene.side(side).read(table, columns, mapping.filters.get(side, ()))
    elsewhere = coupled[(positions(coupled, inside.index) < 0) & coupled.ne("")].drop_duplicates()
    outside = inside.iloc[:0]
    if len(elsewhere) and mapping.filters.get(side):
        outside = scene.side(side).read(table, columns, (), elsewhere.tolist())
    return Known(_names(inside, columns[0]), _names(outside, columns[0]))


def _names(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return blanks(len(frame), TEXT, frame.index)
    return frame[column].astype(TEXT).fillna("")


def _offered_names(options: tuple[Option, ...]) -> Known:
    named = {str(each.value): each.label for each in options if each.value}
    index = pd.Index(list(named), dtype=TEXT, name="crm_id")
    inside = pd.Series(list(named.values()), index=index, dtype=TEXT)
    return Known(inside, inside.iloc[:0])


def offered(scene: Scene, mapping: TableMapping) -> tuple[Option, ...]:
    """Return the options CRM offers for an option mapping: the side's own, else the catalogue's."""
    attribute = mapping.option_attribute or ""
    found = scene.crm.option_set(mapping.crm.name, attribute)
    if found is not None:
        return found
    return scene.catalog.option_sets.get(f"{mapping.crm.name}.{attribute}", ())


def observe_diff(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return frame ``diff`` of one mapping."""
    if mapping.option_attribute is not None:
        return empty("diff")
    known = followed_records(scene, mapping)
    nav, crm = _sent(scene, mapping), records(scene, mapping, "crm")
    pairs, there = pair_up(known, nav.index, crm.index)
    coupled = known.iloc[there].reset_index(drop=True)
    changes = observe_changes(scene, mapping, coupled)
    return diff(mapping, pairs, nav, crm, references(scene, mapping), changes)


def _sent(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return NAV's records as their values are transferred."""
    hook = hook_of(mapping)
    if hook is None or hook.sent is None:
        return records(scene, mapping, "nav")
    where = mapping.filters.get("nav", ())
    return hook.sent(scene.nav.read(mapping.nav, columns_of(mapping, "nav"), where))


def observe_changes(scene: Scene, mapping: TableMapping, coupled: pd.DataFrame) -> Changes:
    """Return what happened to coupled records since their last synchronisation."""
    nav = scene.nav.stamps(mapping.nav)
    crm = scene.crm.stamps(mapping.crm)
    nav_row = nav.iloc[:, 0].reindex(coupled["nav_key"])
    crm_row = crm.reindex(coupled["crm_id"])
    nav_stamp = coupled["last_synch_modified_on"]
    crm_stamp = coupled["last_synch_crm_modified_on"]
    nav_later, crm_later = later(nav_row, nav_stamp), later(crm_row["modified_on"], crm_stamp)
    skipped = coupled["skipped"].to_numpy(dtype=bool)
    failed_to_crm = coupled["last_synch_crm_result"].eq("failure").to_numpy(dtype=bool)
    failed_to_nav = coupled["last_synch_result"].eq("failure").to_numpy(dtype=bool)
    user = str(scene.setup.get("integration_user", "")).lower()
    modified_by = crm_row["modified_by"].fillna("").str.lower()
    open_ = ~closed(scene, mapping, coupled)
    nav_retried, crm_retried = failed_to_crm & ~skipped, failed_to_nav & ~skipped
    return Changes(
        nav_later=nav_later,
        crm_later=crm_later,
        nav_modified=nav_later | nav_retried,
        crm_modified=crm_later | crm_retried,
        nav_picked=(nav_retried | _beyond(scene, mapping, "to_crm", nav_row)) & open_,
        crm_picked=crm_retried | _beyond(scene, mapping, "to_nav", crm_row["modified_on"]),
        own_write=(modified_by.eq(user) & (user != "")).to_numpy(dtype=bool),
        fresh=(nav_stamp.isna() & crm_stamp.isna()).to_numpy(dtype=bool),
        skipped=skipped,
        nav_untimed=nav_row.isna().to_numpy(dtype=bool),
        crm_untimed=crm_row["modified_on"].isna().to_numpy(dtype=bool),
        baseline=coupled["baseline"],
    )


def _beyond(scene: Scene, mapping: TableMapping, direction: OneWay, modified_on: pd.Series) -> Mask:
    """Say which records lie beyond the watermark, or have no modified-on (engine 3.2)."""
    since = None if scene.store is None else since_watermark(scene.store, mapping, direction)
    if since is None:
        return np.ones(len(modified_on), dtype=bool)
    beyond = (modified_on > pd.Timestamp(since)) | modified_on.isna()
    return np.asarray(beyond.to_numpy(), dtype=bool)


def observe_missing_options(scene: Scene) -> pd.DataFrame:
    """Return frame ``missing_options`` of all enabled option mappings."""
    found = [
        _missing_options(scene, mapping)
        for mapping in scene.catalog.mappings.values()
        if mapping.enabled and mapping.option_attribute is not None
    ]
    return pd.concat(found, ignore_index=True) if found else empty("missing_options")


def _missing_options(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    attribute = mapping.option_attribute or ""
    table = mapping.nav
    stored = [
        name
        for name, column in table.columns.items()
        if column.flow is None and column.kind != "rowversion"
    ]
    product = load_catalog().option_sets  # as shipped, whatever this workspace changed
    sides = OptionSides(
        offered=offered(scene, mapping),
        shipped=product.get(f"{mapping.crm.name}.{attribute}", ()),
        rows=option_rows(scene, mapping),
        nav=scene.nav.read(table, stored),
        nav_use=_nav_use(scene, mapping),
        crm_use=_use(scene.crm.read(mapping.crm, [attribute]), attribute),
    )
    found = missing_options(mapping, sides)
    if scene.nav.left_out(table) is None:  # what is not there to be read is not gone
        found = found[found["finding"] != "stale_mapping"].reset_index(drop=True)
    return found


def _nav_use(scene: Scene, mapping: TableMapping) -> pd.Series:
    """Count the NAV records that hold each code, where the same CRM entity is mapped."""
    for other in scene.catalog.mappings.values():
        for row in other.enabled_fields:
            if row.via == mapping.name and other.crm.name == mapping.crm.name and row.nav:
                return _use(scene.nav.read(other.nav, [row.nav.name]), row.nav.name)
    return pd.Series(dtype="int64")


def _use(frame: pd.DataFrame, column: str) -> pd.Series:
    if column not in frame:
        return pd.Series(dtype="int64")
    return frame[column].value_counts()


def observe_counts(scene: Scene) -> pd.DataFrame:
    """Read all that comparing needs, of every enabled mapping, and count it.

    Returns
    -------
    DataFrame
        ``mapping`` (str), ``nav`` and ``crm`` (records inside the filters, int64), ``couplings``
        (int64).
    """
    counted = []
    for name, mapping in scene.catalog.mappings.items():
        if not mapping.enabled or mapping.option_attribute is not None:
            continue
        nav, crm = records(scene, mapping, "nav"), records(scene, mapping, "crm")
        scene.nav.stamps(mapping.nav)
        scene.crm.stamps(mapping.crm)
        counted.append((name, len(nav), len(crm), len(coupling_records(scene, mapping))))
    observe_missing_options(scene)
    counts = pd.DataFrame(counted, columns=["mapping", "nav", "crm", "couplings"])
    return counts.astype({"mapping": TEXT, "nav": "int64", "crm": "int64", "couplings": "int64"})


def not_checked(scene: Scene) -> pd.DataFrame:
    """Return all that could not be checked so far (frame ``not_checked``), each thing once."""
    notes = [scene.nav.not_checked(), scene.crm.not_checked(), *scene.notes]
    every = pd.concat(notes, ignore_index=True)
    mapping_of: dict[str, str] = {}
    for mapping in scene.catalog.mappings.values():
        mapping_of.setdefault(mapping.nav.name, mapping.name)
        if mapping.option_attribute is None:
            mapping_of.setdefault(mapping.crm.name, mapping.name)
    named = every["table"].map(mapping_of).fillna("")
    every["mapping"] = every["mapping"].where(every["mapping"].ne(""), named)
    every = every.drop_duplicates().sort_values(list(every.columns), ignore_index=True)
    return conform(every, "not_checked")
