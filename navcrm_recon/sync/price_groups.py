"""Customer price groups and their sales prices, price lists and their lines (documents 4.9)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Direction, TableMapping
from navcrm_recon.frames import TEXT, conform, join_key
from navcrm_recon.recon.align import Mask, arrow
from navcrm_recon.recon.fields import FieldWrite
from navcrm_recon.recon.passes import as_mask
from navcrm_recon.recon.prices import COLUMNS, mixed_groups, units_of_prices, winners
from navcrm_recon.state.store import Store
from navcrm_recon.sync.adjust import Work
from navcrm_recon.sync.goods import units_of
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.renames import followed
from navcrm_recon.sync.scene import Scene, read_naming

ITEMS, PRICES = "ITEM-PRODUCT", "SALESPRC-PRODPRICE"
GROUP_COLUMNS = ("Description",)
LIST_COLUMNS = ("transactioncurrencyid", "description")
PRICE_COLUMNS = tuple(name for name in COLUMNS if name not in ("Ending Date", "Unit Price"))
LINE_COLUMNS = ("uomid", "uomscheduleid")
_UNIT = "Unit of Measure Code"
_NONE = pd.Series(dtype=TEXT)
_TEXT = pa.large_string()


def prices_of_groups(scene: Scene, groups: pd.Series) -> pd.DataFrame:
    """Return the sales prices of customer price groups that may travel to CRM (PG6)."""
    mapping = scene.catalog.mappings[PRICES]
    where = mapping.filters.get("nav", ())
    columns = list(PRICE_COLUMNS)
    return read_naming(scene.nav, mapping.nav, columns, "Sales Code", groups, *where)


def base_units(scene: Scene, items: pd.Series) -> pd.Series:
    """Return the base unit of measure of some items, by their number."""
    names = ["No.", "Base Unit of Measure"]
    rows = read_naming(scene.nav, scene.catalog.nav["Item"], names, "No.", items)
    return rows.set_index("No.")["Base Unit of Measure"]


def effective_units(scene: Scene, prices: pd.DataFrame) -> pd.Series:
    """Return the unit each sales price is for; items are read where prices name none (PG11)."""
    unnamed = prices.loc[prices[_UNIT].eq(""), "Item No."]
    return units_of_prices(prices, base_units(scene, unnamed) if len(unnamed) else _NONE)


def price_group(work: Work) -> list[FieldWrite]:
    """Give a price list its currency and description, if all prices of the group are good.

    They must be in one currency, that of the list; their items and units must be valid. One bad
    price fails the whole group (documents PG1 to PG4).
    """
    if work.direction != "to_crm":
        return []
    groups = work.source["Code"].reset_index(drop=True)
    prices = prices_of_groups(work.scene, groups)
    of_group = prices.drop_duplicates("Sales Code").set_index("Sales Code")["Currency Code"]
    currency = groups.map(of_group).astype(TEXT).fillna("")
    ids = _currency_ids(work.scene, currency)
    problem = _problems(work.scene, groups, prices, currency, ids)
    before = work.before("transactioncurrencyid")
    moved = as_mask(pc.and_(pc.not_equal(before, ""), pc.not_equal(before, arrow(ids))), False)
    moved &= ids.ne("").to_numpy(dtype=bool) & problem.eq("").to_numpy(dtype=bool)
    text = "its sales prices are in " + _shown(work.scene, currency) + ", and its price list is " \
        "in another currency, which it keeps. Couple the group to a list in that currency, or " \
        "uncouple it and let a new list be made."  # fmt: skip
    problem = problem.mask(pd.Series(moved), text)
    column = work.scene.catalog.mappings[PRICES].nav.columns["Currency Code"]
    writes = [
        work.refuse(column, currency, problem),
        work.put("transactioncurrencyid", arrow(ids), given=ids.ne("").to_numpy(dtype=bool)),
    ]
    if work.old is None:
        text = work.source["Description"]
        writes.append(work.put("description", arrow(text).cast(_TEXT)))
    return writes


def _problems(
    scene: Scene, groups: pd.Series, prices: pd.DataFrame, currency: pd.Series, ids: pd.Series
) -> pd.Series:
    """Say what is wrong with each group's prices; the first thing that is."""
    mixed = mixed_groups(prices)
    named = groups.map(_named_currencies(scene, mixed)).astype(TEXT).fillna("")
    several = "its sales prices are in several currencies: " + named + ". Use one customer price " \
        "group for each currency."  # fmt: skip
    several = several.where(named.ne(""), "")
    unknown = "the currency " + currency + " of its sales prices is not in CRM. Synchronise the " \
        "currency first."  # fmt: skip
    unknown = unknown.where(ids.eq("") & currency.ne(""), "")
    by_price = _price_problems(scene, prices)
    first = by_price[by_price.ne("")].groupby(prices["Sales Code"]).first()
    out = pd.Series("", index=groups.index, dtype=TEXT)
    for texts in (groups.map(first).astype(TEXT).fillna(""), unknown, several):
        out = out.mask(texts.ne(""), texts)
    return out


def _price_problems(scene: Scene, prices: pd.DataFrame) -> pd.Series:
    """Say what is wrong with each price: its item or its unit."""
    item = prices["Item No."]
    coupled = item.isin(products_of(scene, item).index)
    lost = "item " + item + " of its sales prices must be coupled to a product. Synchronise the " \
        "item, or take its price out of the group."  # fmt: skip
    units = units_of(scene, effective_units(scene, prices), _UNIT).problem.set_axis(prices.index)
    text = "sales price of item " + item + ": " + units
    out = pd.Series("", index=prices.index, dtype=TEXT)
    return out.mask(units.ne(""), text).mask(~coupled, lost)


def products_of(scene: Scene, items: pd.Series) -> pd.Series:
    """Return the products items are coupled to, by item number."""
    numbers = items.drop_duplicates()
    keys = join_key([numbers])
    if scene.store is None or not len(numbers):
        return _NONE
    known = scene.store.coupling_records(ITEMS, nav_keys=keys.tolist())
    known = followed(scene, scene.store, scene.catalog.mappings[ITEMS], known, keys.tolist())
    ids = known.drop_duplicates("nav_key").set_index("nav_key")["crm_id"]
    found = keys.map(ids).set_axis(numbers.to_numpy())
    return found.dropna()


def _named_currencies(scene: Scene, mixed: pd.Series) -> pd.Series:
    """Write the currencies of mixed groups out; the local one by its code."""
    local, _ = local_currency(scene)
    return mixed.str.replace(r"^(?=,)", local or "the local currency", regex=True)


def _shown(scene: Scene, codes: pd.Series) -> pd.Series:
    local, _ = local_currency(scene)
    return codes.mask(codes.eq(""), local or "the local currency")


def _currency_ids(scene: Scene, codes: pd.Series) -> pd.Series:
    """Return the CRM currency of each code, by its ISO code; blank where there is none (LC4)."""
    _, local = local_currency(scene)
    table = scene.catalog.crm["transactioncurrency"]
    rows = read_naming(scene.crm, table, ["isocurrencycode"], "isocurrencycode", codes)
    iso = rows["isocurrencycode"].str.upper()
    known = pd.Series(rows.index, index=iso, dtype=TEXT)
    known = known[~known.index.duplicated()]
    return codes.map(known).astype(TEXT).mask(codes.eq(""), local or "").fillna("")


def items_of_groups(
    scene: Scene, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> Sequence[tuple[str, list[str]]]:
    """Return the items whose products the prices of groups cannot be without (PG2)."""
    if direction != "to_crm":
        return []
    items = prices_of_groups(scene, records["Code"])["Item No."].drop_duplicates()
    lost = items[~items.isin(products_of(scene, items).index)]
    return [(ITEMS, join_key([lost]).tolist())] if len(lost) else []


def needs_local_currency(scene: Scene, records: pd.DataFrame) -> bool:
    """Say whether the list of any group is in the local currency (PG3)."""
    prices = prices_of_groups(scene, records["Code"])
    foreign = prices.loc[prices["Currency Code"].ne(""), "Sales Code"]
    return not records["Code"].isin(foreign).all()


def price_line(work: Work) -> list[FieldWrite]:
    """Give a price list line its unit: the price's own, else the item's base unit (PG11, 4.5).

    A price in another currency than its list is refused: CRM would take it for one of the list's.
    """
    if work.direction != "to_crm":
        return []
    codes = effective_units(work.scene, work.source).reset_index(drop=True)
    units = units_of(work.scene, codes, _UNIT)
    known = {name: ~as_mask(each.is_null(), True)
             for name, each in (("unit", units.unit), ("group", units.group))}  # fmt: skip
    return [
        work.refuse(work.mapping.nav.columns[_UNIT], codes, units.problem),
        _in_currency_of_list(work),
        work.put("uomid", units.unit, given=known["unit"]),
        work.put("uomscheduleid", units.group, given=known["group"]),
    ]


def _in_currency_of_list(work: Work) -> FieldWrite:
    """Refuse prices in another currency than their price list (documents PG7)."""
    lists = pd.Series(work.after("pricelevelid"), dtype=TEXT).fillna("")
    table = work.scene.catalog.crm["pricelevel"]
    named = [each for each in lists.unique() if each]
    rows = work.scene.crm.read(table, ["name", "transactioncurrencyid"], (), named)
    rows = rows.reindex(lists.to_numpy()).reset_index(drop=True).astype(TEXT).fillna("")
    codes = work.source["Currency Code"].reset_index(drop=True)
    ids, own = _currency_ids(work.scene, codes), rows["transactioncurrencyid"]
    other = ids.ne("") & own.ne("") & ids.ne(own)
    problem = "it is in " + _shown(work.scene, codes) + ", and the price list " + rows["name"] \
        + " is in another currency. Use one customer price group for each currency."  # fmt: skip
    column = work.mapping.nav.columns["Currency Code"]
    return work.refuse(column, codes, problem.where(other, "").astype(TEXT))


def yielding_prices(
    scene: Scene, store: Store, mapping: TableMapping, direction: Direction, records: pd.DataFrame
) -> Mask | None:
    """Say which sales prices leave their CRM line to another one (documents PG10).

    The coupling of the line goes with it to the price that wins. The caller holds the lock.
    """
    if direction != "to_crm" or not len(records):
        return None
    where, columns = mapping.filters.get("nav", ()), list(PRICE_COLUMNS)
    items = records["Item No."]
    alike = read_naming(scene.nav, mapping.nav, columns, "Item No.", items, *where)
    wins = winners(alike, effective_units(scene, alike))
    yields = wins[wins.ne(wins.index.to_series())]
    if not len(yields):
        return None
    _hand_over(store, mapping, yields)
    return np.asarray(records.index.isin(yields.index), dtype=bool)


def _hand_over(store: Store, mapping: TableMapping, yields: pd.Series) -> None:
    """Let a line's coupling go to the price that wins, where that one has none."""
    known = store.coupling_records(mapping.name, nav_keys=yields.index.tolist())
    heirs = known["nav_key"].map(yields)
    taken = store.coupling_records(mapping.name, nav_keys=heirs.tolist())["nav_key"]
    goes = ~heirs.isin(taken.tolist()) & ~heirs.duplicated(keep="last")
    if not goes.any():
        return
    moved = known[goes].assign(nav_key=heirs[goes], skipped=False, integration_id="")
    with store.transaction():
        store.remove_couplings(known[goes])
        store.save_couplings(conform(moved, "coupling_records"))
