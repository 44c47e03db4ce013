"""CRM's sales orders beside what NAV has of them, from waiting to invoiced (documents 1)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import SALES_ORDER, SALES_ORDER_TYPE, Condition
from navcrm_recon.documents.orders.deciding import NO_DAY, order_couplings
from navcrm_recon.documents.orders.lookup import beside, columns
from navcrm_recon.documents.orders.reading import Reader
from navcrm_recon.frames import TEXT, blanks, conform, split_key
from navcrm_recon.sync.scene import Scene

_ORDER = (
    "ordernumber", "name", "customerid", "customeridtype", "statecode", "statuscode", "submitdate",
    "lastbackofficesubmit", "transactioncurrencyid", "totalamount",
)  # fmt: skip
_ACTIVE, _SUBMITTED, _INVOICED = 0, 1, 4


def sales_orders(scene: Scene) -> pd.DataFrame:
    """Return frame ``sales_orders``: every CRM order, sorted by number."""
    reader = Reader(scene)
    orders = reader.rows("crm", "salesorder", _ORDER)
    couplings = order_couplings(scene).drop_duplicates("crm_id").set_index("crm_id")
    nav_key = beside(couplings["nav_key"], pd.Series(orders.index, index=orders.index, dtype=TEXT))
    number = nav_key.map(lambda key: split_key(key)[-1] if key else "").astype(TEXT)
    nav = _nav_orders(reader, nav_key, number)
    day = orders["lastbackofficesubmit"]
    found = pd.DataFrame(
        {
            "crm_id": orders.index,
            "order_number": orders["ordernumber"],
            "name": orders["name"],
            "customer": _names(reader, orders),
            "state": _captions(scene, orders, "statecode"),
            "status": _captions(scene, orders, "statuscode"),
            "submitted_on": orders["submitdate"],
            "sent_on": day.mask(day.eq(NO_DAY)),
            "currency": _currencies(reader, orders),
            "total": orders["totalamount"],
            "nav_key": nav_key,
            **nav,
            "last_error": _last_errors(scene, orders.index),
        },
        index=orders.index,
    )
    found["stage"] = _stages(orders["statecode"].fillna(_ACTIVE), found)
    found["last_error"] = found["last_error"].where(found["stage"].eq("waiting"), "")
    frame = conform(found.reset_index(drop=True), "sales_orders")
    return frame.sort_values(["order_number", "crm_id"], ignore_index=True)


def _stages(state: pd.Series, found: pd.DataFrame) -> np.ndarray:
    """Say how far each order is, the furthest it came."""
    coupled, there = found["nav_key"].ne(""), found["nav_status"].ne("")
    conditions = [
        state.eq(_INVOICED),
        there & found["invoiced"].eq("all"),
        there & found["invoiced"].eq("part"),
        there & found["shipped"].eq("all"),
        there & found["shipped"].eq("part"),
        there,
        coupled & found["invoices"].ne(""),
        coupled,
        state.eq(_SUBMITTED) & found["sent_on"].isna(),
        state.eq(_SUBMITTED),
        state.eq(_ACTIVE),
    ]
    return np.select(conditions, STAGES[:-1], STAGES[-1])


#: How far an order is, in the order they are looked for.
STAGES = (
    "invoiced", "invoiced_in_nav", "partly_invoiced", "shipped", "partly_shipped", "in_nav",
    "invoiced_in_nav", "gone_from_nav", "waiting", "sent_elsewhere", "not_submitted", "closed",
)  # fmt: skip


def _nav_orders(reader: Reader, nav_key: pd.Series, number: pd.Series) -> dict[str, pd.Series]:
    """Return what NAV says of the orders: status, shipped, invoiced (none, part, all), invoices."""
    there = reader.rows("nav", "Sales Header", ["Status"], nav_key)
    captions = reader.scene.catalog.nav["Sales Header"].columns["Status"].options
    status = there["Status"].map(dict(captions)).astype(TEXT)
    wanted = number[nav_key.isin(list(there.index))].tolist()
    where = (
        Condition("Document Type", "eq", SALES_ORDER_TYPE),
        Condition("Document No.", "in", wanted),
    )
    names = ["Document No.", "Quantity", "Quantity Shipped", "Quantity Invoiced"]
    lines = reader.rows("nav", "Sales Line", names, where=where)
    lines = lines[lines["Quantity"].ne(0).fillna(False)]
    posted = reader.rows(
        "nav", "Sales Invoice Header", ["No.", "Order No."],
        where=(Condition("Order No.", "in", number[number.ne("")].tolist()),),
    )  # fmt: skip
    invoices = posted.groupby("Order No.")["No."].agg(", ".join)
    return {
        "nav_status": beside(status, nav_key),
        "shipped": beside(_how_much(lines, "Quantity Shipped"), number),
        "invoiced": beside(_how_much(lines, "Quantity Invoiced"), number),
        "invoices": beside(invoices, number),
    }


def _how_much(lines: pd.DataFrame, name: str) -> pd.Series:
    """Say of each document whether none, part or all of its lines' quantities are done."""
    done = lines[name].ne(0).fillna(False).astype(bool)
    fully = lines[name].eq(lines["Quantity"]).fillna(False).astype(bool)
    by = lines["Document No."]
    some, every = done.groupby(by).any(), fully.groupby(by).all()
    how = np.select([every, some], ["all", "part"], "none")
    return pd.Series(how, index=every.index, dtype=TEXT)


def _names(reader: Reader, orders: pd.DataFrame) -> pd.Series:
    """Return the names of the accounts and contacts the orders are for."""
    by_contact = orders["customeridtype"].eq("contact")
    accounts = reader.rows("crm", "account", ["name"], orders["customerid"][~by_contact])
    contacts = reader.rows("crm", "contact", ["fullname"], orders["customerid"][by_contact])
    return beside(pd.concat([accounts["name"], contacts["fullname"]]), orders["customerid"])


def _currencies(reader: Reader, orders: pd.DataFrame) -> pd.Series:
    wanted = orders["transactioncurrencyid"]
    found = reader.rows("crm", "transactioncurrency", ["isocurrencycode"], wanted)
    return columns(found, ["isocurrencycode"], wanted)["isocurrencycode"].fillna("")


def _captions(scene: Scene, orders: pd.DataFrame, name: str) -> pd.Series:
    options = scene.catalog.crm["salesorder"].columns[name].options
    return orders[name].map(dict(options)).astype(TEXT).fillna("")


def _last_errors(scene: Scene, crm_ids: pd.Index[str]) -> pd.Series:
    """Return the last error of each order, where the log has one."""
    if scene.store is None:
        return blanks(len(crm_ids), TEXT, crm_ids)
    errors = scene.store.errors(SALES_ORDER).drop_duplicates("crm_id", keep="last")
    last = errors.set_index("crm_id")["message"]
    return beside(last, pd.Series(crm_ids, index=crm_ids, dtype=TEXT))
