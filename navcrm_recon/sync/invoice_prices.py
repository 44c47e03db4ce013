"""The price lists that invoices name, and their lines (documents IB5, IL3)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from navcrm_recon.catalog.model import Condition
from navcrm_recon.frames import as_rows, join_key
from navcrm_recon.recon.align import looked_up
from navcrm_recon.sync.make import Make, key_of
from navcrm_recon.sync.price_lists import CURRENCY_NAME, PriceList, default_price_list, price_list
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.scene import Scene, read_naming

_GROUPS, _PRICES = "CUSTPRCGRP-PRICE", "SALESPRC-PRODPRICE"
_ACTIVE, _CURRENCY_AMOUNT = 0, 1
#: What tells a line of a price list from others (IL3).
_LINE = ["pricelevelid", "productid", "uomid"]


@dataclass(frozen=True)
class PriceLists:
    """Price lists by currency code, and what is to be made as some are not there yet."""

    ids: dict[str, str] = field(default_factory=dict)
    wanted: list[Make] = field(default_factory=list)

    def add(self, codes: Iterable[str], found: PriceList | None) -> None:
        """Take the price list of a currency, by its codes."""
        if found is not None and found.make is None:
            self.ids.update(dict.fromkeys(codes, found.crm_id))
        elif found is not None and found.make is not None:
            self.wanted.append(found.make)


def price_lists(scene: Scene, codes: pd.Series) -> PriceLists:
    """Return the price list of each currency, the default one of the local currency (IB5).

    That of another currency is the one called after it, else the first in it that is not the list
    of a customer price group: what invoices add to a list does not belong there.
    """
    out = PriceLists()
    local = codes.isin(["", local_currency(scene)[0]])
    if local.any():
        out.add(codes[local].tolist(), default_price_list(scene))
    named = codes[~local]
    if scene.store is None or not len(named):
        return out
    keys = join_key([named])
    known = scene.store.coupling_records("CURRENCY", nav_keys=keys.tolist())
    partners = known.drop_duplicates("nav_key").set_index("nav_key")["crm_id"]
    currencies = looked_up(keys, partners).tolist()
    lists = _lists_in(scene, currencies)
    for code, currency in zip(named, currencies, strict=True):
        name = f"{CURRENCY_NAME}{code}"
        own = lists[lists["transactioncurrencyid"].eq(currency)]
        own = own[own["name"].eq(name)] if own["name"].eq(name).any() else own
        if len(own):
            out.ids[code] = str(own.index[0])
        elif currency:
            reason = f"IB5: an invoice needs a price list in {code}"
            out.add([code], price_list(scene, name, code, currency, reason))
    return out


def _lists_in(scene: Scene, currencies: list[str]) -> pd.DataFrame:
    """Read the active price lists in some currencies, but those of customer price groups."""
    table, names = scene.catalog.crm["pricelevel"], ["name", "transactioncurrencyid", "statecode"]
    lists = read_naming(scene.crm, table, names, "transactioncurrencyid", currencies)
    lists = lists[lists["statecode"].fillna(_ACTIVE).eq(_ACTIVE)]
    if scene.store is None:
        return lists
    taken = scene.store.coupling_records(_GROUPS, crm_ids=lists.index.tolist())["crm_id"]
    return lists[~lists.index.isin(taken.tolist())]


def price_lines(scene: Scene, lines: pd.DataFrame) -> list[Make]:
    """Return the price list lines that are missing for what invoices sell (IL3).

    A price that is not above zero makes none: nobody is to be offered it.

    Parameters
    ----------
    lines
        ``pricelevelid``, ``productid``, ``uomid`` (str, blank where not known), ``price``
        (decimal), ``uomscheduleid`` (str).
    """
    known = lines[_LINE].astype(bool).all(axis=1) & lines["price"].gt(0).fillna(False)
    whole = lines[known].drop_duplicates(_LINE)
    table = scene.catalog.crm["productpricelevel"]
    lists = Condition("pricelevelid", "in", whole["pricelevelid"].unique().tolist())
    there = read_naming(scene.crm, table, _LINE, "productid", whole["productid"], lists)
    marked = whole.merge(there.drop_duplicates(), on=_LINE, how="left", indicator=True)
    return [_line(scene, row) for row in as_rows(marked[marked["_merge"].eq("left_only")])]


def _line(scene: Scene, row: dict[str, Any]) -> Make:
    named = [str(row[name]) for name in _LINE]
    fields = {
        **{name: row[name] for name in (*_LINE, "uomscheduleid")},
        "amount": row["price"],
        "pricingmethodcode": _CURRENCY_AMOUNT,
    }
    filled = {name: value for name, value in fields.items() if value != ""}
    reason = "IL3: what an invoice sells has a price in its price list"
    return Make(_PRICES, "productpricelevel", key_of(scene, *named), filled, reason)
