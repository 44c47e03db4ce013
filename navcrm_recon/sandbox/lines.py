"""Lines of sales documents: who buys, what is sold, and the amounts on both sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import Company, amounts, cents
from navcrm_recon.sandbox.draw import take
from navcrm_recon.sandbox.goods import LONE as LONE_ITEM
from navcrm_recon.sandbox.goods import units_by_group
from navcrm_recon.sandbox.mirror import local_currency_id
from navcrm_recon.sandbox.money import Cents, half_up, in_currency, in_lcy, rates
from navcrm_recon.sandbox.resources import words

#: What a NAV line says of its item or resource.
_ABOUT = [
    "Type", "No.", "Description", "Unit of Measure Code", "Gen. Prod. Posting Group",
    "VAT Prod. Posting Group",
]  # fmt: skip
_ITEM, _RESOURCE, _REVERSE_CHARGE = 2, 3, 1
_PLACE = ["Address", "Address 2", "City", "Post Code", "County", "Country/Region Code"]
_GROUPS = ["Gen. Bus. Posting Group", "VAT Bus. Posting Group"]


def buyers(company: Company, chance: np.random.Generator, count: int) -> pd.DataFrame:
    """Return customers that documents may name, drawn with repetition.

    Beside their own columns: ``payer`` (No. of who pays), and that one's ``currency``, ``rate``,
    ``discount_code`` and groups.
    """
    return bought_by(company, pd.Index(chance.choice(company.busy, count)))


def bought_by(company: Company, keys: pd.Index[str]) -> pd.DataFrame:
    """Return customers as buyers, in the order of their keys."""
    customers = company.nav["Customer"]
    chosen = customers.loc[keys].reset_index(drop=True)
    payer = chosen["Bill-to Customer No."]
    payer = payer.where(payer != "", chosen["No."])
    paying = customers.loc[payer].reset_index(drop=True)
    currency = paying["Currency Code"]
    return chosen.assign(
        payer=payer,
        currency=currency,
        rate=rates(currency),
        discount_code=paying["Invoice Disc. Code"],
        **{name: paying[name] for name in _GROUPS},
    )


def currency_ids(company: Company, codes: pd.Series) -> pd.Series:
    """Return the CRM currency of each code."""
    ids = codes.map(company.crm_id_of("CURRENCY")).astype(TEXT)
    return ids.where(codes != "", local_currency_id(company))


def find_goods(company: Company) -> None:
    """Find what documents may sell without a remark, items first, then resources.

    ``company.goods`` then has the columns of ``_ABOUT``, ``price`` and ``product``.
    """
    items, resources = company.nav["Item"], company.nav["Resource"]
    sold = np.arange(len(items)) % LONE_ITEM != 0
    plain = items["Sales Unit of Measure"].eq("") & ~items["Blocked"]
    plain &= ~items.index.isin(company.kept["ITEM-PRODUCT"])
    items = items[sold & plain.to_numpy(dtype=bool)]
    resources = resources[(words("resources")["spare"] == "").to_numpy()]
    resources = resources.rename(columns={"Name": "Description"})
    parts = [
        _as_goods(company, items, _ITEM, "ITEM-PRODUCT"),
        _as_goods(company, resources, _RESOURCE, "RESOURCE-PRODUCT"),
    ]
    company.goods = pd.concat(parts, ignore_index=True)


def _as_goods(company: Company, cards: pd.DataFrame, kind: int, mapping: str) -> pd.DataFrame:
    price = np.abs(np.rint(cards["Unit Price"].astype(float).to_numpy() * 100)).astype(np.int64)
    found = cards.assign(Type=kind, **{"Unit of Measure Code": cards["Base Unit of Measure"]})
    return found[_ABOUT].assign(
        price=price, product=cards["No."].map(company.crm_id_of(mapping)).to_numpy()
    )


def draw_lines(
    company: Company, chance: np.random.Generator, who: pd.DataFrame, most: int
) -> pd.DataFrame:
    """Return up to ``most`` lines for each buyer: goods, whole quantities, prices, discounts."""
    per = chance.integers(1, most + 1, len(who))
    document = np.repeat(np.arange(len(who)), per)
    goods = company.goods
    items = int((goods["Type"] == _ITEM).sum())
    service = chance.random(len(document)) < 0.1
    place = np.where(
        service,
        chance.integers(items, len(goods), len(document)),
        chance.integers(0, items, len(document)),
    )
    chosen = goods.take(place).reset_index(drop=True)
    rate = who["rate"].to_numpy()[document]
    price = in_currency(chosen["price"], rate)
    quantity = chance.integers(1, 25, len(document))
    percent = chance.choice([0, 0, 5, 10], len(document))
    volume = np.where(chance.random(len(document)) < 0.2, half_up(price, 25), 0)
    volume = np.where(percent == 0, volume, 0)
    lines = chosen.assign(
        document=document,
        quantity=quantity,
        price=price,
        volume=volume,
        manual=half_up(quantity * price * percent, 100),
    )
    lines["Line No."] = 10000 * (lines.groupby("document").cumcount() + 1)
    return priced(lines, who)


def of_lines(who: pd.DataFrame, lines: pd.DataFrame) -> pd.DataFrame:
    """Return the buyer of each line."""
    return who.take(lines["document"].to_numpy()).reset_index(drop=True)


def priced(lines: pd.DataFrame, who: pd.DataFrame, percent: Cents | None = None) -> pd.DataFrame:
    """Return lines with their amounts in whole cents (documents 1.7, 1.9).

    Parameters
    ----------
    percent
        Invoice discount of each line's document.
    """
    document = lines["document"].to_numpy()
    group = take(who["VAT Bus. Posting Group"].reset_index(drop=True), document)
    permille, kind = vat(group, lines["VAT Prod. Posting Group"].reset_index(drop=True))
    quantity, price = (lines[name].to_numpy() for name in ("quantity", "price"))
    gross = quantity * price
    discount = quantity * lines["volume"].to_numpy() + lines["manual"].to_numpy()
    line_amount = gross - discount
    invoice_discount = 0 * gross if percent is None else half_up(line_amount * percent, 100)
    amount = line_amount - invoice_discount
    tax = half_up(amount * permille, 1000)
    return lines.assign(
        permille=permille,
        vat_type=kind,
        bus_group=group.to_numpy(),
        discount=discount,
        share=half_up(discount * 10**7, np.where(gross == 0, 1, gross)),
        line_amount=line_amount,
        invoice_discount=invoice_discount,
        amount=amount,
        tax=tax,
        including=amount + tax,
        rate=who["rate"].to_numpy()[document],
    )


def vat(bus_group: pd.Series, prod_group: pd.Series) -> tuple[Cents, Cents]:
    """Return the VAT of lines in permille, none where the buyer owes it, and how it is charged."""
    rows = words("vat")
    keys = list(zip(rows["bus_group"], rows["prod_group"], strict=True))
    kinds = dict(zip(keys, rows["type"].astype(int), strict=True))
    charged = cents(rows["percent"], 1) * (rows["type"].astype(int) != _REVERSE_CHARGE)
    permille = dict(zip(keys, charged, strict=True))
    wanted = list(zip(bus_group, prod_group, strict=True))
    return np.array([permille[each] for each in wanted]), np.array([kinds[each] for each in wanted])


def nav_line(lines: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of a NAV line, of an order as well as of an invoice."""
    return {
        **{name: lines[name] for name in ("Line No.", *_ABOUT)},
        "Quantity": amounts(lines["quantity"], 0),
        "Qty. per Unit of Measure": amounts(np.ones(len(lines)), 0),
        "Quantity (Base)": amounts(lines["quantity"], 0),
        "Unit Price": amounts(lines["price"]),
        "VAT %": amounts(lines["permille"], 1),
        "VAT Calculation Type": lines["vat_type"],
        "VAT Bus. Posting Group": lines["bus_group"],
        "Line Discount %": amounts(lines["share"], 5),
        "Line Discount Amount": amounts(lines["discount"]),
        "Inv. Discount Amount": amounts(lines["invoice_discount"]),
        "Line Amount": amounts(lines["line_amount"]),
        "Amount": amounts(lines["amount"]),
        "VAT Base Amount": amounts(lines["amount"]),
        "Amount Including VAT": amounts(lines["including"]),
    }


def totals(lines: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the flow fields of document headers; ``document`` counts from 0 without a gap."""
    sums = lines.groupby("document")[["amount", "including", "invoice_discount"]].sum()
    names = ("Amount", "Amount Including VAT", "Invoice Discount Amount")
    return {name: amounts(sums[each]) for name, each in zip(names, sums, strict=True)}


def parties(who: pd.DataFrame, company: Company, *roles: str) -> dict[str, pd.Series]:
    """Return the address blocks of documents."""
    paying = company.nav["Customer"].loc[who["payer"]].reset_index(drop=True)
    out: dict[str, pd.Series] = {}
    for role in roles:
        own = paying if role == "Bill-to" else who
        out[f"{role} {'Customer Name' if role == 'Sell-to' else 'Name'}"] = own["Name"]
        out |= {f"{role} {name}": own[name] for name in _PLACE}
    return out


def crm_line(company: Company, lines: pd.DataFrame) -> dict[str, Any]:
    """Return the columns of a CRM line that follow from what is sold."""
    products = company.crm["product"].loc[lines["product"]]
    units = products["defaultuomscheduleid"].map(units_by_group(company))
    return {
        "productid": lines["product"],
        "uomid": units.reset_index(drop=True),
        "productdescription": lines["Description"],
        "producttypecode": 1,
        "quantity": amounts(lines["quantity"], 0),
        "priceperunit": amounts(lines["price"]),
    }


def lcy(lines: pd.DataFrame, column: str) -> Cents:
    """Return a column of cents in the local currency."""
    return in_lcy(lines[column], lines["rate"])
