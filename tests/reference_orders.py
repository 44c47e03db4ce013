"""Sales orders worked out one at a time, with a pencil: what NAV must come to (documents 1).

A second opinion: it uses nothing of the package. It takes the rows of one CRM order and of NAV's
tables and gives the rows of the NAV order. Amounts are fractions, so that nothing is rounded but
what the rules round.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal
from fractions import Fraction
from typing import Any

Row = Mapping[str, Any]
PIECE = 50  # characters of a line's description
STEP = 10000  # from one line number to the next
RATE_DECIMALS = Fraction(1, 10**20)  # as many as NAV's tables hold
PERCENT, BASE_QUANTITY = Fraction(1, 10**5), Fraction(1, 10**5)
INVENTORY, SERVICES = 1, 3  # kinds of product in CRM
_EXACT = Context(prec=80)


class RefusedError(Exception):
    """NAV makes no order of this one."""


@dataclass
class Books:
    """What both products hold beside the orders.

    Attributes
    ----------
    nav, crm
        Table -> rows by the catalogue's names, options by caption.
    couplings
        (mapping, CRM id) -> key in NAV.
    """

    nav: Mapping[str, Sequence[Row]]
    crm: Mapping[str, Sequence[Row]]
    couplings: Mapping[tuple[str, str], str]
    today: date

    def find(self, table: str, key: Row) -> Row | None:
        """Return the row of a table that has these values, if there is one."""
        rows = self.nav[table] if table in self.nav else self.crm.get(table, ())
        return next((row for row in rows if key.items() <= row.items()), None)

    def setup(self, table: str, name: str) -> Any:
        """Return a field of a setup table."""
        return self.nav[table][0].get(name)


@dataclass
class NavOrder:
    """The rows of a NAV order, amounts as decimals."""

    header: dict[str, Any]
    lines: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Terms:
    """What of a header its lines are worked out by."""

    precision: Fraction
    local_precision: Fraction
    factor: Fraction
    vat_group: str
    including_vat: bool
    base_discount: Fraction


def number(value: object) -> Fraction:
    """Return an amount as it is written; a blank is nothing."""
    return Fraction(str(value)) if value not in (None, "") else Fraction(0)


def rounded(amount: Fraction, precision: Fraction) -> Fraction:
    """Round to a multiple of a precision, halves away from zero."""
    steps = math.floor(abs(amount) / precision + Fraction(1, 2))
    return steps * precision * (-1 if amount < 0 else 1)


def decimal(amount: Fraction) -> Decimal:
    """Return an amount with all its decimals."""
    shifted = amount * 10**20
    assert shifted.denominator == 1, f"{amount} has more decimals than NAV holds"
    return Decimal(shifted.numerator).scaleb(-20, _EXACT).normalize(_EXACT)


def nav_order(order: Row, details: Sequence[Row], books: Books) -> NavOrder:
    """Return what an order becomes in NAV.

    Raises
    ------
    RefusedError
        It becomes nothing.
    """
    customer = customer_of(order, books)
    payer = books.find("Customer", {"No.": customer.get("Bill-to Customer No.") or customer["No."]})
    assert payer is not None
    currency = currency_of(order, books)
    terms = terms_of(order, payer, currency, books)
    lines = numbered(order, details, terms, books)
    discount = invoice_discount(order)
    if discount is not None:
        distribute(discount, lines, terms)
    for group in vat_groups(lines):
        add_vat(group, terms)
    for line in lines:
        line["Outstanding Quantity"] = line["Quantity"]
        line["Outstanding Amount"] = line["Amount Including VAT"]
        line["Outstanding Amount (LCY)"] = rounded(
            line["Amount Including VAT"] / terms.factor, terms.local_precision
        )
    header = {
        "Sell-to Customer No.": customer["No."],
        "Bill-to Customer No.": payer["No."],
        "Your Reference": order["ordernumber"][:35],
        "External Document No.": (order.get("name") or "")[:35].upper(),
        "Currency Code": currency,
        "Currency Factor": terms.factor if currency else None,
        "Prices Including VAT": terms.including_vat,
        "VAT Bus. Posting Group": terms.vat_group,
        "Payment Discount %": number(order.get("discountpercentage")),
        "VAT Base Discount %": terms.base_discount,
        "Invoice Discount Calculation": "None" if discount is None else "Amount",
        "Invoice Discount Value": discount or Fraction(0),
        "Amount": sum((line["Amount"] for line in lines), Fraction(0)),
        "Amount Including VAT": sum((line["Amount Including VAT"] for line in lines), Fraction(0)),
        "Invoice Discount Amount": sum(
            (line["Inv. Discount Amount"] for line in lines), Fraction(0)
        ),
    }
    return NavOrder(shown(header), [shown(line) for line in lines])


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row with its amounts as decimals."""
    return {
        name: decimal(each) if isinstance(each, Fraction) else each for name, each in row.items()
    }


# --- the header ---------------------------------------------------------------------------------


def customer_of(order: Row, books: Books) -> Row:
    """Return the customer an order's account is coupled to (C2, C3)."""
    account = order["customerid"]
    if order["customeridtype"] == "contact":
        contact = books.find("contact", {"contactid": account})
        account = contact and contact["parentcustomerid"]
    found = books.find("Customer", {"No.": books.couplings.get(("CUSTOMER", account))})
    if found is None:
        raise RefusedError("customer")
    return found


def currency_of(order: Row, books: Books) -> str:
    """Return an order's currency, blank for the local one (H5)."""
    if not order.get("transactioncurrencyid"):
        return ""
    name = "transactioncurrencyid"
    row = books.find("transactioncurrency", {name: order[name]})
    code = (row or {}).get("isocurrencycode", "").replace(" ", "")
    if code == books.setup("General Ledger Setup", "LCY Code"):
        return ""
    if not code or books.find("Currency", {"Code": code}) is None:
        raise RefusedError("currency")
    return code


def terms_of(order: Row, payer: Row, currency: str, books: Books) -> Terms:
    """Return precision, rate and VAT terms of an order."""
    cent = Fraction(1, 100)
    ledger, name = "General Ledger Setup", "Amount Rounding Precision"
    local = number(books.setup(ledger, name)) or cent
    foreign = books.find("Currency", {"Code": currency}) if currency else None
    return Terms(
        precision=(number(foreign.get(name)) or cent) if foreign else local,
        local_precision=local,
        factor=factor_of(currency, books),
        vat_group=payer.get("VAT Bus. Posting Group", ""),
        including_vat=bool(payer.get("Prices Including VAT")),
        base_discount=min(
            number(order.get("discountpercentage")), number(books.setup(ledger, "VAT Tolerance %"))
        ),
    )


def factor_of(currency: str, books: Books) -> Fraction:
    """Return how many of a currency are one of the local currency today."""
    if not currency:
        return Fraction(1)
    rates = [row for row in books.nav["Currency Exchange Rate"] if row["Currency Code"] == currency]
    past = [row for row in rates if date.fromisoformat(row["Starting Date"]) <= books.today]
    if not past:
        raise RefusedError("exchange rate")
    last = max(past, key=lambda row: row["Starting Date"])
    factor = number(last["Exchange Rate Amount"]) / number(last["Relational Exch. Rate Amount"])
    return rounded(factor, RATE_DECIMALS)


# --- the lines ----------------------------------------------------------------------------------


def numbered(order: Row, details: Sequence[Row], terms: Terms, books: Books) -> list[Any]:
    """Return product lines, each followed by its comments, and freight (L1, L2, D3, F3)."""
    ordered = sorted(
        details,
        key=lambda row: (
            row.get("sequencenumber") or 0,
            row.get("lineitemnumber") or 0,
            row["salesorderdetailid"],
        ),
    )
    lines = [line for detail in ordered for line in lines_of(detail, terms, books)]
    lines += freight(order, terms, books)
    for place, line in enumerate(lines, start=1):
        line["Line No."] = place * STEP
    return lines


def lines_of(detail: Row, terms: Terms, books: Books) -> Iterator[dict[str, Any]]:
    """Return the line of a product and its comment lines (L3 to L10, D1, D2, W3).

    A short description is ignored but for a write-in, which has no other.
    """
    kind, key = product_of(detail, books)
    text = detail.get("productdescription") or ""
    pieces = [text[at : at + PIECE] for at in range(0, len(text), PIECE)]
    more = pieces[1:]
    quantity = number(detail.get("quantity"))
    if not quantity:
        raise RefusedError("quantity")
    line = sold(kind, key, quantity, number(detail.get("priceperunit")), terms, books)
    if more or (pieces and not detail.get("productid")):
        line["Description"] = pieces[0]
    off = quantity * number(detail.get("volumediscountamount")) + number(
        detail.get("manualdiscountamount")
    )
    off, base = rounded(off, terms.precision), line["Line Amount"]
    line["Line Discount Amount"] = off
    line["Line Discount %"] = rounded(off / base * 100, PERCENT) if base else Fraction(0)
    line["Line Amount"] = base - off
    yield line
    for piece in more:
        yield blank_line() | {"Description": piece}


def product_of(detail: Row, books: Books) -> tuple[str, str]:
    """Return type and number of what a line sells (L4 to L8, W1)."""
    if not detail.get("productid"):
        number_ = books.setup("Sales & Receivables Setup", "Write-in Product No.")
        if not number_:
            raise RefusedError("write-in product")
        return books.setup("Sales & Receivables Setup", "Write-in Product Type"), number_
    product = books.find("product", {"productid": detail["productid"]})
    if product is None or product.get("statecode", 0) != 0:
        raise RefusedError("product")
    kinds = {INVENTORY: ("ITEM-PRODUCT", "Item"), SERVICES: ("RESOURCE-PRODUCT", "Resource")}
    mapping, kind = kinds.get(product["producttypecode"], ("", ""))
    key = books.couplings.get((mapping, product["productid"]))
    if key is None:
        raise RefusedError("product")
    return kind, key


def sold(
    kind: str, key: str, quantity: Fraction, price: Fraction, terms: Terms, books: Books
) -> dict[str, Any]:
    """Return a line without any discount, described, measured and taxed as its master record."""
    master = books.find(kind, {"No.": key})
    if master is None:
        raise RefusedError(kind)
    unit = master.get("Sales Unit of Measure") or master.get("Base Unit of Measure") or ""
    measure = {
        "Item": books.find("Item Unit of Measure", {"Item No.": key, "Code": unit}),
        "Resource": books.find("Resource Unit of Measure", {"Resource No.": key, "Code": unit}),
    }.get(kind)
    per = number(measure["Qty. per Unit of Measure"]) if measure else Fraction(1)
    product_group = master.get("VAT Prod. Posting Group", "")
    vat = books.find(
        "VAT Posting Setup",
        {"VAT Bus. Posting Group": terms.vat_group, "VAT Prod. Posting Group": product_group},
    )
    calculation = (vat or {}).get("VAT Calculation Type") or "Normal VAT"
    return blank_line() | {
        "Type": kind,
        "No.": key,
        "Description": master.get("Description") or master.get("Name") or "",
        "Unit of Measure Code": unit,
        "Qty. per Unit of Measure": per,
        "Quantity": quantity,
        "Quantity (Base)": rounded(quantity * per, BASE_QUANTITY),
        "Unit Price": price,
        "VAT %": number(vat["VAT %"]) if vat and calculation == "Normal VAT" else Fraction(0),
        "VAT Calculation Type": calculation,
        "Allow Invoice Disc.": master.get("Allow Invoice Disc.", True),
        "Line Amount": rounded(quantity * price, terms.precision),
    }


def blank_line() -> dict[str, Any]:
    """Return a comment line without its text."""
    texts = dict.fromkeys(["Type", "No.", "Unit of Measure Code"], "")
    amounts = dict.fromkeys(
        [
            "Quantity", "Qty. per Unit of Measure", "Quantity (Base)", "Unit Price", "VAT %",
            "Line Discount %", "Line Discount Amount", "Line Amount", "Inv. Discount Amount",
            "Amount", "Amount Including VAT", "VAT Base Amount",
        ],
        Fraction(0),
    )  # fmt: skip
    return {**texts, **amounts, "VAT Calculation Type": "Normal VAT"}


def freight(order: Row, terms: Terms, books: Books) -> Iterator[dict[str, Any]]:
    """Return the line of an order's freight, where there is any (F1 to F4).

    NAV never takes an invoice discount off a line of a G/L account.
    """
    amount = number(order.get("freightamount"))
    if amount <= 0:
        return
    account = books.setup("Sales & Receivables Setup", "Freight G/L Acc. No.")
    if not account:
        raise RefusedError("freight account")
    line = sold("G/L Account", account, Fraction(1), amount, terms, books)
    yield line | {"Description": "Freight Amount", "Allow Invoice Disc.": False}


# --- invoice discount and VAT -------------------------------------------------------------------


def invoice_discount(order: Row) -> Fraction | None:
    """Return the discount of an order as a whole; None where it has none (DI1, DI2)."""
    if not number(order.get("discountamount")) and not number(order.get("discountpercentage")):
        return None
    return number(order.get("totallineitemamount")) - number(order.get("totalamountlessfreight"))


def distribute(discount: Fraction, lines: list[dict[str, Any]], terms: Terms) -> None:
    """Give every line that allows it its part of the discount (DI2, DI3)."""
    open_lines = [line for line in lines if line["Type"] and line["Allow Invoice Disc."]]
    whole = sum((line["Line Amount"] for line in open_lines), Fraction(0))
    if not discount:
        return
    if not whole or discount / whole > 1:
        raise RefusedError("more discount than lines that allow it")
    reached = given = Fraction(0)
    for line in open_lines:
        reached += line["Line Amount"]
        line["Inv. Discount Amount"] = rounded(discount * reached / whole, terms.precision) - given
        given += line["Inv. Discount Amount"]


def vat_groups(lines: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """Return the lines of each rate and kind of VAT."""
    groups: dict[Any, list[dict[str, Any]]] = {}
    for line in lines:
        if line["Type"]:
            groups.setdefault((line["VAT %"], line["VAT Calculation Type"]), []).append(line)
    return list(groups.values())


def add_vat(lines: list[dict[str, Any]], terms: Terms) -> None:
    """Work out net amount, VAT and VAT base of lines of one rate, from the sums up to each."""
    rate = lines[0]["VAT %"] / 100
    kept = 1 - terms.base_discount / 100
    net_so_far = amount_so_far = vat_so_far = off_so_far = base_so_far = Fraction(0)
    for line in lines:
        net = line["Line Amount"] - line["Inv. Discount Amount"]
        net_so_far += net
        if terms.including_vat:
            reached = rounded(net_so_far / (1 + rate), terms.precision)
            line["Amount"] = reached - amount_so_far
            amount_so_far = reached
            off = rounded(amount_so_far * (1 - kept) * rate, terms.precision)
            line["Amount Including VAT"] = net - (off - off_so_far)
            off_so_far = off
        else:
            line["Amount"] = net
            amount_so_far += net
            vat = rounded(amount_so_far * kept * rate, terms.precision)
            line["Amount Including VAT"] = net + vat - vat_so_far
            vat_so_far = vat
        base = rounded(amount_so_far * kept, terms.precision)
        line["VAT Base Amount"] = base - base_so_far
        base_so_far = base
