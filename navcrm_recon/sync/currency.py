"""The local currency: NAV's blank code, a currency of its own in CRM (documents 4.7)."""

from __future__ import annotations

import uuid
from decimal import Decimal

import pandas as pd

from navcrm_recon.catalog.model import TableMapping
from navcrm_recon.errors import SideError
from navcrm_recon.sides.writing import Write
from navcrm_recon.sync.adjust import currency_precision
from navcrm_recon.sync.references import local_currency
from navcrm_recon.sync.scene import Scene


def make_local_currency(scene: Scene, mapping: TableMapping, records: pd.DataFrame) -> None:
    """Make the local currency in CRM where records need it and it is not there (LC1).

    Its id follows from company and code, so that nobody makes it twice.

    Raises
    ------
    SideError
        CRM refuses it.
    """
    columns = [
        row.nav.name
        for row in mapping.enabled_fields
        if row.blank == "local_currency" and row.nav and row.runs("to_crm")
    ]
    if not any(records[name].eq("").any() for name in columns if name in records):
        return
    code, there = local_currency(scene)
    if not code or there:
        return
    table = scene.catalog.crm["transactioncurrency"]
    key = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{scene.company}/{code}"))
    values = {
        "isocurrencycode": code,
        "currencyname": code,
        "currencysymbol": code,
        "currencyprecision": currency_precision(scene),
        "exchangerate": Decimal(1),
    }
    user = str(scene.setup.get("integration_user", ""))
    order = Write("insert", key, values, None, key)
    (done,) = scene.crm.write(table, [order], now=scene.clock(), by=user)
    if done.error:
        raise SideError(
            f"{mapping.name}: the local currency {code} is not in CRM, and could not be made: "
            f"{done.error}",
            mapping=mapping.name,
            field="isocurrencycode",
            value=code,
        )
