"""What some orders have beside plain lines: freight, addresses, contacts, long texts, write-ins."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.sandbox.company import Company
from navcrm_recon.sandbox.draw import take
from navcrm_recon.sandbox.lines import priced
from navcrm_recon.sandbox.names import places
from navcrm_recon.sandbox.resources import words

_PARTS = {
    "line1": "Address", "line2": "Address 2", "city": "City", "postalcode": "Post Code",
    "country": "Country/Region Code", "stateorprovince": "County",
}  # fmt: skip
_TEXT = " in the colours of the club, with mudguards and a bell; frame number on request"


def with_extras(
    company: Company, who: pd.DataFrame, lines: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, Any]]:
    """Give some of the waiting orders what orders may have beside; the others stay as they are.

    Returns
    -------
    tuple
        Buyers with their ``freight``, lines, and further columns of the orders.
    """
    chance = company.chance("order extras")
    waiting = (who["stage"] == "waiting").to_numpy()
    some = {share: waiting & (chance.random(len(who)) < share) for share in (0.2, 0.21, 0.22, 0.1)}
    freight, bill_to, ship_to, by_contact = some.values()
    bought = who.assign(freight=np.where(freight, chance.integers(5, 60, len(who)) * 100, 0))
    header: dict[str, Any] = {}
    for name, chosen in (("billto", bill_to), ("shipto", ship_to)):
        place = places(chance, len(who))
        header |= {f"{name}_{crm}": place[nav].where(chosen, "") for crm, nav in _PARTS.items()}
    header |= _contacts(company, who, by_contact)
    header["requestdeliveryby"] = (who["day"] + pd.Timedelta(days=30)).where(ship_to)
    options = words("options")
    for attribute, mapping in (
        ("paymenttermscode", "PAYMENT TERMS"),
        ("shippingmethodcode", "SHIPPING AGENT"),
    ):
        rows = options[(options["mapping"] == mapping) & (options["record"] == "yes")]
        values = rows.loc[(rows["value"] != "") & (rows["used"] == "yes"), "value"].astype("Int64")
        drawn = take(values.reset_index(drop=True), chance.integers(0, len(values), len(who)))
        header[attribute] = drawn.where(freight)
    return bought, _lines(chance, bought, lines, waiting), header


def _contacts(company: Company, who: pd.DataFrame, chosen: np.ndarray) -> dict[str, pd.Series]:
    """Let the primary contacts of some customers order, where these have one."""
    person = who["Primary Contact No."].map(company.crm_id_of("CONTACT"))
    ordering = pd.Series(chosen) & person.notna()
    account = who["No."].map(company.crm_id_of("CUSTOMER"))
    kind = pd.Series("account", index=who.index)
    return {
        "customerid": person.where(ordering, account),
        "customeridtype": kind.where(~ordering, "contact"),
    }


def _lines(
    chance: np.random.Generator, who: pd.DataFrame, lines: pd.DataFrame, waiting: np.ndarray
) -> pd.DataFrame:
    """Return lines, a few of them with a long text, a few of things that are no product."""
    free = waiting[lines["document"].to_numpy()]
    drawn = chance.random(len(lines))
    long, write_in = free & (drawn < 0.08), free & (drawn > 0.94)
    text = lines["Description"] + _TEXT
    changed = lines.assign(
        productid=lines["product"].mask(write_in, ""),
        productdescription=lines["Description"].mask(long, text).mask(write_in, _wish(lines)),
        isproductoverridden=write_in,
    )
    changed.loc[write_in, "VAT Prod. Posting Group"] = "REDUCED"
    return priced(changed, who)


def _wish(lines: pd.DataFrame) -> pd.Series:
    return "Special order: " + lines["Description"].str.lower()
