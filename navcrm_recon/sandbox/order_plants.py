"""Waiting orders that must fail or be remarked on, one fault each, as a small table lists them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from navcrm_recon.frames import TEXT
from navcrm_recon.sandbox.company import LCY, Company
from navcrm_recon.sandbox.crm_orders import add_crm_orders
from navcrm_recon.sandbox.documents import Documents
from navcrm_recon.sandbox.draw import guids, numbers
from navcrm_recon.sandbox.lines import (
    bought_by,
    currency_ids,
    draw_lines,
    of_lines,
    priced,
)
from navcrm_recon.sandbox.resources import words
from navcrm_recon.sandbox.setup import KEY_ACCOUNT

_FIRST_DAY = pd.Timestamp("2018-09-10")
#: Rules that an order breaks without failing; it is made with a remark.
REMARKS = ("G9", "G10")
_FIGURES = ("quantity", "price", "discount_amount", "discount_percent")


def draw_planted_orders(company: Company) -> Documents:
    """Draw the orders while customers and goods are as they were; ``who`` has the table's columns.

    Of a line with a fault nothing is drawn yet but its place: it is the first of its order.
    """
    rows = words("order_plants")
    chance = company.chance("planted orders")
    repeated = np.repeat(np.arange(len(rows)), rows["count"].astype(int) * company.scale)
    table = rows.take(repeated).reset_index(drop=True)
    customers = company.nav["Customer"].loc[company.busy]
    payer = customers["Bill-to Customer No."]
    key = customers["Invoice Disc. Code"].eq(KEY_ACCOUNT) & payer.eq("")
    plain = customers["Invoice Disc. Code"].ne(KEY_ACCOUNT) & payer.eq("")
    chosen = np.where(
        table["who"] == "key_account",
        chance.choice(customers.index[key], len(table)),
        chance.choice(customers.index[plain], len(table)),
    )
    who = bought_by(company, pd.Index(chosen, dtype=TEXT)).assign(
        **{name: table[name] for name in ("finding", "who", "what", "set")},
        money=table["currency"],
        order=numbers("ORD-", 20001, len(table)),
        crm_id=guids(company.seed, "planted order", len(table)),
    )
    for name in ("discount_amount", "discount_percent"):
        who[name] = _figure(who, name).fillna(0).astype("int64")
    lines = draw_lines(company, chance, who, 2)
    for name in ("quantity", "price"):
        value = _figure(of_lines(who, lines), name)
        lines[name] = value.fillna(lines[name]).astype("int64")
        lines.loc[value.notna(), ["volume", "manual"]] = 0
    return Documents(who, priced(lines, who))


def _figure(who: pd.DataFrame, name: str) -> pd.Series:
    """Return a figure some orders of the table set."""
    return pd.to_numeric(who["set"].str.extract(rf"(?:^|;){name}=(\d+)", expand=False))


def add_planted_orders(company: Company, orders: Documents) -> pd.DataFrame:
    """Add the orders to CRM and return what must be found of each: ``value`` is its number."""
    who, lines = orders.who, orders.lines
    found = _Found(company)
    accounts = who["No."].map(company.crm_id_of("CUSTOMER")).astype(TEXT)
    party = _chosen(who["who"], accounts, found.parties())
    currency = _chosen(who["money"], currency_ids(company, who["currency"]), found.currencies())
    first = ~lines["document"].duplicated()
    wanted = of_lines(who, lines)["what"].where(first, "")
    product = _chosen(wanted, lines["product"], found.products())
    boxed = wanted.eq("boxed").to_numpy(dtype=bool)
    header: dict[str, Any] = {
        "ordernumber": who["order"],
        "statecode": 1,
        "statuscode": 3,
        "submitdate": pd.Series(_FIRST_DAY, index=who.index),
        "customerid": party,
        "customeridtype": np.where(who["who"] == "lone_contact", "contact", "account"),
        "transactioncurrencyid": currency,
        **_settings(company, who),
    }
    sold = lines.assign(productid=product, product=lines["product"].where(~boxed, product))
    add_crm_orders(company, who, sold, header, who["crm_id"])
    remark = who["finding"].isin(REMARKS)
    frame = pd.Series("order_problems", index=who.index).mask(remark, "order_remarks")
    return pd.DataFrame(
        {
            "frame": frame,
            "crm_id": who["crm_id"],
            "expected": who["finding"],
            "value": who["order"],
        }
    )


def _chosen(kinds: pd.Series, usual: pd.Series, found: Mapping[str, pd.Index[str]]) -> pd.Series:
    """Return records of a kind in place of the usual ones, by turns; blank kinds keep these."""
    out = usual.astype(TEXT).copy()
    for kind, ids in found.items():
        own = np.flatnonzero(kinds == kind)
        if len(own):
            out.iloc[own] = ids.take(np.arange(len(own)) % len(ids))
    return out


def _settings(company: Company, who: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the columns of the header that some orders of the table set."""
    table = company.catalog.crm["salesorder"]
    pairs = who["set"].str.split(";").explode().str.partition("=")
    names = [name for name in pairs[0].unique() if name and name not in _FIGURES]
    out = {}
    for name in names:
        value = pairs.loc[pairs[0] == name, 2].reindex(who.index)
        number = table.columns[name].kind == "option"
        out[name] = pd.to_numeric(value).astype("Int64") if number else value.fillna("")
    return out


@dataclass(frozen=True)
class _Found:
    """Finds records in a state by the words of the table, once everything is planted."""

    company: Company

    def parties(self) -> dict[str, pd.Index[str]]:
        """Return accounts and contacts."""
        company, accounts = self.company, self.company.crm["account"]
        pairs = company.pairs["CUSTOMER"]
        pairs = pairs[pairs["crm_id"].isin(accounts.index)]
        blocked = company.nav["Customer"]["Blocked"].ne(0).reindex(pairs["nav_key"])
        contacts = company.crm["contact"]
        lone = contacts["parentcustomerid"].eq("")
        return {
            "none": pd.Index([""]),
            "unknown": self._nobody("account"),
            "lone_contact": contacts.index[lone],
            "uncoupled": accounts.index[~accounts.index.isin(pairs["crm_id"])],
            "gone": pd.Index(pairs["crm_id"][blocked.isna().to_numpy()]),
            "blocked": pd.Index(pairs["crm_id"][blocked.fillna(False).to_numpy(dtype=bool)]),
        }

    def currencies(self) -> dict[str, pd.Index[str]]:
        """Return currencies."""
        rows = self.company.crm["transactioncurrency"]
        known = self.company.nav["Currency"]["Code"]
        lost = ~rows["isocurrencycode"].isin([*known, LCY])
        return {"unknown": self._nobody("currency"), "not_in_nav": rows.index[lost]}

    def products(self) -> dict[str, pd.Index[str]]:
        """Return products."""
        company, rows = self.company, self.company.crm["product"]
        partner = pd.Series("", index=rows.index, dtype=TEXT)
        gone = pd.Series(False, index=rows.index)
        for mapping, table in (("ITEM-PRODUCT", "Item"), ("RESOURCE-PRODUCT", "Resource")):
            pairs = company.pairs[mapping]
            pairs = pairs[pairs["crm_id"].isin(rows.index)]
            partner[pairs["crm_id"]] = pairs["nav_key"].to_numpy()
            lost = ~pairs["nav_key"].isin(company.nav[table].index)
            gone[pairs["crm_id"]] = lost.to_numpy()
        active, kind = rows["statecode"].eq(0), rows["producttypecode"]
        alone, there = partner.eq(""), partner.ne("") & ~gone
        boxes = company.nav["Item"]["Sales Unit of Measure"].eq("BOX")
        other = company.nav["Item"]["Base Unit of Measure"].ne("BOX")
        items = company.nav["Item"].index[boxes & other]
        blocked = company.nav["Item"].index[company.nav["Item"]["Blocked"]]
        states: dict[str, Callable[[], pd.Series]] = {
            "uncoupled_item": lambda: alone & active & kind.eq(1),
            "uncoupled_resource": lambda: alone & active & kind.eq(3),
            "gone_item": lambda: gone & active & kind.eq(1),
            "gone_resource": lambda: gone & active & kind.eq(3),
            "other_type": lambda: there & active & ~kind.isin([1, 3]),
            "retired": lambda: there & rows["statecode"].eq(1) & kind.eq(1),
            "blocked_item": lambda: there & active & kind.eq(1) & partner.isin(blocked),
            "boxed": lambda: there & active & kind.eq(1) & partner.isin(items),
        }
        found = {name: rows.index[test().to_numpy(dtype=bool)] for name, test in states.items()}
        return {"unknown": self._nobody("product"), **found}

    def _nobody(self, purpose: str) -> pd.Index[str]:
        found: pd.Index[str] = pd.Index(guids(self.company.seed, f"no {purpose}", 1))
        return found
