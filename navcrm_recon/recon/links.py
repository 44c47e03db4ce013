"""Addresses that open a record in its own product (documents 8)."""

from __future__ import annotations

from urllib.parse import quote

import pandas as pd

from navcrm_recon.catalog.model import Table
from navcrm_recon.frames import TEXT, split_key

#: NAV table -> page of the web client that shows one record (documents 8.5).
PAGES = {
    "Customer": 21,
    "Contact": 5050,
    "Item": 30,
    "Resource": 76,
    "Salesperson/Purchaser": 5116,
    "Sales Header": 42,
    "Sales Invoice Header": 132,
    "Currency": 495,
    "Customer Price Group": 7,
    "Unit of Measure": 209,
    "Opportunity": 5124,
}

#: CRM entities that have a form of their own (documents 8.1).
FORMS = frozenset(
    {
        "account",
        "contact",
        "incident",
        "invoice",
        "opportunity",
        "pricelevel",
        "product",
        "quote",
        "salesorder",
        "systemuser",
        "transactioncurrency",
        "uomschedule",
    }
)


def crm_urls(server: str, entity: Table, ids: pd.Series) -> pd.Series:
    """Return the address of each CRM record, blank without a server, a form or an id."""
    if not server or entity.name not in FORMS:
        return pd.Series("", index=ids.index, dtype=TEXT)
    start = f"{server.rstrip('/')}/main.aspx?pagetype=entityrecord&etn={entity.name}&id=%7B"
    return (start + ids + "%7D").where(ids.ne(""), "").astype(TEXT)


def nav_urls(web_client: str, company: str, table: Table, keys: pd.Series) -> pd.Series:
    """Return the address of each NAV record in the web client: its page, filtered to its key."""
    page = PAGES.get(table.name)
    if not web_client or page is None:
        return pd.Series("", index=keys.index, dtype=TEXT)
    base = web_client.rstrip("/")
    base += "&" if "?" in base else "/?"
    start = f"{base}page={page}&company={quote(company, safe='')}&filter="
    return keys.map(lambda key: start + _filter(table, key) if key else "").astype(TEXT)


def _filter(table: Table, key: str) -> str:
    """Write a key as the web client's filter, blanks in field names as dashes (WL2)."""
    conditions = [
        f"'{quote(field.replace(' ', '-'), safe='')}'-IS-'{_quoted(part)}'"
        for field, part in zip(table.key, split_key(key), strict=False)
    ]
    return "-AND-".join(conditions)


def _quoted(text: str) -> str:
    """Return a filter's value: quotes doubled, as in a NAV filter, then encoded for a URL."""
    return quote(text.replace("'", "''"), safe="")
