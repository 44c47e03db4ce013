"""The price lists that are found by their name, and made where there are none (documents 4.8)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from navcrm_recon.catalog.model import Condition, TableMapping
from navcrm_recon.frames import TEXT
from navcrm_recon.sync.make import Make, key_of
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.scene import Scene, read_available

#: What price lists of NAV are called after (documents 0.2).
PRODUCT_NAME = "Dynamics NAV"
DEFAULT_NAME = f"{PRODUCT_NAME} Default Price List"
#: What the price list that invoices in a currency name is called, before the currency's code.
CURRENCY_NAME = "Price List in "
_ENTITY, _LINE, _MAPPING = "pricelevel", "productpricelevel", "CUSTPRCGRP-PRICE"


@dataclass(frozen=True)
class PriceList:
    """The id a price list has, and what is to be made where it is not there yet."""

    crm_id: str
    make: Make | None = None


def default_price_list(scene: Scene) -> PriceList | None:
    """Return the list every product has its own price in (documents DP1, DP6).

    Its id follows from the company, so that it is found again though someone renames it; else it
    is the list of that name in the local currency. A list of that name in another currency stays
    what it is, and the one that is made has the currency in its name.

    Returns
    -------
    None where NAV's local currency has no code or is not in CRM yet (``need_local_currency``).
    """
    code, currency = local_currency(scene)
    if not code or not currency:
        return None
    return price_list(scene, DEFAULT_NAME, code, currency, "DP1: products have their price in it")


def price_list(scene: Scene, name: str, code: str, currency: str, reason: str) -> PriceList:
    """Return the price list of a name in a currency: the one that is there, or one to be made.

    Parameters
    ----------
    code, currency
        ISO code and CRM id of the currency.
    """
    table = scene.catalog.crm[_ENTITY]
    key = key_of(scene, _ENTITY, name, code)
    if len(scene.crm.read(table, [], (), [key])):
        return PriceList(key)
    names = [name, f"{name} ({code})"]
    there = scene.crm.read(
        table, ["name", "transactioncurrencyid"], (Condition("name", "in", names),)
    )
    same = there[there["transactioncurrencyid"].isin([currency, ""])]
    if len(same):
        return PriceList(str(same.index[0]))
    fields = {"name": names[1] if len(there) else name, "transactioncurrencyid": currency}
    return PriceList(key, Make(_MAPPING, _ENTITY, key, fields, reason))


def standing_apart(scene: Scene, mapping: TableMapping) -> pd.Index[str]:
    """Return the CRM records that no record of NAV is to be coupled with: our own lists.

    The default price list and those invoices name are made here; so are their lines.
    """
    if mapping.crm.name not in (_ENTITY, _LINE):
        return pd.Index([], dtype=TEXT)
    lists = read_available(scene.crm, scene.catalog.crm[_ENTITY], ["name"])
    found = default_price_list(scene)
    named = lists["name"].str.startswith((DEFAULT_NAME, CURRENCY_NAME)).fillna(False)
    own = lists.index[named | lists.index.isin([found.crm_id] if found else [])]
    if mapping.crm.name == _ENTITY:
        return own
    where = (Condition("pricelevelid", "in", own.tolist()),)
    return scene.crm.read(mapping.crm, ["pricelevelid"], where).index
