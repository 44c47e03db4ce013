"""The lines of the NAV order a CRM order becomes: goods, comments, freight (documents 1.7, 1.8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.documents.orders.amounts import ONE, ZERO, Decimals, decimals, either
from navcrm_recon.documents.orders.lookup import beside, columns, said
from navcrm_recon.documents.orders.problems import Problems
from navcrm_recon.documents.orders.reading import Facts
from navcrm_recon.frames import TEXT, join_key

COMMENT, GL_ACCOUNT, ITEM, RESOURCE = 0, 1, 2, 3
#: NAV's description holds so many characters; longer texts go on in comment lines (D2).
DESCRIPTION = 50
STEP = 10_000
FREIGHT = "Freight Amount"
_ACTIVE, _SERVICE = 0, 1
_STATES = {0: "Active", 1: "Retired", 2: "Draft", 3: "Under Revision"}
#: producttypecode of a product -> type of the NAV line (L5, L6).
_TYPES = {1: ITEM, 3: RESOURCE}
#: What follows from an item, a resource or an account, by the names lines have for it.
_TAKEN = {
    "Gen. Prod. Posting Group": "Gen. Prod. Posting Group",
    "VAT Prod. Posting Group": "VAT Prod. Posting Group",
}
_SETUP = "Sales & Receivables Setup"


def lines(facts: Facts, problems: Problems) -> pd.DataFrame:
    """Return the lines of NAV orders, without their amounts.

    Returns
    -------
    DataFrame
        By order and line: ``order`` (CRM id, str), ``Line No.`` (int64), ``Type`` (int64), ``No.``,
        ``Description``, units and posting groups by NAV's names; ``quantity, price, volume,
        manual`` (Python decimals); ``allows`` (bool, Allow Invoice Disc.); ``remark`` (str).
    """
    sold = _sold(facts, problems)
    goods = _with_goods(facts, sold, problems)
    rows = pd.concat([_with_comments(goods), _freight(facts, problems)], ignore_index=True)
    known = rows["order"].isin(list(facts.orders.index))
    rows = rows[known].sort_values(["order", "place", "piece"], ignore_index=True)
    number = rows.groupby("order").cumcount() + 1  # one counter for lines and comments (L2, D3)
    return rows.assign(**{"Line No.": number.to_numpy() * STEP})


def _sold(facts: Facts, problems: Problems) -> pd.DataFrame:
    """Return what CRM sells on each line: the type and key NAV has for it (L3 to L8, W1 to W3)."""
    found, goods = facts.lines, facts.goods
    product = found["productid"]
    of_product = columns(goods.products, goods.products.columns, product)
    write_in = product.eq("")
    kind = of_product["producttypecode"].map(_TYPES)
    items, resources = (beside(each, product) for each in (goods.items_of, goods.resources_of))
    by_item = (facts.setup["Write-in Product Type"] or 0) == 0
    own = join_key([pd.Series([facts.setup["Write-in Product No."] or ""], dtype=TEXT)]).iloc[0]
    kind = kind.mask(write_in, ITEM if by_item else RESOURCE).fillna(COMMENT).astype("int64")
    key = items.where(kind.eq(ITEM), resources).mask(write_in, own)
    position = found.groupby("salesorderid").cumcount() + 1
    given = found["lineitemnumber"].fillna(0)
    rows = pd.DataFrame({
        "crm_id": found["salesorderid"].to_numpy(), "line": given.where(given > 0, position),
        "kind": kind, "key": key, "write_in": write_in, "product": product,
        "name": of_product["name"].fillna(""), "number": of_product["productnumber"].fillna(""),
        "state": of_product["statecode"].fillna(_ACTIVE), "place": position,
        "type": of_product["producttypecode"],
    })  # fmt: skip
    _check_products(facts, rows, problems)
    _check_write_ins(facts, rows[write_in], own, by_item, problems)
    return rows


def _check_products(facts: Facts, rows: pd.DataFrame, problems: Problems) -> None:
    there = rows["product"].isin(list(facts.goods.products.index))
    problems.add(
        "L4 ProductGone", rows.assign(value=rows["product"]), ~rows["write_in"] & ~there,
        "productid", "its product {value} is not in CRM any more. Choose another one.",
    )  # fmt: skip
    states = rows["state"].map(_STATES)
    problems.add(
        "L4 ProductNotActive", rows.assign(value=states), there & rows["state"].ne(_ACTIVE),
        "statecode", "the product {name} ({number}) is {value}; it must be Active. Activate it in "
        "CRM, or choose another one.",
    )  # fmt: skip
    other = there & rows["kind"].eq(COMMENT)
    problems.add(
        "L7 UnexpectedProductType", rows.assign(value=rows["type"]), other, "producttypecode",
        "the product {number} ({name}) has the type {value}; only Sales Inventory (1) and Services "
        "(3) can be ordered in NAV. Choose another product.",
    )  # fmt: skip
    uncoupled = there & rows["kind"].ne(COMMENT) & rows["key"].eq("")
    for kind, rule, what in (
        (ITEM, "L5 NotCoupledProduct", "an item"),
        (RESOURCE, "L6 NotCoupledResource", "a resource"),
    ):
        problems.add(
            rule, rows.assign(value=rows["name"]), uncoupled & rows["kind"].eq(kind), "productid",
            f"the product {{value}} ({{number}}) is not coupled to {what}. Couple it.",
        )  # fmt: skip
    for kind, rule, cards in (
        (ITEM, "L5 ItemDoesNotExist", facts.goods.items),
        (RESOURCE, "L6 ResourceDoesNotExist", facts.goods.resources),
    ):
        what = rule.removesuffix("DoesNotExist").split()[1].lower()
        gone = there & rows["key"].ne("") & ~rows["key"].isin(list(cards.index))
        problems.add(
            rule, rows.assign(value=rows["key"]), gone & rows["kind"].eq(kind), "productid",
            f"the {what} {{value}}, to which the product {{number}} is coupled, is not in NAV any "
            "more. Remove the coupling and couple the product anew.",
        )  # fmt: skip


def _check_write_ins(
    facts: Facts, rows: pd.DataFrame, own: str, by_item: bool, problems: Problems
) -> None:
    cards = facts.goods.items if by_item else facts.goods.resources
    about = rows.assign(value=own)
    problems.add(
        "W1 MissingWriteInProduct", about, np.full(len(rows), not own), "Write-in Product No.",
        f"it is a write-in, and {_SETUP} has no Write-in Product No. Choose the default write-in "
        "product there.",
    )  # fmt: skip
    lost = bool(own) and own not in cards.index
    problems.add(
        "W2 WriteInProductGone", about, np.full(len(rows), lost), "Write-in Product No.",
        f"the write-in product {{value}} of {_SETUP} is not in NAV. Choose another one there.",
    )  # fmt: skip
    stored = bool(own) and by_item and not lost and (cards.loc[own, "Type"] or 0) != _SERVICE
    problems.add(
        "W2 WriteInProductNoService", about, np.full(len(rows), stored), "Write-in Product No.",
        f"the write-in product {{value}} of {_SETUP} is an item of type Inventory; it must be of "
        "type Service. Choose another one there.",
    )  # fmt: skip


def _with_goods(facts: Facts, sold: pd.DataFrame, problems: Problems) -> pd.DataFrame:
    """Return lines with what NAV takes from the item or resource, and CRM's figures (L9)."""
    found, goods = facts.lines, facts.goods
    by_item = sold["kind"].eq(ITEM)
    item = columns(goods.items, goods.items.columns, sold["key"].where(by_item, ""))
    resource = columns(goods.resources, goods.resources.columns, sold["key"].mask(by_item, ""))
    either = {name: item[name].where(by_item, resource[name]) for name in ("No.", *_TAKEN)}
    sales_unit, base = item["Sales Unit of Measure"].fillna(""), item["Base Unit of Measure"]
    unit = sales_unit.where(sales_unit.ne(""), base).where(by_item, resource[base.name]).fillna("")
    per = columns(
        goods.item_units, ["Qty. per Unit of Measure"],
        join_key([item["No."].astype(TEXT).fillna(""), unit.astype(TEXT)]),
    )["Qty. per Unit of Measure"]  # fmt: skip
    blocked = item["Blocked"].where(by_item, resource["Blocked"]).fillna(False)
    problems.add(
        "GoodsBlocked", sold.assign(value=either["No."]), blocked, "Blocked",
        "{value} is blocked in NAV. Unblock it, or choose another product.",
    )  # fmt: skip
    quantity = decimals(found["quantity"])
    problems.add(
        "L10 QuantityZero", sold.assign(value=quantity), quantity == ZERO, "quantity",
        "its quantity is 0. Enter a quantity in CRM, or delete the line.",
    )  # fmt: skip
    other = by_item & ~sold["write_in"] & sales_unit.ne("") & sales_unit.ne(base)
    remark = "line " + sold["line"].astype(str) + ": the unit is " + unit + \
        ", the item's sales unit, not its base unit " + base.fillna("")  # fmt: skip
    return pd.DataFrame({
        "order": sold["crm_id"], "place": sold["place"], "Type": sold["kind"], **either,
        "name": item["Description"].where(by_item, resource["Name"]).fillna(""),
        "text": found["productdescription"], "write_in": sold["write_in"],
        "Description 2": item["Description 2"].fillna(""),
        "Unit of Measure Code": unit, "Unit of Measure": _described(facts, unit),
        "Qty. per Unit of Measure": _or_one(decimals(per)),
        "Item Category Code": item["Item Category Code"].fillna(""),
        "quantity": quantity, "price": decimals(found["priceperunit"]),
        "volume": decimals(found["volumediscountamount"]),
        "manual": decimals(found["manualdiscountamount"]),
        "allows": item["Allow Invoice Disc."].where(by_item, True).fillna(True).astype(bool),
        "remark": remark.where(other, ""),
    })  # fmt: skip


def _described(facts: Facts, unit: pd.Series) -> pd.Series:
    found = columns(facts.goods.units, ["Description"], join_key([unit.astype(TEXT)]))
    length = 10  # of Sales Line, Unit of Measure
    return found["Description"].fillna("").str.slice(stop=length)


def _or_one(values: Decimals) -> Decimals:
    return either(values == ZERO, ONE, values)


def _with_comments(goods: pd.DataFrame) -> pd.DataFrame:
    """Return lines with the rest of long descriptions in comment lines (D1 to D3, ORD-018)."""
    text, long = goods["text"], goods["text"].str.len() > DESCRIPTION
    # NAV drops a short text; of a write-in it is all that says what was sold (ORD-018).
    own = long | (goods["write_in"] & text.ne(""))
    first = goods["name"].where(~own, text.str.slice(stop=DESCRIPTION))
    rows = goods.assign(Description=first, piece=0)
    rest = text[long].map(
        lambda each: [
            each[at : at + DESCRIPTION] for at in range(DESCRIPTION, len(each), DESCRIPTION)
        ]
    )
    pieces = rest.explode()
    comments = pd.DataFrame({
        "order": goods["order"].reindex(pieces.index), "Description": pieces,
        "place": goods["place"].reindex(pieces.index),
        "piece": pieces.groupby(level=0).cumcount() + 1,
    })  # fmt: skip
    return pd.concat([rows, _plain(comments, COMMENT)], ignore_index=True)


def _plain(rows: pd.DataFrame, kind: int) -> pd.DataFrame:
    """Return lines that have no item or resource, with all columns lines have."""
    texts = dict.fromkeys(
        ("No.", *_TAKEN, "Description 2", "Unit of Measure Code", "Unit of Measure",
         "Item Category Code", "remark"), "",
    )  # fmt: skip
    figures = dict.fromkeys(("quantity", "price", "volume", "manual"), ZERO)
    per = ZERO if kind == COMMENT else ONE
    blank: dict[str, Any] = {
        "Type": kind,
        **texts,
        **figures,
        "Qty. per Unit of Measure": per,
        "allows": False,
    }
    return rows.assign(**{name: value for name, value in blank.items() if name not in rows})


def _freight(facts: Facts, problems: Problems) -> pd.DataFrame:
    """Return a G/L account line for the freight of each order that has any (F1 to F5)."""
    freight = decimals(facts.orders["freightamount"])
    charged = facts.orders[freight > ZERO]
    number = facts.setup["Freight G/L Acc. No."] or ""
    account = facts.goods.gl_accounts.reindex([join_key([pd.Series([number])]).iloc[0]]).iloc[0]
    rows = pd.DataFrame({"crm_id": charged.index, "value": number})
    missing = np.full(len(rows), not number)
    problems.add(
        "F2 FreightAccountMissing", rows, missing, "Freight G/L Acc. No.",
        f"it charges freight, and {_SETUP} has no Freight G/L Acc. No. Fill it there.",
    )  # fmt: skip
    closed = said(account["Blocked"]) or (
        not said(account["Direct Posting"]) and account["No."] == number
    )
    problems.add(
        "F2 FreightAccountClosed", rows, np.full(len(rows), closed), "Freight G/L Acc. No.",
        "the freight account {value} is blocked, or takes no direct posting. Open it in NAV, or "
        f"choose another one in {_SETUP}.",
    )  # fmt: skip
    taken = {name: account[name] if isinstance(account[name], str) else "" for name in _TAKEN}
    lines_of = pd.DataFrame({
        "order": charged.index, "No.": number, "Description": FREIGHT, "quantity": ONE,
        "price": freight[freight > ZERO], "place": np.iinfo("int64").max, "piece": 0,
    }).assign(**taken)  # fmt: skip
    return _plain(lines_of, GL_ACCOUNT)
