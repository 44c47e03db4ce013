"""The rate a CRM currency has, and its precision (documents 4.6)."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa

from navcrm_recon.catalog.model import Condition
from navcrm_recon.frames import TEXT
from navcrm_recon.recon.fields import FieldWrite
from navcrm_recon.recon.rates import COLUMNS, per_base, per_local
from navcrm_recon.recon.transfer import ARROW
from navcrm_recon.sync.adjust import Work
from navcrm_recon.sync.scene import Scene, read_available

_NO_RATE = "the currency has no exchange rate; enter one in NAV"


@dataclass(frozen=True)
class Base:
    """CRM's base currency and NAV's local one, by their codes, and what is wrong with the first.

    ``problem``: a sentence, blank for none. ``symbol``: what CRM shows it by.
    """

    code: str
    local: str
    symbol: str = ""
    problem: str = ""


def base_currency(scene: Scene) -> Base:
    """Return CRM's base currency: the organisation's, else that with NAV's LCY Code (CU4)."""
    setup = scene.nav.read(scene.catalog.nav["General Ledger Setup"], ["LCY Code"])
    local = str(setup["LCY Code"].iloc[0]) if len(setup) and "LCY Code" in setup else ""
    names = ["basecurrencyid", "currencysymbol"]
    rows = read_available(scene.crm, scene.catalog.crm["organization"], names)
    identity, symbol = (str(rows[name].iloc[0]) if len(rows) else "" for name in names)
    if not identity:
        return Base(local, local)
    table = scene.catalog.crm["transactioncurrency"]
    found = scene.crm.read(table, ["isocurrencycode"], (), [identity])
    if not len(found):
        return Base("", local, problem=f"CRM's base currency {identity} is not among its "
                    "currencies. Restore it in CRM.")  # fmt: skip
    code = str(found["isocurrencycode"].iloc[0])
    if not code:
        return Base("", local, problem="CRM's base currency has no ISO code. Give it one in CRM.")
    return Base(code, local, symbol.replace(" ", ""))


def rates_of(scene: Scene, codes: pd.Series) -> tuple[list[Decimal | None], str]:
    """Return each currency's rate, units for one of CRM's base currency, and what prevents it.

    Where the base currency is NAV's local one, the last rate counts, though it lie in the future;
    else the cross rate of the work date does (CU4, CU5: always units of the foreign currency).

    Returns
    -------
    (rates, problem)
        None where a rate is missing; the problem is a sentence, blank for none.
    """
    base = base_currency(scene)
    if base.problem:
        return [None] * len(codes), base.problem
    foreign_base = bool(base.local) and base.code != base.local
    table = scene.catalog.nav["Currency Exchange Rate"]
    wanted = [*codes.unique().tolist(), *([base.code] if foreign_base else [])]
    rates = scene.nav.read(table, list(COLUMNS), (Condition("Currency Code", "in", wanted),))
    day = pd.Timestamp(scene.today()) if foreign_base else None
    known = per_local(rates, day)
    if foreign_base and base.code not in known:
        return [None] * len(codes), (
            f"CRM's base currency {base.code} is not NAV's local currency {base.local}, and has no "
            "exchange rate in NAV. Enter the currency and its rate."
        )
    found = {code: per_base(code, base.code or base.local, base.local, known) for code in wanted}
    ones = {base.symbol: Decimal(1)} if base.symbol else {}
    return [ones.get(code, found.get(code)) for code in codes], ""


def currency(work: Work) -> list[FieldWrite]:
    """Give a CRM currency its rate, and a new one its precision (documents CU1, CU4)."""
    if work.direction != "to_crm":
        return []
    found, problem = rates_of(work.scene, work.source["Code"])
    given = np.array([each is not None for each in found], dtype=bool)
    missing = ~given if work.old is None else work.nowhere
    rates = pa.array(found, ARROW["decimal"])
    text = problem or _NO_RATE
    fails = np.ones(len(work), dtype=bool) if problem else missing
    writes = [work.put("exchangerate", rates, given=given, fails=fails, problem=text)]
    if work.old is None:
        writes.append(work.put("currencyprecision", currency_precision(work.scene)))
    return writes


def currency_precision(scene: Scene) -> int:
    """Return the decimals of a new CRM currency: the organisation says, else two (CU1)."""
    name = "currencydecimalprecision"
    rows = read_available(scene.crm, scene.catalog.crm["organization"], [name])
    return int(rows[name].iloc[0]) if len(rows) and rows[name].notna().iloc[0] else 2


def local_rate(scene: Scene, code: str) -> Decimal:
    """Return the rate the local currency is made with: 1, unless CRM's base is another (LC1)."""
    rates, _ = rates_of(scene, pd.Series([code], dtype=TEXT))
    return rates[0] or Decimal(1)
