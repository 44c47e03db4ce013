"""Change records of the demo company the way people do: edit, rename, move stock, touch."""

from __future__ import annotations

import numpy as np
import pandas as pd

from navcrm_recon.catalog.model import Flow, SideName, Table
from navcrm_recon.frames import dtype_of
from navcrm_recon.sandbox.company import EDITS_FROM, Company, record_frame

_EDIT_SECONDS = 5 * 24 * 3600
_INVOICE, _LINE = "Sales Invoice Header", "Sales Invoice Line"


def write(
    company: Company, mapping: str, side: SideName, column: str, values: pd.Series
) -> pd.Series:
    """Put ``values`` (index = keys) into a column and return the keys the records now have.

    A key column renames the records; a flow field gets an entry in the table it is summed from.
    """
    table = _table(company, mapping, side)
    frame = company.frames(side)[table.name]
    flow = table.columns[column].flow
    if flow is not None:
        before = frame.loc[values.index, column]
        more = [new - old for new, old in zip(values, before, strict=True)]
        _add_entry(company, table, flow, pd.Series(more, index=values.index))
    frame.loc[values.index, column] = values
    old = values.index.to_series()
    return _rename(company, mapping, table, old) if column in table.key else old


def _rename(company: Company, mapping: str, table: Table, old: pd.Series) -> pd.Series:
    frame = company.nav[table.name]
    fresh = record_frame(table, {name: frame.loc[old.index, name] for name in table.key}).index
    new = dict(zip(old, fresh, strict=True))
    frame.index = frame.index.map(lambda key: new.get(key, key)).rename("nav_key")
    stamps = company.modified[table.name]
    company.modified[table.name] = stamps.rename(index=new)
    pairs = company.pairs[mapping]
    pairs["nav_key"] = pairs["nav_key"].replace(new)
    return pd.Series(fresh, index=old.index)


def _add_entry(company: Company, table: Table, flow: Flow, difference: pd.Series) -> None:
    """Add entries to the table a flow field sums, so that its value changes by the difference."""
    entries = company.nav[flow.table]
    target = company.catalog.nav[flow.table]
    link = next(name for name, own in flow.match.items() if own == table.key[0])
    first = int(entries["Entry No."].max()) + 1
    day = next(name for name, each in target.columns.items() if each.kind == "date")
    rows = record_frame(
        target,
        {
            "Entry No.": np.arange(first, first + len(difference)),
            link: difference.index,
            flow.column: difference,
            day: pd.Series([EDITS_FROM.tz_localize(None).normalize()] * len(difference)),
        },
    )
    company.nav[flow.table] = pd.concat([entries, rows])


def touch(
    company: Company, mapping: str, side: SideName, keys: pd.Series, *, robot: bool = False
) -> None:
    """Let records be changed after the last synchronisation, in CRM by a human or the robot."""
    table = _table(company, mapping, side)
    chance = company.chance(f"touch {mapping} {side} {keys.iloc[0] if len(keys) else ''}")
    seconds = pd.to_timedelta(chance.integers(0, _EDIT_SECONDS, len(keys)), unit="s")
    when = pd.Series(EDITS_FROM + seconds, index=pd.Index(keys)).astype("datetime64[us, UTC]")
    if side == "nav":
        company.modified[table.name].loc[when.index] = when
        if table.name == _LINE:  # NAV stamps the invoice of a line as well
            document = company.nav[_LINE].loc[when.index, "Document No."]
            company.modified[_INVOICE].loc[pd.Index(document)] = when.to_numpy()
        return
    company.crm[table.name].loc[when.index, "modifiedon"] = when
    sign(company, mapping, keys, robot=robot)


def sign(company: Company, mapping: str, keys: pd.Series, *, robot: bool = False) -> None:
    """Say who changed CRM records last, a human or the robot, without changing when."""
    table = _table(company, mapping, "crm")
    users = company.pairs["SALESPEOPLE"]["crm_id"]
    people = users.take(np.arange(len(keys)) % len(users)).to_numpy()
    company.crm[table.name].loc[pd.Index(keys), "modifiedby"] = company.robot if robot else people


def move(company: Company, mapping: str, keys: pd.Series, later: pd.Timedelta) -> None:
    """Put NAV's modified-on a moment later than it was."""
    table = _table(company, mapping, "nav")
    company.modified[table.name].loc[pd.Index(keys)] += later


def as_value(table: Table, column: str, text: str) -> object:
    """Return a value written in one of the small tables as a value of a column."""
    kind = table.columns[column].kind
    if kind == "option":
        return int(text) if text else pd.NA
    if kind == "boolean":
        return text == "true"
    return text


def constant_series(table: Table, column: str, text: str, keys: pd.Series) -> pd.Series:
    """Return one value for all keys, typed for its column."""
    values = [as_value(table, column, text)] * len(keys)
    return pd.Series(values, index=pd.Index(keys), dtype=dtype_of(table, column))


def _table(company: Company, mapping: str, side: SideName) -> Table:
    return company.catalog.mappings[mapping].table(side)
