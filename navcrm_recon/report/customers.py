"""NAV's figures of customers for people: what CRM shows, who owes too much, who is active."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.errors import DataError, shorten
from navcrm_recon.frames import DAY, DECIMAL, TEXT
from navcrm_recon.recon.align import arrow
from navcrm_recon.report.charts import bars
from navcrm_recon.report.links import linked
from navcrm_recon.report.markup import Fragment
from navcrm_recon.report.parts import card_list
from navcrm_recon.report.words import word

if TYPE_CHECKING:
    from navcrm_recon import Workspace

_BALANCE, _TOTAL, _LIMIT = "nav_balancelcy", "nav_totallcy", "nav_creditlimitlcy"
_OVERDUE, _SALES = "nav_overdueamountslcy", "nav_totalsaleslcy"
_COUNTS = ["opportunities", "quotes", "cases"]
#: CRM's decimals of an amount.
_MONEY = pa.decimal128(24, 4)


def customer_figures(ws: Workspace, as_of: str = "") -> pd.DataFrame:
    """Return NAV's figures of coupled customers beside CRM's (frame ``statistics``).

    Parameters
    ----------
    as_of
        NAV's work date (ISO); blank takes the newest day CRM's figures are of, so that what
        differs is no matter of the calendar.

    Raises
    ------
    DataError
        ``as_of`` is no day.
    """
    if as_of:
        try:
            return ws.statistics(as_of=date.fromisoformat(as_of))
        except ValueError as exc:
            raise DataError(f"as_of: '{shorten(as_of)}' is no day; say 2018-10-01.") from exc
    table, day = ws.catalog.crm["nav_accountstatistics"], "nav_overdueamountsasof"
    if day not in ws.side("crm").available(table):
        return ws.statistics()
    shown = ws.side("crm").read(table, [day]).get(day, pd.Series(dtype=DAY))
    return ws.statistics(as_of=shown.max().date() if shown.notna().any() else None)


def statistics_cards(figures: pd.DataFrame) -> Fragment:
    """Show the figures to begin with."""
    wide = _wide(figures)
    missing, differs = _missing(figures), _differs(figures)
    shown = figures["nav_key"].nunique()
    old = figures.loc[differs, "nav_key"].nunique()
    without = figures.loc[missing, "nav_key"].nunique()
    over = wide[_over(wide)]
    late = wide[wide[_OVERDUE].gt(0)]
    days = figures["as_of"].dropna()
    told = f"newest of {days.max():%Y-%m-%d}" if len(days) else "none yet"
    entries = [
        ("Coupled customers", f"{shown:,}", "with an account in CRM"),
        ("CRM is right", f"{shown - old - without:,}", told),
        ("CRM is behind", f"{old:,}", "a figure differs"),
        ("CRM shows nothing", f"{without:,}", "no statistics yet"),
        ("Over their limit", f"{len(over):,}", "total above the credit limit"),
        ("Overdue", _whole(late[_OVERDUE]), f"of {len(late):,} customers, local currency"),
    ]
    return card_list(entries)


def figure_chart(figures: pd.DataFrame) -> Fragment:
    """Show which figures CRM is behind with."""
    counts = figures.loc[_differs(figures), "figure"].map(word).value_counts()
    return bars(counts, "Figures CRM is behind with", "figures")


def differing_figures(figures: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the figures CRM shows otherwise than NAV, the largest difference first, with links.

    Returns
    -------
    DataFrame
        ``nav_key, name, figure`` (str), ``nav_value, crm_value, difference`` (decimal), ``as_of``
        (day), ``nav_url, crm_url`` (str).
    """
    rows = figures[_differs(figures)]
    by = pc.subtract(*(arrow(rows[each]).cast(_MONEY) for each in ("nav_value", "crm_value")))
    rows = rows.assign(difference=_decimals(by, rows.index), size=_decimals(pc.abs(by), rows.index))
    ordered = rows.sort_values(
        ["size", "nav_key"], ascending=[False, True], kind="stable", ignore_index=True
    )
    columns = ["nav_key", "name", "figure", "nav_value", "crm_value", "difference", "as_of"]
    return _linked(ordered, ws)[[*columns, "nav_url", "crm_url"]]


def without_statistics(figures: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the customers whose account shows nothing, with links.

    Returns
    -------
    DataFrame
        ``nav_key, name`` (str), ``total, overdue`` (decimal), ``nav_url, crm_url`` (str), the
        largest total first.
    """
    wide = _wide(figures[_missing(figures)])
    found = wide.rename(columns={_TOTAL: "total", _OVERDUE: "overdue"})
    ordered = found.sort_values("total", ascending=False, kind="stable", ignore_index=True)
    return _linked(ordered, ws)[["nav_key", "name", "total", "overdue", "nav_url", "crm_url"]]


def over_limit(figures: pd.DataFrame, counts: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the customers whose total is above their credit limit, with what CRM has going on.

    A limit of 0 is none (documents 6.1).

    Returns
    -------
    DataFrame
        ``nav_key, name`` (str), ``credit_limit, total, over_by, overdue`` (decimal),
        ``opportunities, quotes, cases`` (int64), ``nav_url, crm_url`` (str), the largest excess
        first.
    """
    wide = _wide(figures)
    found = wide[_over(wide)].reset_index(drop=True)
    by = pc.subtract(*(arrow(found[each]).cast(_MONEY) for each in (_TOTAL, _LIMIT)))
    found = found.assign(over_by=_decimals(by, found.index))
    found = found.rename(columns={_LIMIT: "credit_limit", _TOTAL: "total", _OVERDUE: "overdue"})
    amounts = ["credit_limit", "total", "over_by", "overdue"]
    return _with_counts(found, counts, ws, "over_by", amounts)


def overdue_customers(figures: pd.DataFrame, counts: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the customers who owe what was due before, with what CRM has going on.

    Returns
    -------
    DataFrame
        ``nav_key, name`` (str), ``overdue, balance, sales`` (decimal), ``opportunities, quotes,
        cases`` (int64), ``nav_url, crm_url`` (str), the largest amount first.
    """
    wide = _wide(figures)
    found = wide[wide[_OVERDUE].gt(0)].reset_index(drop=True)
    found = found.rename(columns={_OVERDUE: "overdue", _BALANCE: "balance", _SALES: "sales"})
    return _with_counts(found, counts, ws, "overdue", ["overdue", "balance", "sales"])


def overdue_chart(figures: pd.DataFrame, top: int = 10) -> Fragment:
    """Show who owes most of what was due before, in whole units of the local currency."""
    wide = _wide(figures)
    late = (
        wide[wide[_OVERDUE].gt(0)].sort_values(_OVERDUE, ascending=False, kind="stable").head(top)
    )
    amounts = [int(each.to_integral_value()) for each in late[_OVERDUE]]
    labels = late["nav_key"] + " " + late["name"]
    owed = pd.Series(amounts, index=labels.tolist(), dtype="int64")
    return bars(owed, f"The {len(owed)} customers who owe most", "overdue")


def busiest_customers(figures: pd.DataFrame, counts: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    """Return the customers CRM has most going on for, with what they bought and owe.

    Returns
    -------
    DataFrame
        ``nav_key, name`` (str), ``opportunities, quotes, cases`` (int64), ``sales, overdue``
        (decimal), ``nav_url, crm_url`` (str), most first.
    """
    busy = counts.assign(all=counts[_COUNTS].sum(axis=1))
    busy = busy[busy["all"].gt(0)].drop(columns="crm_id")
    wide = _wide(figures).rename(columns={_SALES: "sales", _OVERDUE: "overdue"})
    found = busy.merge(wide, on="nav_key", how="inner", validate="one_to_one")
    ordered = found.sort_values(
        ["all", "nav_key"], ascending=[False, True], kind="stable", ignore_index=True
    )
    columns = ["nav_key", "name", *_COUNTS, "sales", "overdue", "nav_url", "crm_url"]
    return _linked(ordered, ws)[columns]


def _wide(figures: pd.DataFrame) -> pd.DataFrame:
    """Return one row per customer: ``nav_key, crm_id, name`` and NAV's figures."""
    about = figures.drop_duplicates("nav_key")[["nav_key", "crm_id", "name"]]
    out = about.reset_index(drop=True)
    for name, rows in figures.groupby("figure", sort=False):
        values = rows.set_index("nav_key")["nav_value"].reindex(out["nav_key"])
        out[str(name)] = values.astype(DECIMAL).array
    for name in (_BALANCE, _TOTAL, _LIMIT, _OVERDUE, _SALES):
        if name not in out:
            out[name] = pd.Series(dtype=DECIMAL)
    return out


def _missing(figures: pd.DataFrame) -> pd.Series:
    return figures["as_of"].isna() & figures["crm_value"].isna()


def _differs(figures: pd.DataFrame) -> pd.Series:
    same = figures["nav_value"].eq(figures["crm_value"]).fillna(False).astype(bool)
    return ~same & ~_missing(figures)


def _over(wide: pd.DataFrame) -> pd.Series:
    over = wide[_LIMIT].gt(0) & wide[_TOTAL].gt(wide[_LIMIT])
    return over.fillna(False).astype(bool)


def _with_counts(
    found: pd.DataFrame, counts: pd.DataFrame, ws: Workspace, by: str, amounts: list[str]
) -> pd.DataFrame:
    """Return customers in order of an amount, with how much CRM has going on for each."""
    both = found.merge(counts[["nav_key", *_COUNTS]], on="nav_key", how="left")
    both = both.fillna(dict.fromkeys(_COUNTS, 0)).astype(dict.fromkeys(_COUNTS, "int64"))
    ordered = both.sort_values([by, "nav_key"], ascending=[False, True], kind="stable")
    linked_ones = _linked(ordered.reset_index(drop=True), ws)
    return linked_ones[["nav_key", "name", *amounts, *_COUNTS, "nav_url", "crm_url"]]


def _linked(frame: pd.DataFrame, ws: Workspace) -> pd.DataFrame:
    return linked(frame.assign(mapping=pd.Series("CUSTOMER", index=frame.index, dtype=TEXT)), ws)


def _decimals(values: pa.Array, index: pd.Index[int]) -> pd.Series:
    exact = pd.arrays.ArrowExtensionArray(values.cast(pa.decimal128(38, 20)))
    return pd.Series(exact, index=index, dtype=DECIMAL)


def _whole(amounts: pd.Series) -> str:
    """Write the sum of amounts in whole units."""
    total = sum(amounts.tolist(), start=0)
    return f"{int(total):,}"
