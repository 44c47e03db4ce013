"""Both sides, the state and the catalogue of one workspace, and reading from them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from navcrm_recon.catalog.model import Catalog, Condition, SideName, Table, TableMapping
from navcrm_recon.frames import INDEX_NAMES, TEXT, blanks, conform, dtype_of
from navcrm_recon.sides.nav_couplings import nav_coupling_records, nav_option_mapping
from navcrm_recon.sides.side import Side
from navcrm_recon.state.store import Store

#: So many values stand in one condition.
_AT_ONCE = 1_000


def now() -> datetime:
    """Return the time of this machine, in UTC."""
    return datetime.now(UTC)


def new_id(_mapping: str, _source: str) -> str:
    """Return an id for a record that is about to be made."""
    return str(uuid.uuid4())


@dataclass
class Scene:
    """Both sides, the state and the catalogue of one workspace.

    ``store`` is None where NAV's own tables hold the couplings (contract 3, ``couplings: nav``).
    ``notes`` collects what could not be checked beyond what the sides list themselves; ``known``
    keeps the couplings and option mappings read so far. ``clock`` says what time it is (UTC);
    ``timezone`` names the zone of NAV's work date (``today``).
    ``new_id`` gives a record about to be made the id it is known by (a plan gives it a name);
    ``run_id`` groups the jobs of one run.
    """

    catalog: Catalog
    nav: Side
    crm: Side
    store: Store | None
    company: str
    setup: Mapping[str, Any]
    notes: list[pd.DataFrame] = field(default_factory=list)
    clock: Callable[[], datetime] = now
    timezone: str = "UTC"
    new_id: Callable[[str, str], str] = new_id
    run_id: str = ""
    known: dict[tuple[str, str], pd.DataFrame] = field(default_factory=dict, repr=False)

    def fresh(self) -> Scene:
        """Return the same scene for one question: couplings are read once, and then forgotten."""
        return replace(self, known={})

    def today(self) -> date:
        """Return NAV's work date: the day it is now in the zone of the workspace."""
        return self.clock().astimezone(ZoneInfo(self.timezone)).date()

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
        return _once(scene, "couplings", mapping.name, scene.store.coupling_records)
    every = _once(scene, "couplings", "", lambda _: _noted(scene, nav_coupling_records))
    return every[every["mapping"] == mapping.name].reset_index(drop=True)


def option_rows(scene: Scene, mapping: TableMapping) -> pd.DataFrame:
    """Return the mapping's rows of the option mapping (frame ``option_mapping``)."""
    if scene.store is not None:
        return _once(scene, "options", mapping.name, scene.store.option_mapping)
    every = _once(scene, "options", "", lambda _: _noted(scene, nav_option_mapping))
    return every[every["mapping"] == mapping.name].reset_index(drop=True)


def _once(scene: Scene, what: str, name: str, read: Callable[[str], pd.DataFrame]) -> pd.DataFrame:
    """Read something the first time it is asked for."""
    if (what, name) not in scene.known:
        scene.known[what, name] = read(name)
    return scene.known[what, name]


def _noted(
    scene: Scene, read: Callable[[Side, Catalog], tuple[pd.DataFrame, pd.DataFrame]]
) -> pd.DataFrame:
    """Read from NAV's own tables, and remember what could not be told."""
    found, lost = read(scene.nav, scene.catalog)
    scene.notes.append(lost)
    return found


def records(scene: Scene, mapping: TableMapping, side: SideName) -> pd.DataFrame:
    """Return the rows of one side inside the mapping's filter, with the columns it compares."""
    where = mapping.filters.get(side, ())
    return scene.side(side).read(mapping.table(side), mapping.columns(side), where)


def read_available(
    side: Side,
    table: Table,
    columns: Sequence[str],
    where: Sequence[Condition] = (),
    keys: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Read a record frame as ``Side.read``; a table or column that is not there is blank.

    For tables beyond the mappings, which not every NAV 2018 database has (service, for instance).
    """
    there = side.available(table)
    if not there or any(each.field not in there for each in where):
        index = pd.Index([], dtype=TEXT, name=INDEX_NAMES[side.name])
        none = {name: blanks(0, dtype_of(table, name), index) for name in columns}
        return pd.DataFrame(none, index=index)
    found = side.read(table, [name for name in columns if name in there], where, keys)
    lost = {name: blanks(len(found), dtype_of(table, name), found.index)
            for name in columns if name not in found}  # fmt: skip
    return found.assign(**lost)[list(columns)]


def read_naming(
    side: Side,
    table: Table,
    columns: Sequence[str],
    field: str,
    values: Iterable[str],
    *where: Condition,
) -> pd.DataFrame:
    """Read the records whose field has one of some values, blank ones aside; no others are read."""
    wanted = [each for each in dict.fromkeys(values) if each]
    parts = [
        read_available(
            side, table, columns, (*where, Condition(field, "in", wanted[at : at + _AT_ONCE]))
        )
        for at in range(0, max(len(wanted), 1), _AT_ONCE)
    ]
    return pd.concat(parts).sort_index() if len(parts) > 1 else parts[0]
