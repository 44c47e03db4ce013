"""Columns that follow from more than one field: parents, states, rates, units (engine 4.7)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, Condition, Direction, TableMapping
from navcrm_recon.frames import join_key
from navcrm_recon.recon.align import Mask, arrow
from navcrm_recon.recon.fields import FieldWrite, extra_field
from navcrm_recon.recon.passes import as_mask
from navcrm_recon.recon.references import OWNER
from navcrm_recon.recon.transfer import ARROW
from navcrm_recon.sync.references import account_of_company, customer_links, local_currency
from navcrm_recon.sync.renames import followed
from navcrm_recon.sync.scene import Scene

PRODUCT_COLUMNS = (
    "producttypecode", "transactioncurrencyid", "defaultuomid", "quantitydecimal", "statecode",
    "statuscode",
)  # fmt: skip
_PRODUCT_TYPES = {"Item": 1, "Resource": 3}
_RATE_PLACES = Decimal("1e-10")
_TEXT = pa.large_string()


@dataclass(frozen=True)
class Work:
    """Records on their way through a pass; ``old``: their partners beside them, None for new ones.

    ``source`` and ``old`` are record frames with their rows in the same order.
    """

    scene: Scene
    mapping: TableMapping
    direction: Direction
    source: pd.DataFrame
    old: pd.DataFrame | None

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
        given=_there(found),
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


def currency(work: Work) -> list[FieldWrite]:
    """Give a CRM currency its rate, and a new one its precision (documents CU1, CU4)."""
    if work.direction != "to_crm":
        return []
    table = work.scene.catalog.nav["Currency Exchange Rate"]
    names = ["Currency Code", "Starting Date", "Exchange Rate Amount",
             "Relational Exch. Rate Amount"]  # fmt: skip
    where = (Condition("Currency Code", "in", work.source.index.tolist()),)
    rates = work.scene.nav.read(table, names, where).sort_values("Starting Date")
    latest = rates.drop_duplicates("Currency Code", keep="last").set_index("Currency Code")
    found = [_rate(latest, code) for code in work.source["Code"]]
    given = np.array([each is not None for each in found], dtype=bool)
    missing = ~given if work.old is None else work.nowhere
    rates_of = pa.array(found, ARROW["decimal"])
    writes = [
        work.put("exchangerate", rates_of, given=given,
               fails=missing, problem="the currency has no exchange rate; enter one in NAV")
    ]  # fmt: skip
    if work.old is None:
        writes.append(work.put("currencyprecision", currency_precision(work.scene)))
    return writes


def _rate(latest: pd.DataFrame, code: str) -> Decimal | None:
    """Return units of a currency per unit of the local one, None without a rate."""
    if code not in latest.index:
        return None
    row = latest.loc[code]
    amount, relational = row["Exchange Rate Amount"], row["Relational Exch. Rate Amount"]
    if pd.isna(amount) or pd.isna(relational) or not relational:
        return None
    return (Decimal(str(amount)) / Decimal(str(relational))).quantize(_RATE_PLACES)


def currency_precision(scene: Scene) -> int:
    """Return the decimals of a new CRM currency: the organisation says, else two (CU1)."""
    organization = scene.catalog.crm["organization"]
    name = "currencydecimalprecision"
    if name not in organization.columns:
        return 2
    rows = scene.crm.read(organization, [name])
    return int(rows[name].iloc[0]) if len(rows) and rows[name].notna().iloc[0] else 2


def product(work: Work) -> list[FieldWrite]:
    """Give a product its kind, currency, unit and state (documents 4.1, 4.2)."""
    if work.direction == "to_nav":
        if "statecode" not in work.source:
            return []
        retired = work.source["statecode"].fillna(0).ne(0).to_numpy(dtype=bool)
        return [work.put("Blocked", pa.array(retired))]
    blocked = work.source["Blocked"].fillna(False).to_numpy(dtype=bool)
    unit, schedule = _units(work.scene, work.source["Base Unit of Measure"])
    _, lcy = local_currency(work.scene)
    writes = [
        work.put("defaultuomid", unit, given=_there(unit)),
    ]
    if work.mapping.nav.name == "Resource":
        blank = work.source["Base Unit of Measure"].eq("").to_numpy(dtype=bool)
        lost, name = ~_there(schedule), "defaultuomscheduleid"
        writes += [
            work.put(name, schedule, given=work.nowhere, fails=blank, problem=_UNIT_BLANK),
            work.put(name, schedule, given=~lost, fails=lost & ~blank, problem=_UNIT_UNCOUPLED),
        ]
    if lcy:
        writes.append(work.put("transactioncurrencyid", lcy))
    if work.old is None:
        kind = _PRODUCT_TYPES[work.mapping.nav.name]
        writes.append(work.put("producttypecode", kind))
        writes.append(work.put("quantitydecimal", 2))
        blocked = work.nowhere  # a new product is active (documents 4.2)
    state = pa.array(blocked.astype("int64"))
    status = pa.array(np.where(blocked, 2, 1).astype("int64"))
    wrong = ~as_mask(pc.equal(work.before("statecode"), state), False)
    writes.append(work.put("statecode", state, given=wrong))
    writes.append(work.put("statuscode", status, given=wrong))
    return writes


_UNIT_BLANK = "Base Unit of Measure must have a value"
_UNIT_UNCOUPLED = "Base Unit of Measure must be coupled to a unit group"


def _units(scene: Scene, codes: pd.Series) -> tuple[pa.Array, pa.Array]:
    """Return the unit and the unit group each code is coupled to, null where there is none."""
    texts = arrow(codes.reset_index(drop=True)).cast(_TEXT)
    mapping = scene.catalog.mappings.get("UNIT OF MEASURE")
    if mapping is None or scene.store is None:
        return pa.nulls(len(texts), _TEXT), pa.nulls(len(texts), _TEXT)
    wanted = join_key([codes.drop_duplicates()]).tolist()
    known = scene.store.coupling_records(mapping.name, nav_keys=wanted)
    known = followed(scene, scene.store, mapping, known, wanted)
    keys = arrow(join_key([codes.reset_index(drop=True)])).cast(_TEXT)
    groups = _looked_up(keys, known["nav_key"], known["crm_id"])
    table = scene.catalog.crm["uom"]
    where = (Condition("uomscheduleid", "in", known["crm_id"].tolist()),)
    units = scene.crm.read(table, ["uomscheduleid", "isschedulebaseuom"], where)
    units = units.sort_values("isschedulebaseuom").drop_duplicates("uomscheduleid", keep="last")
    return _looked_up(groups, units["uomscheduleid"], units.index.to_series()), groups


def _looked_up(wanted: pa.Array, keys: pd.Series, values: pd.Series) -> pa.Array:
    place = pc.index_in(wanted, value_set=arrow(keys).cast(_TEXT))
    return arrow(values).cast(_TEXT).take(place)


def unit_group(work: Work) -> list[FieldWrite]:
    """Name the unit group of a unit "NAV <code>" (documents U1)."""
    if work.direction != "to_crm":
        return []
    names = pa.array("NAV " + work.source["Code"]).cast(_TEXT)
    return [work.put("name", names)]


def price_line(work: Work) -> list[FieldWrite]:
    """Give a price list line its unit: the price's own, else the item's base unit (PG11)."""
    if work.direction != "to_crm":
        return []
    items = work.scene.nav.read(
        work.scene.catalog.nav["Item"], ["Base Unit of Measure"],
        keys=join_key([work.source["Item No."].drop_duplicates()]).tolist(),
    )  # fmt: skip
    base = items["Base Unit of Measure"].reindex(join_key([work.source["Item No."]])).fillna("")
    codes = work.source["Unit of Measure Code"].reset_index(drop=True)
    codes = codes.where(codes.ne(""), base.reset_index(drop=True))
    unit, schedule = _units(work.scene, codes)
    return [
        work.put("uomid", unit, given=_there(unit)),
        work.put("uomscheduleid", schedule, given=_there(schedule)),
    ]


def _there(values: pa.Array) -> Mask:
    return ~as_mask(values.is_null(), True)
