"""Columns that follow from more than one field: parents, states, rates, units (engine 4.7)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, Direction, TableMapping
from navcrm_recon.frames import join_key
from navcrm_recon.recon.align import Mask, arrow
from navcrm_recon.recon.fields import FieldWrite, after, extra_field
from navcrm_recon.recon.passes import as_mask
from navcrm_recon.recon.references import OWNER
from navcrm_recon.recon.transfer import ARROW
from navcrm_recon.sync.references import account_of_company, customer_links
from navcrm_recon.sync.scene import Scene

_TEXT = pa.large_string()


@dataclass(frozen=True)
class Work:
    """Records on their way through a pass; ``old``: their partners beside them, None for new ones.

    ``source`` and ``old`` are record frames with their rows in the same order. ``fields``: what
    the field mappings write; ``completing``: the records were made just now, in this very pass.
    """

    scene: Scene
    mapping: TableMapping
    direction: Direction
    source: pd.DataFrame
    old: pd.DataFrame | None
    fields: Sequence[FieldWrite] = ()
    completing: bool = False

    def __len__(self) -> int:
        return len(self.source)

    def before(self, name: str) -> pa.Array:
        """Return what a column of the destination holds, null in new records."""
        kind = ARROW.get(self._column(name).kind, _TEXT)
        if self.old is None or name not in self.old:
            return pa.nulls(len(self), kind)
        return arrow(self.old[name]).cast(kind)

    def put(self, name: str, new: Any, **how: Any) -> FieldWrite:
        """Return the write of a column of the destination; one value stands for every record."""
        column = self._column(name)
        kind = ARROW.get(column.kind, _TEXT)
        values = new if isinstance(new, pa.Array) else pa.array([new] * len(self), kind)
        if column.access not in ("full", "insert" if self.old is None else "modify"):
            how["given"] = self.nowhere  # the side does not take it
        return extra_field(column, self.before(name), values, **how)

    def after(self, name: str) -> pa.Array:
        """Return what a column of the destination holds once the mapped fields are written."""
        values = self.before(name)
        for each in self.fields:
            if each.column.name == name:
                values = after(each)
        return values

    def refuse(self, column: Column, found: pd.Series, problems: pd.Series) -> FieldWrite:
        """Return a write that writes nothing and fails the records that have a problem.

        ``column``: what the error is about; ``found``: the value it names; ``problems``: what was
        found and what to do, as sentences, blank for no error.
        """
        pair = (found.reset_index(drop=True), problems.reset_index(drop=True))
        values, texts = (arrow(each).cast(_TEXT) for each in pair)
        fails = ~as_mask(pc.equal(texts, ""), True)
        named = replace(column, kind="text")
        return extra_field(named, values, values, given=self.nowhere, fails=fails, problem=texts)

    @property
    def nowhere(self) -> Mask:
        """A mask that holds for no record."""
        return np.zeros(len(self), dtype=bool)

    def _column(self, name: str) -> Column:
        table = self.mapping.crm if self.direction == "to_crm" else self.mapping.nav
        return table.columns[name]


#: Returns the further columns of the destination a pass writes.
Adjust = Callable[[Work], list[FieldWrite]]


def customer(work: Work) -> list[FieldWrite]:
    """Block the customer of an inactive account; never unblock (FLD-021, engine 4.7)."""
    if work.direction != "to_nav" or "statecode" not in work.source:
        return []
    team = owned_by_team(work)
    inactive = work.source["statecode"].eq(1).fillna(False).to_numpy(dtype=bool)
    before = work.before("Blocked")
    free = as_mask(pc.equal(pc.fill_null(before, 0), 0), True)
    blocked = work.put("Blocked", 3, given=inactive & free)
    return [blocked, *team]


def contact(work: Work) -> list[FieldWrite]:
    """Find the parent account of the company, and back the company of the account (engine 4.5).

    A new CRM contact needs a company that is a customer, if not yet a coupled one; a new NAV
    contact needs the company. Of contacts that are there it travels like any field both sides
    have: an edit on both is a conflict.
    """
    own = "Company No." if work.direction == "to_crm" else "parentcustomerid"
    values = arrow(work.source[own]).cast(_TEXT)
    named = [each for each in values.unique().to_pylist() if each]
    if work.direction == "to_crm":
        known = account_of_company(work.scene, named, [])
        found = known.crm.take(pc.index_in(values, value_set=known.nav))
        linked = customer_links(work.scene, "Contact No.", named)["Contact No."]
        lost = ~np.asarray(work.source[own].isin(list(linked)).to_numpy(), dtype=bool)
        problem = "the company of the contact is not related to a customer. Make it one in NAV"
    else:
        known = account_of_company(work.scene, [], named)
        found = known.nav.take(pc.index_in(values, value_set=known.crm))
        lost = as_mask(found.is_null(), True)
        problem = "the company does not exist: the parent account is not coupled to a customer " \
            "that has a company contact. Synchronise or couple that account first"  # fmt: skip
    fails = lost if work.old is None else work.nowhere
    column = "parentcustomerid" if work.direction == "to_crm" else "Company No."
    parent = work.put(
        column,
        pc.fill_null(found, ""),
        given=there(found),
        fails=fails,
        problem=f"{own}: {problem}",
        both=work.old is not None,
    )
    return [*owned_by_team(work), replace(parent, source=values)]


def ignored_contacts(
    scene: Scene, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> Mask | None:
    """Leave out companies, and persons whose company is no customer (engine 3.5)."""
    if direction != "to_crm" or not len(records):
        return None
    companies = records["Company No."].unique().tolist()
    linked = customer_links(scene, "Contact No.", [each for each in companies if each])
    person = records["Type"].eq(1).fillna(False)
    kept = person & records["Company No."].isin(list(linked["Contact No."]))
    return ~kept.to_numpy(dtype=bool)


def owners(
    scene: Scene, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> list[tuple[str, list[str]]]:
    """Return the users who own CRM records and are not coupled yet (engine 4.4)."""
    mapped = any(row.crm and row.crm.name == OWNER and row.runs(direction)
                 for row in mapping.enabled_fields)  # fmt: skip
    if direction != "to_nav" or not mapped or scene.store is None or OWNER not in records:
        return []
    users = sorted({each for each in records[OWNER] if each})
    coupled = scene.store.coupling_records("SALESPEOPLE", crm_ids=users)["crm_id"]
    return [("SALESPEOPLE", sorted(set(users) - set(coupled)))]


def owned_by_team(work: Work) -> list[FieldWrite]:
    """Fail a record that a team owns: a team is no salesperson (documents 5.2)."""
    name = "Salesperson Code"
    mapped = any(row.pair == (name, OWNER) and row.runs(work.direction)
                 for row in work.mapping.enabled_fields)  # fmt: skip
    if work.direction != "to_nav" or not mapped or "owneridtype" not in work.source:
        return []
    team = ~work.source["owneridtype"].isin(["", "systemuser"]).to_numpy(dtype=bool)
    problem = "the owner is not a user; give the record to a user"
    return [work.put(name, "", given=work.nowhere, fails=team, problem=problem)]


def customers_of_contacts(
    scene: Scene, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> list[tuple[str, list[str]]]:
    """Return the customers a new CRM contact needs the accounts of, where these are not coupled."""
    if direction != "to_crm" or scene.store is None:
        return []
    companies = [each for each in records["Company No."].unique().tolist() if each]
    keys = join_key([customer_links(scene, "Contact No.", companies)["No."]])
    coupled = scene.store.coupling_records("CUSTOMER", nav_keys=keys.tolist())["nav_key"]
    return [("CUSTOMER", sorted(set(keys) - set(coupled)))]


def there(values: pa.Array) -> Mask:
    """Say where values are not null."""
    return ~as_mask(values.is_null(), True)
