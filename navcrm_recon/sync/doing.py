"""One pass in the doing: what it knows of every record it examined."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import SideName, TableMapping
from navcrm_recon.frames import as_rows
from navcrm_recon.state.jobs import Job
from navcrm_recon.state.store import Store
from navcrm_recon.sync.examine import Examined
from navcrm_recon.sync.scene import Scene
from navcrm_recon.sync.select import OneWay, Request, sides_of

#: Actions that make a record.
NEW = ("insert", "restore")


@dataclass
class Wanted:
    """What is to be written for one record: values of the destination, and how they read."""

    new: dict[str, Any] = field(default_factory=dict)
    changes: list[tuple[str, str, str, str]] = field(default_factory=list)

    def put(self, side: SideName, name: str, value: Any, old: str, text: str) -> None:
        """Set a column; what is put later wins (R3.46)."""
        if name in self.new:
            self.changes = [row for row in self.changes if row[1] != name]
        self.new[name] = value
        if old != text:
            self.changes.append((side, name, old, text))


@dataclass
class Pass:
    """One pass in the doing: where, what, on whose behalf.

    ``final``: a record that someone changed meanwhile fails; else it is to be decided again.
    ``wanted``, ``baselines``, ``partners``: by position of the record, what is written, what is
    kept of it, and the key it has on the other side; ``made``: the Integration IDs of NAV records
    it makes. ``fresh``: couplings that succeeded for the first time; ``noted``: those the journal
    knows of; ``leaders``: the source keys of records that others follow.
    """

    scene: Scene
    store: Store
    mapping: TableMapping
    direction: OneWay
    request: Request
    job: Job
    examined: Examined
    refusals: pd.DataFrame
    final: bool = False
    wanted: dict[int, Wanted] = field(default_factory=dict)
    baselines: dict[int, bytes] = field(default_factory=dict)
    partners: dict[int, str] = field(default_factory=dict)
    made: dict[int, str] = field(default_factory=dict)
    fresh: list[tuple[str, str]] = field(default_factory=list)
    noted: list[tuple[str, str]] = field(default_factory=list)
    leaders: list[str] = field(default_factory=list)

    @property
    def source(self) -> SideName:
        """The side the pass reads."""
        return sides_of(self.direction)[0]

    @property
    def other(self) -> SideName:
        """The side the pass writes."""
        return sides_of(self.direction)[1]

    @cached_property
    def actions(self) -> list[str]:
        """What was decided about each record."""
        return self.examined.decisions["action"].tolist()

    @cached_property
    def rules(self) -> list[str]:
        """The row of the decision table that decided about each record."""
        return self.examined.decisions["rule"].tolist()

    @cached_property
    def keys(self) -> list[str]:
        """The key of each record on the source side."""
        return [str(key) for key in self.examined.picked.records.index]

    @cached_property
    def partner_keys(self) -> list[str]:
        """The key of each record's partner, blank where there is none."""
        return self.examined.partner.tolist()

    @cached_property
    def couplings(self) -> list[dict[str, Any]]:
        """The coupling of each record, a row of ``coupling_records``; blank keys without one."""
        return as_rows(self.examined.picked.couplings)

    @cached_property
    def identities(self) -> list[str]:
        """The Integration ID of each NAV record that is there, blank where it is not known."""
        there = self.examined
        found = there.picked.identity if self.direction == "to_crm" else there.partner_identity
        return found.tolist()

    def integration_id(self, place: int) -> str:
        """Return the Integration ID of the NAV record, blank where it is not known."""
        return self.made.get(place) or str(self.identities[place])

    def keeps_baseline(self, place: int) -> bool:
        """Say whether the baseline stays as it was: the other pass has something to bring yet."""
        return bool(self.examined.keeps[place]) or self.request.links
