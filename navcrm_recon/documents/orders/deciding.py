"""What becomes of each CRM order asked for: made, there already, or refused (documents 1.1).

An order that was made once is never made twice (SO-11): while its NAV order is there, or an
invoice was posted of it, it is passed over. A coupling whose NAV order was deleted is dropped, and
the order made anew.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, Condition
from navcrm_recon.documents.orders.lookup import beside, columns
from navcrm_recon.documents.orders.posted import ORDER, posted_invoices
from navcrm_recon.documents.orders.reading import Reader
from navcrm_recon.frames import TEXT, conform, empty, split_key
from navcrm_recon.sync.renames import followed
from navcrm_recon.sync.scene import Scene, coupling_records

#: CRM's day for none in exports (SO-4).
NO_DAY = pd.Timestamp("1900-01-01")


@dataclass(frozen=True)
class Known:
    """What is known of some CRM orders, by CRM id.

    ``there``: their NAV order; ``invoiced``: an invoice posted of it; ``stale``: couplings whose
    NAV order is gone (frame ``coupling_records``).
    """

    there: pd.Series
    invoiced: pd.Series
    stale: pd.DataFrame


def waiting(scene: Scene) -> list[str]:
    """Return the submitted CRM orders that no back office has, sorted by number (SO-3, SO-4)."""
    table = scene.catalog.crm["salesorder"]
    where = (
        Condition("statecode", "eq", 1),
        Condition("lastbackofficesubmit", "in", [None, NO_DAY]),
    )
    found = scene.crm.read(table, ["ordernumber"], where)
    return found.sort_values("ordernumber", kind="stable").index.tolist()


def known_orders(scene: Scene, crm_ids: Sequence[str]) -> Known:
    """Return which CRM orders have their NAV order, or an invoice of it (SO-11)."""
    couplings = order_couplings(scene, crm_ids)
    keys = couplings["nav_key"].tolist()
    found = scene.nav.read(scene.catalog.nav["Sales Header"], ["No."], (), keys)
    there = couplings["nav_key"].isin(list(found.index))
    stale = couplings[~there]
    return Known(_by_order(couplings[there], "nav_key"), _invoices(scene, stale), stale)


def order_couplings(scene: Scene, crm_ids: Sequence[str] | None = None) -> pd.DataFrame:
    """Return the couplings of sales orders, all or those of some CRM orders."""
    mapping = scene.catalog.orders
    if scene.store is None or crm_ids is None:
        found = coupling_records(scene, mapping)
        return found if crm_ids is None else found[found["crm_id"].isin(list(crm_ids))]
    found = scene.store.coupling_records(SALES_ORDER, crm_ids=list(crm_ids))
    return followed(scene, scene.store, mapping, found)


def _by_order(couplings: pd.DataFrame, column: str) -> pd.Series:
    return couplings.drop_duplicates("crm_id").set_index("crm_id")[column]


def _invoices(scene: Scene, couplings: pd.DataFrame) -> pd.Series:
    """Return an invoice that was posted of each NAV order that is gone, by CRM id."""
    reader, ids = Reader(scene), couplings["crm_id"]
    orders = columns(reader.rows("crm", "salesorder", ORDER, ids), ORDER, ids)
    number = couplings["nav_key"].map(lambda key: split_key(key)[-1]).astype(TEXT)
    found = posted_invoices(reader, orders, number)
    named = pd.Series(found.to_numpy(), index=ids.to_numpy(), dtype=TEXT)
    return named[named.ne("")]


def decisions(crm_ids: Sequence[str], known: Known, problems: pd.DataFrame) -> pd.DataFrame:
    """Return what becomes of CRM orders: frame ``actions``, in their order.

    ``action``: ``insert``, ``skip`` (made before), ``fail``; ``reason`` begins with the rule.
    """
    ids = pd.Series(list(crm_ids), dtype=TEXT)
    if not len(ids):
        return empty("actions")
    there, invoice = beside(known.there, ids), beside(known.invoiced, ids)
    found = problems.groupby("crm_id", sort=False)
    first = found[["rule", "message"]].first()
    rule, message = (beside(first[name], ids) for name in first)
    made, invoiced, fails = there.ne(""), invoice.ne(""), rule.ne("")
    action = np.select([made | invoiced, fails], ["skip", "fail"], "insert")
    reason = np.select(
        [made, invoiced, fails],
        [
            "SO-11: it has the NAV order " + there,
            "SO-11: it was invoiced, as posted sales invoice " + invoice,
            rule + ": " + message,
        ],
        "SO-3: it is submitted, and no NAV order has been made of it",
    )
    rows = {
        "mapping": SALES_ORDER,
        "direction": "to_nav",
        "nav_key": there,
        "crm_id": ids,
        "action": action,
        "reason": reason,
        "fields": beside(found["field"].agg(", ".join), ids),
    }
    return conform(pd.DataFrame(rows), "actions")
