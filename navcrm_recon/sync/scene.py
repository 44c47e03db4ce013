"""Both sides, the state and the catalogue of one workspace, and reading from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import Catalog, SideName, TableMapping
from navcrm_recon.frames import TEXT, conform
from navcrm_recon.sides.nav_couplings import nav_coupling_records, nav_option_mapping
from navcrm_recon.sides.side import Side
from navcrm_recon.state.store import Store


@dataclass
class Scene:
    """Both sides, the state and the catalogue of one workspace.

    ``store`` is None where NAV's own tables hold the couplings (contract 3, ``couplings: nav``).
    ``notes`` collects what could not be checked beyond what the sides list themselves.
    """

    catalog: Catalog
    nav: Side
    crm: Side
    store: Store | None
    company: str
    setup: Mapping[str, Any]
    notes: list[pd.DataFrame] = field(default_factory=list)

    def side(self, name: SideName) -> Side:
        """Return one of the two sides."""
        return self.nav if name == "nav" else self.crm

    def note(self, mapping: str, side: str, table: str, rows: pd.DataFrame) -> None:
        """Remember things not checked; ``rows`` has ``subject`` and ``reason``."""
        if len(rows):
            about = rows[["subject", "reason"]].assign(mapping=mapping, side=side, table=table)
            self.notes.append(conform(about, "not_checked"))


def coupling_records(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return the mapping's couplings (frame ``coupling_records``), of options too."""
    if mapping.option_attribute is not None:
        rows = option_rows(scene, mapping)
        value = rows["value"].astype(TEXT)
        records = rows.assign(crm_id=value)[["mapping", "nav_key", "crm_id"]]
        return conform(records, "coupling_records")
    if scene.store is not None:
        return scene.store.coupling_records(mapping.name)
    records, lost = nav_coupling_records(scene.nav, scene.catalog)
    scene.notes.append(lost)
    return records[records["mapping"] == mapping.name].reset_index(drop=True)


def option_rows(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return the mapping's rows of the option mapping (frame ``option_mapping``)."""
    if scene.store is not None:
        return scene.store.option_mapping(mapping.name)
    rows, lost = nav_option_mapping(scene.nav, scene.catalog)
    scene.notes.append(lost)
    return rows[rows["mapping"] == mapping.name].reset_index(drop=True)


def records(scene: Scene, mapping: TableMapping, side: SideName) -> pd.DataFrame:
    """Return the rows of one side inside the mapping's filter, with the columns it compares."""
    where = mapping.filters.get(side, ())
    return scene.side(side).read(mapping.table(side), mapping.columns(side), where)
