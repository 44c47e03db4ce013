"""The invoices that were posted of orders whose NAV order is gone (documents SO-11, PO-3, G7)."""

from __future__ import annotations

import pandas as pd

from navcrm_recon.catalog.model import Condition
from navcrm_recon.documents.orders.lookup import beside
from navcrm_recon.documents.orders.reading import Reader
from navcrm_recon.frames import TEXT, blanks, join_key, split_key

#: Characters of a CRM order number that NAV keeps (documents H4).
REFERENCE = 35
#: What is asked of CRM orders to find their invoices.
ORDER = ("ordernumber", "customerid", "customeridtype")
_REFERRING = ["Your Reference", "Sell-to Customer No."]


def posted_invoices(reader: Reader, orders: pd.DataFrame, number: pd.Series) -> pd.Series:
    """Return an invoice that was posted of each order, blank where there is none.

    It names the NAV order, in its header or its lines, or the CRM order. By the number of the CRM
    order only an invoice of the same customer counts, never a blank one (documents G7).

    Parameters
    ----------
    orders
        CRM orders with the columns of ``ORDER``.
    number
        The number of the NAV order of each, in the same order.
    """
    if not len(number):
        return blanks(0, TEXT, number.index)
    named = (Condition("Order No.", "in", number.drop_duplicates().tolist()),)
    headers = reader.rows("nav", "Sales Invoice Header", ["No.", "Order No."], where=named)
    lines = reader.rows("nav", "Sales Invoice Line", ["Document No.", "Order No."], where=named)
    by_header = beside(headers.set_index("Order No.")["No."], number)
    by_line = beside(lines.set_index("Order No.")["Document No."], number)
    reference = orders["ordernumber"].fillna("").str.slice(stop=REFERENCE)
    customer = _customers(reader, orders)
    where = (Condition("Your Reference", "in", reference[reference.ne("")].tolist()),)
    found = reader.rows("nav", "Sales Invoice Header", ["No.", *_REFERRING], where=where)
    referring = pd.Series(
        found["No."].to_numpy(), index=join_key([found[name] for name in _REFERRING]), dtype=TEXT
    )
    known = reference.ne("") & customer.ne("")
    by_reference = beside(referring, join_key([reference, customer])).where(known, "")
    by_order = by_header.where(by_header.ne(""), by_line)
    return by_order.where(by_order.ne(""), by_reference)


def _customers(reader: Reader, orders: pd.DataFrame) -> pd.Series:
    """Return the number of the customer each CRM order is for, blank where it is not known."""
    party = orders["customerid"].astype(TEXT).fillna("")
    by_contact = orders["customeridtype"].eq("contact").fillna(False)
    contacts = reader.rows("crm", "contact", ["parentcustomerid"], party[by_contact])
    account = party.where(~by_contact, beside(contacts["parentcustomerid"], party))
    keys = beside(reader.coupled("CUSTOMER", account), account)
    return keys.map(lambda key: split_key(key)[0]).astype(TEXT)
