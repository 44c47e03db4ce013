"""The reference for sales orders is right by examples worked out on paper (documents 1, 12)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.generated_orders import draw_books, draw_order
from tests.reference_orders import (
    Books,
    NavOrder,
    RefusedError,
    decimal,
    nav_order,
    number,
    rounded,
)

PRECISION = {"GBP": "0", "JPY": "1", "CHF": "0.05", "KWD": "0.001"}


def books(*, vat: str = "0", including: bool = False, tolerance: str = "0") -> Books:
    """Return a company of one customer; a pound is 2 francs, 150 yen or half a dinar."""
    rates = {"JPY": "150", "CHF": "2", "KWD": "0.5"}
    item = {"No.": "1000", "Description": "Bicycle", "Base Unit of Measure": "PCS",
            "VAT Prod. Posting Group": "VAT"}  # fmt: skip
    nav: dict[str, Any] = {
        "General Ledger Setup": [{"LCY Code": "GBP", "VAT Tolerance %": tolerance}],
        "Sales & Receivables Setup": [
            {"Write-in Product Type": "Resource", "Write-in Product No.": "LINA",
             "Freight G/L Acc. No.": "6710"}
        ],
        "G/L Account": [{"No.": "6710", "VAT Prod. Posting Group": "NONE"}],
        "Customer": [
            {"No.": "10000", "VAT Bus. Posting Group": "", "Prices Including VAT": including}
        ],
        "Item": [item, {**item, "No.": "2000", "Allow Invoice Disc.": False}],
        "Item Unit of Measure": [],
        "Resource": [{"No.": "LINA", "Name": "Lina", "Base Unit of Measure": "HOUR"}],
        "Resource Unit of Measure": [],
        "VAT Posting Setup": [
            {"VAT Bus. Posting Group": "", "VAT Prod. Posting Group": "VAT", "VAT %": vat}
        ],
        "Currency": [
            {"Code": code, "Amount Rounding Precision": each}
            for code, each in PRECISION.items() if code != "GBP"
        ],
        "Currency Exchange Rate": [
            {"Currency Code": code, "Starting Date": "2018-01-01", "Exchange Rate Amount": rate,
             "Relational Exch. Rate Amount": "1"}
            for code, rate in rates.items()
        ],
    }  # fmt: skip
    crm = {
        "account": [{"accountid": "acc"}],
        "transactioncurrency": [
            {"transactioncurrencyid": code, "isocurrencycode": code} for code in PRECISION
        ],
        "product": [
            {"productid": number_, "producttypecode": 1, "statecode": 0}
            for number_ in ("1000", "2000")
        ],
    }
    couplings = {
        ("CUSTOMER", "acc"): "10000",
        ("ITEM-PRODUCT", "1000"): "1000",
        ("ITEM-PRODUCT", "2000"): "2000",
    }
    return Books(nav, crm, couplings, date(2018, 10, 1))


def line(quantity: str, price: str, product: str | None = "1000", **more: Any) -> dict[str, Any]:
    return {"productid": product, "quantity": quantity, "priceperunit": price} | more


def made(company: Books, *lines: dict[str, Any], **order: Any) -> NavOrder:
    row = {"ordernumber": "ORD-1", "customerid": "acc", "customeridtype": "account"} | order
    details = [{"salesorderdetailid": f"line {place}"} | each for place, each in enumerate(lines)]
    return nav_order(row, details, company)


def column(found: NavOrder, name: str) -> list[str]:
    return [f"{each[name]:f}" if isinstance(each[name], Decimal) else each[name]
            for each in found.lines]  # fmt: skip


@pytest.mark.parametrize(
    ("details", "discount", "percent", "amount"),
    [
        (
            line("3", "100", manualdiscountamount="1", volumediscountamount="2"),
            "7",
            "2.33333",
            "293",
        ),
        (line("3", "100", manualdiscountamount="10"), "10", "3.33333", "290"),
        (line("3", "100", volumediscountamount="5"), "15", "5", "285"),
        (line("-3", "100", volumediscountamount="5"), "-15", "5", "-285"),
        (line("3", "0", manualdiscountamount="10"), "10", "0", "-10"),
        (line("0.5", "0.01"), "0", "0", "0.01"),
        (line("-0.5", "0.01"), "0", "0", "-0.01"),
    ],
    ids=["T6", "ORD-006 manual", "ORD-006 volume", "returned", "free", "half", "half below"],
)
def test_line_discount(details: dict[str, Any], discount: str, percent: str, amount: str) -> None:
    found = made(books(), details)
    assert column(found, "Line Discount Amount") == [discount]
    assert column(found, "Line Discount %") == [percent]
    assert column(found, "Line Amount") == [amount]


@pytest.mark.parametrize(
    ("order", "discount"),
    [
        ({"totalamountlessfreight": "850", "discountamount": "150"}, "150"),
        ({"totalamountlessfreight": "850", "discountamount": "50",
          "discountpercentage": "10"}, "150"),
        ({"totalamountlessfreight": "960", "discountamount": "40"}, "40"),
        ({"totalamountlessfreight": "970", "discountpercentage": "3"}, "30"),
        ({"totalamountlessfreight": "850"}, "0"),
    ],
    ids=["T11", "DI6", "ORD-007 amount", "ORD-007 percentage", "DI1"],
)  # fmt: skip
def test_invoice_discount(order: dict[str, Any], discount: str) -> None:
    found = made(books(), line("10", "100"), totallineitemamount="1000", **order)
    assert column(found, "Inv. Discount Amount") == [discount]
    assert found.header["Invoice Discount Amount"] == Decimal(discount)
    assert found.header["Invoice Discount Value"] == Decimal(discount)
    assert found.header["Payment Discount %"] == Decimal(order.get("discountpercentage", 0))
    assert found.header["Amount"] == 1000 - Decimal(discount)


def test_an_order_of_two_lines_with_every_discount_and_freight() -> None:
    """The amounts of ORD-020: CRM's 46,686.50 less freight are 8,463.50 off."""
    lines = [
        line("10", "4000", volumediscountamount="280", manualdiscountamount="400"),
        line("5", "4000", volumediscountamount="280", manualdiscountamount="250"),
    ]
    found = made(
        books(), *lines, totallineitemamount="55150", totalamountlessfreight="46686.5",
        discountamount="3500", discountpercentage="9", freightamount="1020",
    )  # fmt: skip
    assert column(found, "Line Amount") == ["36800", "18350", "1020"]
    # 8463.5 x 36800 / 55150 = 5647.449, the rest is 2816.05; freight has no part in it.
    assert column(found, "Inv. Discount Amount") == ["5647.45", "2816.05", "0"]
    assert found.header["Amount"] == Decimal("47706.5")
    plain = made(books(), *lines)
    assert plain.header["Amount"] == Decimal("55150")


def test_freight_follows_the_lines() -> None:
    found = made(books(), line("1", "100"), freightamount="15")
    assert column(found, "Line No.") == [10000, 20000]
    assert [found.lines[1][name] for name in ("Type", "No.", "Description")] == [
        "G/L Account", "6710", "Freight Amount",
    ]  # fmt: skip
    assert column(found, "Unit Price") == ["100", "15"]
    assert len(made(books(), line("1", "100"), freightamount="-5").lines) == 1
    assert column(made(books(), freightamount="5"), "Line No.") == [10000]


def test_a_long_description_takes_lines() -> None:
    text = "x" * 50 + "y" * 50 + "z" * 20
    found = made(books(), line("1", "1", productdescription=text), line("1", "1", None))
    assert column(found, "Line No.") == [10000, 20000, 30000, 40000]
    assert column(found, "Description") == ["x" * 50, "y" * 50, "z" * 20, "Lina"]
    assert column(found, "Type") == ["Item", "", "", "Resource"]
    short = {"productdescription": "x" * 50}
    found = made(books(), line("1", "1", **short), line("1", "1", None, **short))
    assert column(found, "Description") == ["Bicycle", "x" * 50]


def test_lines_are_ordered_by_sequence_number_item_and_id() -> None:
    found = made(
        books(),
        line("1", "1", sequencenumber=2, lineitemnumber=1),
        line("2", "1", sequencenumber=1, lineitemnumber=2),
        line("3", "1", lineitemnumber=3),
        line("4", "1", sequencenumber=1),
        line("5", "1", sequencenumber=1),
    )
    assert column(found, "Quantity") == ["3", "4", "5", "2", "1"]


def test_a_line_may_be_without_invoice_discount() -> None:
    lines = line("1", "100"), line("1", "100", "2000"), line("1", "200", None)
    off = {"totallineitemamount": "400", "totalamountlessfreight": "399.99", "discountamount": "1"}
    found = made(books(), *lines, **off)
    assert column(found, "Inv. Discount Amount") == ["0", "0", "0.01"]
    with pytest.raises(RefusedError):
        made(books(), lines[1], **off)


@pytest.mark.parametrize(
    ("currency", "amounts", "local"),
    [("GBP", ["3.34", "6.68"], ["3.34", "6.68"]), ("CHF", ["3.35", "6.7"], ["1.68", "3.35"]),
     ("JPY", ["3", "7"], ["0.02", "0.05"]), ("KWD", ["3.338", "6.675"], ["6.68", "13.35"])],
)  # fmt: skip
def test_each_currency_has_its_precision(
    currency: str, amounts: list[str], local: list[str]
) -> None:
    found = made(books(), line("1", "3.3375"), line("2", "3.3375"), transactioncurrencyid=currency)
    assert column(found, "Line Amount") == amounts
    assert column(found, "Outstanding Amount (LCY)") == local
    assert found.header["Currency Code"] == ("" if currency == "GBP" else currency)


def test_vat_is_the_part_of_the_sum() -> None:
    """10.01, 20.02 and 30.03 at 25 % are 2.5025, 5.005 and 7.5075."""
    found = made(books(vat="25"), *[line("1", "10.01")] * 3)
    assert column(found, "Amount Including VAT") == ["12.51", "12.52", "12.51"]
    assert column(found, "Amount") == column(found, "VAT Base Amount") == ["10.01"] * 3


def test_vat_is_taken_out_of_prices_including_it() -> None:
    """9.99, 19.98 and 29.97 without 25 % are 7.992, 15.984 and 23.976."""
    found = made(books(vat="25", including=True), *[line("1", "9.99")] * 3)
    assert column(found, "Amount") == ["7.99", "7.99", "8"]
    assert column(found, "Amount Including VAT") == ["9.99"] * 3


@pytest.mark.parametrize(
    ("including", "price", "amount", "gross", "base"),
    [
        (False, "100", "95", "118.28", "93.1"),  # 95 x 98 % x 25 % = 23.275
        (True, "125", "95", "118.27", "93.1"),  # 118.75 / 1.25 = 95; 95 x 2 % x 25 % = 0.475
    ],
)
def test_a_discount_for_paying_early_lowers_the_base_of_vat(
    including: bool, price: str, amount: str, gross: str, base: str
) -> None:
    less = Decimal(price) * Decimal("0.95")
    found = made(
        books(vat="25", including=including, tolerance="2"), line("1", price),
        totallineitemamount=price, totalamountlessfreight=less, discountpercentage="5",
    )  # fmt: skip
    assert found.header["VAT Base Discount %"] == 2
    assert column(found, "Amount") == [amount]
    assert column(found, "Amount Including VAT") == [gross]
    assert column(found, "VAT Base Amount") == [base]


def test_reverse_charge_counts_nothing() -> None:
    company = books(vat="25")
    company.nav["VAT Posting Setup"][0]["VAT Calculation Type"] = "Reverse Charge VAT"  # type: ignore[index]
    assert column(made(company, line("1", "80")), "Amount Including VAT") == ["80"]


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_parts_come_to_the_whole(chance: Random) -> None:
    """Whatever the order: discounts and VAT of the lines are those of the order, to a step."""
    company = draw_books(chance, chance.choice(["Item", "Resource"]))
    order = draw_order(chance, company, 1)
    try:
        found = nav_order(order.row, order.details, company)
    except RefusedError:
        return
    precisions = {row["Code"]: number(row["Amount Rounding Precision"]) for row in
                  company.nav["Currency"]}  # fmt: skip
    local = number(company.setup("General Ledger Setup", "Amount Rounding Precision"))
    code = found.header["Currency Code"]
    precision = (precisions[code] if code else local) or number("0.01")
    off = number(found.header["Invoice Discount Value"])
    assert found.header["Invoice Discount Amount"] == decimal(rounded(off, precision))
    net = sum(each["Line Amount"] - each["Inv. Discount Amount"] for each in found.lines)
    total = "Amount Including VAT" if found.header["Prices Including VAT"] else "Amount"
    if total == "Amount" or not found.header["VAT Base Discount %"]:
        assert found.header[total] == net
    for name in ("Line Amount", "Inv. Discount Amount", "Amount", "Amount Including VAT"):
        assert all((number(each[name]) / precision).denominator == 1 for each in found.lines)
    assert [each["Line No."] for each in found.lines] == [
        10000 * place for place in range(1, len(found.lines) + 1)
    ]
