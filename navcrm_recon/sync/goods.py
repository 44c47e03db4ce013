"""Products, their units and their own price (documents 4.1 to 4.5, 4.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Condition, Direction, TableMapping
from navcrm_recon.frames import TEXT, join_key
from navcrm_recon.recon.align import Mask, arrow
from navcrm_recon.recon.fields import FieldWrite
from navcrm_recon.recon.passes import as_mask
from navcrm_recon.recon.units import INACTIVE, checked_units, group_name, units_in_groups
from navcrm_recon.sync.adjust import Work, there
from navcrm_recon.sync.beside import rows_beside, stand_beside
from navcrm_recon.sync.make import Make
from navcrm_recon.sync.price_lists import default_price_list
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.scene import Scene, read_available, read_naming

NAV_COLUMNS = ("Base Unit of Measure", "Blocked", "Vendor No.")
CRM_COLUMNS = (
    "producttypecode", "transactioncurrencyid", "defaultuomid", "defaultuomscheduleid",
    "quantitydecimal", "price", "pricelevelid", "vendorname", "statecode", "statuscode",
)  # fmt: skip
_PRODUCT_TYPES = {"Item": 1, "Resource": 3}
_ACTIVE, _RETIRED = (0, 1), (1, 2)
_CURRENCY_AMOUNT = 1
_UNIT = "Base Unit of Measure"
_WRITE_IN = "Write-in Product No."
_TEXT = pa.large_string()


@dataclass(frozen=True)
class Units:
    """The CRM unit and unit group of each record, null where none may be used, and why.

    ``problem``: sentences, blank where all is well.
    """

    unit: pa.Array
    group: pa.Array
    problem: pd.Series


def units_of(scene: Scene, codes: pd.Series, what: str) -> Units:
    """Return the unit each code may be used as (documents 4.5).

    ``what``: the field that holds the codes, as the problems name it.
    """
    names = group_name(codes[codes.ne("")].drop_duplicates())
    groups = read_naming(scene.crm, scene.catalog.crm["uomschedule"], ["name"], "name", names)
    found = checked_units(codes, groups, read_units(scene, groups.index))
    codes = codes.reset_index(drop=True)
    rows = found.reindex(codes).reset_index(drop=True)
    problem = what + " '" + codes + "': " + rows["problem"].fillna("")
    problem = problem.where(rows["problem"].fillna("").ne(""), "")
    problem = problem.mask(codes.eq(""), f"{what} must have a value. Fill it in.")
    ids = [arrow(rows[name].mask(rows[name].eq(""))).cast(_TEXT)
           for name in ("uomid", "uomscheduleid")]  # fmt: skip
    return Units(ids[0], ids[1], problem.astype(TEXT))


def read_units(scene: Scene, groups: pd.Index[str]) -> pd.DataFrame:
    """Return the units of unit groups, as ``recon.units`` takes them."""
    names = ["name", "uomscheduleid", "quantity", "isschedulebaseuom"]
    table = scene.catalog.crm["uom"]
    return read_naming(scene.crm, table, names, "uomscheduleid", groups)


def unit_group(work: Work) -> list[FieldWrite]:
    """Name the unit group of a unit "NAV <code>", and its one unit by the code (U1, U4 to U7)."""
    if work.direction != "to_crm":
        return []
    codes = work.source["Code"].reset_index(drop=True)
    name = work.put("name", arrow(group_name(codes)).cast(_TEXT))
    if work.old is None:
        return [name]
    schedules = work.old.index
    inside = units_in_groups(read_units(work.scene, schedules)).reindex(schedules)
    inside = inside.reset_index(drop=True)
    shown = work.old["name"].reset_index(drop=True)
    inactive = work.old["statecode"].eq(INACTIVE).fillna(False).to_numpy(dtype=bool)
    count = inside["units"].fillna(0).astype("int64")
    named = 'the unit group "' + shown + '" '
    several = named + "has " + count.astype(TEXT) + " units. Leave it one."
    problem = pd.Series("", index=codes.index, dtype=TEXT)
    problem = problem.mask(count.gt(1), several)
    problem = problem.mask(inactive, named + "is inactive. Activate it in CRM.")
    refused = work.refuse(work.mapping.nav.columns["Code"], codes, problem)
    return [name, refused, *_named_unit(work, inside, codes)]


def _named_unit(work: Work, inside: pd.DataFrame, codes: pd.Series) -> list[FieldWrite]:
    """Rename the one unit of a group that is named otherwise (documents U7)."""
    uom = work.scene.catalog.crm["uom"]
    one = inside["uomid"].notna().to_numpy(dtype=bool)
    old = pd.DataFrame({"name": inside["unit_name"]})
    keys = arrow(inside["uomid"])
    writes = stand_beside(uom, keys, old, one, {"name": arrow(codes).cast(_TEXT)})
    return [replace(each, writes=each.writes & one) for each in writes]


def product(work: Work) -> list[FieldWrite]:
    """Give a product its kind, currency, unit, vendor, price list and state (4.1, 4.2, 4.8)."""
    if work.direction == "to_nav":
        if "statecode" not in work.source:
            return []
        retired = work.source["statecode"].fillna(0).ne(0).to_numpy(dtype=bool)
        return [work.put("Blocked", pa.array(retired))]
    units = units_of(work.scene, work.source[_UNIT], _UNIT)
    _, lcy = local_currency(work.scene)
    writes = [
        _write_in_product(work),
        *_unit(work, units),
        work.put("vendorname", _vendor_names(work)),
    ]
    if lcy:
        writes.append(work.put("transactioncurrencyid", lcy))
    if work.old is None:
        writes.append(work.put("producttypecode", _PRODUCT_TYPES[work.mapping.nav.name]))
        writes.append(work.put("quantitydecimal", 2))
    return [*writes, *_own_price(work, units, lcy), *_state(work)]


def _unit(work: Work, units: Units) -> list[FieldWrite]:
    """Give a product its unit and unit group, which must be valid (documents PR2, 4.5)."""
    coupled = work.after("defaultuomscheduleid") if work.mapping.nav.name == "Item" else units.group
    other = as_mask(pc.not_equal(coupled, units.group), False)
    codes = work.source[_UNIT].reset_index(drop=True)
    text = _UNIT + " '" + codes + "': the unit of measure is coupled to another unit group than " \
        + '"' + group_name(codes) + '". Couple it with that one.'  # fmt: skip
    problem = units.problem.mask(pd.Series(other) & units.problem.eq(""), text)
    column = work.mapping.nav.columns[_UNIT]
    return [
        work.refuse(column, codes, problem),
        work.put("defaultuomid", units.unit, given=there(units.unit)),
        work.put("defaultuomscheduleid", units.group, given=there(units.group)),
    ]


def _vendor_names(work: Work) -> pa.Array:
    """Return the name of each record's vendor, by its number (documents 4.1, G14)."""
    numbers = work.source["Vendor No."]
    vendors = read_naming(
        work.scene.nav, work.scene.catalog.nav["Vendor"], ["Name"], "No.", numbers
    )
    names = vendors["Name"].set_axis(vendors.index)
    return arrow(join_key([numbers]).map(names).astype(TEXT).fillna("")).cast(_TEXT)


def blocked(records: pd.DataFrame) -> Mask:
    """Say which items or resources are blocked; a new product of one retires in the next run."""
    return np.asarray(records["Blocked"].fillna(False).to_numpy(dtype=bool))


def _state(work: Work) -> list[FieldWrite]:
    """Retire the products of what is blocked, activate the others; new ones are active (4.2)."""
    is_new = work.old is None or work.completing
    retired = work.nowhere if is_new else blocked(work.source)
    states = [pa.array(np.where(retired, *pair)) for pair in zip(_RETIRED, _ACTIVE, strict=True)]
    wrong = ~as_mask(pc.equal(work.before("statecode"), states[0]), False)
    names = ("statecode", "statuscode")
    return [work.put(n, state, given=wrong) for n, state in zip(names, states, strict=True)]


def _own_price(work: Work, units: Units, lcy: str | None) -> list[FieldWrite]:
    """Give a product that is there its default price list, and its line in it (DP2, DP3, DP5)."""
    prices = default_price_list(work.scene)
    if work.old is None or prices is None or prices.make is not None:
        return []
    table, products = work.scene.catalog.crm["productpricelevel"], work.old.index
    amount = pc.fill_null(work.after("price"), 0)
    new = {
        "pricelevelid": prices.crm_id,
        "productid": arrow(products.to_series()).cast(_TEXT),
        "uomid": units.unit,
        "uomscheduleid": units.group,
        "amount": amount,
        "transactioncurrencyid": lcy,
        "pricingmethodcode": _CURRENCY_AMOUNT,
    }
    lists = Condition("pricelevelid", "eq", prices.crm_id)
    found = read_naming(work.scene.crm, table, list(new), "productid", products, lists)
    old, has_one = rows_beside(found, "productid", products)
    keys = pd.Series(old.index, dtype=TEXT)
    keys[~has_one] = [
        work.scene.new_id(table.name, str(key)) for key in work.source.index[~has_one]
    ]
    line = stand_beside(table, arrow(keys), old, has_one, new)
    return [work.put("pricelevelid", prices.crm_id), *line]


def lists_of_products(scene: Scene, mapping: TableMapping, _: pd.DataFrame) -> Sequence[Make]:
    """Return the default price list, where it is not in CRM yet (documents DP1, DP4)."""
    found = default_price_list(scene)
    return [found.make] if found is not None and found.make is not None else []


def write_in_number(scene: Scene) -> str:
    """Return the number of the write-in item or resource, blank where there is none."""
    table = scene.catalog.nav["Sales & Receivables Setup"]
    rows = read_available(scene.nav, table, [_WRITE_IN])
    return str(rows[_WRITE_IN].iloc[0]) if len(rows) else ""


def write_in_products(
    scene: Scene, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> Mask | None:
    """Leave out the write-in item or resource: it stands for many products (documents W4)."""
    number = write_in_number(scene) if direction == "to_crm" and len(records) else ""
    return records["No."].eq(number).to_numpy(dtype=bool) if number else None


def _write_in_product(work: Work) -> FieldWrite:
    """Refuse the write-in item or resource (documents W4)."""
    numbers = work.source["No."].reset_index(drop=True)
    number = write_in_number(work.scene)
    problem = f"No. '{number}' is the write-in product of Sales & Receivables Setup, which has " \
        "no product of its own in CRM. Leave it out, or uncouple it."  # fmt: skip
    texts = pd.Series("", index=numbers.index, dtype=TEXT)
    texts = texts.mask(numbers.eq(number) & numbers.ne(""), problem)
    return work.refuse(work.mapping.nav.columns["No."], numbers, texts)
