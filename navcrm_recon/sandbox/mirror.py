"""What a CRM record holds after its NAV record was sent there: the clean half of the demo."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from navcrm_recon.catalog.model import Column, FieldMapping
from navcrm_recon.frames import DAY, DECIMAL, TEXT, UTC
from navcrm_recon.sandbox.company import LCY, Company
from navcrm_recon.sync.hooks import hook_of


def mirror(company: Company, mapping: str, nav: pd.DataFrame) -> dict[str, Any]:
    """Return the CRM columns that equal NAV records after transfer.

    A reference through a mapping that has no couplings yet is left out, and so are special
    lookups: the caller fills these in.
    """
    columns: dict[str, Any] = {}
    nav = as_sent(company, mapping, nav)
    for row in company.catalog.mappings[mapping].enabled_fields:
        if row.crm is None or row.transfer == "special_lookup":
            continue
        if row.nav is None:
            columns[row.crm.name] = constant(row.crm, row.constant or "")
        elif row.transfer == "option_via_coupling":
            columns[row.crm.name] = _option(company, row, nav[row.nav.name])
        elif row.transfer == "coupled_lookup":
            if row.via in company.pairs:
                columns[row.crm.name] = _reference(company, row, nav[row.nav.name])
        else:
            columns[row.crm.name] = sent(row.crm, nav[row.nav.name], row.minimum)
    return columns


def as_sent(company: Company, mapping: str, nav: pd.DataFrame) -> pd.DataFrame:
    """Return NAV's records as their values are transferred."""
    hook = hook_of(company.catalog.mappings[mapping])
    return nav if hook is None or hook.sent is None else hook.sent(nav)


def constant(column: Column, text: str) -> object:
    """Return the constant of a field mapping as a value of its column."""
    if column.kind == "boolean":
        return text in ("1", "true")
    if column.kind == "option":
        return next(value for value, caption in column.options.items() if caption == text)
    return text


def sent(column: Column, values: pd.Series, minimum: int | None = None) -> pd.Series:
    """Return plain values as a CRM column stores them: cut, rounded, or a day as midnight UTC."""
    if values.dtype == DECIMAL:
        return _rounded(values, column.scale, minimum)
    if values.dtype == DAY and column.kind == "datetime":
        midnight: pd.Series = values.dt.tz_localize("UTC").astype(UTC)
        return midnight
    return values.str.slice(0, column.length) if values.dtype == TEXT else values


def _rounded(values: pd.Series, scale: int | None, minimum: int | None) -> pd.Series:
    exact = pa.array(values)
    if minimum is not None:
        bound = pa.scalar(Decimal(minimum)).cast(exact.type)
        exact = pc.if_else(pc.less(exact, bound), bound, exact)
    if scale is not None:
        exact = pc.round(exact, ndigits=scale, round_mode="half_towards_infinity").cast(exact.type)
    return pd.Series(pd.arrays.ArrowExtensionArray(exact), index=values.index)


def _option(company: Company, row: FieldMapping, codes: pd.Series) -> pd.Series:
    options = company.options[company.options["mapping"] == row.via]
    values = pd.Series(options["value"].to_numpy(), index=options["nav_key"])
    return codes.map(values).astype("Int64")


def _reference(company: Company, row: FieldMapping, codes: pd.Series) -> pd.Series:
    ids = codes.map(company.crm_id_of(row.via or ""))
    if row.blank == "local_currency":
        ids = ids.where(codes != "", local_currency_id(company))
    return ids.astype(TEXT).fillna("")


def local_currency_id(company: Company) -> str:
    """Return the CRM currency that stands for NAV's blank currency code."""
    currencies = company.crm["transactioncurrency"]
    return str(currencies.index[currencies["isocurrencycode"] == LCY][0])
