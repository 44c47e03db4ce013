"""Sales orders in CRM: headers and lines with the amounts CRM calculates (ORD-020)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts
from navcrm_recon.sandbox.draw import guids
from navcrm_recon.sandbox.lines import crm_line, currency_ids
from navcrm_recon.sandbox.money import half_up

#: What a buyer may have beside, in cents and hundredths of a percent.
_CHARGES = ("freight", "discount_amount", "discount_percent")
#: What lines may say of their own, by CRM's names.
_GIVEN = ("productid", "productdescription", "isproductoverridden")


def add_crm_orders(
    company: Company,
    who: pd.DataFrame,
    lines: pd.DataFrame,
    header: Mapping[str, Any],
    ids: pd.Series,
) -> None:
    """Add sales orders of buyers.

    Parameters
    ----------
    who
        Buyers, with what else is charged in ``freight``, ``discount_amount`` (cents),
        ``discount_percent`` (hundredths), each 0 where it is not a column.
    lines
        Their priced lines. Columns of ``_GIVEN`` win over what is sold.
    header
        Further columns of the orders.
    """
    key = pd.Index(ids, dtype=TEXT)
    owner = company.pairs["SALESPEOPLE"]["crm_id"][0]
    about = {
        "name": who["Name"],
        "customerid": who["No."].map(company.crm_id_of("CUSTOMER")),
        "customeridtype": "account",
        "transactioncurrencyid": currency_ids(company, who["currency"]),
        "ownerid": owner,
        "owneridtype": "systemuser",
        "ispricelocked": False,
        "willcall": False,
    }
    company.add_crm("salesorder", {**about, **_order_amounts(who, lines), **header}, key)
    number = lines.groupby("document").cumcount() + 1
    detail = {
        **crm_line(company, lines),
        **_line_amounts(lines),
        "salesorderid": key.take(lines["document"]),
        "isproductoverridden": False,
        "ispriceoverridden": False,
        "lineitemnumber": number,
        "sequencenumber": number,
        **{name: lines[name] for name in _GIVEN if name in lines},
    }
    detail["uomid"] = detail["uomid"].where(detail["productid"] != "", "")
    company.add_crm("salesorderdetail", detail, _line_ids(company, ids, lines))


def _line_ids(company: Company, ids: pd.Series, lines: pd.DataFrame) -> pd.Index[str]:
    purpose = f"salesorderdetail {ids.iloc[0]}"
    found: pd.Index[str] = pd.Index(guids(company.seed, purpose, len(lines)))
    return found


def _line_amounts(lines: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what CRM makes of quantity, price, discounts and tax of a line."""
    base = lines["quantity"] * (lines["price"] - lines["volume"])
    return {
        "volumediscountamount": amounts(lines["volume"]),
        "manualdiscountamount": amounts(lines["manual"]),
        "tax": amounts(lines["tax"]),
        "baseamount": amounts(base),
        "extendedamount": amounts(base - lines["manual"] + lines["tax"]),
    }


def _order_amounts(who: pd.DataFrame, lines: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what CRM makes of the lines and the charges of an order."""
    nothing = pd.Series(0, index=who.index)
    freight, amount, percent = (who.get(name, nothing) for name in _CHARGES)
    summed = lines.groupby("document")[["line_amount", "manual", "tax"]].sum()
    summed = summed.reindex(who.index, fill_value=0)
    part = half_up(summed["line_amount"] * percent, 100 * 100)
    less = summed["line_amount"] - amount - part
    return {
        "freightamount": amounts(freight),
        "discountamount": amounts(amount),
        "discountpercentage": amounts(percent),
        "totallineitemamount": amounts(summed["line_amount"]),
        "totallineitemdiscountamount": amounts(summed["manual"]),
        "totalamountlessfreight": amounts(less),
        "totaldiscountamount": amounts(summed["manual"] + amount + part),
        "totaltax": amounts(summed["tax"]),
        "totalamount": amounts(less + freight + summed["tax"]),
    }
