"""References that could not be resolved while their partner was not coupled (engine R8.4)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

import pandas as pd

from navcrm_recon.catalog.model import (
    Catalog,
    Column,
    FieldMapping,
    SideName,
    TableMapping,
)
from navcrm_recon.frames import conform, empty, split_key
from navcrm_recon.sync.references import customer_links
from navcrm_recon.sync.scene import Scene, read_naming
from navcrm_recon.sync.select import OneWay

#: A mapping, a direction, and the source records a link pass looks at.
Link = tuple[TableMapping, OneWay, list[str]]


#: The journal's word for records that others may refer to, until a link pass has been.
LINKS = "links"


def may_be_referred_to(catalog: Catalog, mapping: TableMapping) -> bool:
    """Say whether a link pass can follow the coupling of a mapping's records."""
    mappings = catalog.mappings.values()
    named = any(row.via == mapping.name for other in mappings for row in link_rows(other))
    return named or mapping.nav.name == "Customer"


def noted_links(scene: Scene, mapping: TableMapping, fresh: pd.DataFrame) -> pd.DataFrame:
    """Return the journal entry that says a link pass is due; frame ``journal``, empty for none.

    Parameters
    ----------
    fresh
        ``nav_key`` and ``crm_id`` of new couplings, with ``job_id`` and ``direction``.
    """
    if not len(fresh) or not may_be_referred_to(scene.catalog, mapping):
        return empty("journal")
    pairs = fresh[["nav_key", "crm_id"]].to_numpy().tolist()
    entry = (
        fresh[["job_id", "direction"]]
        .head(1)
        .assign(
            id=scene.new_id("journal", ""),
            mapping=mapping.name,
            action=LINKS,
            at=scene.clock(),
            changes=json.dumps(pairs, ensure_ascii=False),
        )
    )
    return conform(entry, "journal")


def links_after(scene: Scene, mapping: TableMapping, fresh: pd.DataFrame) -> Iterator[Link]:
    """Return the records that may refer to records coupled just now.

    A link pass fills what is blank on the other side, and nothing else.

    Parameters
    ----------
    fresh
        ``nav_key`` and ``crm_id`` of the couplings that are new.
    """
    codes = [split_key(key)[0] for key in fresh["nav_key"]]
    ids = fresh["crm_id"].tolist()
    for other in scene.catalog.mappings.values():
        for row in link_rows(other):
            if other.enabled and row.via == mapping.name:
                if row.runs("to_crm") and other.direction != "to_nav":
                    yield other, "to_crm", naming(scene, other, "nav", row.nav, codes)
                if row.runs("to_nav") and other.direction != "to_crm":
                    yield other, "to_nav", naming(scene, other, "crm", row.crm, ids)
    if mapping.nav.name == "Customer":
        yield from _contacts(scene, codes)


def link_rows(mapping: TableMapping) -> list[FieldMapping]:
    """Return the field mappings whose reference may be missing for a while."""
    return [row for row in mapping.enabled_fields if row.via and row.clear_on_failed_sync]


def _contacts(scene: Scene, customers: list[str]) -> Iterator[Link]:
    """Return the contacts of the companies of customers: they get their parent account."""
    for mapping in scene.catalog.mappings.values():
        if mapping.nav.name == "Contact" and mapping.enabled and mapping.direction != "to_nav":
            companies = customer_links(scene, "No.", customers)["Contact No."].tolist()
            column = mapping.nav.columns["Company No."]
            yield mapping, "to_crm", naming(scene, mapping, "nav", column, companies)


def naming(
    scene: Scene,
    mapping: TableMapping,
    side: SideName,
    column: Column | None,
    values: Sequence[str],
) -> list[str]:
    """Return the keys of a mapping's records that name one of some values in a column."""
    if column is None:
        return []
    where = mapping.filters.get(side, ())
    found = read_naming(scene.side(side), mapping.table(side), [], column.name, values, *where)
    return found.index.tolist()
