"""Sales orders from their draft in CRM to their invoice: some of every stage on the way."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT, UTC
from navcrm_recon.sandbox.company import EDITS_FROM, Company
from navcrm_recon.sandbox.crm_orders import add_crm_orders
from navcrm_recon.sandbox.documents import Documents
from navcrm_recon.sandbox.draw import guids, numbers, take
from navcrm_recon.sandbox.lines import bought_by, buyers, draw_lines, of_lines, priced
from navcrm_recon.sandbox.money import half_up
from navcrm_recon.sandbox.nav_orders import INVOICE, ORDER, add_nav_documents, add_shipments
from navcrm_recon.sandbox.order_extras import with_extras
from navcrm_recon.sandbox.resources import words

#: NAV's own orders and invoices, which no CRM order asked for.
OWN_ORDERS, OWN_INVOICES, FROM_SHIPMENTS = 40, 20, 6
_FIRST_DAY = pd.Timestamp("2018-07-02")
#: Days from the order to the shipment, and to the invoice.
_SHIPPED, _INVOICED = 3, 5
_PARTLY = ["partly_shipped", "partly_invoiced"]
#: What was posted after the last synchronisation was posted so many days after its begin.
_LATE = ["posted", "combined"]


def add_orders(company: Company) -> Documents:
    """Add sales orders on both sides; returns what was posted of them, to be invoiced.

    Of the orders, ``who`` has the columns of the table of stages, ``order`` (the CRM order's
    number), ``crm_id`` and ``number`` (of the NAV order, blank without one).
    """
    orders = _draw(company)
    who = company.orders = orders.who
    in_crm = orders.only(who["crm"] != "")
    number = in_crm.who["order"].rename("ordernumber")
    day = in_crm.who["day"]
    header = {
        "ordernumber": number,
        "statecode": in_crm.who["state"],
        "statuscode": in_crm.who["status"],
        "submitdate": day.where(in_crm.who["status"] != 1),
        "lastbackofficesubmit": (day + pd.Timedelta(days=1)).where(in_crm.who["sent"] != ""),
    }
    bought, sold, more = with_extras(company, in_crm.who, in_crm.lines)
    add_crm_orders(company, bought, sold, {**header, **more}, in_crm.who["crm_id"])
    _add_in_nav(company, orders.only(who["nav"] != ""))
    _couple(company, who[who["nav"] != ""])
    return _posted(orders.only(who["invoiced"] > 0))


def _draw(company: Company) -> Documents:
    """Draw orders of every stage, numbered by chance."""
    rows = words("order_stages")
    repeated = np.repeat(np.arange(len(rows)), rows["count"].astype(int) * company.scale)
    chance = company.chance("orders")
    stages = rows.take(chance.permutation(repeated)).reset_index(drop=True)
    stages = stages.astype(dict.fromkeys(("state", "status", "shipped", "invoiced"), int))
    count = len(stages)
    keys = pd.Series(buyers(company, chance, count)["No."])
    together = np.flatnonzero(stages["stage"] == "combined")
    keys.iloc[together[1::2]] = keys.iloc[together[::2]].to_numpy()
    day = pd.Series(_FIRST_DAY + pd.to_timedelta(chance.integers(0, 68, count), "D"))
    who = bought_by(company, pd.Index(keys)).assign(
        **stages,
        day=day,
        order=numbers("ORD-", 10001, count),
        crm_id=guids(company.seed, "salesorder", count),
        late=stages["stage"].isin(_LATE),
    )
    made = who["nav"] != ""
    who["number"] = ""
    who.loc[made, "number"] = numbers("SO", 101001, int(made.sum())).to_numpy()
    who["number"] = who["number"].astype(TEXT)
    lines = draw_lines(company, chance, who, 3)
    return Documents(who, _with_progress(lines, who))


def _with_progress(lines: pd.DataFrame, who: pd.DataFrame) -> pd.DataFrame:
    """Return lines with how many of them are shipped and invoiced: none, half or all."""
    of = of_lines(who, lines)
    halves = {name: lines["quantity"] * of[name] // 2 for name in ("shipped", "invoiced")}
    prepaid = np.where(of["stage"].eq("open") & (lines["document"] % 9 == 0), 5000, 0)
    lines = lines.assign(shipped=halves["shipped"], invoiced=halves["invoiced"], prepaid=prepaid)
    lines["Shipment No."], lines["Shipment Line No."] = "", 0
    return lines


def _add_in_nav(company: Company, orders: Documents) -> None:
    """Add NAV's orders and shipments, and its own orders and invoices."""
    who = orders.who.assign(
        type=ORDER, reference=orders.who["order"], name=orders.who["Name"], released=True
    )
    day = _posting_day(who, _SHIPPED)
    shipped = Documents(who.assign(shipped_on=day), orders.lines).only(who["shipped"] > 0)
    shipped = shipped.by("shipped_on")
    shipped.who["shipment"] = numbers("SS", 102001, len(shipped.who))
    add_shipments(company, shipped.who, shipped.lines)
    there = Documents(who, orders.lines).only(who["nav"] == "yes")
    every = there.followed_by(_own_documents(company))
    every = every.followed_by(_from_shipments(company, shipped))
    add_nav_documents(company, every.who, every.lines)


def _posting_day(who: pd.DataFrame, days: int) -> pd.Series:
    """Return the day something of an order was posted, for late ones since the edits began."""
    first = EDITS_FROM.tz_localize(None).normalize()
    late = first + pd.to_timedelta(1 + np.arange(len(who)) % 4, unit="D")
    return (who["day"] + pd.Timedelta(days=days)).where(~who["late"], late)


def _own_documents(company: Company) -> Documents:
    """Return orders and invoices that were entered in NAV."""
    chance = company.chance("own documents")
    orders, invoices = OWN_ORDERS * company.scale, OWN_INVOICES * company.scale
    who = buyers(company, chance, orders + invoices)
    by_type = np.repeat([ORDER, INVOICE], [orders, invoices])
    number = pd.concat(
        [numbers("SO", 501001, orders), numbers("SV", 601001, invoices)], ignore_index=True
    )
    day = pd.Series(_FIRST_DAY + pd.to_timedelta(chance.integers(0, 70, len(who)), "D"))
    who = who.assign(type=by_type, number=number, day=day, reference="", released=False, name="")
    stages = who.assign(stage="own", shipped=0, invoiced=0)
    return Documents(who, _with_progress(draw_lines(company, chance, who, 3), stages))


def _from_shipments(company: Company, shipped: Documents) -> Documents:
    """Return open invoices of what was shipped, made from the shipment lines."""
    place = np.flatnonzero(shipped.who["stage"] == "shipped")[: FROM_SHIPMENTS * company.scale]
    some = shipped.only(pd.Series(np.isin(np.arange(len(shipped.who)), place)))
    of = of_lines(some.who, some.lines)
    who = some.who.assign(
        type=INVOICE, number=numbers("SV", 701001, len(some.who)), reference="", name="",
        released=False,
    )  # fmt: skip
    from_shipment = {"Shipment No.": of["shipment"], "Shipment Line No.": some.lines["Line No."]}
    return Documents(who, some.lines.assign(shipped=0, invoiced=0, prepaid=0, **from_shipment))


def _couple(company: Company, who: pd.DataFrame) -> None:
    """Couple the orders, and say when NAV lost those that somebody deleted."""
    keys = pd.Index("Order, " + who["number"], dtype=TEXT)
    company.couple("SALES ORDER", keys, pd.Index(who["crm_id"], dtype=TEXT))
    stamps = company.modified["Sales Header"]
    gone = keys[(who["nav"] == "deleted").to_numpy()]
    when = pd.Series(EDITS_FROM, index=gone).astype(UTC)
    company.retired["Sales Header"] = when
    # What posting deleted keeps its Integration Record as it was (documents P4).
    posted = keys[(who["nav"] == "posted").to_numpy()]
    before = pd.Series(EDITS_FROM, index=posted).astype(UTC)
    company.modified["Sales Header"] = pd.concat([stamps, before])


def _posted(orders: Documents) -> Documents:
    """Return the invoices of what is invoiced of orders; two combined orders share one.

    ``who`` has ``posted`` (the day), ``reference`` and ``order_no`` (blank where combined); the
    lines have ``Order No.`` and ``Order Line No.``.
    """
    of = of_lines(orders.who, orders.lines)
    who, lines = orders.who, orders.lines
    together = who["stage"] == "combined"
    place = np.flatnonzero(together)
    invoice = np.arange(len(who))
    invoice[place[1::2]] = place[::2]
    manual = half_up(lines["manual"] * lines["invoiced"], lines["quantity"])
    order = {"Order No.": of["number"], "Order Line No.": lines["Line No."]}
    lines = lines.assign(quantity=lines["invoiced"], manual=manual, **order)
    lines["document"] = take(pd.Series(invoice), lines["document"].to_numpy()).to_numpy()
    lines = lines.sort_values("document", kind="stable", ignore_index=True)
    lines["Line No."] = 10000 * (lines.groupby("document").cumcount() + 1)
    who = who.assign(
        posted=_posting_day(who, _INVOICED),
        reference=who["order"].mask(together, ""),
        order_no=who["number"].mask(together, ""),
    )
    first = pd.Series(invoice == np.arange(len(who)))
    return Documents(who, priced(lines, who)).only(first)
