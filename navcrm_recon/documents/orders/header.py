"""The header of the NAV order a CRM order becomes, field by field (documents 1.3, 1.5, 1.6)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd

from navcrm_recon.documents.date_formula import applied
from navcrm_recon.documents.orders.amounts import (
    CENT,
    ZERO,
    Decimals,
    decimals,
    divided,
    exactly,
    rounded,
)
from navcrm_recon.documents.orders.lookup import beside, columns
from navcrm_recon.documents.orders.posted import REFERENCE
from navcrm_recon.documents.orders.problems import Problems
from navcrm_recon.documents.orders.reading import Facts
from navcrm_recon.errors import DataError
from navcrm_recon.frames import TEXT, join_key

_ADDRESS = ("Address", "Address 2", "City", "Post Code", "County", "Country/Region Code")
#: What a header takes from the customer it is sold to, beside the address (H3).
_SELL_TO = ("Location Code", "Shipment Method Code", "Shipping Agent Code",
            "Shipping Agent Service Code")  # fmt: skip
#: What it takes from the customer who pays.
_BILL_TO = (
    "Payment Terms Code", "Payment Method Code", "Customer Posting Group",
    "Gen. Bus. Posting Group", "VAT Bus. Posting Group", "VAT Registration No.",
    "Customer Price Group", "Customer Disc. Group", "Invoice Disc. Code", "Prices Including VAT",
    "Combine Shipments", "Language Code", "Salesperson Code",
)  # fmt: skip
#: What it takes from a ship-to address.
_SHIP_TO = ("Location Code", "Shipment Method Code", "Shipping Agent Code")
#: CRM's parts of an address -> NAV's (A1 to A4).
_PARTS = {
    "line1": "Address", "line2": "Address 2", "city": "City", "postalcode": "Post Code",
    "country": "Country/Region Code", "stateorprovince": "County",
}  # fmt: skip
_CUT = {"Address": 50, "Address 2": 50, "City": 30, "County": 30, "Post Code": 20,
        "Country/Region Code": 10}  # fmt: skip
#: CRM's option of an order -> its option mapping, NAV's field and table (documents 1.6).
_OPTIONS = (
    ("shippingmethodcode", "SHIPPING AGENT", "Shipping Agent Code", "Shipping Agent"),
    ("paymenttermscode", "PAYMENT TERMS", "Payment Terms Code", "Payment Terms"),
    ("freighttermscode", "SHIPMENT METHOD", "Shipment Method Code", "Shipment Method"),
)
#: NAV holds so many characters of an External Document No. (H11).
_EXTERNAL = 35
_OPEN, _BY_AMOUNT = 0, 2
#: Decimals beyond these are not in NAV's tables.
_KEPT = Decimal("1e-20")


def headers(
    facts: Facts, who: pd.DataFrame, invoice_discount: pd.Series, today: date, problems: Problems
) -> pd.DataFrame:
    """Return the headers of NAV orders.

    Parameters
    ----------
    who
        ``sell_to``, ``bill_to`` by order (``customers.customers``).
    invoice_discount
        Python decimals by order (documents DI2).
    today
        NAV's work date.

    Returns
    -------
    DataFrame
        Index = CRM id of the order, columns by NAV's names; ``Document Type`` is an order's.
    """
    orders = facts.orders
    out = pd.DataFrame({"Status": _OPEN}, index=orders.index)
    out = out.assign(**dict.fromkeys(_DATES, datetime(today.year, today.month, today.day)))
    out = out.assign(**_customer(facts, who))
    out["Your Reference"] = orders["ordernumber"].str.slice(stop=REFERENCE)
    code = currency(facts, problems)
    out["Currency Code"], out["Currency Factor"] = code, factors(facts, code, today, problems)
    out["Requested Delivery Date"] = orders["requestdeliveryby"]
    for name, block in (("Bill-to", "billto"), ("Ship-to", "shipto")):
        out = _with_address(facts, out, name, block, problems)
    out = _with_options(facts, out, problems)
    out = _with_terms(facts, out, today, problems)
    percentage = decimals(orders["discountpercentage"])
    out["Payment Discount %"] = percentage
    tolerance = facts.ledger["VAT Tolerance %"]
    most = ZERO if pd.isna(tolerance) else Decimal(str(tolerance))
    out["VAT Base Discount %"] = [min(each, most) for each in percentage]
    discounted = (percentage != ZERO) | (decimals(orders["discountamount"]) != ZERO)
    out["Invoice Discount Calculation"] = np.where(discounted, _BY_AMOUNT, 0)
    out["Invoice Discount Value"] = invoice_discount
    out["External Document No."] = orders["name"].str.slice(stop=_EXTERNAL)
    return out


_DATES = ("Order Date", "Posting Date", "Document Date", "Shipment Date")


def _customer(facts: Facts, who: pd.DataFrame) -> dict[str, pd.Series]:
    """Return what the customers bring: names, addresses, terms (H3)."""
    parties = facts.parties
    sell_to = columns(parties.customers, parties.customers.columns, who["sell_to"])
    bill_to = columns(parties.customers, parties.customers.columns, who["bill_to"])
    names = ("Name", "Name 2", *_ADDRESS, "Contact")
    out: dict[str, pd.Series] = {}
    for role, customer in (("Sell-to", sell_to), ("Bill-to", bill_to), ("Ship-to", sell_to)):
        own = [name for name in names if (role, name) != ("Sell-to", "Name 2")]
        out |= {_called(role, name): customer[name] for name in own}
        contact = customer["Primary Contact No."]
        company = beside(parties.contacts_of, customer["No."])
        out[f"{role} Contact No."] = contact.where(contact.ne(""), company)
    out.pop("Ship-to Contact No.")
    out |= {"Sell-to Customer No.": sell_to["No."], "Bill-to Customer No.": bill_to["No."]}
    out |= {name: sell_to[name] for name in _SELL_TO} | {name: bill_to[name] for name in _BILL_TO}
    card = columns(parties.cards, ["E-Mail", "Phone No."], join_key([
        out["Sell-to Contact No."].astype(TEXT).fillna("")]))  # fmt: skip
    for name in ("E-Mail", "Phone No."):
        out[f"Sell-to {name}"] = card[name].where(card[name].fillna("").ne(""), sell_to[name])
    return out | _ship_to(facts, sell_to, out)


def _called(role: str, name: str) -> str:
    return "Sell-to Customer Name" if (role, name) == ("Sell-to", "Name") else f"{role} {name}"


def _ship_to(
    facts: Facts, sell_to: pd.DataFrame, own: Mapping[str, pd.Series]
) -> dict[str, pd.Series]:
    """Return the customer's own ship-to address, where it names one."""
    code = sell_to["Ship-to Code"].astype(TEXT).fillna("")
    key = join_key([sell_to["No."].astype(TEXT).fillna(""), code])
    given = code.ne("") & key.isin(list(facts.parties.ship_to.index))
    names = ["Name", "Name 2", *_ADDRESS, "Contact", *_SHIP_TO]
    found = columns(facts.parties.ship_to, names, key)
    out = {"Ship-to Code": code.where(given, "")}
    for name in names:
        target = name if name in _SHIP_TO else f"Ship-to {name}"
        # A ship-to address that names no location, agent or method leaves the customer's.
        takes = given & (found[name].fillna("").ne("") if name in _SHIP_TO else True)
        out[target] = own[target].where(~takes, found[name])
    return out


def currency(facts: Facts, problems: Problems) -> pd.Series:
    """Return the currency code of each order, blank for the local one (H5, LC2, LC4)."""
    orders, terms = facts.orders, facts.terms
    wanted = orders["transactioncurrencyid"]
    iso = columns(terms.currencies, ["isocurrencycode"], wanted)["isocurrencycode"]
    code = iso.str.replace(" ", "", regex=False).fillna("").str.upper()
    rows = pd.DataFrame({"crm_id": orders.index, "value": wanted, "code": code})
    unknown = wanted.ne("") & ~wanted.isin(list(terms.currencies.index))
    problems.add(
        "H5 CurrencyUnknown", rows, unknown, "transactioncurrencyid",
        "its currency {value} is not in CRM. Choose another one.",
    )  # fmt: skip
    foreign = code.where(code.ne(facts.lcy), "")
    lost = foreign.ne("") & ~foreign.isin(list(terms.nav_currencies["Code"]))
    problems.add(
        "H5 CurrencyNotInNAV", rows.assign(value=code), lost, "transactioncurrencyid",
        "NAV has no currency {value}, and it is not the local currency. Add it in NAV, with its "
        "exchange rate.",
    )  # fmt: skip
    return foreign


def factors(facts: Facts, code: pd.Series, today: date, problems: Problems) -> Decimals:
    """Return the Currency Factor of each order: of the latest rate up to today; 0 in LCY."""
    rates = facts.terms.rates
    rates = rates[rates["Starting Date"] <= pd.Timestamp(today)].sort_values("Starting Date")
    latest = rates.drop_duplicates("Currency Code", keep="last").set_index("Currency Code")
    found = columns(latest, ["Exchange Rate Amount", "Relational Exch. Rate Amount"], code)
    amount, relational = (decimals(found[name]) for name in found)
    with exactly():
        factor = divided(amount, relational)
    known = code.isin(list(facts.terms.nav_currencies["Code"]))
    rows = pd.DataFrame({"crm_id": code.index, "value": code})
    problems.add(
        "H5 ExchangeRateMissing", rows, code.ne("") & known & (factor == ZERO), "Currency Code",
        "the currency {value} has no exchange rate up to today. Enter one in NAV.",
    )  # fmt: skip
    with exactly():
        return rounded(factor, np.full(len(factor), _KEPT, dtype=object))


def precisions(facts: Facts, code: pd.Series) -> Decimals:
    """Return the Amount Rounding Precision of each order's currency (documents L16)."""
    local = facts.ledger["Amount Rounding Precision"]
    own = CENT if pd.isna(local) or not local else Decimal(str(local))
    currencies = facts.terms.nav_currencies.set_index("Code")["Amount Rounding Precision"]
    known = dict(zip(currencies.index, decimals(currencies), strict=True)) | {"": own}
    return pd.Series([known.get(each) or CENT for each in code], dtype=object).to_numpy()


def _with_address(
    facts: Facts, out: pd.DataFrame, name: str, block: str, problems: Problems
) -> pd.DataFrame:
    """Put CRM's address in place of the customer's: all six parts, or none (A1 to A4)."""
    orders = facts.orders
    parts = {
        part: orders[f"{block}_{crm}"].fillna("").str.slice(stop=_CUT[part])
        for crm, part in _PARTS.items()
    }
    given = pd.concat([orders[f"{block}_{crm}"].fillna("").ne("") for crm in _PARTS], axis=1)
    takes = given.any(axis=1)
    for part, value in parts.items():
        out[f"{name} {part}"] = out[f"{name} {part}"].where(~takes, value)
    country = parts["Country/Region Code"]
    rows = pd.DataFrame({"crm_id": orders.index, "value": orders[f"{block}_country"]})
    lost = country.ne("") & ~country.str.upper().isin(list(facts.terms.codes["Country/Region"]))
    problems.add(
        "A4 CountryUnknown", rows, lost, f"{block}_country",
        "the country '{value}' is no country code of NAV. Enter the code, such as GB, in CRM.",
    )  # fmt: skip
    return out


def _with_options(facts: Facts, out: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Put mapped option values in place of the customer's codes (O1 to O3)."""
    for name, mapping, field, table in _OPTIONS:
        rows = facts.terms.options[facts.terms.options["mapping"].eq(mapping)]
        value = facts.orders[name]
        code = beside(rows.set_index("value")["nav_key"], value)
        out[field] = out[field].where(code.eq(""), code)
        there = facts.terms.payment.index if table == "Payment Terms" else facts.terms.codes[table]
        about = pd.DataFrame({"crm_id": value.index, "value": value, "code": code})
        problems.add(
            "O3 OptionGone", about, code.ne("") & ~code.isin(list(there)), name,
            f"its option {{value}} is mapped to {{code}}, which {table} does not have any more. "
            f"Correct the mapping {mapping}.",
        )  # fmt: skip
    return out


def _with_terms(facts: Facts, out: pd.DataFrame, today: date, problems: Problems) -> pd.DataFrame:
    """Count due date and discount date from the payment terms (O2)."""
    terms = out["Payment Terms Code"].astype(TEXT).fillna("")
    for field, formula in (
        ("Due Date", "Due Date Calculation"),
        ("Pmt. Discount Date", "Discount Date Calculation"),
    ):
        formulas = columns(facts.terms.payment, [formula], terms)[formula].fillna("")
        days = {each: _counted(each, today) for each in formulas.unique()}
        about = pd.DataFrame({"crm_id": out.index, "value": formulas, "terms": terms})
        problems.add(
            "PaymentTermsUnreadable", about, formulas.map(days).isna(), formula,
            "the payment terms {terms} have a date formula that is not understood: {value}. "
            "Correct it in NAV.",
        )  # fmt: skip
        # Without a formula the discount is for payment at once, and the bill due at once.
        out[field] = formulas.map(days)
    return out


def _counted(formula: str, today: date) -> datetime | None:
    try:
        found = applied(formula, today)
    except DataError:
        return None
    return datetime(found.year, found.month, found.day)
