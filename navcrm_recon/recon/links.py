"""Addresses that open a record in its own product (documents 8)."""

from __future__ import annotations

from urllib.parse import quote

import pandas as pd

from navcrm_recon.catalog.model import Table
from navcrm_recon.frames import TEXT, split_key
from navcrm_recon.recon.addresses import nav_client, page_start, server_address

#: NAV table -> page that shows one record, or the list it stands in (documents 8.5).
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

#: CRM entities that have a form of their own -> the NAV tables whose records they may stand for,
#: in the order they are asked (documents 8.1, RD4).
TABLES: dict[str, tuple[str, ...]] = {
    "systemuser": ("Salesperson/Purchaser",),
    "account": ("Customer",),
    "contact": ("Contact",),
    "product": ("Item", "Resource"),
    "salesorder": ("Sales Header",),
    "invoice": ("Sales Invoice Header",),
    "opportunity": ("Opportunity",),
    "pricelevel": ("Customer Price Group",),
    "transactioncurrency": ("Currency",),
    "uomschedule": ("Unit of Measure",),
    "incident": (),
    "quote": (),
}


def crm_urls(server: str, entity: Table, ids: pd.Series) -> pd.Series:
    """Return the address of each CRM record, blank without a server, a form or an id."""
    address = server_address(server)
    if not address.url or address.problem or entity.name not in TABLES:
        return pd.Series("", index=ids.index, dtype=TEXT)
    start = f"{address.url}/main.aspx?pagetype=entityrecord&etn={entity.name}&id=%7B"
    bare = ids.astype(TEXT).str.strip("{}")
    odd = bare.str.contains(r"[^0-9A-Za-z-]", regex=True)
    if odd.any():
        bare = bare.where(~odd, bare[odd].map(lambda each: quote(each, safe="")))
    return (start + bare + "%7D").where(bare.ne(""), "").astype(TEXT)


def nav_urls(client: str, company: str, table: Table, keys: pd.Series) -> pd.Series:
    """Return the address of each NAV record: its page in a NAV client, filtered to its key.

    The client is the web client, or what ``addresses.nav_client`` knows beside it.
    """
    address, page = nav_client(client), PAGES.get(table.name)
    if not address.url or address.problem or page is None:
        return pd.Series("", index=keys.index, dtype=TEXT)
    start = page_start(address.url, company, page)
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
