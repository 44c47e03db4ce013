"""The state of the demo company: what is coupled, and up to where the jobs have looked."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.documents.payments import STATES
from navcrm_recon.documents.posts import INVOICES, SHIPMENTS
from navcrm_recon.frames import conform
from navcrm_recon.sandbox.company import NAME, Company
from navcrm_recon.sandbox.ledger import FIRST_LATE_DAY
from navcrm_recon.sides import SqlSide
from navcrm_recon.state.store import Store


def write_state(company: Company, url: str, nav_url: str) -> None:
    """Write the state into an empty database; NAV's database is written already.

    Jobs about documents have looked at all that was posted before the last synchronisation ended.
    """
    store = Store(url)
    couplings = [pairs.assign(mapping=name) for name, pairs in company.pairs.items()]
    store.save_couplings(conform(pd.concat(couplings, ignore_index=True), "coupling_records"))
    store.save_option_mapping(conform(company.options, "option_mapping"))
    detail = company.nav["Detailed Cust. Ledg. Entry"]
    early = detail["Posting Date"] < FIRST_LATE_DAY
    store.advance_marker(STATES, int(detail.loc[early, "Entry No."].max()))
    nav = SqlSide("nav", nav_url, company=NAME, catalog=company.catalog)
    for kind in (SHIPMENTS, INVOICES):
        rows = company.nav[kind.header]
        keys = rows.index[rows["Posting Date"] < FIRST_LATE_DAY].tolist()
        versions = nav.read(company.catalog.nav[kind.header], ["timestamp"], (), keys)
        store.advance_marker(kind.marker, int(versions["timestamp"].max()))
